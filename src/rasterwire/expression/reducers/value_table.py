"""The different values of many, and how much there is of each: all that order statistics need."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.formatting import as_key, number
from rasterwire.expression.language.sizes import MAX_PARTS
from rasterwire.expression.reducers.multi_pass import Narrowing

Floats = npt.NDArray[np.float64]

_WAITING = 2_000_000
"""Values that wait until they are sorted into the table: each time it is copied."""

_NARROWED = frozenset({"median", "percentile"})

READINGS = _NARROWED | {"intervalMean", "mode", "countDistinct", "countDistinctNonNull", "frequencyHistogram"}
"""Reducers whose results are read off a table."""


class ValueTable:
    """Different numbers, with how many there are of each, or how much of them.

    Integers of up to 16 bits have a place each; others take as much memory as they differ, unless the
    table is told to hold less: then what it is asked for is found in several passes, if it can be.
    """

    def __init__(self, *, is_weighted: bool) -> None:
        # the pixels of a region are fewer than 32 bits count
        self._counted_as: Any = np.float64 if is_weighted else np.uint32
        self._values: npt.NDArray[Any] = np.empty(0)
        self._counts: npt.NDArray[Any] = np.empty(0, self._counted_as)
        self._is_dense: bool | None = None
        self._waiting: list[tuple[npt.NDArray[Any], Floats | None]] = []
        self._count_waiting = 0
        self._asked: list[tuple[str, tuple[Any, ...]]] = []
        self._narrowing: Narrowing | None = None
        self._found: dict[int, float] | None = None
        self._is_done = False

    def ask(self, kind: str, parameters: tuple[Any, ...]) -> Callable[[], Any]:
        """Return what gives the result of a reducer, see ``READINGS``: null for no values unless it counts."""
        self._asked.append((kind, parameters))
        return lambda: self._result(kind, parameters)

    @property
    def held(self) -> int:
        """Numbers that are held because they differ, or may."""
        return 0 if self._is_dense else len(self._values) + self._count_waiting

    def add(self, values: npt.NDArray[Any], weights: Floats | None) -> None:
        """Take in values, always of the same type and none NaN; without weights each counts once."""
        if self._is_done:
            return
        if self._narrowing is not None:
            self._narrowing.add(values)
            return
        if self._is_dense is None:
            self._begin(values.dtype)
        if self._is_dense:
            counts = np.bincount(values.astype(np.intp) - int(self._values[0]), weights, len(self._values))
            self._counts += counts.astype(self._counts.dtype)
            return
        self._waiting.append((values, weights))
        self._count_waiting += len(values)
        if self._count_waiting >= _WAITING:
            self._sort_in()

    def _begin(self, dtype: np.dtype[Any]) -> None:
        self._is_dense = dtype.kind in "iu" and dtype.itemsize <= 2
        if self._is_dense:
            limits = np.iinfo(dtype)
            self._values = np.arange(limits.min, limits.max + 1)
            self._counts = np.zeros(len(self._values), self._counted_as)
        else:
            self._values = np.empty(0, dtype)

    def _sort_in(self) -> None:
        if not self._waiting:
            return
        values = np.concatenate([part for part, _ in self._waiting])
        if self._counts.dtype.kind == "f":
            heavy = [np.ones(len(part)) if weights is None else weights for part, weights in self._waiting]
            new, at = np.unique(values, return_inverse=True)
            counts = np.bincount(at, np.concatenate(heavy), len(new))
        else:
            new, counts = np.unique(values, return_counts=True)
        self._waiting, self._count_waiting = [], 0
        places = np.searchsorted(self._values, new)
        known = np.zeros(len(new), bool)
        near = places < len(self._values)
        known[near] = self._values[places[near]] == new[near]
        self._counts[places[known]] += counts[known].astype(self._counts.dtype)
        if not known.all():
            self._values = np.insert(self._values, places[~known], new[~known])
            self._counts = np.insert(self._counts, places[~known], counts[~known].astype(self._counts.dtype))

    def narrow(self) -> None:
        """Hold next to nothing from now on, and take several passes, where that gives all that is asked for."""
        if self._is_dense is not False or self._narrowing is not None:
            return
        self._sort_in()  # equal values that wait are held once
        if not {kind for kind, _ in self._asked} <= _NARROWED:
            return
        self._narrowing = Narrowing(self._values.dtype)
        for begin in range(0, len(self._values), _WAITING):
            part = slice(begin, begin + _WAITING)
            self._narrowing.add(self._values[part], self._counts[part])
        self._values, self._counts = self._values[:0].copy(), self._counts[:0].copy()

    def another_pass(self) -> bool:
        """End a pass over all values; returns whether they have to come again."""
        narrowing = self._narrowing
        if narrowing is None or self._is_done:
            self._is_done = True
            return False
        if self._found is None:
            places = {at for asked in self._asked for at in self._between(*asked)[:2]}
            self._found = dict.fromkeys(sorted(places), 0.0)
            narrowing.look_for(list(self._found))
        is_more = narrowing.another_pass()
        if not is_more:
            self._found = dict(zip(self._found, narrowing.values(), strict=True))
            self._is_done = True
        return is_more

    def _between(self, kind: str, parameters: tuple[Any, ...]) -> tuple[int, int, float]:
        """Return between which two places of a narrowed table a result lies, and how far."""
        assert self._narrowing is not None
        return _place(50.0 if kind == "median" else parameters[0], self._narrowing.count)

    def _result(self, kind: str, parameters: tuple[Any, ...]) -> Any:
        if self._found is not None:
            first, second, part = self._between(kind, parameters)
            return number(_mixed(self._found[first], self._found[second], part))
        self._sort_in()
        values, counts = self._values, self._counts
        if self._is_dense:
            met = np.flatnonzero(counts)
            values, counts = values[met], counts[met]
        if kind in {"countDistinct", "countDistinctNonNull"}:
            return len(values)
        if kind == "frequencyHistogram":
            return _counted(values, counts)
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


def _counted(values: npt.NDArray[Any], counts: npt.NDArray[Any]) -> dict[str, float | int]:
    if len(values) > MAX_PARTS:
        raise InvalidExpression(f"there are {len(values)} different values, at most {MAX_PARTS}.")
    pairs = zip(values.tolist(), counts.tolist(), strict=True)
    return dict(sorted((as_key(value), number(count)) for value, count in pairs))


def _place(percent: float, count: int) -> tuple[int, int, float]:
    """Return between which two of so many sorted values a percentile lies, and how far: numpy's method "linear"."""
    place = percent / 100.0 * (count - 1)
    first = min(math.floor(place), count - 1)
    return first, min(first + 1, count - 1), place - first


def _mixed(low: float, high: float, part: float) -> float:
    """Return what lies between two values, as numpy rounds it."""
    if low == high or not part:
        return low
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def _percentile(values: npt.NDArray[Any], counts: npt.NDArray[Any], percent: float) -> float:
    until = np.cumsum(counts, dtype=np.int64)
    first, second, part = _place(percent, int(until[-1]))
    low, high = (float(values[np.searchsorted(until, at, "right")]) for at in (first, second))
    return _mixed(low, high, part)


def _interval_mean(values: npt.NDArray[Any], counts: npt.NDArray[Any], low: float, high: float) -> float | int:
    least, most = (_percentile(values, counts, percent) for percent in (low, high))
    held = (values >= least) & (values <= most)
    if not held.any():
        return number(least)  # as for pixels: few values may all be outside
    return number(np.average(values[held].astype(np.float64), weights=counts[held]))
