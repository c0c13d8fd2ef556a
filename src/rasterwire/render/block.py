"""A block of an output raster."""

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.grid import columns_around, pixel_offset, turns
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan, RasterPlan
from rasterwire.region import inside
from rasterwire.render.bilinear import bilinear, is_compiled
from rasterwire.render.nearest import nearest
from rasterwire.render.reduction import REDUCTIONS, reduction
from rasterwire.render.source import read
from rasterwire.render.warp import warp
from rasterwire.request import Resampling


def render_block(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
    """Return the bands of a raster over a window, in order, in their planned types.

    Depends on nothing but its arguments and the files: a pixel is the same in any window.

    Raises:
        SourceUnavailable: a file cannot be read, or changed since the plan was made.
    """
    held = None if raster.clip is None else inside(raster.clip, raster.grid, window)
    return tuple(_render_band(band, raster.grid, window, held) for band in raster.bands)


def path_of(band: BandPlan, grid: GeoBox) -> str:
    """Return by what code the pixels of a band are made, and by what its file is read."""
    match band.resampling:
        case None:
            making = "copy"
        case Resampling.NEAREST:
            making = "compiled nearest"
        case Resampling.BILINEAR if is_compiled(band, grid):
            making = "compiled bilinear"
        case kind if kind in REDUCTIONS:
            making = f"compiled {kind.value.lower()}"
        case _:
            return "gdal warp from gdal"
    return f"{making} from {'tiles' if band.source.plain else 'gdal'}"


def _render_band(band: BandPlan, grid: GeoBox, window: Window, held: npt.NDArray[np.bool_] | None) -> Pixels:
    match band.resampling:
        case None:
            pixels = _copy(band, grid, window)
        case Resampling.NEAREST:
            pixels = nearest(band, grid, window)
        case Resampling.BILINEAR if is_compiled(band, grid):
            pixels = bilinear(band, grid, window)
        case kind if kind in REDUCTIONS:
            pixels = reduction(band, grid, window, kind)
        case other:
            pixels = _warp_around(band, grid, window, other)
    valid = pixels.valid if held is None else pixels.valid & held
    return Pixels(pixels.data.astype(band.dtype, copy=False), valid)


def _copy(band: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    offset = pixel_offset(grid, band.source.grid)
    if offset is None:
        raise ValueError(f"band {band.name} was planned as a copy from another lattice")
    col, row = offset[0] + window.col, offset[1] + window.row
    runs = columns_around(col, window.width, band.source.grid)
    is_alone = window.height == grid.shape[0]
    if len(runs) == 1:
        at, first, _ = runs[0]
        return read(band.source, None, first - at, row, (window.height, window.width), is_alone=is_alone)
    shape = window.height, window.width
    whole = Pixels(np.zeros(shape, band.source.dtype), np.zeros(shape, bool))
    for at, first, count in runs:
        part = read(band.source, None, first, row, (window.height, count), is_alone=is_alone)
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
