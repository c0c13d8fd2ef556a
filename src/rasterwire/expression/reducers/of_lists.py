"""Reduction of lists and columns, whose values may be of any type."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.formatting import as_key
from rasterwire.expression.language.sizes import check_size
from rasterwire.expression.reducers.definitions import Reducer, Results, assemble
from rasterwire.expression.reducers.streaming import Tallies
from rasterwire.expression.reducers.table import REDUCERS, ListEngine

Column = Sequence[Any]
Floats = npt.NDArray[np.float64]


def reduce_columns(reducer: Reducer, columns: Sequence[Column], weights: Floats | None) -> dict[str, Any]:
    """Return the results of a reducer by output; null where there are no values.

    Args:
        reducer: any.
        columns: one for each input of the reducer, all of one length; None stands for null.
        weights: of the rows; None counts each row once.
    """

    def build(part: Reducer, first_column: int) -> Results:
        own_columns = columns[first_column : first_column + part.inputs]
        return lambda: _simple(part, own_columns, weights if part.is_weighted else None)

    return dict(zip(reducer.outputs, assemble(reducer, 0, build)(), strict=True))


def _simple(reducer: Reducer, columns: Sequence[Column], weights: Floats | None) -> list[Any]:
    kind, values = reducer.kind, columns[0]
    if REDUCERS[kind].over_lists is not ListEngine.OBJECTS:
        tallies = Tallies(reducer)
        tallies.add([_numbers(column) for column in columns], weights)
        return list(tallies.results().values())
    if kind == "toList":
        size, optional = reducer.parameters
        needed = reducer.inputs - optional
        rows = [row for row in zip(*columns, strict=True) if None not in row[:needed]]
        return [[row[0] for row in rows] if size is None else [list(row) for row in rows]]
    return [_reduce_objects(kind, values, weights)]


def _reduce_objects(kind: str, values: Column, weights: Floats | None) -> Any:
    present = [value for value in values if value is not None]
    match kind:
        case "first" | "last":
            return None if not values else values[0 if kind == "first" else -1]
        case "count":
            return len(present)
        case "firstNonNull":
            return present[0] if present else None
        case "lastNonNull":
            return present[-1] if present else None
        case "frequencyHistogram":
            counts: dict[str, float] = {}
            row_weights = np.ones(len(values)) if weights is None else weights
            for value, weight in zip(values, row_weights.tolist(), strict=True):
                if value is not None:
                    key = as_key(value)
                    counts[key] = counts.get(key, 0.0) + weight
            return dict(sorted(counts.items()))
        case _:
            return len({_identity(value) for value in (values if kind == "countDistinct" else present)})


def _identity(value: Any) -> Any:
    """Return a key that is equal for values that are the same to a client."""
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | dict):
        check_size(value)
        return repr(value)
    return value if isinstance(value, str | None) else id(value)


def _numbers(column: Column) -> Floats:
    """Return a column as floats, NaN for null."""
    if not all(value is None or isinstance(value, int | float) for value in column):
        raise InvalidExpression("a reducer of numbers got a value that is not a number.")
    return np.array([np.nan if value is None else value for value in column], np.float64)
