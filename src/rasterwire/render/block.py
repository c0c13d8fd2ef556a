"""A block of an output raster."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.expression.nodes import Node
from rasterwire.expression.product import Computed
from rasterwire.grid import columns_around, pixel_offset, turns
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan, RasterPlan
from rasterwire.region import inside
from rasterwire.render.bilinear import bilinear, is_compiled
from rasterwire.render.computed import compute
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
    computed = [band.source.node for band in raster.bands if isinstance(band.source, Computed)]
    if computed:  # together: they may share what they are made of
        resampling = raster.bands[0].resampling or Resampling.NEAREST
        made: Iterable[Pixels] = compute(computed, raster.grid, window, resampling)
    else:
        made = (render_band(band, raster.grid, window) for band in raster.bands)
    return tuple(_finished(band, pixels, held) for band, pixels in zip(raster.bands, made, strict=True))


def _finished(band: BandPlan, pixels: Pixels, held: npt.NDArray[np.bool_] | None) -> Pixels:
    valid = pixels.valid if held is None else pixels.valid & held
    return Pixels(pixels.data.astype(band.dtype, copy=False), valid)


def path_of(band: BandPlan, grid: GeoBox) -> str:
    """Return by what code the pixels of a band are made, and by what its file is read."""
    if isinstance(band.source, Computed):
        return f"expression of {len(_below(band.source.node))} nodes"
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


def _below(node: Node) -> set[bytes]:
    """Return the keys of a node and all below it."""
    seen: set[bytes] = set()
    pending = [node]
    while pending:
        at = pending.pop()
        if at.key not in seen:
            seen.add(at.key)
            pending.extend(at.inputs)
    return seen


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
        case Resampling.BILINEAR if is_compiled(band, grid):
            return bilinear(band, grid, window)
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
