"""The parts of a cloud-optimized GeoTIFF: rendered, encoded and reduced, a row of tiles at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np

from rasterwire.encode import Block
from rasterwire.encode.geotiff import compress_mask
from rasterwire.encode.tiles import encoder, mask_tiles, masks_of, planes
from rasterwire.export.cog_layout import CogLayout, PartSummary, PartWindow
from rasterwire.export.overviews import as_read, halve, pack_block, unpack_block
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import RasterPlan
from rasterwire.render.block import render_block
from rasterwire.request import Encoding, Resampling

__all__ = ["CogPart", "CogTask", "is_averaged"]

_BLOCK_BYTES = 2 << 20
"""Of the pixels that are rendered at once."""

_averaging = {Resampling.BILINEAR, Resampling.CUBIC, Resampling.CUBIC_SPLINE, Resampling.LANCZOS, Resampling.AVERAGE}


def is_averaged(raster: RasterPlan) -> bool:
    """Tell whether overviews are averages: where the request interpolates, as in ``encode_cog``."""
    return all(band.resampling in _averaging for band in raster.bands)


@dataclass(frozen=True, slots=True)
class CogPart:
    """A part that is made.

    Attributes:
        data: its bytes in the file.
        reduced: the pixels of the level below its smallest one; b"" where there is none. They are kept until the parts
            that are made of them, and number 1, are stored.
        summary: for the header.
    """

    data: bytes
    reduced: bytes
    summary: PartSummary


@dataclass(frozen=True, slots=True)
class CogTask:
    """Makes the parts of one file; it can be sent to other processes.

    Attributes:
        raster: of one type, and with one mask at most.
        encoding: compression.
        layout: of the file.
        least_part_bytes: of all parts but the last one.
    """

    raster: RasterPlan
    encoding: Encoding
    layout: CogLayout
    least_part_bytes: int

    def __call__(self, part: PartWindow, check: Callable[[], None] = lambda: None) -> CogPart:
        """Render a part of the full resolution.

        Args:
            part: one without parts below it.
            check: is called before each block; what it raises ends the part.

        Raises:
            SourceUnavailable: see ``render_block``.
        """
        return self._made(part, self._rendered(part, check))

    def _rendered(self, part: PartWindow, check: Callable[[], None]) -> Iterator[tuple[Window, Block]]:
        for window in self._blocks(part.window):
            check()
            yield window, render_block(self.raster, window)

    def merge(self, part: PartWindow, reduced: Callable[[int], bytes]) -> CogPart:
        """Make a part of overviews.

        Args:
            part: one with parts below it.
            reduced: returns that of a part, by its number; it is called once for each of those below.

        Raises:
            ValueError: what it returns is damaged.
        """
        return self._made(part, self._merged(part, reduced))

    def _made(self, part: PartWindow, blocks: Iterable[tuple[Window, Block]]) -> CogPart:
        layout, levels, sizes = self.layout, list[BytesIO](), list[int]()
        smaller: Block = ()
        for level in layout.levels_of(part):
            whole, smaller = layout.window(part, level), ()
            if level < layout.overviews:
                below = layout.window(part, level + 1)
                smaller = self._empty(below.height, below.width)
            tiles, of_level = BytesIO(), list[int]()
            for window, block in blocks:
                of_level += map(tiles.write, self._encoded(block))
                if smaller:
                    halved = halve(self.raster, as_read(self.raster, block), averages=is_averaged(self.raster))
                    _paste(smaller, halved, (window.row - whole.row) // 2, (window.col - whole.col) // 2)
            levels.append(tiles)
            sizes[:0] = of_level
            if smaller:
                blocks = self._cut(smaller, below)
        padding = self._padding(part, sum(sizes))
        reduced = pack_block(smaller) if smaller else b""
        return CogPart(_joined(levels, padding), reduced, PartSummary(tuple(sizes), padding))

    def _padding(self, part: PartWindow, size: int) -> int:
        """Return the bytes to add to a part; the last one may be small, and the header is added to number 1."""
        is_free = part.number in {1, self.layout.count_parts()}
        return 0 if is_free else max(0, self.least_part_bytes - size)

    def _blocks(self, whole: Window) -> Iterator[Window]:
        """Yield the blocks of a window: some tiles of a row of tiles, left to right, top to bottom."""
        side = self.layout.tile
        sample = sum(np.dtype(band.dtype).itemsize + 1 for band in self.raster.bands)
        step = side * max(1, _BLOCK_BYTES // (side * side * sample))
        bottom, right = whole.row + whole.height, whole.col + whole.width
        for row in range(whole.row, bottom, side):
            for col in range(whole.col, right, step):
                yield Window(row, col, min(side, bottom - row), min(step, right - col))

    def _cut(self, block: Block, whole: Window) -> Iterator[tuple[Window, Block]]:
        """Yield the blocks of a window that is at hand."""
        for window in self._blocks(whole):
            top, left = window.row - whole.row, window.col - whole.col
            place = np.s_[top : top + window.height, left : left + window.width]
            yield window, tuple(Pixels(pixels.data[place], pixels.valid[place]) for pixels in block)

    def _merged(self, part: PartWindow, reduced: Callable[[int], bytes]) -> Iterator[tuple[Window, Block]]:
        """Yield the blocks of a part that is made of others."""
        half = self.layout.tile // 2
        numbers = dict(zip(self.layout.quarters(part.window), part.below, strict=True))
        for window in self._blocks(part.window):
            block = self._empty(window.height, window.width)
            for row, col in self.layout.quarters(window):
                top, left = row * half - window.row, col * half - window.col
                shape = min(half, window.height - top), min(half, window.width - left)
                _paste(block, unpack_block(self.raster, reduced(numbers[row, col]), shape), top, left)
            yield window, block

    def _empty(self, height: int, width: int) -> Block:
        shape = height, width
        return tuple(Pixels(np.empty(shape, band.dtype), np.empty(shape, bool)) for band in self.raster.bands)

    def _encoded(self, block: Block) -> list[bytes]:
        """Return the tiles of a block: of each its planes, and then its mask."""
        side, bands = self.layout.tile, iter(block)
        images = [
            encoder(plane, self.encoding, side)(tuple(next(bands) for _ in plane.bands)).images
            for plane in planes(replace(self.raster, mask=None))
        ]
        images += [[*map(compress_mask, mask_tiles(valid, side))] for valid in masks_of(self.raster, block)]
        return [image for tile in zip(*images, strict=True) for image in tile]


def _paste(block: Block, piece: Block, row: int, col: int) -> None:
    """Write a piece into a block, with its top left at a row and column."""
    for pixels, of_piece in zip(block, piece, strict=True):
        height, width = of_piece.data.shape
        place = np.s_[row : row + height, col : col + width]
        pixels.data[place], pixels.valid[place] = of_piece.data, of_piece.valid


def _joined(levels: Sequence[BytesIO], padding: int) -> bytes:
    """Return levels, of which the largest is the first, from the smallest to the largest, with zeros behind them.

    The largest is moved where it is: with a copy, a part would take its memory twice.
    """
    largest, *others = levels
    size, before = largest.tell(), sum(level.tell() for level in others)
    largest.write(bytes(before + padding))
    with largest.getbuffer() as view:
        view[before : before + size] = view[:size]
    largest.seek(0)
    for level in reversed(others):
        largest.write(level.getbuffer())
    return largest.getvalue()
