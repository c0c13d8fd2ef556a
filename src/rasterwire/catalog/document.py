"""Reads JSON documents that anyone may have written: wrong types count as absent."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = [
    "as_list",
    "as_mapping",
    "as_number",
    "as_numbers",
    "as_text",
    "as_time",
    "bounded",
    "is_text",
    "read_document",
]

# Documents are held in memory; larger files are data, not documents.
_max_bytes = 64 << 20
# Of properties: lists and objects within each other, and characters of an image.
_deepest = 20
_most_characters = 1 << 20
# No type of a pixel holds more, and larger ones do not even fit a float.
_max_integer = 1 << 64


def read_document(path: str) -> Mapping[str, Any] | None:
    """Return the object that a JSON file holds; None for one that holds another kind of value.

    Raises:
        ValueError: the file is no JSON, or not readable, or too large; the message has no path.
    """
    try:
        file = Path(path)
        if file.stat().st_size > _max_bytes:
            raise ValueError(f"more than {_max_bytes >> 20} MiB")
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise ValueError("a file that cannot be opened") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON document") from error
    return document if isinstance(document, dict) else None


def bounded(properties: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return the properties that messages can carry, and why each of the others cannot be told.

    Protobuf reads 100 messages within each other, three of which are an object within an object; and one huge
    document would fill every page that lists it.
    """
    kept: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    room = _most_characters
    for key, value in properties.items():
        depth, size = _extent(value)
        if depth > _deepest:
            left_out[key] = f"values nested more than {_deepest} deep"
        elif size + len(key) > room:
            left_out[key] = f"more than {_most_characters} characters in all properties of the image"
        else:
            kept[key] = value
            room -= size + len(key)
    return kept, left_out


def _extent(value: object) -> tuple[int, int]:
    """Return how deeply lists and objects are nested, as far as it matters, and about how many characters there are."""
    depth, size, level = 0, 0, [value]
    while level and depth <= _deepest:
        size += sum(len(one) if isinstance(one, str) else 8 for one in level)
        inner = [one for one in level if isinstance(one, dict | list)]
        size += sum(len(key) for one in inner if isinstance(one, dict) for key in one)
        level = [part for one in inner for part in (one.values() if isinstance(one, dict) else one)]
        depth += bool(inner)
    return depth, size


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[Any]:
    """Return a JSON array, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """Return a text that is not empty, or None; half a surrogate pair is no text, no message can carry it."""
    return value if isinstance(value, str) and value and is_text(value) else None


def is_text(value: str) -> bool:
    """Tell whether all characters can be sent and stored as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_number(value: object) -> float | None:
    """Return a number, or one of the texts nan, inf and -inf that JSON needs for those, or None."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) > _max_integer):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and value.lower() in ("nan", "inf", "-inf"):
        return float(value)
    return None


def as_numbers(value: object, counts: tuple[int, ...]) -> tuple[float, ...] | None:
    """Return an array of finite numbers of one of the lengths ``counts``, or None."""
    numbers = [as_number(number) for number in as_list(value)]
    finite = tuple(number for number in numbers if number is not None and math.isfinite(number))
    return finite if len(finite) == len(numbers) and len(finite) in counts else None


def as_time(value: object) -> datetime | None:
    """Return an RFC 3339 time, taken as UTC where it names no zone, or None.

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
