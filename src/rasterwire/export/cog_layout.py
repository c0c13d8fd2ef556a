"""Where each tile of a cloud-optimized GeoTIFF lies that is made in parts: arithmetic alone.

An image is cut into squares of ``span`` x ``span`` tiles. A part holds the tiles of such a square, and those of all
overviews that lie wholly inside it, so that the last of these is a single tile. What is left of a square after one more
halving is a quarter of a tile. These quarters together are a smaller image, which is cut into squares in the same way;
and so on, until one square is all. Each of these rounds is a tier. The square of the last tier, and the header, are the
first part of the file, which is made last.

    number 1                  2 ...                    ... last
    header | last tier | ... | parts of tier 1 | parts of tier 0 (full resolution)

So every overview begins before the level that it is made from, as readers of such files expect.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rasterwire.pixels import Window

__all__ = ["MAX_PARTS", "CogLayout", "LevelTiles", "PartSummary", "PartWindow"]

MAX_PARTS = 10_000
"""Of an upload, in the protocol of S3."""


@dataclass(frozen=True, slots=True)
class PartWindow:
    """What one part of an upload holds.

    Attributes:
        number: of the part in the upload, from 1.
        level: the largest level of its tiles; 0 is the full resolution, each further level has half the pixels a side.
        window: pixels of that level.
        below: numbers of the parts from whose ``reduced`` it is made; () where it is rendered.
    """

    number: int
    level: int
    window: Window
    below: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PartSummary:
    """What the header has to know of a part that is stored.

    Attributes:
        tile_bytes: of each tile, in the order of the part.
        padding: bytes behind the last tile.
    """

    tile_bytes: tuple[int, ...]
    padding: int

    @property
    def size(self) -> int:
        """Bytes of the part."""
        return sum(self.tile_bytes) + self.padding


@dataclass(frozen=True, slots=True, eq=False)
class LevelTiles:
    """Where the tiles of one level are in the file.

    Attributes:
        offsets: uint64, shape (tiles down, tiles across, images); an image is a plane of bands, or the mask.
        sizes: uint32, likewise.
    """

    offsets: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class CogLayout:
    """The levels, tiles and parts of a file.

    Attributes:
        height, width: pixels of the full resolution.
        tile: pixels a side of a tile, even.
        span: tiles a side of a part, a power of two.
        images: of one tile: its planes of bands, and its mask where there is one.
    """

    height: int
    width: int
    tile: int
    span: int
    images: int = 1

    @property
    def overviews(self) -> int:
        """The number of overviews: the last one fits into a tile."""
        return max(0, -(-max(self.height, self.width) // self.tile) - 1).bit_length()

    @property
    def depth(self) -> int:
        """Overviews inside a part."""
        return self.span.bit_length() - 1

    def shape(self, level: int) -> tuple[int, int]:
        """Return rows and columns of a level: the last pixel of an odd side is of the last row or column alone."""
        return _halved(self.height, level), _halved(self.width, level)

    def tiles(self, level: int) -> tuple[int, int]:
        """Return the tiles down and across of a level."""
        rows, cols = self.shape(level)
        return -(-rows // self.tile), -(-cols // self.tile)

    def levels_of(self, part: PartWindow) -> range:
        """Return the levels whose tiles a part holds, from its largest on."""
        return range(part.level, min(part.level + self.depth, self.overviews) + 1)

    def window(self, part: PartWindow, level: int) -> Window:
        """Return what a part covers of a level, in pixels of that level."""
        down, whole = level - part.level, part.window
        return Window(whole.row >> down, whole.col >> down, _halved(whole.height, down), _halved(whole.width, down))

    def tile_window(self, part: PartWindow, level: int) -> Window:
        """Return what a part covers of a level, in tiles."""
        side, pixels = self.tile, self.window(part, level)
        return Window(pixels.row // side, pixels.col // side, -(-pixels.height // side), -(-pixels.width // side))

    @property
    def parts(self) -> tuple[PartWindow, ...]:
        """All parts but number 1; each stands behind those that it is made from."""
        tiers = self._tiers()
        firsts = [2 + sum(rows * cols for rows, cols in tiers[index + 1 :]) for index in range(len(tiers))]
        parts = []
        for index, shape in enumerate(tiers):
            parts += [self._part(index, row, col, shape, firsts) for row, col in np.ndindex(*shape)]
        return tuple(parts)

    @property
    def head(self) -> PartWindow | None:
        """What number 1 holds beside the header; None where all tiles are in another part."""
        tiers = self._tiers()
        level = len(tiers) * (self.depth + 1)
        if level > self.overviews:
            return None
        rows, cols = tiers[-1]
        below = tuple(2 + index for index in range(rows * cols))
        return PartWindow(1, level, Window(0, 0, *self.shape(level)), below)

    def count_parts(self) -> int:
        """Return the number of parts, number 1 included."""
        return 1 + sum(rows * cols for rows, cols in self._tiers())

    def _tiers(self) -> list[tuple[int, int]]:
        """Return the squares down and across of each tier but for the one of number 1."""
        tiers = []
        level = 0
        while level <= self.overviews:
            rows, cols = self.tiles(level)
            shape = -(-rows // self.span), -(-cols // self.span)
            if level and shape == (1, 1):
                break
            tiers.append(shape)
            level += self.depth + 1
        return tiers

    def _part(self, tier: int, row: int, col: int, shape: tuple[int, int], firsts: list[int]) -> PartWindow:
        level, side = tier * (self.depth + 1), self.tile * self.span
        height, width = self.shape(level)
        top, left = row * side, col * side
        window = Window(top, left, min(side, height - top), min(side, width - left))
        below: tuple[int, ...] = ()
        if tier:
            across = self._tiers()[tier - 1][1]
            below = tuple(firsts[tier - 1] + r * across + c for r, c in self.quarters(window))
        return PartWindow(firsts[tier] + row * shape[1] + col, level, window, below)

    def quarters(self, window: Window) -> Iterator[tuple[int, int]]:
        """Yield row and column of each quarter of a tile that a window touches, in the order of ``below``."""
        half = self.tile // 2
        for row in range(window.row // half, -(-(window.row + window.height) // half)):
            for col in range(window.col // half, -(-(window.col + window.width) // half)):
                yield row, col

    def locate(self, summaries: Mapping[int, PartSummary], header_bytes: int) -> list[LevelTiles]:
        """Return where the tiles of each level are.

        Args:
            summaries: of all parts by their numbers; that of number 1 without the header.
            header_bytes: before the first tile.
        """
        located = []
        for level in range(self.overviews + 1):
            shape = (*self.tiles(level), self.images)
            located.append(LevelTiles(np.zeros(shape, np.uint64), np.zeros(shape, np.uint32)))
        position = header_bytes
        head = self.head
        if head is None:
            position += summaries[1].size
        for part in ([] if head is None else [head]) + sorted(self.parts, key=lambda part: part.number):
            summary = summaries[part.number]
            sizes = np.array(summary.tile_bytes, np.uint64)
            offsets = position + np.cumsum(sizes) - sizes
            first = 0
            for level in reversed(self.levels_of(part)):
                tiles = self.tile_window(part, level)
                shape = tiles.height, tiles.width, self.images
                last = first + tiles.height * tiles.width * self.images
                place = np.s_[tiles.row : tiles.row + tiles.height, tiles.col : tiles.col + tiles.width]
                located[level].offsets[place] = offsets[first:last].reshape(shape)
                located[level].sizes[place] = sizes[first:last].reshape(shape)
                first = last
            position += summary.size
        return located


def _halved(count: int, times: int) -> int:
    return -(-count // (1 << times))
