"""How often lines cross, guessed before GEOS is asked for all places where they do.

Overlays and repairs of geometries take time and memory by the number of crossings, which may be the
square of the number of vertices, and cannot be stopped once they run.
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

_MOST_TOUCHES = 50_000

_TOUCHES_OF_EACH = 16
"""Of the edges of a tiling, each touches about eight; where many meet in one place, repairs never end."""

_FEW, _SAMPLE = 16, 400
"""Edges that are looked at for all."""


def check_crossings(geometries: Sequence[shapely.Geometry], most: int = MAX_CROSSINGS) -> None:
    """Raise InvalidExpression for geometries whose edges cross too often."""
    if sum(int(shapely.get_num_coordinates(geometry)) for geometry in geometries) ** 2 < 4 * most:
        return
    edges = _Edges(geometries)
    most_touches = max(_MOST_TOUCHES, _TOUCHES_OF_EACH * edges.count)
    # of very many, a few of them tell; and more of them would take long
    for sample, share in ((_FEW, 8.0), (_SAMPLE, 1.0)):
        crossing, touching = edges.meetings(sample)
        if crossing > share * most or touching > share * most_touches:
            raise InvalidExpression("the outlines of the geometry cross each other too often; simplify it.")


class _Edges:
    """The edges of geometries.

    Attributes:
        count: of them.
    """

    def __init__(self, geometries: Sequence[shapely.Geometry]) -> None:
        lines, part = shapely.get_coordinates(outlines(geometries), return_index=True)
        joined = part[1:] == part[:-1]
        self._a, self._b = lines[:-1][joined], lines[1:][joined]
        self.count = len(self._a)
        low, high = np.minimum(self._a, self._b), np.maximum(self._a, self._b)
        self._boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
        self._tree = shapely.STRtree(self._boxes)

    def meetings(self, sample: int) -> tuple[float, float]:
        """Return about how many pairs cross, and how many more touch or lie on each other, by so many of the edges."""
        chosen = np.arange(self.count)
        if self.count > sample:
            chosen = np.random.default_rng(0).choice(self.count, sample, replace=False)
        of, near = self._tree.query(self._boxes[chosen])
        one = chosen[of]
        there = _sides(self._a[one], self._b[one], self._a[near], self._b[near])
        here = _sides(self._a[near], self._b[near], self._a[one], self._b[one])
        crossing = int(((there < 0) & (here < 0)).sum())
        # an edge touches itself, and those before and behind it
        touching = int(((there <= 0) & (here <= 0)).sum()) - crossing - 3 * len(chosen)
        pairs = self.count / max(1, len(chosen)) / 2
        return crossing * pairs, touching * pairs


def _sides(
    a: Points,
    b: Points,
    p: Points,
    q: Points,
) -> npt.NDArray[np.int8]:
    """Tell whether p and q lie on different sides of the line from a to b, -1, on one side, 1, or one on it, 0."""
    along = b - a
    left = along[..., 0] * (p - a)[..., 1] - along[..., 1] * (p - a)[..., 0]
    right = along[..., 0] * (q - a)[..., 1] - along[..., 1] * (q - a)[..., 0]
    made: npt.NDArray[np.int8] = (np.sign(left) * np.sign(right)).astype(np.int8)
    return made


def outlines(geometries: Sequence[shapely.Geometry]) -> npt.NDArray[np.object_]:
    """Return all rings, lines and points."""
    parts = shapely.get_parts(np.asarray(geometries, object))
    while (shapely.get_type_id(parts) >= 4).any():
        parts = shapely.get_parts(parts)
    polygons = shapely.get_type_id(parts) == 3
    return np.concatenate([shapely.get_rings(parts[polygons]), parts[~polygons]])


def repaired(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a valid geometry: a ring that crosses itself holds what lies within it an odd number of times.

    Polygons of one geometry are put together, so that what lies in two of them is not lost.

    Raises:
        InvalidExpression: outlines cross too often.
    """
    check_crossings([geometry], MAX_OWN_CROSSINGS)  # which GEOS would look for too, without an end
    if geometry.is_valid:
        return geometry
    parts = [repaired(part) if hasattr(part, "geoms") else shapely.make_valid(part) for part in _parts(geometry)]
    if isinstance(geometry, shapely.GeometryCollection) and len(parts) > 1:
        return shapely.GeometryCollection(parts)
    return shapely.union_all(parts)


def _parts(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    return list(getattr(geometry, "geoms", [geometry]))
