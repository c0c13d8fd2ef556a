"""Who reads files, and what gRPC sends of them: chunks, of a size that depends on how many readers there are."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import google_crc32c
import numpy as np

from rasterwire.download import FairSlots
from rasterwire.server.call_record import note_sent
from rasterwire.server.open_files import Delivered, OpenFile
from rasterwire.server.peer import caller
from rasterwire.server.quotas import BYTES, NO_SHARE, Quotas
from rasterwire.spans import apart
from rasterwire.v1 import download_pb2

CHUNK = 1 << 20
"""Bytes of a chunk at most."""

_CHUNKS_BYTES = 16 << 20
"""That the chunks of all readers take, as long as they are not less than the least."""

_LEAST_CHUNK = 64 << 10
_READERS = 1000
"""By gRPC, and as many by HTTP, that anybody may have; as many again are kept, see ``FairSlots``."""

T = TypeVar("T")
Data = bytes | memoryview


class _Run(Protocol):
    """Runs something that blocks on files, without blocking the loop."""

    def __call__(self, function: Callable[[], T]) -> Coroutine[Any, Any, T]: ...


class Readers:
    """Deals files out in chunks to readers, up to a number of them at once."""

    def __init__(self, run: _Run, quotas: Quotas) -> None:
        self._run = run
        self.quotas = quotas
        self._room = FairSlots(_READERS)
        self._http_room = FairSlots(_READERS)

    @property
    def taken(self) -> int:
        """How many there are by gRPC."""
        return self._room.taken

    @contextmanager
    def http_place(self) -> Iterator[None]:
        """Take a place of the readers by HTTP for the block.

        Raises:
            Overloaded: there is none for the caller.
        """
        reader = caller()
        self._http_room.enter(reader)
        try:
            yield
        finally:
            self._http_room.leave(reader)

    async def chunks(
        self, opened: Delivered, offset: int, limit: int, make_piece: Callable[[download_pb2.DownloadChunk, Data], T]
    ) -> AsyncGenerator[T, None]:
        """Yield a part of a file in chunks; the first and the last carry the file's info.

        Args:
            opened: the file.
            offset: of the first byte.
            limit: bytes at most, or 0 for all.
            make_piece: makes what is yielded of a chunk and its data, and keeps no hold of it; called in any thread.

        Raises:
            Overloaded, QuotaExceeded: there are too many readers, or the caller may not have as many bytes.
        """
        end = opened.info.size_bytes if limit == 0 else min(opened.info.size_bytes, offset + limit)
        reader = caller()
        self._room.enter(reader)

        def piece(start: int, data: Data) -> tuple[T, int]:
            is_edge = start == offset or start + len(data) >= end or not data
            return make_piece(_message(opened, start, data, is_edge=is_edge), data), len(data)

        async def fetched(start: int, size: int) -> tuple[T, int]:
            if isinstance(opened, OpenFile):
                return await self._run(lambda: piece(start, opened.read(start, size)))
            data = await opened.fetch(start, size)  # no thread waits for another machine
            return await self._run(lambda: piece(start, data))

        def later(start: int) -> asyncio.Future[tuple[T, int]]:
            return asyncio.ensure_future(fetched(start, min(step, end - start)))

        def needed_end(start: int) -> int:
            # the last message has the checksum of the whole file
            return start + step if start + step < end else opened.info.size_bytes

        position, ahead, step, share = offset, None, CHUNK, NO_SHARE
        with apart("deliver"):
            try:
                share = await self.quotas.take(BYTES, end - offset)
                while True:
                    step = self._chunk_bytes()
                    available = await opened.reach(needed_end(position))
                    data = None if ahead else opened.read_now(position, min(step, end - position))
                    if data is None:
                        answer, size = await (ahead or later(position))
                    else:
                        answer, size = piece(position, data)
                    position += size
                    note_sent(size)
                    last = position >= end or not size
                    # where a disk is waited for, the next is read while this one is sent
                    ahead = later(position) if data is None and not last and available >= needed_end(position) else None
                    yield answer
                    if last:
                        return
            finally:
                self._room.leave(reader)
                share.give_back(end - position)
                if ahead:
                    await asyncio.gather(ahead, return_exceptions=True)  # the file may be closed only after it

    def _chunk_bytes(self) -> int:
        """Return how large a chunk is now: each reader holds two, also one that stalls."""
        return min(CHUNK, max(_LEAST_CHUNK, _CHUNKS_BYTES // max(1, self.taken)))


def _message(opened: Delivered, position: int, data: Data, *, is_edge: bool) -> download_pb2.DownloadChunk:
    """Return the message of a chunk, without its data."""
    checksum = google_crc32c.value(np.frombuffer(data, np.uint8)) if data else None
    return download_pb2.DownloadChunk(offset=position, crc32c=checksum, file=opened.info if is_edge else None)
