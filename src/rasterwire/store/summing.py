"""Files that know their checksum as soon as they are written."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import google_crc32c
import numpy as np

from rasterwire.checksum import shifted
from rasterwire.store.private import private_file

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_WRITTEN = 1 << 18
"""Bytes at a time: the processor still has them when their checksum is taken."""

_ONES = 0xFFFFFFFF


class SummingFile(io.FileIO):
    """A new file of the server alone, whose checksum is taken while it is written, in any order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+", opener=private_file)
        self._size = 0
        self._crc = 0
        self._changes: list[tuple[int, int]] = []

    def write(self, data: "ReadableBuffer") -> int:
        """Write the first of it, at most up to the end of what is there if that comes before."""
        if not memoryview(data):
            return 0
        at = self.tell()
        there = self._size - at
        if there < 0:
            self._crc = shifted(self._crc ^ _ONES, -there) ^ _ONES
            self._size = at
        count = min(_WRITTEN, there) if there > 0 else _WRITTEN
        part = np.frombuffer(memoryview(data)[:count], np.uint8)  # whose checksum is taken without a copy
        before = os.pread(self.fileno(), part.size, at) if there > 0 else None
        written = super().write(part.data)
        part = part[:written]
        if before is None:
            self._crc = google_crc32c.extend(self._crc, part)
            self._size += written
        else:
            change = google_crc32c.value(before[:written]) ^ google_crc32c.value(part)
            self._changes.append((at + written, change))
        return written

    def truncate(self, size: int | None = None, /) -> int:
        """Refuse: no file of ours gets shorter."""
        raise io.UnsupportedOperation(f"truncate to {size}")

    def told(self) -> tuple[int, int]:
        """Return size and crc32c."""
        # The crc of equally many bytes is linear but for a constant: what differs at one place goes over
        # all that follows it as if that were zeros.
        at, change = 0, 0
        for end, one in sorted(self._changes):
            change = shifted(change, end - at) ^ one
            at = end
        return self._size, self._crc ^ shifted(change, self._size - at)
