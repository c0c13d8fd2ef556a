"""Files that are stored as a whole, and which of them are the export's: none that others have made is touched.

That a row of a part exists says nothing of its file: somebody else's may be there. So the row tells, before anything is
stored, which size and checksum the file will have; and it tells afterwards that it is stored.
"""

import io
import logging
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from rasterwire.errors import RenderCancelled, StorageUnavailable
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload
from rasterwire.export.provenance import WrittenFile
from rasterwire.export.upload import measured, upload_file
from rasterwire.store.jobs import FileStanding, JobStore, PartRecord

__all__ = [
    "abort_strays",
    "disown",
    "expected",
    "is_stored",
    "remove_files",
    "save_upload",
    "write_file",
    "write_small",
]

_rest = re.compile(r"(-\d{10}-\d{10})?\.tif", re.ASCII)
"""What the names of files that are uploaded in parts have behind the prefix of their export."""

_STRAY_SECONDS = 600.0
"""Age from which an upload that no row tells of is nobody's: who has just begun one may still say so."""

_log = logging.getLogger("rasterwire.server")


def expected(part: PartRecord, size: int, crc32c: int) -> PartRecord:
    """Return a part whose file is about to be stored."""
    return replace(part, file=FileStanding.EXPECTED, file_size=size, file_crc32c=crc32c)


def is_stored(destination: Destination, part: PartRecord) -> bool:
    """Tell whether the file of a part is there, and the export's."""
    if part.file is FileStanding.EXPECTED:
        return destination.holds(part.key, part.file_size, part.file_crc32c)
    return part.file is FileStanding.STORED


def disown(attempt: Attempt, number: int) -> None:
    """Note that the file of a part is another's, also where the export was cancelled meanwhile."""
    part = attempt.parts.get(number)
    if part is not None:
        attempt.parts[number] = replace(part, size=0, file=FileStanding.MISSING)
        attempt.save(attempt.parts[number])


def save_upload(attempt: Attempt, destination: Destination, part: PartRecord) -> None:
    """Store the row of an upload that was begun; where that is too late, remove the upload, which nobody else knows.

    Raises:
        RenderCancelled: see ``Attempt.save``.
    """
    try:
        attempt.save(part)
    except RenderCancelled:
        if part.upload:
            with suppress(StorageUnavailable):
                destination.abort(part.key, part.upload)
        raise


def write_file(
    attempt: Attempt, destination: Destination, part: PartRecord, file: BinaryIO, media_type: str, overwrite: bool
) -> None:
    """Store a file of this machine, unless an attempt before has done so and nobody heard of it.

    Raises:
        AlreadyExists: there is one of its name, which is another's.
        RenderCancelled: see ``Attempt``.
    """
    size, crc32c = measured(file)
    expecting = expected(part, size, crc32c)

    standing = FileStanding.EXPECTED, size, crc32c

    def store() -> None:
        before = attempt.parts.get(part.number)
        if before is not None and before.upload:  # of the try before this one
            destination.abort(before.key, before.upload)
        is_same = before is not None and (before.file, before.file_size, before.file_crc32c) == standing
        if before is not None and is_same and is_stored(destination, before):
            return
        upload_file(destination, part.key, file, begun, media_type=media_type, replace=overwrite)

    def begun(upload: str) -> None:
        save_upload(attempt, destination, replace(expecting, upload=upload))

    try:
        attempt.patiently(store)
    except AlreadyExists:
        disown(attempt, part.number)
        raise
    except UnknownUpload:  # it may have been finished, and nobody heard of it
        if not attempt.patiently(lambda: is_stored(destination, expecting)):
            raise
    attempt.save(replace(part, size=size, crc32c=crc32c))


def write_small(
    attempt: Attempt, destination: Destination, part: PartRecord, data: bytes, overwrite: bool
) -> WrittenFile:
    """Write a file that stands beside the pixels, unless an attempt before has done so."""
    if not attempt.is_done(part.number):
        media_type = "application/xml" if part.key.endswith(".vrt") else "application/json"
        write_file(attempt, destination, part, io.BytesIO(data), media_type, overwrite)
    part_done = attempt.parts[part.number]
    return WrittenFile(part_done.key, part_done.size, part_done.crc32c)


def abort_strays(jobs: JobStore, destination: Destination, prefix: str) -> None:
    """Abort uploads of files of an export that no row tells of: who began one may be killed before it says so.

    Those of another export to the same files have rows of theirs. A destination that does not list them is left alone,
    and so are uploads that were begun lately.

    Args:
        jobs: all exports.
        destination: of the uploads.
        prefix: of the files.
    """
    with suppress(StorageUnavailable):  # the log says so
        for key, upload in destination.uploads(prefix, _STRAY_SECONDS):
            if _rest.fullmatch(key.removeprefix(prefix)) and not jobs.has_upload(key, upload):
                _log.info("an upload of %s that nobody knows of is removed", key)
                destination.abort(key, upload)


def remove_files(destination: Destination, parts: Collection[PartRecord]) -> None:
    """Remove all that an export has stored, and nothing else."""
    for key, upload in {(part.key, part.upload) for part in parts if part.upload}:
        destination.abort(key, upload)
    unsure = {part.key: part for part in parts if part.file is not FileStanding.STORED}
    for key in dict.fromkeys(part.key for part in parts if part.key):  # that of a Zarr group before what lies in it
        with suppress(ValueError):  # what is no key has no object
            if key not in unsure or is_stored(destination, unsure[key]):
                destination.delete(key)
