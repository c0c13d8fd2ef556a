"""Whether all pixels of an output lie inside a source, so that none can be invalid for want of pixels."""

import math

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.geo.crs import transformer
from rasterwire.geo.grid import columns_around, pixel_offset, pixels_around
from rasterwire.image import Band
from rasterwire.request import Resampling

_NODES = 65
"""Along a side: places that are computed exactly; a smaller grid has one for each pixel."""

_FROM_EDGE = 1e-4
"""In source pixels: far above what is lost to the rounding of positions."""

_KERNELS = {Resampling.BILINEAR: 1, Resampling.CUBIC: 2, Resampling.CUBIC_SPLINE: 2, Resampling.LANCZOS: 3}
"""How far they reach, in pixels."""

_NOT_WIDE = 4.5
"""Source pixels an output pixel up to which the renderer's own means make a value wherever a centre is inside."""

Floats = npt.NDArray[np.float64]


def lies_inside(band: Band, grid: GeoBox, resampling: Resampling) -> bool:
    """Tell whether every pixel of a grid surely gets a value, where every pixel of the band has one.

    On the lattice of the band that is exact. Elsewhere the places of some centres are computed, and what lies between
    them is taken to bend eight times as much as they do; what that leaves open counts as not inside.
    """
    offset = pixel_offset(grid, band.grid)
    if offset is not None:
        (col, row), (height, width) = offset, (int(n) for n in grid.shape)
        there = sum(count for _, _, count in columns_around(col, width, band.grid))
        return there >= width and row >= 0 and row + height <= band.grid.shape[0]
    if (grid.crs is None) != (band.grid.crs is None):
        return False
    x, y = _places(band, grid)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return False
    left, right, across = _reach(x, grid)
    top, bottom, down = _reach(y, grid)
    turn = pixels_around(band.grid.affine, band.grid.crs)
    if turn:
        shift = turn * math.floor(left / turn)
        left, right = left - shift, right - shift
    more = _margin(resampling, max(across, down))
    rows, cols = (int(n) for n in band.grid.shape)
    return left >= more and top >= more and right <= cols - more and bottom <= rows - more


def _places(band: Band, grid: GeoBox) -> tuple[Floats, Floats]:
    """Return where centres of output pixels lie in the band, in its pixels, the corners among them."""
    height, width = (int(n) for n in grid.shape)
    # two a side are enough where both share a plane
    most = 2 if grid.crs == band.grid.crs else _NODES
    col = np.linspace(0.5, width - 0.5, min(width, most))
    row = np.linspace(0.5, height - 0.5, min(height, most))[:, None]
    there = grid.affine
    x, y = there.a * col + there.b * row + there.c, there.d * col + there.e * row + there.f
    if grid.crs != band.grid.crs:
        x, y = transformer(grid.crs, band.grid.crs).transform(x, y)
    back = ~band.grid.affine
    with np.errstate(invalid="ignore"):
        return back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f


def _reach(places: Floats, grid: GeoBox) -> tuple[float, float, float]:
    """Return the least and the greatest place of all centres, and by how much at most places of neighbours differ."""
    bend = step = 0.0
    for axis, count in enumerate(int(n) for n in grid.shape):
        nodes = places.shape[axis]
        if nodes > 1:
            step = max(step, float(np.abs(np.diff(places, 1, axis)).max()) * (nodes - 1) / (count - 1))
        if 2 < nodes < count:
            bend += float(np.abs(np.diff(places, 2, axis)).max())
    return float(places.min()) - bend, float(places.max()) + bend, step


def _margin(resampling: Resampling, step: float) -> float:
    """Return how far from the edges of the band centres have to stay, in its pixels."""
    if resampling is Resampling.SUM:
        return step + 2.0
    reach = _KERNELS.get(resampling, 0)
    is_own = resampling in {Resampling.BILINEAR, Resampling.CUBIC} and step <= _NOT_WIDE
    if not reach or is_own:
        return _FROM_EDGE
    return reach * max(1.0, step) + 2.0
