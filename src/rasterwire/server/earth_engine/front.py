"""The doors of Earth Engine's REST API: its clients come with ``ee.Initialize(url=...)``, and go on as they are."""

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from rasterwire.download.image_source import find_image, plain_id
from rasterwire.errors import AddressUnknown, DownloadNotFound, ImageNotFound, invalid
from rasterwire.expression.algorithms import listing
from rasterwire.server.call_record import note_image, note_method
from rasterwire.server.earth_engine.asset_json import catalog_image_json, collection_json
from rasterwire.server.earth_engine.assets import images_page, list_assets
from rasterwire.server.earth_engine.batch import BatchDoors
from rasterwire.server.earth_engine.call import EarthEngineCall, Handler, Route
from rasterwire.server.earth_engine.cors import Cors
from rasterwire.server.earth_engine.discovery import discovery_document
from rasterwire.server.earth_engine.requests import parsed_request, world_params
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.messages.tiles import tile_params
from rasterwire.server.service import Service
from rasterwire.server.settings import Settings
from rasterwire.server.web.body import check_type, read_body
from rasterwire.server.web.files import send_download, send_stream
from rasterwire.v1 import download_pb2

_MAX_FORM = 1 << 20
"""Bytes of a query that is sent as a form."""

_address = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+/[A-Za-z0-9.\-_~/%]*", re.ASCII)

_open = re.compile(r"\$discovery/rest|v1/projects/[^/]+/(?:thumbnails|maps)/.+")
"""Who shows nothing may GET these: what there is to call is no secret, and the others hold theirs."""

_key = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})", re.ASCII)


def add_earth_engine_door(app: web.Application, service: Service, settings: Settings) -> None:
    """Add this door to an application; last, since it answers all that is left."""
    cors = Cors(settings.cors_origins)

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if _is_earth_engine(request.path):
            response.headers.update(cors.headers(request))

    app.router.add_route("*", "/{path:.*}", _EarthEngineFront(service, settings).handle)
    app.on_response_prepare.append(prepare)


class _EarthEngineFront:
    """Answers under any prefix of a path, so that a proxy may put one before."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._routes: list[Route] = [
            *BatchDoors(service, settings).routes,
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
            ("GET", re.compile(r"v1/(?P<name>projects/[^/]+)/config"), self._empty),
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request that is none of this server's own doors."""
        if request.method == "OPTIONS":
            return web.Response(status=204)
        path = self._allowed_part(request)
        verb, query, body = await _method_and_body(request)
        others: list[str] = []
        for allowed, pattern, handler in self._routes:
            if match := pattern.fullmatch(path):
                if allowed == verb:
                    note_method("earth_engine", _name(handler))
                    if verb == "POST":
                        check_type(request)
                    return await handler(EarthEngineCall(request, match.groupdict(), query, body))
                others.append(allowed)
        if others:
            message = f"{request.method[:20]} at this address: not implemented by this server"
            raise web.HTTPMethodNotAllowed(request.method, [*others, "OPTIONS"], reason=message)
        if path.startswith("v1/projects/"):
            raise AddressUnknown(request.method, path)
        if path.startswith("v1/downloads"):  # the plain doors, by another method than they have
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST"])
        raise web.HTTPNotFound

    def _allowed_part(self, request: web.Request) -> str:
        """Return the part of a path that this server knows, if its caller may ask for that.

        Raises:
            HTTPNotFound: there is none.
            CredentialsMissing: the caller showed nothing.
        """
        path = _known_part(request.path)
        if path is None:
            raise web.HTTPNotFound
        if request.method == "POST" or not _open.fullmatch(path):
            self._service.check_caller()
        return path

    # -- what there is ----------------------------------------------------------------------

    async def _discovery(self, call: EarthEngineCall) -> web.Response:
        return _json(discovery_document(self._root(call.request)))

    def _root(self, request: web.Request) -> str:
        """Return the address of this server; the Host of a request is whatever its sender says."""
        if self._settings.trust_forwarded and not self._settings.public_url:
            scheme, host, prefix = (_forwarded(request, name) for name in ("Proto", "Host", "Prefix"))
            if _address.fullmatch(address := f"{scheme}://{host}/{prefix.strip('/')}"):
                return address.rstrip("/") + "/"
        return self._service.addresses.public_url + "/"

    async def _algorithms(self, _: EarthEngineCall) -> web.Response:
        return _json({"algorithms": listing()})

    async def _asset(self, call: EarthEngineCall) -> web.Response:
        catalog, name = self._service.downloads.catalog, call.match["name"]
        note_image(plain_id(name))

        def look() -> dict[str, Any]:
            asset = plain_id(name)
            try:
                return catalog_image_json(find_image(catalog, asset))
            except ImageNotFound:
                if catalog.exists(asset):
                    return collection_json(asset)
                raise

        return _json({**await self._service.run(look), "name": name})

    async def _list(self, call: EarthEngineCall) -> web.Response:
        parent = call.match.get("parent") or ""
        parent = "" if re.fullmatch(r"projects/[^/]+/assets", parent) else parent
        catalog = self._service.downloads.catalog
        page = await self._service.looked_up(lambda: json.dumps(list_assets(catalog, parent, call.query)))
        return web.json_response(text=page)

    async def _empty(self, _: EarthEngineCall) -> web.Response:
        return _json({})

    # -- values and pixels ------------------------------------------------------------------

    async def _compute_value(self, call: EarthEngineCall) -> web.Response:
        return web.json_response(text=await self._service.value(lambda: call.json().get("expression")))

    async def _compute_images(self, call: EarthEngineCall) -> web.Response:
        body = await self._service.run(call.json)
        page = await self._service.value(lambda: body.get("expression"), lambda value: images_page(value, body))
        return web.json_response(text=page)

    async def _create_thumbnail(self, call: EarthEngineCall) -> web.Response:
        created = await self._service.create(await self._request(call))
        identity = created.download_id
        name = f"{call.match['parent']}/thumbnails/{identity.name.rsplit('/', 1)[1]}-{identity.token}"
        return _json({"name": name})

    async def _thumbnail(self, call: EarthEngineCall) -> web.StreamResponse:
        return await send_download(call.request, self._service, *_secret(call.match["key"]))

    async def _compute_pixels(self, call: EarthEngineCall) -> web.StreamResponse:
        return await self._stream(call.request, await self._request(call))

    async def _asset_pixels(self, call: EarthEngineCall) -> web.StreamResponse:
        return await self._stream(call.request, await self._request(call, plain_id(call.match["name"])))

    async def _create_map(self, call: EarthEngineCall) -> web.Response:
        request = await self._request(call)
        created = await self._service.create(replace(request, params=world_params(request.params)), is_read_next=False)
        identity = created.download_id
        return _json({"name": f"{call.match['parent']}/maps/{identity.name.rsplit('/', 1)[1]}-{identity.token}"})

    async def _tile(self, call: EarthEngineCall) -> web.StreamResponse:
        match = call.match
        download = await self._service.follow(*_secret(match["key"]))
        params = download_pb2.DownloadParams.FromString(download.request)
        if params.WhichOneof("source") != "expression":
            raise DownloadNotFound
        zoom = int(match["z"])
        tile = tile_params(params, zoom, int(match["x"]) % (1 << zoom), int(match["y"]))  # around the world again
        return await self._stream(call.request, ParsedRequest(tile))

    async def _request(self, call: EarthEngineCall, asset: str | None = None) -> ParsedRequest:
        return await self._service.run(lambda: parsed_request(call.json(), asset))

    async def _stream(self, request: web.Request, pixels: ParsedRequest) -> web.StreamResponse:
        return await send_stream(request, self._service, pixels)


def _name(handler: Handler) -> str:
    """Return what a door is called in the log."""
    return "".join(word.capitalize() for word in handler.__name__.split("_"))


def _is_earth_engine(path: str) -> bool:
    """Return whether a path is one of these doors."""
    address = _known_part(path)
    return address is not None and not address.startswith("v1/downloads")


def _forwarded(request: web.Request, name: str) -> str:
    """Return what the nearest of the proxies says of an address."""
    return request.headers.get(f"X-Forwarded-{name}", "").rpartition(",")[2].strip()


async def _method_and_body(request: web.Request) -> tuple[str, dict[str, str], bytes]:
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
    match = re.search(r"(?:^|/)(\$discovery/rest$|v1/(?:projects|downloads)\b.*)", path, re.DOTALL)
    return match[1] if match else None


def _secret(key: str) -> tuple[str, str]:
    """Return id and token of the key in an address.

    Raises:
        DownloadNotFound: it is none; told as if it were an unknown one.
    """
    match = _key.fullmatch(key)
    if match is None:
        raise DownloadNotFound
    return match[1], match[2]


def _form(body: bytes) -> dict[str, str]:
    """Return the members of a query that was sent as a body."""
    if len(body) > _MAX_FORM:
        raise invalid("", "REQUEST_TOO_LARGE", f"a query of {len(body)} bytes is too long, at most {_MAX_FORM}")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _json(document: dict[str, Any]) -> web.Response:
    return web.json_response(document)
