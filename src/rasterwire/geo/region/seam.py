"""The cut of a projection, and coordinates that continue beyond it.

In projections whose x is proportional to longitude (Mercator, equal-area cylinders, equal earth,
sinusoidal ...) a point has a coordinate a turn of the earth further too, and PROJ reads it back. With such
coordinates an area over the cut is in one piece, while the projection's own coordinates split it.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj
import shapely
from odc.geo.crs import CRS

from rasterwire.errors import InvalidRequest
from rasterwire.geo.crs import crs_name, transformer
from rasterwire.geo.region.area import Points, Region

_LATITUDES = np.array([-75.0, -40.0, 0.0, 40.0, 75.0])
_LONGITUDES = np.array([-179.0, -90.0, 1.0, 90.0, 179.0])
_BEYOND = np.array([-200.0, 200.0])


@dataclass(frozen=True, slots=True, eq=False)
class Seam:
    """The cut of a projection.

    Attributes:
        middle: longitude, half a turn from the cut.
        geographic: the crs of longitudes and latitudes that it projects.
        project: from there.
    """

    middle: float
    geographic: CRS
    project: pyproj.Transformer

    def continued(self, longitudes: Points, latitudes: Points, x: Points) -> Points:
        """Return x continued with longitudes, by whole turns of the earth from the x of PROJ."""
        start, _ = self.project.transform(np.full(len(latitudes), self.middle), latitudes)
        turn = self.turn(latitudes)
        with np.errstate(invalid="ignore", divide="ignore"):
            turns = np.round((longitudes - self.middle) / 360.0 - (x - np.asarray(start)) / turn)
        result: Points = np.where(np.isfinite(turns), x + turns * turn, x)
        return result

    def turn(self, latitudes: Points) -> Points:
        """Return the difference of x over a turn of the earth at some latitudes."""
        x, _ = self.project.transform(np.full(len(latitudes), self.middle + 90.0), latitudes)
        start, _ = self.project.transform(np.full(len(latitudes), self.middle), latitudes)
        length: Points = 4.0 * (np.asarray(x) - np.asarray(start))
        return length

    def is_within(self, west: float, east: float) -> bool:
        """Tell whether the cut lies between two longitudes."""
        first = self.middle - 180.0 + 360.0 * math.ceil((west - self.middle + 180.0) / 360.0 + 1e-12)
        return first < east - 1e-9


def seam_of(crs: CRS) -> Seam | None:
    """Return the cut of a projection, None where coordinates cannot be continued beyond it."""
    return None if crs.geographic else _seam(crs_name(crs))


@lru_cache(maxsize=256)
def _seam(name: str) -> Seam | None:
    crs = CRS(name)
    operation, base = crs.proj.coordinate_operation, crs.proj.geodetic_crs
    middles = [p.value for p in operation.params if p.name == "Longitude of natural origin"] if operation else []
    if not middles or base is None:
        return None
    geographic = CRS(base)
    try:
        seam = Seam(float(middles[0]), geographic, transformer(geographic, crs))
        inverse = transformer(crs, geographic)
    except InvalidRequest:
        return None
    lat, lon = (a.ravel() for a in np.meshgrid(_LATITUDES, _LONGITUDES))
    x, y = (np.asarray(a) for a in seam.project.transform(seam.middle + lon, lat))
    start, level = (np.asarray(a) for a in seam.project.transform(np.full(len(lat), seam.middle), lat))
    turn = seam.turn(lat)
    if not np.allclose([x - start, y - level], [turn * lon / 360.0, np.zeros(len(lat))], rtol=1e-9, atol=1e-4):
        return None
    for longitude in _BEYOND:
        result, _ = inverse.transform(start + turn * longitude / 360.0, level)
        error = np.asarray(result) - seam.middle - longitude
        if not (np.isfinite(error).all() and np.allclose(error, 360.0 * np.round(error / 360.0), atol=1e-6)):
            return None
    return seam


class Continuation:
    """Coordinates of an area over the cut of a projection, continued from its western end."""

    def __init__(self, region: Region, seam: Seam) -> None:
        self._seam = seam
        self._convert = None if region.crs.geographic else transformer(region.crs, seam.geographic)
        lon = self._longitudes(shapely.get_coordinates(region.geometry), None)[0]
        self._middle = float(lon.min() + lon.max()) / 2
        west, east = float(lon.min()), float(lon.max())
        self.is_needed = east - west < 360.0 and seam.is_within(west, east)
        self._first = 360.0 * math.floor((west - seam.middle + 180.0) / 360.0)

    def _longitudes(self, points: Points, near: float | None) -> tuple[Points, Points]:
        if self._convert is None:
            return points[:, 0], points[:, 1]
        lon, lat = (np.asarray(a) for a in self._convert.transform(points[:, 0], points[:, 1]))
        if near is None:
            return np.unwrap(lon, period=360.0) if np.isfinite(lon).all() else np.zeros(1), lat
        with np.errstate(invalid="ignore"):
            return lon + 360.0 * np.round((near - lon) / 360.0), lat

    def of(self, points: Points, x: Points) -> Points:
        """Return the continued x of points of the region's crs, shape (n, 2), from the x that PROJ gives."""
        lon, lat = self._longitudes(points, self._middle)
        return self._seam.continued(lon - self._first, lat, x)
