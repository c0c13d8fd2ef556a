"""What outlives a call: registered downloads and rendered files."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

__all__ = ["Artifact", "ArtifactStore", "DownloadRecord", "DownloadStore", "NotVerified"]


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """A registered download.

    Attributes:
        id: unguessable; the last part of its resource name.
        token: the secret to be shown with the id.
        request_id: of the client, or "".
        payload: the request as the server's front wrote it; opaque here.
        etag: of the plan at the time of registering.
        expire_time: with a time zone.
        shared: large parts of the request that others may have too, such as a region: each is kept once.
    """

    id: str
    token: str
    request_id: str
    payload: bytes
    etag: str
    expire_time: datetime
    shared: tuple[bytes, ...] = ()


class DownloadStore(Protocol):
    """Keeps registered downloads until they expire, over restarts. Safe to use from several threads."""

    def put(self, record: DownloadRecord) -> DownloadRecord:
        """Keep a record, and return the one that is kept.

        Where an unexpired record has the same non-empty ``request_id``, that one is returned
        unchanged and the new one is dropped.

        Raises:
            Overloaded: the store takes as many bytes as it may; some are kept for small records.
        """
        ...

    def get(self, download_id: str) -> DownloadRecord | None:
        """Return the record, or None where there is none or it expired."""
        ...

    def close(self) -> None:
        """Let go of what is open; nothing is called after it."""
        ...


@dataclass(frozen=True, slots=True)
class Artifact:
    """A rendered file.

    Attributes:
        path: for the server only.
        size: bytes.
        crc32c: of the whole file.
    """

    path: Path
    size: int
    crc32c: int


class NotVerified(Exception):
    """A file would have to be read first, which takes longer than the caller has."""


class ArtifactStore(Protocol):
    """Keeps rendered files.

    Safe to use from several threads.
    """

    def find(self, etag: str, reads_at_most: int | None = None) -> Artifact | None:
        """Return the file of an etag and mark it as used, or None.

        Its bytes are those that were written: where that is not known it is read first, and one that was
        damaged is dropped.

        Args:
            etag: of the file.
            reads_at_most: bytes that are read now; None reads any.

        Raises:
            NotVerified: it would have to read more, or ``stop_reading`` was called.
        """
        ...

    def stop_reading(self) -> None:
        """Let nobody wait for bytes that are held against their checksum any more."""
        ...

    def verify(self, goes_on: Callable[[], bool]) -> None:
        """Read files that were not read for long, and drop those that were damaged, while ``goes_on`` says so."""
        ...

    def make(self, etag: str, write: Callable[[BinaryIO], None]) -> Artifact:
        """Let ``write`` fill a new file, and keep it under ``etag``.

        The file is seekable, readable and writable. It is found only after it is complete;
        where ``write`` raises, nothing is left and the error goes on.

        Raises:
            DownloadConflict: the etag had other bytes before: it never stands for two files.
        """
        ...

    def trim(self, newest: Artifact) -> None:
        """Drop files, the least recently used first, until the others take no more than they may.

        Looking at all of them takes a while, and so does dropping large ones: nobody should wait for it.

        Args:
            newest: stays, even where it alone takes more.
        """
        ...

    def make_room(self, size: int) -> None:
        """See that the disk has room, dropping files if need be, the least recently used first.

        Args:
            size: bytes that will be written.

        Raises:
            DiskFull: there is not so much room, whatever is dropped.
        """
        ...

    def hold(self, etag: str) -> AbstractContextManager[None]:
        """Return a block in which this process does not drop the file of an etag."""
        ...
