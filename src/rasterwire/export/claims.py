"""Which exports this process works at."""

import threading
from collections.abc import Collection
from contextlib import suppress

from rasterwire.errors import StorageUnavailable
from rasterwire.store import Leases
from rasterwire.store.jobs import JobStore

__all__ = ["ExportClaims"]

_LEASE_SECONDS = 5.0
"""After which another process goes on with an export whose process died."""


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

    def __init__(self, jobs: JobStore, leases: Leases, owner: str) -> None:
        """Begin without any.

        Args:
            jobs: the exports; not closed with this.
            leases: closed with this.
            owner: of the leases, for the operator.
        """
        self.jobs = jobs
        self._leases = leases
        self._owner = owner
        self._lock = threading.Lock()
        self._fences: dict[str, int] = {}
        self._first = 0

    def __len__(self) -> int:
        """Return how many exports this process has."""
        return len(self._fences)

    def take(self, destinations: Collection[str], most: int) -> list[str]:
        """Take exports that nobody works at, and return their ids.

        Args:
            destinations: that they may go to.
            most: exports.
        """
        ids: list[str] = []
        if most <= 0:
            return ids
        unfinished = [key for key in self.jobs.unfinished(destinations, _MAX_SEEN) if key not in self._fences]
        if self._first >= len(unfinished):
            self._first = 0
        for export_id in unfinished[self._first : self._first + _TRIES]:
            lease = self._leases.acquire(_key(export_id), self._owner, _LEASE_SECONDS)
            if lease is not None:
                with self._lock:
                    self._fences[export_id] = lease.fence
                ids.append(export_id)
                if len(ids) >= most:
                    break
        self._first = 0 if ids else self._first + _TRIES
        return ids

    def renew(self) -> None:
        """Keep all exports that were taken for some seconds more."""
        with self._lock:
            fences = list(self._fences.items())
        for export_id, fence in fences:
            self._leases.renew(_key(export_id), fence, _LEASE_SECONDS)

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
