"""Histograms that grow: buckets become coarser by powers of two as values come that lie farther apart."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression

Floats = npt.NDArray[np.float64]

_FARTHEST = 1e15
"""The greatest number that a histogram counts."""


class Histogram:
    """Counts of buckets of one width, which are the same in whatever order the values come.

    The width is the least, times a power of two, that has no more than so many buckets between the
    least and the greatest value. Buckets begin at multiples of it, so that finer ones add up to it.
    """

    def __init__(self, most: int, least_width: float) -> None:
        """Say what is asked for.

        Args:
            most: buckets.
            least_width: 0 takes a power of two, and 1 at the least where all values are whole.
        """
        self._most = most
        self._least_width = least_width
        self._low, self._high = math.inf, -math.inf
        self._met = False
        self._is_whole = True
        self._width = 0.0  # none yet, as long as all values are one
        self._first = 0
        self._counts: Floats = np.zeros(1)

    def add(self, values: Floats, weights: Floats | None) -> None:
        """Take in values, none NaN; without weights each counts once."""
        self._met = self._met or bool(len(values))
        finite = np.isfinite(values)
        if not finite.all():
            values, weights = values[finite], None if weights is None else weights[finite]
        if not len(values):
            return
        low, high = min(self._low, float(values.min())), max(self._high, float(values.max()))
        if max(abs(low), abs(high)) > _FARTHEST:
            raise InvalidExpression("numbers of over 1e15 are too large for a histogram.")
        if low < high:
            self._widen(low, high)
        self._low, self._high = low, high
        self._is_whole = self._is_whole and bool(np.all(values == np.floor(values)))
        if low == high:
            self._counts += len(values) if weights is None else weights.sum()
            return
        at = (np.floor(values / self._width) - self._first).astype(np.intp)
        self._counts += np.bincount(at, weights, len(self._counts))

    def _widen(self, low: float, high: float) -> None:
        """Make place for values between two, which lie apart."""
        if self._least_width:
            wanted = self._fitting(self._width or self._least_width, low, high)
        else:
            wanted = 2.0 ** math.floor(math.log2(max((high - low) / self._most, 1e-300)))
        if not self._width:
            self._width = wanted
            self._first = math.floor(self._low / wanted) if self._low <= self._high else 0
        self._coarsen(wanted)
        first, last = math.floor(low / self._width), math.floor(high / self._width)
        if not self._counts.any():
            self._first, self._counts = first, np.zeros(last - first + 1)
            return
        more = last + 1 - self._first - len(self._counts)
        self._counts = np.pad(self._counts, (self._first - first, max(0, more)))
        self._first = first

    def _fitting(self, width: float, low: float, high: float) -> float:
        most = max(self._most, 2) if low < 0 <= high else self._most  # a bucket begins at 0
        while math.floor(high / width) - math.floor(low / width) + 1 > most:
            width *= 2
        return width

    def _coarsen(self, width: float) -> None:
        steps = round(math.log2(width / self._width))
        if steps < 1:
            return
        first = self._first >> steps
        at = (self._first - (first << steps) + np.arange(len(self._counts))) >> steps
        self._counts = np.bincount(at, self._counts).astype(np.float64)
        self._first, self._width = first, width

    def result(self) -> dict[str, Any] | None:
        """Return the buckets, None where there were no values.

        Raises:
            InvalidExpression: of all values none is finite.
        """
        if not self._met:
            return None
        if self._low > self._high:
            raise InvalidExpression("there are no finite numbers.")
        if not self._width:
            self._width = self._least_width or 1.0
            self._first = math.floor(self._low / self._width)
        width = max(1.0, self._width) if self._is_whole and not self._least_width else self._width
        self._coarsen(self._fitting(width, self._low, self._high))
        width, first = self._width, self._first
        middle = 0.0 if width == 1.0 else 0.5
        return {
            "bucketMeans": [(first + at + middle) * width for at in range(len(self._counts))],
            "bucketMin": first * width,
            "bucketWidth": width,
            "histogram": self._counts.tolist(),
        }
