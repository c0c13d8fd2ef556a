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

MAX_ITEMS = 1_000_000
"""Elements of a list; characters of a text."""


def check_length(count: int) -> None:
    """Raise InvalidExpression for a list that is too long."""
    if count > MAX_ITEMS:
        said = f"{count:.6g}" if count > 1 << 53 else str(count)
        raise InvalidExpression(f"a list of {said} elements is too long, at most {MAX_ITEMS}.")


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
    """Returns what a function makes of each element."""
    made = [function(value) for value in values]
    return [value for value in made if value is not None] if drop else made


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
    if not all(math.isfinite(given) for given in (start, end or 0.0, step)):
        raise InvalidExpression("'start', 'end' and 'step' have to be finite numbers.")
    if count is None:
        assert end is not None
        if step == 0:
            raise InvalidExpression("'step' must not be 0.")
        share = (end - start) / step
        if not math.isfinite(share):
            raise InvalidExpression("'start', 'end' and 'step' have to be finite numbers.")
        count = max(0, math.floor(share + 1e-9) + 1)
    elif end is not None:
        step = (end - start) / (count - 1) if count > 1 else 0.0
    check_length(count)
    return [number(start + step * at) for at in range(count)]


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
    return any(same(value, element) for value in values)


@table.listed("List.reduce(list: List<Object>, reducer: Reducer) -> Object")
def reduce_(values: list[Any], reducer: Reducer) -> Any:
    """Applies a reducer to a list; of several outputs, returns them by name."""
    columns = [values]
    if reducer.inputs > 1:
        if not all(isinstance(row, list) and len(row) >= reducer.inputs for row in values):
            raise InvalidExpression(f"the reducer takes {reducer.inputs} inputs, so it needs a list of lists.")
        columns = [[row[at] for row in values] for at in range(reducer.inputs)]
    made = reduce_columns(reducer, columns, None)
    return next(iter(made.values())) if len(made) == 1 else made


@table.listed("List.sort(list: List<Object>, keys: List<Object> = null) -> List<Object>")
def sort(values: list[Any], keys: list[Any] | None) -> list[Any]:
    """Sorts a list, by its own values or by others."""
    if keys is not None and len(keys) != len(values):
        raise InvalidExpression(f"'keys' has {len(keys)} elements, and the list {len(values)}.")
    by = values if keys is None else keys
    return [values[at] for at in sorted(range(len(values)), key=lambda at: order(by[at]))]


def order(value: Any) -> tuple[Any, ...]:
    """Return by what values sort: numbers before texts before all else; null last."""
    match value:
        case str() | int() | float() | None:
            pass
        case _:
            check_size(value)
    return _order(value)


def _order(value: Any) -> tuple[Any, ...]:
    match value:
        case None:
            return (9,)
        case bool() | int() | float():
            return 0, value
        case str():
            return 1, value
        case list():
            return 2, tuple(_order(item) for item in value)
        case Mapping():
            return 3, "", tuple((key, _order(value[key])) for key in sorted(value))
        case ImageValue() | CollectionValue():
            return 3, f"{type(value).__name__} {id(value)}"
        case _:
            return 3, as_text(value)


@table.listed("List.reverse(list: List<Object>) -> List<Object>")
def reverse(values: list[Any]) -> list[Any]:
    """Returns a list from its end to its begin."""
    return values[::-1]


@table.listed("List.zip(list: List<Object>, other: List<Object>) -> List<List<Object>>")
def zip_(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns pairs of elements of two lists."""
    return [list(pair) for pair in zip(values, other, strict=False)]


@table.listed("List.flatten(list: List<Object>) -> List<Object>")
def flatten(values: list[Any]) -> list[Any]:
    """Returns the elements of all lists within a list."""
    check_size(values)
    found: list[Any] = []
    pending = [iter(values)]
    while pending:
        item = next(pending[-1], pending)
        if item is pending:
            pending.pop()
        elif isinstance(item, list):
            pending.append(iter(item))
        else:
            found.append(item)
            check_length(len(found))
    return found


@table.listed("List.distinct(list: List<Object>) -> List<Object>")
def distinct(values: list[Any]) -> list[Any]:
    """Returns each different element once."""
    seen: dict[Any, Any] = {}
    for value in values:
        seen.setdefault(order(value), value)
    return list(seen.values())


@table.listed("List.remove(list: List<Object>, element: Object) -> List<Object>")
def remove(values: list[Any], element: Any) -> list[Any]:
    """Returns a list without the first of an element."""
    at = next((at for at, value in enumerate(values) if same(value, element)), None)
    return values if at is None else values[:at] + values[at + 1 :]


@table.listed("List.removeAll(list: List<Object>, other: List<Object>) -> List<Object>")
def remove_all(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns a list without the elements of another."""
    unwanted = {order(value) for value in other}
    return [value for value in values if order(value) not in unwanted]


@table.listed("List.cat(list: List<Object>, other: List<Object>) -> List<Object>")
def cat(values: list[Any], other: list[Any]) -> list[Any]:
    """Returns the elements of two lists."""
    check_length(len(values) + len(other))
    return values + other


@table.listed("List.add(list: List<Object>, element: Object) -> List<Object>")
def add(values: list[Any], element: Any) -> list[Any]:
    """Returns a list with an element behind."""
    check_length(len(values) + 1)
    return [*values, element]


@table.listed("List.iterate(list: List<Object>, function: Algorithm, first: Object) -> Object")
def iterate(values: list[Any], function: FunctionValue, first: Any) -> Any:
    """Hands each element and the result before to a function, and returns the last result."""
    for value in values:
        first = function(value, first)
    return first


def same(first: Any, second: Any) -> bool:
    """Tell whether two values are the same to a client: 1 and 1.0 are."""
    if isinstance(first, ImageValue) or isinstance(second, ImageValue):
        return first is second
    return bool(order(first) == order(second))


@table.listed("If(condition: Object = null, trueCase: Object = null, falseCase: Object = null) -> Object")
def if_(condition: Any, first: Any, second: Any) -> Any:
    """Returns one of two values by a condition; only that one is computed."""
    raise AssertionError("the evaluation chooses before it computes")
