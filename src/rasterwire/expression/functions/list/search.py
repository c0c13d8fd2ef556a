"""Functions that look for elements of lists."""

from collections.abc import Sequence
from typing import Any

from rasterwire.expression.functions.list.lists import order, same
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import FeatureValue, FilterValue, ImageValue


@table.listed("List.containsAll(list: List<Object>, other: List<Object>) -> Boolean")
def contains_all(values: list[Any], other: list[Any]) -> bool:
    """Tells whether a list has all elements of another, in any order."""
    return {order(value) for value in other} <= {order(value) for value in values}


@table.listed("List.equals(list: List<Object>, other: List<Object>) -> Boolean")
def equals(values: list[Any], other: list[Any]) -> bool:
    """Tells whether two lists have the same elements in the same order."""
    return len(values) == len(other) and all(map(same, values, other))


@table.listed("List.frequency(list: List<Object>, element: Object) -> Integer")
def frequency(values: list[Any], element: Any) -> int:
    """Returns how many elements are equal to a value."""
    return sum(same(value, element) for value in values)


@table.listed("List.indexOf(list: List<Object>, element: Object) -> Integer")
def index_of(values: list[Any], element: Any) -> int:
    """Returns the position of the first element that is equal to a value, or -1."""
    return next((at for at, value in enumerate(values) if same(value, element)), -1)


@table.listed("List.indexOfSublist(list: List<Object>, target: List<Object>) -> Integer")
def index_of_sublist(values: list[Any], target: list[Any]) -> int:
    """Returns where a list first has the elements of another one after the other, or -1."""
    return _found(list(map(order, values)), list(map(order, target)))


@table.listed("List.lastIndexOfSubList(list: List<Object>, target: List<Object>) -> Integer")
def last_index_of_sublist(values: list[Any], target: list[Any]) -> int:
    """Returns where a list last has the elements of another one after the other, or -1."""
    at = _found(list(map(order, reversed(values))), list(map(order, reversed(target))))
    return at if at < 0 else len(values) - len(target) - at


def _found(keys: Sequence[Any], sought: Sequence[Any]) -> int:
    """Return where a sequence is first found within another, or -1, in time that is not their product.

    Source: Knuth, Morris and Pratt, Fast pattern matching in strings, 1977.
    """
    fallback = [0] * len(sought)
    """How much of the begin ends at each place, to go on with where the next one differs."""
    known = 0
    for at in range(1, len(sought)):
        while known and sought[at] != sought[known]:
            known = fallback[known - 1]
        known += sought[at] == sought[known]
        fallback[at] = known
    known = 0
    for at in range(len(keys) + 1):
        if known == len(sought):
            return at - known
        if at == len(keys):
            break
        while known and keys[at] != sought[known]:
            known = fallback[known - 1]
        known += keys[at] == sought[known]
    return -1


@table.listed("List.filter(list: List<Object>, filter: Filter) -> List<Object>")
def filter_(values: list[Any], condition: FilterValue) -> list[Any]:
    """Returns the elements that a filter passes; those that are no images or features have a property 'item'."""
    return [
        value
        for value in values
        if condition.accepts(
            value if isinstance(value, ImageValue | FeatureValue) else FeatureValue(None, {"item": value})
        )
    ]
