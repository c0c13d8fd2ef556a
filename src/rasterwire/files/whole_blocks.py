"""Small parts of remote files, such as headers, read in whole blocks that are kept for a while."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

from rasterwire.files.sources import HEAD_BYTES, Span

__all__ = ["BlocksOfFile", "WholeBlocks"]

_BLOCK_BYTES = HEAD_BYTES

_MAX_AHEAD = 16
"""Blocks that are read with a missing one where a file is read from front to back."""

ReadSpans = Callable[[Sequence[Span]], list[bytes]]


class WholeBlocks:
    """Blocks of all files up to a number of bytes; the least recently used are dropped first. Threads may share it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_blocks = max_bytes // _BLOCK_BYTES
        self._lock = threading.Lock()
        self._blocks: OrderedDict[tuple[Hashable, int], bytes] = OrderedDict()

    def of_file(self, file: Hashable, size: int, head: bytes) -> "BlocksOfFile":
        """Return the blocks of a file.

        Args:
            file: names one version of a file.
            size: of the file, in bytes.
            head: its first bytes, if they are known.
        """
        if head and len(head) >= min(size, _BLOCK_BYTES):
            self.put(file, 0, head[:_BLOCK_BYTES])
        return BlocksOfFile(self, file, size)

    def get(self, file: Hashable, number: int) -> bytes | None:
        """Return a block, None where it is not kept."""
        with self._lock:
            block = self._blocks.get((file, number))
            if block is not None:
                self._blocks.move_to_end((file, number))
            return block

    def put(self, file: Hashable, number: int, block: bytes) -> None:
        """Keep a block."""
        with self._lock:
            self._blocks[file, number] = block
            self._blocks.move_to_end((file, number))
            while len(self._blocks) > self._max_blocks:
                self._blocks.popitem(last=False)


class BlocksOfFile:
    """Blocks of one version of a file. Threads may share it."""

    def __init__(self, blocks: WholeBlocks, file: Hashable, size: int) -> None:
        self._blocks, self._file, self._size = blocks, file, size
        self._next = self._ahead = 0

    def read(self, count: int, offset: int, read: ReadSpans) -> bytes:
        """Return bytes; fewer where the file ends.

        Args:
            count: of the bytes.
            offset: of the first.
            read: returns all bytes of spans that lie in the file.

        Raises:
            SourceUnavailable: of ``read``.
        """
        end = min(offset + count, self._size)
        if offset >= end:
            return b""
        first, last = offset // _BLOCK_BYTES, (end - 1) // _BLOCK_BYTES
        if first == last:
            block = self._blocks.get(self._file, first)
            if block is not None:
                return block[offset - first * _BLOCK_BYTES : end - first * _BLOCK_BYTES]
        blocks = {number: self._blocks.get(self._file, number) for number in range(first, last + 1)}
        missing = [number for number, block in blocks.items() if block is None]
        if missing:
            blocks |= self._fetched(missing, read)
        begin = offset - first * _BLOCK_BYTES
        return b"".join(blocks[number] or b"" for number in range(first, last + 1))[begin : begin + end - offset]

    def load(self, spans: Sequence[Span], read: ReadSpans) -> None:
        """Read the blocks of spans that are missing, in one call; see ``read``."""
        numbers = {
            number
            for offset, count in spans
            for number in range(offset // _BLOCK_BYTES, -(-min(offset + count, self._size) // _BLOCK_BYTES))
        }
        missing = sorted(number for number in numbers if self._blocks.get(self._file, number) is None)
        if missing:
            self._fetched(missing, read)

    def _fetched(self, missing: list[int], read: ReadSpans) -> dict[int, bytes]:
        """Read missing blocks, and some more after them where those before them were read last."""
        self._ahead = min(max(1, 2 * self._ahead), _MAX_AHEAD) if missing[0] == self._next else 0
        last = (self._size - 1) // _BLOCK_BYTES
        numbers = [*missing, *range(missing[-1] + 1, min(missing[-1] + self._ahead, last) + 1)]
        self._next = numbers[-1] + 1
        blocks_to_read = set(numbers)
        starts = [number for number in numbers if number - 1 not in blocks_to_read]
        ends = [number + 1 for number in numbers if number + 1 not in blocks_to_read]
        spans = [
            (start * _BLOCK_BYTES, min(end * _BLOCK_BYTES, self._size) - start * _BLOCK_BYTES)
            for start, end in zip(starts, ends, strict=True)
        ]
        fetched: dict[int, bytes] = {}
        for start, part in zip(starts, read(spans), strict=True):
            for place in range(0, len(part), _BLOCK_BYTES):
                number = start + place // _BLOCK_BYTES
                fetched[number] = part[place : place + _BLOCK_BYTES]
                self._blocks.put(self._file, number, fetched[number])
        return fetched
