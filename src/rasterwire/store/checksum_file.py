"""Files whose checksum is computed while they are written."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import google_crc32c
import numpy as np

from rasterwire.checksum import shifted
from rasterwire.store.private_files import private_file

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MAX_WRITE = 1 << 18
"""Bytes of one write. They are still in the processor's cache when the checksum is computed."""

_ONES = 0xFFFFFFFF


class ChecksumFile(io.FileIO):
    """A new private file whose checksum is computed while it is written. Writes may be in any order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+", opener=private_file)
        self._size = 0
        self._crc = 0
        self._changes: list[tuple[int, int]] = []

    def write(self, data: "ReadableBuffer") -> int:
        """Write the first bytes of ``data`` and return how many.

        A write that starts before the present end of the file ends there at the latest.
        """
        if not memoryview(data):
            return 0
        offset = self.tell()
        overlap = self._size - offset
        if overlap < 0:
            self._crc = shifted(self._crc ^ _ONES, -overlap) ^ _ONES
            self._size = offset
        limit = min(_MAX_WRITE, overlap) if overlap > 0 else _MAX_WRITE
        part = np.frombuffer(memoryview(data)[:limit], np.uint8)  # google_crc32c takes an array without a copy
        old = os.pread(self.fileno(), part.size, offset) if overlap > 0 else None
        count = super().write(part.data)
        part = part[:count]
        if old is None:
            self._crc = google_crc32c.extend(self._crc, part)
            self._size += count
        else:
            change = google_crc32c.value(old[:count]) ^ google_crc32c.value(part)
            self._changes.append((offset + count, change))
        return count

    def truncate(self, size: int | None = None, /) -> int:
        """Raise UnsupportedOperation: the checksum of a shortened file is not known."""
        raise io.UnsupportedOperation(f"truncate to {size}")

    def size_and_crc(self) -> tuple[int, int]:
        """Return size in bytes and crc32c."""
        # The crc of a fixed number of bytes is linear but for a constant: the effect of a change on the whole
        # crc is that of the change followed by zeros.
        offset, total = 0, 0
        for end, change in sorted(self._changes):
            total = shifted(total, end - offset) ^ change
            offset = end
        return self._size, self._crc ^ shifted(total, self._size - offset)
