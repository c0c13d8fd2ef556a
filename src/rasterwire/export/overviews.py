"""The pixels of overviews: each is made from at most four of the next larger level.

A pixel of an overview stands for two rows and two columns of the next larger level; the last of an odd side stands for
one. Pixels that are wholly transparent count as invalid ones. It is

- the average of the valid ones among these, where the values are measurements, and invalid where none is. Whole numbers
  are rounded, halves away from zero. An average that would be read as nodata becomes the value beside;
- or the first one of the four, valid or not, where the values may be classes.
"""

from collections.abc import Sequence
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasterwire.encode import Block
from rasterwire.pixels import Pixels, is_nodata
from rasterwire.plan.types import BandPlan, RasterPlan
from rasterwire.render.rounding import beside_nodata
from rasterwire.request import MaskOutput

__all__ = ["as_read", "halve", "pack_block", "unpack_block"]


def as_read(raster: RasterPlan, block: Block) -> Block:
    """Return a block as readers of the file see it: overviews are made of these pixels."""
    match raster.mask:
        case MaskOutput.BAND:
            common = np.logical_and.reduce([pixels.valid for pixels in block])
            block = tuple(Pixels(pixels.data, common) for pixels in block)
        case None:
            filled = [pixels.filled(band.fill) for band, pixels in zip(raster.bands, block, strict=True)]
            opaque = _opaque(raster, filled)
            block = tuple(Pixels(data, opaque) for data in filled)
        case _:
            pass
    return tuple(_distinct(band, pixels) for band, pixels in zip(raster.bands, block, strict=True))


def _opaque(raster: RasterPlan, block: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Return which pixels count: readers take those that are wholly transparent for invalid ones."""
    has_alpha = "alpha" in raster.metadata.colors and all(band.nodata is None for band in raster.bands)
    if not has_alpha:
        return np.ones(block[0].shape, bool)
    return np.asarray(block[raster.metadata.colors.index("alpha")] != 0)


def _distinct(band: BandPlan, pixels: Pixels) -> Pixels:
    if band.nodata is None:
        return pixels
    return Pixels(pixels.data, pixels.valid & ~is_nodata(pixels.data, band.nodata))


def halve(raster: RasterPlan, block: Block, *, averages: bool) -> Block:
    """Return a block of half the rows and columns, rounded up.

    Args:
        raster: of the bands.
        block: see ``as_read``; its first row and column have even numbers.
        averages: whether pixels are averages; else they are samples.
    """
    if not averages:
        return tuple(Pixels(pixels.data[::2, ::2].copy(), pixels.valid[::2, ::2].copy()) for pixels in block)
    return tuple(_averaged(band, pixels) for band, pixels in zip(raster.bands, block, strict=True))


def _averaged(band: BandPlan, pixels: Pixels) -> Pixels:
    data, valid = _even(pixels.data), _even(pixels.valid)
    is_whole = bool(valid.all())
    count = np.uint8(4) if is_whole else _sums(valid, np.uint8)
    if not is_whole:
        data = np.where(valid, data, data.dtype.type(0))
    divisor = np.maximum(count, 1)
    if data.dtype.kind == "f":
        means = _mean_of_floats(data, divisor)
    elif data.dtype.itemsize == np.dtype(np.int64).itemsize:
        means = _mean_of_long(data, divisor)
    else:
        total = _sums(data, np.int64 if data.dtype.itemsize > np.dtype(np.int16).itemsize else np.int32)
        means = (total + 2 - (total < 0)) >> 2 if is_whole else _rounded(total, divisor.astype(total.dtype))
    any_valid = np.ones(means.shape, bool) if is_whole else np.asarray(count > 0)
    return beside_nodata(means.astype(data.dtype), any_valid, band.nodata)


def _mean_of_floats(data: npt.NDArray[Any], divisor: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        # quarters, since the sum of the largest values is infinite
        return np.asarray(_sums(data * np.float64(0.25), np.float64) / (divisor * 0.25))


def _mean_of_long(data: npt.NDArray[Any], divisor: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Return means of integers whose sum does not fit into their type."""
    count = np.broadcast_to(divisor, tuple(side // 2 for side in data.shape)).astype(data.dtype)
    wholes, rests = np.divmod(data, count.repeat(2, 0).repeat(2, 1))
    return _rounded(_sums(rests, data.dtype), count, _sums(wholes, data.dtype))


def _rounded(rests: npt.NDArray[Any], count: npt.NDArray[Any], wholes: npt.NDArray[Any] | int = 0) -> npt.NDArray[Any]:
    """Return ``wholes + rests / count``, rounded."""
    quotients, remainders = np.divmod(2 * rests + count, 2 * count)
    means = wholes + quotients
    if means.dtype.kind == "i":
        means -= (remainders == 0) & (means <= 0)  # a negative half
    return np.asarray(means)


def _even(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels with a further row and column where their number is odd: zero, and not valid."""
    rows, cols = pixels.shape
    return np.pad(pixels, ((0, rows % 2), (0, cols % 2))) if rows % 2 or cols % 2 else pixels


def _sums(pixels: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the sums of two rows and two columns each."""
    rows = np.add(pixels[::2], pixels[1::2], dtype=dtype)
    return np.asarray(rows[:, ::2] + rows[:, 1::2])


def pack_block(block: Block) -> bytes:
    """Return a block as bytes: of all bands the values, then the bits of their validity, compressed."""
    raw = [pixels.data.astype(pixels.data.dtype.newbyteorder("<"), copy=False).tobytes() for pixels in block]
    raw += [np.packbits(pixels.valid).tobytes() for pixels in block]
    return bytes(imagecodecs.zstd_encode(b"".join(raw), level=1))


def unpack_block(raster: RasterPlan, packed: bytes, shape: tuple[int, int]) -> Block:
    """Return the block of ``pack_block``.

    Raises:
        ValueError: the bytes are not those of such a block.
    """
    pixels, dtypes = shape[0] * shape[1], [np.dtype(band.dtype).newbyteorder("<") for band in raster.bands]
    bits = -(-pixels // 8)
    size = sum(pixels * dtype.itemsize + bits for dtype in dtypes)
    try:
        raw = imagecodecs.zstd_decode(packed, out=size)
    except imagecodecs.ZstdError:
        raw = b""
    if len(raw) != size:
        raise ValueError("the reduced pixels of a part are damaged; make the part again")
    first_bits = size - bits * len(dtypes)
    block, position = [], 0
    for index, dtype in enumerate(dtypes):
        data = np.frombuffer(raw, dtype, pixels, position).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
        packed_bits = np.frombuffer(raw, np.uint8, bits, first_bits + index * bits)
        block.append(Pixels(data, np.unpackbits(packed_bits, count=pixels).astype(bool).reshape(shape)))
        position += pixels * dtype.itemsize
    return tuple(block)
