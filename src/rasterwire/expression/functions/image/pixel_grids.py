"""Functions that move the pixels of a projection, and that cover a place with them."""

import math

import numpy as np
import shapely
from affine import Affine

from rasterwire.budget import current
from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import to_crs
from rasterwire.expression.functions.image.projections import lattice_of
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import CollectionValue, FeatureValue, Projection
from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import apply, check_transform
from rasterwire.geo.region import Region

_MOST_CELLS = 250_000
"""Cells of a grid that covers a geometry."""

_MOST_FEATURES = 100_000
"""Cells of a grid that touch the geometry."""

_FARTHEST = 1e9
"""Pixels between a geometry and the origin of its projection; farther ones could not be told apart."""
_FEATURE_BYTES = 800
"""Roughly what a cell takes as a feature."""


def _changed(known: Projection, change: Affine) -> Projection:
    transform = known.transform @ change
    check_transform(transform, "transform")
    return Projection(known.crs, transform)


@table.listed("Projection.scale(projection: Projection, x: Float, y: Float) -> Projection")
def scale(known: Projection, x: float, y: float) -> Projection:
    """Returns a projection whose pixels are so many times as wide and high."""
    return _changed(known, Affine.scale(x, y))


@table.listed("Projection.translate(projection: Projection, x: Float, y: Float) -> Projection")
def translate(known: Projection, x: float, y: float) -> Projection:
    """Returns a projection whose origin is so many pixels farther."""
    return _changed(known, Affine.translation(x, y))


@table.listed("Projection.wkt(projection: Projection) -> String")
def wkt(known: Projection) -> str:
    """Returns the crs as WKT."""
    if known.crs is None:
        raise InvalidExpression("the projection names no coordinate reference system.")
    return str(known.crs.to_wkt())


@table.listed("Geometry.coveringGrid(geometry: Geometry, proj: Projection, scale: Float = null) -> FeatureCollection")
def covering_grid(region: Region, known: Projection, metres: float | None) -> CollectionValue:
    """Returns the pixels of a projection that share a point with a geometry, as features."""
    lattice = lattice_of(known, None, metres)
    if lattice.crs is None:
        raise InvalidExpression("the projection names no coordinate reference system.")
    in_pixels = ~lattice.transform
    drawn = shapely.transform(to_crs(region, lattice.crs).geometry, lambda points: apply(in_pixels, points))
    west, south, east, north = drawn.bounds
    if max(map(abs, drawn.bounds)) > _FARTHEST:
        raise InvalidExpression("the geometry lies too many pixels from the origin of the projection.")
    left, top = math.floor(west), math.floor(south)
    width, height = max(1, math.ceil(east) - left), max(1, math.ceil(north) - top)
    if width * height > _MOST_CELLS:
        raise InvalidExpression(
            f"a grid of {width:g} x {height:g} cells is too large, at most {_MOST_CELLS}; give a greater 'scale'."
        )
    col, row = (axis.ravel() for axis in np.meshgrid(np.arange(left, left + width), np.arange(top, top + height)))
    cells = shapely.box(col, row, col + 1, row + 1)
    shapely.prepare(drawn)
    hit = shapely.intersects(drawn, cells)
    if hit.sum() > _MOST_FEATURES:
        raise InvalidExpression(f"over {_MOST_FEATURES} cells are too many in {crs_name(lattice.crs)[:40]}.")
    current().take(_FEATURE_BYTES * int(hit.sum()))
    placed = shapely.transform(cells[hit], lambda points: apply(lattice.transform, points))
    names = zip(col[hit].tolist(), row[hit].tolist(), strict=True)
    return CollectionValue(
        tuple(
            FeatureValue(Region(cell, lattice.crs), {"system:index": f"{x},{y}"})
            for cell, (x, y) in zip(placed, names, strict=True)
        ),
        of_images=False,
    )
