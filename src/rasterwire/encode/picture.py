"""PNG and JPEG pictures, encoded in memory."""

from typing import BinaryIO

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasterwire.encode import Block, BlockSource
from rasterwire.encode.tiles import tile_windows
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Format

_PNG_LEVEL = 5
_JPEG_QUALITY = 90


def encode_picture(raster: RasterPlan, format_: Format, render: BlockSource, out: BinaryIO) -> None:
    """Write a raster of one band or three; values are clamped to 0 to 255.

    A PNG gets an alpha channel where a pixel is invalid in one of its bands; in a JPEG such pixels are black.
    """
    height, width = (int(n) for n in raster.grid.shape)
    image = np.empty((height, width, len(raster.bands) + 1), np.uint8)
    windows = list(tile_windows(raster))
    for window, block in zip(windows, render(raster, windows, _bytes), strict=True):
        image[window.row : window.row + window.height, window.col : window.col + window.width] = block
    opaque = image[..., -1].all()
    picture = image[..., :-1] if format_ is Format.JPEG or opaque else image
    picture = np.ascontiguousarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    if format_ is Format.JPEG:
        out.write(imagecodecs.jpeg8_encode(picture, level=_JPEG_QUALITY))
    else:
        out.write(imagecodecs.png_encode(picture, level=_PNG_LEVEL))


def _bytes(block: Block) -> npt.NDArray[np.uint8]:
    """Return the bands of a block and their common mask, shape (rows, columns, bands + 1)."""
    valid = np.logical_and.reduce([pixels.valid for pixels in block])
    picture = np.empty((*valid.shape, len(block) + 1), np.uint8)
    for index, pixels in enumerate(block):
        values = np.nan_to_num(pixels.filled(0).astype(np.float64) if pixels.data.dtype.kind == "f" else pixels.data)
        picture[..., index] = np.where(valid, np.clip(values, 0, 255), 0)
    picture[..., -1] = valid * np.uint8(255)
    return picture
