"""Bounds on earth, outside which a node has no valid pixel."""

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


def grid_bounds(grid: GeoBox) -> Box | None:
    """Return a box around a grid on earth, with a small margin; None where no box describes it well."""
    if grid.crs is None:
        return None
    return _grid_bounds(tuple(grid.affine)[:6], (int(grid.shape[0]), int(grid.shape[1])), grid.crs)


@lru_cache(maxsize=4096)
def _grid_bounds(affine: tuple[float, ...], shape: tuple[int, int], crs: CRS) -> Box | None:
    height, width = shape
    steps = np.linspace(0.0, 1.0, 17)
    zeros, ones = np.zeros(17), np.ones(17)
    x = np.concatenate([steps, ones, steps, zeros]) * width
    y = np.concatenate([zeros, steps, ones, steps]) * height
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
        return None  # a box is of little use there, and wrong around a pole
    west, east = float(lon.min()), float(lon.max())
    south, north = float(points[:, 1].min()), float(points[:, 1].max())
    margin = 1e-6 + 0.02 * max(east - west, north - south)  # for the bulge of the sides between the points
    turn = 360.0 * np.floor((west + 180.0) / 360.0)
    return west - turn - margin, south - margin, east - turn + margin, north + margin


def widened_box(box: Box | None, grid: GeoBox) -> Box | None:
    """Return a box with a margin of some pixels of a grid: a pixel has the value of its centre all over."""
    if box is None:
        return None
    affine = grid.affine
    pixel = max(math.hypot(affine.a, affine.d), math.hypot(affine.b, affine.e))
    degrees = 4.0 * pixel * metres_per_unit(grid.crs) / 111_000.0
    latitude = max(abs(box[1]), abs(box[3])) + degrees
    across = degrees / math.cos(math.radians(latitude)) if latitude < 80.0 else 90.0
    wider = box[0] - across, box[1] - degrees, box[2] + across, box[3] + degrees
    return wider if wider[2] - wider[0] < 90.0 else None


def region_bounds(region: Region) -> Box | None:
    """Return a box around a region, with a small margin; None where no box describes it well."""
    west, south, east, north = region.geometry.bounds
    steps = np.linspace(0.0, 1.0, 17)
    zeros, ones = np.zeros(17), np.ones(17)
    x = west + (east - west) * np.concatenate([steps, ones, steps, zeros])
    y = south + (north - south) * np.concatenate([zeros, steps, ones, steps])
    box = _box(np.column_stack([x, y]), region.crs)
    if box is None or not region.geodesic:
        return box
    bulge = 0.25 * (box[2] - box[0])  # a geodesic edge of this length bulges by less
    return box[0], box[1] - bulge, box[2], box[3] + bulge


def smallest_box(boxes: "Sequence[Box | None] | Generator[Box | None]") -> Box | None:
    """Return the smallest of some boxes, which bounds what lies in all of them; None where all are None."""
    bounding = [box for box in boxes if box is not None]
    return min(bounding, key=lambda box: (box[2] - box[0]) * (box[3] - box[1])) if bounding else None


def enclosing_box(boxes: Sequence[Box | None]) -> Box | None:
    """Return a box that holds all boxes; None where one of them is None."""
    bounding = [box for box in boxes if box is not None]
    if len(bounding) < len(boxes) or not bounding:
        return None
    west, south = min(box[0] for box in bounding), min(box[1] for box in bounding)
    east, north = max(box[2] for box in bounding), max(box[3] for box in bounding)
    return None if east - west > 90.0 else (west, south, east, north)


def are_apart(first: Box | None, second: Box | None) -> bool:
    """Tell whether two boxes surely share no ground; longitudes may differ by turns of the earth."""
    if first is None or second is None:
        return False
    if first[3] < second[1] or second[3] < first[1]:
        return True
    return all(first[2] + turn < second[0] or second[2] < first[0] + turn for turn in (-360.0, 0.0, 360.0))


def region_key(region: Region) -> tuple[object, ...]:
    """Return a key that equal regions share, and no others."""
    return region.geometry.wkb, str(region.crs), region.geodesic
