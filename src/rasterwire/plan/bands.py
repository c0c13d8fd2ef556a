"""How each band is computed and stored: type, nodata, resampling, overview."""

from collections.abc import Sequence

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.errors import Violation
from rasterwire.geo.grid import pixel_metres, pixel_offset
from rasterwire.image import Band
from rasterwire.nodes.computed import Computed
from rasterwire.pixels import type_names
from rasterwire.plan.types import BandPlan, Source
from rasterwire.plan.validity import Nodata
from rasterwire.request import Resampling


def dtype_violation(band: Source, field: str) -> Violation | None:
    """Return what is wrong with the type of a band, or None."""
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
        sources: output name, band and asked resampling, in output order.
        dtypes: of the output, one a band.
        grid: of the raster.
        nodata: what is declared and what invalid pixels get, of each band.
    """
    plans = []
    for (name, band, resampling), dtype, own in zip(sources, dtypes, nodata, strict=True):
        if isinstance(band, Computed):
            plans.append(BandPlan(name, band, dtype, own.declared, own.fill, resampling))
            continue
        read = sampling(band, grid, resampling)
        plans.append(BandPlan(name, band, dtype, own.declared, own.fill, read.resampling, read.overview))
    return tuple(plans)


def sampling(band: Band, grid: GeoBox, resampling: Resampling) -> BandPlan:
    """Return how a stored band is read on a grid, as it is stored."""
    if pixel_offset(grid, band.grid) is not None:
        return BandPlan(band.name, band, band.dtype, None, 0, None)
    overview = pick_overview(band, grid, resampling)
    return BandPlan(band.name, band, band.dtype, None, 0, resampling, overview)


def pick_overview(band: Source, grid: GeoBox, resampling: Resampling) -> int | None:
    """Return the overview level to read: the coarsest that is not coarser than the grid, or None.

    Reductions over all pixels read the full resolution. Source: Earth Engine's guide on scale.
    """
    if resampling.aggregates or (resampling is Resampling.NEAREST and not band.exact_overviews):
        return None
    own = band.grid if grid.crs is None else band.placed
    ratio = pixel_metres(grid.affine, grid.crs) / pixel_metres(own.affine, own.crs)
    factors = overview_factors(band)
    fine = [level for level, factor in enumerate(factors) if factor <= ratio * (1 + 1e-6)]
    return max(fine, key=lambda level: factors[level]) if fine else None


def overview_factors(band: Source) -> list[float]:
    """Return by how much each overview level is coarser than the band."""
    return [band.grid.shape[1] / width for width, _ in band.overviews]
