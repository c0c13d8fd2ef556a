"""Stores of registered downloads and of rendered files."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, Protocol, runtime_checkable

__all__ = [
    "Artifact",
    "ArtifactStore",
    "DownloadRecord",
    "DownloadStore",
    "Lease",
    "Leases",
    "NotVerified",
    "RemoteFile",
    "Usage",
    "UsageStore",
]


@dataclass(frozen=True, slots=True)
class DownloadRecord:
    """A registered download.

    Attributes:
        id: 32 random hexadecimal digits that cannot be guessed; the last part of the resource name.
        token: the secret that a reader must send with the id.
        request_id: the client's id of the request, with the tenant where there is one, or "".
        payload: the serialized request; opaque here.
        etag: of the plan when the download was registered.
        expire_time: with a time zone.
        shared: large parts of the request that other requests may contain too, such as a region. Each is
            stored once.
        tenant: that registered it; "" where the server knew no tenants.
        file_bytes: that its file is expected to have; 0 where none is kept.
    """

    id: str
    token: str
    request_id: str
    payload: bytes
    etag: str
    expire_time: datetime
    shared: tuple[bytes, ...] = ()
    tenant: str = ""
    file_bytes: int = 0


class DownloadStore(Protocol):
    """Stores registered downloads until they expire, across restarts. Safe to use from several threads."""

    def put(self, record: DownloadRecord, max_kept: int | None = None) -> DownloadRecord:
        """Store a record, and return the stored one.

        Where an unexpired record has the same non-empty ``request_id``, that record is returned
        unchanged and the new one is discarded.

        Args:
            record: the record.
            max_kept: that ``kept_bytes`` of its tenant may be with it; None for no limit. Records that are stored at
                the same moment may exceed it together.

        Raises:
            Overloaded: the store is full. A part of it is reserved for small records.
            QuotaExceeded: the tenant keeps too much.
        """
        ...

    def kept_bytes(self, tenant: str) -> int:
        """Return the sum of ``file_bytes`` of the records of a tenant; those of one etag count once."""
        ...

    def get(self, download_id: str) -> DownloadRecord | None:
        """Return the record; None where it does not exist or has expired."""
        ...

    def list(self, tenant: str, after: str, count: int) -> Sequence[DownloadRecord]:
        """Return the next records of a tenant in the order of their ids, without ``shared``.

        Args:
            tenant: of the records.
            after: an id of 32 hexadecimal digits, which need not exist; "" for the first records.
            count: the most that are returned; fewer mean that no more follow.
        """
        ...

    def delete(self, download_id: str) -> bool:
        """Remove a record, and return whether it was there. Its ``request_id`` begins anew."""
        ...

    def close(self) -> None:
        """Close open files. No other method is called afterwards."""
        ...


@runtime_checkable
class RemoteFile(Protocol):
    """A file on another machine, read by ranges. It holds no connection, so that it need not be closed."""

    async def read_range(self, offset: int, size: int) -> bytes:
        """Return bytes of the file.

        Args:
            offset: of the first byte.
            size: how many; the file has to hold them all.

        Raises:
            StorageUnavailable: they cannot be read now.
        """
        ...


class Artifact(Protocol):
    """A rendered file."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    @property
    def crc32c(self) -> int:
        """Of the whole file."""
        ...

    def open(self) -> BinaryIO | RemoteFile:
        """Open the file: one of this machine as such, so that the kernel can send it.

        Raises:
            FileNotFoundError: it was dropped meanwhile.
        """
        ...


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

    def address(self, etag: str, seconds: float) -> str:
        """Return an address that gives the file of an etag to anyone, or "" where there is none.

        Args:
            etag: of the file.
            seconds: within which a request has to be made.
        """
        ...

    def make(self, etag: str, write: Callable[[BinaryIO], None], headers: Mapping[str, str] | None = None) -> Artifact:
        """Make a new file with ``write``, and store it under ``etag``.

        ``write`` gets a file that is seekable, readable and writable. ``find`` returns it only after it is
        complete. Where ``write`` raises, the file is removed and the error is raised again.

        Args:
            etag: of the file.
            write: see above.
            headers: of HTTP, which whoever fetches the file by its ``address`` gets.

        Raises:
            DownloadConflict: the etag had other bytes before. An etag never stands for two contents.
        """
        ...

    def trim(self, newest: str) -> None:
        """Drop files, the least recently used first, until the others fit the limit of the store.

        This takes time with many or large files; a caller should not make a client wait for it.

        Args:
            newest: the etag of a file that is not dropped, even where it alone is larger than the limit.
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


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was acquired.

    Attributes:
        fence: is larger than those of all leases before.
        is_taken_over: whether another held it, who let its time end and did not release it.
    """

    fence: int
    is_taken_over: bool


class Leases(Protocol):
    """Says who does a work that several processes could do. Safe to use from several threads.

    Times are those of the store's clock, so that those of the processes may differ. All methods raise
    StorageUnavailable where the store cannot be reached.
    """

    def acquire(self, key: str, owner: str, seconds: float) -> Lease | None:
        """Take the lease of a key, if nobody holds it or the time of the last holder is over.

        Args:
            key: of the work.
            owner: who takes it, for the operator.
            seconds: until it ends, unless it is renewed.

        Returns:
            it; None where another holds it.
        """
        ...

    def renew(self, key: str, fence: int, seconds: float, progress: float = 0.0) -> bool:
        """Have a lease end some seconds from now. Return False where it is another's by now, or was released.

        Args:
            key: of the work.
            fence: of the lease.
            seconds: until it ends.
            progress: the part of the work that is done, from 0 to 1.
        """
        ...

    def progress(self, key: str) -> float:
        """Return the part of a work that its holder told of last, from 0 to 1; 0 where nobody holds the lease."""
        ...

    def release(self, key: str, fence: int) -> None:
        """End a lease. One that is another's by now stays."""
        ...

    def close(self) -> None:
        """Close open files. No other method is called afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a quota was taken.

    Attributes:
        tenant: whose.
        quota: its name, such as ``pixels_per_day``.
        day: of UTC.
        used: taken, with what servers have taken in advance.
    """

    tenant: str
    quota: str
    day: date
    used: int


class UsageStore(Protocol):
    """Counts what tenants take, for all servers together. Safe to use from several threads.

    All methods raise StorageUnavailable where the store cannot be reached.
    """

    def take(self, usage: Usage, limit: int) -> tuple[bool, int]:
        """Count more, if all of it is within a limit.

        Args:
            usage: whose and which; its ``used`` is what is added. A negative one gives back.
            limit: of what is used.

        Returns:
            whether it was counted, and what is used now.
        """
        ...

    def usages(self, day: date, tenant: str | None = None) -> Sequence[Usage]:
        """Return what was taken on a day, by one tenant or by all, in the order of their names."""
        ...

    def close(self) -> None:
        """Close open files. No other method is called afterwards."""
        ...
