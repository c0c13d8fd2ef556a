"""Functions that search lists."""

from collections.abc import Sequence
from typing import Any

from rasterwire.expression.functions.list.lists import are_equal, sort_key
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import FeatureValue, FilterValue, ImageValue


@table.listed("List.containsAll(list: List<Object>, other: List<Object>) -> Boolean")
def contains_all(values: list[Any], other: list[Any]) -> bool:
    """Tells whether a list has all elements of another, in any order."""
    return {sort_key(value) for value in other} <= {sort_key(value) for value in values}


@table.listed("List.equals(list: List<Object>, other: List<Object>) -> Boolean")
def equals(values: list[Any], other: list[Any]) -> bool:
    """Tells whether two lists have the same elements in the same order."""
    return len(values) == len(other) and all(map(are_equal, values, other))


@table.listed("List.frequency(list: List<Object>, element: Object) -> Integer")
def frequency(values: list[Any], element: Any) -> int:
    """Counts the elements that are equal to a value."""
    return sum(are_equal(value, element) for value in values)


@table.listed("List.indexOf(list: List<Object>, element: Object) -> Integer")
def index_of(values: list[Any], element: Any) -> int:
    """Returns the position of the first element that is equal to a value, or -1."""
    return next((index for index, value in enumerate(values) if are_equal(value, element)), -1)


@table.listed("List.indexOfSublist(list: List<Object>, target: List<Object>) -> Integer")
def index_of_sublist(values: list[Any], target: list[Any]) -> int:
    """Returns the position where a list first contains another list as a run of elements, or -1."""
    return _find(list(map(sort_key, values)), list(map(sort_key, target)))


@table.listed("List.lastIndexOfSubList(list: List<Object>, target: List<Object>) -> Integer")
def last_index_of_sublist(values: list[Any], target: list[Any]) -> int:
    """Returns the position where a list last contains another list as a run of elements, or -1."""
    position = _find(list(map(sort_key, reversed(values))), list(map(sort_key, reversed(target))))
    return position if position < 0 else len(values) - len(target) - position


def _find(keys: Sequence[Any], pattern: Sequence[Any]) -> int:
    """Return the position of the first occurrence of a pattern in a sequence, or -1, in linear time.

    Source: Knuth, Morris and Pratt, Fast pattern matching in strings, 1977.
    """
    fallback = [0] * len(pattern)
    """The length of the longest start of the pattern that also ends at each index."""
    length = 0
    for index in range(1, len(pattern)):
        while length and pattern[index] != pattern[length]:
            length = fallback[length - 1]
        length += pattern[index] == pattern[length]
        fallback[index] = length
    length = 0
    for index in range(len(keys) + 1):
        if length == len(pattern):
            return index - length
        if index == len(keys):
            break
        while length and keys[index] != pattern[length]:
            length = fallback[length - 1]
        length += keys[index] == pattern[length]
    return -1


@table.listed("List.filter(list: List<Object>, filter: Filter) -> List<Object>")
def filter_(values: list[Any], condition: FilterValue) -> list[Any]:
    """Returns the elements that pass a filter; it finds values that are no elements under the property 'item'."""
    return [
        value
        for value in values
        if condition.accepts(
            value if isinstance(value, ImageValue | FeatureValue) else FeatureValue(None, {"item": value})
        )
    ]
