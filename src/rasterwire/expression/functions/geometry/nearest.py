"""The points of two geometries that are nearest to each other."""

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.crs import CRS
from pyproj import Geod

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.values import LONLAT
from rasterwire.geo.crs import transformer
from rasterwire.geo.region import Region
from rasterwire.geo.region.crossings import outlines
from rasterwire.geo.region.relations import to_crs

Points = npt.NDArray[np.float64]
Edges = tuple[Points, Points]
"""Start and end points, each of shape (n, 2); they are the same for a point."""

_STEPS = 2_000
"""The number of pieces that the straight edges of a geometry are cut into, as they are curves on earth."""

_MAX_EDGES = 200_000
"""Edges of a geometry whose distance to another is measured."""

_ROUNDS = 3
_LONGEST = 1e6
"""Metres; an edge that is longer in a projection crosses its discontinuity, at the far side of the earth."""

_GEOD = Geod(ellps="WGS84")


def in_plane(left: shapely.Geometry, right: shapely.Geometry) -> tuple[Points, Points]:
    """Return the nearest points of two planar geometries that are disjoint."""
    return _nearest(_edges(left), _edges(right))


def on_earth(left: Region, right: Region) -> tuple[Points, Points]:
    """Return the nearest points of two geometries, in longitudes and latitudes.

    The search uses azimuthal equidistant projections, in which distances from the centre are true: first
    around the centre of one geometry, then around the middle of the two points of the round before.
    """
    edges = _edges(_curved(left)), _edges(_curved(right))
    best, least = None, np.inf
    for own_edges in edges:
        centre = (own_edges[0].min(axis=0) + own_edges[0].max(axis=0)) / 2
        for _ in range(_ROUNDS):
            points = _nearest_around(centre, edges)
            if points is None:
                break
            (lon, lat), (east, north) = points
            azimuth, _, metres = _GEOD.inv(lon, lat, east, north)
            if metres > 0.999_999_9 * least:
                break
            best, least = points, metres
            centre = np.array(_GEOD.fwd(lon, lat, azimuth, metres / 2)[:2])
    if best is None:
        raise InvalidExpression("the geometries are too large to be measured; simplify them.")
    return best


def _curved(region: Region) -> shapely.Geometry:
    """Return a geometry in longitudes and latitudes with short edges."""
    geometry = to_crs(region, LONLAT).geometry
    length = sum(float(shapely.length(line)) for line in outlines([geometry]))
    return geometry if region.geodesic or not length else shapely.segmentize(geometry, max(length / _STEPS, 1e-9))


def _edges(geometry: shapely.Geometry) -> Edges:
    lines = outlines([geometry])
    points, line = shapely.get_coordinates(lines, return_index=True)
    if len(points) > _MAX_EDGES:
        raise InvalidExpression(f"a geometry of over {_MAX_EDGES} edges is too large to be measured; simplify it.")
    same_line = line[1:] == line[:-1]
    single_points = points[shapely.get_type_id(lines)[line] == 0]
    return np.concatenate([points[:-1][same_line], single_points]), np.concatenate(
        [points[1:][same_line], single_points]
    )


def _nearest(left: Edges, right: Edges) -> tuple[Points, Points]:
    left_lines, right_lines = (shapely.linestrings(np.stack(edges, axis=1)) for edges in (left, right))
    pairs, distances = shapely.STRtree(right_lines).query_nearest(left_lines, all_matches=False, return_distance=True)
    left_index, right_index = pairs[:, distances.argmin()]
    points = shapely.get_coordinates(shapely.shortest_line(left_lines[left_index], right_lines[right_index]))
    return points[0], points[1]


def _nearest_around(centre: Points, edges: tuple[Edges, Edges]) -> tuple[Points, Points] | None:
    """Return the nearest points in a projection around a centre; None where it contains no edge of a geometry."""
    lon = (centre[0] + 180.0) % 360.0 - 180.0
    local = CRS(f"+proj=aeqd +lat_0={centre[1]:.9f} +lon_0={lon:.9f} +datum=WGS84 +units=m +type=crs")
    to_local, to_lonlat = transformer(LONLAT, local), transformer(local, LONLAT)
    local_edges = []
    for begins, ends in edges:
        a, b = (np.column_stack(to_local.transform(*points.T)) for points in (begins, ends))
        is_untorn = np.hypot(*(b - a).T) < _LONGEST  # False for NaN
        if not is_untorn.any():
            return None
        local_edges.append((a[is_untorn], b[is_untorn]))
    points = np.array(_nearest(local_edges[0], local_edges[1]))
    lonlat = np.column_stack(to_lonlat.transform(*points.T))
    return lonlat[0], lonlat[1]
