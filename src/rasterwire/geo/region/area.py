"""An area, and its prepared geometry for one thread."""

import math
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.crs import CRS
from pyproj import Geod

from rasterwire.geo.antimeridian import redrawn

Points = npt.NDArray[np.float64]
"""Coordinates, shape (n, 2), x before y."""


@dataclass(frozen=True, slots=True)
class Region:
    """An area.

    Attributes:
        geometry: in ``crs``, x before y; it is not empty and does not cross itself.
        crs: of the coordinates.
        geodesic: whether edges are shortest paths on the ellipsoid; else straight in ``crs``.
        left_out: paths of features of the request that have no geometry, such as ``features[2]``.
    """

    geometry: shapely.Geometry
    crs: CRS
    geodesic: bool = False
    left_out: tuple[str, ...] = ()

    @property
    def has_area(self) -> bool:
        """Whether it is more than lines and points."""
        return bool(self.geometry.area > 0)


_COARSE_METRES = 10.0
"""Default of the largest distance between a geodesic edge and its planar pieces."""

_LONGEST_CHORD, _MAX_CHORDS = 10_000.0, 200_000


class _GeometryCache(threading.local):
    """Geometries of one thread."""

    def __init__(self) -> None:
        self.geometry = lru_cache(maxsize=16)(_prepared_copy)


def own_geometry(region: Region, deviation: float = _COARSE_METRES) -> shapely.Geometry:
    """Return a prepared geometry for this thread alone, with geodesic edges replaced by short planar ones.

    GEOS builds the index of a prepared geometry, and envelopes, when they are first needed, and does not
    expect two threads to do so at once: a shared geometry sometimes ends in a crash.

    Args:
        region: any.
        deviation: about the largest distance between an edge and its pieces, in metres. It holds for up to
            ``_MAX_CHORDS`` pieces in all; larger geometries get coarser pieces, since more would be slow.
    """
    return _cache.geometry(region, 2.0 ** math.floor(math.log2(deviation)) if region.geodesic else 0.0)


def _prepared_copy(region: Region, deviation: float) -> shapely.Geometry:
    geometry = shapely.from_wkb(shapely.to_wkb(_densified(region, deviation)))
    shapely.prepare(geometry)
    return geometry


def _densified(region: Region, deviation: float) -> shapely.Geometry:
    geod: Geod | None = region.crs.proj.get_geod()
    if not region.geodesic or geod is None:
        return region.geometry
    vertices = shapely.get_num_coordinates(region.geometry)
    max_pieces = max(1, _MAX_CHORDS // vertices)  # of each edge

    def along(points: Points) -> Points:
        if len(points) == 1:
            return points
        a, b = points[:-1], points[1:]
        azimuth, _, length = map(np.asarray, geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1]))
        _, middle, _ = geod.fwd(a[:, 0], a[:, 1], azimuth, length / 2)  # there the edge may be nearest to a pole
        latitude = np.abs([a[:, 1], b[:, 1], middle]).max(axis=0)
        pieces = np.ceil(length / _chord(latitude, deviation, geod.a))
        pieces = np.clip(pieces, 1, np.maximum(max_pieces, np.ceil(length / _LONGEST_CHORD))).astype(np.intp)
        edge = np.repeat(np.arange(len(a)), pieces)
        step = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        lon, lat, _ = geod.fwd(a[edge, 0], a[edge, 1], azimuth[edge], step * (length / pieces)[edge])
        lon = np.asarray(lon)
        lon = lon + 360.0 * np.round((a[edge, 0] - lon) / 360.0)
        chords = np.column_stack([lon, lat])
        chords[step == 0] = a  # the vertices themselves, since their longitudes matter at a pole too
        return np.vstack([chords, points[-1:]])

    return redrawn(region.geometry, along)


def _chord(latitude: Points, deviation: float, radius: float) -> Points:
    """Return the largest length of pieces of edges for a deviation, in metres.

    A geodesic bends away from the straight line in longitude and latitude as it does from the
    parallel, by length**2 tan(latitude) / (8 radius); towards the equator by less than half of that
    at 45 degrees.
    """
    bend = np.maximum(np.tan(np.radians(np.minimum(latitude, 89.9))), 0.5)
    chord: Points = np.minimum(np.sqrt(8.0 * radius * deviation / bend), _LONGEST_CHORD)
    return chord


_cache = _GeometryCache()
