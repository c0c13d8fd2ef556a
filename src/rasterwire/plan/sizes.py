"""The size of an output, and the limits on it."""

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

_MAX_PICTURE = 64_000_000
"""Pixels of a PNG or JPEG, which is encoded in memory."""


def check_bytes(format_: Format, rasters: Sequence[RasterPlan], limits: Limits, problems: Violations) -> None:
    """Add a violation where rasters are too large together."""
    total = sum(map(pixel_bytes, rasters))
    size = total + sum(map(_mask_bytes, rasters)) if limits.are_earth_engine else total
    pixels = sum(int(r.grid.shape[0]) * int(r.grid.shape[1]) for r in rasters)
    if format_.is_picture and pixels > _MAX_PICTURE:
        problem = f"a {format_.value} of {pixels} pixels is too large, at most {_MAX_PICTURE}; ask for a GeoTIFF"
        problems.add(Violation("dimensions", "PICTURE_TOO_LARGE", problem))
    if size > limits.max_bytes and not any(violation.reason == OUTSIDE_IMAGE for violation in problems.items):
        problems.add(_too_many_bytes(size, limits))


def side_violation(grid: GeoBox, field: str, limits: Limits) -> Violation | None:
    """Return the violation of a grid whose sides are too long, or None; ``field`` decides their length."""
    violation = size_violation(grid, field, limits.max_side)
    if violation is None or not limits.are_earth_engine:
        return violation
    size = f"{grid.shape[1]}x{grid.shape[0]}"
    problem = f"Pixel grid dimensions ({size}) must be less than or equal to {limits.max_side}."
    return Violation("", violation.reason, problem)


def _too_many_bytes(total: int, limits: Limits) -> Violation:
    if limits.are_earth_engine:
        problem = f"Total request size ({total} bytes) must be less than or equal to {limits.max_bytes} bytes."
        return Violation("", "OUTPUT_TOO_LARGE", problem)
    size, limit = bytes_text(total), bytes_text(limits.max_bytes)
    if size == limit:
        size, limit = f"{total:,} bytes", f"{limits.max_bytes:,}"
    problem = f"the output is {size} before compression, at most {limit}"
    remedy = "ask for fewer bands, a coarser scale, or a part by a region"
    return Violation("dimensions", "OUTPUT_TOO_LARGE", f"{problem}; {remedy}")


def pixel_bytes(raster: RasterPlan) -> int:
    """Return the bytes of the pixels and masks of a raster before compression."""
    height, width = raster.grid.shape
    sample = sum(np.dtype(band.dtype).itemsize for band in raster.bands) + raster.masks
    return int(height) * int(width) * sample


def _mask_bytes(raster: RasterPlan) -> int:
    height, width = raster.grid.shape
    return int(height) * int(width) * len(raster.bands)


def estimated_bytes(format_: Format, encoding: Encoding, rasters: Sequence[RasterPlan]) -> int:
    """Return an estimate of the size of a file of rasters; exact for an NPY."""
    total = sum(map(pixel_bytes, rasters))
    if format_ is Format.NPY:
        raster = rasters[0]
        height, width = raster.grid.shape
        return total + len(npy_header(record_dtype(raster), (int(height), int(width))))
    # the ratio of deflate on the reflectance and elevation files of the measurements
    ratio = 1.0 if encoding.compression is Compression.NONE else 0.65
    return int(total * ratio) + 2048 * len(rasters)
