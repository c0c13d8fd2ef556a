"""Blocks of computed bands cut into parts along the tiles of their files.

A median of hundreds of scenes needs the values of all of them at once. Parts are as large as memory allows, and end
where tiles end: so each tile is decoded once, and several threads work at one block.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from math import isqrt

import numpy as np

from rasterwire.geo.grid import pixel_offset
from rasterwire.nodes.nodes import Node, Resampled, Stored
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import RasterPlan
from rasterwire.render.ahead import SharedFetches
from rasterwire.render.block import render_block
from rasterwire.render.computed import pixels_at_once
from rasterwire.spans import span

__all__ = ["Part", "PartTask", "by_parts", "has_parts"]

_TILE = 512
"""Pixels a side of the tiles of files that have none, or do not share the lattice of the output."""

_LEAST_BYTES = 64
"""Of the values sorted at a pixel from which on blocks are computed in parts; it is not worth it for fewer."""

_MAX_STRIP_BYTES = 64 << 20
"""Of the pixels of a row of parts, which are all there before the first row of pixels is complete."""

_TOGETHER = 2
"""Parts side by side whose tiles are fetched by the same requests, since they are computed at the same time."""

Block = tuple[Pixels, ...]
Run = Callable[["PartTask", Iterable["Part"]], Iterator[Block]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a block.

    Attributes:
        window: of the output.
        fetches: see ``compute``.
    """

    window: Window
    fetches: SharedFetches

    def __reduce__(self) -> tuple[Callable[[Window], "Part"], tuple[Window]]:
        return _part_alone, (self.window,)


def _part_alone(window: Window) -> Part:
    """Return a part for another process, where nobody shares its fetches."""
    return Part(window, SharedFetches(window))


@dataclass(frozen=True, slots=True)
class PartTask:
    """Renders parts of blocks of a raster; a value.

    What crosses to another process is the pixels of a part: parts end where tiles of files end, so that each is decoded
    once, and there no tile of the output ends. For what is computed of so many values, pixels are little.
    """

    raster: RasterPlan

    def __call__(self, part: Part) -> Block:
        """Return the pixels of a part; see ``render_block``."""
        with span("block"):
            return render_block(self.raster, part.window, part.fetches)


@dataclass(frozen=True, slots=True)
class _Lattice:
    """Where parts of an output may end.

    Attributes:
        col, row: a place where the corners of four tiles meet.
        width: pixels of a part.
        height: rows of whole tiles.
        part_height: rows of a part; fewer than ``height`` where a tile has more pixels than are computed at once.
    """

    col: int
    row: int
    width: int
    height: int
    part_height: int


def has_parts(raster: RasterPlan) -> bool:
    """Tell whether the blocks of a raster are computed in parts."""
    return any(band.node is not None and band.node.sorted_bytes >= _LEAST_BYTES for band in raster.bands)


def by_parts(raster: RasterPlan, windows: Iterable[Window], run: Run) -> Iterator[Block]:
    """Yield the blocks of windows, which are rendered in parts.

    Args:
        raster: of which ``has_parts`` is true.
        windows: of blocks, in order.
        run: calls a function for each item, in several threads, and yields the results in order.

    Raises:
        SourceUnavailable: see ``render_block``.
    """
    lattice = _lattice(raster)
    rest = iter(windows)
    first = next(rest)
    windows = chain([first], rest)
    if _is_strip(first, raster, lattice):
        height, width = (int(n) for n in raster.grid.shape)
        cuts = _cuts(0, height, lattice.row, lattice.height)
        strips: Iterable[Window] = (Window(top, 0, bottom - top, width) for top, bottom in cuts)
        return _cut_again(_joined(raster, strips, lattice, run), windows)
    return (block for _, block in _joined(raster, windows, lattice, run))


def _is_strip(window: Window, raster: RasterPlan, lattice: _Lattice) -> bool:
    """Tell whether windows are whole rows of a raster, of which a row of parts fits in memory."""
    pixel = sum(np.dtype(band.dtype).itemsize + 1 for band in raster.bands)
    return window.width == int(raster.grid.shape[1]) and window.width * lattice.height * pixel <= _MAX_STRIP_BYTES


def _joined(
    raster: RasterPlan, strips: Iterable[Window], lattice: _Lattice, run: Run
) -> Iterator[tuple[Window, Block]]:
    """Yield each strip with its block, joined from its parts."""
    begun: deque[tuple[Window, list[Part]]] = deque()

    def parts() -> Iterator[Part]:
        last: SharedFetches | None = None
        for strip in strips:
            groups = [(_fetches(windows), windows) for windows in _groups(strip, lattice)]
            for fetches, _ in groups:
                if last is not None:
                    last.following = fetches
                last = fetches
            members = [Part(window, fetches) for fetches, windows in groups for window in windows]
            begun.append((strip, members))
            yield from members

    results = run(PartTask(raster), parts())
    for block in results:
        strip, members = begun.popleft()
        if len(members) == 1:
            yield strip, block
            continue
        bands = _room_for(block, strip.height, strip.width)
        _put(bands, strip, block, members[0].window)
        for part in members[1:]:
            _put(bands, strip, next(results), part.window)
        yield strip, bands


def _cut_again(strips: Iterator[tuple[Window, Block]], windows: Iterable[Window]) -> Iterator[Block]:
    """Yield the blocks of windows of whole rows, from strips of other heights."""
    pending: deque[tuple[Window, Block]] = deque()
    for window in windows:
        end = window.row + window.height
        while not pending or pending[-1][0].row + pending[-1][0].height < end:
            pending.append(next(strips))
        bands = _room_for(pending[0][1], window.height, window.width)
        for strip, block in pending:
            top, bottom = max(strip.row, window.row), min(strip.row + strip.height, end)
            rows = slice(top - strip.row, bottom - strip.row)
            part = tuple(Pixels(pixels.data[rows], pixels.valid[rows]) for pixels in block)
            _put(bands, window, part, Window(top, 0, bottom - top, window.width))
        yield bands
        while pending and pending[0][0].row + pending[0][0].height <= end:
            pending.popleft()


def _room_for(block: Block, height: int, width: int) -> Block:
    shape = height, width
    return tuple(Pixels(np.empty(shape, pixels.data.dtype), np.empty(shape, bool)) for pixels in block)


def _put(bands: Block, whole: Window, block: Block, window: Window) -> None:
    """Copy the block of a window into that of a window around it."""
    row, col = window.row - whole.row, window.col - whole.col
    place = slice(row, row + window.height), slice(col, col + window.width)
    for band, pixels in zip(bands, block, strict=True):
        band.data[place], band.valid[place] = pixels.data, pixels.valid


def _fetches(windows: Sequence[Window]) -> SharedFetches:
    return SharedFetches(_around(windows), decodes=windows[-1].row > windows[0].row)


def _around(windows: Sequence[Window]) -> Window:
    """Return what windows side by side, or one below the other, cover together."""
    first, last = windows[0], windows[-1]
    return Window(first.row, first.col, last.row + last.height - first.row, last.col + last.width - first.col)


def _groups(whole: Window, lattice: _Lattice) -> Iterator[list[Window]]:
    """Yield the parts of a window, those together that are computed at the same time.

    These lie side by side, so that their tiles are fetched together; or one below the other in the same tiles.
    """
    for top, bottom in _cuts(whole.row, whole.row + whole.height, lattice.row, lattice.height):
        columns = list(_cuts(whole.col, whole.col + whole.width, lattice.col, lattice.width))
        rows = list(_cuts(top, bottom, top, lattice.part_height))
        if len(rows) == 1:
            parts = [Window(top, left, bottom - top, right - left) for left, right in columns]
            yield from (parts[first : first + _TOGETHER] for first in range(0, len(parts), _TOGETHER))
            continue
        for left, right in columns:
            parts = [Window(begin, left, end - begin, right - left) for begin, end in rows]
            yield from (parts[first : first + _TOGETHER] for first in range(0, len(parts), _TOGETHER))


def _cuts(begin: int, end: int, place: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each part of a range that is cut at a place and every ``size`` from there."""
    first = place + -(-(begin + 1 - place) // size) * size
    yield from pairwise([begin, *range(first, end, size), end])


def _lattice(raster: RasterPlan) -> _Lattice:
    """Return a lattice whose parts consist of whole tiles of a file, or are parts of one tile where that is large."""
    nodes = tuple(band.node for band in raster.bands if band.node is not None)
    most = pixels_at_once(nodes)
    col = row = 0
    rows = cols = _TILE
    leaf = _first_leaf(nodes)
    if leaf is not None and leaf.band.tiling is not None:
        offset = pixel_offset(raster.grid, leaf.band.grid)
        if offset is not None:
            rows, cols = leaf.band.tiling.height, leaf.band.tiling.width
            col, row = -offset[0], -offset[1]
    if rows * cols > most:
        width = min(cols, most)
        return _Lattice(col, row, width, rows, _share(rows, most // width))
    tiles = most // (rows * cols)
    down = isqrt(tiles)
    return _Lattice(col, row, tiles // down * cols, down * rows, down * rows)


def _share(rows: int, most: int) -> int:
    """Return the rows of the equal parts of a tile that have at most so many."""
    return -(-rows // -(-rows // most))


@lru_cache(maxsize=256)
def _first_leaf(nodes: tuple[Node, ...]) -> Stored | None:
    """Return a stored band below nodes that is read on the grid of the output."""
    pending = list(nodes)
    visited: set[bytes] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, Stored):
            return node
        if node.key not in visited and not isinstance(node, Resampled):
            visited.add(node.key)
            pending.extend(node.inputs)
    return None
