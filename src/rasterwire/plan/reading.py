"""The images that a plan reads, and how much of them."""

import math
from collections.abc import Iterator

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.geo.grid import grid_extent, grid_key
from rasterwire.image import Band
from rasterwire.nodes.bounds import are_apart, grid_bounds
from rasterwire.nodes.nodes import Node, Resampled, Stored
from rasterwire.plan.bands import overview_factors, plan_band
from rasterwire.plan.types import RenderPlan
from rasterwire.request import Resampling


def reading(plan: RenderPlan) -> tuple[list[str], int]:
    """Return the ids of the images that touch the output, and an estimate of the bytes of pixels read from them.

    Raises:
        InvalidExpression: an image without a crs is needed on a grid that has one, or the other way around.
    """
    scenes: dict[str, None] = {}
    pieces: dict[object, int] = {}
    for raster in plan.rasters:
        grid = grid_key(raster.grid)
        for band in raster.bands:
            if band.node is None:
                scenes[plan.image_id] = None
                piece = _bytes(band.stored, raster.grid, band.overview)
                pieces[band.stored.href, band.stored.index, grid] = piece
                continue
            ground = grid_bounds(raster.grid)
            for leaf, leaf_grid in _stored(band.node, raster.grid):
                if (leaf.band.placed.crs is None) != (leaf_grid.crs is None):
                    problem = f"image {leaf.scene[:60]!r} names no coordinate reference system"
                    problem += ", so that it has no place on a grid that does; its files have to name one."
                    raise InvalidExpression(problem, "Image.load")
                if are_apart(leaf.bounds, ground):
                    continue
                scenes[leaf.scene] = None
                plan_of_leaf = plan_band(leaf.band, leaf_grid, leaf.resampling or band.resampling or Resampling.NEAREST)
                piece = _bytes(leaf.band, raster.grid, plan_of_leaf.overview)
                pieces[leaf.band.href, leaf.band.index, grid] = piece
    return list(scenes), sum(pieces.values())


def scene_bands(plan: RenderPlan) -> Iterator[tuple[str, Band]]:
    """Yield the id of each image that a plan reads, with each band that it reads of that."""
    for raster in plan.rasters:
        for band in raster.bands:
            if band.node is None:
                yield plan.image_id, band.stored
            else:
                yield from ((leaf.scene, leaf.band) for leaf, _ in _stored(band.node, raster.grid))


def _stored(node: Node, grid: GeoBox) -> Iterator[tuple[Stored, GeoBox]]:
    """Yield the stored bands below a node, each once, with the grid that they are read on."""
    visited: set[bytes] = set()
    pending = [(node, grid)]
    while pending:
        current, current_grid = pending.pop()
        if current.key in visited:
            continue
        visited.add(current.key)
        if isinstance(current, Stored):
            yield current, current_grid
        inner = current.grid if isinstance(current, Resampled) else current_grid
        pending.extend((node, inner) for node in current.inputs)


def _bytes(band: Band, grid: GeoBox, overview: int | None) -> int:
    """Return the bytes of a band's pixels under a grid."""
    height, width = (int(n) for n in band.grid.shape)
    factor = 1.0 if overview is None else overview_factors(band)[overview]
    left, top, right, bottom = 0.0, 0.0, float(width), float(height)
    if grid.crs is not None and band.grid.crs is not None:
        try:
            box = grid_extent(grid, band.grid.affine, band.grid.crs)
        except InvalidRequest:  # the grid reaches beyond where the band's crs is defined
            box = left, top, right, bottom
        left, top, right, bottom = max(left, box[0]), max(top, box[1]), min(right, box[2]), min(bottom, box[3])
    pixels = max(0.0, right - left) * max(0.0, bottom - top) / (factor * factor)
    return math.ceil(pixels) * np.dtype(band.dtype).itemsize
