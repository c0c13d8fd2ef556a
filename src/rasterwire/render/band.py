"""The pixels of a band on a grid, by the code for its resampling."""

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.geo.grid import columns_around, pixel_offset, turns
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render.interpolation import INTERPOLATIONS, interpolation
from rasterwire.render.nearest import nearest
from rasterwire.render.reduction import REDUCTIONS, reduction
from rasterwire.render.sampling import Sampling, sampling_of
from rasterwire.render.source import read
from rasterwire.render.warp import warp
from rasterwire.request import Resampling


def render_band(band: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    """Return a band over a window in the type of its source.

    Raises:
        SourceUnavailable: a file cannot be read.
    """
    if band.resampling is None:
        return _copy(band, grid, window)
    sampling = sampling_of(band, grid)
    if band.resampling is Resampling.NEAREST:
        return nearest(sampling, window)
    if band.resampling in INTERPOLATIONS:
        return interpolation(sampling, window)
    if band.resampling in REDUCTIONS:
        return reduction(sampling, window)
    return _warp_around(band, sampling, window)


def _copy(band: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    offset = pixel_offset(grid, band.source.grid)
    if offset is None:
        raise ValueError(f"band {band.name} was planned as a copy from another lattice")
    col, row = offset[0] + window.col, offset[1] + window.row
    runs = columns_around(col, window.width, band.source.grid)
    until = offset[1] + int(grid.shape[0])
    if len(runs) == 1:
        begin, first, _ = runs[0]
        return read(band.source, None, first - begin, row, (window.height, window.width), until=until)
    shape = window.height, window.width
    whole = Pixels(np.zeros(shape, band.source.dtype), np.zeros(shape, bool))
    for begin, first, count in runs:
        part = read(band.source, None, first, row, (window.height, count), until=until)
        whole.data[:, begin : begin + count] = part.data
        whole.valid[:, begin : begin + count] = part.valid
    return whole


def _warp_around(band: BandPlan, sampling: Sampling, window: Window) -> Pixels:
    """Return a window warped by GDAL, which does not go around the earth where grid and source share a crs."""
    grid = sampling.grid
    samplings = [sampling]
    if sampling.shares_crs:
        # one for each turn of the earth, with the grid moved onto the source
        shifts = (Affine.translation(-360.0 * turn, 0) for turn in turns(grid, sampling.source.grid))
        shifted_samplings = [sampling_of(band, GeoBox(grid.shape, shift @ grid.affine, grid.crs)) for shift in shifts]
        samplings = shifted_samplings or samplings
    whole, *rest = [warp(part, window) for part in samplings]
    for part in rest:
        whole = Pixels(np.where(whole.valid, whole.data, part.data), whole.valid | part.valid)
    return whole
