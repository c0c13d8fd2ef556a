"""Functions on lists."""

import math
from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import as_text
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.sizes import check_size
from rasterwire.expression.language.values import CollectionValue, FunctionValue, ImageValue
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.of_lists import reduce_columns
from rasterwire.units import plural_text

MAX_ITEMS = 1_000_000
"""Elements of a list; characters of a text."""


def check_length(count: int) -> None:
    """Raise InvalidExpression for a list that is too long."""
    if count > MAX_ITEMS:
        size = f"{count:.6g}" if count > 1 << 53 else str(count)
        raise InvalidExpression(f"a list of {size} elements is too long, at most {MAX_ITEMS}.")


@table.listed("List.get(list: List<Object>, index: Integer) -> Object")
def get(values: list[Any], index: int) -> Any:
    """Returns the element at a position; negative ones count from the end."""
    if not values:
        raise InvalidExpression(f"the list is empty, and has no element {index}; is a collection empty?")
    if not -len(values) <= index < len(values):
        raise InvalidExpression(f"List index must be between 0 and {len(values) - 1}, or negative; it is {index}.")
    return values[index]


@table.listed("List.map(list: List<Object>, baseAlgorithm: Algorithm, dropNulls: Boolean = false) -> List<Object>")
def map_(values: list[Any], function: FunctionValue, drop: bool) -> list[Any]:
    """Returns the results of a function for each element."""
    results = [function(value) for value in values]
    return [value for value in results if value is not None] if drop else results


@table.listed(
    "List.slice(list: List<Object>, start: Integer, end: Integer = null, step: Integer = null) -> List<Object>"
)
def slice_(values: list[Any], start: int, end: int | None, step: int | None) -> list[Any]:
    """Returns the elements from one position to before another; negative ones count from the end."""
    if step is not None and step < 1:
        raise InvalidExpression(f"'step' is {step}; it has to be at least 1.")
    return values[start:end:step]


@table.listed(
    "List.sequence(start: Number, end: Number = null, step: Number = 1.0, count: Integer = null) -> List<Object>"
)
def sequence(start: float, end: float | None, step: float, count: int | None) -> list[Any]:
    """Returns numbers from start to end, both included, by a step or by their count."""
    if count is None and end is None:
        raise InvalidExpression("'end' or 'count' is required.")
    if not all(math.isfinite(value) for value in (start, end or 0.0, step)):
        raise InvalidExpression("'start', 'end' and 'step' have to be finite numbers.")
    if count is None:
        assert end is not None
        if step == 0:
            raise InvalidExpression("'step' must not be 0.")
        quotient = (end - start) / step
        if not math.isfinite(quotient):
            raise InvalidExpression("'start', 'end' and 'step' have to be finite numbers.")
        count = max(0, math.floor(quotient + 1e-9) + 1)
    elif end is not None:
        step = (end - start) / (count - 1) if count > 1 else 0.0
    check_length(count)
    return [number(start + step * index) for index in range(count)]


@table.listed("List.size(list: List<Object>) -> Integer")
def size(values: list[Any]) -> int:
    """Returns the number of elements."""
    return len(values)


@table.listed("List.length(list: List<Object>) -> Integer")
def length(values: list[Any]) -> int:
    """Returns the number of elements."""
    return len(values)


@table.listed("List.contains(list: List<Object>, element: Object) -> Boolean")
def contains(values: list[Any], element: Any) -> bool:
    """Tells whether a list has an element."""
    return any(are_equal(value, element) for value in values)


@table.listed("List.reduce(list: List<Object>, reducer: Reducer) -> Object")
def reduce_(values: list[Any], reducer: Reducer) -> Any:
    """Applies a reducer to a list; returns several outputs by name."""
    columns = [values]
    if reducer.inputs > 1:
        if not all(isinstance(row, list) and len(row) >= reducer.inputs for row in values):
            raise InvalidExpression(f"the reducer takes {reducer.inputs} inputs, so it needs a list of lists.")
        columns = [[row[index] for row in values] for index in range(reducer.inputs)]
    results = reduce_columns(reducer, columns, weights=None)
    return next(iter(results.values())) if len(results) == 1 else results


@table.listed("List.sort(list: List<Object>, keys: List<Object> = null) -> List<Object>")
def sort(values: list[Any], keys: list[Any] | None) -> list[Any]:
    """Sorts a list by its own values, or by the values of another list."""
    if keys is not None and len(keys) != len(values):
        raise InvalidExpression(f"'keys' has {plural_text(len(keys), 'element')}, and the list {len(values)}.")
    sort_values = values if keys is None else keys
    return [values[index] for index in sorted(range(len(values)), key=lambda index: sort_key(sort_values[index]))]


def sort_key(value: Any) -> tuple[Any, ...]:
    """Return a key by which values sort: numbers, then texts, then all other values; null last."""
    match value:
        case str() | int() | float() | None:
            pass
        case _:
            check_size(value)
    return _sort_key(value)


def _sort_key(value: Any) -> tuple[Any, ...]:
    match value:
        case None:
            return (9,)
        case bool() | int() | float():
            return 0, value
        case str():
            return 1, value
        case list():
            return 2, tuple(_sort_key(item) for item in value)
        case Mapping():
            return 3, "", tuple((key, _sort_key(value[key])) for key in sorted(value))
        case ImageValue() | CollectionValue():
            return 3, f"{type(value).__name__} {id(value)}"
        case _:
            return 3, as_text(value)


@table.listed("List.reverse(list: List<Object>) -> List<Object>")
def reverse(values: list[Any]) -> list[Any]:
    """Returns a list in reverse order."""
    return values[::-1]


@table.listed("List.zip(list: List<Object>, other: List<Object>) -> List<List<Object>>")
def zip_(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns pairs of elements of two lists."""
    return [list(pair) for pair in zip(values, other, strict=False)]


@table.listed("List.flatten(list: List<Object>) -> List<Object>")
def flatten(values: list[Any]) -> list[Any]:
    """Returns the elements of all lists within a list."""
    check_size(values)
    items: list[Any] = []
    pending = [iter(values)]
    while pending:
        item = next(pending[-1], pending)
        if item is pending:
            pending.pop()
        elif isinstance(item, list):
            pending.append(iter(item))
        else:
            items.append(item)
            check_length(len(items))
    return items


@table.listed("List.distinct(list: List<Object>) -> List<Object>")
def distinct(values: list[Any]) -> list[Any]:
    """Returns each different element once."""
    elements: dict[Any, Any] = {}
    for value in values:
        elements.setdefault(sort_key(value), value)
    return list(elements.values())


@table.listed("List.remove(list: List<Object>, element: Object) -> List<Object>")
def remove(values: list[Any], element: Any) -> list[Any]:
    """Returns a list without the first element that is equal to a value."""
    position = next((position for position, value in enumerate(values) if are_equal(value, element)), None)
    return values if position is None else values[:position] + values[position + 1 :]


@table.listed("List.removeAll(list: List<Object>, other: List<Object>) -> List<Object>")
def remove_all(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns a list without the elements that another list has."""
    unwanted = {sort_key(value) for value in other}
    return [value for value in values if sort_key(value) not in unwanted]


@table.listed("List.cat(list: List<Object>, other: List<Object>) -> List<Object>")
def cat(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns the elements of two lists as one list."""
    check_length(len(values) + len(other))
    return values + other


@table.listed("List.add(list: List<Object>, element: Object) -> List<Object>")
def add(values: list[Any], element: Any) -> list[Any]:
    """Returns a list with an element added at its end."""
    check_length(len(values) + 1)
    return [*values, element]


@table.listed("List.iterate(list: List<Object>, function: Algorithm, first: Object) -> Object")
def iterate(values: list[Any], function: FunctionValue, first: Any) -> Any:
    """Calls a function with each element and the result of the call before; returns the last result."""
    for value in values:
        first = function(value, first)
    return first


def are_equal(first: Any, second: Any) -> bool:
    """Tell whether two values are equal for a client, as 1 and 1.0 are."""
    if isinstance(first, ImageValue) or isinstance(second, ImageValue):
        return first is second
    return bool(sort_key(first) == sort_key(second))


@table.listed("If(condition: Object = null, trueCase: Object = null, falseCase: Object = null) -> Object")
def if_(condition: Any, true_case: Any, false_case: Any) -> Any:
    """Returns one of two values by a condition; only this one is computed."""
    raise AssertionError("the evaluation handles If itself")
