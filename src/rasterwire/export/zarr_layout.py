"""How a Zarr store is cut into arrays, chunks, shards and parts: arithmetic alone.

Each band is an array, as xarray shows it, and so is each mask. An array is cut into shards, each of which is an object
of many chunks. A part is what is rendered at once: the shards of one window, of all bands, or of some where these are
so many that memory would not be flat; a mask of all bands is then rendered by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rasterwire.naming import safe_name, unique
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan
from rasterwire.request import MaskOutput

__all__ = ["COORDINATES", "GRID_MAPPING", "StoredArray", "ZarrLayout", "ZarrPart", "lay_out"]

COORDINATES = ("y", "x")
"""Names of the coordinates, and of the dimensions of all bands."""

GRID_MAPPING = "spatial_ref"
"""The name of the array that describes the crs, as rioxarray writes it."""

_CHUNK, _SMALL_CHUNK = 512, 256
"""Pixels a side of a chunk, and of one that holds the whole image."""

_LEAST_BYTES = 16 << 20
"""Of a part before compression; it has about as many, unless there were too many objects."""

_MOST_BYTES = 64 << 20
"""Of a part of several bands before compression."""

_MOST_SHARD_BYTES = 128 << 20
"""Of one object before compression, and of a chunk of each band where these have one mask."""

_MOST_SHARDS = 8_000
"""Objects of all parts; larger parts are taken before there are more. An export has 10,000 files, and each array has
metadata."""

_LONGEST_NAME = 100
"""Bytes of the name of an array."""

_MASK_TYPE = "uint8"


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array of pixels.

    Attributes:
        name: of the array, in the group.
        dtype: numpy name.
        fill: the value of what is not stored.
        band: index of its band; None for the mask of all bands.
        is_mask: whether it is a mask: 1 where valid, 0 where not.
        mask: the name of the array that is its mask, or "".
    """

    name: str
    dtype: str
    fill: float | int
    band: int | None
    is_mask: bool = False
    mask: str = ""


@dataclass(frozen=True, slots=True)
class ZarrPart:
    """What is rendered at once.

    Attributes:
        window: pixels of the raster; a shard of each array, but for what lies beyond the edge.
        bands: the first band that is rendered, and the one behind the last.
        shards: number of each object, and index of its array.
    """

    window: Window
    bands: tuple[int, int]
    shards: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ZarrLayout:
    """The arrays of a store, and their parts.

    Attributes:
        height, width: pixels.
        chunk: pixels a side of a chunk.
        shard: rows and columns of a shard, multiples of ``chunk``.
        arrays: of all bands in their order, and then of masks.
        bands_at_once: most bands of a part.
    """

    height: int
    width: int
    chunk: int
    shard: tuple[int, int]
    arrays: tuple[StoredArray, ...]
    bands_at_once: int

    @property
    def bands(self) -> int:
        """The number of bands."""
        return sum(not array.is_mask for array in self.arrays)

    @property
    def shards(self) -> int:
        """The number of objects of all parts."""
        rows, cols = self.shard
        return len(self.arrays) * -(-self.height // rows) * -(-self.width // cols)

    def parts(self) -> Iterator[ZarrPart]:
        """Yield the parts, left to right and top to bottom; their objects are numbered from 1."""
        rows, cols = self.shard
        number = 1
        for row in range(0, self.height, rows):
            for col in range(0, self.width, cols):
                window = Window(row, col, min(rows, self.height - row), min(cols, self.width - col))
                for bands, indices in self._groups():
                    yield ZarrPart(window, bands, tuple(enumerate(indices, number)))
                    number += len(indices)

    def _groups(self) -> Iterator[tuple[tuple[int, int], list[int]]]:
        """Yield what is rendered at once of a window: the bands, and the arrays that are made of them."""
        of_all = [index for index, array in enumerate(self.arrays) if array.band is None]
        if self.bands_at_once >= self.bands:
            yield (0, self.bands), [*range(len(self.arrays))]
            return
        for first in range(0, self.bands, self.bands_at_once):
            end = min(first + self.bands_at_once, self.bands)
            yield (
                (first, end),
                [i for i, array in enumerate(self.arrays) if array.band is not None and first <= array.band < end],
            )
        if of_all:  # their mask needs all bands, of which no more than a block is kept
            yield (0, self.bands), of_all

    def key(self, part: ZarrPart, index: int) -> str:
        """Return the name of an object in the store."""
        rows, cols = self.shard
        return f"{self.arrays[index].name}/c/{part.window.row // rows}/{part.window.col // cols}"


def lay_out(raster: RasterPlan) -> ZarrLayout:
    """Return the layout of a raster.

    Raises:
        ValueError: it would take too many objects or too much memory; with a sentence.
    """
    height, width = (int(n) for n in raster.grid.shape)
    arrays = _arrays(raster)
    chunk = _SMALL_CHUNK if max(height, width) <= _SMALL_CHUNK else _CHUNK
    down, across = -(-height // chunk), -(-width // chunk)
    pixel = sum(np.dtype(array.dtype).itemsize for array in arrays)

    def count(span: int) -> int:
        return len(arrays) * -(-down // span) * -(-across // span)

    span = 1
    while span < max(down, across) and ((span * chunk) ** 2 * pixel < _LEAST_BYTES or count(span) > _MOST_SHARDS):
        span += max(1, span // 4)
    shard = min(span, down) * chunk, min(span, across) * chunk
    area = shard[0] * shard[1]
    widest = max(np.dtype(array.dtype).itemsize for array in arrays)
    if area * widest > _MOST_SHARD_BYTES:
        raise ValueError("a Zarr store of so many pixels has too many objects; ask for a smaller region or fewer bands")
    at_once = len(raster.bands)
    if area * pixel > _MOST_BYTES:
        at_once = max(1, _MOST_BYTES // (area * (widest + (raster.mask is MaskOutput.EACH_BAND))))
    if raster.mask is MaskOutput.BAND and chunk * chunk * pixel > _MOST_SHARD_BYTES:
        problem = "one mask of so many bands needs all of them at once"
        raise ValueError(f"{problem}; ask for mask EACH_BAND, a nodata value, or fewer bands")
    return ZarrLayout(height, width, chunk, shard, arrays, at_once)


def _arrays(raster: RasterPlan) -> tuple[StoredArray, ...]:
    safe = [_without_prefix(safe_name(band.name, _LONGEST_NAME)) for band in raster.bands]
    masks = {MaskOutput.BAND: ["mask"], MaskOutput.EACH_BAND: [f"{name}_mask" for name in safe]}
    mask_names = masks.get(raster.mask, []) if raster.mask is not None else []
    reserved_names = [*COORDINATES, GRID_MAPPING, "zarr.json"]
    names = unique([*reserved_names, *safe, *mask_names], files=True)[len(reserved_names) :]
    of_bands, of_masks = names[: len(safe)], names[len(safe) :]
    of_each = of_masks * len(safe) if raster.mask is MaskOutput.BAND else of_masks or [""] * len(safe)
    bands = [
        StoredArray(name, band.dtype, band.fill, index, mask=mask)
        for index, (name, band, mask) in enumerate(zip(of_bands, raster.bands, of_each, strict=True))
    ]
    is_shared = raster.mask is MaskOutput.BAND
    return (
        *bands,
        *(
            StoredArray(name, _MASK_TYPE, 0, None if is_shared else index, is_mask=True)
            for index, name in enumerate(of_masks)
        ),
    )


def _without_prefix(name: str) -> str:
    """Return a name that does not begin as those do which Zarr keeps for itself."""
    return f"_{name.lstrip('_')}" if name.startswith("__") else name
