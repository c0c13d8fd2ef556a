"""What a plan reads of the catalog's images."""

import math
from collections.abc import Iterator

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.geo.grid import footprint, grid_key, lattice_extent
from rasterwire.image import Band
from rasterwire.nodes.bounds import apart, reach_of
from rasterwire.nodes.computed import Computed
from rasterwire.nodes.nodes import Node, Resampled, Stored
from rasterwire.plan.bands import overview_factors, sampling
from rasterwire.plan.types import RenderPlan
from rasterwire.request import Resampling


def reading(plan: RenderPlan) -> tuple[int, int]:
    """Return how many images touch the output, and a guess of the bytes of pixels that are read of them.

    Raises:
        InvalidExpression: an image without a crs would be needed on a grid that has one, or the other way around.
    """
    scenes: set[str] = set()
    pieces: dict[object, int] = {}
    for raster in plan.rasters:
        place = grid_key(raster.grid)
        for band in raster.bands:
            if not isinstance(band.source, Computed):
                scenes.add("")
                piece = _bytes(band.source, raster.grid, band.overview)
                pieces[band.source.href, band.source.index, place] = piece
                continue
            ground = reach_of(raster.grid)
            for stored, grid in _stored(band.source.node, raster.grid):
                if (stored.band.placed.crs is None) != (grid.crs is None):
                    said = f"image {stored.scene[:60]!r} names no coordinate reference system"
                    said += ", so that it has no place on a grid that does; its files have to tell one."
                    raise InvalidExpression(said, "Image.load")
                if apart(stored.reach, ground):
                    continue
                scenes.add(stored.scene)
                known = sampling(stored.band, grid, stored.resampling or band.resampling or Resampling.NEAREST)
                piece = _bytes(stored.band, raster.grid, known.overview)
                pieces[stored.band.href, stored.band.index, place] = piece
    return len(scenes), sum(pieces.values())


def _stored(node: Node, grid: GeoBox) -> Iterator[tuple[Stored, GeoBox]]:
    """Yield the stored bands below a node, each once, with the grid they are read on."""
    seen: set[bytes] = set()
    pending = [(node, grid)]
    while pending:
        at, wanted = pending.pop()
        if at.key in seen:
            continue
        seen.add(at.key)
        if isinstance(at, Stored):
            yield at, wanted
        inner = at.grid if isinstance(at, Resampled) else wanted
        pending.extend((other, inner) for other in at.inputs)


def _bytes(band: Band, grid: GeoBox, overview: int | None) -> int:
    """Return the bytes of a band's pixels under a grid."""
    height, width = (int(n) for n in band.grid.shape)
    factor = 1.0 if overview is None else overview_factors(band)[overview]
    left, top, right, bottom = 0.0, 0.0, float(width), float(height)
    if grid.crs is not None and band.grid.crs is not None:
        try:
            box = lattice_extent(footprint(grid), band.grid.affine, band.grid.crs)
        except InvalidRequest:  # the grid reaches beyond where the band's crs is defined
            box = left, top, right, bottom
        left, top, right, bottom = max(left, box[0]), max(top, box[1]), min(right, box[2]), min(bottom, box[3])
    pixels = max(0.0, right - left) * max(0.0, bottom - top) / (factor * factor)
    return math.ceil(pixels) * np.dtype(band.dtype).itemsize
