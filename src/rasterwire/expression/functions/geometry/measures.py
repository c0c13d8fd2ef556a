"""Functions that measure geometries: on the ellipsoid in metres, or in units of a projection."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry import nearest
from rasterwire.expression.functions.geometry.geometries import intersects, to_crs
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import LONLAT, ErrorMarginValue, Projection
from rasterwire.geo.region import Region

_ELLIPSOID = Geod(ellps="WGS84")
_SPHERE = Geod(a=6_371_008.8, b=6_371_008.8)
"""Of the mean radius of the earth."""

_STEPS = 10_000
"""Pieces that straight edges are cut into, to be followed as curves."""

Parts = npt.NDArray[np.object_]


def _lines(parts: Parts) -> Parts:
    return parts[np.isin(shapely.get_type_id(parts), (1, 2))]


def _rings(parts: Parts) -> Parts:
    rings: Parts = shapely.get_rings(parts[shapely.get_type_id(parts) == 3])
    return rings


def _measured(region: Region, projection: Projection | None, chosen: Callable[[Parts], Parts]) -> float:
    """Return how long the chosen lines of a geometry are together."""
    crs = LONLAT if projection is None or projection.crs is None else projection.crs
    lines = chosen(shapely.get_parts(shapely.get_parts(to_crs(region, crs).geometry)))
    whole = float(shapely.length(lines).sum())
    if whole == 0.0:
        return 0.0
    if projection is not None and projection.crs is not None:
        return whole
    if not region.geodesic:  # an edge along a parallel is longer than the shortest path
        lines = shapely.segmentize(lines, whole / _STEPS)
    points, line = shapely.get_coordinates(lines, return_index=True)
    joined = line[1:] == line[:-1]
    _, _, lengths = _ELLIPSOID.inv(*points[:-1][joined].T, *points[1:][joined].T)
    return math.fsum(lengths)


@table.listed("Geometry.length(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float")
def length(region: Region, _: ErrorMarginValue | None, projection: Projection | None) -> float:
    """Returns the length of the lines of a geometry, polygons left out."""
    return _measured(region, projection, _lines)


@table.listed("Geometry.perimeter(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float")
def perimeter(region: Region, _: ErrorMarginValue | None, projection: Projection | None) -> float:
    """Returns the length of the outlines of the polygons of a geometry, those of holes included."""
    return _measured(region, projection, _rings)


# -- of two geometries -------------------------------------------------------------------------

_PAIR = "left: Geometry, right: Geometry"
_MORE = "maxError: ErrorMargin = null, proj: Projection = null"


def _moved(region: Region, projection: Projection | None) -> Region:
    return region if projection is None or projection.crs is None else to_crs(region, projection.crs)


def _meet(left: Region, right: Region, projection: Projection | None) -> bool:
    """Tell whether geometries share a point: in their projection if there is one, else on earth."""
    if projection is None or projection.crs is None:
        return intersects(left, right)
    return bool(left.geometry.intersects(right.geometry))


def _closest(left: Region, right: Region, projection: Projection | None) -> tuple[Region, Region]:
    """Return a point of each geometry, of those that are nearest to each other."""
    crs = LONLAT if projection is None or projection.crs is None else projection.crs
    left, right = _moved(left, projection), _moved(right, projection)
    met = _meet(left, right, projection)
    for inner, outer in ((right, left), (left, right)) if met else ():
        # unless one has the first vertex of the other, their edges cross
        vertex = Region(shapely.Point(shapely.get_coordinates(inner.geometry)[0]), inner.crs)
        if _meet(outer, vertex, projection):
            vertex = to_crs(vertex, crs)
            return vertex, vertex
    planar = projection is not None and projection.crs is not None
    found = nearest.in_plane(left.geometry, right.geometry) if planar else nearest.on_earth(left, right)
    one, two = (Region(shapely.Point(at), crs) for at in found)
    return (two, two) if met else (one, two)


@table.listed(f"Geometry.closestPoint({_PAIR}, {_MORE}) -> Object")
def closest_point(left: Region, right: Region, _: ErrorMarginValue | None, projection: Projection | None) -> Region:
    """Returns the point of the second geometry that is nearest to the first."""
    return _closest(left, right, projection)[1]


@table.listed(f"Geometry.closestPoints({_PAIR}, {_MORE}) -> Object")
def closest_points(
    left: Region, right: Region, _: ErrorMarginValue | None, projection: Projection | None
) -> dict[str, Region]:
    """Returns the points of two geometries that are nearest to each other, as 'left' and 'right'."""
    one, two = _closest(left, right, projection)
    return {"left": one, "right": two}


@table.listed(f"Geometry.distance({_PAIR}, {_MORE}, spherical: Boolean = false) -> Float")
def distance(
    left: Region, right: Region, _: ErrorMarginValue | None, projection: Projection | None, spherical: bool
) -> float:
    """Returns how far two geometries are from each other, 0 where they share a point."""
    left, right = _moved(left, projection), _moved(right, projection)
    if _meet(left, right, projection):
        return 0.0
    one, two = (shapely.get_coordinates(point.geometry)[0] for point in _closest(left, right, projection))
    if projection is not None and projection.crs is not None:
        return math.dist(one, two)
    _, _, metres = (_SPHERE if spherical else _ELLIPSOID).inv(*one, *two)
    return float(metres)


@table.listed(f"Geometry.withinDistance({_PAIR}, distance: Float, {_MORE}) -> Boolean")
def within_distance(
    left: Region, right: Region, most: float, margin: ErrorMarginValue | None, projection: Projection | None
) -> bool:
    """Tells whether two geometries are no farther from each other than a distance."""
    if math.isnan(most):
        raise InvalidExpression("'distance' is no number.")
    return distance(left, right, margin, projection, spherical=False) <= most
