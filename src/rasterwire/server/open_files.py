"""Files opened to be sent: finished ones, and those of which a part is there."""

import asyncio
import io
import os
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import BinaryIO

from rasterwire.download import Registered, Render
from rasterwire.download.growth import Growth
from rasterwire.store import Artifact, RemoteFile
from rasterwire.v1 import download_pb2

_AT_ONCE: int | None = getattr(os, "RWF_NOWAIT", None)  # of Linux


class _Read(threading.local):
    """What a thread read last: one buffer for all readers, who are many and may be slow."""

    def __init__(self) -> None:
        self.buffer = bytearray()


_read = _Read()


@dataclass(slots=True)
class OpenFile:
    """A finished file: it can be read even after the cache dropped it.

    Attributes:
        file: to be read by offset, since others may share its position; closed by the receiver.
        info: about the file.
    """

    file: BinaryIO
    info: download_pb2.FileInfo

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    @property
    def crc32c(self) -> int | None:
        """Of the whole file, or None where it is not known yet."""
        return self.info.crc32c

    async def reach(self, end: int) -> int:  # noqa: ARG002  of what is still written it matters
        """Wait until bytes can be read up to an offset; return up to which they can, at least ``end``."""
        return self.info.size_bytes

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file; fewer where it ends."""
        return os.pread(self.file.fileno(), size, offset)

    async def fetch(self, offset: int, size: int) -> bytes:
        """Return what ``read`` would, without blocking the loop."""
        return await asyncio.get_running_loop().run_in_executor(None, self.read, offset, size)

    def read_now(self, offset: int, size: int) -> memoryview | None:
        """Return what ``read`` would, or None where that might wait for a disk.

        What is returned is good until the next call of this thread, for any file.
        """
        if isinstance(self.file, io.BytesIO):
            return memoryview(self.file.getvalue())[offset : offset + size]
        if _AT_ONCE is None:
            return None
        if len(_read.buffer) < size:
            _read.buffer = bytearray(size)
        part = memoryview(_read.buffer)[:size]
        try:
            came = os.preadv(self.file.fileno(), [part], offset, _AT_ONCE)
        except OSError:  # it is not in memory, or the file system cannot tell
            return None
        return part if came == size else None


@dataclass(slots=True)
class GrowingFile(OpenFile):
    """A file that is being written; its info has the checksum of the whole only at the end.

    Attributes:
        growth: of the file.
        result: the finished file.
    """

    growth: Growth = field(kw_only=True)
    result: "Future[Artifact]" = field(kw_only=True)

    @property
    def crc32c(self) -> int | None:
        """See ``OpenFile.crc32c``."""
        return self.result.result().crc32c if self.result.done() and self.result.exception() is None else None

    async def reach(self, end: int) -> int:
        """See ``OpenFile.reach``; at the end of the file its info is complete.

        Raises:
            DownloadError: of the render.
        """
        if end < self.info.size_bytes:
            await asyncio.wrap_future(self.growth.reached(end))
            if self.growth.written >= end:
                return min(self.growth.written, self.info.size_bytes - 1)  # the end comes with the checksum
        # shielded: a reader that leaves must not cancel what others wait for
        artifact = await asyncio.shield(asyncio.wrap_future(self.result))
        self.info.crc32c = artifact.crc32c
        return self.info.size_bytes


@dataclass(frozen=True, slots=True)
class ElsewhereFile:
    """A finished file on another machine; its methods are those of ``OpenFile``.

    Attributes:
        file: to be read by ranges.
        info: about the file.
    """

    file: RemoteFile
    info: download_pb2.FileInfo

    def close(self) -> None:
        """Do nothing: no connection is held."""

    @property
    def crc32c(self) -> int | None:
        """See ``OpenFile.crc32c``."""
        return self.info.crc32c

    async def reach(self, end: int) -> int:  # noqa: ARG002
        """See ``OpenFile.reach``."""
        return self.info.size_bytes

    async def fetch(self, offset: int, size: int) -> bytes:
        """See ``OpenFile.fetch``.

        Raises:
            StorageUnavailable: the bytes cannot be read now.
        """
        return await self.file.read_range(offset, min(size, self.info.size_bytes - offset))

    def read_now(self, offset: int, size: int) -> memoryview | None:  # noqa: ARG002
        """Return None: another machine is always waited for."""
        return None


Delivered = OpenFile | ElsewhereFile
"""A file that is sent to a client."""


def growing_file(download: Registered, render: Render) -> GrowingFile | None:
    """Return the file of a render that goes on, where a part of it can be read."""
    growth = render.growth
    file = None if growth is None else growth.open()
    if growth is None or file is None:
        return None
    info = file_info(download.filename, download.mime_type, download.etag, growth.size, 0)
    return GrowingFile(file, info, growth=growth, result=render.result)


def file_info(filename: str, mime_type: str, etag: str, size: int, crc32c: int) -> download_pb2.FileInfo:
    """Return what clients are told of a finished file."""
    return download_pb2.FileInfo(filename=filename, mime_type=mime_type, size_bytes=size, crc32c=crc32c, etag=etag)
