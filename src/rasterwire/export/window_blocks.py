"""The blocks of a file that holds a window of a raster: the same pixels as those of the whole raster there."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

from odc.geo.geobox import GeoBox

from rasterwire.download.block_task import BlockTask
from rasterwire.encode import Block
from rasterwire.geo.grid import shifted
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan
from rasterwire.render import Engine
from rasterwire.render.parts import Part, PartTask, by_parts, has_parts

__all__ = ["WindowBlocks", "raster_of_window"]

T = TypeVar("T")


def raster_of_window(raster: RasterPlan, window: Window, path: str) -> RasterPlan:
    """Return the raster of a file that holds a window of another raster.

    Its pixels have to be rendered by ``WindowBlocks``: a grid that begins elsewhere rounds otherwise.
    """
    affine = shifted(raster.grid.affine, window.col, window.row)
    grid = GeoBox((window.height, window.width), affine, raster.grid.crs)
    return replace(raster, path=path, grid=grid, tiling=None)


class WindowBlocks:
    """The ``BlockSource`` of ``raster_of_window``."""

    def __init__(self, engine: Engine, whole: RasterPlan, window: Window, check: Callable[[], None]) -> None:
        """Set what is rendered.

        Args:
            engine: of the blocks.
            whole: the raster.
            window: of it, that the file holds.
            check: raises where nobody wants it any more.
        """
        self._engine = engine
        self._whole = whole
        self._window = window
        self._check = check

    def __call__(self, raster: RasterPlan, windows: Iterable[Window], encode: Callable[[Block], T]) -> Iterator[T]:
        """See ``BlockSource``."""
        whole = replace(raster, grid=self._whole.grid)  # which has no tiling: see ``raster_of_window``
        row, col = self._window.row, self._window.col
        within = (Window(row + part.row, col + part.col, part.height, part.width) for part in windows)
        cost = partial(_values, whole)
        if not has_parts(whole):
            return self._engine.map(BlockTask(whole, encode), within, cost, self._check)

        def run(render: PartTask, parts: Iterable[Part]) -> Iterator[Block]:
            return self._engine.map(render, parts, lambda part: cost(part.window), self._check)

        return map(encode, by_parts(whole, within, run))


def _values(raster: RasterPlan, window: Window) -> float:
    return len(raster.bands) * window.height * window.width
