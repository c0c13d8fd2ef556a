"""Bilinear resampling by the same positions as nearest: as GDAL's warper does it, without its approximations."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import kernels
from rasterwire.render.parts import in_parts
from rasterwire.render.positions import Lattice, Positions, exact_positions, positions, shrink
from rasterwire.render.source import level_transform, read

_SOURCE_BUDGET = 16_000_000
_NOT_WIDER = 0.95
"""From this many output pixels per source pixel on the mean is of four pixels; the threshold is GDAL's."""

_WIDEST = 0.2
"""Below this many, GDAL's sums over many pixels are as good."""

_dtypes = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}


def is_compiled(plan: BandPlan, grid: GeoBox) -> bool:
    """Tell whether ``bilinear`` can do what is asked: validity by nodata alone, not too wide a mean."""
    band = plan.source
    return not band.masked and band.dtype in _dtypes and min(shrink(plan, grid)) >= _WIDEST


def _scale(plan: BandPlan, grid: GeoBox) -> tuple[float, float]:
    scale = shrink(plan, grid)
    return (1.0, 1.0) if min(scale) >= _NOT_WIDER else scale


def bilinear(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels:
    """Return a window of a grid interpolated from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    return in_parts(window, lambda part: _interpolated(plan, grid, part))


def _interpolated(plan: BandPlan, grid: GeoBox, window: Window) -> Pixels | None:
    place = positions(plan, grid, window)
    shape, kind = (window.height, window.width), np.dtype(plan.source.dtype)
    data, state = np.zeros(shape, kind), np.zeros(shape, np.uint8)
    scale = _scale(plan, grid)
    rectangle = _rectangle(plan, place, scale)
    if rectangle is None:
        return Pixels(data, state.view(bool))
    left, top, right, bottom = rectangle
    if (right - left) * (bottom - top) > _SOURCE_BUDGET and window.height * window.width > 1:
        return None
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    _, width, height = level_transform(plan.source, plan.overview)
    limits = (1.0, 0.0) if kind.kind == "f" else (float(np.iinfo(kind).min), float(np.iinfo(kind).max))
    masked = not source.valid.all()
    image = source.data, source.valid.view(np.uint8), masked, (left, top), (width, height)
    if isinstance(place, Lattice):
        unsure = kernels.bilinear_on_lattice(place.as_tuple(), image, scale, limits, data, state)
    else:
        unsure = kernels.bilinear_at(place.x, place.y, place.near, image, scale, limits, data, state)
    if unsure:
        which = np.nonzero(state == kernels.UNSURE)
        sure = exact_positions(plan, grid, window, which)
        values, states = np.zeros(sure.x.shape, kind), np.zeros(sure.x.shape, np.uint8)
        kernels.bilinear_at(sure.x, sure.y, sure.near, image, scale, limits, values, states)
        data[which], state[which] = values[0], states[0]
    return beside_nodata(data, state.view(bool), plan.source.nodata)


def _rectangle(
    plan: BandPlan, place: Lattice | Positions, scale: tuple[float, float]
) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the source pixels that a mean may need, None for none."""
    _, width, height = level_transform(plan.source, plan.overview)
    reach = place.reach() if isinstance(place, Lattice) else place.reach(width, height)
    if reach is None:
        return None
    more_x, more_y = math.ceil(1 / scale[0]) + 2, math.ceil(1 / scale[1]) + 2
    left, right = max(0.0, reach[0] - more_x), min(float(width), reach[2] + more_x)
    top, bottom = max(0.0, reach[1] - more_y), min(float(height), reach[3] + more_y)
    if left >= right or top >= bottom:
        return None
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)


def beside_nodata(data: npt.NDArray[Any], valid: npt.NDArray[np.bool_], nodata: float | int | None) -> Pixels:
    """Move means that happen to equal the nodata value by the least step, as GDAL does."""
    if nodata is None or np.isnan(nodata):
        return Pixels(data, valid)
    hit = valid & (data == nodata)
    if hit.any():
        value = data.dtype.type(nodata)
        if data.dtype.kind == "f":
            top = np.finfo(data.dtype).max
            data[hit] = np.nextafter(value, value.dtype.type(0) if value == top else top)
        else:
            least = np.iinfo(data.dtype).min
            data[hit] = int(value) + 1 if value == least else int(value) - 1
    return Pixels(data, valid)
