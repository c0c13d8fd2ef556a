"""An export of one cloud-optimized GeoTIFF of any size, uploaded in parts that no process holds all of."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import google_crc32c
import numpy as np

from rasterwire.checksum import concatenated
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload
from rasterwire.export.job import ExportJob
from rasterwire.export.parted_cog import CogPart, PartedCog, PartSummary, PartWindow
from rasterwire.export.provenance import WrittenFile, provenance_json, stac_item_json
from rasterwire.export.side_files import NOT_STORED, write_small
from rasterwire.render import Engine
from rasterwire.store.jobs import PartRecord

__all__ = ["CogExport", "count_cog_parts"]

_HEAD = 1
"""The number of the header; its row has the upload from the beginning."""

_REDUCED = 100_000
"""Is added to the number of a part for the row of what it leaves for overviews."""

_UPLOADS = 2
"""Parts that are on their way at once, while others are rendered."""


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
        parts = [part for part in self._cog.parts if not part.below and not self._attempt.is_done(part.number)]
        pixels = len(self._job.plan.rasters[0].bands)
        sending: deque[Future[None]] = deque()
        with ThreadPoolExecutor(_UPLOADS, thread_name_prefix="export-upload") as pool:
            cog_parts = self._engine.map(
                self._cog.task,
                parts,
                lambda part: pixels * part.window.height * part.window.width,
                self._attempt.check,
            )
            for part, cog_part in zip(parts, cog_parts, strict=True):
                sending.append(pool.submit(self._store, part, cog_part))
                if len(sending) >= _UPLOADS:
                    sending.popleft().result()
            for upload in sending:
                upload.result()

    def _begun(self) -> str:
        headers = {"Content-Type": "image/tiff"}
        overwrite = self._job.overwrite
        upload = self._attempt.patiently(lambda: self._destination.begin(self._key, headers, replace=overwrite))
        self._attempt.save(PartRecord(_HEAD, self._key, upload=upload, summary=NOT_STORED))
        return upload

    def _store(self, part: PartWindow, cog_part: CogPart) -> None:
        """Store a part, and first what the overviews need of it: a part that is done is never made again."""
        if cog_part.reduced:
            number = _REDUCED + part.number
            self._attempt.save(PartRecord(number, self._reduced_key(part.number)))
            self._attempt.patiently(
                lambda: self._destination.put(self._reduced_key(part.number), cog_part.reduced, replace=True)
            )
        self._store_data(part.number, cog_part.data, cog_part.summary)

    def _store_data(self, number: int, data: bytes, summary: PartSummary) -> None:
        etag = self._attempt.patiently(lambda: self._destination.put_part(self._key, self._upload, number, data))
        crc32c = int(google_crc32c.value(data))
        packed = np.array([summary.padding, *summary.tile_bytes], "<u8").tobytes()
        self._attempt.save(PartRecord(number, self._key, self._upload, etag, len(data), crc32c, packed))

    def _reduced_key(self, number: int) -> str:
        return f"{self._key}.{self._attempt.record.id}.{number}"

    def _reduced(self, number: int) -> bytes:
        return self._attempt.patiently(lambda: self._destination.get(self._reduced_key(number)))

    def finish(self) -> None:
        """See ``ExportWork.finish``."""
        for part in self._cog.parts:
            if part.below and not self._attempt.is_done(part.number):
                self._store(part, self._cog.task.merge(part, self._reduced))
        was_done = self._attempt.is_done(_HEAD)
        if not was_done:
            numbers = [part.number for part in self._cog.parts]
            summaries = {number: _summary(self._attempt.parts[number]) for number in numbers}
            self._store_data(_HEAD, self._cog.head(summaries, self._reduced), PartSummary((), 0))
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
