"""What becomes of a map on Dask: its function, and each item by itself."""

import asyncio
import pickle
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future as LocalFuture
from functools import lru_cache
from typing import Any

from distributed import Client, Future, get_worker
from distributed.comm.core import CommClosedError
from distributed.worker import thread_state

from rasterwire.errors import RenderCancelled, WorkersUnavailable
from rasterwire.render.build import BUILD, OtherBuild
from rasterwire.render.engine import sharer
from rasterwire.render.item_check import item_check
from rasterwire.spans import Span, current_span
from rasterwire.turns import current_caller

__all__ = ["Job", "Piece", "fetched", "submitted"]

_INLINE = 64 << 10
"""Bytes of a function up to which it goes with each item: workers that have it already are not preferred then, and
plans of most downloads take two."""

_LOADED = 32
"""Functions that a worker keeps, so that what they remember of a plan is used again."""


def _call(function: bytes, content: bytes, build: str) -> Any:
    """Call a function on a worker."""
    if build != BUILD:
        raise OtherBuild(build)
    token = item_check.set(_check_of_task())
    try:
        return _loaded(function)(pickle.loads(content))
    finally:
        item_check.reset(token)


def _check_of_task() -> Callable[[], None]:
    """Return what raises once the scheduler has dropped the task of this thread: workers do not end their threads."""
    try:
        worker, key = get_worker(), thread_state.key
    except (ValueError, AttributeError):  # nobody drops it here
        return lambda: None

    def check() -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state in {"cancelled", "released", "forgotten"}:
            raise RenderCancelled

    return check


@lru_cache(maxsize=_LOADED)
def _loaded(function: bytes) -> Callable[[Any], Any]:
    loaded: Callable[[Any], Any] = pickle.loads(function)
    return loaded


class Job:
    """One map on its way.

    Attributes:
        caller: for whom it is.
        span: that its items are parts of; None where nobody traces it.
        began: when, by the clock that only goes forward.
        spent: the cost of its items so far.
    """

    def __init__(self, function: Callable[[Any], Any], cost: Callable[[Any], float] | None) -> None:
        self._content = pickle.dumps(function, protocol=5)
        self._cost = cost
        self.caller = sharer(current_caller())
        self.span: Span | None = current_span.get()
        self.spent = 0.0
        self.began = time.monotonic()
        self._client: Client | None = None
        self._function: Future[Any] | None = None
        self._lock = threading.Lock()

    def cost(self, argument: object) -> float:
        """Return what an item costs."""
        return 1.0 if self._cost is None else self._cost(argument)

    def function_on(self, client: Client) -> "bytes | Future[Any]":
        """Return the function as it is sent with an item: itself, or what stands for a large one that all workers have.

        It is given to the workers again where all that had it are gone.

        Raises:
            WorkersUnavailable: they do not take it.
        """
        if len(self._content) <= _INLINE:
            return self._content
        with self._lock:
            function = self._function
            if function is None or self._client is not client or function.status in {"cancelled", "lost"}:
                try:
                    function = client.scatter(self._content, broadcast=True, hash=False)
                except (OSError, CommClosedError) as error:  # the first are those of time too
                    raise WorkersUnavailable("the workers did not take what they are to render in time") from error
                self._client, self._function = client, function
            return function

    def next_priority(self, cost: float) -> int:
        """Return the priority of the next item: it falls with the logarithm of what the job had."""
        self.spent += cost
        return -int(self.spent).bit_length()


class Piece:
    """An item of a map.

    Attributes:
        settled: whether there is a result, or an error, or it was lost.
        remote: the result on a worker; None before it is sent.
        problem: with which it cannot even be sent.
        is_dropped: whether nobody wants it any more.
    """

    def __init__(self, job: Job, argument: object) -> None:
        self.job = job
        self.cost = job.cost(argument)
        self.content = pickle.dumps(argument, protocol=5)
        self.settled = threading.Event()
        self.remote: Future[Any] | None = None
        self.problem: Exception | None = None
        self.is_dropped = False
        self.span: Span | None = None


def submitted(piece: Piece, client: Client) -> "Future[Any]":
    """Send an item to the workers; return its result there."""
    job = piece.job
    return client.submit(
        _call,
        job.function_on(client),
        piece.content,
        BUILD,
        key=f"rasterwire-{uuid.uuid4().hex}",
        pure=False,
        priority=job.next_priority(piece.cost),
        resources={BUILD: 1},
    )


def fetched(remote: "Future[Any]") -> "LocalFuture[Any]":
    """Begin to fetch a result; it may not come while the worker that had it is lost and it is computed again."""
    return asyncio.run_coroutine_threadsafe(_awaited(remote), remote.client.loop.asyncio_loop)


async def _awaited(remote: "Future[Any]") -> Any:
    return await remote
