"""The service's own HTTP door: the bytes of a download by plain GET, and the calls of the schema as JSON."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rasterwire.errors import Violation
from rasterwire.forms import fill_request
from rasterwire.server.calls import UnaryCalls
from rasterwire.server.http.openapi import openapi_json
from rasterwire.server.http.routes import ROUTES, Route, described
from rasterwire.server.messages.exports import read_export_request
from rasterwire.server.messages.parsed_request import ParsedRequest, read_request
from rasterwire.server.messages.tiles import tile_params, with_spreads
from rasterwire.server.quotas import Quotas, headers
from rasterwire.server.readiness import Readiness
from rasterwire.server.service import Service
from rasterwire.server.web.body import check_type, read_body, read_json
from rasterwire.server.web.files import send_download, send_stream
from rasterwire.v1 import download_pb2

_LARGE_ANSWER = 1 << 16
"""Bytes of a message that is written as JSON beside the loop, which it would hold up for milliseconds."""

TILE_PATH = r"/v1/downloads/{id:[^/:]+}/tiles/{z:\d{1,2}}/{x:\d{1,12}}/{y:\d{1,12}}"

_YEAR = 31_536_000
"""Seconds that a client keeps a tile at most, as long as RFC 9111 thinks of."""

T = TypeVar("T")


def add_http_door(app: web.Application, service: Service, readiness: Readiness) -> None:
    """Add the routes of this door to an application."""
    front = _HttpFront(service, readiness)
    app.router.add_get("/v1/downloads/{id:[^/:]+}:getPixels", front.pixels, name="GetPixels")  # HEAD comes with it
    app.router.add_get(TILE_PATH, front.tile, name="GetTile", allow_head=False)
    for route in ROUTES:
        path = route.path.replace("}", ":.+}")  # ids may hold slashes
        if route.method == "GET":
            app.router.add_get(path, front.handler(route), name=route.call)  # HEAD comes with it
        else:
            app.router.add_route(route.method, path, front.handler(route), name=route.call)
    app.on_response_prepare.append(partial(_tell_quotas, service.quotas))
    app.router.add_get("/openapi.json", front.openapi, name="OpenApi")
    app.router.add_get("/livez", front.live)
    app.router.add_get("/healthz", front.live)
    app.router.add_get("/readyz", front.ready)


async def _tell_quotas(quotas: Quotas, _: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(headers(quotas.standings()))


class _HttpFront:
    def __init__(self, service: Service, readiness: Readiness) -> None:
        self._service = service
        self._readiness = readiness
        calls = UnaryCalls(service)
        self._posts: dict[str, tuple[Callable[[Mapping[str, Any]], Any], Callable[[Any], Awaitable[Message]]]] = {
            "CreateDownload": (read_request, calls.create_download),
            "PlanDownload": (read_request, calls.plan_download),
            "CreateExport": (read_export_request, calls.create_export),
        }
        self._others: dict[str, Callable[[Any, Sequence[Violation]], Awaitable[Message]]] = {
            "GetDownload": calls.get_download,
            "PrepareDownload": calls.prepare_download,
            "ListDownloads": calls.list_downloads,
            "DeleteDownload": calls.delete_download,
            "GetLimits": calls.get_limits,
            "ListImages": calls.list_images,
            "GetImage": calls.get_image,
            "ComputeHistogram": calls.compute_histogram,
            "ListExports": calls.list_exports,
            "GetExport": calls.get_export,
            "CancelExport": calls.cancel_export,
        }

    def handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return what answers the requests of a route."""
        if route.has_body:
            read, post = self._posts[route.call]

            async def handle_post(request: web.Request) -> web.Response:
                self._service.check_caller()
                return await self._json(await post(await self._read_body(request, read)))

            return handle_post
        call = self._others[route.call]
        kind = GetMessageClass(described(route.call).input_type)

        async def handle_address(request: web.Request) -> web.Response:
            self._service.check_caller()
            message = kind()
            return await self._json(await call(message, _read_address(request, message)))

        return handle_address

    async def _read_body(self, request: web.Request, read: Callable[[Mapping[str, Any]], T]) -> T:
        check_type(request)
        body = await read_body(request)
        # megabytes of it take seconds, which other calls shall not wait
        return await self._service.run(lambda: read(read_json(body)))

    async def _json(self, message: Message) -> web.Response:
        if message.ByteSize() > _LARGE_ANSWER:
            return web.json_response(text=await self._service.run(lambda: json_format.MessageToJson(message)))
        return web.json_response(text=json_format.MessageToJson(message))

    async def live(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(self, _: web.Request) -> web.Response:
        found = await self._readiness.problems()
        is_ready = not any(found.values())
        checks = {name: problem or "ok" for name, problem in sorted(found.items())}
        return web.json_response({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)

    async def openapi(self, _: web.Request) -> web.Response:
        return web.json_response(text=openapi_json())

    async def pixels(self, request: web.Request) -> web.StreamResponse:
        name, token = request.match_info["id"], request.query.get("token")
        if token is None:
            token = await self._service.signed_token(name, request.query)
        return await send_download(request, self._service, name, token)

    async def tile(self, request: web.Request) -> web.StreamResponse:
        """Answer what a map shows: always the same at an address, whose id is that of one state of the image."""
        match = request.match_info
        download = await self._service.follow(match["id"], request.query.get("token", ""))
        # not a plan of before: of an image that changed since, the address shows nothing
        plan = await self._service.planned_again(download)
        params = with_spreads(download_pb2.DownloadParams.FromString(download.request), plan.picture)
        pixels = ParsedRequest(tile_params(params, int(match["z"]), int(match["x"]), int(match["y"])))
        left = (download.expire_time - datetime.now(UTC)).total_seconds()
        caching = f"private, max-age={max(0, min(_YEAR, int(left)))}, immutable"
        return await send_stream(request, self._service, pixels, caching=caching)


def _read_address(request: web.Request, message: Message) -> Sequence[Violation]:
    """Fill a request from the path and the query of its address, and return what does not fit."""
    given = dict(request.match_info)
    misfits = []
    for name, value in request.query.items():
        if name in given:
            misfits.append(Violation(name[:60], "GIVEN_TWICE", "is given twice; give it once"))
        given.setdefault(name, value)
    return [*misfits, *(Violation(*misfit) for misfit in fill_request(given, message))]
