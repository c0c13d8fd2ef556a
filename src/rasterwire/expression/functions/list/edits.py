"""Functions that return edited copies of lists."""

import math
import random
from typing import Any

from rasterwire.budget import current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import as_text
from rasterwire.expression.functions.list.lists import MAX_ITEMS, are_equal, check_length
from rasterwire.expression.language.signature import table
from rasterwire.units import plural_text


def _position(values: list[Any], index: int, name: str = "index", *, end: bool = False) -> int:
    """Return a position from the start of a list; negative ones count from its end.

    Args:
        values: the list.
        index: from the request.
        name: of the argument.
        end: whether the position after the last element is allowed.
    """
    final = len(values) - (not end)
    if not -len(values) <= index <= final:
        raise InvalidExpression(f"'{name}' is {index}, and the list has {plural_text(len(values), 'element')}.")
    return index % len(values) if index < 0 else index


@table.listed("List.insert(list: List<Object>, index: Integer, element: Object) -> List<Object>")
def insert(values: list[Any], index: int, element: Any) -> list[Any]:
    """Returns a list with an element inserted at a position; negative positions count from the end."""
    check_length(len(values) + 1)
    position = _position(values, index, end=True)
    return [*values[:position], element, *values[position:]]


@table.listed("List.set(list: List<Object>, index: Integer, element: Object) -> List<Object>")
def set_(values: list[Any], index: int, element: Any) -> list[Any]:
    """Returns a list with another element at a position; negative positions count from the end."""
    copy = list(values)
    copy[_position(values, index)] = element
    return copy


@table.listed("List.swap(list: List<Object>, pos1: Integer, pos2: Integer) -> List<Object>")
def swap(values: list[Any], position1: int, position2: int) -> list[Any]:
    """Returns a list with two elements exchanged; negative positions count from the end."""
    index1, index2 = _position(values, position1, "pos1"), _position(values, position2, "pos2")
    copy = list(values)
    copy[index1], copy[index2] = values[index2], values[index1]
    return copy


@table.listed(
    "List.splice(list: List<Object>, start: Integer, count: Integer, other: List<Object> = null) -> List<Object>"
)
def splice(values: list[Any], start: int, count: int, other: list[Any] | None) -> list[Any]:
    """Returns a list with the elements of another in place of some; a negative start counts from the end."""
    if count < 0:
        raise InvalidExpression(f"'count' is {count}; it has to be at least 0.")
    position = _position(values, start, "start", end=True)
    result = [*values[:position], *(other or []), *values[position + count :]]
    check_length(len(result))
    return result


@table.listed("List.replace(list: List<Object>, oldval: Object, newval: Object) -> List<Object>")
def replace(values: list[Any], old: Any, new: Any) -> list[Any]:
    """Returns a list with the first element that is equal to a value replaced."""
    position = next((position for position, value in enumerate(values) if are_equal(value, old)), None)
    return values if position is None else [*values[:position], new, *values[position + 1 :]]


@table.listed("List.replaceAll(list: List<Object>, oldval: Object, newval: Object) -> List<Object>")
def replace_all(values: list[Any], old: Any, new: Any) -> list[Any]:
    """Returns a list with each element that is equal to a value replaced."""
    return [new if are_equal(value, old) else value for value in values]


@table.listed("List.rotate(list: List<Object>, distance: Integer) -> List<Object>")
def rotate(values: list[Any], distance: int) -> list[Any]:
    """Returns a list rotated towards its end; elements at the end move to the start."""
    position = -distance % len(values) if values else 0
    return values[position:] + values[:position]


@table.listed("List.shuffle(list: List<Object>, seed: Object = null) -> List<Object>")
def shuffle(values: list[Any], seed: Any) -> list[Any]:
    """Returns a list in random order: the same order for the same seed, any order where the seed is false."""
    if seed is not None and not (isinstance(seed, int | float) and math.isfinite(seed)):
        raise InvalidExpression("'seed' has to be a whole number, or false.")
    copy = list(values)
    random.Random(None if seed is False else int(seed or 0)).shuffle(copy)
    return copy


@table.listed("List.repeat(value: Object, count: Integer) -> List<Object>")
def repeat(value: Any, count: int) -> list[Any]:
    """Returns a list that repeats a value so many times."""
    if count < 0:
        raise InvalidExpression(f"'count' is {count}; it has to be at least 0.")
    check_length(count)
    return [value] * count


@table.listed("List.unzip(list: List<Object>) -> List<List<Object>>")
def unzip(values: list[Any]) -> list[list[Any]]:
    """Returns the first elements of all lists as one list, the second ones as another, up to the shortest list."""
    if not all(isinstance(value, list) for value in values):
        raise InvalidExpression("'list' has to be a list of lists.")
    shortest = min(map(len, values), default=0)
    check_length(shortest * len(values))  # the list may have the same row many times
    current().take(8 * shortest * len(values))
    return [[value[column] for value in values] for column in range(shortest)]


@table.listed('List.join(list: List<Object>, separator: String = "") -> String')
def join(values: list[Any], separator: str) -> str:
    """Returns the elements as one text, with a separator between them."""
    parts: list[str] = []
    length = -len(separator)
    for value in values:
        parts.append("null" if value is None else as_text(value))
        length += len(separator) + len(parts[-1])
        if length > MAX_ITEMS:
            raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return separator.join(parts)
