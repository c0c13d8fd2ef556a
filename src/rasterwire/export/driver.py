"""Works at exports, one attempt after another, whichever process began them."""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from rasterwire.download.meter import Meter
from rasterwire.errors import (
    DownloadError,
    RenderCancelled,
    SourceUnavailable,
    StorageUnavailable,
    WorkersUnavailable,
)
from rasterwire.export.attempt import Attempt
from rasterwire.export.claims import ExportClaims
from rasterwire.export.cog_export import CogExport
from rasterwire.export.destination import AlreadyExists, Destination, UnknownUpload
from rasterwire.export.failures import ScenesUnavailable, with_other_scenes
from rasterwire.export.file_export import FileExport
from rasterwire.export.job import ExportJob, Replan
from rasterwire.export.side_files import abort_strays, remove_files
from rasterwire.export.zarr_export import ZarrExport
from rasterwire.render import Engine
from rasterwire.request import Format
from rasterwire.store.jobs import ExportRecord, ExportState
from rasterwire.store.private_files import private_folder
from rasterwire.turns import acting_for

__all__ = ["ExportDriver", "ExportWork"]

_AT_ONCE = 2
"""Exports of a process."""

_LOOK_SECONDS = 0.4
"""After which exports are looked for, and whether those that run were cancelled."""

_SOURCE_PAUSES = 1.0, 5.0
"""Seconds after which an image is tried again that cannot be read; requests for its files were sent again before."""

_WORKERS_PAUSE = 60.0
"""Seconds after which workers are looked for again that cannot be reached."""

_MAX_ATTEMPTS = 100
"""At an export that comes no further; it may be what ends its servers."""

_MORE_ATTEMPTS = 10
"""For each part that is done."""

_TOO_MANY_ATTEMPTS = "servers ended or lost their storage too often before it was done; ask the operator for the reason"

_UPLOAD_GONE = "the destination has removed parts of the file before it was whole; ask for the export again"

_log = logging.getLogger("rasterwire.server")


class ExportWork(Protocol):
    """What an export is made of. It goes on where the attempt before has ended."""

    def make_parts(self) -> None:
        """Make the parts that need no others."""
        ...

    def finish(self) -> None:
        """Make what needs them all."""
        ...


class ExportDriver:
    """Makes the exports that this process takes, each by a thread of its own."""

    def __init__(
        self,
        claims: ExportClaims,
        destinations: Mapping[str, Destination],
        engine: Engine,
        scratch: Path,
        replan: Replan,
        meter: Meter,
    ) -> None:
        """Begin.

        Args:
            claims: on exports; closed with this.
            destinations: by their names.
            engine: of the renders.
            scratch: a folder for files on their way.
            replan: plans an export.
            meter: is told what happens.
        """
        self._claims = claims
        self._jobs = claims.jobs
        self._destinations = destinations
        self._engine = engine
        self._scratch = scratch
        self._replan = replan
        self._meter = meter
        self._lock = threading.Lock()
        self._running: dict[str, Attempt] = {}
        self._is_closing = False
        self._awake = threading.Event()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="export")
        self._thread = threading.Thread(target=self._look, name="exports", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for exports, and whether those that run were cancelled, at once."""
        self._awake.set()

    def close(self) -> None:
        """Stop at the next block. Other processes, or the next one here, go on from there."""
        self._is_closing = True
        self._awake.set()
        self._thread.join()
        with self._lock:
            attempts = list(self._running.values())
        for attempt in attempts:
            attempt.stop()
        self._pool.shutdown()
        self._claims.close()

    # -- which exports ----------------------------------------------------------------------

    def _look(self) -> None:
        while not self._is_closing:
            self._awake.clear()
            try:
                self._stop_cancelled()
                self._claims.renew()
                for export_id in self._claims.take(self._destinations.keys(), _AT_ONCE - len(self._claims)):
                    self._pool.submit(self._drive, export_id)
            except StorageUnavailable:
                pass  # the log says so; it may be there again the next time
            except Exception:  # noqa: BLE001 - without this thread no export goes on
                _log.exception("exports cannot be looked for")
            self._awake.wait(_LOOK_SECONDS)

    def _stop_cancelled(self) -> None:
        with self._lock:
            attempts = list(self._running.items())
        for export_id, attempt in attempts:
            if self._jobs.standing(export_id) != (ExportState.RUNNING, attempt.record.attempt):
                attempt.stop()

    def _drive(self, export_id: str) -> None:
        record = None
        try:
            record = self._jobs.claim(export_id)
            if record is not None:
                self._attempt(record)
        except (StorageUnavailable, WorkersUnavailable) as error:
            _log.warning("export %s: %s: %s; somebody goes on with it later", export_id, error.reason, error)
            self._claims.postpone(export_id)
        except Exception as error:  # noqa: BLE001 - the thread goes on with other exports
            _log.exception("export %s: an unexpected error", export_id)
            self._claims.postpone(export_id)
            if record is not None:  # what fails in a way that nobody knows would do so again
                with suppress(StorageUnavailable):
                    self._jobs.end(export_id, record.attempt, ExportState.FAILED, _failure(error))
        finally:
            with self._lock:
                self._running.pop(export_id, None)
            self._claims.release(export_id)
            self._awake.set()

    # -- one attempt ------------------------------------------------------------------------

    def _attempt(self, record: ExportRecord) -> None:
        attempt = Attempt(self._jobs, record, self._meter.note_export_part)
        destination = self._destinations[record.destination]
        if record.state is ExportState.CANCELLING:
            self._remove(attempt, destination, ExportState.CANCELLED)
            return
        if record.failure:
            self._remove(attempt, destination, ExportState.FAILED, record.failure)
            return
        if record.attempt > _MAX_ATTEMPTS + _MORE_ATTEMPTS * record.parts_done:
            self._fail(attempt, destination, _told("TOO_MANY_ATTEMPTS", _TOO_MANY_ATTEMPTS))
            return
        self._go_on(attempt, destination)

    def _go_on(self, attempt: Attempt, destination: Destination) -> None:
        record = attempt.record
        with self._lock:
            self._running[record.id] = attempt
        self._meter.note_export("running")
        _log.info("export %s: attempt %d begins", record.id, record.attempt)
        if self._is_closing:
            attempt.stop()
        try:
            self._make(attempt, destination)
        except RenderCancelled:
            self._remove_if_cancelled(attempt, destination)
        except StorageUnavailable:
            raise  # it is tried again later
        except WorkersUnavailable:
            with suppress(RenderCancelled):
                attempt.pause(_WORKERS_PAUSE)
            raise
        except Exception as error:  # noqa: BLE001 - who asks for the export is told that it ended
            if attempt.is_stopped:  # which may be why it failed
                self._remove_if_cancelled(attempt, destination)
                return
            if not isinstance(error, DownloadError | ScenesUnavailable | AlreadyExists | UnknownUpload):
                _log.exception("export %s: an unexpected error", record.id)
            self._fail(attempt, destination, _failure(error))

    def _make(self, attempt: Attempt, destination: Destination) -> None:
        record = attempt.record
        job = attempt.patiently(lambda: self._replan(record))
        private_folder(self._scratch)
        if record.attempt > 1:
            abort_strays(self._jobs, destination, record.prefix)
        work = self._work(job, attempt, destination)
        with acting_for(job.caller):
            for pause in (*_SOURCE_PAUSES, None):
                try:
                    work.make_parts()
                    work.finish()
                    break
                except (SourceUnavailable, ScenesUnavailable) as error:
                    if pause is None:
                        raise with_other_scenes(error, job.plan, attempt.check) from error
                    _log.warning("export %s: %s; it is tried again in %g s", record.id, error, pause)
                    attempt.pause(pause)
        abort_strays(self._jobs, destination, record.prefix)
        if not self._jobs.end(record.id, record.attempt, ExportState.SUCCEEDED):
            raise RenderCancelled
        self._meter.note_export("succeeded")
        _log.info("export %s: it succeeded", record.id)

    def _work(self, job: ExportJob, attempt: Attempt, destination: Destination) -> ExportWork:
        if job.plan.format is Format.ZARR:
            return ZarrExport(job, attempt, destination, self._engine)
        if not job.file_side:
            return CogExport(job, attempt, destination, self._engine)
        return FileExport(job, attempt, destination, self._engine, self._scratch)

    def _remove_if_cancelled(self, attempt: Attempt, destination: Destination) -> None:
        if self._jobs.standing(attempt.record.id) == (ExportState.CANCELLING, attempt.record.attempt):
            self._remove(attempt, destination, ExportState.CANCELLED)

    def _fail(self, attempt: Attempt, destination: Destination, failure: str) -> None:
        """Have an export fail; the files of one that another attempt has taken over are that one's."""
        if self._jobs.fail(attempt.record.id, attempt.record.attempt, failure):
            self._remove(attempt, destination, ExportState.FAILED, failure)

    def _remove(self, attempt: Attempt, destination: Destination, state: ExportState, failure: str = "") -> None:
        """End an export that stores no parts any more, once nothing of it is left."""
        attempt.join()
        remove_files(destination, attempt.parts.values())
        record = attempt.record
        abort_strays(self._jobs, destination, record.prefix)
        if self._jobs.end(record.id, record.attempt, state, failure):
            self._meter.note_export(state.value.lower())
            _log.info("export %s: %s", record.id, failure or "it was cancelled")


def _failure(error: Exception) -> str:
    """Return the JSON of why an export failed, without what clients shall not see."""
    match error:
        case ScenesUnavailable():
            return _told(SourceUnavailable.reason, f"{error}", error.shown_scenes, len(error.scenes))
        case SourceUnavailable() if error.image_id:
            return _told(error.reason, f"{error}", [{"image": error.image_id, "problem": f"{error}"}])
        case DownloadError():
            return _told(error.reason, f"{error}")
        case AlreadyExists():
            return _told("FILE_EXISTS", f"prefix: {error}")
        case UnknownUpload():
            return _told("UPLOAD_GONE", _UPLOAD_GONE)
        case _:
            return _told("INTERNAL", "the server failed; its log says why")


def _told(reason: str, message: str, scenes: Sequence[Mapping[str, str]] = (), count: int = 0) -> str:
    failure = {"reason": reason, "message": message, "scenes": list(scenes), "count": count or len(scenes)}
    return json.dumps(failure)
