"""How areas lie to each other on the ground."""

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from odc.geo.crs import CRS

from rasterwire.errors import InvalidExpression
from rasterwire.geo.antimeridian import redrawn, unrolled
from rasterwire.geo.crs import crs_name, transformer
from rasterwire.geo.region.area import Region, own_geometry
from rasterwire.geo.region.crossings import repaired
from rasterwire.geo.region.reading import MAX_VERTICES

_lonlat = CRS("EPSG:4326")


def to_crs(region: Region, crs: CRS) -> Region:
    """Return a geometry in another crs; vertices are added so that its edges keep their shape."""
    if region.crs == crs and not region.geodesic:
        return region
    geometry = own_geometry(region)
    if region.crs == crs:
        return Region(geometry, crs)
    west, south, east, north = geometry.bounds
    step = max(east - west, north - south) / 64
    if step > 0:
        geometry = shapely.segmentize(geometry, step)
    if shapely.get_num_coordinates(geometry) > 8 * MAX_VERTICES:
        raise InvalidExpression(f"the geometry has too many vertices, at most {MAX_VERTICES}; simplify it.")
    convert = transformer(region.crs, crs)

    def along(points: Any) -> Any:
        x, y = convert.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    moved = redrawn(geometry, along)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InvalidExpression(f"the geometry reaches beyond where {crs_name(crs)[:40]} is defined.")
    if crs.geographic:  # PROJ returns longitudes from -180 to 180, which jump at the antimeridian
        moved = unrolled(moved)
    return Region(moved if moved.is_valid else repaired(moved), crs)


def intersects(first: Region, second: Region) -> bool:
    """Tell whether two geometries share a point; their longitudes may differ by turns of 360 degrees."""
    return related(shapely.intersects, first, second)


def related(test: Callable[[shapely.Geometry, shapely.Geometry], Any], first: Region, second: Region) -> bool:
    """Tell whether a test is true for two geometries in longitudes and latitudes, which may differ by turns."""
    a = to_crs(first, _lonlat).geometry
    b = to_crs(second, _lonlat).geometry
    turns = (
        [0.0]
        if abs(a.bounds[0] - b.bounds[0]) < 180.0 and a.bounds[2] < 180 and b.bounds[2] < 180
        else [-360.0, 0.0, 360.0]
    )
    return any(
        bool(test(a, b if not turn else shapely.transform(b, lambda p, t=turn: p + np.array([t, 0.0]))))
        for turn in turns
    )
