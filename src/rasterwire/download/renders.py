"""Renders that run: one for all who want the same file, stopped when nobody does."""

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from rasterwire.download.fair_share import FairPool, FairSlots
from rasterwire.download.grace_period import GraceTimer
from rasterwire.download.growth import Growth
from rasterwire.download.held_leases import HeldLeases
from rasterwire.download.meter import NO_METER, Meter
from rasterwire.download.render import Render
from rasterwire.download.render_sizes import disk_bytes, is_small, render_cost
from rasterwire.encode.download import sequential_size
from rasterwire.errors import RenderCancelled
from rasterwire.plan import RenderPlan
from rasterwire.render import Engine
from rasterwire.spans import current_span, span, within
from rasterwire.store import Artifact, ArtifactStore, NotVerified
from rasterwire.store.disposition import disposition
from rasterwire.turns import NOBODY, Caller

__all__ = ["Renders"]

_GRACE = 15.0
"""Seconds; clients wait eight at most before they come again."""

_LITTLE = 1 << 20
"""Bytes for which nobody looks whether the disk has them."""

_LOOK_AGAIN = 0.25
"""Seconds after which a render that another process does is looked for again."""

T = TypeVar("T")

_log = logging.getLogger("rasterwire.server")


def _headers(plan: RenderPlan) -> dict[str, str]:
    """Return what an object store tells of a file that it sends. Equal etags have equal names."""
    return {"Content-Type": plan.mime_type, "Content-Disposition": disposition(plan.filename)}


class Renders:
    """Starts renders, shares them between readers, and stops them when the last one leaves.

    Work is admitted by its size: small renders have threads of their own, and of those for large ones a
    tenant, or a connection where there are none, leaves one to others. Turns and blocks are shared by cost. A
    large one that another process is at is waited for, or taken over when that process lets go of it or dies.
    """

    def __init__(
        self,
        engine: Engine,
        artifacts: ArtifactStore,
        scratch: Path,
        most: int,
        leases: HeldLeases | None = None,
        meter: Meter = NO_METER,
    ) -> None:
        """Begin without renders.

        Args:
            engine: of the renders.
            artifacts: gets their files.
            scratch: a folder for what they need meanwhile.
            most: large ones at once, and small ones at once.
            leases: of large renders, where other processes share ``artifacts``; closed with this.
            meter: is told what is done.
        """
        self._leases = leases
        self._meter = meter
        self._elsewhere = GraceTimer(self._begin)
        self._engine = engine
        self._artifacts = artifacts
        self._scratch = scratch
        self._is_open = True
        self._lock = threading.Lock()
        self._running: dict[str, Render] = {}
        self._writing: set[Render] = set()
        self._grace = GraceTimer(self._end_if_alone)
        self.small = FairPool(most, "small", meter=meter)
        self._large = FairPool(most, "download", most_a_peer=max(1, most - 1), meter=meter)
        self._rooms = {turns: FairSlots(4 * most) for turns in (self.small, self._large)}

    @property
    def running(self) -> int:
        """Renders on their way, waiting ones included."""
        return len(self._running)

    @property
    def running_and_waiting(self) -> tuple[int, int]:
        """Pieces of work that are done now, and that wait for their turn."""
        (small, small_waiting), (large, large_waiting) = (
            turns.running_and_waiting for turns in (self.small, self._large)
        )
        return small + large, small_waiting + large_waiting

    def find(self, etag: str) -> Render | None:
        """Return the render of an etag that is on its way here; it is not joined."""
        return self._running.get(etag)

    def submit(self, plan: RenderPlan | None, caller: Caller, function: Callable[[], T]) -> "Future[T]":
        """Have a render done beside the shared ones when it is the turn of its caller, and its own.

        Args:
            plan: of the render; None for one that is taken for small.
            caller: that wants it.
            function: does it.
        """
        return self._turns(plan).submit(caller, function, render_cost(plan))

    def _turns(self, plan: RenderPlan | None) -> FairPool:
        return self.small if plan is None or is_small(plan) else self._large

    def join(self, plan: RenderPlan, caller: Caller = NOBODY) -> Render:
        """Return the render of a plan, starting it if need be; every join needs a ``leave``.

        Raises:
            Overloaded: as many renders as this server takes, waiting ones included, are on their way.
        """
        turns = self._turns(plan)
        with self._lock:
            render = self._running.get(plan.etag)
            if render is None:
                self._rooms[turns].enter(caller)
                size = sequential_size(plan)
                render = Render(plan, None if size is None else Growth(size), caller)
                self._running[plan.etag] = render
                render.result.add_done_callback(lambda _: self._rooms[turns].leave(caller))
                self._begin(render)
            elif (waiting := current_span.get()) is not None and render.span is not None:
                waiting.link(render.span)
            render.readers += 1
            return render

    def _begin(self, render: Render) -> None:
        with within(render.span):  # it may begin again where its call is not known
            render.work = self.submit(render.plan, render.caller, partial(self._run, render))

    def leave(self, render: Render) -> None:
        """Say that a reader has what it wants, or wants it no more.

        The last one ends the render, at once where it has no byte yet, else after a while: a lost
        connection is taken up again where it ended, and should not have to wait for all that came before.
        """
        has_bytes = render.growth is not None and render.growth.written > 0 and not render.result.done()
        with self._lock:
            render.readers -= 1
        if has_bytes and self._is_open:
            self._grace.begin(render, _GRACE)
        else:
            self._end_if_alone(render)

    def _end_if_alone(self, render: Render) -> None:
        with self._lock:
            if render.readers == 0:
                self._end(render)
                if self._running.get(render.plan.etag) is render:
                    del self._running[render.plan.etag]

    @staticmethod
    def _end(render: Render) -> None:
        render.stop()
        if render.work is not None and render.work.cancel():  # it did not begin, and gives its place to others
            if render.growth is not None:
                render.growth.end()
            render.result.set_exception(RenderCancelled())

    def to_file(self, render: Render, out: BinaryIO) -> None:
        """Run a render that is shared with nobody and kept nowhere, in the calling thread.

        Raises:
            DiskFull: there is not enough room for it.
        """
        self._write(render, out)

    def _write(self, render: Render, out: BinaryIO) -> None:
        size = disk_bytes(render.plan)
        if size < _LITTLE:
            self._write_counted(render, out)
            return
        with self._lock:
            coming = sum(disk_bytes(other.plan) * other.part_left for other in self._writing)
            self._writing.add(render)
        try:
            self._artifacts.make_room(size + int(coming))
            self._write_counted(render, out)
        finally:
            with self._lock:
                self._writing.discard(render)

    def _write_counted(self, render: Render, out: BinaryIO) -> None:
        try:
            with span("render") as rendering:
                render.write(self._engine, self._scratch, out)
                if rendering is not None:
                    rendering.note("rasterwire.pixels", render.plan.pixels)
                    rendering.note("rasterwire.blocks", render.blocks_done)
            self._meter.note_render(render.plan.pixels, render.plan.source_bytes)
        finally:
            for path, count in render.blocks_by_path.items():
                self._meter.note_blocks(path, count)

    def close(self) -> None:
        """Stop all renders and wait for them."""
        with self._lock:
            self._is_open = False
            running = list(self._running.values())
        self._grace.close()
        self._elsewhere.close()
        for render in running:
            self._end(render)
        self.small.close()
        self._large.close()
        for render in running:  # that waited for another process
            if not render.result.done():
                self._finish(render, RenderCancelled())
        if self._leases is not None:
            self._leases.close()

    def _run(self, render: Render) -> None:
        etag, is_new = render.plan.etag, False
        try:
            artifact = self._find(etag)
            if artifact is None:
                if not self._may_make(render):
                    self._elsewhere.begin(render, _LOOK_AGAIN)
                    return
                try:
                    artifact = self._find(etag)  # the last holder of the lease may have finished meanwhile
                    if artifact is None:
                        artifact, is_new = self._made(render), True
                finally:
                    if self._leases is not None:
                        self._leases.release(etag)
        except BaseException as error:  # noqa: BLE001 - a future has to end, or its readers wait for ever
            self._finish(render, error)
        else:
            self._finish(render, artifact)
        if is_new:
            try:
                self._artifacts.trim(etag)
            except OSError as error:
                _log.warning("the cache could not be trimmed: %s", error)

    def _made(self, render: Render) -> Artifact:
        with contextlib.ExitStack() as storing:

            def write(out: BinaryIO) -> None:
                self._write(render, out)
                storing.enter_context(span("store"))  # which goes on behind this

            return self._artifacts.make(render.plan.etag, write, _headers(render.plan))

    def _find(self, etag: str) -> Artifact | None:
        with contextlib.suppress(NotVerified):  # this is closing
            return self._artifacts.find(etag)
        return None

    def _may_make(self, render: Render) -> bool:
        """Tell whether no other process is at a render. Small ones are done sooner than anybody could be asked."""
        if render.is_stopped:
            raise RenderCancelled
        etag = render.plan.etag
        if self._leases is None or is_small(render.plan) or self._leases.acquire(etag, lambda: 1 - render.part_left):
            render.blocks_done = 0  # and not those of a process that died
            return True
        render.blocks_done = int(self._leases.progress(etag) * render.blocks_total)
        return False

    def _finish(self, render: Render, outcome: Artifact | BaseException) -> None:
        if isinstance(outcome, BaseException):
            render.result.set_exception(outcome)
        else:
            render.result.set_result(outcome)
        if render.growth is not None:
            render.growth.end()
        with self._lock:
            if self._running.get(render.plan.etag) is render:
                del self._running[render.plan.etag]
