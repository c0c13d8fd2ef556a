"""Nearest neighbour by exact coordinates: the source pixel that holds each output pixel's centre.

Every coordinate is computed from the absolute row and column of the output grid, so a pixel never
depends on the block it is rendered in. Equal to ``gdalwarp -et 0 -r near``.
"""

import math

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.crs import transformer
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render.source import level_transform, read

_EDGE = 1e-10
"""In source pixels: a centre this close before the next pixel is in it, as GDAL has it."""

_SOURCE_BUDGET = 16_000_000
"""Source pixels read at once; beyond it a block is halved, which changes no pixel."""

_COORDINATE_BUDGET = 1 << 18
"""Pixels whose coordinates are converted at once: a dozen arrays of doubles are as many."""

_OUTSIDE = -1

Indices = npt.NDArray[np.int64]


def nearest(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    """Return a window of a grid sampled from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    if grid.crs != plan.source.grid.crs and window.height * window.width > _COORDINATE_BUDGET:
        return _halved(plan, grid, window)
    cols, rows = _source_pixels(plan, grid, window)
    inside = np.broadcast_to((cols != _OUTSIDE) & (rows != _OUTSIDE), (window.height, window.width))
    if not inside.any():
        return Pixels(np.zeros(inside.shape, plan.source.dtype), inside)
    left, right = _span(cols)
    top, bottom = _span(rows)
    if (right - left) * (bottom - top) > _SOURCE_BUDGET and window.height * window.width > 1:
        return _halved(plan, grid, window)
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    at = (np.maximum(rows - top, 0), np.maximum(cols - left, 0))
    return Pixels(source.data[at], source.valid[at] & inside)


def _span(indices: Indices) -> tuple[int, int]:
    """Return the first index and one past the last, of those that are not ``_OUTSIDE``."""
    found = indices[indices != _OUTSIDE]
    return int(found.min()), int(found.max()) + 1


def _halved(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    if window.height >= window.width:
        axis, half = 0, window.height // 2
        first = Window(window.row, window.col, half, window.width)
        second = Window(window.row + half, window.col, window.height - half, window.width)
    else:
        axis, half = 1, window.width // 2
        first = Window(window.row, window.col, window.height, half)
        second = Window(window.row, window.col + half, window.height, window.width - half)
    parts = [nearest(plan, grid, first), nearest(plan, grid, second)]
    return Pixels(np.concatenate([p.data for p in parts], axis), np.concatenate([p.valid for p in parts], axis))


def _source_pixels(plan: BandPlan, grid: GeoBox, window: Window) -> tuple[Indices, Indices]:
    """Return source columns and rows, ``_OUTSIDE`` where there is none.

    Shapes broadcast to the window's: one row and one column where both lattices are parallel.
    """
    affine, width, height = level_transform(plan.source, plan.overview)
    col = np.arange(window.col, window.col + window.width) + 0.5
    row = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
    crs = plan.source.grid.crs
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    if grid.crs == crs:
        direct: Affine = ~affine @ grid.affine
        x = direct.a * col + direct.c + (direct.b * row if direct.b else 0.0)
        y = direct.e * row + direct.f + (direct.d * col if direct.d else 0.0)
    else:
        on_x = grid.affine.a * col + grid.affine.b * row + grid.affine.c
        on_y = grid.affine.d * col + grid.affine.e * row + grid.affine.f
        on_x, on_y = np.broadcast_arrays(on_x, on_y)
        there_x, there_y = transformer(grid.crs, crs).transform(on_x, on_y)
        back = ~affine
        with np.errstate(invalid="ignore"):  # what has no place in the other CRS is infinite
            x = back.a * there_x + back.b * there_y + back.c
            y = back.d * there_x + back.e * there_y + back.f
    if crs is not None and crs.geographic and affine.a and not affine.b:
        turn = abs(360.0 / affine.a)
        with np.errstate(invalid="ignore"):
            x = np.where((x < 0) | (x >= width), x - turn * np.floor(x / turn), x)
    return np.atleast_2d(_indices(x, width)), np.atleast_2d(_indices(y, height))


def _indices(position: npt.NDArray[np.float64], size: int) -> Indices:
    with np.errstate(invalid="ignore"):
        whole = np.floor(position + _EDGE)
        inside = (whole >= 0) & (whole < size)
    return np.where(inside, np.where(inside, whole, 0), _OUTSIDE).astype(np.int64)


def shrink(plan: BandPlan, grid: GeoBox) -> tuple[float, float]:
    """Return output pixels per source pixel along x and y at the middle of a grid, at most 1.

    One number for the whole raster, so that a kernel that widens with it is the same in every block.
    """
    affine, _, _ = level_transform(plan.source, plan.overview)
    height, width = grid.shape
    centre = np.array([[width / 2, height / 2], [width / 2 + 1, height / 2], [width / 2, height / 2 + 1]])
    x = grid.affine.a * centre[:, 0] + grid.affine.b * centre[:, 1] + grid.affine.c
    y = grid.affine.d * centre[:, 0] + grid.affine.e * centre[:, 1] + grid.affine.f
    if grid.crs != plan.source.grid.crs:
        x, y = transformer(grid.crs, plan.source.grid.crs).transform(x, y)
    back = ~affine
    with np.errstate(invalid="ignore"):
        cols, rows = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
        across = math.hypot(cols[1] - cols[0], cols[2] - cols[0])
        down = math.hypot(rows[1] - rows[0], rows[2] - rows[0])
    if not (math.isfinite(across) and math.isfinite(down)):
        return 1.0, 1.0
    return min(1.0, 1 / max(across, 1e-9)), min(1.0, 1 / max(down, 1e-9))
