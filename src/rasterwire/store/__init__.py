"""Stores of registered downloads and of rendered files."""

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
        id: a random text that cannot be guessed; the last part of the resource name.
        token: the secret that a reader must send with the id.
        request_id: the client's id of the request, with the tenant where there is one, or "".
        payload: the serialized request; opaque here.
        etag: of the plan when the download was registered.
        expire_time: with a time zone.
        shared: large parts of the request that other requests may contain too, such as a region. Each is
            stored once.
        tenant: that registered it; "" where the server knew no tenants.
    """

    id: str
    token: str
    request_id: str
    payload: bytes
    etag: str
    expire_time: datetime
    shared: tuple[bytes, ...] = ()
    tenant: str = ""


class DownloadStore(Protocol):
    """Stores registered downloads until they expire, across restarts. Safe to use from several threads."""

    def put(self, record: DownloadRecord) -> DownloadRecord:
        """Store a record, and return the stored one.

        Where an unexpired record has the same non-empty ``request_id``, that record is returned
        unchanged and the new one is discarded.

        Raises:
            Overloaded: the store is full. A part of it is reserved for small records.
        """
        ...

    def get(self, download_id: str) -> DownloadRecord | None:
        """Return the record; None where it does not exist or has expired."""
        ...

    def close(self) -> None:
        """Close open files. No other method is called afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Artifact:
    """A rendered file.

    Attributes:
        path: of the file; for the server only.
        size: in bytes.
        crc32c: of the whole file.
    """

    path: Path
    size: int
    crc32c: int


class NotVerified(Exception):
    """The file is not verified yet, and the caller does not wait for that."""


class ArtifactStore(Protocol):
    """Stores rendered files. Safe to use from several threads."""

    def find(self, etag: str, max_read_bytes: int | None = None) -> Artifact | None:
        """Return the file of an etag and mark it as used, or None.

        A file that this process did not verify yet is read first and compared with its checksum. A damaged
        file is dropped.

        Args:
            etag: of the file.
            max_read_bytes: size of the largest file that is read now; None for no limit.

        Raises:
            NotVerified: the file is larger than that, or ``stop_reading`` was called.
        """
        ...

    def stop_reading(self) -> None:
        """End all verification of files, so that no caller waits for it."""
        ...

    def verify(self, may_continue: Callable[[], bool]) -> None:
        """Read files that were not read for a long time, and drop damaged ones, while ``may_continue()`` is true."""
        ...

    def make(self, etag: str, write: Callable[[BinaryIO], None]) -> Artifact:
        """Make a new file with ``write``, and store it under ``etag``.

        ``write`` gets a file that is seekable, readable and writable. ``find`` returns it only after it is
        complete. Where ``write`` raises, the file is removed and the error is raised again.

        Raises:
            DownloadConflict: the etag had other bytes before. An etag never stands for two contents.
        """
        ...

    def trim(self, newest: Artifact) -> None:
        """Drop files, the least recently used first, until the others fit the limit of the store.

        This takes time with many or large files; a caller should not make a client wait for it.

        Args:
            newest: a file that is not dropped, even where it alone is larger than the limit.
        """
        ...

    def make_room(self, size: int) -> None:
        """Drop files, the least recently used first, until the disk has enough free space.

        Args:
            size: number of bytes that will be written.

        Raises:
            DiskFull: the space does not suffice after all files were dropped that may be.
        """
        ...

    def hold(self, etag: str) -> AbstractContextManager[None]:
        """Return a context in which this process does not drop the file of an etag."""
        ...
