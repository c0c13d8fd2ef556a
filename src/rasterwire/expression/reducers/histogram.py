"""Histograms whose buckets become wider by powers of two as the range of the values grows."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import InvalidExpression

Floats = npt.NDArray[np.float64]

_FARTHEST = 1e15
"""The greatest number that a histogram counts."""


class Histogram:
    """Counts of values in buckets of one width; the order of the values makes no difference.

    The width is the least width times the smallest power of two for which the range of the values
    needs no more than the limit of buckets. Buckets begin at multiples of the width, so that narrow
    buckets add up to wide ones.
    """

    def __init__(self, most: int, least_width: float) -> None:
        """Set the limits.

        Args:
            most: limit of buckets.
            least_width: 0 takes a power of two, at least 1 where all values are whole.
        """
        self._most = most
        self._least_width = least_width
        self._low, self._high = math.inf, -math.inf
        self._has_values = False
        self._is_whole = True
        self._width = 0.0  # undefined as long as all values are equal
        self._first = 0
        self._counts: Floats = np.zeros(1)

    def add(self, values: Floats, weights: Floats | None) -> None:
        """Take in values without NaN; without weights each value counts once."""
        self._has_values = self._has_values or bool(len(values))
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
        buckets = (np.floor(values / self._width) - self._first).astype(np.intp)
        self._counts += np.bincount(buckets, weights, len(self._counts))

    def _widen(self, low: float, high: float) -> None:
        """Extend the buckets to a range from low to high, which differ."""
        if self._least_width:
            width = self._fitting(self._width or self._least_width, low, high)
        else:
            width = 2.0 ** math.floor(math.log2(max((high - low) / self._most, 1e-300)))
        if not self._width:
            self._width = width
            self._first = math.floor(self._low / width) if self._low <= self._high else 0
        self._coarsen(width)
        first, last = math.floor(low / self._width), math.floor(high / self._width)
        if not self._counts.any():
            self._first, self._counts = first, np.zeros(last - first + 1)
            return
        missing = last + 1 - self._first - len(self._counts)
        self._counts = np.pad(self._counts, (self._first - first, max(0, missing)))
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
        buckets = (self._first - (first << steps) + np.arange(len(self._counts))) >> steps
        self._counts = np.bincount(buckets, self._counts).astype(np.float64)
        self._first, self._width = first, width

    def result(self) -> dict[str, Any] | None:
        """Return the buckets; None without values.

        Raises:
            InvalidExpression: no value is finite.
        """
        if not self._has_values:
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
            "bucketMeans": [(first + bucket + middle) * width for bucket in range(len(self._counts))],
            "bucketMin": first * width,
            "bucketWidth": width,
            "histogram": self._counts.tolist(),
        }
