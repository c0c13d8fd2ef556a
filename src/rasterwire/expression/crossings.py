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
"""That an overlay of several geometries may have."""

MAX_OWN_CROSSINGS = 2_000
"""That the outline of one geometry may have with itself; repairs take much longer than overlays."""

_SAMPLE = 400


def check_crossings(geometries: Sequence[shapely.Geometry], most: int = MAX_CROSSINGS) -> None:
    """Raise InvalidExpression for geometries whose edges cross too often."""
    if sum(int(shapely.get_num_coordinates(geometry)) for geometry in geometries) ** 2 < 4 * most:
        return
    if crossings(geometries) > most:
        raise InvalidExpression("the outlines of the geometry cross each other too often; simplify it.")


def crossings(geometries: Sequence[shapely.Geometry]) -> float:
    """Return about how many pairs of edges cross, those with a vertex in common left out."""
    lines, part = shapely.get_coordinates(_outlines(geometries), return_index=True)
    joined = part[1:] == part[:-1]
    a, b = lines[:-1][joined], lines[1:][joined]
    count = len(a)
    if count < 3:
        return 0.0
    chosen = np.arange(count) if count <= _SAMPLE else np.random.default_rng(0).choice(count, _SAMPLE, replace=False)
    low, high = np.minimum(a, b), np.maximum(a, b)
    found = 0
    for at in chosen:
        near = np.nonzero((low <= high[at]).all(axis=1) & (high >= low[at]).all(axis=1))[0]
        found += int((_sides(a[at], b[at], a[near], b[near]) & _sides(a[near], b[near], a[at], b[at])).sum())
    return found * count / len(chosen) / 2


def _sides(
    a: Points,
    b: Points,
    p: Points,
    q: Points,
) -> npt.NDArray[np.bool_]:
    """Tell whether p and q lie on different sides of the line from a to b."""
    along = b - a
    left = along[..., 0] * (p - a)[..., 1] - along[..., 1] * (p - a)[..., 0]
    right = along[..., 0] * (q - a)[..., 1] - along[..., 1] * (q - a)[..., 0]
    made: npt.NDArray[np.bool_] = ((left > 0) != (right > 0)) & (left != 0) & (right != 0)
    return made


def _outlines(geometries: Sequence[shapely.Geometry]) -> npt.NDArray[np.object_]:
    """Return all rings and lines."""
    parts = shapely.get_parts(np.asarray(geometries, object))
    while (shapely.get_type_id(parts) >= 4).any():
        parts = shapely.get_parts(parts)
    polygons = shapely.get_type_id(parts) == 3
    return np.concatenate([shapely.get_rings(parts[polygons]), parts[~polygons]])
