"""A block of an output raster."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.geo.region import inside
from rasterwire.nodes.computed import Computed
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan, RasterPlan
from rasterwire.render.band import render_band
from rasterwire.render.computed import compute
from rasterwire.render.interpolation import is_compiled
from rasterwire.render.reduction import REDUCTIONS
from rasterwire.request import Resampling


def render_block(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
    """Return the bands of a raster over a window, in order, in their planned types.

    Depends on nothing but its arguments and the files: a pixel is the same in any window.

    Raises:
        SourceUnavailable: a file cannot be read, or changed since the plan was made.
    """
    held = None if raster.clip is None else inside(raster.clip, raster.grid, window)
    computed = _computed(raster, window)
    return tuple(
        _finished(band, computed[band.name] if band.name in computed else render_band(band, raster.grid, window), held)
        for band in raster.bands
    )


def _computed(raster: RasterPlan, window: Window) -> dict[str, Pixels]:
    """Return the computed bands by name: those of one resampling together, as they may share what they are made of."""
    nodes = defaultdict[Resampling, dict[str, Node]](dict)
    for band in raster.bands:
        if isinstance(band.source, Computed):
            nodes[band.resampling or Resampling.NEAREST][band.name] = band.source.node
    made: dict[str, Pixels] = {}
    for resampling, named in nodes.items():
        made.update(zip(named, compute([*named.values()], raster.grid, window, resampling), strict=True))
    return made


def _finished(band: BandPlan, pixels: Pixels, held: npt.NDArray[np.bool_] | None) -> Pixels:
    if held is None and pixels.data.dtype == band.dtype:
        return pixels
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
        case kind if kind in REDUCTIONS or is_compiled(band, grid, kind):
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
