"""Engines within this process."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
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
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="render")

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
