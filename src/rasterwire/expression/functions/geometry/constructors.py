"""Functions that construct geometries from coordinates."""

import math
from typing import Any

import numpy as np

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import check_vertices, gathered, geometry_of_coordinates
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import ErrorMarginValue, Projection
from rasterwire.geo.region import Region


@table.listed("GeometryConstructors.Point(coordinates: List<Number>, crs: Projection = null) -> Geometry")
def point(coordinates: list[float], crs: Projection | None) -> Region:
    """Returns a point."""
    return geometry_of_coordinates("Point", coordinates, crs, geodesic=None)


def _in_pairs(numbers: list[Any]) -> list[list[Any]]:
    check_vertices(len(numbers) // 2)
    return [numbers[index : index + 2] for index in range(0, len(numbers), 2)]


@table.listed("GeometryConstructors.MultiPoint(coordinates: List<Object>, crs: Projection = null) -> Geometry")
def multi_point(coordinates: list[Any], crs: Projection | None) -> Region:
    """Returns several points."""
    if coordinates and not isinstance(coordinates[0], list):
        coordinates = _in_pairs(coordinates)
    return geometry_of_coordinates("MultiPoint", coordinates, crs, geodesic=None)


@table.listed(
    "GeometryConstructors.LineString(coordinates: List<Object>, crs: Projection = null, geodesic: Boolean = null, "
    "maxError: ErrorMargin = null) -> Geometry"
)
def line_string(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: ErrorMarginValue | None
) -> Region:
    """Returns a line."""
    return geometry_of_coordinates("LineString", coordinates, crs, geodesic)


@table.listed(
    "GeometryConstructors.MultiLineString(coordinates: List<Object>, crs: Projection = null, geodesic: Boolean = null, "
    "maxError: ErrorMargin = null) -> Geometry"
)
def multi_line_string(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: ErrorMarginValue | None
) -> Region:
    """Returns several lines."""
    if coordinates and isinstance(coordinates[0], int | float):
        coordinates = [_in_pairs(coordinates)]
    elif _are_points(coordinates):
        coordinates = [coordinates]
    return geometry_of_coordinates("MultiLineString", coordinates, crs, geodesic)


def _are_points(coordinates: list[Any]) -> bool:
    """Tell whether coordinates are points, and not lists of these."""
    first = coordinates[0] if coordinates else None
    return isinstance(first, list) and bool(first) and not isinstance(first[0], list)


@table.listed(
    "GeometryConstructors.LinearRing(coordinates: List<Object>, crs: Projection = null, geodesic: Boolean = null, "
    "maxError: ErrorMargin = null) -> Geometry"
)
def linear_ring(
    coordinates: list[Any], crs: Projection | None, geodesic: bool | None, margin: ErrorMarginValue | None
) -> Region:
    """Returns a closed line."""
    closed = coordinates if coordinates and coordinates[0] == coordinates[-1] else [*coordinates, *coordinates[:1]]
    return geometry_of_coordinates("LinearRing", closed, crs, geodesic)


@table.listed(
    "GeometryConstructors.Polygon(coordinates: List<Object>, crs: Projection = null, geodesic: Boolean = null, "
    "maxError: ErrorMargin = null, evenOdd: Boolean = true) -> Geometry"
)
def polygon(
    coordinates: list[Any],
    crs: Projection | None,
    geodesic: bool | None,
    margin: ErrorMarginValue | None,
    even_odd: bool,
) -> Region:
    """Returns a polygon: an outer ring and holes."""
    if coordinates and isinstance(coordinates[0], int | float):
        coordinates = [_in_pairs(coordinates)]
    elif _are_points(coordinates):
        coordinates = [coordinates]
    return geometry_of_coordinates("Polygon", coordinates, crs, geodesic)


@table.listed(
    "GeometryConstructors.MultiPolygon(coordinates: List<Object>, crs: Projection = null, geodesic: Boolean = null, "
    "maxError: ErrorMargin = null, evenOdd: Boolean = true) -> Geometry"
)
def multi_polygon(
    coordinates: list[Any],
    crs: Projection | None,
    geodesic: bool | None,
    margin: ErrorMarginValue | None,
    even_odd: bool,
) -> Region:
    """Returns several polygons."""
    return geometry_of_coordinates("MultiPolygon", coordinates, crs, geodesic)


@table.listed(
    "GeometryConstructors.Rectangle(coordinates: List<Object>, crs: Projection = null, geodesic: Boolean = null, "
    "evenOdd: Boolean = true) -> Geometry"
)
def rectangle(coordinates: list[Any], crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Region:
    """Returns a rectangle: west, south, east, north."""
    try:
        corners = np.asarray(coordinates[:5], float)  # a list may be very long
        west, south, east, north = (float(value) for value in corners.reshape(4))
    except (ValueError, TypeError):
        raise InvalidExpression("'coordinates' has to be four numbers: xMin, yMin, xMax, yMax.") from None
    if crs is None and west > east:
        east += 360.0
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return geometry_of_coordinates("Polygon", [ring], crs, geodesic)


@table.listed("GeometryConstructors.BBox(west: Float, south: Float, east: Float, north: Float) -> Geometry")
def bbox(west: float, south: float, east: float, north: float) -> Region:
    """Returns a rectangle in longitudes and latitudes; its sides are parallels and meridians."""
    south, north = max(south, -90.0), min(north, 90.0)
    if not all(map(math.isfinite, (south, north))) or south > north:
        raise InvalidExpression(f"south, {south:g}, has to be below north, {north:g}.")
    if not (math.isfinite(west) and math.isfinite(east)) or east - west >= 360.0:
        west, east = -180.0, 180.0
    return rectangle([west, south, east, north], crs=None, geodesic=False, even_odd=True)


@table.listed(
    "GeometryConstructors.MultiGeometry(geometries: List<Geometry>, crs: Projection = null, geodesic: Boolean = null, "
    "maxError: ErrorMargin = null) -> Geometry"
)
def multi_geometry(
    geometries: list[Region], crs: Projection | None, geodesic: bool | None, margin: ErrorMarginValue | None
) -> Region:
    """Returns several geometries as one."""
    return gathered(geometries)
