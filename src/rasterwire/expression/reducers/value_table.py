"""Tables of different values with their counts, from which order statistics are read."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.formatting import as_key, number
from rasterwire.expression.language.sizes import MAX_PARTS
from rasterwire.expression.reducers.multi_pass import OrderStatistics
from rasterwire.expression.reducers.table import REDUCERS

Floats = npt.NDArray[np.float64]

_MAX_PENDING = 2_000_000
"""Values that are collected before they are merged into the table, since each merge copies it."""


class ValueTable:
    """Different numbers with their counts, or with their weights.

    Integers of up to 16 bits have one entry for each possible value. Other types have an entry for each
    different value; ``use_passes`` saves this memory, where several passes can find the results.
    """

    def __init__(self, *, is_weighted: bool) -> None:
        # 32 bits are enough to count the pixels of a region
        self._counted_as: Any = np.float64 if is_weighted else np.uint32
        self._values: npt.NDArray[Any] = np.empty(0)
        self._counts: npt.NDArray[Any] = np.empty(0, self._counted_as)
        self._is_dense: bool | None = None
        self._pending: list[tuple[npt.NDArray[Any], Floats | None]] = []
        self._pending_count = 0
        self._requests: list[tuple[str, tuple[Any, ...]]] = []
        self._statistics: OrderStatistics | None = None
        self._values_by_rank: dict[int, float] | None = None
        self._is_done = False

    def request(self, kind: str, parameters: tuple[Any, ...]) -> Callable[[], Any]:
        """Return the function that returns the result of a reducer; null without values, unless it counts.

        Args:
            kind: a reducer whose engine within regions is the value table.
            parameters: of the reducer.
        """
        self._requests.append((kind, parameters))
        return lambda: self._result(kind, parameters)

    @property
    def stored_count(self) -> int:
        """The number of stored values, as far as it grows with the values."""
        return 0 if self._is_dense else len(self._values) + self._pending_count

    def add(self, values: npt.NDArray[Any], weights: Floats | None) -> None:
        """Take in values of the same type in all calls, without NaN; without weights each value counts once."""
        if self._is_done:
            return
        if self._statistics is not None:
            self._statistics.add(values)
            return
        if self._is_dense is None:
            self._begin(values.dtype)
        if self._is_dense:
            counts = np.bincount(values.astype(np.intp) - int(self._values[0]), weights, len(self._values))
            self._counts += counts.astype(self._counts.dtype)
            return
        self._pending.append((values, weights))
        self._pending_count += len(values)
        if self._pending_count >= _MAX_PENDING:
            self._merge()

    def _begin(self, dtype: np.dtype[Any]) -> None:
        self._is_dense = dtype.kind in "iu" and dtype.itemsize <= 2
        if self._is_dense:
            limits = np.iinfo(dtype)
            self._values = np.arange(limits.min, limits.max + 1)
            self._counts = np.zeros(len(self._values), self._counted_as)
        else:
            self._values = np.empty(0, dtype)

    def _merge(self) -> None:
        if not self._pending:
            return
        values = np.concatenate([part for part, _ in self._pending])
        if self._counts.dtype.kind == "f":
            row_weights = [np.ones(len(part)) if weights is None else weights for part, weights in self._pending]
            new, index = np.unique(values, return_inverse=True)
            counts = np.bincount(index, np.concatenate(row_weights), len(new))
        else:
            new, counts = np.unique(values, return_counts=True)
        self._pending, self._pending_count = [], 0
        positions = np.searchsorted(self._values, new)
        present = np.zeros(len(new), bool)
        near = positions < len(self._values)
        present[near] = self._values[positions[near]] == new[near]
        self._counts[positions[present]] += counts[present].astype(self._counts.dtype)
        if not present.all():
            self._values = np.insert(self._values, positions[~present], new[~present])
            self._counts = np.insert(self._counts, positions[~present], counts[~present].astype(self._counts.dtype))

    def use_passes(self) -> None:
        """Store almost nothing from now on, where several passes can find all requested results."""
        if self._is_dense is not False or self._statistics is not None:
            return
        self._merge()  # so that equal values take one entry
        if not all(REDUCERS[kind].takes_passes for kind, _ in self._requests):
            return
        self._statistics = OrderStatistics(self._values.dtype)
        for begin in range(0, len(self._values), _MAX_PENDING):
            part = slice(begin, begin + _MAX_PENDING)
            self._statistics.add(self._values[part], self._counts[part])
        self._values, self._counts = self._values[:0].copy(), self._counts[:0].copy()

    def another_pass(self) -> bool:
        """End a pass over all values; return whether all of them have to be added once more."""
        statistics = self._statistics
        if statistics is None or self._is_done:
            self._is_done = True
            return False
        if self._values_by_rank is None:
            ranks = {rank for request in self._requests for rank in self._between(*request)[:2]}
            self._values_by_rank = dict.fromkeys(sorted(ranks), 0.0)
            statistics.look_for(list(self._values_by_rank))
        is_more = statistics.another_pass()
        if not is_more:
            self._values_by_rank = dict(zip(self._values_by_rank, statistics.values(), strict=True))
            self._is_done = True
        return is_more

    def _between(self, kind: str, parameters: tuple[Any, ...]) -> tuple[int, int, float]:
        """Return the two ranks that a result lies between, and the part of the way; see ``_ranks_of``."""
        assert self._statistics is not None
        return _ranks_of(50.0 if kind == "median" else parameters[0], self._statistics.count)

    def _result(self, kind: str, parameters: tuple[Any, ...]) -> Any:
        if self._values_by_rank is not None:
            first, second, part = self._between(kind, parameters)
            return number(_interpolated(self._values_by_rank[first], self._values_by_rank[second], part))
        self._merge()
        values, counts = self._values, self._counts
        if self._is_dense:
            nonzero = np.flatnonzero(counts)
            values, counts = values[nonzero], counts[nonzero]
        if kind in {"countDistinct", "countDistinctNonNull"}:
            return len(values)
        if kind == "frequencyHistogram":
            return _value_counts(values, counts)
        if not len(values):
            return None
        match kind:
            case "mode":
                return number(values[np.argmax(counts)])
            case "median":
                return number(_percentile(values, counts, 50.0))
            case "percentile":
                return number(_percentile(values, counts, parameters[0]))
            case _:
                return _interval_mean(values, counts, *parameters)


def _value_counts(values: npt.NDArray[Any], counts: npt.NDArray[Any]) -> dict[str, float | int]:
    if len(values) > MAX_PARTS:
        raise InvalidExpression(f"there are {len(values)} different values, at most {MAX_PARTS}.")
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    return dict(sorted((as_key(value), number(count)) for value, count in pairs))


def _ranks_of(percent: float, count: int) -> tuple[int, int, float]:
    """Return the two ranks that a percentile lies between, and the part of the way from the first to the second.

    As in numpy's method "linear".
    """
    position = percent / 100.0 * (count - 1)
    first = min(math.floor(position), count - 1)
    return first, min(first + 1, count - 1), position - first


def _interpolated(low: float, high: float, part: float) -> float:
    """Interpolate between two values, with the rounding of numpy."""
    if low == high or not part:
        return low
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def _percentile(values: npt.NDArray[Any], counts: npt.NDArray[Any], percent: float) -> float:
    until = np.cumsum(counts, dtype=np.int64)
    first, second, part = _ranks_of(percent, int(until[-1]))
    low, high = (float(values[np.searchsorted(until, rank, "right")]) for rank in (first, second))
    return _interpolated(low, high, part)


def _interval_mean(values: npt.NDArray[Any], counts: npt.NDArray[Any], low: float, high: float) -> float | int:
    least, most = (_percentile(values, counts, percent) for percent in (low, high))
    inside = (values >= least) & (values <= most)
    if not inside.any():
        return number(least)  # as for pixels: few values may all be outside
    return number(np.average(values[inside].astype(np.float64), weights=counts[inside]))
