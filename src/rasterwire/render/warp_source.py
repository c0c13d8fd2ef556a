"""The part of a file of arrays that GDAL warps: a raster in memory of the pixels that a cell may need."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.io import DatasetReader, MemoryFile

from rasterwire.files.raster_file import open_piece
from rasterwire.pixels import NodataPixels, Pixels
from rasterwire.render.positions import exact, unwrapped
from rasterwire.render.sampling import Sampling

__all__ = ["rectangle_in_memory"]

_RADIUS = 3
"""Of the widest kernel, in source pixels, or in output pixels where these are larger."""

_MARGIN = 4
"""More source pixels on each side, for rounding and for the parts of pixels."""


@contextmanager
def rectangle_in_memory(
    sampling: Sampling, cell: tuple[int, int, int, int], scale: tuple[float, float]
) -> Iterator[tuple[DatasetReader, bool]]:
    """Open the source pixels around a cell; call it inside ``gdal_calls``.

    Args:
        sampling: of a band that GDAL cannot open.
        cell: first row and column from the anchor of the lattice, and number of rows and columns.
        scale: output pixels per source pixel.

    Yields:
        the raster in its whole size, and whether a mask decides which pixels are valid, and not nodata.

    Raises:
        SourceUnavailable: the pixels cannot be read.
    """
    left, top, right, bottom = _rectangle(sampling, cell, scale)
    pixels = sampling.read((left, top, right, bottom))
    nodata = sampling.source.nodata
    masked = isinstance(nodata, int) and pixels.data.dtype.itemsize == 8  # GDAL compares these as doubles
    with MemoryFile() as memory:
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
            memory.open(
                driver="GTiff",
                height=bottom - top,
                width=right - left,
                count=1,
                dtype=pixels.data.dtype.name,
                BIGTIFF="IF_SAFER",
            ) as target,
        ):
            target.write(_data(pixels), 1)
            if masked:
                target.write_mask(pixels.valid)
        size = sampling.width, sampling.height
        with memory.open() as piece, open_piece(piece, (left, top), size, masked) as raster:
            yield raster, masked


def _data(pixels: Pixels) -> npt.NDArray[Any]:
    return pixels.data if isinstance(pixels, NodataPixels) else pixels.filled(0)


def _rectangle(
    sampling: Sampling, cell: tuple[int, int, int, int], scale: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the source pixels that a cell may need; one pixel where it needs none."""
    row, col, rows, cols = cell
    origin = sampling.anchor
    across, down = np.arange(cols) + col - origin.col, np.arange(rows)[:, None] + row - origin.row
    x, y = exact(sampling, across, down)
    beyond, _ = unwrapped(
        sampling, np.add(across, 0.5), np.add(down, 0.5)
    )  # GDAL may place pixels on either side of a turn
    x = np.concatenate([x.ravel(), beyond.ravel()])
    sides = []
    for values, size, share in ((x, sampling.width, scale[0]), (y, sampling.height, scale[1])):
        finite = values[np.isfinite(values)]
        margin = math.ceil(_RADIUS * max(1.0, 1 / share)) + _MARGIN
        low, high = (math.floor(finite.min()), math.ceil(finite.max())) if finite.size else (0, 0)
        low, high = max(0, low - margin), min(size, high + margin)
        sides.append((low, high) if low < high else (0, 1))
    (left, right), (top, bottom) = sides
    return left, top, right, bottom
