"""Functions on texts."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from rasterwire.budget import current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import described
from rasterwire.expression.functions.collection.elements import as_text
from rasterwire.expression.functions.list.lists import MAX_ITEMS
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.pattern import found, replaced, split_at
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.sizes import check_size


@table.listed("String(input: Object) -> String")
def string(value: Any) -> str:
    """Returns a value as text."""
    if isinstance(value, str):
        return value
    made = as_text(value)
    if len(made) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return made


@table.listed("String.cat(string1: String, string2: String) -> String")
def string_cat(first: str, second: str) -> str:
    """Returns two texts as one."""
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
    return replaced(text, pattern, replacement, flags)


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
    """Returns -1, 0 or 1 where a text sorts before another, is equal, or sorts behind it."""
    return (first > second) - (first < second)


@table.listed("String.equals(reference: String, target: Object) -> Boolean")
def equals(text: str, other: Any) -> bool:
    """Tells whether a value is the same text."""
    return isinstance(other, str) and text == other


@table.listed("String.index(target: String, pattern: String) -> Integer")
def first_index(text: str, sought: str) -> int:
    """Returns where a text is first found within another, or -1."""
    return text.find(sought)


@table.listed("String.rindex(target: String, pattern: String) -> Integer")
def last_index(text: str, sought: str) -> int:
    """Returns where a text is last found within another, or -1."""
    return text.rfind(sought)


@table.listed('String.match(input: String, regex: String, flags: String = "") -> List<String>')
def match(text: str, pattern: str, flags: str) -> list[str | None]:
    """Returns the first match of a regular expression and its groups, or with the flag g all matches."""
    return found(text, pattern, flags)


@table.listed('String.split(string: String, regex: String, flags: String = "") -> List<String>')
def split(text: str, pattern: str, flags: str) -> list[str]:
    """Returns the parts of a text between the matches of a regular expression; its characters for an empty one."""
    return split_at(text, pattern, flags)


@table.listed("String.trim(string: String) -> String")
def trim(text: str) -> str:
    """Returns a text without the white space at its ends."""
    return text.strip()


# -- JSON --------------------------------------------------------------------------------------


@table.listed("String.encodeJSON(object: Object) -> String")
def encode_json(value: Any) -> str:
    """Returns a value as JSON: texts, numbers, booleans, and lists and dictionaries of these."""
    check_size(value)
    written: list[str] = []
    left = MAX_ITEMS

    def write(text: str) -> None:
        nonlocal left
        left -= len(text)
        if left < 0:  # told before more is made: lists may hold one long text many times
            raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
        written.append(text)

    _write_json(value, write)
    return "".join(written)


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
            for at, item in enumerate(value):
                write("," if at else "")
                _write_json(item, write)
            write("]")
        case Mapping():
            write("{")
            for at, (key, item) in enumerate(value.items()):
                write(("," if at else "") + json.dumps(str(key), ensure_ascii=False) + ":")
                _write_json(item, write)
            write("}")
        case _:
            raise InvalidExpression(f"{described(value)} has no JSON.")


@table.listed("String.decodeJSON(string: String) -> Object")
def decode_json(text: str) -> Any:
    """Returns the value that JSON says."""
    if len(text) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        raise InvalidExpression(f"'{text[:60]}' is no JSON.") from None
    current().take(_BYTES_OF_PART * check_size(value))
    return value


_BYTES_OF_PART = 64
"""Roughly what a value within a list takes, where it is a list itself or a text."""


def _refuse_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")
