"""The doors of Earth Engine's REST API: its clients come with ``ee.Initialize(url=...)``, and go on as they are."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from rasterwire.download.world import plain_id
from rasterwire.errors import DownloadNotFound, ImageNotFound, InvalidExpression, invalid
from rasterwire.expression.algorithms import listing
from rasterwire.server import assets
from rasterwire.server.computed_assets import images_page
from rasterwire.server.desk import Desk
from rasterwire.server.discovery import discovery_document
from rasterwire.server.earth_engine import download_params, tile_params
from rasterwire.server.files import send, send_download
from rasterwire.server.ready import Ready
from rasterwire.v1 import download_pb2

_BODY_SECONDS = 60.0
_MOST_BODY = 10 << 20

_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, X-Goog-Api-Client, X-Goog-User-Project, X-Earth-Engine-Computation-Profiling, "
        "X-HTTP-Method-Override"
    ),
    "Access-Control-Expose-Headers": "ETag, Content-Disposition, Content-Range",
    "Access-Control-Max-Age": "3600",
}

_id = r"(?P<id>[0-9a-f]{32})-(?P<token>[0-9a-f]{32})"

Handler = Callable[["_Asked"], Awaitable[web.StreamResponse]]


class _Asked:
    """A request, as the doors want it."""

    def __init__(self, request: web.Request, match: Mapping[str, str], query: dict[str, str], body: bytes) -> None:
        self.request = request
        self.match = match
        self.query = query
        self.body = body

    def json(self) -> dict[str, Any]:
        """Return the body.

        Raises:
            InvalidRequest: it is no JSON object.
        """
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            raise invalid("", "BODY_NOT_JSON", "the body is not JSON") from None
        if not isinstance(document, dict):
            raise invalid("", "BODY_NOT_JSON", "the body is no JSON object")
        return document


class EarthEngineFront:
    """Answers under any prefix of a path, so that a proxy may put one before."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            ("GET", re.compile(r"\$discovery/rest"), self._discovery),
            ("GET", re.compile(r"v1/projects/[^/]+/algorithms"), self._algorithms),
            ("POST", re.compile(r"v1/(?P<parent>projects/[^/]+)/thumbnails"), self._create_thumbnail),
            ("GET", re.compile(rf"v1/projects/[^/]+/thumbnails/{_id}:getPixels"), self._thumbnail),
            ("POST", re.compile(r"v1/projects/[^/]+/image:computePixels"), self._compute_pixels),
            ("POST", re.compile(r"v1/(?P<name>projects/[^/]+/assets/.+):getPixels"), self._asset_pixels),
            ("POST", re.compile(r"v1/projects/[^/]+/value:compute"), self._compute_value),
            ("POST", re.compile(r"v1/projects/[^/]+/imageCollection:computeImages"), self._compute_images),
            ("POST", re.compile(r"v1/(?P<parent>projects/[^/]+)/maps"), self._create_map),
            (
                "GET",
                re.compile(
                    rf"v1/projects/[^/]+/maps/{_id}/tiles/(?P<z>\d{{1,2}})/(?P<x>-?\d{{1,9}})/(?P<y>-?\d{{1,9}})"
                ),
                self._tile,
            ),
            ("GET", re.compile(r"v1/(?P<parent>projects/[^/]+/assets(?:/.+)?):list(?:Assets|Images)"), self._list),
            ("GET", re.compile(r"v1/projects/[^/]+:list(?:Assets|Images)"), self._list),
            ("GET", re.compile(r"v1/projects/[^/]+/assets"), self._list),
            ("GET", re.compile(r"v1/(?P<name>projects/[^/]+/assets/[^:]+)"), self._asset),
            ("GET", re.compile(r"v1/(?P<name>projects/[^/]+)/(?:operations|config)"), self._nothing),
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request that is none of this server's own doors."""
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_CORS)
        path = _known_part(request.path)
        if path is None:
            raise web.HTTPNotFound
        body, query = b"", dict(request.query)
        verb = "GET" if request.method == "HEAD" else request.method
        if verb == "POST":
            body = await _read(request)
            if request.headers.get("X-HTTP-Method-Override", "").upper() == "GET":
                verb, query = "GET", query | dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        others = False
        for allowed, pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                if allowed == verb:
                    return await handler(_Asked(request, match.groupdict(), query, body))
                others = True
        if others or path.startswith("v1/projects/"):
            said = f"{request.method} {path[:100]}: not implemented by this server"
            raise InvalidExpression(said)
        raise web.HTTPNotFound

    # -- what there is ----------------------------------------------------------------------

    async def _discovery(self, asked: _Asked) -> web.Response:
        request = asked.request
        prefix = request.path.split("$discovery")[0]
        return _json(discovery_document(f"{request.scheme}://{request.host}/{prefix.strip('/')}".rstrip("/") + "/"))

    async def _algorithms(self, _: _Asked) -> web.Response:
        return _json({"algorithms": listing()})

    async def _asset(self, asked: _Asked) -> web.Response:
        catalog, name = self._desk.downloads.catalog, asked.match["name"]

        def look() -> dict[str, Any]:
            asset = plain_id(name)
            try:
                return assets.asset_json(catalog.get(asset))
            except ImageNotFound:
                if catalog.collection(asset):
                    return assets.collection_json(asset)
                raise

        return _json({**await self._desk.run(look), "name": name})

    async def _list(self, asked: _Asked) -> web.Response:
        parent = asked.match.get("parent") or ""
        parent = "" if re.fullmatch(r"projects/[^/]+/assets", parent) else parent
        catalog = self._desk.downloads.catalog
        return _json(await self._desk.run(lambda: assets.list_assets(catalog, parent, asked.query)))

    async def _nothing(self, _: _Asked) -> web.Response:
        return _json({})

    # -- values and pixels ------------------------------------------------------------------

    async def _compute_value(self, asked: _Asked) -> web.Response:
        return _json({"result": await self._desk.value(asked.json().get("expression"))})

    async def _compute_images(self, asked: _Asked) -> web.Response:
        body = asked.json()
        return _json(await self._desk.value(body.get("expression"), lambda value: images_page(value, body)))

    async def _create_thumbnail(self, asked: _Asked) -> web.Response:
        params = await self._params(asked)
        made = await self._desk.create(params)
        identity = made.download_id
        name = f"{asked.match['parent']}/thumbnails/{identity.name.rsplit('/', 1)[1]}-{identity.token}"
        return _json({"name": name})

    async def _thumbnail(self, asked: _Asked) -> web.StreamResponse:
        return await send_download(asked.request, self._desk, asked.match["id"], asked.match["token"])

    async def _compute_pixels(self, asked: _Asked) -> web.StreamResponse:
        return await self._streamed(asked.request, await self._params(asked))

    async def _asset_pixels(self, asked: _Asked) -> web.StreamResponse:
        return await self._streamed(asked.request, await self._params(asked, plain_id(asked.match["name"])))

    async def _create_map(self, asked: _Asked) -> web.Response:
        params = await self._params(asked)
        made = await self._desk.create(tile_params(params, 0, 0, 0))
        identity = made.download_id
        return _json({"name": f"{asked.match['parent']}/maps/{identity.name.rsplit('/', 1)[1]}-{identity.token}"})

    async def _tile(self, asked: _Asked) -> web.StreamResponse:
        match = asked.match
        kept = await self._desk.find(match["id"], match["token"], "")
        params = download_pb2.DownloadParams.FromString(kept.request)
        if params.WhichOneof("source") != "expression":
            raise DownloadNotFound
        return await self._streamed(
            asked.request, tile_params(params, int(match["z"]), int(match["x"]), int(match["y"]))
        )

    async def _params(self, asked: _Asked, asset: str | None = None) -> download_pb2.DownloadParams:
        return await self._desk.run(lambda: download_params(asked.json(), asset))

    async def _streamed(self, request: web.Request, params: download_pb2.DownloadParams) -> web.StreamResponse:
        async with aclosing(self._desk.stream(params)) as steps:
            async for _, step in steps:
                if isinstance(step, Ready):
                    with step.file:
                        return await send(request, step)
        raise AssertionError("a stream ends with a file or an error")


def with_cors(response: web.StreamResponse) -> None:
    """Let pages of any origin read an answer."""
    response.headers.update(_CORS)


def _known_part(path: str) -> str | None:
    """Return a path from what this server knows on, without a prefix that a proxy may have put before."""
    found = re.search(r"(?:^|/)(\$discovery/rest$|v1/.*)", path)
    return found[1] if found else None


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    if len(body) > _MOST_BODY:
        raise invalid("", "REQUEST_TOO_LARGE", f"Request payload size exceeds the limit: {_MOST_BODY} bytes.")
    return body


def _json(document: dict[str, Any]) -> web.Response:
    return web.json_response(document)
