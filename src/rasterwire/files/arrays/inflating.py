"""Decompression that stops where more bytes come out than may."""

import zlib
from collections.abc import Callable
from typing import Any

from rasterwire.errors import SourceUnavailable

__all__ = ["Bytes", "check_length", "inflate", "members", "most_bytes"]

_MAX_MEMBERS = 1024
"""Parts of compressed data, each of which is decompressed by itself."""

Bytes = bytes | bytearray | memoryview


def most_bytes(count: int) -> int:
    """Return how many bytes may come out of one codec of several, where the chunk has so many in the end.

    What others have still to decode may be longer: it has checksums, or was compressed in vain.
    """
    return count + count // 8 + (64 << 10)


def check_length(count: int, limit: int) -> None:
    """Refuse a chunk that holds more bytes than it may.

    Raises:
        SourceUnavailable: it does.
    """
    if count > limit:
        raise SourceUnavailable.of_file(
            "a chunk of it decompresses to more bytes than its metadata say; store it again"
        )


def inflate(data: Bytes, limit: int, wbits: int = zlib.MAX_WBITS) -> bytes:
    """Decompress a stream of deflate.

    Args:
        data: as stored.
        limit: bytes that may come out.
        wbits: that of zlib, which chooses what is around the stream.

    Raises:
        SourceUnavailable: there are more bytes.
        zlib.error: the data are damaged.
        ValueError: they end too early.
    """
    return members(data, limit, lambda: _Inflater(wbits))


class _Inflater:
    """zlib with the interface of the other decompressors."""

    def __init__(self, wbits: int) -> None:
        self._own = zlib.decompressobj(wbits)
        self.decompress = self._own.decompress

    @property
    def eof(self) -> bool:
        return self._own.eof

    @property
    def unused_data(self) -> bytes:
        return self._own.unused_data


def members(data: Bytes, limit: int, make: Callable[[], Any]) -> bytes:
    """Return the content of all parts of compressed data, one after another; zeros behind the last one are padding.

    Args:
        data: as stored.
        limit: bytes that may come out.
        make: returns a decompressor of one part, like those of ``bz2`` and ``lzma``.

    Raises:
        SourceUnavailable: there are more bytes, or very many parts.
        ValueError: the last part ends too early.
    """
    parts: list[bytes] = []
    left = limit
    for _ in range(_MAX_MEMBERS):
        decompressor = make()
        part = decompressor.decompress(data, left + 1)
        check_length(len(part), left)
        if not decompressor.eof:
            raise ValueError("the stream ends too early")
        parts.append(part)
        left -= len(part)
        data = decompressor.unused_data
        if not bytes(data).strip(b"\0"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
    raise SourceUnavailable.of_file(f"a chunk of it has more than {_MAX_MEMBERS} parts; store it again")
