"""TIFF files read tile by tile, without GDAL, where a file is plain.

A plain file has whole samples of 8 to 64 bits, uncompressed or compressed by deflate, LZW or zstd, and no
mask or alpha. GDAL reads all other files.
"""

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import IO, cast

import imagecodecs
import numpy as np
import tifffile
from isal import igzip_lib

from rasterwire.errors import SourceUnavailable
from rasterwire.files import lzw
from rasterwire.files.byte_reader import CHANGED, ByteReader, ReaderFile, reader_of
from rasterwire.files.decoded_tile import DecodedTile
from rasterwire.files.nodata_text import unwritten_pixel
from rasterwire.files.plain_pages import CODECS, has_mask, is_plain
from rasterwire.files.raster_file import driver_of
from rasterwire.files.recent_files import RecentFiles
from rasterwire.files.sources import Span, is_local
from rasterwire.files.tiff_directories import directories_of
from rasterwire.image import Tiling

__all__ = ["Level", "nodata_text", "opened_level", "pages_of", "plain_bands", "tiling_of"]

_MAX_FILES, _MAX_REMOTE_FILES = 128, 1024
"""Files that stay open: those of this machine, which have descriptors, and remote ones. A composite of very many scenes
reads each of them for every part of its pixels."""

_MAX_REMOTE_TILES = 1 << 20
"""Tiles of all remote files that stay open; each takes two numbers."""

_DEFLATE = {8, 32946}
_PARTS = 8
"""Only the top of a tile may be needed. It is decoded in multiples of this part of the tile, so that similar requests
share a cached tile."""

_UNCOMPRESSED = 1

_OVERVIEW = 1
_PASSED_THROUGH = {1, 3}
"""Photometric interpretations of tiles that may be passed through: black at 0, and a palette."""

_SEPARATE_PLANES = 2
_DELTA, _FLOAT = 2, 3
"""Predictors of differences along a row."""

_NODATA = 42113
"""GDAL's own tag."""

# GDAL has read the header before, so that problems are reported already
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_NONE_STORED: Mapping[Span, bytes] = {}


class _OpenTiff:
    """An open file with its full resolution and overviews.

    Raises:
        SourceUnavailable: a remote file cannot be read.
    """

    def __init__(self, reader: ByteReader) -> None:
        self.reader = reader
        self.is_plain = False
        self.pages: list[tifffile.TiffPage] = []
        self.levels: list[tifffile.TiffPage] = []
        self.sound: list[bytearray] = []
        self.tiles = 0
        directories = directories_of(reader)
        # of the full resolution: GDAL applies it to the overviews too
        self.nodata_text = directories.chain[0].text(reader, _NODATA) if directories.chain else ""
        if not (directories.is_sound and all(directory.is_regular(reader) for directory in directories.chain)):
            return  # GDAL reads what it can, and tifffile might loop for ever, or take what libtiff does not
        with reader.file() as file, tifffile.TiffFile(cast(IO[bytes], file), name="raster") as tiff:
            self.pages = pages = [page for page in tiff.pages if isinstance(page, tifffile.TiffPage)]
            self.is_plain = not has_mask(pages) and all(map(is_plain, pages))
            self.levels = [pages[0], *(page for page in pages[1:] if page.subfiletype == _OVERVIEW)]
            # by level and tile: 1 where the whole tile was decoded once, so that its top may be decoded alone
            self.sound = [bytearray(len(page.databytecounts)) for page in self.levels]
        self.tiles = sum(map(len, self.sound))
        if isinstance(file, ReaderFile) and file.failure is not None:
            raise file.failure  # tifffile leaves out pages that it cannot read


_files = RecentFiles[_OpenTiff](_MAX_FILES, sys.maxsize)
_remote_files = RecentFiles[_OpenTiff](_MAX_REMOTE_FILES, _MAX_REMOTE_TILES)


class Level:
    """An image of a TIFF file: the full resolution or an overview.

    Attributes:
        height, width: pixels.
        tile_height, tile_width: pixels; of strips, the width is the image's.
        across: tiles in a row of them.
        is_remote: whether tiles are best read together, by ``stored``.
    """

    def __init__(self, tiff: _OpenTiff, number: int) -> None:
        page = tiff.levels[number]
        self._tiff, self._page, self._sound = tiff, page, tiff.sound[number]
        self.height, self.width = int(page.imagelength), int(page.imagewidth)
        self.tile_height = int(page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))
        self.tile_width = int(page.tilewidth if page.is_tiled else page.imagewidth)
        self.across = -(-self.width // self.tile_width)
        self.is_remote = not is_local(tiff.reader.href)
        self._is_separate = page.planarconfig == _SEPARATE_PLANES and page.samplesperpixel > 1
        self._stored_type = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        self._row_bytes = self.tile_width * self._samples * self._stored_type.itemsize
        is_native = page.parent.byteorder == ("<" if sys.byteorder == "little" else ">")
        self._is_simple = is_native and (
            page.predictor == 1 or (page.predictor == _DELTA and self._stored_type.kind in "ui")
        )
        self._stops = page.compression in _DEFLATE and self._is_simple

    def first_tile(self, band: int) -> tuple[int, int]:
        """Return for a band, from 1, the index of its first tile and its sample within a tile's pixels."""
        if self._is_separate:
            return (band - 1) * self.across * -(-self.height // self.tile_height), 0
        return 0, band - 1

    def tiles_under(self, band: int, rectangle: tuple[int, int, int, int]) -> list[int]:
        """Return the indices of tiles, left to right and top to bottom.

        Args:
            band: from 1.
            rectangle: left, top, right and bottom, in pixels; it may extend beyond the image.
        """
        first, _ = self.first_tile(band)
        left, top, right, bottom = rectangle
        return [
            first + down * self.across + right_of
            for down in range(max(top, 0) // self.tile_height, -(-min(bottom, self.height) // self.tile_height))
            for right_of in range(max(left, 0) // self.tile_width, -(-min(right, self.width) // self.tile_width))
        ]

    def rows_to_decode(self, index: int, rows: int) -> int:
        """Return how many rows of a tile to decode, where a number of rows from its top is needed.

        That is all rows where the codec cannot stop early, and until the whole tile was decoded once: the checksum
        that reveals damage follows the last row.

        Args:
            index: of the tile.
            rows: needed, at least 1.
        """
        if not self._stops or not self._sound[index]:
            return self.tile_height
        step = -(-self.tile_height // _PARTS)
        return min(self.tile_height, -(-rows // step) * step)

    def stored(self, indices: Iterable[int]) -> Mapping[Span, bytes]:
        """Return the stored bytes of tiles of a remote file, which are read together; of a local file none.

        Args:
            indices: of the tiles.

        Raises:
            SourceUnavailable: the file was replaced, or cannot be read.
        """
        return self._tiff.reader.tiles([span for span in map(self._span, indices) if span[1]])

    def tile(self, index: int, rows: int, stored: Mapping[Span, bytes] = _NONE_STORED) -> DecodedTile:
        """Return a tile; a tile that was never written consists of nodata, or of 0 where the file has no nodata.

        Strips and tiles at the edge may have fewer rows, or more than lie in the image.

        Args:
            index: of the tile.
            rows: from its top, by ``rows_to_decode``; the result may have more.
            stored: see the method of this name; tiles that are not in it are read.

        Raises:
            Exception: of any kind, by the codec or the file: the tile cannot be read.
        """
        tile_bytes = self._stored_bytes(index, stored)
        if not tile_bytes:
            return self._unwritten_tile()
        samples = np.frombuffer(self._decode(tile_bytes, index, rows), self._stored_type)
        samples = samples.reshape(-1, self.tile_width, self._samples)
        if self._is_simple:
            return DecodedTile(samples, are_differences=self._page.predictor == _DELTA)
        if self._page.predictor == _DELTA:
            native = samples.astype(samples.dtype.newbyteorder("="))
            bits = native.view(f"u{native.dtype.itemsize}")  # of floats as well, as in GDAL
            samples = imagecodecs.delta_decode(bits, axis=1).view(native.dtype)
        elif self._page.predictor == _FLOAT:
            samples = imagecodecs.floatpred_decode(samples, axis=1)
        return DecodedTile(np.asarray(samples, samples.dtype.newbyteorder("=")))

    def verified_tile(self, index: int, stored: Mapping[Span, bytes] = _NONE_STORED) -> bytes:
        """Return the stored bytes of a tile, after decoding them to check that they are sound.

        Args and errors: see ``tile``.
        """
        tile_bytes = self._stored_bytes(index, stored)
        self._decode(tile_bytes, index, self.tile_height)
        return tile_bytes

    def _span(self, index: int) -> Span:
        """Return the first byte of a tile and the number of its bytes, 0 where it was never written."""
        count = self._page.databytecounts[index]
        if count and self._page.compression == _UNCOMPRESSED:
            rows = self._rows_of_image(index)
            # like GDAL, which ignores the count in the file, but for a tile that it needs in part
            if self._page.is_tiled and rows < self.tile_height and count < rows * self._row_bytes:
                raise ValueError("the tile ends before its last row")
            count = self._rows_within(index) * self._row_bytes
        return int(self._page.dataoffsets[index]), int(count)

    def _stored_bytes(self, index: int, stored: Mapping[Span, bytes]) -> bytes:
        offset, count = span = self._span(index)
        if not count:
            return b""
        tile_bytes = stored.get(span) if stored else None
        if tile_bytes is None:
            tile_bytes = self._tiff.reader.tile(count, offset)
        if len(tile_bytes) != count:
            raise ValueError("the file ends before the tile")
        return tile_bytes

    def _decode(self, tile_bytes: bytes, index: int, rows: int) -> bytes:
        """Return the bytes of the first rows of a tile; a strip may have fewer rows, such as the last one.

        Raises:
            ValueError: the tile has fewer rows than lie in the image.
        """
        size, codec = self.tile_height * self._row_bytes, CODECS[int(self._page.compression)]
        if codec == "DEFLATE":
            data = self._inflate(tile_bytes, rows)
        elif codec == "NONE":
            data = tile_bytes
        else:
            least = self._rows_within(index) * self._row_bytes
            data = (
                lzw.decode(tile_bytes, least)
                if codec == "LZW"
                else bytes(imagecodecs.zstd_decode(tile_bytes, out=size))
            )
        if len(data) % self._row_bytes or len(data) < min(rows, self._rows_within(index)) * self._row_bytes:
            raise ValueError("the tile ends before its last row")
        if rows == self.tile_height:
            self._sound[index] = 1
        return data

    def _rows_within(self, index: int) -> int:
        """Return the number of rows that a tile has to have; the last strip is shorter than the others."""
        return self.tile_height if self._page.is_tiled else self._rows_of_image(index)

    def _rows_of_image(self, index: int) -> int:
        """Return the number of rows of a tile that lie in the image."""
        down = index // self.across % -(-self.height // self.tile_height)
        return min(self.tile_height, self.height - down * self.tile_height)

    def _inflate(self, tile_bytes: bytes, rows: int) -> bytes:
        """Return the first rows of a deflated tile; the checksum is verified where these are all rows."""
        size = rows * self._row_bytes
        to_the_end = rows == self.tile_height
        inflater = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_ZLIB)
        # in one call, which allocates the size given; one byte more makes it read the checksum after the last row
        data: bytes = inflater.decompress(tile_bytes, size + to_the_end)
        if len(data) < size and (self._page.is_tiled or not inflater.eof):
            raise ValueError("the tile ends before its last row")
        if len(data) > size:
            raise ValueError("the tile has bytes after its last row, so that its checksum does not cover it")
        if len(data) == size and to_the_end and not inflater.eof:
            raise ValueError("the tile ends before its checksum")
        return data

    @property
    def _samples(self) -> int:
        return 1 if self._is_separate else int(self._page.samplesperpixel)

    def _unwritten_tile(self) -> DecodedTile:
        dtype = np.dtype(self._page.dtype).newbyteorder("=")
        # from the text, since tifffile rejects some limits of integer types
        text = self._tiff.nodata_text or "0"
        shape = self.tile_height, self.tile_width, self._samples
        with np.errstate(over="ignore"):
            return DecodedTile(np.full(shape, unwritten_pixel(text, dtype.name), dtype))


def plain_bands(href: str, version: str, dtypes: list[str]) -> bool:
    """Tell whether every level of a file can be read as ``Level``, in the types that GDAL reads.

    Args:
        href: of the file.
        version: of the file, so that a cached file is never another one.
        dtypes: numpy names, one a band.

    Raises:
        SourceUnavailable: a remote file cannot be read.
    """
    try:
        tiff = _get(href, version)
    except SourceUnavailable:
        raise
    except Exception:  # noqa: BLE001  damaged or unusual: GDAL decides
        return False
    if tiff is None or not tiff.is_plain:
        return False
    return all(page.samplesperpixel == len(dtypes) and {str(page.dtype)} == set(dtypes) for page in tiff.levels)


def nodata_text(href: str, version: str) -> str:
    """Return the text of the nodata tag of a file, "" where it has none or is no TIFF.

    Raises:
        Exception: of any kind: the file cannot be read here, though GDAL may.
    """
    tiff = _get(href, version)
    return "" if tiff is None else tiff.nodata_text


def pages_of(href: str, version: str) -> list[tifffile.TiffPage]:
    """Return the images, overviews and masks of a file; none where it is damaged or no TIFF. See ``nodata_text``."""
    tiff = _get(href, version)
    return [] if tiff is None else tiff.pages


def tiling_of(href: str, version: str) -> Tiling | None:
    """Return how the tiles of a plain file are stored, None where they cannot go into another file unchanged.

    They cannot where a tile has several bands, was never written, has another byte order than our files, or
    does not conform to TIFF: with differences of floats, or sides that are no multiples of 16.
    """
    tiff = _get(href, version)
    page = None if tiff is None else tiff.levels[0]
    if page is None or not page.is_tiled or page.samplesperpixel != 1 or page.photometric not in _PASSED_THROUGH:
        return None
    if (page.predictor == _DELTA and np.dtype(page.dtype).kind == "f") or page.tilelength % 16 or page.tilewidth % 16:
        return None
    if page.parent.byteorder != "<" or not all(page.databytecounts):
        return None
    return Tiling(int(page.tilelength), int(page.tilewidth), CODECS[int(page.compression)], int(page.predictor))


def opened_level(href: str, version: str, size: tuple[int, int] | None) -> Level:
    """Return the full resolution of a file with plain bands, or the overview of a size.

    Args:
        href: of the file.
        version: of the file.
        size: width and height of an overview; None for the full resolution.

    Raises:
        SourceUnavailable: the file has no such level; the error names neither image nor band.
    """
    tiff = _get(href, version)
    if tiff is not None:
        for number, page in enumerate(tiff.levels):
            if number == 0 if size is None else number and (page.imagewidth, page.imagelength) == size:
                return Level(tiff, number)
    raise SourceUnavailable.of_file(CHANGED)


def _get(href: str, version: str) -> _OpenTiff | None:
    """Return an open file from the cache, or open it; None for a file that is no TIFF."""
    files = _files if is_local(href) else _remote_files
    tiff = files.get((href, version))
    if tiff is not None:
        return tiff
    reader = reader_of(href, version)
    if driver_of(reader) != "GTiff":
        return None
    tiff = _OpenTiff(reader)
    files.put((href, version), tiff)
    return tiff
