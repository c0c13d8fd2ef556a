"""Engines within this process."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, count, islice
from typing import Any, Generic, TypeVar

from rasterwire.spans import carried

A = TypeVar("A")
B = TypeVar("B")


class SerialEngine:
    """Runs each item when its result is requested."""

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """See ``Engine.map``."""
        # unlike map(), a generator can be closed, and ends with the first error
        for item in items:
            yield function(item)


_YOUNG = 8
"""A map is young up to so many items. Young maps go first, so that a small one does not wait for a large one."""

_OLD_EVERY = 4
"""One item in so many comes from an old map, however many young ones wait."""


class _Lane(Generic[A, B]):
    """The items of one map that wait for a thread, and how many have started."""

    def __init__(self, function: Callable[[A], B]) -> None:
        self.function = function
        self.waiting: deque[tuple[Future[B], A]] = deque()
        self.started = 0


class ThreadEngine:
    """Runs items on a pool of threads that all maps share in turn; a single item in the thread of the caller.

    Attributes:
        workers: number of threads. For each map at most one result more exists at once.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._lock = threading.Lock()
        self._young: deque[_Lane[Any, Any]] = deque()
        self._old: deque[_Lane[Any, Any]] = deque()
        self._started = 0
        threads = count()
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="render", initializer=lambda: _pin_to_core(next(threads), workers)
        )

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """See ``Engine.map``."""
        waiting: deque[Future[B]] = deque()
        source = iter(items)
        first = list(islice(source, 2))
        if len(first) < 2:  # nothing to run in parallel: another thread would only have to be woken
            yield from map(function, first)
            return
        source, lane = chain(first, source), _Lane(carried(function))
        try:
            waiting.extend(self._submit(lane, item) for item in islice(source, self.workers + 1))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(self._submit(lane, item) for item in islice(source, 1))
                yield result
                del result
        finally:
            for future in waiting:
                future.cancel()

    def _submit(self, lane: _Lane[A, B], item: A) -> "Future[B]":
        future: Future[B] = Future()
        with self._lock:
            if not lane.waiting:
                self._lanes(lane).append(lane)
            lane.waiting.append((future, item))
        self._pool.submit(self._run_next)
        return future

    def _lanes(self, lane: _Lane[A, B]) -> "deque[_Lane[A, B]]":
        return self._young if lane.started < _YOUNG else self._old

    def _run_next(self) -> None:
        """Run the item whose turn it is; it may be another one than the item that this call was submitted for."""
        with self._lock:
            self._started += 1
            is_turn_of_old = self._old and (not self._young or self._started % _OLD_EVERY == 0)
            lane = (self._old if is_turn_of_old else self._young).popleft()
            future, item = lane.waiting.popleft()
            lane.started += 1
            if lane.waiting:
                self._lanes(lane).append(lane)
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(lane.function(item))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
            future.set_exception(error)

    def close(self) -> None:
        """Wait for the items that run, drop those that wait, and end the threads."""
        with self._lock:
            waiting = [future for lane in (*self._young, *self._old) for future, _ in lane.waiting]
        for future in waiting:
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
