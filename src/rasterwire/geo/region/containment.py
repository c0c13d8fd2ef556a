"""The pixels of a grid that lie in an area."""

import math

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.geobox import GeoBox

from rasterwire.geo.crs import metres_per_unit, transformer
from rasterwire.geo.lattice import coordinates
from rasterwire.geo.region.area import Region, own_geometry
from rasterwire.pixels import Window

_EDGE = 1e-3
"""The largest distance between a geodesic edge and its planar pieces, relative to a pixel."""


def inside(region: Region, grid: GeoBox, window: Window) -> npt.NDArray[np.bool_]:
    """Return which pixel centres of a window lie in a region, shape (rows, columns)."""
    col = np.arange(window.col, window.col + window.width) + 0.5
    row = (np.arange(window.row, window.row + window.height) + 0.5)[:, None]
    x, y = np.broadcast_arrays(*coordinates(grid, col, row))
    if grid.crs != region.crs:
        x, y = transformer(grid.crs, region.crs).transform(x, y)
    geometry = own_geometry(region, _EDGE * math.sqrt(abs(grid.affine.determinant)) * metres_per_unit(grid.crs))
    if region.crs.geographic:
        west = geometry.bounds[0]
        x = west + np.mod(x - west, 360.0)
    return np.asarray(shapely.intersects_xy(geometry, x, y))
