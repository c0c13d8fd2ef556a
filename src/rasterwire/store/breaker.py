"""Keeps callers from waiting for a server that does not answer."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rasterwire.errors import StorageUnavailable

__all__ = ["Breaker"]

_MAX_FAILURES = 3
"""In a row, after which calls are refused."""

_PAUSE = 1.0
"""Seconds for which calls are refused before one is tried."""


class Breaker:
    """A circuit breaker: after some failures in a row calls are refused at once, and one a second is tried.

    So a server that is silent holds a few threads and not all of them, and one that is back is found within a second.
    Safe to use from several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a server that answers.

        Args:
            clock: returns seconds.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_trial = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Make one call in the block. It fails by raising ``StorageUnavailable``; other errors are answers.

        Raises:
            StorageUnavailable: the call is refused; nothing was asked.
        """
        self._enter()
        try:
            yield
        except StorageUnavailable:
            self._end(is_failure=True)
            raise
        except Exception:
            self._end(is_failure=False)
            raise
        else:
            self._end(is_failure=False)

    def _enter(self) -> None:
        with self._lock:
            if self._failures < _MAX_FAILURES:
                return
            if self._clock() < self._next_trial:
                raise StorageUnavailable
            self._next_trial = self._clock() + _PAUSE  # others wait for what this call finds

    def _end(self, *, is_failure: bool) -> None:
        with self._lock:
            self._failures = self._failures + 1 if is_failure else 0
            if is_failure:
                self._next_trial = self._clock() + _PAUSE
