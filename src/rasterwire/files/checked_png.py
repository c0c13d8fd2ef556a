"""Checksums and sizes of PNG files: of a damaged one GDAL gives whatever is in memory, without an error.

The whole file is looked at once for a version of it, before GDAL reads pixels. Source: PNG specification (ISO 15948),
sections 5 and 8.
"""

import struct
import zlib
from functools import lru_cache

from isal import igzip_lib

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import ByteReader

__all__ = ["check_png"]

_MAX_CHECKED = 1024
"""Files that are remembered to be sound."""

_MAX_CHUNK_BYTES = 256 << 20
"""Of a chunk; files with larger ones are refused."""

_PART_BYTES = 1 << 20
"""That are decoded at a time."""

_HEAD = struct.Struct(">IIBBBBB")
"""Columns, rows, bits of a sample, colour type, compression, filter, interlacing."""

_samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type."""

_passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of interlaced images: first column and row, and the steps."""


_IsalError: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]  # its stubs say it is no class


class _ReaderOfVersion:
    """A reader that stands for a version of a file where results are remembered."""

    def __init__(self, reader: ByteReader) -> None:
        self.reader, self._key = reader, (reader.href, reader.version)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ReaderOfVersion) and self._key == other._key


def check_png(reader: ByteReader) -> None:
    """Refuse a damaged PNG file.

    Raises:
        SourceUnavailable: a checksum is wrong, pixels are missing, or it cannot be read.
        OSError: a local file cannot be read.
    """
    _check(_ReaderOfVersion(reader))


@lru_cache(maxsize=_MAX_CHECKED)
def _check(of_version: _ReaderOfVersion) -> None:
    reader = of_version.reader
    of_version.reader = None  # type: ignore[assignment]  # what is remembered keeps no file open
    try:
        _check_chunks(reader)
    except SourceUnavailable:
        raise
    except (ValueError, struct.error, KeyError, _IsalError) as error:
        raise SourceUnavailable.of_file("the file is damaged, or cannot be read as it is") from error


def _check_chunks(reader: ByteReader) -> None:
    offset, expected, size = 8, 0, 0
    inflater = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_ZLIB)
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", reader.pread(8, offset))
        if length > _MAX_CHUNK_BYTES:
            raise ValueError("a chunk is larger than any")
        body = reader.pread(length + 4, offset + 8)
        if len(body) < length + 4 or zlib.crc32(body[:length], zlib.crc32(kind)) != int.from_bytes(
            body[length:], "big"
        ):
            raise ValueError("a chunk is damaged")
        if kind == b"IHDR":
            expected = _size_of_pixels(body[:length])
        elif kind == b"IDAT":
            size += _inflated(inflater, body[:length], expected - size)
        offset += length + 12
    if size != expected or not inflater.eof:
        raise ValueError("pixels are missing")


def _inflated(inflater: igzip_lib.IgzipDecompressor, data: bytes, most: int) -> int:
    """Return how many bytes a part of the stream of pixels has.

    Raises:
        ValueError: there are more.
    """
    if _has_ended(inflater):
        if data:
            raise ValueError("there is more after the last pixel")
        return 0
    size = 0
    while True:
        size += len(inflater.decompress(data, _PART_BYTES))
        data = b""
        if size > most:
            raise ValueError("there are more pixels than the image has")
        if inflater.needs_input or _has_ended(inflater):
            return size


def _has_ended(inflater: igzip_lib.IgzipDecompressor) -> bool:
    return bool(inflater.eof)


def _size_of_pixels(head: bytes) -> int:
    """Return how many bytes the pixels have, with one for the filter of each row."""
    width, height, bits, colour, _, _, interlacing = _HEAD.unpack(head)
    parts = ((0, 0, 1, 1),) if not interlacing else _passes
    total = 0
    for left, top, across, down in parts:
        columns, rows = -(-max(0, width - left) // across), -(-max(0, height - top) // down)
        if columns and rows:
            total += rows * (1 + -(-columns * bits * _samples[colour] // 8))
    return total
