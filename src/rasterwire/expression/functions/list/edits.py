"""Functions that make lists of the elements of others."""

import math
import random
from typing import Any

from rasterwire.budget import current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import as_text
from rasterwire.expression.functions.list.lists import MAX_ITEMS, check_length, same
from rasterwire.expression.language.signature import table


def _position(values: list[Any], index: int, name: str = "index", *, end: bool = False) -> int:
    """Return a position from the begin; negative ones count from the end of the list.

    Args:
        values: the list.
        index: as a client says it.
        name: of the argument.
        end: whether the place behind the last element is one too.
    """
    last = len(values) - (not end)
    if not -len(values) <= index <= last:
        raise InvalidExpression(f"'{name}' is {index}, and the list has {len(values)} elements.")
    return index % len(values) if index < 0 else index


@table.listed("List.insert(list: List<Object>, index: Integer, element: Object) -> List<Object>")
def insert(values: list[Any], index: int, element: Any) -> list[Any]:
    """Returns a list with an element more, before the one at a position; negative ones count from the end."""
    check_length(len(values) + 1)
    at = _position(values, index, end=True)
    return [*values[:at], element, *values[at:]]


@table.listed("List.set(list: List<Object>, index: Integer, element: Object) -> List<Object>")
def set_(values: list[Any], index: int, element: Any) -> list[Any]:
    """Returns a list with another element at a position; negative ones count from the end."""
    made = list(values)
    made[_position(values, index)] = element
    return made


@table.listed("List.swap(list: List<Object>, pos1: Integer, pos2: Integer) -> List<Object>")
def swap(values: list[Any], first: int, second: int) -> list[Any]:
    """Returns a list with two elements in each other's place; negative positions count from the end."""
    one, two = _position(values, first, "pos1"), _position(values, second, "pos2")
    made = list(values)
    made[one], made[two] = values[two], values[one]
    return made


@table.listed(
    "List.splice(list: List<Object>, start: Integer, count: Integer, other: List<Object> = null) -> List<Object>"
)
def splice(values: list[Any], start: int, count: int, other: list[Any] | None) -> list[Any]:
    """Returns a list with the elements of another in place of some; a negative start counts from the end."""
    if count < 0:
        raise InvalidExpression(f"'count' is {count}; it has to be at least 0.")
    at = _position(values, start, "start", end=True)
    made = [*values[:at], *(other or []), *values[at + count :]]
    check_length(len(made))
    return made


@table.listed("List.replace(list: List<Object>, oldval: Object, newval: Object) -> List<Object>")
def replace(values: list[Any], old: Any, new: Any) -> list[Any]:
    """Returns a list with another value in place of the first of a value."""
    at = next((at for at, value in enumerate(values) if same(value, old)), None)
    return values if at is None else [*values[:at], new, *values[at + 1 :]]


@table.listed("List.replaceAll(list: List<Object>, oldval: Object, newval: Object) -> List<Object>")
def replace_all(values: list[Any], old: Any, new: Any) -> list[Any]:
    """Returns a list with another value in place of each of a value."""
    return [new if same(value, old) else value for value in values]


@table.listed("List.rotate(list: List<Object>, distance: Integer) -> List<Object>")
def rotate(values: list[Any], distance: int) -> list[Any]:
    """Returns a list whose elements moved so far to its end, those at the end to the begin."""
    at = -distance % len(values) if values else 0
    return values[at:] + values[:at]


@table.listed("List.shuffle(list: List<Object>, seed: Object = null) -> List<Object>")
def shuffle(values: list[Any], seed: Any) -> list[Any]:
    """Returns a list in an order of chance, the same for the same seed; any order where the seed is false."""
    if seed is not None and not (isinstance(seed, int | float) and math.isfinite(seed)):
        raise InvalidExpression("'seed' has to be a whole number, or false.")
    made = list(values)
    random.Random(None if seed is False else int(seed or 0)).shuffle(made)
    return made


@table.listed("List.repeat(value: Object, count: Integer) -> List<Object>")
def repeat(value: Any, count: int) -> list[Any]:
    """Returns a list of a value so many times."""
    if count < 0:
        raise InvalidExpression(f"'count' is {count}; it has to be at least 0.")
    check_length(count)
    return [value] * count


@table.listed("List.unzip(list: List<Object>) -> List<List<Object>>")
def unzip(values: list[Any]) -> list[list[Any]]:
    """Returns the first elements of lists as one list, the second ones as another, up to the end of the shortest."""
    if not all(isinstance(value, list) for value in values):
        raise InvalidExpression("it needs a list of lists.")
    shortest = min(map(len, values), default=0)
    check_length(shortest * len(values))  # the same row may be there many times
    current().take(8 * shortest * len(values))
    return [[value[at] for value in values] for at in range(shortest)]


@table.listed('List.join(list: List<Object>, separator: String = "") -> String')
def join(values: list[Any], separator: str) -> str:
    """Returns the elements as one text, with another between them."""
    parts: list[str] = []
    length = -len(separator)
    for value in values:
        parts.append("null" if value is None else as_text(value))
        length += len(separator) + len(parts[-1])
        if length > MAX_ITEMS:
            raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return separator.join(parts)
