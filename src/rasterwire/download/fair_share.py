"""Threads and places that are shared fairly between peers."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from rasterwire.download.meter import NO_METER, Meter
from rasterwire.errors import Overloaded
from rasterwire.spans import queued

T = TypeVar("T")

_RETRY_AFTER = 2.0


class FairPool:
    """Threads that do one piece of work of each peer in turn; that of one peer in its order."""

    def __init__(self, threads: int, name: str, most_a_peer: int | None = None, meter: Meter = NO_METER) -> None:
        """Begin without work.

        Args:
            threads: pieces of work that are done at once.
            name: of the threads.
            most_a_peer: of the threads that one peer gets, though nobody else wants them; None for all.
            meter: is told how long work waits.
        """
        self.threads = threads
        self._name = name
        self._meter = meter
        self._most = most_a_peer or threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[tuple[Future[Any], Callable[[], Any], float]]] = {}  # the next peer first
        self._running: Counter[str] = Counter()

    @property
    def are_all_taken(self) -> bool:
        """Whether who comes now has to wait."""
        return self._running.total() >= self.threads

    @property
    def running_and_waiting(self) -> tuple[int, int]:
        """How many pieces of work are done now, and how many wait."""
        with self._lock:
            return self._running.total(), sum(map(len, self._waiting.values()))

    def submit(self, peer: str, function: Callable[[], T]) -> "Future[T]":
        """Have a function called in one of the threads; cancelling what is returned drops what did not begin."""
        future: Future[T] = Future()
        function = queued(self._name, function)
        with self._lock:
            self._waiting.setdefault(peer, deque()).append((future, function, time.perf_counter()))
        # with what it holds, and not only once its turn comes
        future.add_done_callback(lambda done: self._drop(peer, done) if done.cancelled() else None)
        self._pool.submit(self._serve)
        return future

    def _drop(self, peer: str, future: "Future[Any]") -> None:
        with self._lock:
            queue = deque(work for work in self._waiting.get(peer, ()) if work[0] is not future)
            if queue:
                self._waiting[peer] = queue
            else:
                self._waiting.pop(peer, None)

    def close(self) -> None:
        """Drop what waits, and wait for what is done now."""
        with self._lock:
            dropped = [future for queue in self._waiting.values() for future, *_ in queue]
            self._waiting.clear()
        for future in dropped:
            future.cancel()
        self._pool.shutdown()

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            peer, future, function, came = work
            self._meter.note_wait(self._name, time.perf_counter() - came)
            try:
                if future.set_running_or_notify_cancel():
                    future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - who waits for the future is told
                future.set_exception(error)
            finally:
                with self._lock:
                    self._running[peer] -= 1
                    if not self._running[peer]:
                        del self._running[peer]
                del work, future, function  # and what they hold, while this thread waits

    def _next(self) -> tuple[str, "Future[Any]", Callable[[], Any], float] | None:
        with self._lock:
            peer = next((peer for peer in self._waiting if self._running[peer] < self._most), None)
            if peer is None:
                return None
            queue = self._waiting.pop(peer)
            future, function, came = queue.popleft()
            if queue:
                self._waiting[peer] = queue  # behind the others
            self._running[peer] += 1
            return peer, future, function, came


class FairSlots:
    """Places for what goes on at once, of which each peer gets one though others have taken the most."""

    def __init__(self, places: int) -> None:
        """Begin empty.

        Args:
            places: that anybody may take; as many again are kept for peers that have none.
        """
        self._places = places
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Places that are taken."""
        return self._taken.total()

    def enter(self, peer: str) -> None:
        """Take a place; it needs a ``leave``.

        Raises:
            Overloaded: there is none.
        """
        with self._lock:
            taken = self._taken.total()
            if taken >= self._places and (taken >= 2 * self._places or self._taken[peer]):
                raise Overloaded(_RETRY_AFTER)
            self._taken[peer] += 1

    def leave(self, peer: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[peer] -= 1
            if not self._taken[peer]:
                del self._taken[peer]
