"""Reducers: what they are called, and what they make of many values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.signature import table
from rasterwire.expression.sizes import check_size

_MOST_INPUTS = 10_000

_WEIGHTED = frozenset({"mean", "sum", "stdDev", "variance", "histogram", "frequencyHistogram", "linearFit"})


@dataclass(frozen=True, slots=True)
class Reducer:
    """A way to make one value, or a few, of many.

    Attributes:
        kind: the name of the function that makes it; ``combine`` and ``repeat`` are made of others.
        parameters: of the kind.
        inputs: values it takes at a time.
        outputs: names of its results.
        parts: of a combination, in order; the only one that is repeated.
        is_shared: whether the parts of a combination all take the same inputs.
        is_weighted: whether the weights of pixels count.
    """

    kind: str
    parameters: tuple[Any, ...] = ()
    inputs: int = 1
    outputs: tuple[str, ...] = ()
    parts: tuple["Reducer", ...] = ()
    is_shared: bool = False
    is_weighted: bool = True

    @property
    def weighs(self) -> bool:
        """Whether a pixel that lies partly within a region counts by its share."""
        if self.parts:
            return all(part.weighs for part in self.parts)
        return self.is_weighted and self.kind in _WEIGHTED

    def simple_parts(self) -> list["Reducer"]:
        """Return the reducers a combination is made of, flat; itself where it is none."""
        if self.kind != "combine":
            return [self]
        return [simple for part in self.parts for simple in part.simple_parts()]


def _plain(kind: str, output: str, said: str, *names: str) -> None:
    made = Reducer(kind, outputs=(output,))
    call = lambda: made  # noqa: E731
    call.__doc__ = said
    for name in names or (kind,):
        table.listed(f"Reducer.{name}() -> Reducer")(call)


_plain("mean", "mean", "Computes the mean.")
_plain("sum", "sum", "Computes the sum.")
_plain("count", "count", "Counts the values that are not null.")
_plain("stdDev", "stdDev", "Computes the standard deviation of the population.")
_plain("variance", "variance", "Computes the variance of the population.")
_plain("first", "first", "Returns the first value.")
_plain("firstNonNull", "first", "Returns the first value that is not null.")
_plain("last", "last", "Returns the last value.")
_plain("lastNonNull", "last", "Returns the last value that is not null.")
_plain("product", "product", "Computes the product.")
_plain("allNonZero", "all", "1 where all values are not 0.")
_plain("anyNonZero", "any", "1 where one value is not 0.")
_plain("countDistinct", "count", "Counts different values.")
_plain("countDistinctNonNull", "count", "Counts different values that are not null.")
_plain("frequencyHistogram", "histogram", "Counts how often each value is met.")


@table.listed("Reducer.minMax() -> Reducer")
def min_max() -> Reducer:
    """Computes the least and the greatest value."""
    return Reducer("combine", outputs=("min", "max"), parts=(_extreme("min"), _extreme("max")), is_shared=True)


def _extreme(kind: str) -> Reducer:
    return Reducer(kind, outputs=(kind,))


@table.listed("Reducer.min(numInputs: Integer = 1.0) -> Reducer")
def minimum(inputs: int) -> Reducer:
    """Returns the least value; of tuples, the one whose first value is least."""
    return _of_tuples("min", inputs)


@table.listed("Reducer.max(numInputs: Integer = 1.0) -> Reducer")
def maximum(inputs: int) -> Reducer:
    """Returns the greatest value; of tuples, the one whose first value is greatest."""
    return _of_tuples("max", inputs)


def _of_tuples(kind: str, inputs: int) -> Reducer:
    if not 1 <= inputs <= 1000:
        raise InvalidExpression(f"'numInputs' is {inputs}; it has to be between 1 and 1000.")
    others = [kind, *(f"{kind}{at}" for at in range(1, inputs))]
    return Reducer(kind, inputs=inputs, outputs=tuple(others))


_buckets = "maxBuckets: Integer = null, minBucketWidth: Float = null, maxRaw: Integer = null"


@table.listed(f"Reducer.median({_buckets}) -> Reducer")
def median(_: int | None, __: float | None, ___: int | None) -> Reducer:
    """Computes the median, exactly."""
    return Reducer("median", outputs=("median",))


@table.listed(f"Reducer.mode({_buckets}) -> Reducer")
def mode(_: int | None, __: float | None, ___: int | None) -> Reducer:
    """Returns the commonest value, the least of several."""
    return Reducer("mode", outputs=("mode",))


@table.listed(f"Reducer.percentile(percentiles: List<Number>, outputNames: List<String> = null, {_buckets}) -> Reducer")
def percentile(
    percents: list[float], names: list[str] | None, _: int | None, __: float | None, ___: int | None
) -> Reducer:
    """Computes percentiles, exactly: between two values by how far they are."""
    if len(percents) > 1000:
        raise InvalidExpression(f"{len(percents)} percentiles are too many, at most 1000.")
    if not percents or not all(0 <= p <= 100 for p in percents):
        raise InvalidExpression("'percentiles' has to be numbers between 0 and 100.")
    if names is not None and len(names) != len(percents):
        raise InvalidExpression(f"'outputNames' has {len(names)} names for {len(percents)} percentiles.")
    outputs = names or [f"p{p:g}" for p in percents]
    parts = tuple(Reducer("percentile", (float(p),), outputs=(o,)) for p, o in zip(percents, outputs, strict=True))
    if len(parts) == 1:
        return parts[0]
    return Reducer("combine", outputs=tuple(outputs), parts=parts, is_shared=True)


@table.listed(f"Reducer.intervalMean(minPercentile: Float, maxPercentile: Float, {_buckets}) -> Reducer")
def interval_mean(low: float, high: float, _: int | None, __: float | None, ___: int | None) -> Reducer:
    """Computes the mean of the values between two percentiles."""
    if not 0 <= low <= high <= 100:
        raise InvalidExpression("'minPercentile' and 'maxPercentile' have to be between 0 and 100, in this order.")
    return Reducer("intervalMean", (float(low), float(high)), outputs=("mean",))


@table.listed(f"Reducer.histogram({_buckets}) -> Reducer")
def histogram(buckets: int | None, width: float | None, _: int | None) -> Reducer:
    """Computes a histogram of buckets of one width, a power of two of the least width."""
    most = 256 if buckets is None else buckets
    if not 1 <= most <= 1 << 20:
        raise InvalidExpression(f"'maxBuckets' is {most}; it has to be between 1 and {1 << 20}.")
    if width is not None and not 0 <= width < math.inf:
        raise InvalidExpression(f"'minBucketWidth' is {width:g}; it must not be negative.")
    return Reducer("histogram", (1 << (most - 1).bit_length(), width or 0.0), outputs=("histogram",))


@table.listed("Reducer.toList(tupleSize: Integer = null, numOptional: Integer = 0.0) -> Reducer")
def to_list(size: int | None, optional: int) -> Reducer:
    """Collects values, or tuples of them, as a list; null only where an input is optional."""
    if size is not None and not 1 <= size <= 1000:
        raise InvalidExpression(f"'tupleSize' is {size}; it has to be between 1 and 1000.")
    if not 0 <= optional <= (size or 1):
        raise InvalidExpression(f"'numOptional' is {optional}; there are {size or 1} inputs.")
    return Reducer("toList", (size, optional), inputs=size or 1, outputs=("list",))


@table.listed("Reducer.linearFit() -> Reducer")
def linear_fit() -> Reducer:
    """Fits a line: scale and offset of y over x."""
    return Reducer("linearFit", inputs=2, outputs=("scale", "offset"))


@table.listed("Reducer.repeat(reducer: Reducer, count: Integer) -> Reducer")
def repeat(reducer: Reducer, count: int) -> Reducer:
    """Runs a reducer for each of several inputs, and returns lists of its results."""
    if not 1 <= count <= 10_000 or count * reducer.inputs > _MOST_INPUTS:
        raise InvalidExpression(f"'count' is {count}; it has to be between 1 and 10000, and inputs as few.")
    return Reducer("repeat", (count,), inputs=reducer.inputs * count, outputs=reducer.outputs, parts=(reducer,))


@table.listed(
    'Reducer.combine(reducer1: Reducer, reducer2: Reducer, outputPrefix: String = "", sharedInputs: Boolean = false) '
    "-> Reducer"
)
def combine(first: Reducer, second: Reducer, prefix: str, is_shared: bool) -> Reducer:
    """Runs two reducers, on the same inputs or one after the other's."""
    outputs = (*first.outputs, *(prefix + name for name in second.outputs))
    if len(set(outputs)) < len(outputs):
        said = ", ".join(outputs)[:300]
        raise InvalidExpression(f"two outputs have the same name, of {said}; give an 'outputPrefix'.")
    if sum(map(len, outputs)) > 100_000:
        raise InvalidExpression("the names of the outputs are too long.")
    if len(outputs) > 1000:
        raise InvalidExpression(f"{len(outputs)} outputs are too many, at most 1000.")
    if is_shared and first.inputs != second.inputs:
        raise InvalidExpression(
            f"reducers that share their inputs have to take as many; they take {first.inputs} and {second.inputs}."
        )
    inputs = first.inputs if is_shared else first.inputs + second.inputs
    if inputs > _MOST_INPUTS:
        raise InvalidExpression(f"a reducer of {inputs} inputs is too large, at most {_MOST_INPUTS}.")
    return Reducer("combine", (), inputs, outputs, (first, second), is_shared)


@table.listed("Reducer.unweighted(reducer: Reducer) -> Reducer")
def unweighted(reducer: Reducer) -> Reducer:
    """Returns a reducer for which a pixel counts whole or not at all."""
    return replace(reducer, is_weighted=False, parts=tuple(unweighted(part) for part in reducer.parts))


# -- what they make ----------------------------------------------------------------------------

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
