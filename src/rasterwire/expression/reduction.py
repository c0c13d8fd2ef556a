"""What reducers make of many values."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.reducers import Reducer
from rasterwire.expression.sizes import check_size

Column = Sequence[Any] | npt.NDArray[Any]


def reduce_columns(
    reducer: Reducer, columns: Sequence[Column], weights: npt.NDArray[np.float64] | None
) -> dict[str, Any]:
    """Return the results of a reducer by name, null for no values.

    Args:
        reducer: any.
        columns: one for each input of the reducer; all of one length; None stands for null.
        weights: of the rows; None counts each once.
    """
    values = _results(reducer, columns, weights)
    return dict(zip(reducer.outputs, values, strict=True))


def _results(reducer: Reducer, columns: Sequence[Column], weights: npt.NDArray[np.float64] | None) -> list[Any]:
    match reducer.kind:
        case "combine":
            made, at = [], 0
            for part in reducer.parts:
                taken = columns[: part.inputs] if reducer.is_shared else columns[at : at + part.inputs]
                made += _results(part, taken, weights)
                at += part.inputs
            return made
        case "repeat":
            (part,), (count,) = reducer.parts, reducer.parameters
            step = part.inputs
            each = [_results(part, columns[at * step : (at + 1) * step], weights) for at in range(count)]
            return [list(values) for values in zip(*each, strict=True)]
        case _:
            return _simple(reducer, columns, weights if reducer.is_weighted else None)


def _simple(reducer: Reducer, columns: Sequence[Column], weights: npt.NDArray[np.float64] | None) -> list[Any]:
    kind, first = reducer.kind, columns[0]
    if kind == "toList":
        size, optional = reducer.parameters
        needed = reducer.inputs - optional
        rows = [row for row in zip(*map(_plain_values, columns), strict=True) if None not in row[:needed]]
        return [[row[0] for row in rows] if size is None else [list(row) for row in rows]]
    if kind in {"first", "last"}:
        values = _plain_values(first)
        return [None if not len(values) else values[0 if kind == "first" else -1]]
    if kind in {"firstNonNull", "lastNonNull", "countDistinctNonNull", "countDistinct", "frequencyHistogram", "count"}:
        return [_of_anything(kind, first, weights)]
    numbers, heavy = _numbers(columns, weights)
    if reducer.inputs > 1:
        return _of_rows(reducer, numbers, heavy)
    return [_of_numbers(kind, reducer.parameters, numbers[0], heavy)]


def _plain_values(column: Column) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _of_anything(kind: str, column: Column, weights: npt.NDArray[np.float64] | None) -> Any:
    values = _plain_values(column)
    there = [value for value in values if value is not None]
    match kind:
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


def as_key(value: Any) -> str:
    """Return a value as the key of a table: 1.0 is the whole number 1."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        check_size(value)
    return str(number(value) if isinstance(value, int | float) else value)


def _alike(value: Any) -> Any:
    """Return what is equal for values that are the same to a client."""
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list | dict):
        check_size(value)
        return repr(value)
    return value if isinstance(value, str | None) else id(value)


def _numbers(
    columns: Sequence[Column], weights: npt.NDArray[np.float64] | None
) -> tuple[list[npt.NDArray[np.float64]], npt.NDArray[np.float64] | None]:
    """Return columns as floats, without the rows in which one is null."""
    made = []
    for column in columns:
        if isinstance(column, np.ndarray):
            made.append(column.astype(np.float64, copy=False))
            continue
        if not all(value is None or isinstance(value, int | float) for value in column):
            raise InvalidExpression("a reducer of numbers was given something else.")
        made.append(np.array([math.nan if value is None else value for value in column], np.float64))
    there = ~np.isnan(made[0])
    for column in made[1:]:
        there &= ~np.isnan(column)
    if there.all():
        return made, weights
    return [column[there] for column in made], None if weights is None else weights[there]


def _of_rows(
    reducer: Reducer, columns: Sequence[npt.NDArray[np.float64]], weights: npt.NDArray[np.float64] | None
) -> list[Any]:
    if not len(columns[0]):
        return [None] * len(reducer.outputs)
    if reducer.kind in {"min", "max"}:
        at = int(np.argmin(columns[0]) if reducer.kind == "min" else np.argmax(columns[0]))
        return [number(column[at]) for column in columns]
    x, y = columns
    heavy = np.ones(len(x)) if weights is None else weights
    if not heavy.sum():
        return [None, None]
    along, up = np.average(x, weights=heavy), np.average(y, weights=heavy)
    spread = float((heavy * (x - along) ** 2).sum())
    scale = float((heavy * (x - along) * (y - up)).sum()) / spread if spread else 0.0
    return [scale, float(up - scale * along)]


def _of_numbers(
    kind: str, parameters: tuple[Any, ...], values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64] | None
) -> Any:
    if not len(values):
        return {"sum": 0, "allNonZero": 1, "anyNonZero": 0}.get(kind)
    heavy = np.ones(len(values)) if weights is None else weights
    match kind:
        case "mean":
            return float((values * heavy).sum() / heavy.sum()) if heavy.sum() else None
        case "sum":
            return number((values * heavy).sum())
        case "product":
            return number(values.prod())
        case "min":
            return number(values.min())
        case "max":
            return number(values.max())
        case "allNonZero":
            return int(values.all())
        case "anyNonZero":
            return int(values.any())
        case "variance" | "stdDev":
            mean = (values * heavy).sum() / heavy.sum()
            variance = float((heavy * (values - mean) ** 2).sum() / heavy.sum())
            return math.sqrt(variance) if kind == "stdDev" else variance
        case "median":
            return number(np.median(values))
        case "mode":
            found, counts = np.unique(values, return_counts=True)
            return number(found[np.argmax(counts)])
        case "percentile":
            return number(np.percentile(values, parameters[0]))
        case "intervalMean":
            low, high = np.percentile(values, parameters)
            held = values[(values >= low) & (values <= high)]
            return float(held.mean() if len(held) else low)  # as for pixels: few values may all be outside
        case "histogram":
            return _histogram(values, heavy, *parameters)
        case _:
            raise InvalidExpression(f"reducer {kind}: not implemented by this server here.")


def _histogram(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], most: int, least_width: float
) -> dict[str, Any]:
    values, weights = values[np.isfinite(values)], weights[np.isfinite(values)]
    if not len(values):
        raise InvalidExpression("there are no finite numbers.")
    low, high = float(values.min()), float(values.max())
    if abs(low) > 1e15 or abs(high) > 1e15:
        raise InvalidExpression("numbers of over 1e15 are too large for a histogram.")
    width = least_width or 2.0 ** math.floor(math.log2(max((high - low) / most, 1e-300)) if high > low else 0)
    if not least_width and np.all(values == np.floor(values)):
        width = max(1.0, width)
    while (math.floor(high / width) - math.floor(low / width) + 1) > most:
        width *= 2
    first = math.floor(low / width)
    at = np.floor(values / width).astype(np.int64) - first
    counts = np.bincount(at, weights)
    means = [(first + index + (0.0 if width == 1.0 else 0.5)) * width for index in range(len(counts))]
    return {
        "bucketMeans": means,
        "bucketMin": first * width,
        "bucketWidth": width,
        "histogram": counts.tolist(),
    }


def number(value: Any) -> float | int:
    """Return a plain number, whole where it is."""
    plain = float(value)
    return int(plain) if math.isfinite(plain) and plain == int(plain) and abs(plain) < 1 << 53 else plain
