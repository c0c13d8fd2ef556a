"""Files over HTTP: whole, in ranges, and not again where the client has them."""

import asyncio
import base64
import io
import logging
import re
from contextlib import aclosing, closing
from datetime import UTC, datetime

import google_crc32c
from aiohttp import web

from rasterwire.download import Registered
from rasterwire.errors import DownloadError
from rasterwire.server.call_record import note_file, note_sent, request_ids
from rasterwire.server.messages.parsed_request import ParsedRequest
from rasterwire.server.open_files import Delivered, ElsewhereFile, GrowingFile, OpenFile
from rasterwire.server.quotas import BYTES
from rasterwire.server.readers import Readers
from rasterwire.server.service import Service
from rasterwire.spans import span
from rasterwire.store.disposition import disposition

_log = logging.getLogger("rasterwire.server")

_SUMMED = 1 << 20
"""Bytes of a part whose digest is sent with it: they are kept in memory meanwhile."""

_COPIED = 1 << 20
"""Bytes of a file on another machine that are asked for at once."""

_ADDRESS_SECONDS = 300.0
"""Within which a client that is sent to an object store has to begin."""

_SENT_FROM_HERE = ("Authorization", "If-Match", "If-Range", "Origin")
"""Headers of requests that are not sent elsewhere: clients may pass credentials on, the object store knows other etags,
and it does not know which pages may read its answers."""

_NOT_CACHED = "private, max-age=0"

_range = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


async def send_download(request: web.Request, service: Service, download_id: str, token: str) -> web.StreamResponse:
    """Send the file of a download, rendering it if need be; source of the rules: RFC 9110, section 13."""
    download = await service.follow(download_id, token)
    etag = f'"{download.etag}"'
    allowed_tags = request.headers.get("If-Match", "*")
    if allowed_tags != "*" and etag not in [tag.strip() for tag in allowed_tags.split(",")]:
        raise web.HTTPPreconditionFailed(reason=f"If-Match: the file has the etag {etag} now; start at offset 0")
    cached_tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if etag in cached_tags or "*" in cached_tags:
        return web.Response(status=304, headers={"ETag": etag})
    if request.method == "HEAD":
        return await _head(request, service, download)
    async with aclosing(service.deliver(download)) as steps:
        async for step in steps:
            if isinstance(step, Delivered):
                with closing(step):
                    address = await _address_elsewhere(request, service, download, step)
                    if address:
                        await service.quotas.take(BYTES, _asked_bytes(request, step.info.size_bytes))
                        headers = {"Location": address, "Cache-Control": "no-store"}
                        return web.Response(status=307, headers=headers)
                    return await send(request, step, service.readers)
    raise AssertionError("a delivery ends with a file or an error")


async def send_stream(
    request: web.Request, service: Service, pixels: ParsedRequest, *, caching: str = _NOT_CACHED
) -> web.StreamResponse:
    """Render a file and send it, keeping it nowhere.

    Args:
        request: of HTTP.
        service: renders it.
        pixels: what it holds.
        caching: what clients may do with it, as ``Cache-Control`` has it.
    """
    async with aclosing(service.stream(pixels)) as steps:
        async for _, step in steps:
            if isinstance(step, OpenFile):
                with step.file:
                    return await send(request, step, service.readers, caching=caching)
    raise AssertionError("a stream ends with a file or an error")


async def _address_elsewhere(request: web.Request, service: Service, download: Registered, opened: Delivered) -> str:
    """Return an address at which the object store sends a file in place of this server, or ""."""
    if isinstance(opened, GrowingFile) or any(name in request.headers for name in _SENT_FROM_HERE):
        return ""
    seconds = min(_ADDRESS_SECONDS, (download.expire_time - datetime.now(UTC)).total_seconds())
    downloads = service.downloads
    return await service.run(lambda: downloads.address(download.etag, seconds)) if seconds >= 1 else ""


async def _head(request: web.Request, service: Service, download: Registered) -> web.StreamResponse:
    """Answer without rendering: the length is told once the file is there."""
    opened = await service.cached(download)
    if opened is not None:
        with closing(opened):
            return await send(request, opened, service.readers)
    return web.Response(headers=_headers(download.filename, download.mime_type, download.etag))


def _headers(filename: str, mime_type: str, etag: str, caching: str = _NOT_CACHED) -> dict[str, str]:
    return {
        "Content-Type": mime_type,
        "Content-Disposition": disposition(filename),
        "ETag": f'"{etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": caching,
    }


class SentFile(web.StreamResponse):
    """An answer with a file or a part of it.

    Attributes:
        sent: bytes of the body that were handed to the connection.
    """

    sent = 0


async def send(
    request: web.Request, opened: Delivered, readers: Readers, *, caching: str = _NOT_CACHED
) -> web.StreamResponse:
    """Send a file or the range of it that is asked for; source of the rules: RFC 9110, section 14."""
    info = opened.info
    headers = _headers(info.filename, info.mime_type, info.etag, caching)
    first, end, status = 0, info.size_bytes, 200
    byte_range = _asked_range(request)
    unchanged = request.headers.get("If-Range", f'"{info.etag}"') == f'"{info.etag}"'
    if byte_range is not None and unchanged:
        start, stop = byte_range
        if start:
            first, end = int(start), min(end, int(stop) + 1 if stop else end)
        else:
            first = max(0, end - int(stop))
        status = 206
        if first >= end:
            headers["Content-Range"] = f"bytes */{info.size_bytes}"
            message = f"Range: bytes {start}-{stop} are not in the file, it has {info.size_bytes} bytes"
            body = {"error": {"code": 416, "message": message, "status": "OUT_OF_RANGE"} | request_ids()}
            del headers["Content-Type"], headers["Content-Disposition"]
            return web.json_response(body, status=416, headers=headers)
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{info.size_bytes}"
    data = await _small(opened, first, end - first) if status == 206 and request.method != "HEAD" else None
    headers |= _digests(opened, data, is_whole=status == 200 and request.method != "HEAD")
    response = SentFile(status=status, headers=headers)
    response.content_length = end - first
    if request.method == "HEAD":
        await response.prepare(request)
        await response.write_eof()
        return response
    with readers.http_place():
        share = await readers.quotas.take(BYTES, end - first)
        try:
            await response.prepare(request)
            note_file(status)
            await _send_part(request, response, opened, (first, end - first), data)
        finally:
            share.give_back(end - first - response.sent)
        await response.write_eof()
        return response


async def _send_part(
    request: web.Request, response: SentFile, opened: Delivered, part: tuple[int, int], data: bytes | None
) -> None:
    """Send a part of a file; ``data`` is that part where it is in memory."""
    try:
        with span("deliver"):
            if data is not None:
                await response.write(data)
                response.sent = len(data)
            elif part[1]:
                await _body(request, response, opened, part)
    finally:
        note_sent(response.sent, part[1] - response.sent)


def _asked_range(request: web.Request) -> tuple[str, str] | None:
    """Return the digits before and behind the dash of a range, of which one may lack; None where there is no range.

    One that ends before it begins is invalid, and as if it were not there (RFC 9110, section 14.1.1).
    """
    match = _range.fullmatch(request.headers.get("Range", "").strip().lower())
    if match is None or not any(match.groups()):
        return None
    start, stop = match.groups()
    return None if start and stop and int(stop) < int(start) else (start, stop)


def _asked_bytes(request: web.Request, size: int) -> int:
    """Return how many bytes of a file a request asks for."""
    first, last = _asked_range(request) or ("0", "")
    if not first:
        return min(size, int(last))
    return max(0, (min(size, int(last) + 1) if last else size) - int(first))


async def _small(opened: Delivered, first: int, count: int) -> bytes | None:
    """Return a part of a finished file that is small enough to be summed before it is sent, or None."""
    if opened.crc32c is None or count > _SUMMED:
        return None
    data = opened.read_now(first, count)
    if data is not None:
        return bytes(data)
    return await opened.fetch(first, count)


def _digests(opened: Delivered, part: bytes | None, *, is_whole: bool) -> dict[str, str]:
    """Return what can be told of a file's bytes before they are sent; source: RFC 9530.

    The registry calls crc32c insecure: it tells of damage, not of forgers. It is known of every file, while a
    stronger digest would have each file read twice.

    Args:
        opened: the file.
        part: what the answer holds, where that is known.
        is_whole: whether it holds the whole file.
    """
    headers = {}
    if opened.crc32c is not None:
        headers["Repr-Digest"] = _digest(opened.crc32c)
        if is_whole:
            headers["Content-Digest"] = headers["Repr-Digest"]
    if part is not None:
        headers["Content-Digest"] = _digest(google_crc32c.value(part))
    return headers


def _digest(crc32c: int) -> str:
    """Return a digest as a dictionary of structured fields; source: RFC 8941, sections 3.2 and 3.3.5.

    >>> _digest(0xE3069283)
    'crc32c=:4waSgw==:'
    """
    return f"crc32c=:{base64.b64encode(crc32c.to_bytes(4, 'big')).decode()}:"


async def _body(request: web.Request, response: SentFile, opened: Delivered, part: tuple[int, int]) -> None:
    offset, count = part
    if not isinstance(opened, OpenFile):
        await _copied(request, response, opened, part)
        return
    if isinstance(opened.file, io.BytesIO):
        await response.write(opened.file.getvalue()[offset : offset + count])
        response.sent = count
        return
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    # the headers wait in the writer until something is written; sendfile goes past it
    await response.write(b"")
    loop, position, end = asyncio.get_running_loop(), offset, offset + count
    try:
        while position < end:
            available = min(end, await opened.reach(position + 1))
            sent = await loop.sendfile(transport, opened.file, position, available - position)
            if not sent:
                raise ConnectionResetError
            position += sent
            response.sent += sent
        await opened.reach(opened.info.size_bytes)  # a reader of a part waits for the render, or the next one had none
    except BaseException as error:
        transport.abort()  # the status is sent already: a body that is cut short is all there is to tell of it
        if isinstance(error, DownloadError):
            _log.warning("a body was cut short: %s", error)
        if not isinstance(error, DownloadError | OSError):
            raise


async def _copied(request: web.Request, response: SentFile, opened: ElsewhereFile, part: tuple[int, int]) -> None:
    """Send a part of a file on another machine: the next range is asked for while one is sent."""
    offset, count = part
    starts = range(offset, offset + count, _COPIED)

    def ahead(start: int) -> asyncio.Task[bytes]:
        return asyncio.create_task(opened.fetch(start, min(_COPIED, offset + count - start)))

    coming = ahead(offset)
    try:
        for start in starts:
            data = await coming
            if start + _COPIED < offset + count:
                coming = ahead(start + _COPIED)
            await response.write(data)
            response.sent += len(data)
    except BaseException as error:
        coming.cancel()
        if request.transport is not None:
            request.transport.abort()  # as above
        if isinstance(error, DownloadError):
            _log.warning("a body was cut short: %s", error)
            return
        raise
