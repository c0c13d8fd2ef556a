"""Engines within this process."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, count, islice
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


class SerialEngine:
    """Runs every item when its result is asked for."""

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """See ``Engine.map``."""
        # a generator and not map(): it can be closed, and it ends with the first error
        for item in items:
            yield function(item)


class ThreadEngine:
    """Runs items on a pool of threads that all renders share; an only item in the thread that asks for it.

    Attributes:
        workers: threads, and with one more the most results that exist at once for each map.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
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
        source = chain(first, source)
        try:
            waiting.extend(self._pool.submit(function, item) for item in islice(source, self.workers + 1))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(self._pool.submit(function, item) for item in islice(source, 1))
                yield result
                del result
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Wait for what runs, drop what waits, and end the threads."""
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
