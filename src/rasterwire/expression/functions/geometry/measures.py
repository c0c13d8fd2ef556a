"""Functions that measure geometries: on the ellipsoid in metres, or in units of a projection."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry import nearest
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import LONLAT, ErrorMarginValue, Projection
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import intersects, to_crs

_ELLIPSOID = Geod(ellps="WGS84")
_SPHERE = Geod(a=6_371_008.8, b=6_371_008.8)
"""The sphere of the mean radius of the earth."""

_STEPS = 10_000
"""The number of pieces that straight edges are cut into, so that their length on earth is exact."""

Parts = npt.NDArray[np.object_]


def _lines(parts: Parts) -> Parts:
    return parts[np.isin(shapely.get_type_id(parts), (1, 2))]


def _rings(parts: Parts) -> Parts:
    rings: Parts = shapely.get_rings(parts[shapely.get_type_id(parts) == 3])
    return rings


def _measured(region: Region, projection: Projection | None, select: Callable[[Parts], Parts]) -> float:
    """Return the total length of the selected lines of a geometry."""
    crs = LONLAT if projection is None or projection.crs is None else projection.crs
    lines = select(shapely.get_parts(shapely.get_parts(to_crs(region, crs).geometry)))
    length = float(shapely.length(lines).sum())
    if length == 0.0:
        return 0.0
    if projection is not None and projection.crs is not None:
        return length
    if not region.geodesic:  # a straight edge is not the shortest path on earth
        lines = shapely.segmentize(lines, length / _STEPS)
    points, line = shapely.get_coordinates(lines, return_index=True)
    same_line = line[1:] == line[:-1]
    _, _, lengths = _ELLIPSOID.inv(*points[:-1][same_line].T, *points[1:][same_line].T)
    return math.fsum(lengths)


@table.listed("Geometry.length(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float")
def length(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> float:
    """Returns the length of the lines of a geometry, without polygons."""
    return _measured(region, projection, _lines)


@table.listed("Geometry.perimeter(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float")
def perimeter(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> float:
    """Returns the length of the rings of the polygons of a geometry, including holes."""
    return _measured(region, projection, _rings)


# -- of two geometries -------------------------------------------------------------------------

_PAIR = "left: Geometry, right: Geometry"
_MARGIN_AND_PROJECTION = "maxError: ErrorMargin = null, proj: Projection = null"


def _projected(region: Region, projection: Projection | None) -> Region:
    return region if projection is None or projection.crs is None else to_crs(region, projection.crs)


def _share_point(left: Region, right: Region, projection: Projection | None) -> bool:
    """Tell whether geometries share a point: in the projection if one is given, else on earth."""
    if projection is None or projection.crs is None:
        return intersects(left, right)
    return bool(left.geometry.intersects(right.geometry))


def _closest(left: Region, right: Region, projection: Projection | None) -> tuple[Region, Region]:
    """Return the points of two geometries that are nearest to each other."""
    crs = LONLAT if projection is None or projection.crs is None else projection.crs
    left, right = _projected(left, projection), _projected(right, projection)
    share_point = _share_point(left, right, projection)
    for inner, outer in ((right, left), (left, right)) if share_point else ():
        # where neither contains the first vertex of the other, their edges cross
        vertex = Region(shapely.Point(shapely.get_coordinates(inner.geometry)[0]), inner.crs)
        if _share_point(outer, vertex, projection):
            vertex = to_crs(vertex, crs)
            return vertex, vertex
    planar = projection is not None and projection.crs is not None
    points = nearest.in_plane(left.geometry, right.geometry) if planar else nearest.on_earth(left, right)
    first, second = (Region(shapely.Point(point), crs) for point in points)
    return (second, second) if share_point else (first, second)


@table.listed(f"Geometry.closestPoint({_PAIR}, {_MARGIN_AND_PROJECTION}) -> Object")
def closest_point(
    left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None
) -> Region:
    """Returns the point of the second geometry that is nearest to the first."""
    return _closest(left, right, projection)[1]


@table.listed(f"Geometry.closestPoints({_PAIR}, {_MARGIN_AND_PROJECTION}) -> Object")
def closest_points(
    left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None
) -> dict[str, Region]:
    """Returns the points of two geometries that are nearest to each other, as 'left' and 'right'."""
    first, second = _closest(left, right, projection)
    return {"left": first, "right": second}


@table.listed(f"Geometry.distance({_PAIR}, {_MARGIN_AND_PROJECTION}, spherical: Boolean = false) -> Float")
def distance(
    left: Region, right: Region, margin: ErrorMarginValue | None, projection: Projection | None, spherical: bool
) -> float:
    """Returns the distance between two geometries; 0 where they share a point."""
    left, right = _projected(left, projection), _projected(right, projection)
    if _share_point(left, right, projection):
        return 0.0
    first, second = (shapely.get_coordinates(point.geometry)[0] for point in _closest(left, right, projection))
    if projection is not None and projection.crs is not None:
        return math.dist(first, second)
    _, _, metres = (_SPHERE if spherical else _ELLIPSOID).inv(*first, *second)
    return float(metres)


@table.listed(f"Geometry.withinDistance({_PAIR}, distance: Float, {_MARGIN_AND_PROJECTION}) -> Boolean")
def within_distance(
    left: Region, right: Region, limit: float, margin: ErrorMarginValue | None, projection: Projection | None
) -> bool:
    """Tells whether the distance between two geometries is within a limit."""
    if math.isnan(limit):
        raise InvalidExpression("'distance' is no number.")
    return distance(left, right, margin, projection, spherical=False) <= limit
