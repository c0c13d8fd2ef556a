"""Functions that block, such as lookups of names, called from the loop of all sources: few at a time, none for long.

Nothing ends a lookup that a name server does not answer. So each source has threads of its own, which others do not
wait for, and a call that takes too long is given up while its thread is still occupied.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from rasterwire.files.sources.attempts import Failure
from rasterwire.files.sources.loop import OfLoop

__all__ = ["BlockingCalls"]

T = TypeVar("T")

_MAX_THREADS = 8
"""Of a source. Those of calls that were given up count until they end."""


class BlockingCalls:
    """Threads of one source.

    Args:
        seconds: that a call may take, the wait for a thread included.
        problem: what is said of a file for which it takes longer.
    """

    def __init__(self, seconds: float, problem: str) -> None:
        self._seconds, self._problem = seconds, problem
        self._places = OfLoop(lambda: asyncio.Semaphore(_MAX_THREADS))

    async def run(self, function: Callable[[], T]) -> T:
        """Return what a function returns.

        Raises:
            Failure: it takes too long.
            Exception: of the function.
        """
        try:
            async with asyncio.timeout(self._seconds):
                places = self._places.get()
                await places.acquire()
                return await asyncio.wrap_future(_started(function, places))
        except TimeoutError:
            raise Failure(self._problem, is_temporary=True) from None


def _started(function: Callable[[], T], places: asyncio.Semaphore) -> "Future[T]":
    """Call a function in a thread, and give its place back when it ends, however long that takes."""
    loop = asyncio.get_running_loop()
    future: Future[T] = Future()

    def leave() -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(places.release)

    def call() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  it belongs to whoever waits
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(result)
        finally:
            leave()

    # A process ends without waiting for it.
    try:
        threading.Thread(target=call, name="blocking call of a source", daemon=True).start()
    except RuntimeError:  # the system starts no thread now
        places.release()
        raise Failure("this server has no thread for it now", is_temporary=True) from None
    return future
