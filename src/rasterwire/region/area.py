"""An area, and its geometry for one thread."""

import itertools
import math
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.crs import CRS
from pyproj import Geod

from rasterwire.antimeridian import redrawn

Points = npt.NDArray[np.float64]
"""Coordinates, shape (n, 2), x before y."""


@dataclass(frozen=True, slots=True)
class Region:
    """An area.

    Attributes:
        geometry: in ``crs``, x before y; not empty, does not cross itself.
        crs: of the coordinates.
        geodesic: whether edges are shortest paths on the ellipsoid; else straight in ``crs``.
    """

    geometry: shapely.Geometry
    crs: CRS
    geodesic: bool = False


class _Own(threading.local):
    """Geometries of one thread."""

    def __init__(self) -> None:
        self.geometry = lru_cache(maxsize=16)(_prepared_copy)


def own_geometry(region: Region) -> shapely.Geometry:
    """Return a prepared geometry for this thread alone, with geodesic edges drawn as planar ones of at most 10 km.

    GEOS builds the index of a prepared geometry, and envelopes, when they are first asked for, and
    does not expect two threads to ask at once: a shared one ends in a crash now and then.
    """
    return _own.geometry(region)


def _prepared_copy(region: Region) -> shapely.Geometry:
    geometry = shapely.from_wkb(shapely.to_wkb(_densified(region)))
    shapely.prepare(geometry)
    return geometry


def _densified(region: Region) -> shapely.Geometry:
    geod: Geod | None = region.crs.proj.get_geod()
    if not region.geodesic or geod is None:
        return region.geometry

    def along(points: Points) -> Points:
        if len(points) == 1:
            return points
        pieces = []
        for a, b in itertools.pairwise(points):
            azimuth, _, length = geod.inv(a[0], a[1], b[0], b[1])
            steps = np.linspace(0.0, length, max(2, math.ceil(length / 10_000) + 1))[:-1]
            lon, lat, _ = geod.fwd(
                np.full(len(steps), a[0]), np.full(len(steps), a[1]), np.full(len(steps), azimuth), steps
            )
            lon = np.asarray(lon) + 360.0 * np.round((a[0] - np.asarray(lon)) / 360.0)
            pieces.append(np.column_stack([lon, lat]))
        return np.vstack([*pieces, points[-1:]])

    return redrawn(region.geometry, along)


_own = _Own()
