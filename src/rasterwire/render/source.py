"""Reading stored pixels. The only file of the renderer that opens rasters."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window as RasterWindow

from rasterwire.errors import SourceUnavailable
from rasterwire.files.decoded_tile import DecodedTile
from rasterwire.files.raster_file import gdal_calls, open_band, open_dataset, version_of
from rasterwire.files.tiff_file import opened_level
from rasterwire.image import Band
from rasterwire.nodes.computed import Computed
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import Pixels, ToldByNodata, Window
from rasterwire.plan.types import Source
from rasterwire.render.tiles import TileCache

_OPEN_PER_THREAD = 32

_DAMAGED = "the file is damaged, or cannot be read as it is"

_tiles = TileCache(24 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable(Computed):
    """A computed band that is read as a stored one is.

    Attributes:
        compute: makes the pixels of nodes over a window of a grid, of stored bands that it reads by this module.
    """

    compute: Callable[[Sequence[Node], GeoBox, Window], list[Pixels]]


class _Opened(threading.local):
    """Datasets of one thread, the least recently used closed first: GDAL handles are not shared."""

    def __init__(self) -> None:
        self.datasets: OrderedDict[tuple[str, str, int | None, int, str], rasterio.DatasetReader] = OrderedDict()


_opened = _Opened()


def dataset(band: Band, overview: int | None, alone: bool = False, mask: bool | int = False) -> rasterio.DatasetReader:
    """Return the opened file of a band, kept open for this thread.

    Args:
        band: to read.
        overview: level, or None.
        alone: whether to give the band without the others of its file.
        mask: of a band alone, see ``open_band``.

    Raises:
        SourceUnavailable: it cannot be opened, or is another file than when the plan was made.
    """
    key = (band.href, band.version, overview, band.index if alone else 0, repr(mask))
    found = _opened.datasets.pop(key, None)
    try:
        check_version(band)
    except SourceUnavailable:
        if found is not None:
            found.close()
        raise
    if found is None:
        with gdal_calls(band.name):
            found = open_band(band.href, band.index, overview, mask) if alone else open_dataset(band.href, overview)
        while len(_opened.datasets) >= _OPEN_PER_THREAD:
            _opened.datasets.popitem(last=False)[1].close()
    _opened.datasets[key] = found
    return found


def level_transform(band: Source, overview: int | None) -> tuple[Affine, int, int]:
    """Return the affine transform, columns and rows of a band at an overview level."""
    rows, cols = (int(n) for n in band.grid.shape)
    affine: Affine = band.grid.affine
    if overview is None:
        return affine, cols, rows
    width, height = band.overviews[overview]
    return affine @ Affine.scale(cols / width, rows / height), width, height


def read(
    band: Source, overview: int | None, col: int, row: int, size: tuple[int, int], *, until: int | None = None
) -> Pixels:
    """Return stored pixels of a rectangle, which may reach beyond the raster.

    Args:
        band: to read.
        overview: level, or None.
        col: of the top-left pixel; may be negative.
        row: likewise.
        size: rows, columns.
        until: row from which on nobody will want pixels soon, so that tiles are decoded only as far down.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    _, width, height = level_transform(band, overview)
    rows, cols = size
    left, top = max(col, 0), max(row, 0)
    right, bottom = min(col + cols, width), min(row + rows, height)
    if left >= right or top >= bottom:
        return Pixels(np.zeros(size, band.dtype), np.zeros(size, bool))
    window = RasterWindow(left, top, right - left, bottom - top)
    if isinstance(band, Readable):
        (inside,) = band.compute([band.node], band.grid, Window(top, left, bottom - top, right - left))
    elif isinstance(band, Computed):
        raise TypeError(f"band {band.name} is computed, and nobody is named who computes it")
    elif band.plain:
        inside = _by_tiles(band, overview, window, until)
    else:
        inside = _by_gdal(band, overview, window)
    if not isinstance(band, Computed):
        check_version(band)  # it may have been opened after it was replaced
    if (bottom - top, right - left) == size:
        return inside
    return _placed(inside, (top - row, left - col), size, band.dtype)


def _placed(inside: Pixels, at: tuple[int, int], size: tuple[int, int], dtype: str) -> Pixels:
    """Return pixels within a larger rectangle, nothing around them valid."""
    whole = Pixels(np.zeros(size, dtype), np.zeros(size, bool))
    rows, cols = inside.data.shape
    part = slice(at[0], at[0] + rows), slice(at[1], at[1] + cols)
    whole.data[part], whole.valid[part] = inside.data, inside.valid
    return whole


def _by_tiles(band: Band, overview: int | None, window: RasterWindow, until: int | None) -> Pixels:
    """Read pixels of a plain file from tiles that all threads share."""
    check_version(band)
    level = opened_level(band.href, band.version, None if overview is None else band.overviews[overview])
    first, sample = level.place(band.index)
    height, width = level.tile_height, level.tile_width
    left, top = window.col_off, window.row_off
    right, bottom = left + window.width, top + window.height
    data = np.empty((window.height, window.width), band.dtype)

    def decode(key: tuple[str, str, int | None, int, int]) -> DecodedTile:
        try:
            return level.tile(*key[-2:])
        except Exception as error:  # the errors of codecs share no root
            raise SourceUnavailable("", band.name, _DAMAGED) from error

    def key_of(row: int, col: int) -> tuple[str, str, int | None, int, int]:
        index = first + row * level.across + col
        whole = (band.href, band.version, overview, index, height)
        if until is None or until >= (row + 1) * height or whole in _tiles:
            return whole
        return (*whole[:-1], level.rows_made(index, until - row * height))

    places = {
        key_of(row, col): (row * height, col * width)
        for row in range(top // height, -(-bottom // height))
        for col in range(left // width, -(-right // width))
    }
    for key, tile in _tiles.each(list(places), decode):
        y, x = places[key]
        rows = slice(max(top, y) - top, min(bottom, y + height) - top)
        cols = slice(max(left, x) - left, min(right, x + width) - left)
        try:
            tile.copy_to(data, rows, cols, (max(top - y, 0), max(left - x, 0)), sample)
        except ValueError as error:
            raise SourceUnavailable("", band.name, _DAMAGED) from error
    return ToldByNodata(data, band.nodata)


def _by_gdal(band: Band, overview: int | None, window: RasterWindow) -> Pixels:
    source = dataset(band, overview)
    with gdal_calls(band.name):
        data = source.read(band.index, window=window)
        if band.masked:
            return Pixels(data, np.asarray(source.read_masks(band.index, window=window) > 0))
    # not by rasterio, which has nodata as a double; and the catalog may know a value that the file does not declare
    return ToldByNodata(data, band.nodata)


def check_version(band: Band) -> None:
    """Refuse a file that is another one than when the plan was made."""
    try:
        status = os.stat(band.href)  # noqa: PTH116  for each block, and twice as fast
    except OSError:
        raise SourceUnavailable("", band.name, "the file is gone") from None
    if band.version and band.version != version_of(status):
        raise SourceUnavailable("", band.name, "the file changed since the request was planned; ask again")
