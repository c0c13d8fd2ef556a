"""One attempt at an export: what it may still do, and what those before it have done."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from rasterwire.errors import CatalogUnavailable, DownloadError, Overloaded, RenderCancelled, StorageUnavailable
from rasterwire.store.jobs import ExportRecord, JobStore, PartRecord

__all__ = ["Attempt"]

_FIRST_WAIT = 0.5
"""Seconds after which something is tried again that may succeed later; the next waits are twice as long each."""

_LONGEST_WAIT = 30.0

_TRIES = 12
"""About four minutes in all: a bucket or a database that is away for longer ends the attempt."""

_TRANSIENT = (StorageUnavailable, Overloaded, CatalogUnavailable)

_log = logging.getLogger("rasterwire.server")

T = TypeVar("T")


class Attempt:
    """Stores what is done, for as long as no other attempt has claimed the export, and nobody cancels it.

    Attributes:
        record: of the export, as it was claimed.
        parts: those that were begun, by their numbers.
    """

    def __init__(self, jobs: JobStore, record: ExportRecord, note_part: Callable[[int], None]) -> None:
        """Begin where the attempt before has ended.

        Args:
            jobs: of the export.
            record: of the export, as it was claimed.
            note_part: is told the bytes of each part that is done.
        """
        self._jobs = jobs
        self._note_part = note_part
        self.record = record
        self.parts = {part.number: part for part in jobs.parts(record.id)}
        self._stopped = threading.Event()
        self._idle = threading.Condition()
        self._busy = 0

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End the attempt at its next block."""
        self._stopped.set()

    def check(self) -> None:
        """Go on.

        Raises:
            RenderCancelled: the attempt is stopped.
        """
        if self._stopped.is_set():
            raise RenderCancelled

    @contextmanager
    def task(self) -> Iterator[None]:
        """Return a block in which a thread of this process makes a part.

        Raises:
            RenderCancelled: the attempt is stopped, before the block begins.
        """
        with self._idle:
            self.check()
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def join(self) -> None:
        """Stop, and wait for the threads that make parts: what they store must not come after it is removed."""
        self.stop()
        with self._idle:
            self._idle.wait_for(lambda: not self._busy)

    def pause(self, seconds: float) -> None:
        """Go on a while later.

        Raises:
            RenderCancelled: the attempt is stopped.
        """
        self._stopped.wait(seconds)
        self.check()

    def is_done(self, number: int) -> bool:
        """Tell whether a part is written."""
        part = self.parts.get(number)
        return part is not None and part.is_done

    def save(self, part: PartRecord) -> None:
        """Store a part.

        Raises:
            RenderCancelled: the export is another's by now, or was cancelled.
        """
        stored = replace(part, attempt=self.record.attempt)
        if not self.patiently(lambda: self._jobs.put_part(self.record.id, stored)):
            self.stop()
            raise RenderCancelled
        self.parts[part.number] = stored
        if part.is_done:
            self._note_part(part.size)

    def patiently(self, function: Callable[[], T]) -> T:
        """Do something, again and again where it may succeed later.

        Raises:
            RenderCancelled: the attempt is stopped.
            DownloadError: it fails for good, or too often.
        """
        wait = _FIRST_WAIT
        for _ in range(_TRIES - 1):
            self.check()
            try:
                return function()
            except _TRANSIENT as error:
                _log.warning("export %s: %s; it is tried again in %g s", self.record.id, _words(error), wait)
                self.pause(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
        self.check()
        return function()


def _words(error: DownloadError) -> str:
    return f"{error.reason}: {error}"
