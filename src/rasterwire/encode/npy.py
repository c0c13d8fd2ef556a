"""NumPy files: a packed structured array, one field a band."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from rasterwire.encode import Block, BlockSource
from rasterwire.encode.tiles import masks_of
from rasterwire.pixels import Window
from rasterwire.plan.npy import npy_header, record_dtype
from rasterwire.plan.types import RasterPlan

_STRIP_BYTES = 4 << 20

_ROW_BYTES = 16 << 20
"""A larger row, such as one of very many bands, is rendered in parts."""


def npy_windows(raster: RasterPlan) -> Iterator[Window]:
    """Yield strips of whole rows, or parts of one row, in the order of the file."""
    height, width = (int(n) for n in raster.grid.shape)
    step, across = _strip_rows(raster), _strip_width(raster)
    for row in range(0, height, step):
        for col in range(0, width, across):
            yield Window(row, col, min(step, height - row), min(across, width - col))


def count_npy_windows(raster: RasterPlan) -> int:
    """Return the number of windows of ``npy_windows``."""
    height, width = (int(n) for n in raster.grid.shape)
    return -(-height // _strip_rows(raster)) * -(-width // _strip_width(raster))


def _strip_rows(raster: RasterPlan) -> int:
    return max(1, _STRIP_BYTES // (int(raster.grid.shape[1]) * record_dtype(raster).itemsize))


def _strip_width(raster: RasterPlan) -> int:
    pixel = record_dtype(raster).itemsize
    width = int(raster.grid.shape[1])
    return width if width * pixel <= _ROW_BYTES else max(1, _ROW_BYTES // pixel)


@dataclass(frozen=True, slots=True)
class _StripEncoder:
    raster: RasterPlan
    record: np.dtype[np.void]

    def __call__(self, block: Block) -> npt.NDArray[np.uint8]:
        raster, record = self.raster, self.record
        bands = [pixels.filled(band.fill) for band, pixels in zip(raster.bands, block, strict=True)]
        if len(raster.bands) == 1 and not raster.masks:  # the pixels are the rows
            return np.ascontiguousarray(bands[0], record[0]).view(np.uint8)
        rows = np.empty(bands[0].shape, record)
        for band, pixels in zip(raster.bands, bands, strict=True):
            rows[band.name] = pixels
        masks = masks_of(raster, block)
        if masks:
            rows["mask"] = (masks[0] if len(masks) == 1 else np.stack(masks, -1)) * np.uint8(255)
        return rows.view(np.uint8)  # plain bytes, since the buffer of a record cannot have a name with a colon


def encode_npy(raster: RasterPlan, render: BlockSource, out: BinaryIO) -> None:
    """Write a raster; invalid pixels get the fill of the band and 0 in their mask, valid ones 255 in their mask."""
    record = record_dtype(raster)
    height, width = (int(n) for n in raster.grid.shape)
    out.write(npy_header(record, (height, width)))

    encode = _StripEncoder(raster, record)
    out.writelines(rows.data for rows in render(raster, npy_windows(raster), encode))
