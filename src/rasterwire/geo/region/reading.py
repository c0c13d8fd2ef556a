"""Reading areas from boxes, and from GeoJSON in all its forms."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
import shapely.geometry
from odc.geo.crs import CRS

from rasterwire.errors import InvalidExpression, InvalidRequest, invalid
from rasterwire.geo.antimeridian import merged, unrolled
from rasterwire.geo.crs import crs_name, parse_crs
from rasterwire.geo.region.area import Points, Region
from rasterwire.geo.region.crossings import repaired

_FARTHEST = 1e12
"""The greatest coordinate of a region, in any unit of a crs: beyond it no two pixels could be told apart."""

MAX_VERTICES = 100_000
"""Vertices of a region or geometry."""

_GEOJSON = "region.geojson"

_lonlat = CRS("EPSG:4326")


def box_region(west: float, south: float, east: float, north: float, crs: CRS = _lonlat) -> Region:
    """Return a box with sides along the axes; in longitude, west > east crosses the antimeridian."""
    field = "region.bounding_box"
    sides = ", ".join(f"{side:.12g}" for side in (west, south, east, north))
    _check_size(field, np.array([west, south, east, north]))
    if crs.geographic:
        _check_latitudes(field, np.array([south, north]))
        if west > east:
            east += 360.0
        if east - west > 360.0 + 1e-9:
            raise invalid(
                field, "REGION_TOO_WIDE", f"[{sides}] is {east - west:.12g} degrees of longitude, more than 360"
            )
    if not (west < east and south < north):
        rule = "west has to be below east and south below north"
        raise invalid(field, "REGION_EMPTY", f"[{sides}] is empty; {rule}")
    return Region(shapely.box(west, south, east, north), crs)


def geojson_region(text: str, crs: CRS | None, geodesic: bool | None) -> Region:
    """Return the region of a GeoJSON geometry, feature or collection.

    Features without a geometry add nothing, and the region lists them (RFC 7946, section 3.2). A ring that crosses
    itself contains the points that it encloses an odd number of times.

    Args:
        text: JSON.
        crs: of the coordinates; None takes the ``crs`` member, or EPSG:4326.
        geodesic: None takes the ``geodesic`` member, or planar.

    Raises:
        InvalidRequest: not GeoJSON, empty, too many vertices or crossings, latitude over 90.
    """
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        nodes, left_out = _nodes(document)
        with np.errstate(invalid="ignore"):  # coordinates that are not finite are reported below
            shapes = [_shape(path, node) for path, node in nodes]
    except (ValueError, TypeError, RecursionError):
        raise _not_geojson("") from None
    geometry = shapes[0] if document.get("type") != "FeatureCollection" else shapely.GeometryCollection(shapes)
    inner = nodes[0][1] if document.get("type") == "Feature" else document
    region_crs = crs or crs_member(document) or crs_member(inner) or _lonlat
    if geodesic is None:
        geodesic = document.get("geodesic") is True or inner.get("geodesic") is True
    check_edges(_GEOJSON, region_crs, geodesic)
    _check(_GEOJSON, geometry, region_crs)
    geometry = unrolled(shapely.force_2d(geometry)) if geodesic else shapely.force_2d(geometry)
    try:
        geometry = repaired(geometry)
    except InvalidExpression as error:
        raise invalid(_GEOJSON, "REGION_TOO_COMPLEX", error.problem) from None
    if region_crs.geographic and not geodesic:
        geometry = merged(geometry)
    return Region(geometry, region_crs, geodesic, tuple(left_out))


def _nodes(document: dict[str, Any]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Return the geometries of a document with their paths, and the paths of features that have none."""
    kind = document.get("type")
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
            raise _not_geojson("features")
        geometries = [(f"features[{index}]", feature.get("geometry")) for index, feature in enumerate(features)]
    elif kind == "Feature":
        geometries = [("the feature", document.get("geometry"))]
    else:
        geometries = [("", document)]
    left_out = [path for path, node in geometries if node is None]
    if len(left_out) == len(geometries):
        problem = (
            f"{' and '.join(left_out[:2])}{' ...' if left_out[2:] else ''} without a geometry"
            if geometries
            else "empty"
        )
        raise invalid(_GEOJSON, "REGION_EMPTY", f"there is no place: {problem}; give a polygon with an area")
    return [(path, node) for path, node in geometries if node is not None], left_out


def _shape(path: str, node: Any) -> shapely.Geometry:
    """Return the geometry of a node.

    Raises:
        InvalidRequest: the node is no geometry; the error names the path.
    """
    if not isinstance(node, dict):
        raise _not_geojson(path)
    if node.get("type") == "GeometryCollection" and isinstance(node.get("geometries"), list):
        prefix = f"{path}.geometries" if path else "geometries"
        return shapely.GeometryCollection(
            [_shape(f"{prefix}[{index}]", part) for index, part in enumerate(node["geometries"])]
        )
    try:
        return shapely.geometry.shape(node)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, shapely.errors.ShapelyError):
        raise _not_geojson(path) from None


def _not_geojson(path: str) -> InvalidRequest:
    problem = "is not a GeoJSON geometry; give a Polygon or MultiPolygon with coordinates"
    return invalid(_GEOJSON, "REGION_NOT_GEOJSON", f"{path} {problem}".lstrip())


def check_edges(field: str, crs: CRS, geodesic: bool) -> None:
    """Raise InvalidRequest for geodesic edges between coordinates that are no longitudes and latitudes."""
    if geodesic and not crs.geographic:
        problem = f"geodesic edges join longitudes and latitudes, but the region is in {crs_name(crs)[:60]}"
        raise invalid(field, "EDGES_NOT_GEODESIC", problem + "; leave edges out, or name a geographic region.crs")


def crs_member(node: Mapping[str, Any]) -> CRS | None:
    """Return the crs that a GeoJSON object names, None where it names none.

    Raises:
        InvalidRequest: the crs is named in an unknown form.
    """
    member = node.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else member
    if not isinstance(name, str):
        raise invalid(_GEOJSON, "CRS_NOT_PLAIN", "has a crs member without a name; name it, or use region.crs")
    return parse_crs(name, "region.geojson.crs")


def _check(field: str, geometry: shapely.Geometry, crs: CRS) -> None:
    if geometry.is_empty:
        raise invalid(field, "REGION_EMPTY", "is empty; give at least one polygon with an area")
    count = int(shapely.get_num_coordinates(geometry))
    if count > MAX_VERTICES:
        raise invalid(field, "REGION_TOO_COMPLEX", f"has {count} vertices, at most {MAX_VERTICES}; simplify it")
    points = shapely.get_coordinates(geometry)
    if not np.isfinite(points).all():
        raise invalid(field, "REGION_NOT_FINITE", "has a coordinate that is not a finite number")
    _check_size(field, points)
    if crs.geographic:
        _check_latitudes(field, points[:, 1])


def _check_size(field: str, points: Points) -> None:
    if np.abs(points).max() > _FARTHEST:
        raise invalid(field, "REGION_TOO_LARGE", f"has a coordinate over {_FARTHEST:g}, which is no place on earth")


def _check_latitudes(field: str, latitudes: Points) -> None:
    worst = float(latitudes[np.argmax(np.abs(latitudes))])
    if abs(worst) > 90.0:
        raise invalid(
            field,
            "LATITUDE_OUT_OF_RANGE",
            f"latitude {worst:g} is beyond 90; coordinates are longitude, then latitude, in degrees; "
            "name the region's crs where they are in another",
        )
