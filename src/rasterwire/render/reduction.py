"""Reductions: one value for all source pixels under an output pixel, in the memory that a part of them needs."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import carried, carrier
from rasterwire.pixels import Pixels, Window
from rasterwire.render import area_kernels, rules
from rasterwire.render.positions import unwrapped
from rasterwire.render.rounding import beside_nodata, limits
from rasterwire.render.sampling import Rectangle, Sampling
from rasterwire.render.splitting import in_parts
from rasterwire.request import Resampling

_SOURCE_BUDGET = 1_500_000
"""Source pixels to read at once."""

_kinds = {
    Resampling.AVERAGE: (rules.AVERAGE, 0.0),
    Resampling.RMS: (rules.RMS, 0.0),
    Resampling.MIN: (rules.MIN, 0.0),
    Resampling.MAX: (rules.MAX, 0.0),
    Resampling.MODE: (rules.MODE, 0.0),
    Resampling.Q1: (rules.QUANTILE, 0.25),
    Resampling.MEDIAN: (rules.QUANTILE, 0.5),
    Resampling.Q3: (rules.QUANTILE, 0.75),
}

REDUCTIONS = frozenset(_kinds)
"""Resamplings of this module. A sum is not one of them: GDAL's splits each pixel by the area of polygons."""

Floats = npt.NDArray[np.float64]
Corners = tuple[Floats, Floats, Floats, Floats]
"""x and y of the top-left, and x and y of the bottom-right corner of each output pixel, in source pixels."""


def reduction(sampling: Sampling, window: Window) -> Pixels:
    """Return a window of a grid reduced from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    assert sampling.resampling is not None
    kind, quantile = _kinds[sampling.resampling]
    return in_parts(window, lambda part: _reduced(sampling, part, kind, quantile))


def _reduced(sampling: Sampling, window: Window, kind: int, quantile: float) -> Pixels | None:
    """Return a window, None where it is too large."""
    shape, dtype = (window.height, window.width), np.dtype(sampling.source.dtype)
    data, state = np.zeros(shape, carrier(dtype.name)), np.zeros(shape, np.uint8)
    corners = _corners(sampling, window)
    left, top, right, bottom, max_pixels = area_kernels.boxes(*corners, sampling.width, sampling.height)
    if left >= right:
        return Pixels(data.astype(dtype), state.view(bool))
    if (right - left) * (bottom - top) > _SOURCE_BUDGET:
        if window.height * window.width > 1:
            return None
        return _by_strips(sampling, (left, top, right, bottom), corners, kind, quantile)
    source = sampling.read((left, top, right, bottom))
    size = sampling.width, sampling.height
    image = carried(source.data), carried(source.valid.view(np.uint8)), (left, top), size
    if kind in {rules.MIN, rules.MAX}:
        area_kernels.extreme(kind, image, corners, data, state)
    elif kind in {rules.MODE, rules.QUANTILE}:
        area_kernels.rank(kind, quantile, max_pixels, image, corners, data, state)
    else:
        area_kernels.weigh(kind, image, corners, limits(dtype), data, state)
    return beside_nodata(data.astype(dtype, copy=False), state.view(bool), sampling.source.nodata)


def _corners(sampling: Sampling, window: Window) -> Corners:
    col = np.arange(window.col, window.col + window.width + 1.0)
    row = np.arange(window.row, window.row + window.height + 1.0)[:, None]
    x, y = np.broadcast_arrays(*unwrapped(sampling, col, row))
    x0, y0, x1, y1 = (np.array(a, order="C") for a in (x[:-1, :-1], y[:-1, :-1], x[1:, 1:], y[1:, 1:]))
    turn = sampling.turn
    if turn:
        with np.errstate(invalid="ignore"):
            if not sampling.shares_crs:  # longitudes jump at 180 degrees: take the short way between the corners
                x1 -= turn * np.round((x1 - x0) / turn)
            middle = (x0 + x1) / 2
            is_beyond = (middle < 0) | (middle >= sampling.width)
            shift = np.where(is_beyond, turn * np.floor(middle / turn), 0.0)
        x0, x1 = x0 - shift, x1 - shift
    return x0, y0, x1, y1


def _by_strips(sampling: Sampling, rectangle: Rectangle, corners: Corners, kind: int, quantile: float) -> Pixels:
    """Return one output pixel of very many source pixels, read strip by strip."""
    left, top, right, bottom = rectangle
    step = max(1, _SOURCE_BUDGET // (right - left))
    dtype = np.dtype(sampling.source.dtype)
    x0, y0, x1, y1 = (corner.item() for corner in corners)
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    reducer: _Mean | _Ranking = _Mean(kind) if kind in {rules.AVERAGE, rules.RMS} else _Ranking(kind, quantile, dtype)
    for row in range(top, bottom, step):
        end = min(row + step, bottom)
        strip = sampling.read((left, row, right, end))
        reducer.add(strip, (_shares(row, end - row, y0, y1), _shares(left, right - left, x0, x1)))
    value = reducer.result()
    data = np.zeros((1, 1), dtype)
    if value is not None:
        data[0, 0] = np.floor(value + 0.5) if isinstance(reducer, _Mean) and dtype.kind != "f" else value
    return beside_nodata(data, np.array([[value is not None]]), sampling.source.nodata)


def _shares(first: int, count: int, low: float, high: float) -> Floats:
    """Return the share of each of some pixels that lies between two positions."""
    pixel = np.arange(first, first + count, dtype=np.float64)
    return np.minimum(pixel + 1, high) - np.maximum(pixel, low)


Shares = tuple[Floats, Floats]
"""The share of each row, and of each column, that counts."""


class _Mean:
    """A mean of pixels that are added strip by strip."""

    def __init__(self, kind: int) -> None:
        self._squared = kind == rules.RMS
        self._total = self._weight = 0.0

    def add(self, strip: Pixels, shares: Shares) -> None:
        """Add the valid pixels of a strip."""
        rows, cols = shares
        values = np.where(strip.valid, strip.data, 0).astype(np.float64)
        self._total += float(rows @ (values * values if self._squared else values) @ cols)
        self._weight += float(rows @ strip.valid.astype(np.float64) @ cols)

    def result(self) -> float | None:
        """Return the value, None where no pixel was valid."""
        if not self._weight:
            return None
        mean = self._total / self._weight
        return math.sqrt(mean) if self._squared else mean


class _Ranking:
    """The distinct values of pixels that are added strip by strip, with the count of each, or its sum of shares.

    Integers of up to 16 bits have an entry for each value of the type. Other types have one for each value so far.
    """

    def __init__(self, kind: int, quantile: float, dtype: np.dtype[Any]) -> None:
        self._kind = kind
        self._quantile = quantile
        self._total = 0
        self._is_nan = False
        self._dense = dtype.kind in "iu" and dtype.itemsize <= 2
        if self._dense:
            limits = np.iinfo(dtype)
            self._values = np.arange(limits.min, limits.max + 1)
        else:
            self._values = np.empty(0, dtype)
        self._counts = np.zeros(len(self._values))
        self._last = np.zeros(len(self._values), np.int64)  # where each value occurred last, row by row

    def add(self, strip: Pixels, shares: Shares) -> None:
        """Add the valid pixels of a strip."""
        values = strip.data[strip.valid]
        self._is_nan = self._is_nan or (values.dtype.kind == "f" and bool(np.isnan(values).any()))
        weights = np.outer(*shares)[strip.valid] if self._kind == rules.MODE else None
        if self._dense:
            index = values.astype(np.int64) - self._values[0]
        else:
            count = len(self._values)
            self._values, index = np.unique(np.concatenate([self._values, values]), return_inverse=True)
            counts, last = np.zeros(len(self._values)), np.zeros(len(self._values), np.int64)
            counts[index[:count]], last[index[:count]] = self._counts, self._last
            self._counts, self._last, index = counts, last, index[count:]
        self._counts += np.bincount(index, weights, len(self._values))
        self._last[index] = self._total + np.arange(len(index))  # of equal indices NumPy assigns the last one
        self._total += len(index)

    def result(self) -> Any:
        """Return the value, None where no pixel was valid."""
        if not self._total:
            return None
        if self._is_nan:
            return math.nan
        present = np.flatnonzero(self._counts)
        match self._kind:
            case rules.MIN:
                return self._values[present[0]]
            case rules.MAX:
                return self._values[present[-1]]
            case rules.MODE:
                commonest = np.flatnonzero(self._counts == self._counts.max())
                return self._values[commonest[np.argmin(self._last[commonest])]]
            case _:
                rank = max(0, math.ceil(self._quantile * self._total - 1))
                return self._values[np.searchsorted(np.cumsum(self._counts), rank, side="right")]
