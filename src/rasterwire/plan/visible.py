"""The part of a raster that has coordinates in another crs: of a full disk seen from space, the earth's surface."""

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
"""Samples along a side of the raster."""

_REFINEMENT, _ROUNDS = 16, 6
"""Factor and rounds of the refinement around the outermost samples: to a millionth of the raster."""

_HALVINGS = 24
"""Bisections between a sample with coordinates and one without."""

_GAP_DEGREES = 2.0
"""Of longitudes without a sample: more than lies between the samples of a raster around the earth."""

_lonlat = CRS("EPSG:4326")


def visible_extent(
    source: GeoBox, crs: CRS, to_lattice: Callable[[Points], Points]
) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) on a lattice of the visible part of a raster.

    A point is visible that PROJ can convert and that lies in the area of use of the crs, where the registry has
    one: a Mercator projection never reaches a pole, and has any size close to it.

    Args:
        source: grid of the raster, which names a crs.
        crs: of the lattice.
        to_lattice: maps points of ``crs`` to lattice coordinates, both shape (n, 2).

    Raises:
        InvalidRequest: no part of it is visible.
    """
    projection = _Projection(source, crs)
    height, width = (int(n) for n in source.shape)
    pixels = _square(np.array([width, height]) / 2, np.array([width, height]) / 2, (width, height), _SAMPLES)
    points = projection.of(pixels)
    is_visible = np.asarray(np.isfinite(points).all(axis=1))
    if not is_visible.any():
        problem = f"no part of the image has a place in {crs_name(crs)[:60]}; name another crs"
        raise invalid("crs", "IMAGE_OUTSIDE_CRS", problem)
    pixels = np.vstack([pixels[is_visible], _edge(pixels, is_visible, projection)])
    points = projection.of(pixels)
    if crs.geographic:
        projection.begin_at(_first_longitude(points[:, 0]))
        points = projection.wrapped(points)
    lattice = to_lattice(points)
    low, high = lattice.min(axis=0), lattice.max(axis=0)
    for axis in (0, 1):
        for sign, bound in ((1.0, low), (-1.0, high)):
            best = pixels[np.argmin(sign * lattice[:, axis])]
            step = np.array([width, height]) / _SAMPLES
            for _ in range(_ROUNDS):
                samples = _square(best, step, (width, height), 2 * _REFINEMENT)
                along = sign * to_lattice(projection.of(samples))[:, axis]
                along = np.where(np.isfinite(along), along, np.inf)
                bound[axis] = sign * min(sign * bound[axis], float(along.min()))
                best, step = samples[np.argmin(along)], step / _REFINEMENT
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _edge(pixels: Points, is_visible: npt.NDArray[np.bool_], projection: "_Projection") -> Points:
    """Return the last visible points between samples that are visible and neighbours that are not."""
    side = _SAMPLES + 1
    samples, visible = pixels.reshape(side, side, 2), is_visible.reshape(side, side)
    ends = []
    for tail, head in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        for inner, outer in ((tail, head), (head, tail)):
            is_last = visible[inner] & ~visible[outer]
            ends.append((samples[inner][is_last], samples[outer][is_last]))
    last, outside = (np.vstack(parts) for parts in zip(*ends, strict=True))
    for _ in range(_HALVINGS):
        middle = (last + outside) / 2
        is_inner = np.asarray(np.isfinite(projection.of(middle)).all(axis=1))[:, None]
        last, outside = np.where(is_inner, middle, last), np.where(is_inner, outside, middle)
    return last


def _square(middle: Points, half: Points, size: tuple[int, int], steps: int) -> Points:
    """Return a square of points of a raster around one, of half a side each way, shape (n, 2)."""
    x, y = (np.clip(middle[i] + half[i] * np.linspace(-1.0, 1.0, steps + 1), 0, size[i]) for i in (0, 1))
    return np.column_stack([a.ravel() for a in np.meshgrid(x, y)])


class _Projection:
    """Converts pixels of a raster to another crs; NaN for those that are not visible."""

    def __init__(self, source: GeoBox, crs: CRS) -> None:
        assert source.crs is not None
        self._affine = source.affine
        self._convert = transformer(source.crs, crs)
        self._earth = transformer(source.crs, _lonlat)
        self._area = crs.proj.area_of_use
        self._first: float | None = None

    def begin_at(self, longitude: float | None) -> None:
        """Wrap longitudes into the turn of the earth that begins at one; None leaves them as PROJ gives them."""
        self._first = longitude

    def wrapped(self, points: Points) -> Points:
        """Return points with longitudes in that turn."""
        if self._first is None:
            return points
        return np.column_stack([self._first + np.mod(points[:, 0] - self._first, 360.0), points[:, 1]])

    def of(self, pixels: Points) -> Points:
        """Return the coordinates of points in pixels, shape (n, 2)."""
        source = apply(self._affine, pixels)
        x, y = self._convert.transform(source[:, 0], source[:, 1])
        points = np.column_stack([x, y])
        points[~(np.isfinite(points).all(axis=1) & self._is_used(source))] = np.nan
        return self.wrapped(points)

    def _is_used(self, source: Points) -> npt.NDArray[np.bool_]:
        """Tell which points of the source lie in the area of use of the crs."""
        if self._area is None:
            return np.ones(len(source), bool)
        lon, lat = (np.asarray(a) for a in self._earth.transform(source[:, 0], source[:, 1]))
        west, south, east, north = self._area.bounds
        width = east - west if west <= east else east - west + 360.0
        with np.errstate(invalid="ignore"):
            inside: npt.NDArray[np.bool_] = (lat >= south) & (lat <= north)
            return inside & ((width >= 360.0) | (np.mod(lon - west, 360.0) <= width))


def _first_longitude(longitudes: Points) -> float | None:
    """Return where the longitudes of a raster across 180 degrees begin, after the widest gap; None for others."""
    sorted_longitudes = np.sort(longitudes)
    gaps = np.diff(sorted_longitudes, append=sorted_longitudes[0] + 360.0)
    widest = int(np.argmax(gaps))
    if widest == len(sorted_longitudes) - 1 or gaps[widest] < _GAP_DEGREES:
        return None
    return float(sorted_longitudes[widest + 1]) - _GAP_DEGREES / 2  # half a gap, for points between the samples
