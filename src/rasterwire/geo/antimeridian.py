"""Areas that cross the antimeridian or contain a pole, with continuous longitudes."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely

Points = npt.NDArray[np.float64]

_TURN = np.array([360.0, 0.0])


def unrolled(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry of geodesic edges with longitudes that are continuous from vertex to vertex.

    A geodesic never spans more than half of the earth, so that vertices at 179 and -179 degrees are two degrees
    apart. A ring whose longitudes do not return to their start runs around the pole nearer to its vertices, and
    gets corners at that pole. Parts lie within half a turn of the first.

    Args:
        geometry: of longitudes and latitudes in degrees, two-dimensional.
    """
    first = shapely.get_coordinates(geometry)[0, 0]

    def along(points: Points) -> Points:
        lon = np.unwrap(points[:, 0], period=360.0)
        lon += 360.0 * np.round((first - lon.mean()) / 360.0)
        run = np.column_stack([lon, points[:, 1]])
        is_closed = len(points) > 1 and bool((points[0] == points[-1]).all())
        if not is_closed or abs(lon[-1] - lon[0]) < 180.0:
            return run
        pole = np.copysign(90.0, points[:, 1].mean())
        return np.vstack([run, [lon[-1], pole], [lon[0], pole], run[:1]])

    return redrawn(geometry, along)


def merged(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry of planar edges in which parts that were cut at the antimeridian are merged.

    Source: RFC 7946, section 3.1.9, by which areas are cut there: parts that end at 180 and at -180
    degrees are the two sides of such a cut.
    """
    parts = list(getattr(geometry, "geoms", []))
    if not any(part.bounds[0] == -180.0 for part in parts) or not any(part.bounds[2] == 180.0 for part in parts):
        return geometry
    if any(part.bounds[2] - part.bounds[0] > 180.0 for part in parts):
        return geometry  # a part covers most of the earth, so that there is no gain
    eastern = [
        part if part.bounds[0] + part.bounds[2] > 0 else redrawn(part, lambda points: points + _TURN) for part in parts
    ]
    return shapely.union_all(eastern)


def redrawn(geometry: shapely.Geometry, along: Callable[[Points], Points]) -> shapely.Geometry:
    """Return a geometry with a function applied to the points, shape (n, 2), of each ring and line."""
    if hasattr(geometry, "geoms"):
        return type(geometry)([redrawn(part, along) for part in geometry.geoms])
    if isinstance(geometry, shapely.Polygon):
        rings = [along(shapely.get_coordinates(ring)) for ring in (geometry.exterior, *geometry.interiors)]
        return shapely.Polygon(rings[0], rings[1:])
    points = shapely.get_coordinates(geometry)
    return type(geometry)(along(points))
