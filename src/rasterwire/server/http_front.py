"""The HTTP door: the bytes of a download by plain GET, and requests as JSON."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message

from rasterwire.server import convert
from rasterwire.server.body import check_expression, check_type, read_body, read_json, too_large
from rasterwire.server.cors import Cors
from rasterwire.server.desk import Desk
from rasterwire.server.ee_front import EarthEngineFront, is_earth_engine
from rasterwire.server.files import send_download
from rasterwire.server.params_json import read_params
from rasterwire.server.peer import peer
from rasterwire.server.readiness import Readiness
from rasterwire.server.settings import Settings
from rasterwire.server.status import http_answer, http_headers
from rasterwire.v1 import download_pb2, download_service_pb2

_MOST_REQUEST = 11 << 20
_statuses = {
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    412: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
}

# Addresses of downloads hold their tokens, which no page that is opened from there may be told.
_ALWAYS = {"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


def http_app(desk: Desk, readiness: Readiness, settings: Settings) -> web.Application:
    """Return the application of the HTTP door."""
    cors = Cors(settings.cors_origins)

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_ALWAYS)
        if is_earth_engine(request.path):
            response.headers.update(cors.headers(request))

    front = _HttpFront(desk, readiness)
    app = web.Application(client_max_size=_MOST_REQUEST, middlewares=[_answering])
    app.router.add_get("/v1/downloads/{id:[^/:]+}:getPixels", front.pixels)  # HEAD comes with it
    app.router.add_post("/v1/downloads", front.create)
    app.router.add_post("/v1/downloads:plan", front.plan)
    app.router.add_get("/livez", front.live)
    app.router.add_get("/healthz", front.live)
    app.router.add_get("/readyz", front.ready)
    app.router.add_route("*", "/{path:.*}", EarthEngineFront(desk, settings).handle)
    app.on_response_prepare.append(prepare)
    return app


@web.middleware
async def _answering(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    address = request.transport.get_extra_info("peername") if request.transport is not None else None
    peer.set(f"{address}")
    try:
        return await handler(request)
    except web.HTTPException as error:
        name = _statuses.get(error.status, "UNKNOWN")
        body = {"error": {"code": error.status, "message": error.reason, "status": name}}
        if error.status == 413:  # in the words and the status of Google's APIs
            status, answer = http_answer(too_large())
            return web.json_response(answer, status=status)
        headers = {k: v for k, v in error.headers.items() if k == "Allow"}
        return web.json_response(body, status=error.status, headers=headers)
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001  the table says what becomes of it
        status, answer = http_answer(error)
        return web.json_response(answer, status=status, headers=http_headers(error))


class _HttpFront:
    def __init__(self, desk: Desk, readiness: Readiness) -> None:
        self._desk = desk
        self._readiness = readiness

    async def live(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(self, _: web.Request) -> web.Response:
        found = await self._readiness.problems()
        is_ready = not any(found.values())
        checks = {name: problem or "ok" for name, problem in sorted(found.items())}
        return web.json_response({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)

    async def create(self, request: web.Request) -> web.Response:
        params = await _params(request, self._desk)
        return _json(await self._desk.create(params))

    async def plan(self, request: web.Request) -> web.Response:
        params = await _params(request, self._desk)
        plan = convert.from_plan(await self._desk.plan(params))
        return _json(download_service_pb2.PlanDownloadResponse(plan=plan))

    async def pixels(self, request: web.Request) -> web.StreamResponse:
        return await send_download(request, self._desk, request.match_info["id"], request.query.get("token", ""))


async def _params(request: web.Request, desk: Desk) -> download_pb2.DownloadParams:
    check_type(request)
    body = await read_body(request)
    await check_expression(body, desk)
    # megabytes of it take seconds, which other calls shall not wait
    return await desk.run(lambda: read_params(read_json(body)))


def _json(message: Message) -> web.Response:
    return web.json_response(text=json_format.MessageToJson(message))
