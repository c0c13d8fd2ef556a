"""Nearest neighbour by exact positions: the source pixel that holds each output pixel's centre.

Equal to ``gdalwarp -et 0 -r near`` in any block: positions that lie closer to the side of a pixel
than their slack are computed exactly.
"""

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import kernels
from rasterwire.render.parts import in_parts
from rasterwire.render.positions import Lattice, exact_positions, positions
from rasterwire.render.source import level_transform, read

_SOURCE_BUDGET = 16_000_000
"""Source pixels read at once; beyond it a block is cut, which changes no pixel."""

Indices = npt.NDArray[np.int32]


def nearest(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    """Return a window of a grid sampled from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    return in_parts(window, lambda part: _sampled(plan, grid, part))


def _sampled(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels | None:
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
        return Pixels(data, cols != kernels.OUTSIDE)
    kernels.gather(source.valid.view(np.uint8), cols, rows, left, top, valid)
    return Pixels(data, valid.view(bool))


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
        which = np.nonzero(cols == kernels.DOUBTFUL)
        sure = exact_positions(plan, grid, window, which)
        sure_cols, sure_rows = np.empty(sure.x.shape, np.int32), np.empty(sure.x.shape, np.int32)
        kernels.pixels_at(sure.x, sure.y, sure.near, width, height, sure_cols, sure_rows)
        cols[which], rows[which] = sure_cols[0], sure_rows[0]
    return cols, rows
