"""An export of one cloud-optimized GeoTIFF of any size, uploaded in parts that no process holds all of."""

from dataclasses import dataclass

import google_crc32c
import numpy as np

from rasterwire.checksum import concatenated
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload
from rasterwire.export.job import ExportJob
from rasterwire.export.parted_cog import CogPart, CogTask, PartedCog, PartSummary, PartWindow
from rasterwire.export.provenance import WrittenFile, provenance_json, stac_item_json
from rasterwire.export.side_files import NOT_STORED, write_small
from rasterwire.render import Engine
from rasterwire.store.jobs import PartRecord

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

    def __call__(self, part: PartWindow) -> _StoredPart:
        """Make and store a part.

        Raises:
            SourceUnavailable: see ``CogTask``.
            StorageUnavailable, UnknownUpload: see ``Destination.put_part``.
        """
        return _stored(self.task(part), self.destination, self.key, self.upload, part.number)


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
        """
        parts = [part for part in self._cog.parts if not part.below and not self._attempt.is_done(part.number)]
        bands = len(self._job.plan.rasters[0].bands)
        task = _StoringTask(self._cog.task, self._destination, self._key, self._upload)
        stored = self._engine.map(
            task, parts, lambda part: bands * part.window.height * part.window.width, self._attempt.check
        )
        for part, storing in zip(parts, stored, strict=True):
            self._note(part.number, storing)

    def _begun(self) -> str:
        headers = {"Content-Type": "image/tiff"}
        overwrite = self._job.overwrite
        upload = self._attempt.patiently(lambda: self._destination.begin(self._key, headers, replace=overwrite))
        self._attempt.save(PartRecord(_HEAD, self._key, upload=upload, summary=NOT_STORED))
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
                self._store(part.number, self._cog.task.merge(part, self._reduced))
        was_done = self._attempt.is_done(_HEAD)
        if not was_done:
            numbers = [part.number for part in self._cog.parts]
            summaries = {number: _summary(self._attempt.parts[number]) for number in numbers}
            head = CogPart(self._cog.head(summaries, self._reduced), b"", PartSummary((), 0))
            self._store(_HEAD, head)
        stored = [self._attempt.parts[number] for number in range(_HEAD, len(self._cog.parts) + 2)]
        try:
            etags = [(part.number, part.etag) for part in stored]
            overwrite = self._job.overwrite
            self._attempt.patiently(lambda: self._destination.finish(self._key, self._upload, etags, replace=overwrite))
        except UnknownUpload:
            if not was_done or not self._exists():  # else the attempt before had finished it
                raise
        except AlreadyExists:
            self._attempt.save(PartRecord(_HEAD, self._key, upload=self._upload, summary=NOT_STORED))
            raise
        for number, reduced in list(self._attempt.parts.items()):
            if number > _REDUCED:
                self._attempt.patiently(lambda key=reduced.key: self._destination.delete(key))  # type: ignore[misc]
        self._write_side_files(stored)

    def _store(self, number: int, part: CogPart) -> None:
        self._note(
            number, self._attempt.patiently(lambda: _stored(part, self._destination, self._key, self._upload, number))
        )

    def _exists(self) -> bool:
        try:
            self._destination.abort(self._key, self._destination.begin(self._key, {}))
        except AlreadyExists:
            return True
        return False

    def _write_side_files(self, stored: list[PartRecord]) -> None:
        size, crc32c = 0, 0
        for part in stored:
            size, crc32c = size + part.size, concatenated(crc32c, part.crc32c, part.size)
        job, record, files = self._job, self._attempt.record, [WrittenFile(self._key, size, crc32c)]
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


def _summary(part: PartRecord) -> PartSummary:
    padding, *sizes = (int(number) for number in np.frombuffer(part.summary, "<u8"))
    return PartSummary(tuple(sizes), padding)
