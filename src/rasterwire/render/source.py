"""Reading stored pixels. The only file of the renderer that opens rasters."""

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.windows import Window as RasterWindow

from rasterwire.errors import SourceUnavailable
from rasterwire.image import Band
from rasterwire.pixels import Pixels
from rasterwire.raster_file import gdal_calls, open_dataset

_OPEN_PER_THREAD = 32


class _Opened(threading.local):
    """Datasets of one thread, the least recently used closed first: GDAL handles are not shared."""

    def __init__(self) -> None:
        self.datasets: OrderedDict[tuple[str, str, int | None], rasterio.DatasetReader] = OrderedDict()


_opened = _Opened()


def dataset(band: Band, overview: int | None) -> rasterio.DatasetReader:
    """Return the opened file of a band, kept open for this thread.

    Raises:
        SourceUnavailable: it cannot be opened, or is another file than when the plan was made.
    """
    key = (band.href, band.version, overview)
    found = _opened.datasets.pop(key, None)
    if found is None:
        try:
            status = Path(band.href).stat()
        except OSError:
            raise SourceUnavailable("", band.name, "the file is gone") from None
        if band.version and band.version != f"{status.st_mtime_ns}-{status.st_size}":
            raise SourceUnavailable("", band.name, "the file changed since the request was planned; ask again")
        with gdal_calls(band.name):
            found = open_dataset(band.href, overview)
        while len(_opened.datasets) >= _OPEN_PER_THREAD:
            _opened.datasets.popitem(last=False)[1].close()
    _opened.datasets[key] = found
    return found


def level_transform(band: Band, overview: int | None) -> tuple[Affine, int, int]:
    """Return the affine transform, columns and rows of a band at an overview level."""
    rows, cols = (int(n) for n in band.grid.shape)
    affine: Affine = band.grid.affine
    if overview is None:
        return affine, cols, rows
    width, height = band.overviews[overview]
    return affine @ Affine.scale(cols / width, rows / height), width, height


def read(band: Band, overview: int | None, col: int, row: int, size: tuple[int, int]) -> Pixels:
    """Return stored pixels of a rectangle, which may reach beyond the raster.

    Args:
        band: to read.
        overview: level, or None.
        col: of the top-left pixel; may be negative.
        row: likewise.
        size: rows, columns.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    source = dataset(band, overview)
    rows, cols = size
    left, top = max(col, 0), max(row, 0)
    right, bottom = min(col + cols, source.width), min(row + rows, source.height)
    if left >= right or top >= bottom:
        return Pixels(np.zeros(size, band.dtype), np.zeros(size, bool))
    window = RasterWindow(left, top, right - left, bottom - top)
    with gdal_calls(band.name):
        data = source.read(band.index, window=window)
        valid = _validity(source, band, window, data)
    if (bottom - top, right - left) == size:
        return Pixels(data, valid)
    inside = (slice(top - row, bottom - row), slice(left - col, right - col))
    whole = Pixels(np.zeros(size, data.dtype), np.zeros(size, bool))
    whole.data[inside] = data
    whole.valid[inside] = valid
    return whole


def _validity(
    source: rasterio.DatasetReader, band: Band, window: RasterWindow, data: npt.NDArray[np.generic]
) -> npt.NDArray[np.bool_]:
    flags = source.mask_flag_enums[band.index - 1]
    if MaskFlags.all_valid not in flags:
        return np.asarray(source.read_masks(band.index, window=window) > 0)
    if band.nodata is None:
        return np.ones(data.shape, bool)
    # the catalog knows a nodata value that the file does not declare
    if np.isnan(band.nodata):
        return np.asarray(~np.isnan(data))
    return np.asarray(data != band.nodata)
