"""The event loop of all requests to sources, in a thread of its own, used by threads that wait for the answers."""

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

__all__ = ["OfLoop", "call_at_stop", "run", "stop", "submit"]

T = TypeVar("T")


class _Loop:
    """A loop and its thread, which begin with the first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.closings: list[Callable[[], Awaitable[object]]] = []

    def start(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which runs."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # It ends with the process also where nobody calls stop.
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="requests to sources", daemon=True
                )
                self._thread.start()
            return self._loop

    def stop(self) -> None:
        """Close all connections and end the thread, if there is one."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_close(self.closings), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


_loop = _Loop()
"""Of this process. A forked one would need another; processes of a server are spawned."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine, from any thread but that of the loop."""
    return submit(coroutine).result()


def submit(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Let the loop run a coroutine, and return its future; also for another loop, which can wrap it."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop.start())


def call_at_stop(closing: Callable[[], Awaitable[object]]) -> None:
    """Let the loop call this when it stops: it closes connections. From the thread of the loop only."""
    _loop.closings.append(closing)


def stop() -> None:
    """Close all connections and end the thread; the next ``run`` begins anew. Requests in flight are cancelled."""
    _loop.stop()


class OfLoop(Generic[T]):
    """A value that belongs to one loop, such as connections; each loop gets its own.

    Args:
        make: returns a new one; called in the loop.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """Return the value of the loop that runs; from its thread only."""
        loop = asyncio.get_running_loop()
        if loop not in self._values:
            self._values[loop] = self._make()
        return self._values[loop]


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _close(closings: list[Callable[[], Awaitable[object]]]) -> None:
    present = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not present]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    while closings:
        await closings.pop()()
    await asyncio.sleep(0)  # transports close in the next round


atexit.register(stop)
