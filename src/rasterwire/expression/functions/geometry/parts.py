"""Functions that return properties and parts of a geometry, and that simplify it."""

import math

import numpy as np
import shapely
from affine import Affine

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import as_geojson
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import ErrorMarginValue, Projection
from rasterwire.geo.antimeridian import redrawn
from rasterwire.geo.crs import metres_per_unit
from rasterwire.geo.region import Region
from rasterwire.geo.region.crossings import check_crossings
from rasterwire.geo.region.relations import to_crs


@table.listed("Geometry.type(geometry: Geometry) -> String")
def type_of(region: Region) -> str:
    """Returns the type of a geometry as in GeoJSON, or LinearRing."""
    return str(as_geojson(region)["type"])


@table.listed("Geometry.projection(geometry: Geometry) -> Projection")
def projection_of(region: Region) -> Projection:
    """Returns the projection of the coordinates."""
    return Projection(region.crs, Affine.identity())


@table.listed("Geometry.geodesic(geometry: Geometry) -> Boolean")
def geodesic(region: Region) -> bool:
    """Tells whether edges are shortest paths on the earth; else they are straight in the projection."""
    return region.geodesic


@table.listed("Geometry.edgesAreGeodesics(geometry: Geometry) -> Boolean")
def edges_are_geodesics(region: Region) -> bool:
    """Tells whether edges are shortest paths on the earth; else they are straight in the projection."""
    return region.geodesic


@table.listed("Geometry.isUnbounded(geometry: Geometry) -> Boolean")
def is_unbounded(region: Region) -> bool:
    """Tells whether a geometry has no bounds; always false on this server."""
    return False


@table.listed("Geometry.geometries(geometry: Geometry) -> List<Geometry>")
def geometries(region: Region) -> list[Region]:
    """Returns the parts of a geometry as a list."""
    return [Region(part, region.crs, region.geodesic) for part in shapely.get_parts(region.geometry)]


@table.listed(
    "Geometry.dissolve(geometry: Geometry, maxError: ErrorMargin = null, proj: Projection = null) -> Geometry"
)
def dissolve(region: Region, margin: ErrorMarginValue | None, projection: Projection | None) -> Region:
    """Returns the union of the parts of a geometry."""
    if projection is not None and projection.crs is not None:
        region = to_crs(region, projection.crs)
    if not hasattr(region.geometry, "geoms"):
        return region
    check_crossings([region.geometry])
    return Region(shapely.union_all(region.geometry), region.crs, region.geodesic)


@table.listed("Geometry.simplify(geometry: Geometry, maxError: ErrorMargin, proj: Projection = null) -> Geometry")
def simplify(region: Region, margin: ErrorMarginValue, projection: Projection | None) -> Region:
    """Returns a geometry with fewer vertices, within an error in metres or in units of the projection."""
    if projection is not None and projection.crs is not None:
        region = to_crs(region, projection.crs)
    tolerance = margin.value
    if not 0 <= tolerance < math.inf:
        raise InvalidExpression(f"an error of {tolerance:g} is not possible.")
    if margin.unit != "projected":
        tolerance /= metres_per_unit(region.crs)
    _, south, _, north = region.geometry.bounds
    latitude = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
    # a degree of longitude is shorter than one of latitude, and longest at the latitude nearest to the equator
    narrow = (
        max(math.cos(math.radians(latitude)), 1e-6) if region.crs.geographic and margin.unit != "projected" else 1.0
    )
    narrowed = shapely.transform(region.geometry, lambda points: points * np.array([narrow, 1.0]))
    shape = shapely.simplify(narrowed, tolerance, preserve_topology=True)
    simplified = redrawn(shape, lambda points: points / np.array([narrow, 1.0]))
    return Region(simplified if simplified.is_valid else region.geometry, region.crs, region.geodesic)
