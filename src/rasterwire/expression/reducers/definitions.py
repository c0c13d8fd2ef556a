"""Reducers: what they are called, take and return, and how they are put together."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.signature import table

_MOST_INPUTS = 10_000
"""Inputs of a reducer."""

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


Results = Callable[[], list[Any]]
"""Returns the results of a reducer, in the order of its outputs."""


def assembled(reducer: Reducer, first: int, begin: Callable[[Reducer, int], Results]) -> Results:
    """Return what gives the results of a reducer that may be made of others.

    Args:
        reducer: any.
        first: number of the first column it takes.
        begin: returns what gives the results of a reducer that is not made of others, by its first column.
    """
    parts = []
    match reducer.kind:
        case "combine":
            at = first
            for part in reducer.parts:
                parts.append(assembled(part, at, begin))
                at += 0 if reducer.is_shared else part.inputs
            return lambda: [value for part in parts for value in part()]
        case "repeat":
            (part,), (count,) = reducer.parts, reducer.parameters
            parts = [assembled(part, first + at * part.inputs, begin) for at in range(count)]
            return lambda: [list(values) for values in zip(*(part() for part in parts), strict=True)]
        case _:
            return begin(reducer, first)


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
