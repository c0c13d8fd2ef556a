"""Footprints in an index: as boxes where they are boxes, else as outlines, and exact tests of many at once.

All are in degrees of longitude and latitude. Longitudes may lie beyond 180, and those of two outlines may differ by
turns of 360 degrees.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.crs import CRS

from rasterwire.errors import InvalidExpression
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import to_crs

__all__ = ["TURNS", "Area", "Box", "Outline", "is_lonlat", "outline_of", "region_of"]

TURNS = (-360.0, 0.0, 360.0)
"""Degrees by which longitudes of the same place may differ."""

_lonlat = CRS("EPSG:4326")


class Box(NamedTuple):
    """Sides in degrees."""

    west: float
    south: float
    east: float
    north: float


class Outline(NamedTuple):
    """A footprint as it is stored.

    Attributes:
        box: around it.
        body: the outline as WKB; None where it is the box itself.
    """

    box: Box
    body: bytes | None


def is_lonlat(region: Region) -> bool:
    """Tell whether the outline of a region is all there is to know of it."""
    return region.crs == _lonlat and not region.geodesic


def outline_of(region: Region) -> Outline | None:
    """Return the outline of a footprint on the ground; None where it has no place there."""
    try:
        shape = to_crs(region, _lonlat).geometry
    except InvalidExpression:
        return None
    box = _box_of(shape)  # as most are
    if box is not None:
        return Outline(box, None) if all(map(math.isfinite, box)) else None
    box = Box(*shape.bounds)
    return Outline(box, shapely.to_wkb(shape)) if all(map(math.isfinite, box)) else None


def _box_of(shape: shapely.Geometry) -> Box | None:
    """Return the box that a valid outline is; None where it is not one with four corners."""
    if shape.geom_type != "Polygon" or shapely.get_num_coordinates(shape) != 5:
        return None
    (x, y), second, (far_x, far_y), fourth, _ = shapely.get_coordinates(shape).tolist()
    others = [[x, far_y], [far_x, y]]
    if x == far_x or y == far_y or others not in ([second, fourth], [fourth, second]):
        return None
    return Box(min(x, far_x), min(y, far_y), max(x, far_x), max(y, far_y))


def region_of(outline: Outline) -> Region:
    """Return a stored footprint as a region."""
    return Region(shapely.box(*outline.box) if outline.body is None else shapely.from_wkb(outline.body), _lonlat)


class Area:
    """A region of a query, for tests of many footprints. For one thread."""

    def __init__(self, region: Region) -> None:
        """Set the region.

        Raises:
            InvalidExpression: it reaches beyond where its crs is defined.
        """
        shape = shapely.from_wkb(shapely.to_wkb(to_crs(region, _lonlat).geometry))  # of this thread alone
        self.box = Box(*shape.bounds)
        self._is_box = _box_of(shape) is not None
        self._turned = {turn: _turned(shape, turn) for turn in TURNS}
        for turned in self._turned.values():
            shapely.prepare(turned)

    def boxes(self) -> Iterator[Box]:
        """Yield its box at each turn."""
        for turn in TURNS:
            yield Box(self.box.west + turn, self.box.south, self.box.east + turn, self.box.north)

    def meets(self, boxes: npt.NDArray[np.float64], bodies: Sequence[bytes | None]) -> npt.NDArray[np.bool_]:
        """Tell for each footprint whether it shares a point with the region, as ``relations.intersects`` does.

        Args:
            boxes: around the footprints, shape (n, 4), sides in the order of ``Box``.
            bodies: n outlines, see ``Outline``.
        """
        result = self._meets(boxes, bodies, 0.0)
        is_near = (np.abs(boxes[:, 0] - self.box.west) < 180.0) & (boxes[:, 2] < 180) & (self.box.east < 180)
        far = np.flatnonzero(~is_near & ~result)
        for turn in (-360.0, 360.0):
            result[far] |= self._meets(boxes[far], [bodies[place] for place in far.tolist()], turn)
        return result

    def _meets(
        self, boxes: npt.NDArray[np.float64], bodies: Sequence[bytes | None], turn: float
    ) -> npt.NDArray[np.bool_]:
        west, south, east, north = boxes.T
        own = Box(self.box.west + turn, self.box.south, self.box.east + turn, self.box.north)
        overlaps: npt.NDArray[np.bool_] = (
            (west <= own.east) & (east >= own.west) & (south <= own.north) & (north >= own.south)
        )
        if self._is_box:  # as most are: boxes that overlap meet, and so do outlines inside
            is_inside = (west >= own.west) & (east <= own.east) & (south >= own.south) & (north <= own.north)
            result: npt.NDArray[np.bool_] = overlaps & (
                is_inside | np.fromiter((body is None for body in bodies), bool, len(bodies))
            )
        else:
            result = np.zeros(len(bodies), bool)
        doubtful = np.flatnonzero(overlaps & ~result)
        if doubtful.size:
            shapes = shapely.box(west[doubtful], south[doubtful], east[doubtful], north[doubtful])
            selected = [bodies[place] for place in doubtful.tolist()]
            outlined = [place for place, body in enumerate(selected) if body is not None]
            shapes[outlined] = shapely.from_wkb(np.array([selected[place] for place in outlined], object))
            result[doubtful] = shapely.intersects(self._turned[turn], shapes)
        return result


def _turned(shape: shapely.Geometry, turn: float) -> shapely.Geometry:
    return shapely.transform(shape, lambda points: points + np.array([turn, 0.0])) if turn else shape
