"""An export of files of N x N pixels: each is a part, which is done as a whole or not at all."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import google_crc32c

from rasterwire.encode.cog import encode_cog
from rasterwire.encode.geotiff import encode_geotiff
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination
from rasterwire.export.job import ExportJob
from rasterwire.export.provenance import WrittenFile, provenance_json, stac_item_json
from rasterwire.export.tiling import file_key, file_windows
from rasterwire.export.upload import upload_file
from rasterwire.export.vrt import vrt_of
from rasterwire.export.window_blocks import WindowBlocks, raster_of_window
from rasterwire.render import Engine
from rasterwire.store.jobs import PartRecord

__all__ = ["SIDE_FILES", "FileExport", "write_small"]

SIDE_FILES = 3
"""Of an export of several files: the VRT, the provenance and the STAC item."""

T = TypeVar("T")


class FileExport:
    """See ``ExportWork``."""

    def __init__(
        self, job: ExportJob, attempt: Attempt, destination: Destination, engine: Engine, scratch: Path
    ) -> None:
        self._job = job
        self._attempt = attempt
        self._destination = destination
        self._engine = engine
        self._scratch = scratch
        self._raster = job.plan.rasters[0]
        self._windows = file_windows(self._raster, job.file_side)
        self.count = len(self._windows)

    def make(self, number: int) -> None:
        """See ``ExportWork.make``."""
        window = self._windows[number]
        key = file_key(self._job.prefix, window)
        is_begun = begin_part(self._attempt, self._destination, PartRecord(number, key))
        blocks = WindowBlocks(self._engine, self._raster, window, self._attempt.check)
        encoding = self._job.plan.encoding
        encode = encode_cog if encoding.cloud_optimized else encode_geotiff
        with tempfile.TemporaryFile(dir=self._scratch) as file:
            out = cast(BinaryIO, file)
            encode(raster_of_window(self._raster, window, key), encoding, blocks, out, self._scratch)
            store = partial(self._upload, PartRecord(number, key), out, is_begun or self._job.overwrite)
            size, crc32c = keeping_others(self._attempt, number, store)
        self._attempt.save(PartRecord(number, key, size=size, crc32c=crc32c))

    def _upload(self, part: PartRecord, file: BinaryIO, may_replace: bool) -> tuple[int, int]:
        abort_upload(self._attempt, self._destination, part.number)  # of the try before this one

        def begun(upload: str) -> None:
            self._attempt.save(replace(part, upload=upload))

        media_type = self._job.plan.mime_type
        return upload_file(self._destination, part.key, file, begun, media_type=media_type, replace=may_replace)

    def finish(self) -> None:
        """See ``ExportWork.finish``."""
        job = self._job
        files = [
            WrittenFile(part.key, part.size, part.crc32c)
            for number in range(self.count)
            if (part := self._attempt.parts[number]).is_done
        ]
        names = [(file.key.rpartition("/")[2], window) for file, window in zip(files, self._windows, strict=True)]
        files.append(self._small(self.count, f"{job.prefix}.vrt", vrt_of(self._raster, names)))
        provenance = provenance_json(self._attempt.record, job, files)
        files.append(self._small(self.count + 1, f"{job.prefix}.provenance.json", provenance))
        self._small(self.count + 2, f"{job.prefix}.stac.json", stac_item_json(self._attempt.record, job, files))

    def _small(self, number: int, key: str, data: bytes) -> WrittenFile:
        return write_small(self._attempt, self._destination, PartRecord(number, key), data, self._job.overwrite)


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
    written = attempt.parts[part.number]
    return WrittenFile(written.key, written.size, written.crc32c)
