"""One cloud-optimized GeoTIFF of any size, made in parts, in any order and by any process.

Each pixel is rendered once. Overviews are made of parts while these are in memory, and of the small rest that each part
leaves. No one holds more than a part. Equal plans give equal bytes, whoever made the parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from rasterwire.encode.tiles import planes
from rasterwire.export.cog_header import CogHeader
from rasterwire.export.cog_layout import MAX_PARTS, CogLayout, PartSummary, PartWindow
from rasterwire.export.cog_part import CogPart, CogTask, is_averaged
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Encoding

__all__ = ["CogPart", "CogTask", "PartSummary", "PartWindow", "PartedCog"]

_TILE = 512
"""Pixels a side, as GDAL's own driver takes. A directory of tiles of 256 is four times as large, and all readers over
a network have to read it."""

_LEAST_TILE = 128
"""Pixels a side where the bands are very many."""

_TILE_BYTES = 64 << 20
"""Of a tile of all bands before compression; else tiles are smaller."""

_PART_BYTES = 16 << 20
"""A part has at least so many bytes before compression. It has less than four times as many, unless it is a single tile
or an upload had too many parts."""

_CLASS_BYTES = 64 << 20
"""Likewise, of samples that take one byte. These are mostly classes, which shrink to a twentieth: with smaller parts
most of a file in a bucket were padding."""


class PartedCog:
    """The layout of one file: of a raster, its encoding and ``least_part_bytes`` alone.

    Attributes:
        parts: all but number 1. Those without parts below may be made in any order, by ``task(part)``; the others by
            ``task.merge(part, reduced)`` when those below are there. Each stands behind those below it.
        task: makes parts; it can be sent to other processes.
    """

    def __init__(self, raster: RasterPlan, encoding: Encoding, least_part_bytes: int) -> None:
        """Lay out a file.

        Raises:
            ValueError: the raster has more than one mask, or none of its parts may be large enough.
        """
        if raster.masks > 1:
            raise ValueError("a cloud-optimized GeoTIFF has one mask for all bands; ask for mask BAND")
        raster = replace(raster, tiling=None)
        self.task = CogTask(raster, encoding, _layout(raster, least_part_bytes), least_part_bytes)
        self.parts = self.task.layout.parts
        self._header = CogHeader(raster, encoding, self.task.layout)

    def head(self, summaries: Mapping[int, PartSummary], reduced: Callable[[int], bytes]) -> bytes:
        """Return number 1: the header, and the smallest overviews.

        Args:
            summaries: of all other parts, by their numbers.
            reduced: returns that of a part, by its number; see ``CogTask.merge``.
        """
        layout, tiles = self.task.layout, b""
        if layout.head is not None:
            part = self.task.merge(layout.head, reduced)
            tiles = part.data
            padding = max(0, self.task.least_part_bytes - self._header.size - len(tiles))
            summary = PartSummary(part.summary.tile_bytes, padding)
        else:
            summary = PartSummary((), max(0, self.task.least_part_bytes - self._header.size))
        levels = layout.locate({**summaries, 1: summary}, self._header.size)
        return b"".join([self._header.encode(levels), tiles, bytes(summary.padding)])


def _layout(raster: RasterPlan, least_part_bytes: int) -> CogLayout:
    """Return the layout with the smallest parts that are large enough, and not too many."""
    height, width = (int(n) for n in raster.grid.shape)
    pixel = sum(np.dtype(band.dtype).itemsize for band in raster.bands)
    tile = _TILE
    while tile > _LEAST_TILE and tile * tile * pixel > _TILE_BYTES:
        tile //= 2
    images = len(planes(raster)) + raster.masks
    layout = CogLayout(height, width, tile, 1, images)
    least = max(_PART_BYTES if pixel > 1 or is_averaged(raster) else _CLASS_BYTES, least_part_bytes)
    while layout.span * tile < max(height, width) and (
        (layout.span * tile) ** 2 * pixel < least or layout.count_parts() > MAX_PARTS
    ):
        layout = replace(layout, span=layout.span * 2)
    return layout
