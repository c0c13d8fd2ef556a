"""Bodies of requests: JSON that nothing behind it stumbles over."""

import json
from typing import Any

from rasterwire.errors import invalid

_DIGITS = 19


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; whole numbers of more than 64 bits become floats.

    Raises:
        InvalidRequest: it is no JSON object in UTF-8, or holds numbers or texts that JSON has not.
    """
    try:
        document = json.loads(body.decode("utf-8-sig"), parse_int=_whole, parse_constant=_refused)
        if b"\\ud" in body or b"\\uD" in body:  # half a surrogate is no text
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid("", "BODY_NOT_JSON", "the body is not JSON") from None
    if not isinstance(document, dict):
        raise invalid("", "BODY_NOT_JSON", "the body is no JSON object")
    return document


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else _narrow(digits)


def _narrow(digits: str) -> int | float:
    value = float(digits)
    return int(digits) if abs(value) < 2.0**63 else value


def _refused(name: str) -> float:
    raise ValueError(name)
