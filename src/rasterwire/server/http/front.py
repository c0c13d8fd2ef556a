"""The service's own HTTP door: the bytes of a download by plain GET, and requests as JSON."""

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import Message

from rasterwire.server.messages import convert
from rasterwire.server.messages.parsed_request import ParsedRequest, read_request
from rasterwire.server.readiness import Readiness
from rasterwire.server.service import Desk
from rasterwire.server.web.body import check_type, read_body, read_json
from rasterwire.server.web.files import send_download
from rasterwire.v1 import download_service_pb2


def add_http_door(app: web.Application, desk: Desk, readiness: Readiness) -> None:
    """Add the routes of this door to an application."""
    front = _HttpFront(desk, readiness)
    app.router.add_get("/v1/downloads/{id:[^/:]+}:getPixels", front.pixels)  # HEAD comes with it
    app.router.add_post("/v1/downloads", front.create)
    app.router.add_post("/v1/downloads:plan", front.plan)
    app.router.add_get("/livez", front.live)
    app.router.add_get("/healthz", front.live)
    app.router.add_get("/readyz", front.ready)


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
        return _json(await self._desk.create(await _read(request, self._desk)))

    async def plan(self, request: web.Request) -> web.Response:
        plan = convert.from_plan(await self._desk.plan(await _read(request, self._desk)))
        return _json(download_service_pb2.PlanDownloadResponse(plan=plan))

    async def pixels(self, request: web.Request) -> web.StreamResponse:
        return await send_download(request, self._desk, request.match_info["id"], request.query.get("token", ""))


async def _read(request: web.Request, desk: Desk) -> ParsedRequest:
    check_type(request)
    body = await read_body(request)
    # megabytes of it take seconds, which other calls shall not wait
    return await desk.run(lambda: read_request(read_json(body)))


def _json(message: Message) -> web.Response:
    return web.json_response(text=json_format.MessageToJson(message))
