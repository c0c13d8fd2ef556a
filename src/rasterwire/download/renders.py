"""Renders that run: one for all who want the same file, stopped when nobody does."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from rasterwire.download.growth import Growth
from rasterwire.encode import Block
from rasterwire.encode.download import count_blocks, encode_download, sequential_size
from rasterwire.encode.tiles import Tiles
from rasterwire.errors import Overloaded, RenderCancelled, SourceUnavailable
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan, RenderPlan
from rasterwire.render import Engine
from rasterwire.render.block import render_block
from rasterwire.render.stored import stored_tiles
from rasterwire.store import Artifact, ArtifactStore
from rasterwire.store.private import private_folder

_RETRY_AFTER = 2.0
_GRACE = 15.0
"""Seconds; clients wait eight at most before they come again."""

T = TypeVar("T")

_log = logging.getLogger("rasterwire.server")


class Render:
    """One render on its way.

    Attributes:
        blocks_done, blocks_total: progress; the total is known from the start.
        growth: the file while it is written, None where nobody may read it before its end.
        result: the finished file; fails with a DownloadError.
    """

    def __init__(self, plan: RenderPlan, growth: Growth | None = None) -> None:
        self.plan = plan
        self.growth = growth
        self.blocks_done = 0
        self.blocks_total = count_blocks(plan)
        self.result: Future[Artifact] = Future()
        self.readers = 0
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the render at its next block."""
        self._stopped.set()

    def write(self, engine: Engine, scratch: Path, out: BinaryIO) -> None:
        """Render and encode the plan into an empty seekable file.

        Raises:
            RenderCancelled: ``stop`` was called.
            SourceUnavailable: a raster cannot be read.
        """

        def blocks(raster: RasterPlan, windows: Iterable[Window], encode: Callable[[Block], T]) -> Iterator[T]:
            for encoded in engine.map(partial(self._block, raster, encode), windows):
                self.blocks_done += 1
                yield encoded
                if self.growth is not None:
                    self.growth.grow(out)

        if not scratch.is_dir():  # somebody removed it
            private_folder(scratch)
        try:
            encode_download(self.plan, blocks, out, scratch)
        except SourceUnavailable as error:
            raise SourceUnavailable(self.plan.image_id, error.band, error.problem) from error

    def _block(self, raster: RasterPlan, encode: Callable[[Block], T], window: Window) -> T:
        if self._stopped.is_set():
            raise RenderCancelled
        if raster.tiling is not None:
            return cast(T, Tiles(stored_tiles(raster, window), []))  # what encode would make of pixels
        return encode(render_block(raster, window))


class Renders:
    """Starts renders, shares them between readers, and stops them when the last one leaves."""

    def __init__(self, engine: Engine, artifacts: ArtifactStore, scratch: Path, most: int) -> None:
        self._engine = engine
        self._artifacts = artifacts
        self._scratch = scratch
        self._most = most
        self._is_open = True
        self._lock = threading.Lock()
        self._running: dict[str, Render] = {}
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="download")

    @property
    def running(self) -> int:
        """Renders on their way, waiting ones included."""
        return len(self._running)

    def join(self, plan: RenderPlan) -> Render:
        """Return the render of a plan, starting it if need be; every join needs a ``leave``.

        Raises:
            Overloaded: as many renders as this server takes, waiting ones included, are on their way.
        """
        with self._lock:
            render = self._running.get(plan.etag)
            if render is None:
                if len(self._running) >= 4 * self._most:
                    raise Overloaded(_RETRY_AFTER)
                size = sequential_size(plan)
                render = Render(plan, None if size is None else Growth(size))
                self._running[plan.etag] = render
                self._pool.submit(self._run, render)
            render.readers += 1
            return render

    def leave(self, render: Render) -> None:
        """Say that a reader has what it wants, or wants it no more.

        The last one ends the render, at once where it has no byte yet, else after a while: a lost
        connection is taken up again where it ended, and should not have to wait for all that came before.
        """
        has_bytes = render.growth is not None and render.growth.written > 0 and not render.result.done()
        with self._lock:
            render.readers -= 1
        if has_bytes and self._is_open:
            timer = threading.Timer(_GRACE, self._end_if_alone, [render])
            timer.daemon = True
            timer.start()
        else:
            self._end_if_alone(render)

    def _end_if_alone(self, render: Render) -> None:
        with self._lock:
            if render.readers == 0:
                render.stop()
                if self._running.get(render.plan.etag) is render:
                    del self._running[render.plan.etag]

    def to_file(self, render: Render, out: BinaryIO) -> None:
        """Run a render that is shared with nobody and kept nowhere, in the calling thread."""
        render.write(self._engine, self._scratch, out)

    def close(self) -> None:
        """Stop all renders and wait for them."""
        with self._lock:
            self._is_open = False
            running = list(self._running.values())
        for render in running:
            render.stop()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, render: Render) -> None:
        write: Callable[[BinaryIO], None] = partial(render.write, self._engine, self._scratch)
        made = None
        try:
            kept = self._artifacts.find(render.plan.etag)
            if kept is None:
                kept = made = self._artifacts.make(render.plan.etag, write)
        except BaseException as error:  # noqa: BLE001 - a future has to end, or its readers wait for ever
            render.result.set_exception(error)
        else:
            render.result.set_result(kept)
        finally:
            if render.growth is not None:
                render.growth.end()
            with self._lock:
                if self._running.get(render.plan.etag) is render:
                    del self._running[render.plan.etag]
        if made is not None:
            try:
                self._artifacts.trim(made)
            except OSError as error:
                _log.warning("the cache could not be trimmed: %s", error)
