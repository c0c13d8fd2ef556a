"""The doors of Earth Engine's REST API: its clients come with ``ee.Initialize(url=...)``, and go on as they are."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from rasterwire.download.image_source import find_image, plain_id
from rasterwire.errors import AddressUnknown, DownloadNotFound, ImageNotFound, invalid
from rasterwire.expression.algorithms import listing
from rasterwire.server.earth_engine.asset_json import catalog_image_json, collection_json
from rasterwire.server.earth_engine.assets import images_page, list_assets
from rasterwire.server.earth_engine.cors import Cors
from rasterwire.server.earth_engine.discovery import discovery_document
from rasterwire.server.earth_engine.requests import download_params, tile_params
from rasterwire.server.open_files import Ready
from rasterwire.server.service import Desk
from rasterwire.server.settings import Settings
from rasterwire.server.web.body import check_expression, check_type, read_body, read_json
from rasterwire.server.web.files import send, send_download
from rasterwire.v1 import download_pb2

_MOST_FORM = 1 << 20
"""Bytes of a query that is sent as a form."""

_address = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/[A-Za-z0-9.\-_~/%]*", re.ASCII)

_key = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})", re.ASCII)

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
        return read_json(self.body)


def add_earth_engine_door(app: web.Application, desk: Desk, settings: Settings) -> None:
    """Add this door to an application; last, since it answers all that is left."""
    cors = Cors(settings.cors_origins)

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if _is_earth_engine(request.path):
            response.headers.update(cors.headers(request))

    app.router.add_route("*", "/{path:.*}", _EarthEngineFront(desk, settings).handle)
    app.on_response_prepare.append(prepare)


class _EarthEngineFront:
    """Answers under any prefix of a path, so that a proxy may put one before."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            ("GET", re.compile(r"\$discovery/rest"), self._discovery),
            ("GET", re.compile(r"v1/projects/[^/]+/algorithms"), self._algorithms),
            ("POST", re.compile(r"v1/(?P<parent>projects/[^/]+)/thumbnails"), self._create_thumbnail),
            ("GET", re.compile(r"v1/projects/[^/]+/thumbnails/(?P<key>[^/:]*):getPixels"), self._thumbnail),
            ("POST", re.compile(r"v1/projects/[^/]+/image:computePixels"), self._compute_pixels),
            ("POST", re.compile(r"v1/(?P<name>projects/[^/]+/assets/.+):getPixels", re.DOTALL), self._asset_pixels),
            ("POST", re.compile(r"v1/projects/[^/]+/value:compute"), self._compute_value),
            ("POST", re.compile(r"v1/projects/[^/]+/imageCollection:computeImages"), self._compute_images),
            ("POST", re.compile(r"v1/(?P<parent>projects/[^/]+)/maps"), self._create_map),
            (
                "GET",
                re.compile(
                    r"v1/projects/[^/]+/maps/(?P<key>[^/]*)/tiles/(?P<z>\d{1,2})/(?P<x>-?\d{1,9})/(?P<y>-?\d{1,9})"
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
            return web.Response(status=204)
        path = _known_part(request.path)
        if path is None:
            raise web.HTTPNotFound
        verb, query, body = await _meant(request)
        others: list[str] = []
        for allowed, pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                if allowed == verb:
                    if verb == "POST":
                        check_type(request)
                    return await handler(_Asked(request, match.groupdict(), query, body))
                others.append(allowed)
        if others:
            said = f"{request.method[:20]} at this address: not implemented by this server"
            raise web.HTTPMethodNotAllowed(request.method, [*others, "OPTIONS"], reason=said)
        if path.startswith("v1/projects/"):
            raise AddressUnknown(request.method, path)
        if path.startswith("v1/downloads"):  # the plain doors, by another method than they have
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST"])
        raise web.HTTPNotFound

    # -- what there is ----------------------------------------------------------------------

    async def _discovery(self, asked: _Asked) -> web.Response:
        return _json(discovery_document(self._root(asked.request)))

    def _root(self, request: web.Request) -> str:
        """Return the address of this server; the Host of a request is whatever its sender says."""
        if self._settings.trust_forwarded and not self._settings.public_url:
            scheme, host, prefix = (_forwarded(request, name) for name in ("Proto", "Host", "Prefix"))
            if _address.fullmatch(address := f"{scheme}://{host}/{prefix.strip('/')}"):
                return address.rstrip("/") + "/"
        return self._desk.public_url + "/"

    async def _algorithms(self, _: _Asked) -> web.Response:
        return _json({"algorithms": listing()})

    async def _asset(self, asked: _Asked) -> web.Response:
        catalog, name = self._desk.downloads.catalog, asked.match["name"]

        def look() -> dict[str, Any]:
            asset = plain_id(name)
            try:
                return catalog_image_json(find_image(catalog, asset))
            except ImageNotFound:
                if catalog.collection(asset):
                    return collection_json(asset)
                raise

        return _json({**await self._desk.run(look), "name": name})

    async def _list(self, asked: _Asked) -> web.Response:
        parent = asked.match.get("parent") or ""
        parent = "" if re.fullmatch(r"projects/[^/]+/assets", parent) else parent
        catalog = self._desk.downloads.catalog
        told = await self._desk.run(lambda: json.dumps(list_assets(catalog, parent, asked.query)))
        return web.json_response(text=told)

    async def _nothing(self, _: _Asked) -> web.Response:
        return _json({})

    # -- values and pixels ------------------------------------------------------------------

    async def _compute_value(self, asked: _Asked) -> web.Response:
        return web.json_response(text=await self._desk.value(lambda: asked.json().get("expression")))

    async def _compute_images(self, asked: _Asked) -> web.Response:
        body = await self._desk.run(asked.json)
        page = await self._desk.value(lambda: body.get("expression"), lambda value: images_page(value, body))
        return web.json_response(text=page)

    async def _create_thumbnail(self, asked: _Asked) -> web.Response:
        params = await self._params(asked)
        made = await self._desk.create(params)
        identity = made.download_id
        name = f"{asked.match['parent']}/thumbnails/{identity.name.rsplit('/', 1)[1]}-{identity.token}"
        return _json({"name": name})

    async def _thumbnail(self, asked: _Asked) -> web.StreamResponse:
        return await send_download(asked.request, self._desk, *_secret(asked.match["key"]))

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
        kept = await self._desk.find(*_secret(match["key"]), "")
        params = download_pb2.DownloadParams.FromString(kept.request)
        if params.WhichOneof("source") != "expression":
            raise DownloadNotFound
        return await self._streamed(
            asked.request, tile_params(params, int(match["z"]), int(match["x"]), int(match["y"]))
        )

    async def _params(self, asked: _Asked, asset: str | None = None) -> download_pb2.DownloadParams:
        if asset is None:
            await check_expression(asked.body, self._desk)
        return await self._desk.run(lambda: download_params(asked.json(), asset))

    async def _streamed(self, request: web.Request, params: download_pb2.DownloadParams) -> web.StreamResponse:
        async with aclosing(self._desk.stream(params)) as steps:
            async for _, step in steps:
                if isinstance(step, Ready):
                    with step.file:
                        return await send(request, step)
        raise AssertionError("a stream ends with a file or an error")


def _is_earth_engine(path: str) -> bool:
    """Return whether a path is one of these doors."""
    known = _known_part(path)
    return known is not None and not known.startswith("v1/downloads")


def _forwarded(request: web.Request, name: str) -> str:
    """Return what the nearest of the proxies says of an address."""
    return request.headers.get(f"X-Forwarded-{name}", "").rpartition(",")[2].strip()


async def _meant(request: web.Request) -> tuple[str, dict[str, str], bytes]:
    """Return method, query and body; a long GET comes as a POST that says so."""
    query = dict(request.query)
    if request.method != "POST":
        return "GET" if request.method == "HEAD" else request.method, query, b""
    body = await read_body(request)
    if request.headers.get("X-HTTP-Method-Override", "").upper() == "GET":
        return "GET", query | _form(body), b""
    return "POST", query, body


def _known_part(path: str) -> str | None:
    """Return a path from what this server knows on, without a prefix that a proxy may have put before."""
    found = re.search(r"(?:^|/)(\$discovery/rest$|v1/(?:projects|downloads)\b.*)", path, re.DOTALL)
    return found[1] if found else None


def _secret(key: str) -> tuple[str, str]:
    """Return id and token of the key in an address.

    Raises:
        DownloadNotFound: it is none; told as if it were an unknown one.
    """
    found = _key.fullmatch(key)
    if found is None:
        raise DownloadNotFound
    return found[1], found[2]


def _form(body: bytes) -> dict[str, str]:
    """Return the members of a query that was sent as a body."""
    if len(body) > _MOST_FORM:
        raise invalid("", "REQUEST_TOO_LARGE", f"a query of {len(body)} bytes is too long, at most {_MOST_FORM}")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _json(document: dict[str, Any]) -> web.Response:
    return web.json_response(document)
