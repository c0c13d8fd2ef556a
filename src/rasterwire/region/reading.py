"""Reading areas: boxes, and GeoJSON in all its forms."""

import json

import numpy as np
import shapely
import shapely.geometry
from odc.geo.crs import CRS
from shapely.validation import explain_validity

from rasterwire.antimeridian import joined, unrolled
from rasterwire.crs import crs_name, parse_crs
from rasterwire.errors import InvalidRequest, invalid
from rasterwire.region.area import Points, Region

_FARTHEST = 1e12
"""In any unit of a crs: beyond this no number of pixels could be told from another."""

MAX_VERTICES = 100_000

_lonlat = CRS("EPSG:4326")


def box_region(west: float, south: float, east: float, north: float, crs: CRS = _lonlat) -> Region:
    """Return a box with sides along the axes; in longitude, west > east crosses the antimeridian."""
    field = "region.bounding_box"
    _check_size(field, np.array([west, south, east, north]))
    if crs.geographic:
        _check_latitudes(field, np.array([south, north]))
        if west > east:
            east += 360.0
        if east - west > 360.0 + 1e-9:
            raise invalid(field, "REGION_TOO_WIDE", f"{east - west:g} degrees of longitude are more than 360")
    if not (west < east and south < north):
        raise invalid(
            field,
            "REGION_EMPTY",
            f"[{west:g}, {south:g}, {east:g}, {north:g}] is empty; west has to be below east and south below north",
        )
    return Region(shapely.box(west, south, east, north), crs)


def geojson_region(text: str, crs: CRS | None, geodesic: bool | None) -> Region:
    """Return the region of a GeoJSON geometry, feature or collection.

    Args:
        text: JSON.
        crs: of the coordinates; None takes the ``crs`` member, or EPSG:4326.
        geodesic: None takes the ``geodesic`` member, or planar.

    Raises:
        InvalidRequest: not GeoJSON, empty, too many vertices, crossing itself, latitude over 90.
    """
    field = "region.geojson"
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        inner = document["geometry"] if document.get("type") == "Feature" else document
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are told below
            geometry = shapely.geometry.shape(_merged(inner))
    except InvalidRequest:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, shapely.errors.ShapelyError):
        raise invalid(
            field, "REGION_NOT_GEOJSON", "is not a GeoJSON geometry; give a Polygon or MultiPolygon with coordinates"
        ) from None
    named = crs or _crs_member(document) or _crs_member(inner) or _lonlat
    if geodesic is None:
        geodesic = document.get("geodesic") is True or inner.get("geodesic") is True
    check_edges("region.geojson", named, geodesic)
    _check(field, geometry, named)
    geometry = unrolled(shapely.force_2d(geometry)) if geodesic else shapely.force_2d(geometry)
    if not geometry.is_valid:
        why = explain_validity(geometry)
        raise invalid(field, "REGION_INVALID", f"is not a valid polygon ({why}); its outline may not cross itself")
    if named.geographic and not geodesic:
        geometry = joined(geometry)
    return Region(geometry, named, geodesic)


def check_edges(field: str, crs: CRS, geodesic: bool) -> None:
    """Raise InvalidRequest for geodesic edges between coordinates that are no longitudes and latitudes."""
    if geodesic and not crs.geographic:
        said = f"geodesic edges join longitudes and latitudes, but the region is in {crs_name(crs)[:60]}"
        raise invalid(field, "EDGES_NOT_GEODESIC", said + "; leave edges out, or name a geographic region.crs")


def _merged(node: dict[str, object]) -> dict[str, object]:
    """Turn collections into one geometry collection."""
    kind = node["type"]
    if kind == "FeatureCollection":
        features = node["features"]
        if not isinstance(features, list):
            raise TypeError("features")
        return {"type": "GeometryCollection", "geometries": [f["geometry"] for f in features]}
    return node


def _crs_member(node: dict[str, object]) -> CRS | None:
    member = node.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else member
    if not isinstance(name, str):
        raise invalid("region.geojson", "CRS_NOT_PLAIN", "has a crs member without a name; name it, or use region.crs")
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
            field, "LATITUDE_OUT_OF_RANGE", f"latitude {worst:g} is beyond 90; coordinates are longitude, then latitude"
        )
