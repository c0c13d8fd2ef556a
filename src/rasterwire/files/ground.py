"""The ground of pixels that no transform places: by control points or rational polynomials, through GDAL.

Each position is computed on its own and without an approximation, so that it depends only on the file. Control
points use the polynomial that gdalwarp fits to them, of the order that GDAL takes for their number. Rational
polynomials use the mean height of the ground in their metadata (HEIGHT_OFF).
"""

import atexit
import threading
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.errors import TransformWarning
from rasterio.transform import GCPTransformer, RPCTransformer

from rasterwire.image import FileMetadata
from rasterwire.units import plural_text

__all__ = ["describe_ties", "ground_of", "to_pixels"]

_MAX_TRANSFORMERS = 32
"""For each thread: GDAL does not document whether threads may share one."""

_PARTS = 64
"""Parts of each side, at whose ends positions on the ground are computed."""

_MARGIN = 0.02
"""Of the extent on the ground: beyond it polynomials are not valid."""

_LON_LAT = CRS("EPSG:4326")

Floats = npt.NDArray[np.float64]


class _TransformerCache(threading.local):
    def __init__(self) -> None:
        self.transformers: OrderedDict[object, Any] = OrderedDict()


_cache = _TransformerCache()
atexit.register(_cache.transformers.clear)  # GDAL has to close them before the interpreter ends


def ground_of(file: FileMetadata, shape: tuple[int, int]) -> GeoBox | None:
    """Return a grid over the ground that pixels cover, as fine as they are; None where nothing ties them to it.

    Args:
        file: without a transform.
        shape: rows and columns of its pixels.

    North is up, pixels are square in the units of the crs: that of the control points, longitude and latitude
    for rational polynomials.
    """
    crs = file.crs if file.points else _LON_LAT
    if crs is None or not (file.points or file.rpcs):
        return None
    rows, cols = shape
    across, down = np.linspace(0.0, cols, _PARTS + 1), np.linspace(0.0, rows, _PARTS + 1)
    col, row = (part.ravel() for part in np.meshgrid(across, down))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TransformWarning)  # pixels without a position are infinite
            x, y = _transformer(file).xy(row, col, offset="ul")
    except CPLE_BaseError:  # such as for points on a line
        return None
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if not (len(x) and len(y)):
        return None
    width, height = float(np.ptp(x)), float(np.ptp(y))
    size = float(np.hypot(width, height) / np.hypot(cols, rows))  # as in gdalwarp
    if not size or not width or not height:
        return None
    covering = max(1, int(np.ceil(height / size - 1e-6))), max(1, int(np.ceil(width / size - 1e-6)))
    return GeoBox(covering, Affine(size, 0.0, float(x.min()), 0.0, -size, float(y.max())), crs)


def to_pixels(file: FileMetadata, ground: GeoBox, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return columns and rows of points in the crs of the ground, infinite far from it.

    Args:
        file: that is tied to the ground.
        ground: see ``ground_of``.
        x: of the points.
        y: of the same shape.
    """
    left, bottom, right, top = ground.extent.boundingbox.bbox
    margin_x, margin_y = _MARGIN * (right - left), _MARGIN * (top - bottom)
    with np.errstate(invalid="ignore"):
        near = (x >= left - margin_x) & (x <= right + margin_x) & (y >= bottom - margin_y) & (y <= top + margin_y)
    cols, rows = np.full(x.shape, np.inf), np.full(x.shape, np.inf)
    if near.any():
        rows[near], cols[near] = _transformer(file).rowcol(x[near], y[near], op=np.positive)
    return cols, rows


def describe_ties(file: FileMetadata) -> str:
    """Return a description of what ties the pixels of a file to the ground."""
    if file.points:
        return f"{plural_text(len(file.points), 'control point')}"
    return f"rational polynomials at a height of {_height(file)} m"


def _height(file: FileMetadata) -> str:
    return f"{float(dict(file.rpcs)['HEIGHT_OFF']):.10g}"


def _transformer(file: FileMetadata) -> Any:
    key = file.points or file.rpcs
    transformer = _cache.transformers.pop(key, None)
    if transformer is None:
        if file.points:
            transformer = GCPTransformer([GroundControlPoint(p.row, p.col, p.x, p.y, p.z) for p in file.points])
        else:
            transformer = RPCTransformer(dict(file.rpcs), RPC_HEIGHT=_height(file))
        while len(_cache.transformers) >= _MAX_TRANSFORMERS:
            _cache.transformers.popitem(last=False)[1].close()
    _cache.transformers[key] = transformer
    return transformer
