"""An engine of processes on this machine or on others, by Dask distributed."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from rasterwire.errors import DownloadError, SourceUnavailable, WorkersUnavailable
from rasterwire.render import Engine
from rasterwire.render.build import BUILD, OtherBuild
from rasterwire.render.dask_census import Census, census_of, misfit_of
from rasterwire.render.dask_tasks import Job, Piece, fetched, submitted
from rasterwire.turns import Caller, Turns

__all__ = ["DaskEngine"]

A = TypeVar("A")
B = TypeVar("B")

_POLL = 0.2
"""Seconds between two checks while a result is waited for."""

_LOOK_EVERY = 2.0
"""Seconds between two counts of the workers."""

_AHEAD = 2
"""Items on their way for each thread of a worker, so that none waits for the next."""

_MAX_AHEAD = 512
"""Items on their way at once; a front that takes the results of more workers is at its end anyway."""

_SMALL_COST = float(1 << 23)
"""Of maps that run in this process: for so little, the way there and back takes longer than it saves."""

_MAX_PEEKED = 64
"""Items that are looked at to see whether a map is small."""

_PATIENCE = 30.0
"""Seconds for which workers, or the scheduler, may be away."""

_LOST = CancelledError, FutureCancelledError, CommClosedError
"""What is raised for a result that was lost with the scheduler, or with the connection to it."""

_OTHER_BUILD = "a worker has another version than the server; start all of them from one image"

_log = logging.getLogger("rasterwire.server")


class DaskEngine:
    """Runs items on the workers of a scheduler; small maps in this process.

    Tenants and their connections share the workers by the cost of their items, as with ``ThreadEngine``. Between
    several servers of one scheduler, items of jobs that had little go first. Items of workers that are lost are run
    again, those of a lost scheduler are sent again.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        near: Engine,
        patience: float = _PATIENCE,
        small_cost: float = _SMALL_COST,
    ) -> None:
        """Begin without a connection.

        Args:
            connect: returns a new connection to the scheduler.
            near: runs small maps, in this process.
            patience: seconds for which workers may be away before maps fail.
            small_cost: of small maps.
        """
        self._near = near
        self._small_cost = small_cost
        self._connect = connect
        self._patience = patience
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._turns: Turns[Piece] = Turns()
        self._running = 0
        self._threads = 0
        self._maps = 0
        self._last_seen = time.monotonic()
        self._client: Client | None = None
        self._misfit = ""
        self._is_open = True
        self._closed = threading.Event()
        self._is_needed = threading.Event()
        self._watch = threading.Thread(target=self._watch_workers, name="workers", daemon=True)
        self._watch.start()

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        """See ``Engine.map``.

        Raises:
            WorkersUnavailable: the scheduler cannot be reached, or has no worker.
            SourceUnavailable: an item ended each worker that it was given to.
        """
        source = iter(items)
        first, total = list[A](), 0.0
        for argument in source:
            first.append(argument)
            total += 1.0 if cost is None else cost(argument)
            if total > self._small_cost or len(first) > _MAX_PEEKED:
                break
        else:
            yield from self._near.map(function, first, cost, check)
            return
        job = Job(function, cost)
        pieces = (self._pushed(job, argument, check) for argument in chain(first, source))
        waiting = deque[Piece]()
        self._enter()
        try:
            waiting.extend(islice(pieces, self._ahead))
            while waiting:
                outcome: B = self._outcome(waiting[0], check)
                waiting.popleft()
                waiting.extend(islice(pieces, 1))
                yield outcome
                del outcome
        finally:
            self._leave_map()
            self._drop(waiting)

    def _enter(self) -> None:
        with self._lock:
            self._maps += 1
            self._is_needed.set()

    def _leave_map(self) -> None:
        with self._lock:
            self._maps -= 1
            if not self._maps and self._is_open:
                self._is_needed.clear()

    @property
    def _ahead(self) -> int:
        """Items that are on their way at once, of all maps and of each."""
        return min(_MAX_AHEAD, _AHEAD * max(1, self._threads) + 1)

    def _pushed(self, job: Job, argument: object, check: Callable[[], None] | None) -> Piece:
        if check is not None:
            check()
        piece = Piece(job, argument)
        self._queue(piece)
        return piece

    def _queue(self, piece: Piece) -> None:
        with self._lock:
            self._turns.push(piece.job.caller, piece, piece.cost)
        self._fill()

    def _fill(self) -> None:
        """Send as many items as may be on their way, in turns."""
        while True:
            with self._lock:
                if self._running >= self._ahead:
                    return
                turn = self._turns.pop()
                if turn is None:
                    return
                self._running += 1
            caller, piece = turn
            if piece.is_dropped:
                self._leave(caller)
                continue
            try:
                self._send(piece, caller)
            except Exception as error:  # noqa: BLE001  it is raised where the result is taken
                piece.problem = error
                self._leave(caller)
                piece.settled.set()

    def _send(self, piece: Piece, caller: Caller) -> None:
        client, job = self._connected(), piece.job
        if self._misfit:
            raise WorkersUnavailable(self._misfit)
        if job.span is not None:
            piece.span = job.span.begin("block")
        piece.remote = submitted(piece, client)
        piece.remote.add_done_callback(partial(self._note_end, piece, caller))

    def _note_end(self, piece: Piece, caller: Caller, remote: "Future[Any]") -> None:
        self._leave(caller)
        if piece.span is not None:
            piece.span.end()
        if remote.status == "cancelled" and self._is_open and not piece.is_dropped:  # lost with the scheduler
            self._queue(piece)
            return
        piece.settled.set()
        self._fill()

    def _leave(self, caller: Caller) -> None:
        with self._lock:
            self._running -= 1
            self._turns.leave(caller)

    def _outcome(self, piece: Piece, check: Callable[[], None] | None) -> Any:
        """Return the result of an item, sending it again as often as it is lost.

        Raises:
            WorkersUnavailable: see ``map``.
            SourceUnavailable: see ``map``.
        """
        lost_since: float | None = None
        while True:
            self._wait(piece.settled, piece.job, check)
            if piece.problem is not None:
                raise piece.problem
            assert piece.remote is not None
            try:
                return self._fetched(piece.remote, piece.job, check)
            except KilledWorker as error:
                problem = "it ended each process that computed it; it is damaged, or needs too much memory"
                raise SourceUnavailable.of_file(problem) from error
            except _LOST as error:
                lost_since = lost_since or time.monotonic()
                if not self._is_open or time.monotonic() - lost_since > self._patience:
                    raise WorkersUnavailable from error
            except OtherBuild as error:
                _log.error("%s", error)
                raise WorkersUnavailable(_OTHER_BUILD) from error
            except DownloadError:
                raise
            except Exception as error:
                if misfit := self._misfit_now():  # the scheduler could not read the task
                    raise WorkersUnavailable(misfit) from error
                raise
            piece.settled.clear()
            self._queue(piece)

    def _fetched(self, remote: "Future[Any]", job: Job, check: Callable[[], None] | None) -> Any:
        """Return a result from the worker that has it; where that one is lost, it is computed again first."""
        is_there = threading.Event()
        result = fetched(remote)
        result.add_done_callback(lambda _: is_there.set())
        self._wait(is_there, job, check)
        return result.result()

    def _wait(self, event: threading.Event, job: Job, check: Callable[[], None] | None) -> None:
        while not event.wait(_POLL):
            if check is not None:
                check()
            self._check_workers(job)

    def _check_workers(self, job: Job) -> None:
        """Fail where this is closed, or there are no workers for longer than it waits."""
        if not self._is_open or time.monotonic() - max(self._last_seen, job.began) > self._patience:
            raise WorkersUnavailable(self._misfit)

    def _connected(self) -> Client:
        """Return a connection, a new one where the last one has ended.

        Raises:
            WorkersUnavailable: there is none.
        """
        with self._connecting:
            if not self._is_open:
                raise WorkersUnavailable
            if self._client is None or self._client.status in {"closed", "closing"}:
                try:
                    self._client = self._connect()
                    self._misfit = misfit_of(self._client)
                except (OSError, CommClosedError) as error:
                    _log.error("the scheduler of workers cannot be reached: %s", error)
                    raise WorkersUnavailable from error
            return self._client

    def _misfit_now(self) -> str:
        """Return what the scheduler lacks, which may be another one than a moment ago."""
        with contextlib.suppress(WorkersUnavailable, OSError, CommClosedError):
            self._misfit = misfit_of(self._connected())
        return self._misfit

    def _watch_workers(self) -> None:
        """Count the workers now and then while there are maps, in a thread of its own, which may block."""
        has_told = False
        while self._is_open:
            self._is_needed.wait()
            try:
                census = self._census()
            except Exception as error:  # noqa: BLE001  this thread has to go on
                if not isinstance(error, WorkersUnavailable):
                    _log.warning("the workers cannot be counted: %r", error)
                census = Census()
            if census.threads and not census.misfit:
                has_told = False
                self._last_seen = time.monotonic()
                self._threads = census.threads
            elif not has_told:
                has_told = True
                others = " and ".join(census.others) or "none"
                _log.warning("%s", census.misfit or f"the scheduler has no worker of {BUILD}; it has {others}")
            self._fill()
            self._closed.wait(_LOOK_EVERY if self._threads else _POLL)

    def _census(self) -> Census:
        """Return what the scheduler has."""
        census = census_of(self._connected())
        self._misfit = census.misfit
        return census

    def problem(self) -> str:
        """Return why nothing can be run now, "" where it can; see ``Probe``."""
        try:
            census = self._census()
        except WorkersUnavailable:
            return "the scheduler of workers cannot be reached"
        return census.misfit or ("" if census.threads else "no worker of this version is there")

    def _drop(self, pieces: Iterable[Piece]) -> None:
        """Let go of items that nobody waits for; those that run end with their block."""
        remotes: list[Future[Any]] = []
        for piece in pieces:
            piece.is_dropped = True
            if piece.remote is not None:
                remotes.append(piece.remote)
        if remotes and self._client is not None:
            with contextlib.suppress(Exception):  # they are gone with the connection
                self._client.cancel(remotes)

    def close(self) -> None:
        """Drop the items that wait, and end the connection."""
        self._is_open = False
        self._closed.set()
        self._is_needed.set()
        with self._lock:
            waiting = self._turns.take_all()
        for piece in waiting:
            piece.problem = WorkersUnavailable()
            piece.settled.set()
        with self._connecting:
            if self._client is not None:
                self._client.close()
