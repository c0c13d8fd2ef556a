"""One render: from a plan to a file, block by block, with its progress."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from rasterwire.download.block_task import BlockTask
from rasterwire.download.growth import Growth
from rasterwire.download.render_sizes import block_cost, block_path
from rasterwire.encode import Block
from rasterwire.encode.download import count_blocks, encode_download
from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan, RenderPlan
from rasterwire.render import Engine
from rasterwire.render.parts import Part, PartTask, by_parts
from rasterwire.spans import current_span, span, with_few_parts
from rasterwire.store import Artifact
from rasterwire.store.private_files import private_folder
from rasterwire.turns import NOBODY, Caller

__all__ = ["Render"]

_MAX_TRACED_BLOCKS = 32
"""Blocks of a render that have spans of their own in a trace."""

T = TypeVar("T")


class Render:
    """One render on its way.

    Attributes:
        blocks_done, blocks_total: progress; the total is known from the start.
        growth: the file while it is written, None where nobody may read it before its end.
        result: the finished file; fails with a DownloadError.
        caller: that asked for it first.
        blocks_by_path: those done, by how they were made; see ``Meter``.
        span: that asked for it first, None where nobody traces it.
    """

    def __init__(self, plan: RenderPlan, growth: Growth | None = None, caller: Caller = NOBODY) -> None:
        self.plan = plan
        self.caller = caller
        self.work: Future[None] | None = None
        self.growth = growth
        self.blocks_done = 0
        self.blocks_by_path: Counter[str] = Counter()
        self.blocks_total = count_blocks(plan)
        self.result: Future[Artifact] = Future()
        self.readers = 0
        self.span = current_span.get()
        self._stopped = threading.Event()

    @property
    def part_left(self) -> float:
        """What is not done of it, from 1 to 0."""
        return 1 - self.blocks_done / max(1, self.blocks_total)

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped.is_set()

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
            path = block_path(raster)
            for encoded in self._encoded(engine, raster, windows, encode):
                self._check()
                self.blocks_done += 1
                self.blocks_by_path[path] += 1
                yield encoded
                if self.growth is not None:
                    self.growth.grow(out)

        if not scratch.is_dir():  # somebody removed it
            private_folder(scratch)
        try:
            with with_few_parts(_MAX_TRACED_BLOCKS):
                encode_download(self.plan, blocks, out, scratch)
        except SourceUnavailable as error:
            raise SourceUnavailable(error.image_id or self.plan.image_id, error.band, error.problem) from error

    def _encoded(
        self, engine: Engine, raster: RasterPlan, windows: Iterable[Window], encode: Callable[[Block], T]
    ) -> Iterator[T]:
        if block_path(raster) != "parts":
            return engine.map(BlockTask(raster, encode), windows, partial(block_cost, self.plan, raster), self._check)

        def run(render: PartTask, parts: Iterable[Part]) -> Iterator[Block]:
            return engine.map(render, parts, lambda part: block_cost(self.plan, raster, part.window), self._check)

        def encoded(block: Block) -> T:
            with span("encode"):
                return encode(block)

        return map(encoded, by_parts(raster, windows, run))

    def _check(self) -> None:
        if self._stopped.is_set():
            raise RenderCancelled
