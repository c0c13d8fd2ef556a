"""How large an output is, and where that is too large."""

from collections.abc import Sequence

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.errors import Violation, Violations
from rasterwire.geo.grid import size_violation
from rasterwire.plan.hints import OUTSIDE_IMAGE
from rasterwire.plan.npy import npy_header, record_dtype
from rasterwire.plan.types import Limits, RasterPlan
from rasterwire.request import Compression, Encoding, Format
from rasterwire.units import bytes_text

_MOST_OF_PICTURE = 64_000_000
"""Pixels of a PNG or JPEG, which is made in memory."""


def check_bytes(format_: Format, rasters: Sequence[RasterPlan], limits: Limits, problems: Violations) -> None:
    """Note where rasters are too large together."""
    total = sum(map(pixel_bytes, rasters))
    counted = total + sum(map(_mask_bytes, rasters)) if limits.are_earth_engine else total
    pixels = sum(int(r.grid.shape[0]) * int(r.grid.shape[1]) for r in rasters)
    if format_.is_picture and pixels > _MOST_OF_PICTURE:
        said = f"a {format_.value} of {pixels} pixels is too large, at most {_MOST_OF_PICTURE}; ask for a GeoTIFF"
        problems.found.append(Violation("dimensions", "PICTURE_TOO_LARGE", said))
    if counted > limits.max_bytes and not any(v.reason == OUTSIDE_IMAGE for v in problems.found):
        problems.found.append(_too_many_bytes(counted, limits))


def side_violation(grid: GeoBox, field: str, limits: Limits) -> Violation | None:
    """Return what is wrong with the length of a grid's sides; ``field`` decides them."""
    wrong = size_violation(grid, field, limits.max_side)
    if wrong is None or not limits.are_earth_engine:
        return wrong
    said = f"Pixel grid dimensions ({grid.shape[1]}x{grid.shape[0]}) must be less than or equal to {limits.max_side}."
    return Violation("", wrong.reason, said)


def _too_many_bytes(total: int, limits: Limits) -> Violation:
    if limits.are_earth_engine:
        said = f"Total request size ({total} bytes) must be less than or equal to {limits.max_bytes} bytes."
        return Violation("", "OUTPUT_TOO_LARGE", said)
    size, most = bytes_text(total), bytes_text(limits.max_bytes)
    if size == most:
        size, most = f"{total:,} bytes", f"{limits.max_bytes:,}"
    said = f"the output is {size} before compression, at most {most}"
    remedy = "ask for fewer bands, a coarser scale, or a part by a region"
    return Violation("dimensions", "OUTPUT_TOO_LARGE", f"{said}; {remedy}")


def pixel_bytes(raster: RasterPlan) -> int:
    """Return the bytes of the pixels and masks of a raster before compression."""
    height, width = raster.grid.shape
    sample = sum(np.dtype(band.dtype).itemsize for band in raster.bands) + raster.masks
    return int(height) * int(width) * sample


def _mask_bytes(raster: RasterPlan) -> int:
    height, width = raster.grid.shape
    return int(height) * int(width) * len(raster.bands)


def estimated_bytes(format_: Format, encoding: Encoding, rasters: Sequence[RasterPlan]) -> int:
    """Return about how large a file of rasters becomes; exact for an NPY."""
    total = sum(map(pixel_bytes, rasters))
    if format_ is Format.NPY:
        raster = rasters[0]
        height, width = raster.grid.shape
        return total + len(npy_header(record_dtype(raster), (int(height), int(width))))
    # what deflate makes of reflectance and elevation, over the files this was tried on
    ratio = 1.0 if encoding.compression is Compression.NONE else 0.65
    return int(total * ratio) + 2048 * len(rasters)
