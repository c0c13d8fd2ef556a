"""Tiles of a GeoTIFF, compressed side by side and handed on in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasterwire.encode import BlockSource
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Compression, Encoding

TILE = 256
"""Pixels a side; what Earth Engine's exports have."""

_BLOCK_BYTES = 4 << 20
_THREADS = 2

Samples = npt.NDArray[np.generic]
"""A tile, shape (rows, columns, bands)."""


def tile_windows(raster: RasterPlan) -> Iterator[Window]:
    """Yield blocks of one row of tiles and some columns of them, left to right, top to bottom."""
    height, width = (int(n) for n in raster.grid.shape)
    across = _block_width(raster)
    for row in range(0, height, TILE):
        for col in range(0, width, across):
            yield Window(row, col, min(TILE, height - row), min(across, width - col))


def count_tile_windows(raster: RasterPlan) -> int:
    """Return how many blocks ``tile_windows`` yields."""
    height, width = (int(n) for n in raster.grid.shape)
    return -(-height // TILE) * -(-width // _block_width(raster))


def _block_width(raster: RasterPlan) -> int:
    sample = sum(np.dtype(band.dtype).itemsize + 1 for band in raster.bands)
    return TILE * max(1, _BLOCK_BYTES // (TILE * TILE * sample))


def predictor(encoding: Encoding, dtype: str) -> int:
    """Return the TIFF predictor: 2 differences of integers, 3 of floats, 1 none.

    None for 64-bit integers, which older readers cannot undo.
    """
    kind = np.dtype(dtype)
    if encoding.compression is Compression.NONE or (kind.kind in "iu" and kind.itemsize == 8):
        return 1
    return 3 if kind.kind == "f" else 2


def compressor(encoding: Encoding, dtype: str) -> Callable[[Samples], bytes]:
    """Return the function that makes a tile's bytes, little-endian."""
    prediction = predictor(encoding, dtype)
    level = encoding.level

    def predicted(tile: Samples) -> Any:
        if prediction == 2:
            return imagecodecs.delta_encode(tile, axis=1)
        if prediction == 3:
            return imagecodecs.floatpred_encode(tile, axis=1)
        return tile

    match encoding.compression:
        case Compression.DEFLATE:
            return lambda tile: bytes(imagecodecs.deflate_encode(predicted(tile), level=level or 6, raw=False))
        case Compression.ZSTD:
            return lambda tile: bytes(imagecodecs.zstd_encode(predicted(tile), level=level or 9))
        case Compression.LZW:
            return lambda tile: bytes(imagecodecs.lzw_encode(predicted(tile)))
        case Compression.NONE:
            return lambda tile: tile.tobytes()


def in_order(function: Callable[[Samples], bytes], tiles: Iterator[Samples]) -> Generator[bytes, None, None]:
    """Yield ``function(tile)`` for each tile, in order; a few are worked on at once."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="encode") as pool:
        waiting: deque[Future[bytes]] = deque()
        try:
            waiting.extend(pool.submit(function, tile) for tile in islice(tiles, 2 * _THREADS))
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(pool.submit(function, tile) for tile in islice(tiles, 1))
                yield done
        finally:
            for future in waiting:
                future.cancel()


def image_tiles(
    raster: RasterPlan, render: BlockSource, keep_mask: Callable[[npt.NDArray[np.bool_]], object] | None
) -> Iterator[Samples]:
    """Yield the tiles of a raster, shape (TILE, TILE, bands), zero beyond its edge.

    Args:
        raster: with bands of one type.
        render: of the blocks.
        keep_mask: gets the mask of each tile, True where every band is valid and beyond the edge;
            None where no mask is wanted.
    """
    for block in render(raster, tile_windows(raster)):
        rows, cols = block[0].data.shape
        for col in range(0, cols, TILE):
            inside = (slice(0, rows), slice(col, min(col + TILE, cols)))
            yield _tile(raster, block, inside)
            if keep_mask is not None:
                valid = np.logical_and.reduce([pixels.valid[inside] for pixels in block])
                mask = np.ones((TILE, TILE), bool)
                mask[: valid.shape[0], : valid.shape[1]] = valid
                keep_mask(mask)


def _tile(raster: RasterPlan, block: tuple[Pixels, ...], inside: tuple[slice, slice]) -> Samples:
    tile = np.zeros((TILE, TILE, len(raster.bands)), np.dtype(raster.bands[0].dtype).newbyteorder("<"))
    for index, (band, pixels) in enumerate(zip(raster.bands, block, strict=True)):
        part = Pixels(pixels.data[inside], pixels.valid[inside]).filled(band.fill)
        tile[: part.shape[0], : part.shape[1], index] = part
    return tile
