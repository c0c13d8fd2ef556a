"""An export of one cloud-optimized GeoTIFF of any size, uploaded in parts that no process holds all of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import google_crc32c
import numpy as np

from rasterwire.checksum import concatenated
from rasterwire.errors import SourceUnavailable
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload
from rasterwire.export.job import ExportJob
from rasterwire.export.parted_cog import CogPart, CogTask, PartedCog, PartSummary, PartWindow
from rasterwire.export.provenance import WrittenFile, provenance_json, stac_item_json
from rasterwire.export.side_files import disown, expected, is_stored, save_upload, write_small
from rasterwire.export.within import Within
from rasterwire.render import Engine
from rasterwire.store.jobs import FileStanding, PartRecord

__all__ = ["CogExport", "count_cog_parts"]

_HEAD = 1
"""The number of the header; its row has the upload from the beginning."""

_REDUCED = 100_000
"""Is added to the number of a part for the row of what it leaves for overviews."""


@dataclass(frozen=True, slots=True)
class _StoredPart:
    """What is told of a part that is stored.

    Attributes:
        etag: that the destination gave it.
        size: in bytes.
        crc32c: of these.
        summary, reduced: see ``CogPart``.
    """

    etag: str
    size: int
    crc32c: int
    summary: PartSummary
    reduced: bytes


@dataclass(frozen=True, slots=True)
class _StoringTask:
    """Makes parts and stores them from wherever it is called; megabytes of pixels go no further than that."""

    task: CogTask
    destination: Destination
    key: str
    upload: str
    within: Within

    def __call__(self, part: PartWindow) -> _StoredPart | SourceUnavailable:
        """Make and store a part, or return why its images cannot be read: the other parts are made all the same.

        Raises:
            StorageUnavailable, UnknownUpload: see ``Destination.put_part``.
            RenderCancelled: the attempt is stopped.
        """
        with self.within.task():
            try:
                made = self.task(part, self.within.check)
            except SourceUnavailable as error:
                return error
            self.within.check()
            return _stored(made, self.destination, self.key, self.upload, part.number)


def _stored(part: CogPart, destination: Destination, key: str, upload: str, number: int) -> _StoredPart:
    etag = destination.put_part(key, upload, number, part.data)
    crc32c = int(google_crc32c.value(part.data))
    return _StoredPart(etag, len(part.data), crc32c, part.summary, part.reduced)


class CogExport:
    """See ``ExportWork``."""

    def __init__(self, job: ExportJob, attempt: Attempt, destination: Destination, engine: Engine) -> None:
        self._job = job
        self._attempt = attempt
        self._destination = destination
        self._engine = engine
        self._key = f"{job.prefix}.tif"
        plan = job.plan
        self._cog = PartedCog(plan.rasters[0], plan.encoding, destination.least_part_bytes)
        self._upload = ""

    def make_parts(self) -> None:
        """See ``ExportWork.make_parts``."""
        head = self._attempt.parts.get(_HEAD)
        self._upload = self._begun() if head is None else head.upload
        self._attempt.patiently(self._make_rest)

    def _make_rest(self) -> None:
        """Make and store the rendered parts that are not done.

        Raises:
            StorageUnavailable: the destination cannot be reached; what is done stays done.
            ScenesUnavailable: images cannot be read; likewise.
        """
        parts = [part for part in self._cog.parts if not part.below and not self._attempt.is_done(part.number)]
        bands = len(self._job.plan.rasters[0].bands)
        task = _StoringTask(self._cog.task, self._destination, self._key, self._upload, Within(self._attempt))
        stored = self._engine.map(
            task, parts, lambda part: bands * part.window.height * part.window.width, self._attempt.check
        )
        failures = self._job.failures()
        for part, outcome in zip(parts, stored, strict=True):
            if isinstance(outcome, SourceUnavailable):
                failures.note(outcome)
            else:
                self._note(part.number, outcome)
        failures.raise_if_any()

    def _begun(self) -> str:
        headers = {"Content-Type": "image/tiff"}
        overwrite = self._job.overwrite
        upload = self._attempt.patiently(lambda: self._destination.begin(self._key, headers, replace=overwrite))
        begun = PartRecord(_HEAD, self._key, upload=upload, file=FileStanding.MISSING)
        save_upload(self._attempt, self._destination, begun)
        return upload

    def _note(self, number: int, stored: "_StoredPart") -> None:
        """Note that a part is stored, after what the overviews need of it: a part that is done is never made again."""
        if stored.reduced:
            key = self._reduced_key(number)
            self._attempt.save(PartRecord(_REDUCED + number, key))
            self._attempt.patiently(lambda: self._destination.put(key, stored.reduced, replace=True))
        packed = np.array([stored.summary.padding, *stored.summary.tile_bytes], "<u8").tobytes()
        self._attempt.save(PartRecord(number, self._key, self._upload, stored.etag, stored.size, stored.crc32c, packed))

    def _reduced_key(self, number: int) -> str:
        return f"{self._key}.{self._attempt.record.id}.{number}"

    def _reduced(self, number: int) -> bytes:
        return self._attempt.patiently(lambda: self._destination.get(self._reduced_key(number)))

    def finish(self) -> None:
        """See ``ExportWork.finish``."""
        for part in self._cog.parts:
            if part.below and not self._attempt.is_done(part.number):
                self._note(part.number, self._stored(part.number, self._cog.task.merge(part, self._reduced)))
        if not self._attempt.is_done(_HEAD):
            self._store_head()
        stored = [self._attempt.parts[number] for number in range(_HEAD, len(self._cog.parts) + 2)]
        if stored[0].file is not FileStanding.STORED:
            self._join(stored)
        for number, reduced in list(self._attempt.parts.items()):
            if number > _REDUCED:
                self._attempt.patiently(lambda key=reduced.key: self._destination.delete(key))  # type: ignore[misc]
        self._write_side_files(stored)

    def _stored(self, number: int, part: CogPart) -> _StoredPart:
        return self._attempt.patiently(lambda: _stored(part, self._destination, self._key, self._upload, number))

    def _store_head(self) -> None:
        """Store number 1. From then on the file may be there."""
        rest = [self._attempt.parts[part.number] for part in self._cog.parts]
        data = self._cog.head({part.number: _summary(part) for part in rest}, self._reduced)
        stored = self._stored(_HEAD, CogPart(data, b"", PartSummary((), 0)))
        head = PartRecord(_HEAD, self._key, self._upload, stored.etag, stored.size, stored.crc32c)
        file = _whole([head, *rest])
        self._attempt.save(expected(head, file.size, file.crc32c))

    def _join(self, stored: Sequence[PartRecord]) -> None:
        """Make the file, unless the attempt before had done so.

        Raises:
            AlreadyExists, UnknownUpload: see ``Destination.finish``.
        """
        etags, overwrite = [(part.number, part.etag) for part in stored], self._job.overwrite
        try:
            self._attempt.patiently(lambda: self._destination.finish(self._key, self._upload, etags, replace=overwrite))
        except UnknownUpload:
            if not self._attempt.patiently(lambda: is_stored(self._destination, stored[0])):
                raise
        except AlreadyExists:
            disown(self._attempt, _HEAD)
            raise
        self._attempt.save(replace(stored[0], file=FileStanding.STORED))

    def _write_side_files(self, stored: Sequence[PartRecord]) -> None:
        job, record, files = self._job, self._attempt.record, [_whole(stored)]
        for offset, suffix, document in (
            (0, "provenance.json", provenance_json),
            (1, "stac.json", stac_item_json),
        ):
            part = PartRecord(len(self._cog.parts) + 2 + offset, f"{job.prefix}.{suffix}")
            data = document(record, job, files)
            files.append(write_small(self._attempt, self._destination, part, data, job.overwrite))


def count_cog_parts(job: ExportJob, least_part_bytes: int) -> int:
    """Return the parts of an export of one file, with the header and what stands beside it."""
    return len(PartedCog(job.plan.rasters[0], job.plan.encoding, least_part_bytes).parts) + 3


def _whole(parts: Sequence[PartRecord]) -> WrittenFile:
    """Return the file that consists of parts."""
    size, crc32c = 0, 0
    for part in parts:
        size, crc32c = size + part.size, concatenated(crc32c, part.crc32c, part.size)
    return WrittenFile(parts[0].key, size, crc32c)


def _summary(part: PartRecord) -> PartSummary:
    padding, *sizes = (int(number) for number in np.frombuffer(part.summary, "<u8"))
    return PartSummary(tuple(sizes), padding)
