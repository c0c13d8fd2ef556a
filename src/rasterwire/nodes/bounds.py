"""Where on earth nodes may have a valid pixel."""

import math
from collections.abc import Generator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidRequest
from rasterwire.geo.crs import metres_per_unit, transformer
from rasterwire.geo.grid import apply
from rasterwire.geo.region import Region

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; east may be over 180."""


def reach_of(grid: GeoBox) -> Box | None:
    """Return the box of a grid on earth, a little larger than it is; None where that is not simple."""
    if grid.crs is None:
        return None
    return _reach(tuple(grid.affine)[:6], (int(grid.shape[0]), int(grid.shape[1])), grid.crs)


@lru_cache(maxsize=4096)
def _reach(affine: tuple[float, ...], shape: tuple[int, int], crs: CRS) -> Box | None:
    height, width = shape
    steps = np.linspace(0.0, 1.0, 17)
    zero, one = np.zeros(17), np.ones(17)
    x = np.concatenate([steps, one, steps, zero]) * width
    y = np.concatenate([zero, steps, one, steps]) * height
    points = apply(Affine(*affine), np.column_stack([x, y]))
    return _box(points, crs)


def _box(points: npt.NDArray[np.float64], crs: CRS) -> Box | None:
    if not crs.geographic:
        try:
            x, y = transformer(crs, CRS("EPSG:4326")).transform(points[:, 0], points[:, 1])
        except InvalidRequest:
            return None
        points = np.column_stack([x, y])
    if not np.isfinite(points).all():
        return None
    lon = np.unwrap(points[:, 0], period=360.0)
    if lon.max() - lon.min() > 90.0 or np.abs(points[:, 1]).max() > 80.0:
        return None  # a box says little there, and less than is true around a pole
    west, east = float(lon.min()), float(lon.max())
    south, north = float(points[:, 1].min()), float(points[:, 1].max())
    more = 1e-6 + 0.02 * max(east - west, north - south)  # for the bulge of the sides between the points
    turn = 360.0 * np.floor((west + 180.0) / 360.0)
    return west - turn - more, south - more, east - turn + more, north + more


def wider(box: Box | None, grid: GeoBox) -> Box | None:
    """Return a box with some pixels of a grid more on all sides: a pixel shows what is at its centre all over."""
    if box is None:
        return None
    a = grid.affine
    degrees = 4.0 * max(math.hypot(a.a, a.d), math.hypot(a.b, a.e)) * metres_per_unit(grid.crs) / 111_000.0
    north = max(abs(box[1]), abs(box[3])) + degrees
    across = degrees / math.cos(math.radians(north)) if north < 80.0 else 90.0
    wider = box[0] - across, box[1] - degrees, box[2] + across, box[3] + degrees
    return wider if wider[2] - wider[0] < 90.0 else None


def reach_of_region(region: Region) -> Box | None:
    """Return the box of a region, a little larger than it is; None where that is not simple."""
    west, south, east, north = region.geometry.bounds
    steps = np.linspace(0.0, 1.0, 17)
    zero, one = np.zeros(17), np.ones(17)
    x = west + (east - west) * np.concatenate([steps, one, steps, zero])
    y = south + (north - south) * np.concatenate([zero, steps, one, steps])
    box = _box(np.column_stack([x, y]), region.crs)
    if box is None or not region.geodesic:
        return box
    more = 0.25 * (box[2] - box[0])  # an edge of so many degrees bulges by less
    return box[0], box[1] - more, box[2], box[3] + more


def meeting(boxes: "Sequence[Box | None] | Generator[Box | None]") -> Box | None:
    """Return a box outside of which at least one of the boxes does not reach: the smallest of them."""
    known = [box for box in boxes if box is not None]
    return min(known, key=lambda box: (box[2] - box[0]) * (box[3] - box[1])) if known else None


def joining(boxes: Sequence[Box | None]) -> Box | None:
    """Return a box that holds all boxes; None where one is anywhere."""
    known = [box for box in boxes if box is not None]
    if len(known) < len(boxes) or not known:
        return None
    west, south = min(b[0] for b in known), min(b[1] for b in known)
    east, north = max(b[2] for b in known), max(b[3] for b in known)
    return None if east - west > 90.0 else (west, south, east, north)


def apart(first: Box | None, second: Box | None) -> bool:
    """Tell whether two boxes surely share no ground; longitudes may differ by turns."""
    if first is None or second is None:
        return False
    if first[3] < second[1] or second[3] < first[1]:
        return True
    return all(first[2] + turn < second[0] or second[2] < first[0] + turn for turn in (-360.0, 0.0, 360.0))


def region_key(region: Region) -> tuple[object, ...]:
    """Return what makes a region differ from others."""
    return region.geometry.wkb, str(region.crs), region.geodesic
