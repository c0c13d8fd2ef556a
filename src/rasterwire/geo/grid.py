"""Pixel grids: every form of request for a grid becomes an affine transform and a size.

Pixel (col, row) has its top-left corner at ``affine * (col, row)``; a value belongs to the pixel
centre. Rules: outward rounding to whole pixels of a lattice, with a tolerance of 1e-6 pixel.
"""

import math
from collections.abc import Callable, Hashable

import numpy as np
import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidRequest, Violation, invalid
from rasterwire.geo.crs import crs_name, metres_per_unit, transformer
from rasterwire.geo.region import Points, Region, extent

TOLERANCE = 1e-6
"""In pixels: an edge closer than this to a lattice line lies on it."""

_PARTS = 32
"""Parts of a grid along each side, to find those that have a position in another crs."""


def snap_axis(low: float, high: float) -> tuple[int, int]:
    """Cover ``[low, high]`` with whole pixels; both in pixels of the lattice.

    Returns the first pixel and their number, at least 1.

    >>> snap_axis(0.9, 3.1)
    (0, 4)
    >>> snap_axis(1 - 1e-9, 3.0)
    (1, 2)
    >>> snap_axis(1.2, 1.2)
    (1, 1)
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise invalid("region", "REGION_TOO_LARGE", "reaches beyond what numbers can count in pixels; make it smaller")
    first = math.floor(low + TOLERANCE)
    last = math.ceil(high - TOLERANCE)
    return first, max(1, last - first)


def pixel_metres(affine: Affine, crs: CRS | None) -> float:
    """Return the nominal size of a pixel in metres: the side of a square of its area."""
    if abs(affine.a) == abs(affine.e) and affine.b == affine.d == 0:
        return abs(affine.a) * metres_per_unit(crs)
    return math.sqrt(abs(affine.determinant)) * metres_per_unit(crs)


def rescaled(affine: Affine, crs: CRS | None, scale: float) -> Affine:
    """Return a lattice with pixels of ``scale`` metres and the same origin, shape and rotation."""
    factor = scale / pixel_metres(affine, crs)
    for whole in (round(factor), 1 / round(1 / factor) if factor < 1 else factor):
        if whole and abs(factor - whole) < 1e-9 * whole:
            factor = whole  # the quotient of two decimal numbers was meant to be whole
    return affine @ Affine.scale(factor)


def anchored(crs: CRS, scale: float) -> Affine:
    """Return the north-up lattice of square pixels through the origin of a crs; scale in metres."""
    size = scale / metres_per_unit(crs)
    return Affine(size, 0.0, 0.0, 0.0, -size, 0.0)


def apply(affine: Affine, points: Points) -> Points:
    """Map points, shape (n, 2), by an affine transform."""
    x, y = points[:, 0], points[:, 1]
    return np.column_stack([affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f])


def footprint(grid: GeoBox) -> Region:
    """Return the outline of a grid as a region; the grid needs a crs."""
    if grid.crs is None:
        raise ValueError("a grid without a crs has no place")
    height, width = grid.shape
    corners = apply(grid.affine, np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float))
    return Region(shapely.Polygon(corners), grid.crs)


def lattice_extent(region: Region, lattice: Affine, crs: CRS | None) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of a region in pixels of a lattice; top is the smallest row."""
    inverse = ~lattice
    if (crs is None or crs == region.crs) and not region.geodesic:  # edges stay straight, so that corners are enough
        corners = apply(inverse, shapely.get_coordinates(region.geometry))
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return float(left), float(top), float(right), float(bottom)
    left, top, right, bottom = extent(region, crs, lambda points: apply(inverse, points))
    return left, top, right, bottom


def grid_extent(grid: GeoBox, lattice: Affine, crs: CRS | None) -> tuple[float, float, float, float]:
    """Return what ``lattice_extent`` does for the footprint of a grid; both have a crs, or neither has."""
    if grid.crs != crs:
        return lattice_extent(footprint(grid), lattice, crs)
    a, b, c, d, e, f = _product_with_inverse(lattice, grid.affine)
    height, width = grid.shape
    across, down, to_the_right, below = a * width, b * height, d * width, e * height
    left, right = c + min(0.0, across) + min(0.0, down), c + max(0.0, across) + max(0.0, down)
    top, bottom = f + min(0.0, to_the_right) + min(0.0, below), f + max(0.0, to_the_right) + max(0.0, below)
    return left, top, right, bottom


def covering(lattice: Affine, crs: CRS | None, box: tuple[float, float, float, float]) -> GeoBox:
    """Return the whole pixels of a lattice that cover a box in its pixels."""
    left, top, right, bottom = box
    col, width = snap_axis(left, right)
    row, height = snap_axis(top, bottom)
    return GeoBox((height, width), shifted(lattice, col, row), crs)


def shifted(lattice: Affine, col: float, row: float) -> Affine:
    """Return the lattice with its origin at pixel (col, row)."""
    x = lattice.a * col + lattice.b * row + lattice.c
    y = lattice.d * col + lattice.e * row + lattice.f
    return Affine(lattice.a, lattice.b, x, lattice.d, lattice.e, y)


def stretched(
    lattice: Affine, crs: CRS | None, box: tuple[float, float, float, float], dimensions: tuple[int, ...]
) -> GeoBox:
    """Return a grid of a given size over a box in pixels of a lattice.

    Two dimensions are width and height, stretched exactly over the box. One is the longer side: the
    pixels keep the lattice's shape and the shorter side is rounded outward.
    """
    left, top, right, bottom = box
    across, down = max(right - left, TOLERANCE), max(bottom - top, TOLERANCE)
    if len(dimensions) == 2:
        width, height = dimensions
        step_x, step_y = across / width, down / height
    else:
        step_x = step_y = max(across, down) / dimensions[0]
        width = max(1, math.ceil(across / step_x - TOLERANCE))
        height = max(1, math.ceil(down / step_y - TOLERANCE))
    return GeoBox((height, width), shifted(lattice, left, top) @ Affine.scale(step_x, step_y), crs)


def check_transform(affine: Affine, field: str) -> None:
    """Raise InvalidRequest for a transform that is not finite or maps pixels onto a line."""
    numbers = [affine.a, affine.b, affine.c, affine.d, affine.e, affine.f]
    text = "[" + ", ".join(f"{n:g}" for n in numbers) + "]"
    if not all(map(math.isfinite, numbers)):
        raise invalid(field, "TRANSFORM_NOT_FINITE", f"{text} has a number that is not finite")
    size = max(abs(affine.a), abs(affine.b), abs(affine.d), abs(affine.e))
    # products of two such sizes have to stay finite
    if not 1e-15 < size < 1e15 or abs(affine.determinant) <= 1e-12 * size * size:
        raise invalid(
            field,
            "TRANSFORM_SINGULAR",
            f"{text} is singular; order is [xScale, xShear, xTranslation, yShear, yScale, yTranslation]",
        )


def grid_key(grid: GeoBox) -> Hashable:
    """Return a key that equal grids share. A grid itself is a slow key, since its crs writes its WKT for each hash."""
    return *grid.affine[:6], *grid.shape, crs_name(grid.crs)


def pixel_offset(grid: GeoBox, source: GeoBox) -> tuple[int, int] | None:
    """Return (col, row) of the grid's origin in the source where both share a lattice, else None.

    They do where every corner of the grid falls on a corner of source pixels, as on the source's own lattice,
    within the tolerance. Where the grid meets the source only after a turn of the earth, the turn has to be a whole
    number of pixels. See ``columns_around``.
    """
    if grid.crs != source.crs:
        return None
    height, width = (int(n) for n in grid.shape)
    a, b, c, d, e, f = _product_with_inverse(source.affine, grid.affine)
    col, row = round(c), round(f)
    x, y = c - col, f - row
    # offsets of three corners; a shared lattice neither rotates nor stretches
    right = x + width * (a - 1), y + width * d
    below = x + height * b, y + height * (e - 1)
    if max(map(abs, (x, y, *right, *below))) > TOLERANCE:
        return None
    turn = pixels_around(source.affine, source.crs)
    if abs(turn - round(turn)) > TOLERANCE and any(turns(grid, source)):
        return None
    return col, row


def _product_with_inverse(affine: Affine, other: Affine) -> tuple[float, float, float, float, float, float]:
    """Return the coefficients of ``~affine @ other``, which ``Affine`` takes ten times as long for."""
    a, b, c, d, e, f = affine.a, affine.b, affine.c, affine.d, affine.e, affine.f
    share = 1.0 / (a * e - b * d)
    ia, ib, id_, ie = e * share, -b * share, -d * share, a * share
    ic, if_ = -c * ia - f * ib, -c * id_ - f * ie
    oa, ob, oc, od, oe, of = other.a, other.b, other.c, other.d, other.e, other.f
    return (
        ia * oa + ib * od,
        ia * ob + ib * oe,
        ia * oc + ib * of + ic,
        id_ * oa + ie * od,
        id_ * ob + ie * oe,
        id_ * oc + ie * of + if_,
    )


def pixels_around(affine: Affine, crs: CRS | None) -> float:
    """Return how many columns of a lattice go once around the earth, 0 where they do not lie along it."""
    return abs(360.0 / affine.a) if crs is not None and crs.geographic and affine.a and not affine.b else 0.0


def turns(grid: GeoBox, source: GeoBox) -> tuple[int, ...]:
    """Return the numbers of turns of the earth to the east by which a source meets a grid of the same crs.

    There are at most three, with 0 first; () where the two share no ground. In a crs that is not geographic only 0
    is possible.
    """
    height, width = (int(n) for n in grid.shape)
    rows, cols = (int(n) for n in source.shape)
    to_source = Affine(*_product_with_inverse(source.affine, grid.affine))
    turn = math.copysign(pixels_around(source.affine, source.crs), source.affine.a)
    west, shared_area = _shared_ground(to_source, (width, height), (cols, rows))
    first = math.floor(west / turn) if turn else 0
    candidates = sorted({0, first, first + 1} if turn else {0}, key=abs)
    return tuple(n for n in candidates if shared_area(n * turn) > TOLERANCE)


def _shared_ground(
    to_source: Affine, size: tuple[int, int], source: tuple[int, int]
) -> tuple[float, Callable[[float], float]]:
    """Return the column where a grid begins on a source, and a function: the shared area by a shift of the source.

    Args:
        to_source: from pixels of the grid to pixels of the source.
        size: of the grid, width and height.
        source: width and height.
    """
    width, height = size
    cols, rows = source
    if to_source.b == to_source.d == 0:  # plain numbers are several times as fast, and this is the common case
        left, right = sorted((to_source.c, to_source.c + to_source.a * width))
        top, bottom = sorted((to_source.f, to_source.f + to_source.e * height))
        high = max(0.0, min(bottom, rows) - max(top, 0.0))
        return left, lambda shift: high * max(0.0, min(right, shift + cols) - max(left, shift))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)
    outline = shapely.Polygon(apply(to_source, corners))
    return outline.bounds[0], lambda shift: outline.intersection(shapely.box(shift, 0, shift + cols, rows)).area


def columns_around(first: int, count: int, source: GeoBox) -> list[tuple[int, int, int]]:
    """Return the source columns of columns of a lattice, as runs of (first of the output, first of the source, number).

    Columns beyond a source of longitudes are those a whole turn of the earth away. Other columns beyond it have no run.
    """
    cols = int(source.shape[1])
    turn = round(pixels_around(source.affine, source.crs))
    runs = []
    last = first + count
    for turn_number in range(first // turn, (last - 1) // turn + 1) if turn else [0]:
        begin = turn_number * turn
        low = max(first, begin if turn_number <= 0 else max(begin, cols))
        high = min(last, begin + (min(cols, turn) if turn_number else cols))
        if low < high:
            runs.append((low - first, low - begin, high - low))
    return runs


def overlaps(grid: GeoBox, source: GeoBox) -> bool:
    """Tell whether a grid and the extent of a source may share ground.

    Both directions are tried, from the source to the grid and from the grid to the source, as for positions: the
    inverse of a projection may accept points beyond the range of the projection.
    """
    if grid.crs == source.crs:
        return bool(turns(grid, source))
    if grid.crs is None or source.crs is None:
        return False
    try:
        if _meet(grid_extent(source, grid.affine, grid.crs), grid):
            return True
    except InvalidRequest:
        return True  # only the pixels can tell
    try:
        return _meet(grid_extent(grid, source.affine, source.crs), source)
    except InvalidRequest:
        return any(_meet(box, source) for box in _ground(grid, source))  # part of the grid has no position


def _ground(grid: GeoBox, source: GeoBox) -> list[tuple[float, float, float, float]]:
    """Return boxes in pixels of a source around the parts of a grid that have a position there."""
    if grid.crs is None or source.crs is None:
        return []
    height, width = grid.shape
    nodes = np.stack(np.meshgrid(np.linspace(0, width, _PARTS + 1), np.linspace(0, height, _PARTS + 1)), axis=-1)
    x, y = transformer(grid.crs, source.crs).transform(*apply(grid.affine, nodes.reshape(-1, 2)).T)
    with np.errstate(invalid="ignore"):
        positions = apply(~source.affine, np.column_stack([x, y])).reshape(nodes.shape)
    boxes = []
    for row, col in np.ndindex(_PARTS, _PARTS):
        corners = positions[row : row + 2, col : col + 2].reshape(-1, 2)
        corners = corners[np.isfinite(corners).all(axis=1)]
        turn = pixels_around(source.affine, source.crs)
        if turn and len(corners):
            corners[:, 0] -= turn * np.round((corners[:, 0] - corners[0, 0]) / turn)
        if len(corners):
            (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
            boxes.append((float(left), float(top), float(right), float(bottom)))
    return boxes


def _meet(box: tuple[float, float, float, float], grid: GeoBox) -> bool:
    """Tell whether a box in pixels of a grid, or a turn of the earth from it, meets the grid."""
    left, top, right, bottom = box
    height, width = grid.shape
    turn = pixels_around(grid.affine, grid.crs)
    first = math.floor((width - left) / turn) if turn else 0
    shifts = {0, first, first - 1}
    return (
        top < height
        and bottom > 0
        and any(left + n * turn < width - TOLERANCE and right + n * turn > TOLERANCE for n in shifts)
    )


def size_violation(grid: GeoBox, field: str, max_side: int) -> Violation | None:
    """Return the violation of a grid that is too large, or None."""
    height, width = grid.shape
    if max(height, width) <= max_side:
        return None
    return Violation(
        field,
        "GRID_TOO_LARGE",
        f"the grid is {width} x {height} pixels, at most {max_side} a side; "
        "ask for a coarser scale, or for a part by a region",
    )
