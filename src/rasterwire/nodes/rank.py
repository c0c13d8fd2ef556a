"""Compiled loops that sort the values at each pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import TYPES, carrier, compiled, loop
from rasterwire.pixels import Pixels
from rasterwire.sorting import merge_sort

Array = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]

MEDIAN, MODE, PERCENTILE, INTERVAL_MEAN, DISTINCT = range(5)

RANKS = {
    "median": MEDIAN,
    "mode": MODE,
    "percentile": PERCENTILE,
    "intervalMean": INTERVAL_MEAN,
    "countDistinct": DISTINCT,
    "countDistinctNonNull": DISTINCT,
}


MAX_SORTED = 1 << 21
"""Values to sort at once; each takes up to 8 bytes."""


class Layers:
    """Values to sort at each pixel, added layer by layer. They take the only memory that grows with their number."""

    def __init__(self, count: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        """Make room.

        Args:
            count: of the layers that will be added.
            shape: rows and columns of a layer.
            dtype: holds the values of all layers.
        """
        self._values = np.empty((count, *shape), carrier(dtype.name))
        kind = self._values.dtype
        self._top = kind.type(np.inf if kind.kind == "f" else np.iinfo(kind).max)
        self._counts = np.zeros(shape, np.int32)
        self._added = self._whole = 0

    def add(self, pixels: Pixels) -> None:
        """Add a layer; pixels that are not valid and NaN do not count."""
        layer = self._values[self._added]
        self._added += 1
        layer[...] = pixels.data
        valid = pixels.valid if layer.dtype.kind != "f" else pixels.valid & ~np.isnan(layer)
        if valid.all():
            self._whole += 1
            return
        np.copyto(layer, self._top, where=~valid)  # they sort to the end
        self._counts += valid

    def ranked(self, kind: str, parameters: Sequence[Any], dtype: str) -> tuple[Array, Valid]:
        """Return the result of a reducer of sorted values at each pixel, and where there is one; see ``rank``."""
        shape = self._counts.shape
        data, state = np.zeros(shape), np.zeros(shape, bool)
        low, high, *_ = *parameters, 0.0, 0.0
        values, counts = self._values[: self._added], self._counts + np.int32(self._whole)
        rank(RANKS[kind], float(low), float(high), values, counts, data, state)
        return data.astype(dtype, copy=False), state


def warm_up() -> None:
    """Compile for all types, or load the compiled loops."""
    for dtype in TYPES:
        layers = Layers(1, (1, 1), np.dtype(dtype))
        layers.add(Pixels(np.zeros((1, 1), dtype), np.ones((1, 1), bool)))
        layers.ranked("median", (), "float64")


def _rank_twin(kind: int, low: float, high: float, stack: Array, count: Counts, data: Array, state: Valid) -> None:
    """Do what ``rank`` does, by NumPy and to the bit."""
    values = np.sort(stack, axis=0, kind="stable")
    state[...] = count > 0
    with np.errstate(all="ignore"):
        if kind == MEDIAN:
            result = (_at(values, (count - 1) // 2).astype(float) + _at(values, count // 2).astype(float)) / 2.0
        elif kind == PERCENTILE:
            result = _percentile(values, count, low)
        elif kind == INTERVAL_MEAN:
            result = _interval_mean(values, count, low, high)
        else:
            result = _of_runs(values, count)[kind == MODE]
    data[...] = np.where(state, result, 0.0)


def _at(values: Array, index: Array) -> Array:
    result: Array = np.take_along_axis(values, np.clip(index, 0, len(values) - 1)[None], axis=0)[0]
    return result


def _percentile(values: Array, count: Array, percent: float) -> Array:
    position = percent / 100.0 * (count - 1)
    below = np.floor(position).astype(np.int64)
    least, next_value = _at(values, below), _at(values, np.minimum(below + 1, count - 1))
    result: Array = least + (next_value.astype(float) - least.astype(float)) * (position - below)
    return result


def _interval_mean(values: Array, count: Array, low: float, high: float) -> Array:
    least, greatest = _percentile(values, count, low), _percentile(values, count, high)
    is_within = (np.arange(len(values))[:, None, None] < count) & (least <= values) & (values <= greatest)
    # added one after the other, as in the loop; NumPy's sum adds in pairs
    total = np.cumsum(np.where(is_within, values, 0), axis=0, dtype=float)[-1]
    inside = is_within.sum(axis=0)
    return np.where(inside > 0, total / inside, least)


def _of_runs(values: Array, count: Array) -> tuple[Array, Array]:
    """Return how many different values there are, and the commonest one; the least of those that are as common."""
    best, longest = values[0].astype(float), np.zeros(count.shape, np.int64)
    run, different = np.zeros(count.shape, np.int64), np.zeros(count.shape, np.int64)
    for k in range(len(values)):
        is_value = k < count
        is_repeat = is_value & (values[k] == values[k - 1]) if k else np.zeros(count.shape, bool)
        run = np.where(is_repeat, run + 1, 1)
        different += is_value & ~is_repeat
        better = is_value & (run > longest)
        longest = np.where(better, run, longest)
        best = np.where(better, values[k], best)
    return different.astype(float), best


@loop(_rank_twin)
def rank(kind: int, low: float, high: float, stack: Array, counts: Counts, data: Array, state: Valid) -> None:
    """Fill in medians, modes, percentiles, means between percentiles or counts of different values.

    Args:
        kind: MEDIAN and so on.
        low: percent, where the kind needs it.
        high: likewise.
        stack: values, shape (n, rows, columns), none of them NaN. Those that do not count are the greatest of the type.
        counts: how many of them count, shape (rows, columns).
        data: filled in, shape (rows, columns).
        state: filled in: where at least one value counts.
    """
    count, cols = stack.shape[0], data.shape[1]
    lines = np.empty((count, cols), stack.dtype)
    for r in range(data.shape[0]):
        for k in range(count):
            lines[k] = stack[k, r]
        if count > _NETWORK and cols < _LEAST_LINE:
            line, spare = np.empty(count, stack.dtype), np.empty(count, stack.dtype)
            for c in range(cols):
                line[:] = lines[:, c]
                lines[:, c] = merge_sort(line, spare)
        else:
            _sort_columns(lines)
        for c in range(cols):
            state[r, c] = counts[r, c] > 0
        if kind == MEDIAN:
            for c in range(cols):
                n = counts[r, c]
                if n > 0:
                    data[r, c] = (np.float64(lines[(n - 1) // 2, c]) + np.float64(lines[n // 2, c])) / 2.0
        else:
            for c in range(cols):
                if counts[r, c] > 0:
                    data[r, c] = _statistic(kind, low, high, lines[:, c], counts[r, c])


_NETWORK, _LEAST_LINE = 160, 16
"""A sorting network runs along whole rows, several pixels at once: it is fastest up to so many values, and for any
number of them in rows of at least so many pixels."""


@compiled
def _sort_columns(lines: Array) -> None:
    """Sort each column by Batcher's odd-even mergesort."""
    count = lines.shape[0]
    p = 1
    while p < count:
        k = p
        while k >= 1:
            for j in range(k % p, count - k, 2 * k):
                for i in range(min(k, count - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        _exchange(lines[i + j], lines[i + j + k])
            k //= 2
        p *= 2


@compiled
def _exchange(a: Array, b: Array) -> None:
    """Put the smaller of two values into the first line, the larger into the second."""
    for c in range(a.shape[0]):
        x, y = a[c], b[c]
        a[c] = min(y, x)
        b[c] = max(x, y)


@compiled
def _statistic(kind: int, low: float, high: float, values: Array, n: int) -> Any:
    """Return the result of a kind for sorted values."""
    if kind == PERCENTILE:
        return _between(values, n, low)
    if kind == INTERVAL_MEAN:
        least, greatest = _between(values, n, low), _between(values, n, high)
        total, inside = 0.0, 0
        for k in range(n):
            if least <= values[k] <= greatest:
                total += values[k]
                inside += 1
        return total / inside if inside else least
    best, longest, run, different = values[0], 0, 0, 0
    for k in range(n):
        if k > 0 and values[k] == values[k - 1]:
            run += 1
        else:
            run = 1
            different += 1
        if run > longest:
            longest, best = run, values[k]
    return float(best) if kind == MODE else float(different)


@compiled
def _between(values: Array, n: int, percent: float) -> float:
    """Return a percentile of sorted values, interpolated linearly between two of them, as NumPy does."""
    position = percent / 100.0 * (n - 1)
    below = int(np.floor(position))
    above = min(below + 1, n - 1)
    share = position - below
    result: float = values[below] + (np.float64(values[above]) - np.float64(values[below])) * share
    return result
