"""The extent of an area on any lattice of pixels."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.crs import CRS
from pyproj import Geod

from rasterwire.errors import invalid
from rasterwire.geo.crs import transformer
from rasterwire.geo.region.area import Points, Region, own_geometry
from rasterwire.geo.region.seam import Continuation, seam_of

OUTSIDE_CRS = "REGION_OUTSIDE_CRS"
"""The reason of the violation of a region that has no position in a crs."""

_STEPS = 32
_ROUNDS = 3
_WIDE_DEGREES = 20.0


def extent(
    region: Region, crs: CRS | None, to_lattice: Callable[[Points], Points]
) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of a region on a lattice.

    Edges are followed as curves: each is sampled, and the neighbourhood of every extreme is
    sampled again, so that the result is exact to about 1e-9 of an edge. An area over the cut of a
    projection is continued beyond the cut, where the projection allows it and the extent is smaller then.

    Args:
        region: any.
        crs: of the lattice; None stands for the region's own.
        to_lattice: maps points of ``crs`` to lattice coordinates, both shape (n, 2).

    Raises:
        InvalidRequest: the region extends beyond where ``crs`` is defined.
    """
    target = crs or region.crs
    direct = _extent(region, target, to_lattice, None)
    seam = None if region.crs == target else seam_of(target)
    continuation = None if seam is None else Continuation(region, seam)
    if continuation is None or not continuation.is_needed:
        return direct
    continuation_box = _extent(region, target, to_lattice, continuation)
    return min(direct, continuation_box, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))


def _extent(
    region: Region, target: CRS, to_lattice: Callable[[Points], Points], continuation: Continuation | None
) -> tuple[float, float, float, float]:
    lows, highs = [], []
    reference: float | None = None
    for piece in _pieces(region.geometry):
        curve = _Curve(region, piece, target, continuation)
        steps = 1 if curve.is_of_points else _STEPS
        points = curve.at(np.repeat(np.arange(curve.edges), steps), np.tile(np.arange(steps) / steps, curve.edges))
        if target.geographic and region.crs != target:
            points, reference = _unwrapped(points, reference)
        lattice = to_lattice(points)
        low, high = lattice.min(axis=0), lattice.max(axis=0)
        if not curve.is_of_points:
            _refine(low, high, curve, points, lattice, (to_lattice, target.geographic))
        lows.append(low)
        highs.append(high)
    if region.crs.geographic and not target.geographic:
        inner = to_lattice(_inside(region, target, continuation))
        lows += list(inner)
        highs += list(inner)
    left, top = np.min(lows, axis=0)
    right, bottom = np.max(highs, axis=0)
    if target.geographic and region.crs != target:
        left, top, right, bottom = _with_poles(region, target, to_lattice, (left, top, right, bottom))
    return float(left), float(top), float(right), float(bottom)


class _Curve:
    """The outline of a piece as a curve in another crs, by edge number and fraction.

    Points are edges of no length: one curve for all is a thousand times as fast as one for each.
    """

    def __init__(self, region: Region, piece: shapely.Geometry, target: CRS, continuation: Continuation | None) -> None:
        outline = piece.exterior if isinstance(piece, shapely.Polygon) else piece
        vertices = shapely.get_coordinates(outline)
        self.is_of_points = isinstance(piece, shapely.Point | shapely.MultiPoint)
        self.start, self.end = (vertices, vertices) if self.is_of_points else (vertices[:-1], vertices[1:])
        self.edges = len(self.start)
        self._is_closed = bool((vertices[0] == vertices[-1]).all())
        # once, since the look-up of a conversion is slow
        self._convert = None if region.crs == target else transformer(region.crs, target)
        self._continuation = continuation
        self._geod: Geod | None = region.crs.proj.get_geod() if region.geodesic else None

    def near(self, position: float, radius: float) -> Points:
        """Return positions, edge number plus fraction, around one, up to a distance of ``radius``."""
        positions = position + np.linspace(-radius, radius, 2 * _STEPS + 1)
        return np.mod(positions, self.edges) if self._is_closed else np.clip(positions, 0.0, self.edges)

    def at(self, edge: npt.NDArray[np.intp], fraction: Points) -> Points:
        """Return points in the target crs; raises InvalidRequest where one has no position there."""
        a, b = self.start[edge], self.end[edge]
        if self._geod is not None:
            azimuth, _, length = self._geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
            lon, lat, _ = self._geod.fwd(a[:, 0], a[:, 1], azimuth, np.asarray(length) * fraction)
            lon = np.asarray(lon)
            lon += 360.0 * np.round((a[:, 0] - lon) / 360.0)
            points = np.column_stack([lon, lat])
        else:
            points = a + (b - a) * fraction[:, None]
        if self._convert is None:
            return points
        x, y = self._convert.transform(points[:, 0], points[:, 1])
        target_points = np.column_stack([x, y])
        if not np.isfinite(target_points).all():
            raise invalid("region", OUTSIDE_CRS, "reaches beyond where the output crs is defined; make it smaller")
        if self._continuation is not None:
            target_points[:, 0] = self._continuation.of(points, target_points[:, 0])
        return target_points


def _pieces(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """Return the polygons, lines and sets of points of a geometry."""
    if hasattr(geometry, "geoms") and not isinstance(geometry, shapely.MultiPoint):
        return [piece for part in geometry.geoms for piece in _pieces(part)]
    return [geometry]


def _inside(region: Region, target: CRS, continuation: Continuation | None) -> Points:
    """Return points inside a wide region, since a projection may put the outline of such a region within its area."""
    geometry = own_geometry(region)
    west, south, east, north = geometry.bounds
    if east - west < _WIDE_DEGREES:
        return np.empty((0, 2))
    lon, lat = np.meshgrid(np.linspace(west, east, 65), np.linspace(south, north, 65))
    is_inside = shapely.contains_xy(geometry, lon, lat)
    x, y = transformer(region.crs, target).transform(lon[is_inside], lat[is_inside])
    points = np.column_stack([x, y])
    if continuation is not None:
        points[:, 0] = continuation.of(np.column_stack([lon[is_inside], lat[is_inside]]), points[:, 0])
    finite: Points = points[np.isfinite(points).all(axis=1)]
    return finite


def _unwrapped(points: Points, reference: float | None) -> tuple[Points, float]:
    """Make longitudes continuous along a ring, and near those of the rings before."""
    lon = np.unwrap(points[:, 0], period=360.0)
    middle = float(lon.mean())
    goal = reference if reference is not None else (middle + 180.0) % 360.0 - 180.0
    lon += 360.0 * round((goal - middle) / 360.0)
    return np.column_stack([lon, points[:, 1]]), goal


def _refine(
    low: Points,
    high: Points,
    curve: _Curve,
    points: Points,
    lattice: Points,
    goal: tuple[Callable[[Points], Points], bool],
) -> None:
    """Widen the bounds of samples on a lattice to those of the curve."""
    to_lattice, geographic = goal
    for axis in (0, 1):
        for sign in (1.0, -1.0):
            best = int(np.argmin(sign * lattice[:, axis]))
            value = _extreme(curve, best / _STEPS, points[best], (to_lattice, axis, sign, geographic))
            if sign > 0:
                low[axis] = min(low[axis], value)
            else:
                high[axis] = max(high[axis], value)


def _extreme(
    curve: _Curve, position: float, reference: Points, goal: tuple[Callable[[Points], Points], int, float, bool]
) -> float:
    """Return the extreme of one lattice axis near a position of the curve, by repeated sampling."""
    to_lattice, axis, sign, geographic = goal
    radius = 1.0 / _STEPS
    value = math.inf
    for _ in range(_ROUNDS):
        positions = curve.near(position, radius)
        edge = np.minimum(positions.astype(np.intp), curve.edges - 1)
        points = curve.at(edge, positions - edge)
        if geographic:
            points[:, 0] += 360.0 * np.round((reference[0] - points[:, 0]) / 360.0)
        along = sign * to_lattice(points)[:, axis]
        best = int(np.argmin(along))
        value = min(value, float(along[best]))
        position, radius = float(positions[best]), radius / _STEPS
    return sign * value


def _with_poles(
    region: Region, target: CRS, to_lattice: Callable[[Points], Points], box: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Widen an extent in degrees where the region contains a pole: to all longitudes, and up to the pole."""
    to_source = transformer(target, region.crs)
    left, top, right, bottom = box
    for pole in (-90.0, 90.0):
        x, y = to_source.transform(0.0, pole)
        if not (math.isfinite(x) and math.isfinite(y)) or not region.geometry.contains(shapely.Point(x, y)):
            continue
        back_lon, back_lat = transformer(region.crs, target).transform(x, y)
        if abs(back_lat - pole) > 1e-6 or not math.isfinite(back_lon):
            continue  # the projection has another point there
        corners = to_lattice(np.array([[-180.0, pole], [180.0, pole]]))
        # the unwrapped ring runs once around the earth, so that its own longitudes have no meaning
        left, right = float(corners[:, 0].min()), float(corners[:, 0].max())
        top = min(top, float(corners[:, 1].min()))
        bottom = max(bottom, float(corners[:, 1].max()))
    return left, top, right, bottom
