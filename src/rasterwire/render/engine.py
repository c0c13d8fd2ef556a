"""Engines within this process."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, count, islice
from typing import Any, Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class SerialEngine:
    """Runs every item when its result is asked for."""

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """See ``Engine.map``."""
        # a generator and not map(): it can be closed, and it ends with the first error
        for item in items:
            yield function(item)


_YOUNG = 8
"""Items of a map that come before those of maps that had more: small work does not wait for large."""

_OLD_EVERY = 4
"""One item in so many is of a map that had more, however much young work there is."""


class _Lane(Generic[A, B]):
    """The items of one map that wait for a thread."""

    def __init__(self, function: Callable[[A], B]) -> None:
        self.function = function
        self.waiting: deque[tuple[Future[B], A]] = deque()
        self.begun = 0


class ThreadEngine:
    """Runs items on a pool of threads that all maps share in turn; an only item in the thread that asks for it.

    Attributes:
        workers: threads, and with one more the most results that exist at once for each map.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._lock = threading.Lock()
        self._young: deque[_Lane[Any, Any]] = deque()
        self._old: deque[_Lane[Any, Any]] = deque()
        self._begun = 0
        threads = count()
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="render", initializer=lambda: _keep_to_a_core(next(threads), workers)
        )

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """See ``Engine.map``."""
        waiting: deque[Future[B]] = deque()
        source = iter(items)
        first = list(islice(source, 2))
        if len(first) < 2:  # nothing to do side by side: another thread would only have to be woken
            yield from map(function, first)
            return
        source, lane = chain(first, source), _Lane(function)
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
        return self._young if lane.begun < _YOUNG else self._old

    def _run_next(self) -> None:
        """Run the item whose turn it is, which need not be the one that this call was made for."""
        with self._lock:
            self._begun += 1
            is_turn_of_old = self._old and (not self._young or self._begun % _OLD_EVERY == 0)
            lane = (self._old if is_turn_of_old else self._young).popleft()
            future, item = lane.waiting.popleft()
            lane.begun += 1
            if lane.waiting:
                self._lanes(lane).append(lane)
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(lane.function(item))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
            future.set_exception(error)

    def close(self) -> None:
        """Wait for what runs, drop what waits, and end the threads."""
        with self._lock:
            dropped = [future for lane in (*self._young, *self._old) for future, _ in lane.waiting]
        for future in dropped:
            future.cancel()
        self._pool.shutdown(cancel_futures=True)


def _keep_to_a_core(number: int, threads: int) -> None:
    """Keep the calling thread, one of as many as there are cores, to one of them, where the system can.

    They hand the interpreter to each other and to those that send, and the kernel would wake the next
    where the last one ran, behind it, though another core is idle.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if threads == len(cores) > 1:
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.sched_setaffinity(0, {cores[number]})
