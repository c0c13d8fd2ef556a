"""Files on other machines for HDF5, which must not wait for a network.

The library holds its lock while it reads. Where it waited for the thread of the requests, and that thread had to free
an object of the library, which needs the lock, both would wait for ever. So the library is only given bytes that are
here already: a read of others fails, they are fetched without the lock, and the call is made again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import ByteReader
from rasterwire.files.seekable_file import SeekableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["KnownBytes"]

T = TypeVar("T")

_BLOCK = 256 << 10
"""Bytes that are fetched together."""

_MAX_KEPT = 128
"""Blocks that are kept after a call."""

_MAX_CALLS = 10_000
"""Of one function; each fetches at least a block."""


class KnownBytes(SeekableFile):
    """A file whose blocks are fetched when a call has failed for want of them."""

    def __init__(self, reader: ByteReader) -> None:
        super().__init__(reader.size)
        self._reader = reader
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._absent: list[int] = []
        self._turn = threading.RLock()

    def call(self, function: Callable[[], T]) -> T:
        """Return what a function returns that reads this file; it is called until all it reads is here.

        Other threads wait for their turn meanwhile, and hold no lock of the library.

        Raises:
            SourceUnavailable: bytes cannot be fetched.
        """
        with self._turn:
            return self._call(function)

    def _call(self, function: Callable[[], T]) -> T:
        for _ in range(_MAX_CALLS):
            self._absent = []
            try:
                result = function()
            except Exception:
                if not self._absent:
                    raise
            else:
                while len(self._blocks) > _MAX_KEPT:
                    self._blocks.popitem(last=False)
                return result
            self._fetch(self._absent)
        raise SourceUnavailable.of_file("it is in too many parts to be read from another machine; store it again")

    def _fetch(self, blocks: list[int]) -> None:
        for first, last in _runs(blocks):
            data = self._reader.pread((last - first + 1) * _BLOCK, first * _BLOCK)
            for block in range(first, last + 1):
                start = (block - first) * _BLOCK
                self._blocks[block] = data[start : start + _BLOCK]

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read bytes that are here.

        Raises:
            OSError: some are not.
        """
        view = memoryview(buffer).cast("B")
        end = min(self._position + len(view), self.size)
        if end <= self._position:
            return 0
        first, last = self._position // _BLOCK, (end - 1) // _BLOCK
        self._absent += [block for block in range(first, last + 1) if block not in self._blocks]
        if self._absent:
            raise OSError("not fetched yet")
        joined = b"".join(self._blocks[block] for block in range(first, last + 1))
        for block in range(first, last + 1):
            self._blocks.move_to_end(block)
        view[: end - self._position] = joined[self._position - first * _BLOCK : end - first * _BLOCK]
        count = end - self._position
        self._position = end
        return count


def _runs(blocks: list[int]) -> list[tuple[int, int]]:
    """Return the first and the last of each run of neighbours."""
    runs: list[tuple[int, int]] = []
    for block in sorted(set(blocks)):
        if runs and runs[-1][1] == block - 1:
            runs[-1] = runs[-1][0], block
        else:
            runs.append((block, block))
    return runs
