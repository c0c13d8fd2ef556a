"""The leases of renders that this process is at."""

import logging
import threading
from collections.abc import Callable

from rasterwire.download.meter import NO_METER, Meter
from rasterwire.errors import StorageUnavailable
from rasterwire.store import Leases

_SECONDS = 10.0
"""That a lease lasts when its process dies."""

_RENEWED_EVERY = 1.0
"""Seconds; others learn as often how far a work is."""

_log = logging.getLogger("rasterwire.server")


class HeldLeases:
    """Acquires leases, and renews them in a thread of its own until they are released.

    A lease saves work and nothing else: where the store of leases cannot be reached, or a lease was lost because this
    process stood still, the work goes on. Equal plans give equal bytes, and an etag is stored once.
    """

    def __init__(self, leases: Leases, owner: str, meter: Meter = NO_METER) -> None:
        self._leases = leases
        self._owner = owner
        self._meter = meter
        self._lock = threading.Lock()
        self._fences: dict[str, int] = {}
        self._progresses: dict[str, Callable[[], float]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._renew_all, name="leases", daemon=True)
        self._thread.start()

    def acquire(self, key: str, progress: Callable[[], float]) -> bool:
        """Tell whether this process may do the work of a key: nobody else is at it.

        Args:
            key: of the work.
            progress: returns the part of it that is done, from 0 to 1.
        """
        try:
            lease = self._leases.acquire(key, self._owner, _SECONDS)
        except StorageUnavailable:
            return True
        if lease is None:
            return False
        with self._lock:
            self._fences[key], self._progresses[key] = lease.fence, progress
        if lease.is_taken_over:
            self._meter.note_takeover()
        return True

    def progress(self, key: str) -> float:
        """Return the part of a work that another process has done, from 0 to 1; 0 where that is not known."""
        try:
            return self._leases.progress(key)
        except StorageUnavailable:
            return 0.0

    def release(self, key: str) -> None:
        """Let others do the work of a key, or see that it is done. A key without a lease is passed over."""
        with self._lock:
            fence = self._fences.pop(key, None)
            self._progresses.pop(key, None)
        if fence is not None:
            try:
                self._leases.release(key, fence)
            except StorageUnavailable:
                _log.warning("a lease could not be released; it ends by itself within %g s", _SECONDS)

    def close(self) -> None:
        """Release all leases, and close their store."""
        self._closed.set()
        self._thread.join()
        for key in list(self._fences):
            self.release(key)
        self._leases.close()

    def _renew_all(self) -> None:
        while not self._closed.wait(_RENEWED_EVERY):
            with self._lock:
                held = [(key, fence, self._progresses[key]) for key, fence in self._fences.items()]
            for key, fence, progress in held:
                self._renew(key, fence, progress())

    def _renew(self, key: str, fence: int, progress: float) -> None:
        try:
            is_held = self._leases.renew(key, fence, _SECONDS, progress)
        except StorageUnavailable:
            return
        if not is_held:
            with self._lock:
                if self._fences.get(key) == fence:
                    del self._fences[key], self._progresses[key]
                    _log.warning("another server took over the render of etag %s", key)
