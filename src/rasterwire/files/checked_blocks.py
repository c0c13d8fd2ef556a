"""Checksums of the blocks of TIFF files that GDAL reads: libtiff stops before them, and gives damaged pixels.

A block of deflate ends with the Adler-32 of its content, and one of zstd may end with a checksum. libtiff decodes as
many bytes as a block has pixels, and does not look at what follows. So each block is decoded here once for a version of
its file, before GDAL reads it.
"""

import threading
from collections import OrderedDict

import imagecodecs
import numpy as np
from isal import igzip_lib

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import ByteReader
from rasterwire.files.tiff_directories import TooManyDirectories, directories_of

__all__ = ["CheckedBlocks", "checked_blocks"]

_MAX_FILES = 128
"""Files whose blocks that were checked are remembered."""

_MAX_BLOCK_BYTES = 256 << 20
"""Of a block before and after it is decoded; files with larger ones are refused by their headers."""

_PART_BYTES = 1 << 20
"""That are decoded at a time: only the checksum is of interest."""

_DEFLATE = {8, 32946}
_ZSTD = {50000}

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_LONGEST_HEAD = 18
"""Bytes of the head of a zstd frame."""

_HAS_CHECKSUM = 4
"""The bit in the fifth byte of a zstd frame (RFC 8878, section 3.1.1.1.1)."""

_lock = threading.Lock()
_files: OrderedDict[tuple[str, str], "CheckedBlocks"] = OrderedDict()


class CheckedBlocks:
    """The compressed blocks of a file: of the full resolution, overviews and masks. Threads may share it.

    Attributes:
        is_empty: whether no block has a checksum.
    """

    def __init__(self, reader: ByteReader) -> None:
        try:
            directories = directories_of(reader).chain
        except TooManyDirectories:
            directories = []
        parts = [
            (directory.blocks(reader), directory.compression(reader))
            for directory in directories
            if directory.compression(reader) in _DEFLATE | _ZSTD
        ]
        offsets = np.concatenate([np.empty(0, np.int64), *(offsets for (offsets, _), _ in parts)])
        sizes = np.concatenate([np.empty(0, np.int64), *(sizes for (_, sizes), _ in parts)])
        are_zstd = np.repeat([codec in _ZSTD for _, codec in parts], [len(part) for (part, _), _ in parts])
        order = np.argsort(offsets, kind="stable")
        self._offsets, self._sizes, self._are_zstd = offsets[order], sizes[order], are_zstd[order]
        self._sound = np.zeros(len(order), bool)
        self.is_empty = not len(order)

    def check(self, reader: ByteReader, position: int) -> None:
        """Check the block in which a read begins, unless it was checked before.

        Args:
            reader: of the file.
            position: of the first byte that is read.

        Raises:
            SourceUnavailable: the block is damaged, or cannot be read.
            OSError: a local file cannot be read.
        """
        number = int(np.searchsorted(self._offsets, position, side="right")) - 1
        if number < 0 or self._sound[number]:
            return
        offset, size = int(self._offsets[number]), int(self._sizes[number])
        if position >= offset + size:
            return
        stored = reader.pread(min(size, _MAX_BLOCK_BYTES), offset)
        try:
            _check_zstd(stored) if self._are_zstd[number] else _check_deflate(stored)
        except Exception as error:  # the errors of codecs share no root
            raise SourceUnavailable.of_file("the file is damaged, or cannot be read as it is") from error
        self._sound[number] = True


def _check_deflate(stored: bytes) -> None:
    inflater = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_ZLIB)
    data, size = stored, 0
    while not inflater.eof:
        size += len(inflater.decompress(data, _PART_BYTES))
        data = b""
        if size > _MAX_BLOCK_BYTES or (inflater.needs_input and not inflater.eof):
            raise ValueError("the block ends before its checksum, or is larger than any")


def _check_zstd(stored: bytes) -> None:
    if stored[:4] != _ZSTD_MAGIC or len(stored) < _LONGEST_HEAD or not stored[4] & _HAS_CHECKSUM:
        return
    size = _content_size(stored)
    if size > _MAX_BLOCK_BYTES:
        raise ValueError("the block is larger than any")
    imagecodecs.zstd_decode(stored, out=size)


def _content_size(stored: bytes) -> int:
    """Return the size that a zstd frame tells of its content; of one that tells none, that of the largest block."""
    flags = stored[4]
    is_single = flags >> 5 & 1
    count = (is_single, 2, 4, 8)[flags >> 6]
    if not count:
        return _MAX_BLOCK_BYTES
    start = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(stored[start : start + count], "little") + (256 if count == 2 else 0)


def checked_blocks(reader: ByteReader) -> CheckedBlocks:
    """Return the blocks of a TIFF file, with what is known of them from earlier reads.

    Raises:
        SourceUnavailable: it cannot be read.
        OSError: a local file cannot be read.
    """
    key = reader.href, reader.version
    with _lock:
        blocks = _files.get(key)
        if blocks is not None:
            _files.move_to_end(key)
            return blocks
    blocks = CheckedBlocks(reader)
    with _lock:
        _files[key] = blocks
        while len(_files) > _MAX_FILES:
            _files.popitem(last=False)
    return blocks
