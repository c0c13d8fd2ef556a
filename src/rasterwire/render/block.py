"""A block of an output raster."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from rasterwire.geo.region import inside
from rasterwire.image import Band
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan, RasterPlan
from rasterwire.render.ahead import SharedFetches, fetch_ahead
from rasterwire.render.band import render_band
from rasterwire.render.computed import compute
from rasterwire.render.interpolation import INTERPOLATIONS
from rasterwire.render.reduction import REDUCTIONS
from rasterwire.request import Resampling
from rasterwire.units import plural_text


def render_block(raster: RasterPlan, window: Window, fetches: SharedFetches | None = None) -> tuple[Pixels, ...]:
    """Return the bands of a raster over a window, in order, in their planned types.

    The result depends only on the plan, the window and the files: a pixel is the same in any window.

    Args:
        raster: plan of the bands.
        window: of its grid.
        fetches: see ``compute``.

    Raises:
        SourceUnavailable: a file cannot be read, or was replaced since the plan was made.
    """
    fetch_ahead(raster, window)
    clip = None if raster.clip is None else inside(raster.clip, raster.grid, window)
    by_name = _computed(raster, window, fetches)
    return tuple(
        _finished(band, by_name[band.name] if band.name in by_name else render_band(band, raster.grid, window), clip)
        for band in raster.bands
    )


def _computed(raster: RasterPlan, window: Window, fetches: SharedFetches | None) -> dict[str, Pixels]:
    """Return the computed bands by name. Bands of one resampling are computed together, as they may share nodes."""
    nodes = defaultdict[Resampling, dict[str, Node]](dict)
    for band in raster.bands:
        if band.node is not None:
            nodes[band.resampling or Resampling.NEAREST][band.name] = band.node
    pixels: dict[str, Pixels] = {}
    for resampling, by_name in nodes.items():
        results = compute([*by_name.values()], raster.grid, window, resampling, fetches)
        pixels.update(zip(by_name, results, strict=True))
    return pixels


def _finished(band: BandPlan, pixels: Pixels, clip: npt.NDArray[np.bool_] | None) -> Pixels:
    if clip is None and pixels.data.dtype == band.dtype:
        return pixels
    valid = pixels.valid if clip is None else pixels.valid & clip
    return Pixels(pixels.data.astype(band.dtype, copy=False), valid)


def path_of(band: BandPlan) -> str:
    """Return the name of the code that computes the pixels of a band, and of the reader of its file."""
    if band.node is not None:
        return f"expression of {plural_text(len(_keys_below(band.node)), 'node')}"
    match band.resampling:
        case None:
            code = "copy"
        case Resampling.NEAREST:
            code = "compiled nearest"
        case kind if kind in REDUCTIONS or kind in INTERPOLATIONS:
            code = f"compiled {kind.value.lower()}"
        case _:
            return "gdal warp from gdal"
    return f"{code} from {_reader_of(band.stored)}"


def _reader_of(band: Band) -> str:
    if band.format:
        return "chunks"
    return "tiles" if band.plain else "gdal"


def _keys_below(node: Node) -> set[bytes]:
    """Return the keys of a node and of all nodes below it."""
    keys: set[bytes] = set()
    pending = [node]
    while pending:
        current = pending.pop()
        if current.key not in keys:
            keys.add(current.key)
            pending.extend(current.inputs)
    return keys
