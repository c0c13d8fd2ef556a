"""The pixels of a grid that lie in a region, and the share of each that does."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.geobox import GeoBox

from rasterwire.budget import check
from rasterwire.geo.grid import apply
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import to_crs
from rasterwire.pixels import Window

_BLOCK = 512
"""Pixels along the sides of the windows that a region is split into."""

Floats = npt.NDArray[np.float64]


def windows_of(grid: GeoBox, outline: shapely.Geometry) -> Iterator[Window]:
    """Yield the windows of a grid that share a point with an outline in pixels of the grid."""
    height, width = (int(n) for n in grid.shape)
    shapely.prepare(outline)
    for row in range(0, height, _BLOCK):
        for col in range(0, width, _BLOCK):
            check()
            rows, cols = min(_BLOCK, height - row), min(_BLOCK, width - col)
            window = Window(row, col, rows, cols)
            if outline.intersects(_frame(window)):
                yield window


def _frame(window: Window) -> shapely.Polygon:
    return shapely.box(window.col, window.row, window.col + window.width, window.row + window.height)


def in_pixels(region: Region, grid: GeoBox) -> shapely.Geometry:
    """Return the outline of a region in pixels of a grid."""
    assert grid.crs is not None
    outline = to_crs(region, grid.crs).geometry
    inverse = ~grid.affine
    pixels = shapely.transform(outline, lambda points: apply(inverse, points))
    if grid.crs.geographic:  # the longitudes of the region may differ from those of the grid by turns of 360 degrees
        turn = abs(360.0 / grid.affine.a) if grid.affine.a else 0.0
        middle = (pixels.bounds[0] + pixels.bounds[2]) / 2
        shift = -turn * math.floor(middle / turn) if turn and not 0 <= middle <= int(grid.shape[1]) else 0.0
        pixels = shapely.transform(pixels, lambda points: points + np.array([shift, 0.0]))
    return pixels


def centres(outline: shapely.Geometry, window: Window) -> npt.NDArray[np.bool_]:
    """Return which pixels of a window have their centre in an outline; of points and lines, those that they touch."""
    if outline.area == 0:
        return coverage(outline, window) > 0
    shapely.prepare(outline)
    if outline.contains(_frame(window)):
        return np.ones((window.height, window.width), bool)
    x = np.arange(window.col, window.col + window.width) + 0.5
    y = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
    x, y = np.broadcast_arrays(x, y)
    return np.asarray(shapely.intersects_xy(outline, x, y))


def coverage(outline: shapely.Geometry, window: Window) -> Floats:
    """Return the share of each pixel of a window that lies in an outline, from 0 to 1.

    It is 1 for the pixels that a point or a line touches.
    """
    # only pixels that the boundary touches need an area; the others are in or out by their centre
    shares = np.zeros((window.height, window.width))
    frame = _frame(window)
    if outline.area == 0:
        cells = _touched(shapely.intersection(outline, frame), window)
        shares[cells] = 1.0
        return shares
    shapely.prepare(outline)
    if outline.contains(frame):
        shares[:] = 1.0
        return shares
    shares[:] = centres(outline, window)
    edge = _touched(shapely.intersection(shapely.boundary(outline), frame), window)
    if edge[0].size:
        rows, cols = edge[0] + window.row, edge[1] + window.col
        shares[edge] = shapely.area(shapely.intersection(outline, shapely.box(cols, rows, cols + 1, rows + 1)))
    return shares


def _touched(lines: shapely.Geometry, window: Window) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the pixels of a window that lines or points may touch, and some next to them."""
    points = shapely.get_coordinates(shapely.segmentize(lines, 0.5)) if not lines.is_empty else np.empty((0, 2))
    mask = np.zeros((window.height, window.width), bool)
    is_point = lines.length == 0
    for dx, dy in [(0.0, 0.0)] if is_point else [(x, y) for x in (-0.5, 0.0, 0.5) for y in (-0.5, 0.0, 0.5)]:
        col = np.floor(points[:, 0] + dx).astype(np.intp) - window.col
        row = np.floor(points[:, 1] + dy).astype(np.intp) - window.row
        inside = (col >= 0) & (row >= 0) & (col < window.width) & (row < window.height)
        mask[row[inside], col[inside]] = True
    cells = np.nonzero(mask)
    return cells[0], cells[1]
