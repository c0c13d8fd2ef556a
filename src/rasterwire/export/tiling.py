"""How an export is cut into files."""

from collections.abc import Iterator, Sequence

from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan

__all__ = ["MAX_FILES", "count_files", "file_key", "file_windows"]

MAX_FILES = 10_000
"""Files of one export; more are neither listed nor found by anybody."""


def count_files(raster: RasterPlan, side: int) -> int:
    """Return the number of files of a raster."""
    height, width = (int(n) for n in raster.grid.shape)
    return -(-height // side) * -(-width // side)


def file_windows(raster: RasterPlan, side: int) -> Sequence[Window]:
    """Return what each file holds, left to right and top to bottom. Those at the edges are smaller."""
    return tuple(_windows(raster, side))


def _windows(raster: RasterPlan, side: int) -> Iterator[Window]:
    height, width = (int(n) for n in raster.grid.shape)
    for row in range(0, height, side):
        for col in range(0, width, side):
            yield Window(row, col, min(side, height - row), min(side, width - col))


def file_key(prefix: str, window: Window) -> str:
    """Return the name of a file, by its first row and column, as Earth Engine names those of its exports."""
    return f"{prefix}-{window.row:010}-{window.col:010}.tif"
