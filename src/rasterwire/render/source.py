"""Reading pixels of a source. The only module of the renderer that opens rasters."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar, TypeVarTuple

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window as RasterWindow

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.chunks import read_layer
from rasterwire.files.arrays.opened import array_version, opened_layers
from rasterwire.files.beside import present_version
from rasterwire.files.byte_reader import CHANGED
from rasterwire.files.decoded_tile import DecodedTile
from rasterwire.files.gdal_calls import gdal_calls
from rasterwire.files.gdal_file import failure_of
from rasterwire.files.gdal_window import fetch_for_gdal
from rasterwire.files.raster_file import open_band, open_dataset
from rasterwire.files.sandbox import call, is_apart
from rasterwire.files.sources import Span, is_local
from rasterwire.files.tiff_file import Level, opened_level
from rasterwire.image import Band, BandMetadata
from rasterwire.nodes.computed import Computed
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import NodataPixels, Pixels, Window
from rasterwire.plan.types import Source
from rasterwire.render.tiles import TileCache

_OPEN_PER_THREAD = 32

_DAMAGED = "the file is damaged, or cannot be read as it is"

_tiles = TileCache(24 << 20)

_MAX_AHEAD_BYTES = 1 << 19
"""Of a tile that is decoded ahead: as many as are fetched ahead fit into the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableBand(Computed):
    """A computed band whose pixels are read like those of a stored one.

    Attributes:
        compute: returns the pixels of nodes over a window of a grid.
    """

    compute: Callable[[Sequence[Node], GeoBox, Window], list[Pixels]]


class _DatasetCache(threading.local):
    """Datasets of one thread, the least recently used closed first. Threads do not share GDAL handles."""

    def __init__(self) -> None:
        self.datasets: OrderedDict[tuple[str, str, int | None, int, str], rasterio.DatasetReader] = OrderedDict()


_cache = _DatasetCache()


def dataset(band: Band, overview: int | None, alone: bool = False, mask: bool | int = False) -> rasterio.DatasetReader:
    """Return the dataset of a band; it stays open for this thread.

    Args:
        band: to read.
        overview: level, or None.
        alone: whether to open the band without the other bands of its file.
        mask: of a band alone, see ``open_band``.

    Raises:
        SourceUnavailable: the file cannot be opened, or was replaced since the plan was made.
    """
    key = (band.href, band.version, overview, band.index if alone else 0, repr(mask))
    reader = _cache.datasets.pop(key, None)
    try:
        check_version(band)
    except SourceUnavailable:
        if reader is not None:
            reader.close()
        raise
    if reader is not None and failure_of(reader) is not None:
        reader.close()
        reader = None
    if reader is None:
        with of_band(band), gdal_calls(band.name):
            reader = (
                open_band(band.href, band.index, overview, mask, band.version)
                if alone
                else open_dataset(band.href, overview, band.version)
            )
        while len(_cache.datasets) >= _OPEN_PER_THREAD:
            _cache.datasets.popitem(last=False)[1].close()
    _cache.datasets[key] = reader
    return reader


@contextmanager
def gdal_reads(band: Band, reader: rasterio.DatasetReader) -> Iterator[None]:
    """Translate GDAL's errors while a dataset is read. After one it is not used again.

    GDAL's drivers of pictures go on after a failed read, and give whatever is in memory.

    Raises:
        SourceUnavailable: see ``gdal_calls``.
    """
    try:
        with gdal_calls(band.name, reader):
            yield
    except BaseException:
        for key in [key for key, kept in _cache.datasets.items() if kept is reader]:
            del _cache.datasets[key]
        reader.close()
        raise


def level_size(source: Source, overview: int | None) -> tuple[int, int]:
    """Return columns and rows of a source at an overview level."""
    if overview is None or source.stored is None:
        return int(source.grid.shape[1]), int(source.grid.shape[0])
    return source.stored.overviews[overview]


def level_transform(source: Source, overview: int | None) -> tuple[Affine, int, int]:
    """Return the affine transform, columns and rows of a source at an overview level."""
    affine: Affine = source.grid.affine
    width, height = level_size(source, overview)
    if overview is None:
        return affine, width, height
    rows, cols = (int(n) for n in source.grid.shape)
    return affine @ Affine.scale(cols / width, rows / height), width, height


def read(
    source: Source, overview: int | None, col: int, row: int, size: tuple[int, int], *, until: int | None = None
) -> Pixels:
    """Return pixels of a rectangle of a source, which may extend beyond the raster.

    Args:
        source: to read.
        overview: level, or None.
        col: of the top-left pixel; may be negative.
        row: likewise.
        size: rows, columns.
        until: first row that will not be read soon, so that tiles are decoded only down to it.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    width, height = level_size(source, overview)
    rows, cols = size
    left, top = max(col, 0), max(row, 0)
    right, bottom = min(col + cols, width), min(row + rows, height)
    if left >= right or top >= bottom:
        return Pixels(np.zeros(size, source.dtype), np.zeros(size, bool))
    inside = _read_inside(source, overview, Window(top, left, bottom - top, right - left), until)
    if (bottom - top, right - left) == size:
        return inside
    return _padded(inside, (top - row, left - col), size, source.dtype)


def _read_inside(source: Source, overview: int | None, window: Window, until: int | None) -> Pixels:
    match source:
        case ReadableBand():
            return source.compute([source.node], source.grid, window)[0]
        case Computed():
            raise TypeError(f"band {source.name} is computed, and has no function that computes it")
        case Band():
            most = pixel_bytes(source, window.height * window.width)
            return call_for(source, _stored_pixels, overview, window, until, most=most)


T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def pixel_bytes(band: Band, count: int) -> int:
    """Return how many bytes so many pixels of a band take, with their mask."""
    return count * (np.dtype(band.dtype).itemsize + 1)


def call_for(band: Band, function: Callable[[Band, *Ts], T], *arguments: *Ts, most: int) -> T:
    """Run a function that reads the file of a band, in another process where files are read in others.

    Args:
        band: the first argument of the function, which gets it without metadata.
        function: see ``sandbox.call``.
        arguments: the others.
        most: see ``sandbox.call``.

    Raises:
        SourceUnavailable: the file cannot be read. The error names the band.
    """
    with of_band(band):
        if not is_apart():
            return function(band, *arguments)
        # metadata may be long, and pixels do not depend on it
        alone = replace(band, metadata=BandMetadata(), ground=None)
        return call((band.href, band.version), function, alone, *arguments, most=most)


def _stored_pixels(band: Band, overview: int | None, window: Window, until: int | None) -> Pixels:
    if band.format:
        pixels = _by_chunks(band, overview, window, until)
    elif band.plain:
        pixels = _by_tiles(band, overview, window, until)
    else:
        pixels = _by_gdal(band, overview, window)
    check_version(band)  # it may have been opened after it was replaced
    return pixels


def _padded(inside: Pixels, origin: tuple[int, int], size: tuple[int, int], dtype: str) -> Pixels:
    """Return pixels within a larger rectangle, in which no other pixel is valid."""
    whole = Pixels(np.zeros(size, dtype), np.zeros(size, bool))
    rows, cols = inside.data.shape
    part = slice(origin[0], origin[0] + rows), slice(origin[1], origin[1] + cols)
    whole.data[part], whole.valid[part] = inside.data, inside.valid
    return whole


def _by_tiles(band: Band, overview: int | None, window: Window, until: int | None) -> Pixels:
    """Read pixels of a plain file from decoded tiles, which all threads share."""
    check_version(band)
    level = opened_level(band.href, band.version, None if overview is None else band.overviews[overview])
    _, sample = level.first_tile(band.index)
    height, width = level.tile_height, level.tile_width
    left, top = window.col, window.row
    right, bottom = left + window.width, top + window.height
    data = np.empty((window.height, window.width), band.dtype)
    for (y, x), tile in _decoded_tiles(band, overview, level, window, until):
        rows = slice(max(top, y) - top, min(bottom, y + height) - top)
        cols = slice(max(left, x) - left, min(right, x + width) - left)
        try:
            tile.copy_to(data, rows, cols, (max(top - y, 0), max(left - x, 0)), sample)
        except ValueError as error:
            raise SourceUnavailable("", band.name, _DAMAGED) from error
    return NodataPixels(data, band.nodata)


def decode_ahead(band: Band, window: Window, until: int) -> None:
    """Decode the tiles of a plain band that ``read`` will need soon, in several threads; not those that would not stay.

    Args:
        band: of a remote file.
        window: of its full resolution; it may extend beyond the raster.
        until: see ``read``.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    level = opened_level(band.href, band.version, None)
    right, bottom = min(window.col + window.width, level.width), min(window.row + window.height, level.height)
    inside = Window(window.row, window.col, bottom - window.row, right - window.col)
    if level.tile_height * level.tile_width * np.dtype(band.dtype).itemsize <= _MAX_AHEAD_BYTES:
        for _ in _decoded_tiles(band, None, level, inside, until):
            pass


def _decoded_tiles(
    band: Band, overview: int | None, level: Level, window: Window, until: int | None
) -> Iterator[tuple[tuple[int, int], DecodedTile]]:
    """Yield row and column of the first pixel of each tile under a window, and the tile."""
    first, _ = level.first_tile(band.index)
    height, width = level.tile_height, level.tile_width
    stored: Mapping[Span, bytes] = {}

    def decode(key: tuple[str, str, int | None, int, int]) -> DecodedTile:
        try:
            return level.tile(*key[-2:], stored)
        except SourceUnavailable:
            raise
        except Exception as error:  # the errors of codecs share no root
            raise SourceUnavailable("", band.name, _DAMAGED) from error

    def key_of(row: int, col: int) -> tuple[str, str, int | None, int, int]:
        index = first + row * level.across + col
        whole = (band.href, band.version, overview, index, height)
        if until is None or until >= (row + 1) * height or whole in _tiles:
            return whole
        return (*whole[:-1], level.rows_to_decode(index, until - row * height))

    corners = {
        key_of(row, col): (row * height, col * width)
        for row in range(window.row // height, -(-(window.row + window.height) // height))
        for col in range(window.col // width, -(-(window.col + window.width) // width))
    }
    if level.is_remote:
        stored = level.stored(key[-2] for key in corners if key not in _tiles)
    for key, tile in _tiles.each(list(corners), decode):
        yield corners[key], tile


def _by_gdal(band: Band, overview: int | None, window: Window) -> Pixels:
    reader = dataset(band, overview)
    part = RasterWindow(window.col, window.row, window.width, window.height)
    if not is_local(band.href):
        rectangle = window.col, window.row, window.col + window.width, window.row + window.height
        fetch_for_gdal(band.href, band.version, level_size(band, overview), rectangle)
    with gdal_reads(band, reader):
        data = reader.read(band.index, window=part)
        if band.masked:
            return Pixels(data, np.asarray(reader.read_masks(band.index, window=part) > 0))
    # without rasterio's masks: it holds nodata as a double, and the catalog may have a value that the file lacks
    return NodataPixels(data, band.nodata)


def _by_chunks(band: Band, overview: int | None, window: Window, until: int | None) -> Pixels:
    """Read pixels of a layer of arrays."""
    check_version(band)
    rows = slice(window.row, window.row + window.height)
    cols = slice(window.col, window.col + window.width)
    soon = min(until or 0, level_size(band, overview)[1])
    try:
        layer = opened_layers(band.href, band.version).layer(band.index).at_level(overview)
    except IndexError:
        raise SourceUnavailable.of_file(CHANGED) from None
    return NodataPixels(read_layer(band.href, band.version, layer, rows, cols, soon), band.nodata)


@contextmanager
def of_band(band: Band) -> Iterator[None]:
    """Name a band in the errors of its file."""
    try:
        yield
    except SourceUnavailable as error:
        if error.band:
            raise
        raise SourceUnavailable("", band.name, error.problem) from error


def check_version(band: Band) -> None:
    """Raise SourceUnavailable for a file that was replaced since the plan was made.

    A remote file is not looked at: each request to its source names the version.
    """
    if not is_local(band.href):
        return
    try:
        version = array_version(band.href) if band.format else present_version(band.href)
    except (OSError, SourceUnavailable):
        raise SourceUnavailable("", band.name, "the file is gone") from None
    if band.version and band.version != version:
        raise SourceUnavailable("", band.name, CHANGED)
