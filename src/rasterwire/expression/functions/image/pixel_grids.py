"""Functions that change the pixels of a projection, and that return the pixels which cover a geometry."""

import math

import numpy as np
import shapely
from affine import Affine

from rasterwire.budget import current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.projections import lattice_of
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import CollectionValue, FeatureValue, Projection
from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import apply, check_transform
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import to_crs

_MAX_CELLS = 250_000
"""Cells of a grid that covers a geometry."""

_MAX_FEATURES = 100_000
"""Cells of a grid that touch the geometry."""

_FARTHEST = 1e9
"""Pixels between a geometry and the origin of its projection; farther ones could not be told apart."""
_FEATURE_BYTES = 800
"""Roughly the memory of a cell as a feature."""


def _with_change(projection: Projection, change: Affine) -> Projection:
    transform = projection.transform @ change
    check_transform(transform, "transform")
    return Projection(projection.crs, transform)


@table.listed("Projection.scale(projection: Projection, x: Float, y: Float) -> Projection")
def scale(projection: Projection, x: float, y: float) -> Projection:
    """Returns a projection whose pixels are so many times as wide and as high."""
    return _with_change(projection, Affine.scale(x, y))


@table.listed("Projection.translate(projection: Projection, x: Float, y: Float) -> Projection")
def translate(projection: Projection, x: float, y: float) -> Projection:
    """Returns a projection whose origin is shifted by so many pixels."""
    return _with_change(projection, Affine.translation(x, y))


@table.listed("Projection.wkt(projection: Projection) -> String")
def wkt(projection: Projection) -> str:
    """Returns the crs as WKT."""
    if projection.crs is None:
        raise InvalidExpression("the projection names no coordinate reference system.")
    return str(projection.crs.to_wkt())


@table.listed("Geometry.coveringGrid(geometry: Geometry, proj: Projection, scale: Float = null) -> FeatureCollection")
def covering_grid(region: Region, projection: Projection, metres: float | None) -> CollectionValue:
    """Returns the pixels of a projection that share a point with a geometry, each as a feature."""
    lattice = lattice_of(projection, None, metres)
    if lattice.crs is None:
        raise InvalidExpression("the projection names no coordinate reference system.")
    in_pixels = ~lattice.transform
    outline = shapely.transform(to_crs(region, lattice.crs).geometry, lambda points: apply(in_pixels, points))
    west, south, east, north = outline.bounds
    if max(map(abs, outline.bounds)) > _FARTHEST:
        raise InvalidExpression("the geometry lies too many pixels from the origin of the projection.")
    left, top = math.floor(west), math.floor(south)
    width, height = max(1, math.ceil(east) - left), max(1, math.ceil(north) - top)
    if width * height > _MAX_CELLS:
        raise InvalidExpression(
            f"a grid of {width:g} x {height:g} cells is too large, at most {_MAX_CELLS}; give a greater 'scale'."
        )
    col, row = (axis.ravel() for axis in np.meshgrid(np.arange(left, left + width), np.arange(top, top + height)))
    cells = shapely.box(col, row, col + 1, row + 1)
    shapely.prepare(outline)
    hit = shapely.intersects(outline, cells)
    if hit.sum() > _MAX_FEATURES:
        raise InvalidExpression(f"over {_MAX_FEATURES} cells are too many in {crs_name(lattice.crs)[:40]}.")
    current().take(_FEATURE_BYTES * int(hit.sum()))
    outlines = shapely.transform(cells[hit], lambda points: apply(lattice.transform, points))
    names = zip(col[hit].tolist(), row[hit].tolist(), strict=True)
    return CollectionValue(
        tuple(
            FeatureValue(Region(cell, lattice.crs), {"system:index": f"{x},{y}"})
            for cell, (x, y) in zip(outlines, names, strict=True)
        ),
        of_images=False,
    )
