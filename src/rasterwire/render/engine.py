"""Engines within this process."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain, count, islice
from typing import Any, Generic, TypeVar

from rasterwire.spans import carried
from rasterwire.turns import NOBODY, Caller, Turns, current_caller

A = TypeVar("A")
B = TypeVar("B")


class SerialEngine:
    """Runs each item when its result is requested."""

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,  # noqa: ARG002  there is nobody to share with
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        """See ``Engine.map``."""
        # unlike map(), a generator can be closed, and ends with the first error
        yield from map(checked(function, check), items)


def checked(function: Callable[[A], B], check: Callable[[], None] | None) -> Callable[[A], B]:
    """Return a function that does a check first, if there is one."""
    if check is None:
        return function

    def run(argument: A) -> B:
        check()
        return function(argument)

    return run


_CHECK_SECONDS = 0.1
"""Between two checks while a result is waited for."""


def _awaited(future: "Future[B]", check: Callable[[], None] | None) -> B:
    """Return a result; what takes long shall not keep its waiter once nobody wants it."""
    if check is not None:
        while not future.done() and not wait([future], _CHECK_SECONDS).done:
            check()
    return future.result()


_YOUNG = 8
"""A map is young up to so many items. Young maps go first, so that a small one does not wait for a large one."""

_OLD_EVERY = 4
"""One item in so many comes from an old map, however many young ones wait."""


class _Lane(Generic[A, B]):
    """The items of one map that wait for a thread, and how many have started.

    Attributes:
        caller: for whom the map is.
    """

    def __init__(self, function: Callable[[A], B], cost: Callable[[A], float] | None = None) -> None:
        self.function = function
        self.cost = cost
        self.caller = sharer(current_caller())
        self.waiting: deque[tuple[_Item, float]] = deque()
        self.started = 0


_Item = tuple[_Lane[Any, Any], "Future[Any]", Any]


class _Lanes:
    """The maps of one caller that wait for a thread."""

    def __init__(self) -> None:
        self._young: deque[_Lane[Any, Any]] = deque()
        self._old: deque[_Lane[Any, Any]] = deque()
        self._started = 0

    def __len__(self) -> int:
        return sum(len(lane.waiting) for lane in (*self._young, *self._old))

    def append(self, item: tuple[_Item, float]) -> None:
        """Let an item wait, behind those of its map."""
        lane = item[0][0]
        if not lane.waiting:
            self._lanes(lane).append(lane)
        lane.waiting.append(item)

    def _lanes(self, lane: _Lane[Any, Any]) -> deque[_Lane[Any, Any]]:
        return self._young if lane.started < _YOUNG else self._old

    def popleft(self) -> tuple[_Item, float]:
        """Take the item whose turn it is."""
        self._started += 1
        is_turn_of_old = self._old and (not self._young or self._started % _OLD_EVERY == 0)
        lane = (self._old if is_turn_of_old else self._young).popleft()
        item = lane.waiting.popleft()
        lane.started += 1
        if lane.waiting:
            self._lanes(lane).append(lane)
        return item


def sharer(caller: Caller) -> Caller:
    """Return who shares threads with others: all maps do alike where there are no tenants."""
    return caller if caller.tenant else NOBODY


class ThreadEngine:
    """Runs items on a pool of threads; a single item in the thread of the caller.

    Tenants and their connections share the threads by the cost of their items, and the maps of each in turn.

    Attributes:
        workers: number of threads. For each map at most one result more exists at once.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._lock = threading.Lock()
        self._turns: Turns[_Item] = Turns(_Lanes)
        threads = count()
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="render", initializer=lambda: _pin_to_core(next(threads), workers)
        )

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        """See ``Engine.map``."""
        function = checked(function, check)
        waiting: deque[Future[B]] = deque()
        source = iter(items)
        first = list(islice(source, 2))
        if len(first) < 2:  # nothing to run in parallel: another thread would only have to be woken
            yield from map(function, first)
            return
        source, lane = chain(first, source), _Lane(carried(function), cost)
        try:
            waiting.extend(self._submit(lane, item) for item in islice(source, self.workers + 1))
            while waiting:
                result = _awaited(waiting.popleft(), check)
                waiting.extend(self._submit(lane, item) for item in islice(source, 1))
                yield result
                del result
        finally:
            for future in waiting:
                future.cancel()

    def _submit(self, lane: _Lane[A, B], item: A) -> "Future[B]":
        future: Future[B] = Future()
        with self._lock:
            self._turns.push(lane.caller, (lane, future, item), 1 if lane.cost is None else lane.cost(item))
        self._pool.submit(self._run_next)
        return future

    def _run_next(self) -> None:
        """Run the item whose turn it is; it may be another one than the item that this call was submitted for."""
        with self._lock:
            turn = self._turns.pop()
        if turn is None:  # it was dropped
            return
        caller, (lane, future, item) = turn
        try:
            if future.set_running_or_notify_cancel():
                future.set_result(lane.function(item))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
            future.set_exception(error)
        finally:
            with self._lock:
                self._turns.leave(caller)

    def close(self) -> None:
        """Wait for the items that run, drop those that wait, and end the threads."""
        with self._lock:
            waiting = self._turns.take_all()
        for _, future, _ in waiting:
            future.cancel()
        self._pool.shutdown(cancel_futures=True)


def _pin_to_core(number: int, threads: int) -> None:
    """Pin the calling thread to a core of its own, where there are as many threads as cores and the system can.

    These threads pass the interpreter lock to each other and to those that send. The kernel would wake the
    next thread on the core of the last one, behind it, although another core is idle.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if threads == len(cores) > 1:
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setaffinity(0, {cores[number]})
