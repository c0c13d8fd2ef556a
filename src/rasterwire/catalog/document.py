"""Reads JSON documents from unknown writers. A value of a wrong type counts as missing."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from rasterwire.files.regular_file import open_regular
from rasterwire.files.sources import OpenedFile, is_local, source_of

__all__ = [
    "BrokenDocument",
    "addresses_in",
    "as_list",
    "as_mapping",
    "as_number",
    "as_numbers",
    "as_text",
    "as_time",
    "is_text",
    "limit_properties",
    "read_body",
    "read_document",
    "read_value",
]

# Documents are held in memory; larger files are data, not documents.
_max_bytes = 64 << 20
# Limits of an image's properties: levels of nested lists and objects, and characters.
_max_depth = 20
_max_characters = 1 << 20
_ANY_DIGIT_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
"""Digits of the smallest integers that do not fit 64 bits."""

# No pixel type has larger values, and much larger integers do not fit a float.
_max_integer = 1 << 64


_address_member = re.compile(rb'"href"\s{0,20}:\s{0,20}("(?:[^"\\\x00-\x1f]|\\.){1,4096}")')

_MAX_ADDRESSES = 10_000
"""Of a document that is no JSON."""


class BrokenDocument(ValueError):
    """A document is no JSON.

    Attributes:
        body: its bytes.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__("no JSON document")
        self.body = body


def addresses_in(body: bytes) -> list[str]:
    r"""Return the addresses that a document names which is no JSON, cut off in its middle, say.

    >>> addresses_in(b'{"assets": {"B1": {"href": "./B1.tif", "type": "image/tiff"}, "B2": {"href": "./B')
    ['./B1.tif']
    """
    addresses: list[str] = []
    for match in islice(_address_member.finditer(body), _MAX_ADDRESSES):
        with suppress(ValueError):
            addresses.append(json.loads(match[1]))
    return addresses


def read_document(path: str) -> Mapping[str, Any] | None:
    """Return the object in a JSON file; None where the file has another kind of value.

    Args:
        path: absolute, links resolved; or the address of a file on another machine.

    Raises:
        BrokenDocument: the file is not JSON.
        ValueError: it cannot be read or is too large. The message contains no path.
        SourceUnavailable: a file on another machine cannot be read now.
    """
    if not is_local(path):
        return read_value(read_body(source_of(path).open(path)))
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            if os.fstat(file.fileno()).st_size > _max_bytes:
                raise ValueError(f"more than {_max_bytes >> 20} MiB")
            body = file.read(_max_bytes)
    except OSError as error:
        raise ValueError("a file that cannot be opened") from error
    return read_value(body)


def read_body(file: OpenedFile) -> bytes:
    """Return all bytes of a document on another machine.

    Raises:
        ValueError: it is too large.
        SourceUnavailable: it cannot be read now.
    """
    if file.size > _max_bytes:
        raise ValueError(f"more than {_max_bytes >> 20} MiB")
    count = file.size - len(file.head)
    rest = source_of(file.href).read(file, [(len(file.head), count)]) if count > 0 else [b""]
    return file.head + rest[0]


def read_value(body: bytes) -> Mapping[str, Any] | None:
    """Return the object in a JSON document; None where it has another kind of value.

    Raises:
        BrokenDocument: it is not JSON.
    """
    try:
        document = _parsed(body)
    except (ValueError, RecursionError) as error:
        raise BrokenDocument(body) from error
    return document if isinstance(document, dict) else None


def _parsed(body: bytes) -> Any:
    """Return the value of a JSON document by the fast parser, where that reads it as Python's own does.

    It refuses NaN, halves of surrogate pairs and other texts than UTF-8, and rounds integers of more than 64 bits.
    """
    if _LONG_NUMBER not in body.translate(_ANY_DIGIT_AS_ZERO):
        with suppress(ValueError):
            return orjson.loads(body)
    return json.loads(body)


def limit_properties(properties: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return the properties that fit into messages, and by name the reason why another one does not.

    Protobuf reads at most 100 nested messages, and each nested object takes three. The number of characters is
    limited because every page that lists the image contains its properties.
    """
    limited_properties: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    room = _max_characters
    for key, value in properties.items():
        kind = type(value)  # few values are nested, and millions of them are looked at
        depth, size = 0, 8
        if kind is str:
            size = len(value)
        elif kind is dict or kind is list:
            depth, size = _extent(value)
        if depth > _max_depth:
            left_out[key] = f"values nested more than {_max_depth} deep"
        elif size + len(key) > room:
            left_out[key] = f"more than {_max_characters} characters in all properties of the image"
        else:
            limited_properties[key] = value
            room -= size + len(key)
    return limited_properties, left_out


def _size(value: object) -> int:
    """Return about how many characters a value takes, without what is in it."""
    return len(value) if isinstance(value, str) else 8


def _extent(value: list[Any] | dict[str, Any]) -> tuple[int, int]:
    """Return how deeply lists and objects are nested, at most one above the limit, and about how many characters."""
    depth, size = 0, 0
    level: list[Any] = [value]
    while level and depth <= _max_depth:
        size += sum(map(_size, level))
        nested = [item for item in level if isinstance(item, dict | list)]
        size += sum(len(key) for item in nested if isinstance(item, dict) for key in item)
        level = [part for item in nested for part in (item.values() if isinstance(item, dict) else item)]
        depth += bool(nested)
    return depth, size


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[Any]:
    """Return a JSON array, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """Return a text that is not empty, or None. Half a surrogate pair does not count: no message can contain it."""
    return value if isinstance(value, str) and value and is_text(value) else None


def is_text(value: str) -> bool:
    """Return whether all characters can be encoded as UTF-8."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_number(value: object) -> float | None:
    """Return a number, or None. The texts nan, inf and -inf count: JSON has no other form of these numbers."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) > _max_integer):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and value.lower() in ("nan", "inf", "-inf"):
        return float(value)
    return None


def as_numbers(value: object, counts: tuple[int, ...]) -> tuple[float, ...] | None:
    """Return an array of finite numbers of one of the lengths ``counts``, or None."""
    if not isinstance(value, list) or len(value) not in counts:
        return None
    for number in value:  # without calls, since there are millions of them
        kind = type(number)
        if kind is float:
            if not -math.inf < number < math.inf:
                return None
        elif kind is not int or not -_max_integer <= number <= _max_integer:
            return None
    return tuple(value)


def as_time(value: object) -> datetime | None:
    """Return an RFC 3339 time, or None; a time without a zone counts as UTC.

    >>> as_time("2021-01-09T18:57:51Z").isoformat()
    '2021-01-09T18:57:51+00:00'
    """
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
