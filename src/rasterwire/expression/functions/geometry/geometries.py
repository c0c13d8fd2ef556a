"""Conversion of geometries from and to GeoJSON and between crs, and the most common functions on them."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
import shapely.geometry
from affine import Affine
from odc.geo.crs import CRS
from pyproj import Geod

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    LONLAT,
    CollectionValue,
    ErrorMarginValue,
    FeatureValue,
    ImageValue,
    Projection,
)
from rasterwire.geo.antimeridian import merged, redrawn, unrolled
from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import apply
from rasterwire.geo.region import MAX_VERTICES, Region, crs_member
from rasterwire.geo.region.crossings import check_crossings, repaired
from rasterwire.geo.region.relations import to_crs


def geometry_of_coordinates(
    kind: str, coordinates: Any, projection: Projection | None, geodesic: bool | None
) -> Region:
    """Construct a geometry from nested coordinates.

    Args:
        kind: as in GeoJSON.
        coordinates: as in GeoJSON, in pixels of the projection.
        projection: None for longitudes and latitudes.
        geodesic: None for geodesic edges where the crs is geographic.

    Raises:
        InvalidExpression: the coordinates are not valid for the kind.
    """
    try:
        _check_points(coordinates)
        geometry = shapely.force_2d(shapely.geometry.shape({"type": kind, "coordinates": coordinates}))
    except (ValueError, TypeError, IndexError, AttributeError, KeyError, OverflowError, shapely.errors.ShapelyError):
        raise InvalidExpression(f"the coordinates are not those of a {kind[:40]}.") from None
    return region_of(geometry, projection, geodesic)


def _check_points(coordinates: Any) -> None:
    """Raise InvalidExpression for too many numbers, and ValueError for texts or too deep lists."""
    pending = [coordinates]
    for _ in range(_DEEPEST):
        lists = [part for part in pending if isinstance(part, list | tuple)]
        if str in set(map(type, pending)):
            raise ValueError("a text")  # NumPy would convert it to a number, at any length
        check_vertices(sum(map(len, lists)) // 3)
        pending = [*itertools.chain.from_iterable(lists)]
    if pending:
        raise ValueError("nested too deeply")


def check_vertices(count: int) -> None:
    """Raise InvalidExpression for more vertices than a geometry may have."""
    if count > MAX_VERTICES:
        raise InvalidExpression(f"the geometry has too many vertices, at most {MAX_VERTICES}; simplify it.")


_DEEPEST = 6
_FARTHEST = 1e15
"""The greatest coordinate of a geometry, in pixels or units: beyond it no two places could be told apart."""


def region_of(geometry: shapely.Geometry, projection: Projection | None, geodesic: bool | None) -> Region:
    """Return the region of a geometry with unchecked coordinates; see ``geometry_of_coordinates``."""
    points = shapely.get_coordinates(geometry)
    if not len(points):
        raise InvalidExpression("the geometry is empty.")
    if not np.isfinite(points).all():
        raise InvalidExpression("a coordinate is not a finite number.")
    if np.abs(points).max() > _FARTHEST:
        raise InvalidExpression(f"a coordinate is over {_FARTHEST:g}, which is no place on earth.")
    if len(points) > MAX_VERTICES:
        raise InvalidExpression(f"the geometry has {len(points)} vertices, at most {MAX_VERTICES}; simplify it.")
    crs = LONLAT if projection is None or projection.crs is None else projection.crs
    if projection is not None:
        transform = projection.transform
        geometry = redrawn(geometry, lambda corners: apply(transform, corners))
    if crs.geographic and np.abs(shapely.get_coordinates(geometry)[:, 1]).max() > 90.0:
        raise InvalidExpression("a latitude is beyond 90; coordinates are longitude, then latitude.")
    curved = crs.geographic and (geodesic is None or geodesic) and not isinstance(geometry, shapely.Point)
    if curved:
        geometry = unrolled(geometry)
    geometry = repaired(geometry)
    if crs.geographic and not curved:
        geometry = merged(geometry)
    return Region(geometry, crs, bool(curved))


def geometry_of_json(document: Mapping[str, Any]) -> Region | None:
    """Return the geometry of a GeoJSON object in the crs that it names; None for any other object.

    Features without a geometry are ignored in a collection.
    """
    kind = document.get("type")
    if kind == "Feature":
        inner = document.get("geometry")
        return geometry_of_json(inner) if isinstance(inner, Mapping) else None
    if not isinstance(kind, str):
        return None
    if kind in _collections and isinstance(document.get(_collections[kind]), list):
        members = document[_collections[kind]]
        parts = [geometry_of_json(member) if isinstance(member, Mapping) else None for member in members]
        if kind == "GeometryCollection" and None in parts:
            raise InvalidExpression(f"geometries[{parts.index(None)}] of the collection is no geometry.")
        regions = [part for part in parts if part is not None]
        return gathered(regions) if regions or kind == "GeometryCollection" else None
    if "coordinates" not in document:
        return None
    crs = crs_member(document)
    projection = None if crs is None else Projection(crs, Affine.identity())
    return geometry_of_coordinates(kind, document["coordinates"], projection, document.get("geodesic"))


_collections = {"FeatureCollection": "features", "GeometryCollection": "geometries"}


def as_geojson(region: Region) -> dict[str, Any]:
    """Return the GeoJSON of a geometry, with the members that Earth Engine adds."""
    document: dict[str, Any] = shapely.geometry.mapping(region.geometry)
    document = _plain(document)
    if region.crs != LONLAT:
        document["crs"] = {"type": "name", "properties": {"name": crs_name(region.crs)}}
    if document["type"] not in {"Point", "MultiPoint"}:
        document["geodesic"] = region.geodesic
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def gathered(regions: Sequence[Region]) -> Region:
    """Return the union of geometries, in the crs of the first."""
    if not regions:
        raise InvalidExpression("there are no geometries to combine.")
    first = regions[0]
    if len(regions) == 1:
        return first
    if all(region.crs == first.crs and region.geodesic == first.geodesic for region in regions):
        return Region(_joint([region.geometry for region in regions]), first.crs, first.geodesic)
    parts = [to_crs(region, first.crs).geometry for region in regions]
    return Region(_joint(parts), first.crs)


def _joint(parts: list[shapely.Geometry]) -> shapely.Geometry:
    distinct = list({id(part): part for part in parts}.values())
    check_crossings(distinct)
    return shapely.union_all(distinct)


def area_of(value: Any) -> Region | None:
    """Return the geometry of a value: a geometry, an element, a collection or GeoJSON; None where it has none."""
    match value:
        case Region():
            return value
        case FeatureValue() | ImageValue():
            return value.footprint()
        case CollectionValue():
            return union_of(value)
        case Mapping():
            return geometry_of_json(value)
        case _:
            return None


def union_of(collection: CollectionValue) -> Region | None:
    """Return the union of the geometries of a collection; None where an image has no bounds."""
    regions = []
    for element in collection:
        region = element.footprint()
        if region is not None:
            regions.append(region)
        elif not isinstance(element, FeatureValue):  # a feature without a geometry adds nothing
            return None
    return None if len(collection) and not regions else gathered(regions)


# -- of geometries -----------------------------------------------------------------------------


@table.listed("Geometry.bounds(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Geometry")
def bounds(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> Region:
    """Returns the bounding rectangle of a geometry."""
    crs = LONLAT if projection is None or projection.crs is None else projection.crs
    return Region(shapely.box(*to_crs(region, crs).geometry.bounds), crs)


@table.listed(
    "Geometry.centroid(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Geometry"
)
def centroid(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> Region:
    """Returns the point at the centre of a geometry."""
    crs = region.crs if projection is None or projection.crs is None else projection.crs
    point = to_crs(region, crs).geometry.centroid
    if crs.geographic:
        point = shapely.Point((point.x + 180.0) % 360.0 - 180.0 if abs(point.x) > 180.0 else point.x, point.y)
    return Region(point, crs)


_WIDEST = 1e7
"""The greatest distance of ``buffer``, in metres or units: more than from a pole to the equator."""

_MAX_BUFFERED = 10_000
"""Vertices of a geometry that ``buffer`` takes."""


@table.listed(
    "Geometry.buffer(geometry: Geometry, distance: Float, maxError: ErrorMargin = null, proj: Projection = null) "
    "-> Geometry"
)
def buffer(region: Region, distance: float, margin: ErrorMarginValue | None, projection: Projection | None) -> Region:
    """Returns a geometry widened by a distance: in metres, or in units of a projection."""
    if not math.isfinite(distance) or abs(distance) > _WIDEST:
        raise InvalidExpression(f"a distance of {distance:g} is not possible, at most {_WIDEST:g}.")
    if shapely.get_num_coordinates(region.geometry) > _MAX_BUFFERED:
        raise InvalidExpression(f"a geometry of over {_MAX_BUFFERED} vertices is too large for a buffer; simplify it.")
    if projection is not None and projection.crs is not None:
        widened = to_crs(region, projection.crs).geometry.buffer(distance)
        return not_empty(Region(widened, projection.crs))
    centre = to_crs(region, LONLAT).geometry.centroid
    local = CRS(f"+proj=aeqd +lat_0={centre.y:.12f} +lon_0={centre.x:.12f} +datum=WGS84 +units=m +type=crs")
    widened = to_crs(region, local).geometry.buffer(distance, quad_segs=32)
    if widened.is_empty:
        raise InvalidExpression("nothing is left of the geometry.")
    return to_crs(Region(widened, local), LONLAT)


@table.listed("Geometry.area(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Float")
def area(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> float:
    """Returns the area of a geometry: in square metres on the ellipsoid, or in units of a projection."""
    if projection is not None and projection.crs is not None:
        return float(to_crs(region, projection.crs).geometry.area)
    geod = Geod(ellps="WGS84")
    parts = shapely.get_parts(shapely.get_parts(to_crs(region, LONLAT).geometry))
    # pyproj would return a small area for a line that returns on its own way
    areal = [part for part in parts if isinstance(part, shapely.Polygon)]
    return math.fsum(abs(geod.geometry_area_perimeter(shapely.orient_polygons(part))[0]) for part in areal)


@table.listed("Geometry.coordinates(geometry: Geometry) -> List<Object>")
def coordinates_of(region: Region) -> list[Any]:
    """Returns the coordinates of a geometry as in GeoJSON."""
    coordinates = as_geojson(region).get("coordinates")
    return coordinates if isinstance(coordinates, list) else []


@table.listed(
    'Geometry.transform(geometry: Geometry, proj: Projection = {"type": "Projection", "crs": "EPSG:4326", '
    '"transform": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}, maxError: ErrorMargin = null, geodesic: Boolean = null) -> Geometry'
)
def transform(region: Region, projection: Projection, margin: ErrorMarginValue | None, geodesic: bool | None) -> Region:
    """Returns a geometry in another crs."""
    return region if projection.crs is None else to_crs(region, projection.crs)


@table.listed(
    "Geometry.convexHull(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Geometry"
)
def convex_hull(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> Region:
    """Returns the convex hull of a geometry."""
    crs = region.crs if projection is None or projection.crs is None else projection.crs
    return Region(to_crs(region, crs).geometry.convex_hull, crs)


def not_empty(region: Region) -> Region:
    """Return a geometry that is not empty.

    Raises:
        InvalidExpression: the geometry is empty.
    """
    if region.geometry.is_empty:
        raise InvalidExpression("nothing is left of the geometry.")
    return region


# -- of elements -------------------------------------------------------------------------------


@table.listed(
    "Feature(geometry: Geometry = null, metadata: Dictionary<Object> = {}, geometryKey: String = null) -> Feature"
)
def feature(geometry: Region | None, properties: Mapping[str, Any], geometry_key: str | None) -> FeatureValue:
    """Returns a geometry with properties."""
    return FeatureValue(geometry, dict(properties))


@table.listed(
    "Feature.geometry(feature: Element, maxError: ErrorMargin = null, proj: Projection = null, geodesics: "
    "Boolean = null) "
    "-> Geometry"
)
def feature_geometry(element: Any, margin: Any, projection: Projection | None, geodesics: bool | None) -> Region | None:
    """Returns the geometry of a feature, or the footprint of an image."""
    region = area_of(element)
    if region is None or projection is None or projection.crs is None:
        return region
    return to_crs(region, projection.crs)


@table.listed(
    "Image.geometry(feature: Element, maxError: ErrorMargin = null, proj: Projection = null, geodesics: Boolean "
    "= null) "
    "-> Geometry"
)
def image_geometry(element: Any, margin: Any, projection: Projection | None, geodesics: bool | None) -> Region:
    """Returns the footprint of an image; the whole earth for an image without bounds."""
    region = feature_geometry(element, margin, projection, geodesics)
    return Region(shapely.box(-180, -90, 180, 90), LONLAT) if region is None else region
