"""The delivered file: two codecs in two containers, and pictures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from rasterwire.encode import BlockSource
from rasterwire.encode.cog import encode_cog
from rasterwire.encode.container import write_zip
from rasterwire.encode.geotiff import encode_geotiff
from rasterwire.encode.npy import count_npy_windows, encode_npy
from rasterwire.encode.picture import encode_picture
from rasterwire.encode.tiles import count_tile_windows
from rasterwire.plan.types import RasterPlan, RenderPlan
from rasterwire.request import Format


def encode_download(plan: RenderPlan, render: BlockSource, out: BinaryIO, scratch: Path) -> None:
    """Write the whole file of a plan.

    Args:
        plan: of the download.
        render: renders blocks; its errors are not caught.
        out: empty, seekable, readable and writable.
        scratch: folder for temporary files, which are removed.
    """
    ENCODERS[plan.format](plan, render, out, scratch)


def count_blocks(plan: RenderPlan) -> int:
    """Return the number of blocks of a plan."""
    count = count_npy_windows if plan.format is Format.NPY else count_tile_windows
    return sum(map(count, plan.rasters))


def sequential_size(plan: RenderPlan) -> int | None:
    """Return the size of a file that is written front to back with a size known in advance; None for other files."""
    return plan.estimated_bytes if plan.format is Format.NPY else None


def _npy(plan: RenderPlan, render: BlockSource, out: BinaryIO, scratch: Path) -> None:  # noqa: ARG001
    encode_npy(plan.rasters[0], render, out)


def _picture(plan: RenderPlan, render: BlockSource, out: BinaryIO, scratch: Path) -> None:  # noqa: ARG001
    encode_picture(plan.rasters[0], plan.format, render, out)


def _geotiff(plan: RenderPlan, render: BlockSource, out: BinaryIO, scratch: Path) -> None:
    _tiff(plan, render, scratch, plan.rasters[0], out)


def _zipped(plan: RenderPlan, render: BlockSource, out: BinaryIO, scratch: Path) -> None:
    write_zip(((r.path, partial(_tiff, plan, render, scratch, r)) for r in plan.rasters), out, scratch)


def _tiff(plan: RenderPlan, render: BlockSource, scratch: Path, raster: RasterPlan, out: BinaryIO) -> None:
    encode = encode_cog if plan.encoding.cloud_optimized else encode_geotiff
    encode(raster, plan.encoding, render, out, scratch)


ENCODERS: dict[Format, Callable[[RenderPlan, BlockSource, BinaryIO, Path], None]] = {
    Format.NPY: _npy,
    Format.PNG: _picture,
    Format.JPEG: _picture,
    Format.GEO_TIFF: _geotiff,
    Format.ZIPPED_GEO_TIFF: _zipped,
    Format.ZIPPED_GEO_TIFF_PER_BAND: _zipped,
}
