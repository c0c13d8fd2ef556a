"""Nearest neighbour by exact positions: the source pixel that holds each output pixel's centre.

Equal to ``gdalwarp -et 0 -r near`` in any block: positions that lie closer to the side of a pixel
than their slack are computed exactly.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.pixels import Pixels, ToldByNodata, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import kernels, rules
from rasterwire.render.positions import Lattice, exact, exact_positions, positions
from rasterwire.render.source import level_transform, read
from rasterwire.render.splitting import in_parts

_SOURCE_BUDGET = 16_000_000
"""Source pixels read at once; beyond it a block is cut, which changes no pixel."""

Indices = npt.NDArray[np.int32]


def nearest(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    """Return a window of a grid sampled from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    made = _sampled_by_axis(plan, grid, window)
    return made if made is not None else in_parts(window, lambda part: _sampled(plan, grid, part))


def _sampled(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels | None:
    made = _sampled_by_axis(plan, grid, window)
    if made is not None:
        return made
    cols, rows = _source_pixels(plan, grid, window)
    left, top, right, bottom = kernels.span(cols, rows)
    shape = window.height, window.width
    if left >= right:
        return Pixels(np.zeros(shape, plan.source.dtype), np.zeros(shape, bool))
    if (right - left) * (bottom - top) > _SOURCE_BUDGET and window.height * window.width > 1:
        return None
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    data, valid = np.empty(shape, plan.source.dtype), np.empty(shape, np.uint8)
    bits = np.dtype(f"u{data.dtype.itemsize}")  # a compiled loop for each size is enough
    kernels.gather(source.data.view(bits), cols, rows, left, top, data.view(bits))
    if source.valid.all():
        return Pixels(data, cols != rules.OUTSIDE)
    kernels.gather(source.valid.view(np.uint8), cols, rows, left, top, valid)
    return Pixels(data, valid.view(bool))


def _counted(window: Window) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    col = np.arange(window.col, window.col + window.width)
    return col, np.arange(window.row, window.row + window.height)[:, None]


def _sampled_by_axis(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels | None:
    """Return what lies at columns and rows of positions, None where lattices are not parallel, or for too many."""
    if grid.crs != plan.source.grid.crs:
        return None
    col, row = _counted(window)
    corner = exact(plan, grid, col[:1], row[:2])  # whose shapes tell, before all of them are made
    if corner[0].size != 1 or exact(plan, grid, col[:2], row[:1])[1].size != 1:
        return None
    x, y = exact(plan, grid, col, row)
    _, width, height = level_transform(plan.source, plan.overview)
    cols, rows = _along(x.ravel(), width), _along(y.ravel(), height)
    shape = rows.size, cols.size
    on_cols, on_rows = cols >= 0, rows >= 0
    if not on_cols.any() or not on_rows.any():
        return Pixels(np.zeros(shape, plan.source.dtype), np.zeros(shape, bool))
    left, right = int(cols[on_cols].min()), int(cols[on_cols].max()) + 1
    top, bottom = int(rows[on_rows].min()), int(rows[on_rows].max()) + 1
    if (right - left) * (bottom - top) > _SOURCE_BUDGET and rows.size * cols.size > 1:
        return None
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    across, down = np.maximum(cols - left, 0), np.maximum(rows - top, 0)
    data = _taken(source.data, down, across)
    whole = bool(on_cols.all() and on_rows.all())
    if whole and isinstance(source, ToldByNodata):
        return ToldByNodata(data, source.nodata)
    valid = np.ones(shape, bool) if source.valid.all() else _taken(source.valid, down, across)
    if not whole:
        there = on_rows[:, None] & on_cols
        data, valid = np.where(there, data, data.dtype.type(0)), valid & there
    return Pixels(data, valid)


def _along(places: npt.NDArray[np.float64], size: int) -> Indices:
    """Return which pixels of an axis positions lie in, OUTSIDE for none: by the rule for both axes."""
    found, other = np.empty((1, places.size), np.int32), np.empty((1, places.size), np.int32)
    middle = np.full((1, places.size), 0.5)
    kernels.pixels_at(places[None], middle, np.zeros((1, places.size)), size, 1, found, other)
    along: Indices = found[0]
    return along


def _taken(source: npt.NDArray[Any], rows: Indices, cols: Indices) -> npt.NDArray[Any]:
    """Return rows and columns of an array, the axis that makes it smaller first."""
    if rows.size * source.shape[1] <= source.shape[0] * cols.size:
        return source.take(rows, axis=0).take(cols, axis=1)
    return source.take(cols, axis=1).take(rows, axis=0)


def _source_pixels(plan: BandPlan, grid: GeoBox, window: Window) -> tuple[Indices, Indices]:
    """Return source columns and rows, both OUTSIDE where there is none."""
    _, width, height = level_transform(plan.source, plan.overview)
    place = positions(plan, grid, window)
    shape = window.height, window.width
    cols, rows = np.empty(shape, np.int32), np.empty(shape, np.int32)
    if isinstance(place, Lattice):
        doubtful = kernels.pixels_on_lattice(place.as_tuple(), width, height, cols, rows)
    else:
        doubtful = kernels.pixels_at(place.x, place.y, place.near, width, height, cols, rows)
    if doubtful:
        which = np.nonzero(cols == rules.DOUBTFUL)
        sure = exact_positions(plan, grid, window, which)
        sure_cols, sure_rows = np.empty(sure.x.shape, np.int32), np.empty(sure.x.shape, np.int32)
        kernels.pixels_at(sure.x, sure.y, sure.near, width, height, sure_cols, sure_rows)
        cols[which], rows[which] = sure_cols[0], sure_rows[0]
    return cols, rows
