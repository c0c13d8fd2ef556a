"""Threads and places that are shared fairly between tenants, and within a tenant between its connections."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from rasterwire.download.meter import NO_METER, Meter
from rasterwire.download.queue_delay import QueueDelay
from rasterwire.errors import Overloaded
from rasterwire.spans import queued
from rasterwire.turns import Caller, Turns, acting_for

__all__ = ["FairPool", "FairSlots"]

T = TypeVar("T")

_RETRY_AFTER = 2.0

_PART_KEPT = 4
"""One part in so many of the places is kept for each tenant that has few, though others have taken the most."""


@dataclass(eq=False, slots=True)
class _Work:
    """What waits for a thread."""

    future: Future[Any]
    function: Callable[[], Any]
    came: float


class FairPool:
    """Threads that tenants share by the cost of their work; that of one connection is done in its order.

    A tenant leaves one thread to others. Where the server knows no tenants, connections share in the same way.
    """

    def __init__(
        self,
        threads: int,
        name: str,
        most_a_peer: int | None = None,
        meter: Meter = NO_METER,
        room: "FairSlots | None" = None,
    ) -> None:
        """Begin without work.

        Args:
            threads: pieces of work that are done at once.
            name: of the threads.
            most_a_peer: of the threads that a connection gets where there are no tenants, though nobody else wants
                them; None for all.
            meter: is told how long work waits.
            room: for what is done or waits; None where it is bounded elsewhere.
        """
        self.threads = threads
        self._name = name
        self._meter = meter
        self._room = room
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._delay = QueueDelay()
        most_a_tenant = max(1, threads - 1)
        self._turns: Turns[_Work] = Turns(most=lambda caller: most_a_tenant if caller.tenant else most_a_peer)

    @property
    def are_all_taken(self) -> bool:
        """Whether who comes now has to wait."""
        return self._turns.running >= self.threads

    @property
    def running_and_waiting(self) -> tuple[int, int]:
        """How many pieces of work are done now, and how many wait."""
        with self._lock:
            return self._turns.running, len(self._turns)

    def check_delay(self, caller: Caller, most_a_thread: int) -> None:
        """Refuse what would need a thread of these while others have long waited for one.

        Args:
            caller: that wants it.
            most_a_thread: pieces of work that may wait for each thread all the same: of its tenant, or tenants that
                have some waiting where its own has none, so that nobody is kept out by the many of another one.

        Raises:
            Overloaded: the queue stands, and has enough in it; see ``QueueDelay``.
        """
        with self._lock:
            is_crowded = self._turns.ahead_of(caller) >= most_a_thread * self.threads
            if is_crowded and self._delay.is_standing(time.perf_counter()):
                raise Overloaded(_RETRY_AFTER)

    def submit(self, caller: Caller, function: Callable[[], T], cost: float = 1) -> "Future[T]":
        """Have a function called in one of the threads; cancelling what is returned drops what did not begin.

        Args:
            caller: whose turn it takes.
            function: does the work.
            cost: see ``Turns.push``.

        Raises:
            Overloaded: there is no room for it.
        """
        future: Future[T] = Future()
        work = _Work(future, queued(self._name, function), time.perf_counter())
        room = self._room
        if room is not None:
            room.enter(caller)
            future.add_done_callback(lambda _: room.leave(caller))
        with self._lock:
            self._turns.push(caller, work, cost)
        # with what it holds, and not only once its turn comes
        future.add_done_callback(lambda done: self._drop(caller, work) if done.cancelled() else None)
        self._pool.submit(self._serve)
        return future

    def _drop(self, caller: Caller, work: _Work) -> None:
        with self._lock:
            self._turns.remove(caller, work)

    def close(self) -> None:
        """Drop what waits, and wait for what is done now."""
        with self._lock:
            dropped = self._turns.take_all()
        for work in dropped:
            work.future.cancel()
        self._pool.shutdown()

    def _serve(self) -> None:
        while (turn := self._next()) is not None:
            caller, work, wait = turn
            future, function = work.future, work.function
            self._meter.note_wait(self._name, wait)
            try:
                if future.set_running_or_notify_cancel():
                    with acting_for(caller):
                        future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - who waits for the future is told
                future.set_exception(error)
            finally:
                with self._lock:
                    self._turns.leave(caller)
                del turn, work, future, function  # and what they hold, while this thread waits

    def _next(self) -> tuple[Caller, _Work, float] | None:
        """Return whose turn it is, the work, and the seconds that it waited."""
        with self._lock:
            clock, turn = time.perf_counter(), self._turns.pop()
            wait = 0.0 if turn is None else clock - turn[1].came
            if turn is not None or not len(self._turns):
                self._delay.note(clock, wait)
            return None if turn is None else (*turn, wait)


class FairSlots:
    """Places for what goes on at once, some of which each tenant gets though others have taken the most.

    As many again as anybody may take are kept. A tenant that has few gets some of them, and so does a connection
    that has none where there is room beside what is kept for other tenants. Without tenants, each connection that has
    none gets one.

    Attributes:
        taken: places that are taken.
    """

    def __init__(self, places: int) -> None:
        """Begin empty.

        Args:
            places: that anybody may take; as many again are kept for tenants and connections that have few or none.
        """
        self.taken = 0
        self._places = places
        self._lock = threading.Lock()
        self._by_caller: Counter[Caller] = Counter()
        self._by_tenant: Counter[str] = Counter()

    def enter(self, caller: Caller) -> None:
        """Take a place; it needs a ``leave``.

        Raises:
            Overloaded: there is none.
        """
        with self._lock:
            if not self._has_place(caller):
                raise Overloaded(_RETRY_AFTER)
            self.taken += 1
            self._by_caller[caller] += 1
            self._by_tenant[caller.tenant] += 1

    def _has_place(self, caller: Caller) -> bool:
        taken = self.taken
        if taken < self._places:
            return True
        if taken >= 2 * self._places:
            return False
        if not caller.tenant:
            return not self._by_caller[caller]
        part = max(1, self._places // _PART_KEPT)
        if self._by_tenant[caller.tenant] < part:
            return True
        return taken < self._places + part and not self._by_caller[caller]

    def leave(self, caller: Caller) -> None:
        """Give a place back."""
        with self._lock:
            self.taken -= 1
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]
            self._by_tenant[caller.tenant] -= 1
            if not self._by_tenant[caller.tenant]:
                del self._by_tenant[caller.tenant]
