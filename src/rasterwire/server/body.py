"""Bodies of requests: JSON that nothing behind it stumbles over."""

import codecs
from typing import Any

import orjson

from rasterwire.errors import InvalidRequest, invalid


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; whole numbers of more than 64 bits become floats.

    Raises:
        InvalidRequest: it is no JSON object in UTF-8, or holds numbers or texts that JSON has not.
    """
    try:
        document = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        said = f"the body is not JSON in UTF-8 at line {error.lineno}, column {error.colno}: {error.msg}"
        raise _not_json(said) from None
    if not isinstance(document, dict):
        raise _not_json("the body is no JSON object")
    return document


def _not_json(said: str) -> InvalidRequest:
    return invalid("", "BODY_NOT_JSON", said)
