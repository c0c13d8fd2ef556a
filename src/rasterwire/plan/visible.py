"""The part of a raster that has a place in another crs, as a full disk seen from space has in longitudes."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import invalid
from rasterwire.geo.crs import crs_name, transformer
from rasterwire.geo.grid import apply
from rasterwire.geo.region import Points

_SAMPLES = 256
"""Along a side of the raster."""

_CLOSER, _ROUNDS = 16, 6
"""Around the outermost samples others are taken so much closer, so many times: to a millionth of the raster."""

_HALVINGS = 24
"""Of the way between two samples, to where places end."""

_GAP_DEGREES = 2.0
"""Of longitudes without a place: more than there is between the samples of a raster around the earth."""

_lonlat = CRS("EPSG:4326")


def visible_extent(
    source: GeoBox, crs: CRS, to_lattice: Callable[[Points], Points]
) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) on a lattice of what has a place there of a raster.

    That is what PROJ can convert, and lies in the crs' area of use where the registry knows one: a
    Mercator projection reaches a pole nowhere, but close to it any size.

    Args:
        source: grid of the raster, which names a crs.
        crs: of the lattice.
        to_lattice: maps points of ``crs`` to lattice coordinates, both shape (n, 2).

    Raises:
        InvalidRequest: no part of it has one.
    """
    places = _Places(source, crs)
    height, width = (int(n) for n in source.shape)
    at = _around(np.array([width, height]) / 2, np.array([width, height]) / 2, (width, height), _SAMPLES)
    there = places.of(at)
    known = np.asarray(np.isfinite(there).all(axis=1))
    if not known.any():
        said = f"no part of the image has a place in {crs_name(crs)[:60]}; name another crs"
        raise invalid("crs", "IMAGE_OUTSIDE_CRS", said)
    at = np.vstack([at[known], _edge(at, known, places)])
    there = places.of(at)
    if crs.geographic:
        places.begin_at(_first_longitude(there[:, 0]))
        there = places.turned(there)
    lattice = to_lattice(there)
    low, high = lattice.min(axis=0), lattice.max(axis=0)
    for axis in (0, 1):
        for sign, bound in ((1.0, low), (-1.0, high)):
            at_best = at[np.argmin(sign * lattice[:, axis])]
            step = np.array([width, height]) / _SAMPLES
            for _ in range(_ROUNDS):
                near = _around(at_best, step, (width, height), 2 * _CLOSER)
                along = sign * to_lattice(places.of(near))[:, axis]
                along = np.where(np.isfinite(along), along, np.inf)
                bound[axis] = sign * min(sign * bound[axis], float(along.min()))
                at_best, step = near[np.argmin(along)], step / _CLOSER
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _edge(at: Points, known: npt.NDArray[np.bool_], places: "_Places") -> Points:
    """Return the last points with a place between samples that have one and those beside them that have none."""
    side = _SAMPLES + 1
    points, has = at.reshape(side, side, 2), known.reshape(side, side)
    ends = []
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        for here, there in ((one, other), (other, one)):
            is_last = has[here] & ~has[there]
            ends.append((points[here][is_last], points[there][is_last]))
    last, beyond = (np.vstack(parts) for parts in zip(*ends, strict=True))
    for _ in range(_HALVINGS):
        middle = (last + beyond) / 2
        found = np.asarray(np.isfinite(places.of(middle)).all(axis=1))[:, None]
        last, beyond = np.where(found, middle, last), np.where(found, beyond, middle)
    return last


def _around(middle: Points, reach: Points, size: tuple[int, int], steps: int) -> Points:
    """Return points of a raster around one, shape (n, 2)."""
    x, y = (np.clip(middle[i] + reach[i] * np.linspace(-1.0, 1.0, steps + 1), 0, size[i]) for i in (0, 1))
    return np.column_stack([a.ravel() for a in np.meshgrid(x, y)])


class _Places:
    """Where pixels of a raster lie in another crs; not a number for nowhere."""

    def __init__(self, source: GeoBox, crs: CRS) -> None:
        assert source.crs is not None
        self._affine = source.affine
        self._convert = transformer(source.crs, crs)
        self._earth = transformer(source.crs, _lonlat)
        self._area = crs.proj.area_of_use
        self._first: float | None = None

    def begin_at(self, longitude: float | None) -> None:
        """Give longitudes in the turn of the earth that begins at one; None as PROJ gives them."""
        self._first = longitude

    def turned(self, places: Points) -> Points:
        """Return places with longitudes of that turn."""
        if self._first is None:
            return places
        return np.column_stack([self._first + np.mod(places[:, 0] - self._first, 360.0), places[:, 1]])

    def of(self, at: Points) -> Points:
        """Return the places of points in pixels, shape (n, 2)."""
        own = apply(self._affine, at)
        x, y = self._convert.transform(own[:, 0], own[:, 1])
        places = np.column_stack([x, y])
        places[~(np.isfinite(places).all(axis=1) & self._is_used(own))] = np.nan
        return self.turned(places)

    def _is_used(self, own: Points) -> npt.NDArray[np.bool_]:
        if self._area is None:
            return np.ones(len(own), bool)
        lon, lat = (np.asarray(a) for a in self._earth.transform(own[:, 0], own[:, 1]))
        west, south, east, north = self._area.bounds
        wide = east - west if west <= east else east - west + 360.0
        with np.errstate(invalid="ignore"):
            inside: npt.NDArray[np.bool_] = (lat >= south) & (lat <= north)
            return inside & ((wide >= 360.0) | (np.mod(lon - west, 360.0) <= wide))


def _first_longitude(longitudes: Points) -> float | None:
    """Return where longitudes begin that lie over 180 degrees, which is after the widest gap; else None."""
    ordered = np.sort(longitudes)
    gaps = np.diff(ordered, append=ordered[0] + 360.0)
    widest = int(np.argmax(gaps))
    if widest == len(ordered) - 1 or gaps[widest] < _GAP_DEGREES:
        return None
    return float(ordered[widest + 1]) - _GAP_DEGREES / 2  # what lies between samples belongs to it
