"""What reducers make of lists and columns, which may hold anything."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.formatting import as_key
from rasterwire.expression.language.sizes import check_size
from rasterwire.expression.reducers.definitions import Reducer, Results, assembled
from rasterwire.expression.reducers.streaming import Tallies

Column = Sequence[Any]
Floats = npt.NDArray[np.float64]


def reduce_columns(reducer: Reducer, columns: Sequence[Column], weights: Floats | None) -> dict[str, Any]:
    """Return the results of a reducer by name, null for no values.

    Args:
        reducer: any.
        columns: one for each input of the reducer; all of one length; None stands for null.
        weights: of the rows; None counts each once.
    """

    def begin(simple: Reducer, first: int) -> Results:
        taken = columns[first : first + simple.inputs]
        return lambda: _simple(simple, taken, weights if simple.is_weighted else None)

    return dict(zip(reducer.outputs, assembled(reducer, 0, begin)(), strict=True))


def _simple(reducer: Reducer, columns: Sequence[Column], weights: Floats | None) -> list[Any]:
    kind, first = reducer.kind, columns[0]
    if kind == "toList":
        size, optional = reducer.parameters
        needed = reducer.inputs - optional
        rows = [row for row in zip(*columns, strict=True) if None not in row[:needed]]
        return [[row[0] for row in rows] if size is None else [list(row) for row in rows]]
    if kind in _of_anything:
        return [_made_of_anything(kind, first, weights)]
    tallies = Tallies(reducer)
    tallies.add([_numbers(column) for column in columns], weights)
    return list(tallies.results().values())


_of_anything = frozenset(
    {"first", "last", "firstNonNull", "lastNonNull", "countDistinct", "countDistinctNonNull", "frequencyHistogram"}
) | {"count"}


def _made_of_anything(kind: str, values: Column, weights: Floats | None) -> Any:
    there = [value for value in values if value is not None]
    match kind:
        case "first" | "last":
            return None if not values else values[0 if kind == "first" else -1]
        case "count":
            return len(there)
        case "firstNonNull":
            return there[0] if there else None
        case "lastNonNull":
            return there[-1] if there else None
        case "frequencyHistogram":
            counts: dict[str, float] = {}
            heavy = np.ones(len(values)) if weights is None else weights
            for value, weight in zip(values, heavy.tolist(), strict=True):
                if value is not None:
                    key = as_key(value)
                    counts[key] = counts.get(key, 0.0) + weight
            return dict(sorted(counts.items()))
        case _:
            return len({_alike(value) for value in (values if kind == "countDistinct" else there)})


def _alike(value: Any) -> Any:
    """Return what is equal for values that are the same to a client."""
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | dict):
        check_size(value)
        return repr(value)
    return value if isinstance(value, str | None) else id(value)


def _numbers(column: Column) -> Floats:
    """Return a column as floats, NaN for null."""
    if not all(value is None or isinstance(value, int | float) for value in column):
        raise InvalidExpression("a reducer of numbers was given something else.")
    return np.array([np.nan if value is None else value for value in column], np.float64)
