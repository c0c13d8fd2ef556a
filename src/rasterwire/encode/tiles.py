"""Tiles of a GeoTIFF, compressed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from rasterwire.encode import Block
from rasterwire.pixels import Window
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Compression, Encoding, MaskOutput

TILE = 256
"""Pixels a side, as in Earth Engine's exports."""

_BLOCK_BYTES = 4 << 20

_PIXEL_BYTES = 64
"""A GeoTIFF whose pixel takes more in all bands together is stored band by band."""

_WINDOW_BITS = 10
"""Of ISA-L's deflate: 1 KiB. Differences of pixels repeat nearby or not at all, and a search that ends
there takes three quarters of the time. Files are as small as with 32 KiB, those of classes smaller, those of
elevations 3 % larger."""

_FIRST = 4
"""The least length of a match. ISA-L's C code compresses a block of so many bytes, and remembers the first of them."""

Samples = npt.NDArray[np.generic]
"""A tile, shape (rows, columns, bands)."""


def tile_windows(raster: RasterPlan) -> Iterator[Window]:
    """Yield blocks of one row of tiles and some columns of them, left to right, top to bottom."""
    height, width = (int(n) for n in raster.grid.shape)
    down, across = tile_shape(raster)[0], _block_width(raster)
    for row in range(0, height, down):
        for col in range(0, width, across):
            yield Window(row, col, min(down, height - row), min(across, width - col))


def tile_shape(raster: RasterPlan) -> tuple[int, int]:
    """Return rows and columns of a tile."""
    return (TILE, TILE) if raster.tiling is None else (raster.tiling.height, raster.tiling.width)


def count_tile_windows(raster: RasterPlan) -> int:
    """Return the number of windows of ``tile_windows`` for all planes."""
    height, width = (int(n) for n in raster.grid.shape)
    parts = planes(raster)
    return len(parts) * -(-height // tile_shape(raster)[0]) * -(-width // _block_width(parts[0]))


def planes(raster: RasterPlan) -> list[RasterPlan]:
    """Return the planes of a file: one of all bands, or one for each band where they are many.

    A tile of a thousand bands would take more memory than everything else.
    """
    sample = sum(np.dtype(band.dtype).itemsize for band in raster.bands)
    return [raster] if sample <= _PIXEL_BYTES else [replace(raster, bands=(band,)) for band in raster.bands]


def _block_width(raster: RasterPlan) -> int:
    sample = sum(np.dtype(band.dtype).itemsize + 1 for band in raster.bands)
    rows, cols = tile_shape(raster)
    return cols * max(1, _BLOCK_BYTES // (rows * cols * sample))


def predictor(encoding: Encoding, dtype: str) -> int:
    """Return the TIFF predictor: 2 differences of integers, 3 of floats, 1 none.

    None for 64-bit integers, which older readers cannot undo.
    """
    kind = np.dtype(dtype)
    if encoding.compression is Compression.NONE or (kind.kind in "iu" and kind.itemsize == 8):
        return 1
    return 3 if kind.kind == "f" else 2


@lru_cache(maxsize=64)
def compressor(encoding: Encoding, dtype: str) -> Callable[[Samples], bytes]:
    """Return the function that compresses a tile, little-endian.

    Without a level, deflate is ISA-L's and the level of zstd is 1: on reflectance they give files as small as deflate
    at level 6, at 3 to 10 times its speed.
    """
    prediction = predictor(encoding, dtype)
    level = encoding.level

    def predicted(tile: Samples) -> Any:
        if prediction == 2:
            return imagecodecs.delta_encode(tile, axis=1)
        if prediction == 3:
            return imagecodecs.floatpred_encode(tile, axis=1)
        return np.ascontiguousarray(tile)

    match encoding.compression:
        case Compression.DEFLATE if level is None:
            return lambda tile: _deflate(predicted(tile))
        case Compression.DEFLATE:
            return lambda tile: bytes(imagecodecs.deflate_encode(predicted(tile), level=level, raw=False))
        case Compression.ZSTD:
            return lambda tile: bytes(imagecodecs.zstd_encode(predicted(tile), level=level or 1))
        case Compression.LZW:
            return lambda tile: bytes(imagecodecs.lzw_encode(predicted(tile)))
        case Compression.NONE:
            return lambda tile: tile.tobytes()


def _deflate(data: Any) -> bytes:
    """Return a zlib stream by ISA-L, in windows of ``_WINDOW_BITS``; equal data gives equal bytes.

    At the beginning of a stream, ISA-L's machine code takes the hash of the third byte from the address of the stream
    (``.write_first_byte`` of igzip_icf_body_h1_gr_bt.asm), so that one stream in some thousands
    finds another match. A first block of ``_FIRST`` bytes, which takes 7 bytes, prevents that.
    """
    stream = isal_zlib.compressobj(level=1, wbits=_WINDOW_BITS)
    view = memoryview(data).cast("B")
    first = stream.compress(view[:_FIRST]), stream.flush(isal_zlib.Z_SYNC_FLUSH)
    return b"".join((*first, stream.compress(view[_FIRST:]), stream.flush()))


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles of a block, left to right.

    Attributes:
        images: compressed.
        masks: the tiles of each stored mask: bits, 1 where valid and beyond the edge.
    """

    images: list[bytes]
    masks: list[list[bytes]]


@dataclass(frozen=True, slots=True)
class _TileEncoder:
    raster: RasterPlan
    encoding: Encoding
    side: int

    def __call__(self, block: Block) -> Tiles:
        raster, side = self.raster, self.side
        compress = compressor(self.encoding, raster.bands[0].dtype)
        dtype = np.dtype(raster.bands[0].dtype).newbyteorder("<")
        bands = [pixels.filled(band.fill) for band, pixels in zip(raster.bands, block, strict=True)]
        rows, cols = bands[0].shape
        images = []
        for col in range(0, cols, side):
            width = min(side, cols - col)
            whole = rows == side and width == side
            if whole and len(bands) == 1:
                images.append(compress(bands[0][:, col : col + side, np.newaxis].astype(dtype, copy=False)))
                continue
            tile = (np.empty if whole else np.zeros)((side, side, len(bands)), dtype)
            for index, band in enumerate(bands):
                tile[:rows, :width, index] = band[:, col : col + width]
            images.append(compress(tile))
        return Tiles(images, [mask_tiles(valid, side) for valid in masks_of(raster, block)])


def encoder(raster: RasterPlan, encoding: Encoding, side: int = TILE) -> Callable[[Block], Tiles]:
    """Return what encodes a block of bands of one type as tiles, which are zero beyond its edge; a value.

    Args:
        raster: of the bands.
        encoding: compression.
        side: pixels of a tile; a block has at most so many rows.
    """
    return _TileEncoder(raster, encoding, side)


def masks_of(raster: RasterPlan, block: Block) -> list[npt.NDArray[np.bool_]]:
    """Return the masks of a block to store: none, one that is valid where every band is, or one for each band."""
    match raster.mask:
        case MaskOutput.BAND:
            return [np.logical_and.reduce([pixels.valid for pixels in block])]
        case MaskOutput.EACH_BAND:
            return [pixels.valid for pixels in block]
        case _:
            return []


def mask_tiles(valid: npt.NDArray[np.bool_], side: int) -> list[bytes]:
    """Return the tiles of a mask: bits, 1 where valid and beyond the edge."""
    rows, cols = valid.shape
    masks = []
    for col in range(0, cols, side):
        mask = np.ones((side, side), bool)
        part = valid[:, col : col + side]
        mask[:rows, : part.shape[1]] = part
        masks.append(np.packbits(mask).tobytes())
    return masks
