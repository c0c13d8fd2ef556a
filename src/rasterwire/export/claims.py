"""Which exports this process works at."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from rasterwire.errors import StorageUnavailable
from rasterwire.store import Leases
from rasterwire.store.jobs import JobStore

__all__ = ["ExportClaims"]

_LEASE_SECONDS = 5.0
"""After which another process goes on with an export whose process died."""

_FIRST_PAUSE = 1.0
"""Seconds for which this process leaves an export whose attempt has failed; each next pause is twice as long."""

_LONGEST_PAUSE = 60.0

_MAX_SEEN = 2000
"""Exports that are looked at: as many as a server takes."""

_TRIES = 20
"""Of these, those whose lease is asked for at once; the next ones come at the next look, so that many servers do not
ask for those of each other alone."""


class ExportClaims:
    """Takes exports that have not ended, under a lease each.

    A lease saves work and nothing else: what keeps two processes apart is the number of the attempt.

    Attributes:
        jobs: the exports.
    """

    def __init__(self, jobs: JobStore, leases: Leases, owner: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any.

        Args:
            jobs: the exports; not closed with this.
            leases: closed with this.
            owner: of the leases, for the operator.
            clock: of the pauses; seconds.
        """
        self.jobs = jobs
        self._leases = leases
        self._owner = owner
        self._lock = threading.Lock()
        self._fences: dict[str, int] = {}
        self._first = 0
        self._clock = clock
        self._pauses: dict[str, tuple[float, float]] = {}  # how long each is, and when it ends

    def __len__(self) -> int:
        """Return how many exports this process has."""
        return len(self._fences)

    def take(self, destinations: Collection[str], most: int) -> Iterator[str]:
        """Take exports that nobody works at, and yield the id of each at once, so that no later error loses it.

        Args:
            destinations: that they may go to.
            most: exports.

        Raises:
            StorageUnavailable: the store of exports or of leases cannot be reached.
        """
        if most <= 0:
            return
        ids = self.jobs.unfinished(destinations, _MAX_SEEN)
        waiting = self._waiting({*ids})
        free = [export_id for export_id in ids if export_id not in self._fences and export_id not in waiting]
        if self._first >= len(free):
            self._first = 0
        taken = 0
        for export_id in free[self._first : self._first + _TRIES]:
            lease = self._leases.acquire(_key(export_id), self._owner, _LEASE_SECONDS)
            if lease is not None:
                with self._lock:
                    self._fences[export_id] = lease.fence
                taken += 1
                yield export_id
                if taken >= most:
                    break
        self._first = 0 if taken else self._first + _TRIES

    def _waiting(self, unfinished: set[str]) -> set[str]:
        """Return the exports that this process leaves for a while, and forget those that have ended."""
        with self._lock:
            self._pauses = {key: pause for key, pause in self._pauses.items() if key in unfinished}
            return {key for key, (_, end) in self._pauses.items() if end > self._clock()}

    def renew(self) -> None:
        """Keep all exports that were taken for some seconds more."""
        with self._lock:
            fences = list(self._fences.items())
        for export_id, fence in fences:
            self._leases.renew(_key(export_id), fence, _LEASE_SECONDS)

    def postpone(self, export_id: str) -> None:
        """Leave an export for a while, longer each time, once it is released: what failed may do so again."""
        with self._lock:
            before, _ = self._pauses.get(export_id, (0.0, 0.0))
            pause = min(2 * before, _LONGEST_PAUSE) if before else _FIRST_PAUSE
            self._pauses[export_id] = pause, self._clock() + pause

    def release(self, export_id: str) -> None:
        """Let others take an export, or see that it has ended."""
        with self._lock:
            fence = self._fences.pop(export_id)
        with suppress(StorageUnavailable):
            self._leases.release(_key(export_id), fence)

    def close(self) -> None:
        """Close the leases, once all exports are released."""
        self._leases.close()


def _key(export_id: str) -> str:
    return f"exports/{export_id}"
