"""Parts that are whole files: begun, stored without touching files of others, and done."""

from collections.abc import Callable
from typing import TypeVar

import google_crc32c

from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination
from rasterwire.export.provenance import WrittenFile
from rasterwire.store.jobs import PartRecord

__all__ = ["NOT_STORED", "abort_upload", "begin_part", "keeping_others", "write_small"]

NOT_STORED = b"not stored"
"""The summary of a part whose upload has not made a file: one of its name is not the export's."""

T = TypeVar("T")


def begin_part(attempt: Attempt, destination: Destination, part: PartRecord) -> bool:
    """Store that a part is begun, and return whether it was before: what is there of it is the export's own."""
    before = attempt.parts.get(part.number)
    if before is None or not before.key:
        attempt.save(part)
        return False
    attempt.patiently(lambda: abort_upload(attempt, destination, part.number))
    return True


def abort_upload(attempt: Attempt, destination: Destination, number: int) -> None:
    """Remove what an upload of a part has stored, where one was begun."""
    before = attempt.parts[number]
    if before.upload:
        destination.abort(before.key, before.upload)


def keeping_others(attempt: Attempt, number: int, store: Callable[[], T]) -> T:
    """Store a part. Where there is a file of its name, that is told as none of this export, which must not remove it.

    Raises:
        AlreadyExists: there is one.
    """
    try:
        return attempt.patiently(store)
    except AlreadyExists:
        attempt.save(PartRecord(number, ""))
        raise


def write_small(
    attempt: Attempt, destination: Destination, part: PartRecord, data: bytes, overwrite: bool
) -> WrittenFile:
    """Write a file that stands beside the pixels, unless an attempt before has done so."""
    before = attempt.parts.get(part.number)
    if before is None or not before.is_done:
        may_replace = begin_part(attempt, destination, part) or overwrite
        keeping_others(attempt, part.number, lambda: destination.put(part.key, data, replace=may_replace))
        attempt.save(PartRecord(part.number, part.key, size=len(data), crc32c=int(google_crc32c.value(data))))
    part_done = attempt.parts[part.number]
    return WrittenFile(part_done.key, part_done.size, part_done.crc32c)
