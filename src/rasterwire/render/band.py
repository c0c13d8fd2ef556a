"""A band on a grid, by the code for its resampling."""

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.geo.grid import columns_around, pixel_offset, turns
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render.interpolation import interpolation, is_compiled
from rasterwire.render.nearest import nearest
from rasterwire.render.reduction import REDUCTIONS, reduction
from rasterwire.render.source import read
from rasterwire.render.warp import warp
from rasterwire.request import Resampling


def render_band(band: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    """Return a band over a window in the type of its source.

    Raises:
        SourceUnavailable: a file cannot be read.
    """
    match band.resampling:
        case None:
            return _copy(band, grid, window)
        case Resampling.NEAREST:
            return nearest(band, grid, window)
        case kind if is_compiled(band, grid, kind):
            return interpolation(band, grid, window, kind)
        case kind if kind in REDUCTIONS:
            return reduction(band, grid, window, kind)
        case other:
            return _warp_around(band, grid, window, other)


def _copy(band: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    offset = pixel_offset(grid, band.source.grid)
    if offset is None:
        raise ValueError(f"band {band.name} was planned as a copy from another lattice")
    col, row = offset[0] + window.col, offset[1] + window.row
    runs = columns_around(col, window.width, band.source.grid)
    until = offset[1] + int(grid.shape[0])
    if len(runs) == 1:
        at, first, _ = runs[0]
        return read(band.source, None, first - at, row, (window.height, window.width), until=until)
    shape = window.height, window.width
    whole = Pixels(np.zeros(shape, band.source.dtype), np.zeros(shape, bool))
    for at, first, count in runs:
        part = read(band.source, None, first, row, (window.height, count), until=until)
        whole.data[:, at : at + count] = part.data
        whole.valid[:, at : at + count] = part.valid
    return whole


def _warp_around(band: BandPlan, grid: GeoBox, window: Window, resampling: Resampling) -> Pixels:
    """Return a window warped by GDAL, which does not go around the earth where both sides share a crs."""
    source = band.source.grid
    places = turns(grid, source) if grid.crs == source.crs else ()
    moved = [GeoBox(grid.shape, Affine.translation(-360.0 * place, 0) @ grid.affine, grid.crs) for place in places]
    whole, *others = [warp(band, place, window, resampling) for place in moved or [grid]]
    for part in others:
        whole = Pixels(np.where(whole.valid, whole.data, part.data), whole.valid | part.valid)
    return whole
