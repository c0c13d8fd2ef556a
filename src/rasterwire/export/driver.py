"""Works at exports, one attempt after another, whichever process began them."""

import json
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from rasterwire.errors import DownloadError, RenderCancelled, SourceUnavailable, StorageUnavailable
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import AlreadyExists, Destination
from rasterwire.export.file_export import FileExport
from rasterwire.export.job import ExportJob, ExportMeter, Replan
from rasterwire.render import Engine
from rasterwire.store import Lease, Leases
from rasterwire.store.jobs import ExportRecord, ExportState, JobStore
from rasterwire.store.private_files import private_folder
from rasterwire.turns import acting_for

__all__ = ["ExportDriver", "ExportWork"]

_AT_ONCE = 2
"""Exports of a process."""

_PARTS_AT_ONCE = 2
"""Of an export: one is written to its destination while the next is rendered."""

_LOOK_SECONDS = 0.4
"""After which exports are looked for, and whether those that run were cancelled."""

_LEASE_SECONDS = 5.0
"""After which another process goes on with an export whose process died."""

_SOURCE_TRIES = 3
"""At a part whose images cannot be read."""

_log = logging.getLogger("rasterwire.server")


class ExportWork(Protocol):
    """What an export is made of.

    Attributes:
        count: parts that may be made in any order, and at once.
    """

    count: int

    def make(self, number: int) -> None:
        """Make a part, from 0 to ``count``, that is not done."""
        ...

    def finish(self) -> None:
        """Make what needs all parts."""
        ...


class ExportDriver:
    """Takes exports that have not ended, under a lease each, and makes them.

    The lease saves work and nothing else: what keeps two processes apart is the number of the attempt.
    """

    def __init__(
        self,
        jobs: JobStore,
        leases: Leases,
        destinations: Mapping[str, Destination],
        engine: Engine,
        scratch: Path,
        replan: Replan,
        meter: ExportMeter,
        owner: str,
    ) -> None:
        """Begin.

        Args:
            jobs: the exports; not closed with this.
            leases: says who works at them; closed with this.
            destinations: by their names.
            engine: of the renders.
            scratch: a folder for files on their way.
            replan: plans an export.
            meter: is told what happens.
            owner: of the leases, for the operator.
        """
        self._jobs = jobs
        self._leases = leases
        self._destinations = destinations
        self._engine = engine
        self._scratch = scratch
        self._replan = replan
        self._meter = meter
        self._owner = owner
        self._lock = threading.Lock()
        self._running: dict[str, Attempt] = {}
        self._held: dict[str, int] = {}
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
        self._leases.close()

    # -- which exports ----------------------------------------------------------------------

    def _look(self) -> None:
        while not self._is_closing:
            self._awake.clear()
            with suppress(StorageUnavailable):  # the log says so; it may be there again the next time
                self._end_cancelled()
                self._begin_next()
            self._awake.wait(_LOOK_SECONDS)

    def _end_cancelled(self) -> None:
        with self._lock:
            running, held = list(self._running.items()), list(self._held.items())
        for export_id, attempt in running:
            if self._jobs.standing(export_id) != (ExportState.RUNNING, attempt.record.attempt):
                attempt.stop()
        for export_id, fence in held:
            self._leases.renew(_lease_key(export_id), fence, _LEASE_SECONDS)

    def _begin_next(self) -> None:
        with self._lock:
            free = _AT_ONCE - len(self._held)
            held = set(self._held)
        if free <= 0:
            return
        for export_id in self._jobs.unfinished(self._destinations.keys(), 10 * _AT_ONCE):
            if export_id in held:
                continue
            lease = self._leases.acquire(_lease_key(export_id), self._owner, _LEASE_SECONDS)
            if lease is None:
                continue
            with self._lock:
                self._held[export_id] = lease.fence
            self._pool.submit(self._drive, export_id, lease)
            free -= 1
            if free <= 0:
                return

    def _drive(self, export_id: str, lease: Lease) -> None:
        try:
            record = self._jobs.claim(export_id)
            if record is not None:
                self._attempt(record)
        except StorageUnavailable:
            _log.warning("export %s: its store cannot be reached; somebody goes on with it later", export_id)
        except Exception:
            _log.exception("export %s: an unexpected error", export_id)
        finally:
            with self._lock:
                self._running.pop(export_id, None)
                self._held.pop(export_id, None)
            with suppress(StorageUnavailable):
                self._leases.release(_lease_key(export_id), lease.fence)
            self._awake.set()

    # -- one attempt ------------------------------------------------------------------------

    def _attempt(self, record: ExportRecord) -> None:
        attempt = Attempt(self._jobs, record)
        destination = self._destinations[record.destination]
        if record.state is ExportState.CANCELLING:
            self._remove(attempt, destination, ExportState.CANCELLED)
            return
        with self._lock:
            self._running[record.id] = attempt
        self._meter.note_export("running")
        _log.info("export %s: attempt %d begins", record.id, record.attempt)
        if self._is_closing:
            attempt.stop()
        try:
            self._make(attempt, destination)
        except RenderCancelled:
            standing = self._jobs.standing(record.id)
            if standing == (ExportState.CANCELLING, record.attempt):
                self._remove(attempt, destination, ExportState.CANCELLED)
        except StorageUnavailable:
            raise  # it is tried again later
        except DownloadError as error:
            self._remove(attempt, destination, ExportState.FAILED, _failure(error))
        except AlreadyExists as error:
            failure = {"reason": "FILE_EXISTS", "message": f"prefix: {error}", "scenes": []}
            self._remove(attempt, destination, ExportState.FAILED, json.dumps(failure))
        except Exception:
            _log.exception("export %s: an unexpected error", record.id)
            failure = {"reason": "INTERNAL", "message": "the server failed; its log says why", "scenes": []}
            self._remove(attempt, destination, ExportState.FAILED, json.dumps(failure))

    def _make(self, attempt: Attempt, destination: Destination) -> None:
        record = attempt.record
        job = attempt.patiently(lambda: self._replan(record))
        private_folder(self._scratch)
        work = self._work(job, attempt, destination)
        with acting_for(job.caller), ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="export-part") as pool:
            parts = [number for number in range(work.count) if not attempt.is_done(number)]
            futures = [pool.submit(self._make_part, work, attempt, job, number) for number in parts]
            ended = wait(futures, return_when=FIRST_EXCEPTION).done
            if error := next(filter(None, (future.exception() for future in ended)), None):
                for future in futures:
                    future.cancel()
                attempt.stop()  # the parts beside it
                raise error
            work.finish()
        if self._jobs.end(record.id, record.attempt, ExportState.SUCCEEDED):
            self._meter.note_export("succeeded")
            _log.info("export %s: it succeeded", record.id)
        else:
            raise RenderCancelled

    def _work(self, job: ExportJob, attempt: Attempt, destination: Destination) -> ExportWork:
        return FileExport(job, attempt, destination, self._engine, self._scratch)

    def _make_part(self, work: ExportWork, attempt: Attempt, job: ExportJob, number: int) -> None:
        with acting_for(job.caller):
            for tries in range(1, _SOURCE_TRIES + 1):
                attempt.check()
                try:
                    work.make(number)
                    break
                except SourceUnavailable as error:
                    if tries == _SOURCE_TRIES:
                        raise SourceUnavailable(error.image_id or job.plan.image_id, error.band, error.problem) from None
        self._meter.note_export_part(attempt.parts[number].size)

    def _remove(
        self, attempt: Attempt, destination: Destination, state: ExportState, failure: str = ""
    ) -> None:
        """End an export that does not succeed, once nothing of it is left."""
        for part in list(attempt.parts.values()):
            if part.upload:
                destination.abort(part.key, part.upload)
            if part.key:
                destination.delete(part.key)
        record = attempt.record
        if self._jobs.end(record.id, record.attempt, state, failure):
            self._meter.note_export(state.value.lower())
            _log.info("export %s: %s", record.id, failure or "it was cancelled")


def _lease_key(export_id: str) -> str:
    return f"exports/{export_id}"


def _failure(error: DownloadError) -> str:
    scenes = []
    if isinstance(error, SourceUnavailable) and error.image_id:
        scenes.append({"image": error.image_id, "problem": f"{error}"})
    return json.dumps({"reason": error.reason, "message": f"{error}", "scenes": scenes})
