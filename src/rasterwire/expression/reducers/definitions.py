"""Reducers as values: the functions that return them, and the assembly of those that have parts."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.signature import table
from rasterwire.expression.reducers.table import REDUCERS
from rasterwire.units import plural_text

_MAX_INPUTS = 10_000
"""Inputs of a reducer."""


@dataclass(frozen=True, slots=True)
class Reducer:
    """A reduction of many values to one or a few.

    Attributes:
        kind: a row of ``table.REDUCERS``.
        parameters: of the kind.
        inputs: number of values that it takes at a time.
        outputs: names of its results.
        parts: the parts of ``combine`` in order; the one part of ``repeat``.
        is_shared: whether all parts of ``combine`` take the same inputs.
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
        return self.is_weighted and REDUCERS[self.kind].is_weighted

    def simple_parts(self) -> list["Reducer"]:
        """Return all parts of a combination, nested ones included; of any other reducer, itself."""
        if self.kind != "combine":
            return [self]
        return [simple_part for part in self.parts for simple_part in part.simple_parts()]


Results = Callable[[], list[Any]]
"""Returns the results of a reducer, in the order of its outputs."""


def assemble(reducer: Reducer, first_column: int, build: Callable[[Reducer, int], Results]) -> Results:
    """Return the function that returns the results of a reducer, with or without parts.

    Args:
        reducer: any.
        first_column: index of the first column that it takes.
        build: returns the results function of a reducer without parts, from the reducer and its first column.
    """
    parts = []
    match reducer.kind:
        case "combine":
            column = first_column
            for part in reducer.parts:
                parts.append(assemble(part, column, build))
                column += 0 if reducer.is_shared else part.inputs
            return lambda: [value for part in parts for value in part()]
        case "repeat":
            (part,), (count,) = reducer.parts, reducer.parameters
            parts = [assemble(part, first_column + index * part.inputs, build) for index in range(count)]
            return lambda: [list(values) for values in zip(*(part() for part in parts), strict=True)]
        case _:
            return build(reducer, first_column)


def reducer_of(kind: str, *parameters: Any) -> Reducer:
    """Return a reducer of one input, with the outputs of its row of the table."""
    return Reducer(kind, parameters, outputs=REDUCERS[kind].outputs)


def _enter(kind: str, description: str) -> None:
    reducer = reducer_of(kind)
    call = lambda: reducer  # noqa: E731
    call.__doc__ = description
    table.listed(f"Reducer.{kind}() -> Reducer")(call)


for _kind, _description in {
    "mean": "Computes the mean.",
    "sum": "Computes the sum.",
    "count": "Counts the values that are not null.",
    "stdDev": "Computes the standard deviation of the population.",
    "variance": "Computes the variance of the population.",
    "first": "Returns the first value.",
    "firstNonNull": "Returns the first value that is not null.",
    "last": "Returns the last value.",
    "lastNonNull": "Returns the last value that is not null.",
    "product": "Computes the product.",
    "allNonZero": "Returns 1 where all values are not 0.",
    "anyNonZero": "Returns 1 where at least one value is not 0.",
    "countDistinct": "Counts the different values.",
    "countDistinctNonNull": "Counts the different values that are not null.",
    "frequencyHistogram": "Counts the occurrences of each value.",
}.items():
    _enter(_kind, _description)


@table.listed("Reducer.minMax() -> Reducer")
def min_max() -> Reducer:
    """Computes the least and the greatest value."""
    return Reducer("combine", outputs=("min", "max"), parts=(reducer_of("min"), reducer_of("max")), is_shared=True)


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
    tail = [f"{kind}{index}" for index in range(1, inputs)]
    return Reducer(kind, inputs=inputs, outputs=(*REDUCERS[kind].outputs, *tail))


_buckets = "maxBuckets: Integer = null, minBucketWidth: Float = null, maxRaw: Integer = null"


@table.listed(f"Reducer.median({_buckets}) -> Reducer")
def median(max_buckets: int | None, min_bucket_width: float | None, max_raw: int | None) -> Reducer:
    """Computes the median, exactly."""
    return reducer_of("median")


@table.listed(f"Reducer.mode({_buckets}) -> Reducer")
def mode(max_buckets: int | None, min_bucket_width: float | None, max_raw: int | None) -> Reducer:
    """Returns the most frequent value; the least of several."""
    return reducer_of("mode")


@table.listed(f"Reducer.percentile(percentiles: List<Number>, outputNames: List<String> = null, {_buckets}) -> Reducer")
def percentile(
    percents: list[float],
    names: list[str] | None,
    max_buckets: int | None,
    min_bucket_width: float | None,
    max_raw: int | None,
) -> Reducer:
    """Computes percentiles, exactly, with linear interpolation between two values."""
    if len(percents) > 1000:
        raise InvalidExpression(f"{len(percents)} percentiles are too many, at most 1000.")
    if not percents or not all(0 <= p <= 100 for p in percents):
        raise InvalidExpression("'percentiles' has to be numbers between 0 and 100.")
    if names is not None and len(names) != len(percents):
        raise InvalidExpression(
            f"'outputNames' has {plural_text(len(names), 'name')} for {plural_text(len(percents), 'percentile')}."
        )
    outputs = names or [f"p{p:g}" for p in percents]
    parts = tuple(Reducer("percentile", (float(p),), outputs=(o,)) for p, o in zip(percents, outputs, strict=True))
    if len(parts) == 1:
        return parts[0]
    return Reducer("combine", outputs=tuple(outputs), parts=parts, is_shared=True)


@table.listed(f"Reducer.intervalMean(minPercentile: Float, maxPercentile: Float, {_buckets}) -> Reducer")
def interval_mean(
    low: float, high: float, max_buckets: int | None, min_bucket_width: float | None, max_raw: int | None
) -> Reducer:
    """Computes the mean of the values between two percentiles."""
    if not 0 <= low <= high <= 100:
        raise InvalidExpression("'minPercentile' and 'maxPercentile' have to be between 0 and 100, in this order.")
    return reducer_of("intervalMean", float(low), float(high))


@table.listed(f"Reducer.histogram({_buckets}) -> Reducer")
def histogram(max_buckets: int | None, min_bucket_width: float | None, max_raw: int | None) -> Reducer:
    """Computes a histogram with buckets of one width: the least width times a power of two."""
    bucket_limit = 256 if max_buckets is None else max_buckets
    if not 1 <= bucket_limit <= 1 << 20:
        raise InvalidExpression(f"'maxBuckets' is {bucket_limit}; it has to be between 1 and {1 << 20}.")
    if min_bucket_width is not None and not 0 <= min_bucket_width < math.inf:
        raise InvalidExpression(f"'minBucketWidth' is {min_bucket_width:g}; it must not be negative.")
    return reducer_of("histogram", 1 << (bucket_limit - 1).bit_length(), min_bucket_width or 0.0)


@table.listed("Reducer.toList(tupleSize: Integer = null, numOptional: Integer = 0.0) -> Reducer")
def to_list(size: int | None, optional: int) -> Reducer:
    """Collects values, or tuples of values, in a list; null only where an input is optional."""
    if size is not None and not 1 <= size <= 1000:
        raise InvalidExpression(f"'tupleSize' is {size}; it has to be between 1 and 1000.")
    if not 0 <= optional <= (size or 1):
        raise InvalidExpression(f"'numOptional' is {optional}; there are {size or 1} inputs.")
    return Reducer("toList", (size, optional), inputs=size or 1, outputs=REDUCERS["toList"].outputs)


@table.listed("Reducer.linearFit() -> Reducer")
def linear_fit() -> Reducer:
    """Fits a line: scale and offset of y over x."""
    return Reducer("linearFit", inputs=2, outputs=REDUCERS["linearFit"].outputs)


@table.listed("Reducer.repeat(reducer: Reducer, count: Integer) -> Reducer")
def repeat(reducer: Reducer, count: int) -> Reducer:
    """Applies a reducer to each of several inputs, and returns lists of its results."""
    if not 1 <= count <= 10_000 or count * reducer.inputs > _MAX_INPUTS:
        raise InvalidExpression(
            f"'count' is {count}; it has to be between 1 and 10000, and so has the number of inputs."
        )
    return Reducer("repeat", (count,), inputs=reducer.inputs * count, outputs=reducer.outputs, parts=(reducer,))


@table.listed(
    'Reducer.combine(reducer1: Reducer, reducer2: Reducer, outputPrefix: String = "", sharedInputs: Boolean = false) '
    "-> Reducer"
)
def combine(first: Reducer, second: Reducer, prefix: str, is_shared: bool) -> Reducer:
    """Applies two reducers, to the same inputs or to separate ones."""
    outputs = (*first.outputs, *(prefix + name for name in second.outputs))
    if len(set(outputs)) < len(outputs):
        names = ", ".join(outputs)[:300]
        raise InvalidExpression(f"two outputs have the same name, of {names}; give an 'outputPrefix'.")
    if sum(map(len, outputs)) > 100_000:
        raise InvalidExpression("the names of the outputs are too long.")
    if len(outputs) > 1000:
        raise InvalidExpression(f"{len(outputs)} outputs are too many, at most 1000.")
    if is_shared and first.inputs != second.inputs:
        raise InvalidExpression(
            "reducers that share their inputs have to take the same number of inputs; "
            f"they take {first.inputs} and {second.inputs}."
        )
    inputs = first.inputs if is_shared else first.inputs + second.inputs
    if inputs > _MAX_INPUTS:
        raise InvalidExpression(f"a reducer of {inputs} inputs is too large, at most {_MAX_INPUTS}.")
    return Reducer("combine", (), inputs, outputs, (first, second), is_shared)


@table.listed("Reducer.unweighted(reducer: Reducer) -> Reducer")
def unweighted(reducer: Reducer) -> Reducer:
    """Returns a reducer without weights: a pixel counts fully or not at all."""
    return replace(reducer, is_weighted=False, parts=tuple(unweighted(part) for part in reducer.parts))
