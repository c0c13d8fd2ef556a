"""Answers of HTTP servers to requests for ranges: what they have to be before their bytes are used."""

import asyncio
import email.utils
import re
import time

import aiohttp

from rasterwire.files.sources import HEAD_BYTES
from rasterwire.files.sources.attempts import Failure
from rasterwire.files.sources.remote import OTHER_BYTES, REPLACED, Answer
from rasterwire.files.sources.versions import version_of

__all__ = ["failure_of_status", "read_answer"]

_temporary = frozenset({408, 425, 429, 500, 502, 503, 504})

_content_range = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_unsatisfied = re.compile(r"bytes \*/(\d{1,18})", re.ASCII)


async def read_answer(response: aiohttp.ClientResponse, offset: int, count: int, version: str) -> Answer:
    """Return the range that was asked for; no more than it is read.

    Args:
        response: to a request for the range.
        offset: first byte.
        count: bytes.
        version: that the request asked for; empty for any.

    Raises:
        Failure: it is an error, or not the range.
    """
    headers = response.headers
    if response.status not in {200, 206, 416}:
        raise failure_of_status(response.status, _seconds(headers.get("Retry-After", "")))
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Failure("its server answers with compressed bytes, which have no ranges")
    if response.status == 200:
        whole = await _read_small(response)
        body, size = whole[offset : offset + count], len(whole)
    elif response.status == 206:
        size = _size(response, offset, count)
        body = await _read(response, min(count, size - offset))
    else:
        body, size = b"", _no_size(response, version)
    return Answer(body, size, version_of(headers.get("ETag", ""), headers.get("Last-Modified", ""), size))


async def _read_small(response: aiohttp.ClientResponse) -> bytes:
    """Return a small file that came whole: some servers send these so, and it costs no more than a head."""
    declared = response.content_length
    if declared is not None and declared <= HEAD_BYTES:
        return await _read(response, declared)
    parts: list[bytes] = []
    size = 0
    while declared is None and size <= HEAD_BYTES:
        part = await response.content.readany()
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise Failure("its server does not answer requests for ranges")


def _size(response: aiohttp.ClientResponse, offset: int, count: int) -> int:
    """Return the size of the file from an answer that has to be of the range."""
    match = _content_range.fullmatch(response.headers.get("Content-Range", ""))
    if match is None:
        raise Failure("its server does not tell which bytes it sends, or how many there are")
    first, last, size = (int(text) for text in match.groups())
    expected = min(count, size - offset)
    if first != offset or last != offset + expected - 1 or response.content_length not in {None, expected}:
        raise Failure(OTHER_BYTES)
    return size


def _no_size(response: aiohttp.ClientResponse, version: str) -> int:
    """Return 0 where an answer says that the file is empty: it has no ranges."""
    match = _unsatisfied.fullmatch(response.headers.get("Content-Range", ""))
    if match is not None and int(match[1]) == 0 and not version:
        return 0
    raise Failure(REPLACED if version else OTHER_BYTES)


async def _read(response: aiohttp.ClientResponse, expected: int) -> bytes:
    """Return a body of exactly so many bytes; of a longer one no more is read."""
    try:
        body = await response.content.readexactly(expected)
    except asyncio.IncompleteReadError:
        body = None
    if body is None:
        raise Failure("its server sent fewer bytes than asked for", is_temporary=True)
    if await response.content.read(1):
        raise Failure(OTHER_BYTES)
    return body


def failure_of_status(status: int, retry_after: float = 0.0) -> Failure:
    """Return what is said of an answer with the status of an error."""
    match status:
        case 401 | 403:
            return Failure(f"its server does not allow this server to read it (status {status})")
        case 404 | 410:
            return Failure("it is missing at its source", is_missing=True)
        case 412:
            return Failure(REPLACED)
        case _:
            return Failure(f"its server answers with status {status}", status in _temporary, retry_after)


def _seconds(text: str) -> float:
    """Return the value of Retry-After, which is a number or a date; 0 where it is neither."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return 0.0
