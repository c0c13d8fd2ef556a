"""An export of files of N x N pixels: each is a part, which is done as a whole or not at all."""

import tempfile
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import BinaryIO, cast

from rasterwire.encode.cog import encode_cog
from rasterwire.encode.geotiff import encode_geotiff
from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import Destination
from rasterwire.export.failures import SceneFailures
from rasterwire.export.job import ExportJob
from rasterwire.export.provenance import WrittenFile, provenance_json, stac_item_json
from rasterwire.export.side_files import write_file, write_small
from rasterwire.export.tiling import file_key, file_windows
from rasterwire.export.vrt import vrt_of
from rasterwire.export.window_blocks import WindowBlocks, raster_of_window
from rasterwire.render import Engine
from rasterwire.store.jobs import PartRecord
from rasterwire.turns import acting_for

__all__ = ["SIDE_FILES", "FileExport"]

SIDE_FILES = 3
"""Of an export of several files: the VRT, the provenance and the STAC item."""

_AT_ONCE = 2
"""Files: one is written to its destination while the next is rendered."""


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
        self._count = len(self._windows)
        self._has_failed = threading.Event()

    def make_parts(self) -> None:
        """See ``ExportWork.make_parts``."""
        self._has_failed.clear()
        failures = self._job.failures()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="export-file") as pool:
            numbers = [number for number in range(self._count) if not self._attempt.is_done(number)]
            futures = [pool.submit(self._make_for_caller, number, failures) for number in numbers]
            ended = wait(futures, return_when=FIRST_EXCEPTION).done
            if error := next(filter(None, (future.exception() for future in ended)), None):
                for future in futures:
                    future.cancel()
                self._has_failed.set()  # which ends the file beside it
                raise error
        failures.raise_if_any()

    def _make_for_caller(self, number: int, failures: SceneFailures) -> None:
        with acting_for(self._job.caller):
            self._check()
            try:
                self._make(number)
            except SourceUnavailable as error:
                failures.note(error)

    def _check(self) -> None:
        self._attempt.check()
        if self._has_failed.is_set():
            raise RenderCancelled

    def _make(self, number: int) -> None:
        window = self._windows[number]
        key = file_key(self._job.prefix, window)
        blocks = WindowBlocks(self._engine, self._raster, window, self._check)
        encoding = self._job.plan.encoding
        encode = encode_cog if encoding.cloud_optimized else encode_geotiff
        with tempfile.NamedTemporaryFile(dir=self._scratch) as file:
            part, out = PartRecord(number, key), cast(BinaryIO, file)
            encode(raster_of_window(self._raster, window, key), encoding, blocks, out, self._scratch)
            media_type, overwrite = self._job.plan.mime_type, self._job.overwrite
            write_file(self._attempt, self._destination, part, out, media_type, overwrite)

    def finish(self) -> None:
        """See ``ExportWork.finish``."""
        job = self._job
        files = [
            WrittenFile(part.key, part.size, part.crc32c)
            for number in range(self._count)
            if (part := self._attempt.parts[number]).is_done
        ]
        names = [(file.key.rpartition("/")[2], window) for file, window in zip(files, self._windows, strict=True)]
        files.append(self._small(self._count, f"{job.prefix}.vrt", vrt_of(self._raster, names)))
        provenance = provenance_json(self._attempt.record, job, files)
        files.append(self._small(self._count + 1, f"{job.prefix}.provenance.json", provenance))
        self._small(self._count + 2, f"{job.prefix}.stac.json", stac_item_json(self._attempt.record, job, files))

    def _small(self, number: int, key: str, data: bytes) -> WrittenFile:
        return write_small(self._attempt, self._destination, PartRecord(number, key), data, self._job.overwrite)
