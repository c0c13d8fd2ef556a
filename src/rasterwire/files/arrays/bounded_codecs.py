"""Decompression of chunks that gives no more bytes than a chunk may have, whatever its bytes claim.

A few kilobytes can be made to decompress to terabytes. Where the compressed bytes say how much they hold, that is
looked at before memory is taken; else decompression stops at the limit.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import zstandard
from numcodecs import blosc, lz4, zstd

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.inflating import Bytes, check_length, inflate, members

__all__ = ["COMPRESSORS", "name_of", "unpack"]

_MAX_DECODER_BYTES = 256 << 20
"""Memory of a decoder of LZMA, whose dictionary may be of any size."""

_BLOSC_HEADER = struct.Struct("<4xIII")
"""Of a chunk of Blosc: bytes that it holds, bytes of a block, and its own bytes."""


def name_of(codec: str) -> str:
    """Return the name of a codec without the prefix that those of version 3 may have."""
    return codec.removeprefix("numcodecs.")


def unpack(codec: str, configuration: Mapping[str, Any], data: Bytes, limit: int) -> bytes:
    """Decompress a chunk.

    Args:
        codec: one of ``COMPRESSORS``.
        configuration: of the codec, as the metadata give it.
        data: as stored.
        limit: bytes that may come out.

    Raises:
        SourceUnavailable: there are more.
        Exception: of the library of the codec; the data are damaged.
    """
    return COMPRESSORS[codec](data, configuration, limit)


def _gzip(data: Bytes, _configuration: Mapping[str, Any], limit: int) -> bytes:
    return inflate(data, limit, 16 + zlib.MAX_WBITS)


def _zlib(data: Bytes, _configuration: Mapping[str, Any], limit: int) -> bytes:
    return inflate(data, limit)


def _bz2(data: Bytes, _configuration: Mapping[str, Any], limit: int) -> bytes:
    return members(data, limit, bz2.BZ2Decompressor)


def _lzma(data: Bytes, configuration: Mapping[str, Any], limit: int) -> bytes:
    form = int(configuration.get("format", lzma.FORMAT_XZ))
    if form == lzma.FORMAT_RAW:
        filters = configuration.get("filters")
        if not isinstance(filters, list) or any(int(each.get("dict_size", 0)) > _MAX_DECODER_BYTES for each in filters):
            raise SourceUnavailable.of_file("a chunk of it needs too much memory to be decompressed; store it again")
        return members(data, limit, lambda: lzma.LZMADecompressor(form, filters=filters))
    return members(data, limit, lambda: lzma.LZMADecompressor(form, _MAX_DECODER_BYTES))


def _zstd(data: Bytes, _configuration: Mapping[str, Any], limit: int) -> bytes:
    size = zstandard.get_frame_parameters(data).content_size
    if size != zstandard.CONTENTSIZE_UNKNOWN:
        check_length(size, limit)
        return bytes(zstd.decompress(data))
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_DECODER_BYTES)
    with decompressor.stream_reader(data, read_across_frames=False) as reader:
        content: bytes = reader.read(limit + 1)
    check_length(len(content), limit)
    return content


def _blosc(data: Bytes, _configuration: Mapping[str, Any], limit: int) -> bytes:
    size, _, stored = _BLOSC_HEADER.unpack_from(data)
    check_length(size, limit)
    if stored > len(data):  # the library would read behind the end
        raise ValueError("the chunk ends too early")
    return bytes(blosc.decompress(data))


def _lz4(data: Bytes, _configuration: Mapping[str, Any], limit: int) -> bytes:
    check_length(struct.unpack_from("<I", data)[0], limit)
    return bytes(lz4.decompress(data))


COMPRESSORS: Mapping[str, Callable[[Bytes, Mapping[str, Any], int], bytes]] = {
    "gzip": _gzip,
    "zlib": _zlib,
    "bz2": _bz2,
    "lzma": _lzma,
    "zstd": _zstd,
    "blosc": _blosc,
    "lz4": _lz4,
}
"""By the names of ``name_of``."""
