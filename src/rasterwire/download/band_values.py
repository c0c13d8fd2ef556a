"""The values of a band in general, from few of its pixels: for the range of a picture, and for histograms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire import budget
from rasterwire.errors import invalid
from rasterwire.geo.grid import lattice_extent
from rasterwire.geo.region import Region, inside
from rasterwire.image import Band
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import Pixels, Window
from rasterwire.render.computed import compute
from rasterwire.render.source import level_size, level_transform, read

MAX_PIXELS = 1 << 20
"""Pixels of a band that are looked at for a histogram, or for the minimum and maximum of a picture."""

_PER_SIDE = 8
"""Windows across and down a band that has more pixels at every level."""

_COMPUTED_SIDE = 256
"""Pixels along the longer side of what is computed to be looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class BandValues:
    """Values of a band.

    Attributes:
        values: the valid and finite ones, float64, in no order that counts.
        pixel_count: pixels that were looked at.
        overview: the shrink factor of these; 1 is the full resolution.
        is_exact: whether these are all pixels there are.
        text: which pixels these are, for a sentence.
    """

    values: npt.NDArray[np.float64]
    pixel_count: int
    overview: float
    is_exact: bool
    text: str

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """Return percentiles, interpolated between the values on either side; [] where no value is valid."""
        if not self.values.size:
            return []
        with np.errstate(over="ignore"):
            is_wide = not np.isfinite(np.ptp(self.values))
        if is_wide:  # no difference of halves is infinite
            return [2 * float(half) for half in np.percentile(self.values / 2, percents)]
        return [float(value) for value in np.percentile(self.values, percents)]


def stored_values(band: Band, region: Region | None = None) -> BandValues:
    """Return the values of a band: of its finest level that has no more than ``MAX_PIXELS``, else of windows of it.

    They depend on nothing but the file and the region.

    Args:
        band: of an image of the catalog.
        region: where to look, None for everywhere.

    Raises:
        InvalidRequest: the region touches no pixel.
        SourceUnavailable: the file cannot be read.
        RenderCancelled: nobody waits for them any more.
    """
    levels = [None, *sorted(range(len(band.overviews)), key=lambda level: -band.overviews[level][0])]
    level, area = levels[0], _area(band, levels[0], region)
    for level in levels:
        area = _area(band, level, region)
        if area.height * area.width <= MAX_PIXELS:
            break
    windows = [area] if area.height * area.width <= MAX_PIXELS else _spread_windows(area)
    parts = []
    for window in windows:
        budget.check()
        parts.append(_pixels(band, level, window, region))
    width = level_size(band, level)[0]
    size = "its pixels" if level is None else f"{width} x {level_size(band, level)[1]} pixels of an overview"
    part = f"{len(windows)} windows of " if len(windows) > 1 else "all " if level is None else ""
    return BandValues(
        values=_finite(parts),
        pixel_count=sum(pixels.data.size if region is None else int(inside.sum()) for pixels, inside in parts),
        overview=band.grid.shape[1] / width,
        is_exact=level is None and len(windows) == 1,
        text=part + size,
    )


def computed_values(node: Node, grid: GeoBox) -> BandValues:
    """Return the values of a computed band on a coarse copy of a grid.

    Args:
        node: of the band.
        grid: of its own, or of an output where it has no bounds.

    Raises:
        SourceUnavailable: a file cannot be read.
    """
    height, width = (int(n) for n in grid.shape)
    step = max(1, math.ceil(max(height, width) / _COMPUTED_SIDE))
    rows, cols = math.ceil(height / step), math.ceil(width / step)
    coarse = GeoBox((rows, cols), grid.affine @ Affine.scale(step), grid.crs)
    (pixels,) = compute([node], coarse, Window(0, 0, rows, cols))
    everywhere = np.ones(pixels.data.shape, bool)
    text = f"{cols} x {rows} computed pixels"
    return BandValues(_finite([(pixels, everywhere)]), pixels.data.size, float(step), step == 1, text)


def _area(band: Band, level: int | None, region: Region | None) -> Window:
    """Return the pixels of a level that a region may touch.

    Raises:
        InvalidRequest: there are none.
    """
    affine, width, height = level_transform(band, level)
    if region is None:
        return Window(0, 0, height, width)
    if band.grid.crs is None:
        problem = f"band {band.name!r} names no coordinate reference system; leave the region out"
        raise invalid("region", "IMAGE_WITHOUT_CRS", problem)
    left, top, right, bottom = lattice_extent(region, affine, band.grid.crs)
    first_col, first_row = max(0, math.floor(left)), max(0, math.floor(top))
    cols, rows = min(width, math.ceil(right)) - first_col, min(height, math.ceil(bottom)) - first_row
    if cols < 1 or rows < 1:
        raise invalid(
            "region", "REGION_OUTSIDE_IMAGE", f"does not touch band {band.name!r}; leave it out for all of it"
        )
    return Window(first_row, first_col, rows, cols)


def _spread_windows(area: Window) -> list[Window]:
    """Return windows in the middle of the cells of a chessboard over an area."""
    side = math.isqrt(MAX_PIXELS) // _PER_SIDE
    rows, height = _middles(area.row, area.height, side)
    cols, width = _middles(area.col, area.width, side)
    return [Window(row, col, height, width) for row in rows for col in cols]


def _middles(first: int, length: int, side: int) -> tuple[list[int], int]:
    """Return where windows along an axis begin, and how long each is."""
    cell = length / _PER_SIDE
    side = min(side, math.floor(cell) or 1)
    middles = (first + math.floor((index + 0.5) * cell - side / 2) for index in range(_PER_SIDE))
    # along an axis of few pixels, several cells have the same one
    return sorted({max(first, begin) for begin in middles}), side


_Part = tuple[Pixels, npt.NDArray[np.bool_]]
"""Pixels, and which of them lie in the region."""


def _pixels(band: Band, level: int | None, window: Window, region: Region | None) -> _Part:
    pixels = read(band, level, window.col, window.row, (window.height, window.width))
    if region is None:
        return pixels, np.ones(pixels.data.shape, bool)
    affine, width, height = level_transform(band, level)
    return pixels, inside(region, GeoBox((height, width), affine, band.grid.crs), window)


def _finite(parts: Sequence[_Part]) -> npt.NDArray[np.float64]:
    values = [pixels.data[pixels.valid & inside].astype(np.float64) for pixels, inside in parts]
    joined = np.concatenate(values)
    return joined[np.isfinite(joined)]
