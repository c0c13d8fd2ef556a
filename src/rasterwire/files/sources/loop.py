"""The event loop of all requests to sources, in a thread of its own, used by threads that wait for the answers."""

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["call_at_stop", "run", "stop"]

T = TypeVar("T")

_lock = threading.Lock()
_running: list[tuple[asyncio.AbstractEventLoop, threading.Thread]] = []
_closings: list[Callable[[], Awaitable[object]]] = []


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine, from any thread but that of the loop."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


def call_at_stop(closing: Callable[[], Awaitable[object]]) -> None:
    """Let the loop call this when it stops: it closes connections. From the thread of the loop only."""
    _closings.append(closing)


def stop() -> None:
    """Close all connections and end the thread; the next ``run`` begins anew. Without a loop nothing happens."""
    with _lock:
        if not _running:
            return
        loop, thread = _running.pop()
    asyncio.run_coroutine_threadsafe(_close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:
        if not _running:
            loop = asyncio.new_event_loop()
            # It ends with the process also where nobody calls stop.
            thread = threading.Thread(target=_serve, args=(loop,), name="requests to sources", daemon=True)
            thread.start()
            _running.append((loop, thread))
        return _running[0][0]


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def _close() -> None:
    present = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not present]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    while _closings:
        await _closings.pop()()
    await asyncio.sleep(0)  # transports close in the next round


atexit.register(stop)
