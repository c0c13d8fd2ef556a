"""Areas on the ground: reading them, and their extent on any lattice of pixels."""

import itertools
import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import shapely
import shapely.geometry
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Geod
from shapely.validation import explain_validity

from rasterwire.antimeridian import joined, redrawn, unrolled
from rasterwire.crs import crs_name, parse_crs, transformer
from rasterwire.errors import InvalidRequest, invalid
from rasterwire.pixels import Window

_FARTHEST = 1e12
"""In any unit of a crs: beyond this no number of pixels could be told from another."""

MAX_VERTICES = 100_000

Points = npt.NDArray[np.float64]
"""Coordinates, shape (n, 2), x before y."""

_lonlat = CRS("EPSG:4326")


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


def box_region(west: float, south: float, east: float, north: float, crs: CRS = _lonlat) -> Region:
    """Return a box with sides along the axes; in longitude, west > east crosses the antimeridian."""
    field = "region.bounding_box"
    _check_size(field, np.array([west, south, east, north]))
    if crs.geographic:
        _check_latitudes(field, np.array([south, north]))
        if west > east:
            east += 360.0
        if east - west > 360.0 + 1e-9:
            raise invalid(field, "REGION_TOO_WIDE", f"{east - west:g} degrees of longitude are more than 360")
    if not (west < east and south < north):
        raise invalid(
            field,
            "REGION_EMPTY",
            f"[{west:g}, {south:g}, {east:g}, {north:g}] is empty; west has to be below east and south below north",
        )
    return Region(shapely.box(west, south, east, north), crs)


def geojson_region(text: str, crs: CRS | None, geodesic: bool | None) -> Region:
    """Return the region of a GeoJSON geometry, feature or collection.

    Args:
        text: JSON.
        crs: of the coordinates; None takes the ``crs`` member, or EPSG:4326.
        geodesic: None takes the ``geodesic`` member, or planar.

    Raises:
        InvalidRequest: not GeoJSON, empty, too many vertices, crossing itself, latitude over 90.
    """
    field = "region.geojson"
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        inner = document["geometry"] if document.get("type") == "Feature" else document
        with np.errstate(invalid="ignore"):  # coordinates that are no numbers are told below
            geometry = shapely.geometry.shape(_merged(inner))
    except InvalidRequest:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, shapely.errors.ShapelyError):
        raise invalid(
            field, "REGION_NOT_GEOJSON", "is not a GeoJSON geometry; give a Polygon or MultiPolygon with coordinates"
        ) from None
    named = crs or _crs_member(document) or _crs_member(inner) or _lonlat
    if geodesic is None:
        geodesic = document.get("geodesic") is True or inner.get("geodesic") is True
    check_edges("region.geojson", named, geodesic)
    _check(field, geometry, named)
    geometry = unrolled(shapely.force_2d(geometry)) if geodesic else shapely.force_2d(geometry)
    if not geometry.is_valid:
        why = explain_validity(geometry)
        raise invalid(field, "REGION_INVALID", f"is not a valid polygon ({why}); its outline may not cross itself")
    if named.geographic and not geodesic:
        geometry = joined(geometry)
    return Region(geometry, named, geodesic)


def check_edges(field: str, crs: CRS, geodesic: bool) -> None:
    """Raise InvalidRequest for geodesic edges between coordinates that are no longitudes and latitudes."""
    if geodesic and not crs.geographic:
        said = f"geodesic edges join longitudes and latitudes, but the region is in {crs_name(crs)[:60]}"
        raise invalid(field, "EDGES_NOT_GEODESIC", said + "; leave edges out, or name a geographic region.crs")


def _merged(node: dict[str, object]) -> dict[str, object]:
    """Turn collections into one geometry collection."""
    kind = node["type"]
    if kind == "FeatureCollection":
        features = node["features"]
        if not isinstance(features, list):
            raise TypeError("features")
        return {"type": "GeometryCollection", "geometries": [f["geometry"] for f in features]}
    return node


def _crs_member(node: dict[str, object]) -> CRS | None:
    member = node.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else member
    if not isinstance(name, str):
        raise invalid("region.geojson", "CRS_NOT_PLAIN", "has a crs member without a name; name it, or use region.crs")
    if name.upper().endswith(("CRS84", "CRS:84")):
        return _lonlat
    if name.lower().startswith("urn:ogc:def:crs:"):
        parts = name.split(":")
        name = f"{parts[4]}:{parts[-1]}" if len(parts) >= 6 else name
    return parse_crs(name, "region.geojson.crs")


def _check(field: str, geometry: shapely.Geometry, crs: CRS) -> None:
    if geometry.is_empty:
        raise invalid(field, "REGION_EMPTY", "is empty; give at least one polygon with an area")
    count = int(shapely.get_num_coordinates(geometry))
    if count > MAX_VERTICES:
        raise invalid(field, "REGION_TOO_COMPLEX", f"has {count} vertices, at most {MAX_VERTICES}; simplify it")
    points = shapely.get_coordinates(geometry)
    if not np.isfinite(points).all():
        raise invalid(field, "REGION_NOT_FINITE", "has a coordinate that is not a finite number")
    _check_size(field, points)
    if crs.geographic:
        _check_latitudes(field, points[:, 1])


def _check_size(field: str, points: Points) -> None:
    if np.abs(points).max() > _FARTHEST:
        raise invalid(field, "REGION_TOO_LARGE", f"has a coordinate over {_FARTHEST:g}, which is no place on earth")


def _check_latitudes(field: str, latitudes: Points) -> None:
    worst = float(latitudes[np.argmax(np.abs(latitudes))])
    if abs(worst) > 90.0:
        raise invalid(
            field, "LATITUDE_OUT_OF_RANGE", f"latitude {worst:g} is beyond 90; coordinates are longitude, then latitude"
        )


# -- extent ------------------------------------------------------------------------------------

_STEPS = 32
_ROUNDS = 3
_WIDE_DEGREES = 20.0


def extent(
    region: Region, crs: CRS | None, to_lattice: Callable[[Points], Points]
) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of a region on a lattice.

    Edges are followed as curves: each is sampled, and the neighbourhood of every extreme is
    sampled again, so that the result is exact to about 1e-9 of an edge.

    Args:
        region: any.
        crs: of the lattice; None stands for the region's own.
        to_lattice: maps points of ``crs`` to lattice coordinates, both shape (n, 2).

    Raises:
        InvalidRequest: the region reaches where ``crs`` is not defined.
    """
    target = crs or region.crs
    lows, highs = [], []
    reference: float | None = None
    for ring in _rings(region.geometry):
        curve = _Curve(region, ring, target)
        placed = curve.at(np.repeat(np.arange(curve.edges), _STEPS), np.tile(np.arange(_STEPS) / _STEPS, curve.edges))
        if target.geographic and region.crs != target:
            placed, reference = _unwrapped(placed, reference)
        low, high = _refined(curve, placed, to_lattice, target)
        lows.append(low)
        highs.append(high)
    if region.crs.geographic and not target.geographic:
        inner = to_lattice(_inside(region, target))
        lows += list(inner)
        highs += list(inner)
    left, top = np.min(lows, axis=0)
    right, bottom = np.max(highs, axis=0)
    if target.geographic and region.crs != target:
        left, top, right, bottom = _with_poles(region, target, to_lattice, (left, top, right, bottom))
    return float(left), float(top), float(right), float(bottom)


class _Curve:
    """The outline of a ring as a curve in another crs, by edge number and fraction."""

    def __init__(self, region: Region, ring: Points, target: CRS) -> None:
        self.start = ring[:-1] if len(ring) > 1 else ring
        self.end = ring[1:] if len(ring) > 1 else ring
        self.edges = len(self.start)
        self._closed = bool((ring[0] == ring[-1]).all())
        self._target = target
        self._source = region.crs
        self._geod: Geod | None = region.crs.proj.get_geod() if region.geodesic else None

    def near(self, where: float, reach: float) -> Points:
        """Return places, edge number plus fraction, that lie around one and no farther away than ``reach``."""
        places = where + np.linspace(-reach, reach, 2 * _STEPS + 1)
        return np.mod(places, self.edges) if self._closed else np.clip(places, 0.0, self.edges)

    def at(self, edge: npt.NDArray[np.intp], fraction: Points) -> Points:
        """Return points of the target crs; raises InvalidRequest where there are none."""
        a, b = self.start[edge], self.end[edge]
        if self._geod is not None:
            azimuth, _, length = self._geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
            lon, lat, _ = self._geod.fwd(a[:, 0], a[:, 1], azimuth, np.asarray(length) * fraction)
            lon = np.asarray(lon)
            lon += 360.0 * np.round((a[:, 0] - lon) / 360.0)
            points = np.column_stack([lon, lat])
        else:
            points = a + (b - a) * fraction[:, None]
        if self._source == self._target:
            return points
        x, y = transformer(self._source, self._target).transform(points[:, 0], points[:, 1])
        placed = np.column_stack([x, y])
        if not np.isfinite(placed).all():
            raise invalid(
                "region", "REGION_OUTSIDE_CRS", "reaches beyond where the output crs is defined; make it smaller"
            )
        return placed


def _rings(geometry: shapely.Geometry) -> list[Points]:
    if hasattr(geometry, "geoms"):
        return [ring for part in geometry.geoms for ring in _rings(part)]
    if isinstance(geometry, shapely.Polygon):
        return [shapely.get_coordinates(geometry.exterior)]
    return [shapely.get_coordinates(geometry)]


def _inside(region: Region, target: CRS) -> Points:
    """Return points inside a wide region: there a projection may put the outline within the area."""
    geometry = own_geometry(region)
    west, south, east, north = geometry.bounds
    if east - west < _WIDE_DEGREES:
        return np.empty((0, 2))
    lon, lat = np.meshgrid(np.linspace(west, east, 65), np.linspace(south, north, 65))
    held = shapely.contains_xy(geometry, lon, lat)
    x, y = transformer(region.crs, target).transform(lon[held], lat[held])
    placed = np.column_stack([x, y])
    kept: Points = placed[np.isfinite(placed).all(axis=1)]
    return kept


def _unwrapped(points: Points, reference: float | None) -> tuple[Points, float]:
    """Make longitudes continuous along a ring, and near those of the rings before."""
    lon = np.unwrap(points[:, 0], period=360.0)
    middle = float(lon.mean())
    goal = reference if reference is not None else (middle + 180.0) % 360.0 - 180.0
    lon += 360.0 * round((goal - middle) / 360.0)
    return np.column_stack([lon, points[:, 1]]), goal


def _refined(
    curve: _Curve, placed: Points, to_lattice: Callable[[Points], Points], target: CRS
) -> tuple[Points, Points]:
    lattice = to_lattice(placed)
    low, high = lattice.min(axis=0), lattice.max(axis=0)
    for axis in (0, 1):
        for sign in (1.0, -1.0):
            best = int(np.argmin(sign * lattice[:, axis]))
            value = _extreme(curve, best / _STEPS, placed[best], (to_lattice, axis, sign, target.geographic))
            if sign > 0:
                low[axis] = min(low[axis], value)
            else:
                high[axis] = max(high[axis], value)
    return low, high


def _extreme(
    curve: _Curve, where: float, near: Points, goal: tuple[Callable[[Points], Points], int, float, bool]
) -> float:
    """Return the extreme of one lattice axis near a place of the curve, by sampling ever closer."""
    to_lattice, axis, sign, geographic = goal
    reach = 1.0 / _STEPS
    value = math.inf
    for _ in range(_ROUNDS):
        places = curve.near(where, reach)
        edge = np.minimum(places.astype(np.intp), curve.edges - 1)
        points = curve.at(edge, places - edge)
        if geographic:
            points[:, 0] += 360.0 * np.round((near[0] - points[:, 0]) / 360.0)
        along = sign * to_lattice(points)[:, axis]
        best = int(np.argmin(along))
        value = min(value, float(along[best]))
        where, reach = float(places[best]), reach / _STEPS
    return sign * value


def _with_poles(
    region: Region, target: CRS, to_lattice: Callable[[Points], Points], box: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Widen an extent in degrees where the region holds a pole: all longitudes, up to the pole."""
    to_source = transformer(target, region.crs)
    left, top, right, bottom = box
    for pole in (-90.0, 90.0):
        x, y = to_source.transform(0.0, pole)
        if not (math.isfinite(x) and math.isfinite(y)) or not region.geometry.contains(shapely.Point(x, y)):
            continue
        back_lon, back_lat = transformer(region.crs, target).transform(x, y)
        if abs(back_lat - pole) > 1e-6 or not math.isfinite(back_lon):
            continue  # the projection puts something else there
        corners = to_lattice(np.array([[-180.0, pole], [180.0, pole]]))
        # the unwrapped ring runs once around the earth: its own longitudes mean nothing
        left, right = float(corners[:, 0].min()), float(corners[:, 0].max())
        top = min(top, float(corners[:, 1].min()))
        bottom = max(bottom, float(corners[:, 1].max()))
    return left, top, right, bottom


def inside(region: Region, grid: GeoBox, window: Window) -> npt.NDArray[np.bool_]:
    """Return which pixel centres of a window lie in a region, shape (rows, columns)."""
    col = np.arange(window.col, window.col + window.width) + 0.5
    row = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
    x = grid.affine.a * col + grid.affine.b * row + grid.affine.c
    y = grid.affine.d * col + grid.affine.e * row + grid.affine.f
    if grid.crs != region.crs:
        x, y = transformer(grid.crs, region.crs).transform(x, y)
    geometry = own_geometry(region)
    if region.crs.geographic:
        west = geometry.bounds[0]
        x = west + np.mod(x - west, 360.0)
    return np.asarray(shapely.intersects_xy(geometry, x, y))


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
