"""Reductions: one value of all source pixels under an output pixel, in as much memory as a part of them needs."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.compiled import carried, carrier
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import area_kernels, rules
from rasterwire.render.positions import pixels_of_turn, places
from rasterwire.render.rounding import beside_nodata, limits
from rasterwire.render.source import level_transform, read
from rasterwire.render.splitting import in_parts
from rasterwire.request import Resampling

_SOURCE_BUDGET = 1_500_000
"""Source pixels that are read at once."""

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
"""What this module makes. A sum is not among them: GDAL's shares each pixel by the area of polygons."""

Place = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def reduction(plan: BandPlan, grid: GeoBox, window: Window, resampling: Resampling) -> Pixels:
    """Return a window of a grid reduced from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    kind, quantile = _kinds[resampling]
    return in_parts(window, lambda part: _reduced(plan, grid, part, kind, quantile))


def _reduced(plan: BandPlan, grid: GeoBox, window: Window, kind: int, quantile: float) -> Pixels | None:
    shape, dtype = (window.height, window.width), np.dtype(plan.source.dtype)
    data, state = np.zeros(shape, carrier(dtype.name)), np.zeros(shape, np.uint8)
    _, width, height = level_transform(plan.source, plan.overview)
    place = _place(plan, grid, window, width)
    left, top, right, bottom, most = area_kernels.boxes(*place, width, height)
    if left >= right:
        return Pixels(data.astype(dtype), state.view(bool))
    if (right - left) * (bottom - top) > _SOURCE_BUDGET:
        if window.height * window.width > 1:
            return None
        return _of_strips(plan, (left, top, right, bottom), place, kind, quantile)
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    image = carried(source.data), carried(source.valid.view(np.uint8)), (left, top), (width, height)
    if kind in {rules.MIN, rules.MAX}:
        area_kernels.extreme(kind, image, place, data, state)
    elif kind in {rules.MODE, rules.QUANTILE}:
        area_kernels.rank(kind, quantile, most, image, place, data, state)
    else:
        area_kernels.weigh(kind, image, place, limits(dtype), data, state)
    return beside_nodata(data.astype(dtype, copy=False), state.view(bool), plan.source.nodata)


def _place(plan: BandPlan, grid: GeoBox, window: Window, width: int) -> Place:
    """Return x and y of the top-left, and x and y of the bottom-right corner of each pixel in the source."""
    col = np.arange(window.col, window.col + window.width + 1.0)
    row = np.arange(window.row, window.row + window.height + 1.0)[:, None]
    x, y = np.broadcast_arrays(*places(plan, grid, col, row))
    x0, y0, x1, y1 = (np.array(a, order="C") for a in (x[:-1, :-1], y[:-1, :-1], x[1:, 1:], y[1:, 1:]))
    turn = pixels_of_turn(plan)
    if turn:
        with np.errstate(invalid="ignore"):
            if grid.crs != plan.source.grid.crs:  # longitudes jump at 180 degrees: the short way between the corners
                x1 -= turn * np.round((x1 - x0) / turn)
            middle = (x0 + x1) / 2
            shift = np.where((middle < 0) | (middle >= width), turn * np.floor(middle / turn), 0.0)
        x0, x1 = x0 - shift, x1 - shift
    return x0, y0, x1, y1


def _of_strips(plan: BandPlan, box: tuple[int, int, int, int], place: Place, kind: int, quantile: float) -> Pixels:
    """Return one output pixel of very many source pixels, read strip by strip."""
    left, top, right, bottom = box
    step = max(1, _SOURCE_BUDGET // (right - left))
    dtype = np.dtype(plan.source.dtype)
    (x0, x1), (y0, y1) = sorted((place[0].item(), place[2].item())), sorted((place[1].item(), place[3].item()))
    seen: _Mean | _Ranked = _Mean(kind) if kind in {rules.AVERAGE, rules.RMS} else _Ranked(kind, quantile, dtype)
    for row in range(top, bottom, step):
        rows = min(step, bottom - row)
        strip = read(plan.source, plan.overview, left, row, (rows, right - left))
        seen.add(strip, (_shares(row, rows, y0, y1), _shares(left, right - left, x0, x1)))
    value = seen.result()
    data = np.zeros((1, 1), dtype)
    if value is not None:
        data[0, 0] = np.floor(value + 0.5) if isinstance(seen, _Mean) and dtype.kind != "f" else value
    return beside_nodata(data, np.array([[value is not None]]), plan.source.nodata)


def _shares(first: int, count: int, low: float, high: float) -> npt.NDArray[np.float64]:
    """Return how much of each of some pixels lies between two positions."""
    pixel = np.arange(first, first + count, dtype=np.float64)
    return np.minimum(pixel + 1, high) - np.maximum(pixel, low)


Shares = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""How much of each row, and of each column, counts."""


class _Mean:
    """A mean of pixels that come strip by strip."""

    def __init__(self, kind: int) -> None:
        self._squared = kind == rules.RMS
        self._total = self._weight = 0.0

    def add(self, strip: Pixels, shares: Shares) -> None:
        """Take in the valid pixels of a strip."""
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


class _Ranked:
    """The different values of pixels that come strip by strip, with how many there are, or how much of them.

    Integers of up to 16 bits have a place each; others take as much memory as they differ.
    """

    def __init__(self, kind: int, quantile: float, dtype: np.dtype[Any]) -> None:
        self._kind = kind
        self._quantile = quantile
        self._seen = 0
        self._is_nan = False
        self._dense = dtype.kind in "iu" and dtype.itemsize <= 2
        if self._dense:
            limits = np.iinfo(dtype)
            self._values = np.arange(limits.min, limits.max + 1)
        else:
            self._values = np.empty(0, dtype)
        self._counts = np.zeros(len(self._values))
        self._last = np.zeros(len(self._values), np.int64)  # where each was met last, row by row

    def add(self, strip: Pixels, shares: Shares) -> None:
        """Take in the valid pixels of a strip."""
        values = strip.data[strip.valid]
        self._is_nan = self._is_nan or (values.dtype.kind == "f" and bool(np.isnan(values).any()))
        much = np.outer(*shares)[strip.valid] if self._kind == rules.MODE else None
        if self._dense:
            at = values.astype(np.int64) - self._values[0]
        else:
            known, count = self._values, len(self._values)
            self._values, at = np.unique(np.concatenate([known, values]), return_inverse=True)
            counts, last = np.zeros(len(self._values)), np.zeros(len(self._values), np.int64)
            counts[at[:count]], last[at[:count]] = self._counts, self._last
            self._counts, self._last, at = counts, last, at[count:]
        self._counts += np.bincount(at, much, len(self._values))
        self._last[at] = self._seen + np.arange(len(at))  # of equal places the last one stays
        self._seen += len(at)

    def result(self) -> Any:
        """Return the value, None where no pixel was valid."""
        if not self._seen:
            return None
        if self._is_nan:
            return math.nan
        met = np.flatnonzero(self._counts)
        match self._kind:
            case rules.MIN:
                return self._values[met[0]]
            case rules.MAX:
                return self._values[met[-1]]
            case rules.MODE:
                commonest = np.flatnonzero(self._counts == self._counts.max())
                return self._values[commonest[np.argmin(self._last[commonest])]]
            case _:
                place = max(0, math.ceil(self._quantile * self._seen - 1))
                return self._values[np.searchsorted(np.cumsum(self._counts), place, side="right")]
