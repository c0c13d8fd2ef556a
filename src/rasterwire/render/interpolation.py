"""Bilinear and cubic resampling by the same positions as nearest: GDAL's, without its approximations."""

import math

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.expression.product import Computed
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import kernels, means
from rasterwire.render.parts import in_parts
from rasterwire.render.positions import Lattice, Positions, exact_positions, positions, shrink
from rasterwire.render.rounding import beside_nodata, limits
from rasterwire.render.source import level_transform, read
from rasterwire.request import Resampling

_SOURCE_BUDGET = 16_000_000
_NOT_WIDER = 0.95
"""From this many output pixels per source pixel on the mean is of four pixels; the threshold is GDAL's."""

_WIDEST = 0.2
"""Below this many, GDAL's sums over many pixels are as good."""

_kinds = {Resampling.BILINEAR: means.BILINEAR, Resampling.CUBIC: means.CUBIC}

_reaches = {means.BILINEAR: 1, means.CUBIC: 2}
"""In pixels, where the mean is not a wider one."""


def is_compiled(plan: BandPlan, grid: GeoBox, resampling: Resampling) -> bool:
    """Tell whether ``interpolation`` makes what is asked for, and GDAL does not.

    Of stored bands it makes means, of validity by nodata alone, that are not too wide.
    """
    band = plan.source
    if isinstance(band, Computed):
        return resampling in _kinds
    if resampling not in _kinds:
        return False
    if band.ground is not None and grid.crs is not None:  # GDAL's warper is given transforms alone
        return True
    return not band.masked and min(shrink(plan, grid)) >= _WIDEST


def _scale(plan: BandPlan, grid: GeoBox) -> tuple[float, float]:
    scale = shrink(plan, grid)
    return (1.0, 1.0) if min(scale) >= _NOT_WIDER else scale


def interpolation(plan: BandPlan, grid: GeoBox, window: Window, resampling: Resampling) -> Pixels:
    """Return a window of a grid interpolated from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    return in_parts(window, lambda part: _interpolated(plan, grid, part, _kinds[resampling]))


def _interpolated(plan: BandPlan, grid: GeoBox, window: Window, kind: int) -> Pixels | None:
    place = positions(plan, grid, window)
    shape, dtype = (window.height, window.width), np.dtype(plan.source.dtype)
    data, state = np.zeros(shape, dtype), np.zeros(shape, np.uint8)
    scale = _scale(plan, grid)
    rectangle = _rectangle(plan, place, scale, _reaches[kind])
    if rectangle is None:
        return Pixels(data, state.view(bool))
    left, top, right, bottom = rectangle
    if (right - left) * (bottom - top) > _SOURCE_BUDGET:
        if window.height * window.width > 1:
            return None
        return _of_strips(plan, exact_positions(plan, grid, window, np.nonzero(state == 0)), rectangle, scale, kind)
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    _, width, height = level_transform(plan.source, plan.overview)
    masked = not source.valid.all()
    image = source.data, source.valid.view(np.uint8), masked, (left, top), (width, height)
    if isinstance(place, Lattice):
        unsure = means.means_on_lattice(kind, place.as_tuple(), image, scale, limits(dtype), data, state)
    else:
        unsure = means.means_at(kind, place.x, place.y, place.near, image, scale, limits(dtype), data, state)
    if unsure:
        which = np.nonzero(state == means.UNSURE)
        sure = exact_positions(plan, grid, window, which)
        values, states = np.zeros(sure.x.shape, dtype), np.zeros(sure.x.shape, np.uint8)
        means.means_at(kind, sure.x, sure.y, sure.near, image, scale, limits(dtype), values, states)
        data[which], state[which] = values[0], states[0]
    return beside_nodata(data, state.view(bool), plan.source.nodata)


def _of_strips(
    plan: BandPlan, place: Positions, box: tuple[int, int, int, int], scale: tuple[float, float], kind: int
) -> Pixels:
    """Return one output pixel of very many source pixels, read strip by strip."""
    left, top, right, bottom = box
    x, y = place.x.item(), place.y.item()
    _, width, height = level_transform(plan.source, plan.overview)
    value = weight = 0.0
    if 0 <= x <= width - kernels.EDGE and 0 <= y <= height - kernels.EDGE:
        col, row = (min(math.floor(p + kernels.EDGE), size - 1) for p, size in ((x, width), (y, height)))
        step = max(1, _SOURCE_BUDGET // (right - left))
        begins = range(top, bottom, step) if read(plan.source, plan.overview, col, row, (1, 1)).valid.all() else ()
        for begin in begins:
            strip = read(plan.source, plan.overview, left, begin, (min(step, bottom - begin), right - left))
            rows = strip.data, strip.valid.view(np.uint8)
            more, heavier = means.sum_of_rows(kind, *rows, (left, begin), (x, y), scale)
            value, weight = value + more, weight + heavier
    dtype = np.dtype(plan.source.dtype)
    data = np.zeros((1, 1), dtype)
    is_valid = weight >= means.LEAST_WEIGHT
    if is_valid:
        low, high = limits(dtype)
        mean = value / weight
        data[0, 0] = min(max(math.floor(mean + 0.5), low), high) if low < high else mean
    return beside_nodata(data, np.array([[is_valid]]), plan.source.nodata)


def _rectangle(
    plan: BandPlan, place: Lattice | Positions, scale: tuple[float, float], radius: int
) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the source pixels that a mean may need, None for none."""
    _, width, height = level_transform(plan.source, plan.overview)
    reach = place.reach() if isinstance(place, Lattice) else place.reach(width, height)
    if reach is None:
        return None
    more_x, more_y = math.ceil(radius / scale[0]) + 2, math.ceil(radius / scale[1]) + 2
    left, right = max(0.0, reach[0] - more_x), min(float(width), reach[2] + more_x)
    top, bottom = max(0.0, reach[1] - more_y), min(float(height), reach[3] + more_y)
    if left >= right or top >= bottom:
        return None
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
