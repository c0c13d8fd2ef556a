"""The door of the page: its document, and the files that the document names."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from pathlib import PurePosixPath

from aiohttp import web

__all__ = ["PageFile", "add_page", "page_files"]

_DOCUMENT = "index.html"

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",  # tiles that came with an Authorization header; pixels that are drawn
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What the page may load and do: nothing from elsewhere, and no script or style within the document."""

_FOR_EVER = "public, max-age=31536000, immutable"
"""For files whose names hold a digest of what is in them."""

_DEFAULT_PORT = b'"50051"'
"""Of gRPC, as the document has it."""

_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
"""Of all files that the page has. Those of Python are what the system of the server says, which may be wrong."""

_SMALL = 1024
"""Bytes below which a file is sent as it is."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page.

    Attributes:
        body: its bytes.
        packed: the same with gzip; b"" where that gains nothing.
        media_type: of it.
        etag: of its bytes.
    """

    body: bytes
    packed: bytes
    media_type: str
    etag: str


def page_files() -> dict[str, PageFile]:
    """Return the files of the page by name."""
    folder = resources.files("rasterwire.server.page").joinpath("assets")
    return {entry.name: _page_file(entry.name, entry.read_bytes()) for entry in folder.iterdir() if entry.is_file()}


def _page_file(name: str, body: bytes) -> PageFile:
    packed = gzip.compress(body, 6, mtime=0) if len(body) > _SMALL else b""
    return PageFile(body, packed, _MEDIA_TYPES[PurePosixPath(name).suffix], sha256(body).hexdigest()[:32])


def add_page(app: web.Application, grpc_port: int) -> None:
    """Add the page to an application, at its root and below ``/assets``.

    Args:
        app: the application.
        grpc_port: of the server, for the code that the page writes.
    """
    files = page_files()
    text = files[_DOCUMENT].body.replace(_DEFAULT_PORT, b'"%d"' % grpc_port)
    files[_DOCUMENT] = _page_file(_DOCUMENT, text)

    async def document(request: web.Request) -> web.Response:
        return _answer(request, files[_DOCUMENT], "no-cache")

    async def asset(request: web.Request) -> web.Response:
        file = files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        return _answer(request, file, _FOR_EVER)

    app.router.add_get("/", document, name="Page")
    app.router.add_get("/assets/{name:[^/]+}", asset, name="PageFile")


def _answer(request: web.Request, file: PageFile, caching: str) -> web.Response:
    headers = {
        "Cache-Control": caching,
        "Content-Security-Policy": _POLICY,
        "ETag": f'"{file.etag}"',
        "Vary": "Accept-Encoding",
    }
    if file.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    charset = "utf-8" if file.media_type.startswith("text/") else None
    is_packed = bool(file.packed) and "gzip" in request.headers.get("Accept-Encoding", "")
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    body = file.packed if is_packed else file.body
    return web.Response(body=body, headers=headers, content_type=file.media_type, charset=charset)
