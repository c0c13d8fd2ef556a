"""The points of two geometries that are nearest to each other."""

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.crs import CRS
from pyproj import Geod

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import to_crs
from rasterwire.expression.language.values import LONLAT
from rasterwire.geo.crs import transformer
from rasterwire.geo.region import Region
from rasterwire.geo.region.crossings import outlines

Points = npt.NDArray[np.float64]
Edges = tuple[Points, Points]
"""Begins and ends, each of shape (n, 2); a point is both."""

_STEPS = 2_000
"""Pieces that straight edges of a geometry are cut into, where they are to be followed as curves."""

_MOST_EDGES = 200_000
"""Edges of a geometry whose distance to another is measured."""

_ROUNDS = 3
_LONGEST = 1e6
"""Metres; an edge that is longer in a projection is torn there, at the far side of the earth."""

_GEOD = Geod(ellps="WGS84")


def in_plane(left: shapely.Geometry, right: shapely.Geometry) -> tuple[Points, Points]:
    """Return the nearest points of two planar geometries, which do not share one."""
    return _nearest(_edges(left), _edges(right))


def on_earth(left: Region, right: Region) -> tuple[Points, Points]:
    """Return the nearest points of two geometries, in longitudes and latitudes.

    They are sought in azimuthal equidistant projections: around the middle of one geometry, where
    distances from it are true, then around the middle between the two points that were found.
    """
    edges = _edges(_curved(left)), _edges(_curved(right))
    best, least = None, np.inf
    for of in edges:
        centre = (of[0].min(axis=0) + of[0].max(axis=0)) / 2
        for _ in range(_ROUNDS):
            found = _nearest_around(centre, edges)
            if found is None:
                break
            (lon, lat), (east, north) = found
            azimuth, _, metres = _GEOD.inv(lon, lat, east, north)
            if metres > 0.999_999_9 * least:
                break
            best, least = found, metres
            centre = np.array(_GEOD.fwd(lon, lat, azimuth, metres / 2)[:2])
    if best is None:
        raise InvalidExpression("the geometries are too large to be measured; simplify them.")
    return best


def _curved(region: Region) -> shapely.Geometry:
    """Return a geometry in longitudes and latitudes whose edges are short."""
    geometry = to_crs(region, LONLAT).geometry
    length = sum(float(shapely.length(line)) for line in outlines([geometry]))
    return geometry if region.geodesic or not length else shapely.segmentize(geometry, max(length / _STEPS, 1e-9))


def _edges(geometry: shapely.Geometry) -> Edges:
    lines = outlines([geometry])
    points, line = shapely.get_coordinates(lines, return_index=True)
    if len(points) > _MOST_EDGES:
        raise InvalidExpression(f"a geometry of over {_MOST_EDGES} edges is too large to be measured; simplify it.")
    joined = line[1:] == line[:-1]
    alone = points[shapely.get_type_id(lines)[line] == 0]
    return np.concatenate([points[:-1][joined], alone]), np.concatenate([points[1:][joined], alone])


def _nearest(left: Edges, right: Edges) -> tuple[Points, Points]:
    ours, theirs = (shapely.linestrings(np.stack(edges, axis=1)) for edges in (left, right))
    pairs, distances = shapely.STRtree(theirs).query_nearest(ours, all_matches=False, return_distance=True)
    one, two = pairs[:, distances.argmin()]
    found = shapely.get_coordinates(shapely.shortest_line(ours[one], theirs[two]))
    return found[0], found[1]


def _nearest_around(centre: Points, edges: tuple[Edges, Edges]) -> tuple[Points, Points] | None:
    """Return the nearest points in a projection around a centre, None where one geometry cannot be drawn there."""
    lon = (centre[0] + 180.0) % 360.0 - 180.0
    local = CRS(f"+proj=aeqd +lat_0={centre[1]:.9f} +lon_0={lon:.9f} +datum=WGS84 +units=m +type=crs")
    there, back = transformer(LONLAT, local), transformer(local, LONLAT)
    drawn = []
    for begins, ends in edges:
        a, b = (np.column_stack(there.transform(*points.T)) for points in (begins, ends))
        whole = np.hypot(*(b - a).T) < _LONGEST  # False of what is not finite
        if not whole.any():
            return None
        drawn.append((a[whole], b[whole]))
    found = np.array(_nearest(drawn[0], drawn[1]))
    lonlat = np.column_stack(back.transform(*found.T))
    return lonlat[0], lonlat[1]
