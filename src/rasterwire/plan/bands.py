"""How each band is computed and stored: type, nodata, resampling, overview."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.errors import Violation
from rasterwire.geo.grid import pixel_metres, pixel_offset
from rasterwire.image import Band
from rasterwire.pixels import type_names
from rasterwire.plan.types import BandPlan, Source
from rasterwire.plan.validity import Nodata
from rasterwire.request import Resampling


def dtype_violation(band: Source, field: str) -> Violation | None:
    """Return the violation of a band whose type no format holds, or None."""
    if band.dtype in type_names:
        return None
    return Violation(field, "TYPE_NOT_SUPPORTED", f"band {band.name!r} is {band.dtype}, which no format holds")


def common_dtype(bands: Sequence[Source]) -> str:
    """Return the smallest type that holds the values of all bands.

    uint8 + uint16 give uint16, uint16 + int16 int32, 16 bits or less + float32 float32; 64-bit
    integers of both signs meet in float64, which rounds beyond 2^53: the plan says so. Source: NumPy's
    promotion rules.
    """
    return str(np.result_type(*(np.dtype(b.dtype) for b in bands)))


def plan_bands(
    sources: Sequence[tuple[str, Source, Resampling]], dtypes: Sequence[str], grid: GeoBox, nodata: Sequence[Nodata]
) -> tuple[BandPlan, ...]:
    """Return the plans of the bands of one raster.

    Args:
        sources: output name, band and requested resampling, in output order.
        dtypes: of the output, one a band.
        grid: of the raster.
        nodata: the declared value and the fill of each band.
    """
    return tuple(
        replace(plan_band(source, grid, resampling), name=name, dtype=dtype, nodata=value.declared, fill=value.fill)
        for (name, source, resampling), dtype, value in zip(sources, dtypes, nodata, strict=True)
    )


def plan_band(source: Source, grid: GeoBox, resampling: Resampling) -> BandPlan:
    """Return how a band is sampled on a grid, in its own type and without a nodata value."""
    band, overview = source.stored, None
    kernel: Resampling | None = resampling
    if band is not None and pixel_offset(grid, band.grid) is not None:
        kernel = None
    elif band is not None:
        overview = pick_overview(band, grid, resampling)
    return BandPlan(source.name, source, source.dtype, nodata=None, fill=0, resampling=kernel, overview=overview)


def pick_overview(band: Band, grid: GeoBox, resampling: Resampling) -> int | None:
    """Return the overview level to read: the coarsest that is not coarser than the grid, or None.

    Resamplings that aggregate read the full resolution. Source: Earth Engine's guide on scale.
    """
    if resampling.aggregates or (resampling is Resampling.NEAREST and not band.exact_overviews):
        return None
    native = band.grid if grid.crs is None else band.placed
    ratio = pixel_metres(grid.affine, grid.crs) / pixel_metres(native.affine, native.crs)
    factors = overview_factors(band)
    fine = [level for level, factor in enumerate(factors) if factor <= ratio * (1 + 1e-6)]
    return max(fine, key=lambda level: factors[level]) if fine else None


def overview_factors(band: Band) -> list[float]:
    """Return the factor by which each overview level is coarser than the band."""
    return [band.grid.shape[1] / width for width, _ in band.overviews]
