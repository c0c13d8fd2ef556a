"""An estimate of the number of crossings of lines, made before GEOS computes them all.

Overlays and repairs of geometries take time and memory in proportion to the number of crossings, which may be the
square of the number of vertices. They cannot be stopped once they run.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

from rasterwire.errors import InvalidExpression

Points = npt.NDArray[np.float64]

MAX_CROSSINGS = 200_000
"""Crossings that an overlay of several geometries may have."""

MAX_OWN_CROSSINGS = 2_000
"""Crossings that the outline of one geometry may have with itself; repairs take much longer than overlays."""

_MAX_TOUCHES = 50_000

_TOUCHES_OF_EACH = 16
"""For each edge; in a tiling it is about eight. Where many edges meet in one point, repairs never end."""

_FEW, _SAMPLE = 16, 400
"""Numbers of edges in a sample."""


def check_crossings(geometries: Sequence[shapely.Geometry], limit: int = MAX_CROSSINGS) -> None:
    """Raise InvalidExpression for geometries whose edges cross too often."""
    if sum(int(shapely.get_num_coordinates(geometry)) for geometry in geometries) ** 2 < 4 * limit:
        return
    edges = _Edges(geometries)
    touch_limit = max(_MAX_TOUCHES, _TOUCHES_OF_EACH * edges.count)
    # a small sample first: it is enough for very many crossings, for which a large one would be slow
    for sample, share in ((_FEW, 8.0), (_SAMPLE, 1.0)):
        crossing, touching = edges.meetings(sample)
        if crossing > share * limit or touching > share * touch_limit:
            raise InvalidExpression("the outlines of the geometry cross each other too often; simplify it.")


class _Edges:
    """The edges of geometries.

    Attributes:
        count: of them.
    """

    def __init__(self, geometries: Sequence[shapely.Geometry]) -> None:
        lines, part = shapely.get_coordinates(outlines(geometries), return_index=True)
        is_edge = part[1:] == part[:-1]
        self._a, self._b = lines[:-1][is_edge], lines[1:][is_edge]
        self.count = len(self._a)
        low, high = np.minimum(self._a, self._b), np.maximum(self._a, self._b)
        self._boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
        self._tree = shapely.STRtree(self._boxes)

    def meetings(self, sample: int) -> tuple[float, float]:
        """Return estimates of the pairs that cross, and of those that only touch or overlap, from a sample of edges."""
        sample_index = np.arange(self.count)
        if self.count > sample:
            sample_index = np.random.default_rng(0).choice(self.count, sample, replace=False)
        row, neighbour = self._tree.query(self._boxes[sample_index])
        edge = sample_index[row]
        sides = _sides(self._a[edge], self._b[edge], self._a[neighbour], self._b[neighbour])
        other_sides = _sides(self._a[neighbour], self._b[neighbour], self._a[edge], self._b[edge])
        crossing = int(((sides < 0) & (other_sides < 0)).sum())
        # an edge touches itself, and those before and behind it
        touching = int(((sides <= 0) & (other_sides <= 0)).sum()) - crossing - 3 * len(sample_index)
        pairs = self.count / max(1, len(sample_index)) / 2
        return crossing * pairs, touching * pairs


def _sides(
    a: Points,
    b: Points,
    p: Points,
    q: Points,
) -> npt.NDArray[np.int8]:
    """Return -1 where p and q lie on different sides of the line from a to b, 1 on one side, 0 where one is on it."""
    along = b - a
    left = along[..., 0] * (p - a)[..., 1] - along[..., 1] * (p - a)[..., 0]
    right = along[..., 0] * (q - a)[..., 1] - along[..., 1] * (q - a)[..., 0]
    sides: npt.NDArray[np.int8] = (np.sign(left) * np.sign(right)).astype(np.int8)
    return sides


def outlines(geometries: Sequence[shapely.Geometry]) -> npt.NDArray[np.object_]:
    """Return all rings, lines and points."""
    parts = shapely.get_parts(np.asarray(geometries, object))
    while (shapely.get_type_id(parts) >= 4).any():
        parts = shapely.get_parts(parts)
    polygons = shapely.get_type_id(parts) == 3
    return np.concatenate([shapely.get_rings(parts[polygons]), parts[~polygons]])


def repaired(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a valid geometry: a ring that crosses itself contains the points that it encloses an odd number of times.

    Polygons of one geometry are merged, so that points in two of them are not lost.

    Raises:
        InvalidExpression: outlines cross too often.
    """
    check_crossings([geometry], MAX_OWN_CROSSINGS)  # GEOS would look for them too, without a limit
    if geometry.is_valid:
        return geometry
    if isinstance(geometry, shapely.LinearRing):  # which GEOS cannot repair; as a line it has the same points
        return repaired(shapely.LineString(geometry.coords))
    parts = [
        repaired(part) if hasattr(part, "geoms") or isinstance(part, shapely.LinearRing) else shapely.make_valid(part)
        for part in _parts(geometry)
    ]
    if isinstance(geometry, shapely.GeometryCollection) and len(parts) > 1:
        return shapely.GeometryCollection(parts)
    return shapely.union_all(parts)


def _parts(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    return list(getattr(geometry, "geoms", [geometry]))
