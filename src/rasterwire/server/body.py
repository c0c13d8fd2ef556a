"""Bodies of requests: JSON that nothing behind it stumbles over."""

import json
from typing import Any

from rasterwire.errors import InvalidRequest, invalid

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
    except json.JSONDecodeError as error:
        raise _not_json(f"the body is not JSON at line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise _not_json("the body is not JSON in UTF-8") from None
    except UnicodeEncodeError:
        raise _not_json("the body is not JSON: a text in it has half of a surrogate pair") from None
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _not_json(f"the body is not JSON: {why}") from None
    if not isinstance(document, dict):
        raise _not_json("the body is no JSON object")
    return document


def _not_json(said: str) -> InvalidRequest:
    return invalid("", "BODY_NOT_JSON", said)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else _narrow(digits)


def _narrow(digits: str) -> int | float:
    value = float(digits)
    return int(digits) if abs(value) < 2.0**63 else value


def _refused(name: str) -> float:
    raise ValueError(f"it has no {name}; leave the member out, or write null")
