"""The HTTP door: the bytes of a download by plain GET, and requests as JSON."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from urllib.parse import quote

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message

from rasterwire.download import Registered
from rasterwire.errors import invalid
from rasterwire.server import convert
from rasterwire.server.desk import Desk
from rasterwire.server.ready import Ready
from rasterwire.server.status import http_answer
from rasterwire.v1 import download_pb2, download_service_pb2

_MOST_REQUEST = 11 << 20
_BODY_SECONDS = 60.0
_statuses = {
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
}
_range = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def http_app(desk: Desk) -> web.Application:
    """Return the application of the HTTP door."""
    front = _HttpFront(desk)
    app = web.Application(client_max_size=_MOST_REQUEST, middlewares=[_answering])
    app.router.add_get("/v1/downloads/{id:[^/:]+}:getPixels", front.pixels)  # HEAD comes with it
    app.router.add_post("/v1/downloads", front.create)
    app.router.add_post("/v1/downloads:plan", front.plan)
    app.router.add_get("/healthz", front.health)
    return app


@web.middleware
async def _answering(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        name = _statuses.get(error.status, "UNKNOWN")
        body = {"error": {"code": error.status, "message": error.reason, "status": name}}
        headers = {k: v for k, v in error.headers.items() if k == "Allow"}
        return web.json_response(body, status=error.status, headers=headers)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001  the table says what becomes of it
        status, answer = http_answer(error)
        return web.json_response(answer, status=status)


class _HttpFront:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def create(self, request: web.Request) -> web.Response:
        params = await _params(request, self._desk)
        return _json(await self._desk.create(params))

    async def plan(self, request: web.Request) -> web.Response:
        params = await _params(request, self._desk)
        plan = convert.from_plan(await self._desk.plan(params))
        return _json(download_service_pb2.PlanDownloadResponse(plan=plan))

    async def pixels(self, request: web.Request) -> web.StreamResponse:
        kept = await self._desk.find(request.match_info["id"], request.query.get("token", ""), "")
        etag = f'"{kept.etag}"'
        wanted = request.headers.get("If-Match", "*")
        if wanted != "*" and etag not in [tag.strip() for tag in wanted.split(",")]:
            raise web.HTTPPreconditionFailed(reason=f"If-Match: the file has the etag {etag} now; start at offset 0")
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
        if etag in known or "*" in known:
            return web.Response(status=304, headers={"ETag": etag})
        if request.method == "HEAD":
            return await self._head(request, kept)
        async with aclosing(self._desk.deliver(kept)) as steps:
            async for step in steps:
                if isinstance(step, Ready):
                    with step.file:
                        return await _send(request, step)
        raise AssertionError("a delivery ends with a file or an error")

    async def _head(self, request: web.Request, kept: Registered) -> web.StreamResponse:
        """Answer without rendering: the length is told once the file is there."""
        ready = await self._desk.cached(kept)
        if ready is not None:
            with ready.file:
                return await _send(request, ready)
        return web.Response(headers=_headers(kept.filename, kept.mime_type, kept.etag))


async def _params(request: web.Request, desk: Desk) -> download_pb2.DownloadParams:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return await desk.run(lambda: _parsed(body))  # megabytes of it take seconds, which other calls shall not wait


def _parsed(body: bytes) -> download_pb2.DownloadParams:
    try:
        document = json.loads(body)
        if not isinstance(document, dict):
            raise json_format.ParseError("the body is no JSON object")
        return json_format.ParseDict(document, download_pb2.DownloadParams())
    except (ValueError, RecursionError, json_format.ParseError) as error:
        said = str(error) if isinstance(error, json_format.ParseError) else "the body is not JSON"
        raise invalid("", "BODY_NOT_PARAMS", f"{said}; send DownloadParams as JSON") from None


def _json(message: Message) -> web.Response:
    return web.json_response(text=json_format.MessageToJson(message))


def _headers(filename: str, mime_type: str, etag: str) -> dict[str, str]:
    return {
        "Content-Type": mime_type,
        "Content-Disposition": f"attachment; filename=\"{filename}\"; filename*=UTF-8''{quote(filename)}",
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=0",
    }


async def _send(request: web.Request, ready: Ready) -> web.StreamResponse:
    """Send a file or the range of it that is asked for; source of the rules: RFC 9110, section 14."""
    info = ready.info
    headers = _headers(info.filename, info.mime_type, info.etag)
    first, end, status = 0, info.size_bytes, 200
    asked = _range.fullmatch(request.headers.get("Range", "").strip().lower())
    unchanged = request.headers.get("If-Range", f'"{info.etag}"') == f'"{info.etag}"'
    if asked and unchanged and any(asked.groups()):
        start, stop = asked.groups()
        if start:
            first, end = int(start), min(end, int(stop) + 1 if stop else end)
        else:
            first = max(0, end - int(stop))
        status = 206
        if first >= end:
            headers["Content-Range"] = f"bytes */{info.size_bytes}"
            message = f"Range: bytes {asked[1]}-{asked[2]} are not in the file, it has {info.size_bytes} bytes"
            body = {"error": {"code": 416, "message": message, "status": "OUT_OF_RANGE"}}
            del headers["Content-Type"], headers["Content-Disposition"]
            return web.json_response(body, status=416, headers=headers)
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{info.size_bytes}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = end - first
    await response.prepare(request)
    if request.method != "HEAD" and end > first:
        await _body(request, response, ready, (first, end - first))
    await response.write_eof()
    return response


async def _body(request: web.Request, response: web.StreamResponse, ready: Ready, part: tuple[int, int]) -> None:
    offset, count = part
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    # the headers wait in the writer until something is written; sendfile goes past it
    await response.write(b"")
    await asyncio.get_running_loop().sendfile(transport, ready.file, offset, count)
