"""Bodies of requests: JSON that nothing behind it stumbles over."""

import asyncio
import codecs
from typing import Any

import orjson
from aiohttp import web

from rasterwire.errors import InvalidRequest, invalid
from rasterwire.expression.language.graph import MAX_MEMBERS

_SECONDS = 60.0
_MAX = 10 << 20
"""Bytes of a request over HTTP."""


async def read_body(request: web.Request) -> bytes:
    """Return the body of a request.

    Raises:
        InvalidRequest: it is too large, or not what its headers say.
        HTTPRequestTimeout: it does not come.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            body: bytes | None = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.HTTPRequestEntityTooLarge:
        body = None
    except (web.RequestPayloadError, ValueError):  # a body of a coding that it is not in
        raise _not_json("the body cannot be read as its headers say") from None
    if body is None or len(body) > _MAX:
        raise too_large()
    return body


def check_type(request: web.Request) -> None:
    """Refuse a body that a page of any origin could have sent without asking.

    Browsers ask first where the type is JSON; a form, a text or no type at all they send at once.

    Raises:
        HTTPUnsupportedMediaType: it does not say that it is JSON.
    """
    content_type = request.headers.get("Content-Type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        problem = f"{content_type[:60]!r} is not served" if content_type else "there is none"
        raise web.HTTPUnsupportedMediaType(reason=f"Content-Type: {problem}; send the header application/json")


def too_large() -> InvalidRequest:
    """Return the error of a body over the limit, in Earth Engine's words."""
    return invalid("", "REQUEST_TOO_LARGE", f"Request payload size exceeds the limit: {_MAX} bytes.")


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; whole numbers of more than 64 bits become floats.

    Raises:
        InvalidRequest: it is no JSON object in UTF-8, holds numbers or texts that JSON has not, or too many values,
            where a comma or a bracket within a text counts as one.
    """
    if sum(map(body.count, (b",", b"{", b"["))) > MAX_MEMBERS:  # before it is parsed, which would take long
        raise invalid("", "REQUEST_TOO_LARGE", f"a body of more than {MAX_MEMBERS} values is too large")
    try:
        document = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        message = f"the body is not JSON in UTF-8 at line {error.lineno}, column {error.colno}: {error.msg}"
        raise _not_json(message) from None
    if not isinstance(document, dict):
        raise _not_json("the body is no JSON object")
    return document


def _not_json(message: str) -> InvalidRequest:
    return invalid("", "BODY_NOT_JSON", message)
