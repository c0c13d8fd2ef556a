"""TIFF files read tile by tile, without GDAL, where a file is of the plain kind.

Plain means: whole samples of 8 to 64 bits, stored as they are or by deflate, LZW or zstd, and no
mask or alpha. All else stays with GDAL, whose breadth no reader of ours should copy.
"""

import logging
import os
import sys
import threading
import weakref
from collections import OrderedDict
from typing import BinaryIO

import imagecodecs
import numpy as np
import tifffile
from isal import igzip_lib

from rasterwire.errors import SourceUnavailable
from rasterwire.files import lzw
from rasterwire.files.decoded_tile import DecodedTile
from rasterwire.files.nodata_text import unwritten_pixel
from rasterwire.files.raster_file import open_tiff
from rasterwire.files.tiff_directories import walk
from rasterwire.image import Tiling

__all__ = ["Level", "nodata_text", "opened_level", "plain_bands", "tiling_of"]

_FILES_KEPT = 128
_MOST_TILE_BYTES = 32 << 20
"""A file in one huge strip is better read by GDAL, which can stop halfway."""

_codecs = {1: "NONE", 5: "LZW", 8: "DEFLATE", 32946: "DEFLATE", 50000: "ZSTD"}
"""TIFF compressions."""

_DEFLATE = {8, 32946}
_PARTS = 8
"""A tile of which the top alone is wanted is decoded in so many steps, so that like wishes share what is kept."""

_AS_IT_IS = 1

_OVERVIEW = 1
_HANDED_ON = {1, 3}
"""Photometric interpretations: black at 0, and a palette."""

_SEPARATE_PLANES = 2
_DELTA, _FLOAT = 2, 3
"""Predictors of differences along a row."""

_predictors = {"u": {_DELTA}, "i": {_DELTA}, "f": {_DELTA, _FLOAT}}
"""By kind of the type; GDAL refuses others, and leaves pixels that are not compressed as they are."""

_NODATA, _METADATA = 42113, 42112
"""GDAL's own tags."""

# what it cannot read of a header, GDAL has read before
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_lock = threading.Lock()
_opened: OrderedDict[tuple[str, str], "_Parsed"] = OrderedDict()


class _Parsed:
    """An opened file with its full resolution and overviews; closed when nobody holds it."""

    def __init__(self, file: BinaryIO) -> None:
        self.descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self.descriptor)
        self.is_plain = False
        self.levels: list[tifffile.TiffPage] = []
        self.sound: list[bytearray] = []
        directories = walk(file)
        # of the full resolution: GDAL gives it to the overviews too
        self.nodata_text = directories.chain[0].text(file, _NODATA) if directories.chain else ""
        if not directories.is_sound:
            return  # GDAL reads what can be read of it, and tifffile might go round in it for ever
        with tifffile.TiffFile(file) as parsed:
            pages = [page for page in parsed.pages if isinstance(page, tifffile.TiffPage)]
            self.is_plain = not _has_mask(pages) and all(map(_is_plain, pages))
            self.levels = [pages[0], *(page for page in pages[1:] if page.subfiletype == _OVERVIEW)]
            # by level and tile: 1 where all of it was found to be sound, so that its top may be decoded alone
            self.sound = [bytearray(len(page.databytecounts)) for page in self.levels]


class Level:
    """An image of a TIFF file: the full resolution or an overview.

    Attributes:
        height, width: pixels.
        tile_height, tile_width: pixels; of strips, the width is the image's.
        across: tiles in a row of them.
    """

    def __init__(self, parsed: _Parsed, number: int) -> None:
        page = parsed.levels[number]
        self._parsed, self._page, self._sound = parsed, page, parsed.sound[number]
        self.height, self.width = int(page.imagelength), int(page.imagewidth)
        self.tile_height = int(page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))
        self.tile_width = int(page.tilewidth if page.is_tiled else page.imagewidth)
        self.across = -(-self.width // self.tile_width)
        self._is_separate = page.planarconfig == _SEPARATE_PLANES and page.samplesperpixel > 1
        self._stored_type = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        self._row_bytes = self.tile_width * self._samples * self._stored_type.itemsize
        is_native = page.parent.byteorder == ("<" if sys.byteorder == "little" else ">")
        self._is_simple = is_native and (
            page.predictor == 1 or (page.predictor == _DELTA and self._stored_type.kind in "ui")
        )
        self._stops = page.compression in _DEFLATE and self._is_simple

    def place(self, band: int) -> tuple[int, int]:
        """Return for a band, from 1, the index of its first tile and its sample within a tile's pixels."""
        if self._is_separate:
            return (band - 1) * self.across * -(-self.height // self.tile_height), 0
        return 0, band - 1

    def rows_made(self, index: int, rows: int) -> int:
        """Return how many rows of a tile to ask for where so many from its top are wanted.

        All where its codec cannot stop, and until all of it was decoded once: the checksum that tells of damage
        stands behind the last row.

        Args:
            index: of the tile.
            rows: at least 1.
        """
        if not self._stops or not self._sound[index]:
            return self.tile_height
        step = -(-self.tile_height // _PARTS)
        return min(self.tile_height, -(-rows // step) * step)

    def tile(self, index: int, rows: int) -> DecodedTile:
        """Return a tile; of nodata, or else 0, where none was ever written.

        Strips and tiles at the edge may have fewer rows, or more than lie in the image.

        Args:
            index: of the tile.
            rows: from its top, by ``rows_made``; there may be more.

        Raises:
            Exception: of any kind, by the codec or the file: the tile cannot be read.
        """
        stored = self._stored(index)
        if not stored:
            return self._never_written()
        samples = np.frombuffer(self._decoded(stored, index, rows), self._stored_type)
        samples = samples.reshape(-1, self.tile_width, self._samples)
        if self._is_simple:
            return DecodedTile(samples, are_differences=self._page.predictor == _DELTA)
        if self._page.predictor == _DELTA:
            native = samples.astype(samples.dtype.newbyteorder("="))
            bits = native.view(f"u{native.dtype.itemsize}")  # of floats as well, as GDAL has it
            samples = imagecodecs.delta_decode(bits, axis=1).view(native.dtype)
        elif self._page.predictor == _FLOAT:
            samples = imagecodecs.floatpred_decode(samples, axis=1)
        return DecodedTile(np.asarray(samples, samples.dtype.newbyteorder("=")))

    def checked(self, index: int) -> bytes:
        """Return the bytes of a tile as they are stored, of which it is known that they can be decoded.

        Raises:
            Exception: see ``tile``.
        """
        stored = self._stored(index)
        self._decoded(stored, index, self.tile_height)
        return stored

    def _stored(self, index: int) -> bytes:
        count = self._page.databytecounts[index]
        if count and self._page.compression == _AS_IT_IS:
            count = self._rows_within(index) * self._row_bytes  # as GDAL, which does not look what the file says
        stored = os.pread(self._parsed.descriptor, count, self._page.dataoffsets[index]) if count else b""
        if len(stored) != count:
            raise ValueError("the file ends before the tile")
        return stored

    def _decoded(self, stored: bytes, index: int, rows: int) -> bytes:
        """Return what a codec makes of the first rows of a tile; there may be fewer of a strip, such as the last.

        Raises:
            ValueError: there are fewer rows than lie in the image.
        """
        size, codec = self.tile_height * self._row_bytes, _codecs[int(self._page.compression)]
        if codec == "DEFLATE":
            data = self._inflated(stored, rows)
        elif codec == "NONE":
            data = stored
        else:
            needed = self._rows_within(index) * self._row_bytes
            data = lzw.decoded(stored, needed) if codec == "LZW" else bytes(imagecodecs.zstd_decode(stored, out=size))
        if len(data) % self._row_bytes or len(data) < min(rows, self._rows_within(index)) * self._row_bytes:
            raise ValueError("the tile ends before its last row")
        if rows == self.tile_height:
            self._sound[index] = 1
        return data

    def _rows_within(self, index: int) -> int:
        """Return how many rows a tile has to have; of strips the last is shorter."""
        if self._page.is_tiled:
            return self.tile_height
        down = index % -(-self.height // self.tile_height)
        return min(self.tile_height, self.height - down * self.tile_height)

    def _inflated(self, stored: bytes, rows: int) -> bytes:
        """Return the first rows of a deflated tile, checked against its checksum where these are all."""
        size = rows * self._row_bytes
        to_the_end = rows == self.tile_height
        inflater = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_ZLIB)
        # at once: what it is asked for is what it allocates; a byte more brings it to the checksum behind the last row
        data: bytes = inflater.decompress(stored, size + to_the_end)
        if len(data) < size and (self._page.is_tiled or not inflater.eof):
            raise ValueError("the tile ends before its last row")
        if len(data) > size:
            raise ValueError("the tile goes on behind its last row, so that its checksum tells nothing of it")
        if len(data) == size and to_the_end and not inflater.eof:
            raise ValueError("the tile ends before its checksum")
        return data

    @property
    def _samples(self) -> int:
        return 1 if self._is_separate else int(self._page.samplesperpixel)

    def _never_written(self) -> DecodedTile:
        dtype = np.dtype(self._page.dtype).newbyteorder("=")
        # the text, since tifffile takes some limits of integer types for too large
        text = self._parsed.nodata_text or "0"
        shape = self.tile_height, self.tile_width, self._samples
        with np.errstate(over="ignore"):
            return DecodedTile(np.full(shape, unwritten_pixel(text, dtype.name), dtype))


def plain_bands(href: str, version: str, dtypes: list[str]) -> bool:
    """Tell whether every level of a file can be read as ``Level``, in the types GDAL says it has.

    Args:
        href: of the file.
        version: of the file, so that what is kept of it is not of another.
        dtypes: numpy names, one a band.
    """
    try:
        parsed = _get(href, version)
    except Exception:  # noqa: BLE001  damaged or merely strange: GDAL will tell
        return False
    if parsed is None or not parsed.is_plain:
        return False
    return all(page.samplesperpixel == len(dtypes) and {str(page.dtype)} == set(dtypes) for page in parsed.levels)


def nodata_text(href: str, version: str) -> str:
    """Return what the nodata tag of a file says, "" where there is none or the file is no TIFF.

    Raises:
        Exception: of any kind: the file cannot be read here, though GDAL may.
    """
    parsed = _get(href, version)
    return "" if parsed is None else parsed.nodata_text


def tiling_of(href: str, version: str) -> Tiling | None:
    """Return how the tiles of a plain file are stored, None where they cannot go into another file as they are.

    That is where a tile has several bands, was never written, has another order of bytes than our files, or is
    not as TIFF has it: differences of floats, or sides that are no multiples of 16.
    """
    parsed = _get(href, version)
    page = None if parsed is None else parsed.levels[0]
    if page is None or not page.is_tiled or page.samplesperpixel != 1 or page.photometric not in _HANDED_ON:
        return None
    if (page.predictor == _DELTA and np.dtype(page.dtype).kind == "f") or page.tilelength % 16 or page.tilewidth % 16:
        return None
    if page.parent.byteorder != "<" or not all(page.databytecounts):
        return None
    return Tiling(int(page.tilelength), int(page.tilewidth), _codecs[int(page.compression)], int(page.predictor))


def opened_level(href: str, version: str, size: tuple[int, int] | None) -> Level:
    """Return the full resolution of a file with plain bands (size None), or its overview of a size.

    Raises:
        SourceUnavailable: there is none; it names neither image nor band.
    """
    parsed = _get(href, version)
    if parsed is not None:
        for number, page in enumerate(parsed.levels):
            if number == 0 if size is None else number and (page.imagewidth, page.imagelength) == size:
                return Level(parsed, number)
    raise SourceUnavailable("", "", "the file changed since the request was planned; ask again")


def _get(href: str, version: str) -> _Parsed | None:
    """Return a file kept open, the least recently used forgotten first; None for no TIFF file."""
    with _lock:
        found = _opened.get((href, version))
        if found is not None:
            _opened.move_to_end((href, version))
            return found
    file = open_tiff(href)
    if file is None:
        return None
    with file:
        found = _Parsed(file)
    with _lock:
        _opened[href, version] = found
        while len(_opened) > _FILES_KEPT:
            _opened.popitem(last=False)
    return found


def _has_mask(pages: list[tifffile.TiffPage]) -> bool:
    def by_tags(page: tifffile.TiffPage) -> bool:
        metadata = page.tags.valueof(_METADATA)
        return bool(page.subfiletype & 4 or (page.extrasamples and set(page.extrasamples) & {1, 2})) or (
            isinstance(metadata, str) and "NODATA_VALUES" in metadata
        )

    return any(map(by_tags, pages))


def _is_plain(page: tifffile.TiffPage) -> bool:
    dtype = page.dtype
    if dtype is None or dtype.kind not in "uif" or dtype.itemsize * 8 != page.bitspersample or dtype == np.float16:
        return False
    tile = page.tilelength * page.tilewidth if page.is_tiled else page.rowsperstrip * page.imagewidth
    samples = page.samplesperpixel if page.planarconfig != _SEPARATE_PLANES else 1
    return (
        page.compression in _codecs
        and (page.predictor == 1 or (page.compression != _AS_IT_IS and page.predictor in _predictors[dtype.kind]))
        and page.photometric in {0, 1, 2, 3}
        and page.fillorder == 1
        and page.imagedepth == 1
        and tile * samples * dtype.itemsize <= _MOST_TILE_BYTES
    )
