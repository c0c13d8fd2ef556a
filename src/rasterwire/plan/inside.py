"""Whether all pixels of an output lie inside a source, so that none is invalid because it lies outside."""

import math

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.geo.crs import transformer
from rasterwire.geo.grid import columns_around, pixel_offset, pixels_around
from rasterwire.image import Band
from rasterwire.request import Resampling

_NODES = 65
"""Positions along a side that are computed exactly; a smaller grid has one for each pixel."""

_FROM_EDGE = 1e-4
"""In source pixels: far above the rounding errors of positions."""

Floats = npt.NDArray[np.float64]


def lies_inside(band: Band, grid: GeoBox, resampling: Resampling) -> bool:
    """Tell whether every pixel of a grid surely gets a value, if every pixel of the band has one.

    The answer is exact on the lattice of the band. Elsewhere the positions of some centres are computed, and those
    between them are bounded by their second differences. A grid that cannot be bounded counts as not inside.
    """
    offset = pixel_offset(grid, band.grid)
    if offset is not None:
        (col, row), (height, width) = offset, (int(n) for n in grid.shape)
        columns = sum(count for _, _, count in columns_around(col, width, band.grid))
        return columns >= width and row >= 0 and row + height <= band.grid.shape[0]
    if (grid.crs is None) != (band.grid.crs is None):
        return False
    x, y = _positions(band, grid)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return False
    left, right, across = _bounds(x, grid)
    top, bottom, down = _bounds(y, grid)
    turn = pixels_around(band.grid.affine, band.grid.crs)
    if turn:
        shift = turn * math.floor(left / turn)
        left, right = left - shift, right - shift
    margin = _margin(resampling, max(across, down))
    rows, cols = (int(n) for n in band.grid.shape)
    return left >= margin and top >= margin and right <= cols - margin and bottom <= rows - margin


def _positions(band: Band, grid: GeoBox) -> tuple[Floats, Floats]:
    """Return positions in pixels of the band of some centres of output pixels, those at the corners included."""
    height, width = (int(n) for n in grid.shape)
    # two a side are enough where both share a plane
    count = 2 if grid.crs == band.grid.crs else _NODES
    col = np.linspace(0.5, width - 0.5, min(width, count))
    row = np.linspace(0.5, height - 0.5, min(height, count))[:, None]
    affine = grid.affine
    x, y = affine.a * col + affine.b * row + affine.c, affine.d * col + affine.e * row + affine.f
    if grid.crs != band.grid.crs:
        x, y = transformer(grid.crs, band.grid.crs).transform(x, y)
    inverse = ~band.grid.affine
    with np.errstate(invalid="ignore"):
        return inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f


def _bounds(positions: Floats, grid: GeoBox) -> tuple[float, float, float]:
    """Return bounds of the positions of all centres, and the largest difference between those of neighbours."""
    bend = step = 0.0
    for axis, count in enumerate(int(n) for n in grid.shape):
        nodes = positions.shape[axis]
        if nodes > 1:
            step = max(step, float(np.abs(np.diff(positions, 1, axis)).max()) * (nodes - 1) / (count - 1))
        if 2 < nodes < count:
            bend += float(np.abs(np.diff(positions, 2, axis)).max())
    return float(positions.min()) - bend, float(positions.max()) + bend, step


def _margin(resampling: Resampling, step: float) -> float:
    """Return the distance from the edges of the band that centres have to keep, in its pixels."""
    return step + 2.0 if resampling is Resampling.SUM else _FROM_EDGE
