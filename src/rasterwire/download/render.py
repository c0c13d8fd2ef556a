"""One render: from a plan to a file, block by block, with its progress."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from rasterwire.download.growth import Growth
from rasterwire.download.render_sizes import block_cost, block_path
from rasterwire.encode import Block
from rasterwire.encode.download import count_blocks, encode_download
from rasterwire.encode.tiles import Tiles
from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan, RenderPlan
from rasterwire.render import Engine
from rasterwire.render.block import render_block
from rasterwire.render.parts import Part, by_parts
from rasterwire.render.stored import stored_tiles
from rasterwire.spans import current_span, span
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
                self.blocks_done += 1
                self.blocks_by_path[path] += 1
                yield encoded
                if self.growth is not None:
                    self.growth.grow(out)

        if not scratch.is_dir():  # somebody removed it
            private_folder(scratch)
        try:
            encode_download(self.plan, blocks, out, scratch)
        except SourceUnavailable as error:
            raise SourceUnavailable(self.plan.image_id, error.band, error.problem) from error

    def _encoded(
        self, engine: Engine, raster: RasterPlan, windows: Iterable[Window], encode: Callable[[Block], T]
    ) -> Iterator[T]:
        if block_path(raster) != "parts":
            return engine.map(partial(self._block, raster, encode), windows, partial(block_cost, self.plan, raster))

        def run(render: Callable[[Part], Block], parts: Iterable[Part]) -> Iterator[Block]:
            def of_part(part: Part) -> Block:
                self._check()
                with self._traced("block"):
                    return render(part)

            return engine.map(of_part, parts, lambda part: block_cost(self.plan, raster, part.window))

        def encoded(block: Block) -> T:
            with self._traced("encode"):
                return encode(block)

        return map(encoded, by_parts(raster, windows, run))

    def _check(self) -> None:
        if self._stopped.is_set():
            raise RenderCancelled

    def _block(self, raster: RasterPlan, encode: Callable[[Block], T], window: Window) -> T:
        self._check()
        with self._traced("block"):
            if raster.tiling is not None:
                return cast(T, Tiles(stored_tiles(raster, window), []))  # what encode would make of pixels
            block = render_block(raster, window)
        with self._traced("encode"):
            return encode(block)

    def _traced(self, name: str) -> contextlib.AbstractContextManager[object]:
        return span(name) if self.blocks_done < _MAX_TRACED_BLOCKS else contextlib.nullcontext()
