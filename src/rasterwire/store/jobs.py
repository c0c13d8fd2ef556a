"""Exports as rows of a store: what is asked for, how far it is, and which parts are done."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

__all__ = ["ENDED", "ExportRecord", "ExportState", "FileStanding", "JobStore", "PartRecord", "Speed", "digest_of"]


class ExportState(StrEnum):
    """How far an export is; the names are those of the schema."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


ENDED = frozenset({ExportState.SUCCEEDED, ExportState.FAILED, ExportState.CANCELLED})
"""States that nothing follows."""


def digest_of(payload: bytes) -> bytes:
    """Return the SHA-256 of a payload."""
    return hashlib.sha256(payload).digest()


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """An export. Times are those of the store's clock.

    Attributes:
        id: 32 hexadecimal digits; later exports have greater ids.
        tenant: whose it is; "" where the server knew no tenants.
        request_id: the client's id of the request, or "".
        payload: the serialized request; opaque here. b"" but where the export was claimed.
        destination: the name of one of the settings.
        prefix: of the names of all files there.
        description: what it is for, as the client says.
        etag: of the plan when it was asked for.
        pixels: values of all bands.
        source_bytes: see ``RenderPlan``.
        parts_total: into which the work is divided.
        priority: more of it is begun first, of those of its tenant.
        state: how far it is.
        attempt: how often it was begun; the number is the fence of who works at it.
        parts_done: of the total.
        bytes_done: that are written.
        failure: JSON of why it failed, or "". One that runs and has failed is being removed.
        create_time, update_time: when it was asked for, and when it changed last.
        start_time, end_time: when it was begun first, and when it ended; None before.
        seconds_left: an estimate by what this attempt has done so far; None where it has done nothing.
        digest: of the payload; kept after the end, to compare a repeated request with.
    """

    id: str
    tenant: str
    request_id: str
    payload: bytes
    destination: str
    prefix: str
    description: str
    etag: str
    pixels: int
    source_bytes: int
    parts_total: int
    priority: int
    state: ExportState = ExportState.PENDING
    attempt: int = 0
    parts_done: int = 0
    bytes_done: int = 0
    failure: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    seconds_left: float | None = None
    digest: bytes = b""


class FileStanding(StrEnum):
    """Whether the file of a part is there. One of its name that the export has not stored is another's."""

    MISSING = "MISSING"
    EXPECTED = "EXPECTED"
    STORED = "STORED"


@dataclass(frozen=True, slots=True)
class PartRecord:
    """A part of an export.

    Attributes:
        number: from 0; those after the last are of files that stand beside the pixels.
        key: of the file that it is, or is in.
        upload: the id of an upload in parts that was begun for it, or "".
        etag: that the destination gave it, or "".
        size: in bytes; 0 before it is done.
        crc32c: of these.
        summary: what the file's header needs to know of it; opaque here.
        attempt: that did it.
        file: whether its file is there. EXPECTED is said before anything is stored: the file is the export's if it has
            the size and the CRC32C that follow.
        file_size, file_crc32c: of a file that is expected.
    """

    number: int
    key: str
    upload: str = ""
    etag: str = ""
    size: int = 0
    crc32c: int = 0
    summary: bytes = b""
    attempt: int = 0
    file: FileStanding = FileStanding.STORED
    file_size: int = 0
    file_crc32c: int = 0

    @property
    def is_done(self) -> bool:
        """Whether it is written."""
        return self.size > 0


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast exports were that succeeded lately.

    Attributes:
        pixels: values of all bands.
        seconds: that they took in all, from their beginning to their end.
    """

    pixels: int
    seconds: float

    def seconds_for(self, pixels: int) -> float | None:
        """Return how long as many pixels take; None where nothing was measured."""
        return pixels * self.seconds / self.pixels if self.pixels and self.seconds > 0 else None


class JobStore(Protocol):
    """Stores exports, across restarts. Safe to use from several threads and processes.

    Who works at an export has its attempt as a fence: once another one has claimed it, nothing that the first one says
    of it counts. All methods raise StorageUnavailable where the store cannot be reached.
    """

    def put(self, record: ExportRecord, most: int | None = None) -> ExportRecord:
        """Store an export that waits, and return the stored one.

        Where the tenant has one with the same non-empty ``request_id``, that one is returned unchanged.

        Args:
            record: the export; its state, numbers and times are set here.
            most: exports of its tenant that may not have ended, with it; None for no limit.

        Raises:
            QuotaExceeded: the tenant has as many.
            Overloaded: the tenant has as many as the store has room for still, or more.
        """
        ...

    def get(self, export_id: str) -> ExportRecord | None:
        """Return an export, None where there is none."""
        ...

    def requested(self, tenant: str, request_id: str) -> ExportRecord | None:
        """Return the export that a tenant asked for with a request id, None where there is none."""
        ...

    def list(self, tenant: str, before: str, count: int) -> Sequence[ExportRecord]:
        """Return the next exports of a tenant, the newest first.

        Args:
            tenant: whose.
            before: an id of 32 hexadecimal digits, which need not exist; "" for the newest.
            count: the most that are returned.
        """
        ...

    def unfinished(self, destinations: Collection[str], count: int) -> Sequence[str]:
        """Return ids of exports that have not ended, in the order in which they are begun.

        Tenants take turns: one of each comes first, those of tenants that have begun none before those of others. Of a
        tenant, those that were begun come first, then those of the greatest priority, and of these the oldest.
        """
        ...

    def count(self, tenant: str) -> int:
        """Return how many exports of a tenant have not ended."""
        ...

    def standing(self, export_id: str) -> tuple[ExportState, int] | None:
        """Return the state and the attempt of an export, None where there is none."""
        ...

    def claim(self, export_id: str) -> ExportRecord | None:
        """Begin an export, or go on with it, and return it; None where it has ended. Others may work at it no more."""
        ...

    def put_part(self, export_id: str, part: PartRecord) -> bool:
        """Store a part in place of the one of its number, and return whether ``part.attempt`` may still work at it.

        A part that is done counts for the progress of the export.
        """
        ...

    def parts(self, export_id: str) -> Sequence[PartRecord]:
        """Return the parts that were begun, in their order."""
        ...

    def has_upload(self, key: str, upload: str) -> bool:
        """Tell whether an export that has not ended has an upload of a file."""
        ...

    def cancel(self, export_id: str) -> ExportRecord | None:
        """Have an export end, and return it; None where there is none.

        One that waits has ended at once. One that runs is removed by who works at it, or claims it next.
        """
        ...

    def fail(self, export_id: str, attempt: int, failure: str) -> bool:
        """Say that an export fails once what it has stored is removed, and return whether ``attempt`` may remove it.

        No part of it is stored any more. Who claims it next removes the rest.
        """
        ...

    def end(self, export_id: str, attempt: int, state: ExportState, failure: str = "") -> bool:
        """Say that an export has ended, and return whether ``attempt`` may still work at it.

        One that is cancelled meanwhile does not succeed: it has to be removed, and False is returned. The parts of one
        that does not succeed are forgotten.
        """
        ...

    def speed(self) -> Speed:
        """Return how fast the last exports were that succeeded."""
        ...

    def close(self) -> None:
        """Close open files. No other method is called afterwards."""
        ...
