"""Functions on texts."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from rasterwire.budget import current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import describe
from rasterwire.expression.functions.collection.elements import as_text
from rasterwire.expression.functions.list.lists import MAX_ITEMS
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.pattern import find_matches, replace_matches, split_text
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.sizes import check_size


@table.listed("String(input: Object) -> String")
def string(value: Any) -> str:
    """Returns a value as text."""
    if isinstance(value, str):
        return value
    text = as_text(value)
    if len(text) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return text


@table.listed("String.cat(string1: String, string2: String) -> String")
def string_cat(first: str, second: str) -> str:
    """Returns two texts joined to one."""
    if len(first) + len(second) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return first + second


@table.listed("String.slice(string: String, start: Integer, end: Integer = null) -> String")
def string_slice(text: str, start: int, end: int | None) -> str:
    """Returns a part of a text; negative positions count from the end."""
    return text[start:end]


@table.listed('String.replace(input: String, regex: String, replacement: String, flags: String = "") -> String')
def replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    """Replaces the first match of a regular expression, or with the flag g all of them."""
    return replace_matches(text, pattern, replacement, flags)


@table.listed("String.length(string: String) -> Integer")
def string_length(text: str) -> int:
    """Returns the number of characters."""
    return len(text)


@table.listed("String.toLowerCase(string: String) -> String")
def lower(text: str) -> str:
    """Returns a text in lower case."""
    return text.lower()


@table.listed("String.toUpperCase(string: String) -> String")
def upper(text: str) -> str:
    """Returns a text in upper case."""
    return text.upper()


@table.listed("String.compareTo(string1: String, string2: String) -> Integer")
def compare(first: str, second: str) -> int:
    """Returns -1, 0 or 1: a text sorts before another, is equal to it, or sorts after it."""
    return (first > second) - (first < second)


@table.listed("String.equals(reference: String, target: Object) -> Boolean")
def equals(text: str, value: Any) -> bool:
    """Tells whether a value is the same text."""
    return isinstance(value, str) and text == value


@table.listed("String.index(target: String, pattern: String) -> Integer")
def first_index(text: str, sought: str) -> int:
    """Returns the position where a text first contains another, or -1."""
    return text.find(sought)


@table.listed("String.rindex(target: String, pattern: String) -> Integer")
def last_index(text: str, sought: str) -> int:
    """Returns the position where a text last contains another, or -1."""
    return text.rfind(sought)


@table.listed('String.match(input: String, regex: String, flags: String = "") -> List<String>')
def match(text: str, pattern: str, flags: str) -> list[str | None]:
    """Returns the first match of a regular expression and its groups, or with the flag g all matches."""
    return find_matches(text, pattern, flags)


@table.listed('String.split(string: String, regex: String, flags: String = "") -> List<String>')
def split(text: str, pattern: str, flags: str) -> list[str]:
    """Returns the parts of a text between the matches of a regular expression; for an empty one, the characters."""
    return split_text(text, pattern, flags)


@table.listed("String.trim(string: String) -> String")
def trim(text: str) -> str:
    """Returns a text without the white space at its ends."""
    return text.strip()


# -- JSON --------------------------------------------------------------------------------------


@table.listed("String.encodeJSON(object: Object) -> String")
def encode_json(value: Any) -> str:
    """Returns a value as JSON: texts, numbers, booleans, and lists and dictionaries of these."""
    check_size(value)
    parts: list[str] = []
    remaining = MAX_ITEMS

    def write(text: str) -> None:
        nonlocal remaining
        remaining -= len(text)
        if remaining < 0:  # checked for each part, since a list may contain one long text many times
            raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
        parts.append(text)

    _write_json(value, write)
    return "".join(parts)


def _write_json(value: Any, write: Callable[[str], None]) -> None:
    match value:
        case None | bool() | str():
            write(json.dumps(value, ensure_ascii=False))
        case int() | float():
            try:
                write(json.dumps(number(value), allow_nan=False))
            except ValueError:
                raise InvalidExpression(f"{value} has no JSON.") from None
        case list():
            write("[")
            for index, item in enumerate(value):
                write("," if index else "")
                _write_json(item, write)
            write("]")
        case Mapping():
            write("{")
            for index, (key, item) in enumerate(value.items()):
                write(("," if index else "") + json.dumps(str(key), ensure_ascii=False) + ":")
                _write_json(item, write)
            write("}")
        case _:
            raise InvalidExpression(f"{describe(value)} has no JSON.")


@table.listed("String.decodeJSON(string: String) -> Object")
def decode_json(text: str) -> Any:
    """Returns the value of a JSON text."""
    if len(text) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        raise InvalidExpression(f"'{text[:60]}' is no JSON.") from None
    current().take(_BYTES_OF_PART * check_size(value))
    return value


_BYTES_OF_PART = 64
"""Roughly the memory of a value within a list, where it is a list itself or a text."""


def _refuse_constant(name: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")
