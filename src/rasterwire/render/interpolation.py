"""Bilinear and cubic resampling by the same positions as nearest: GDAL's, without its approximations."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from rasterwire.compiled import carried, carrier
from rasterwire.geo.grid import pixel_metres
from rasterwire.nodes.computed import Computed
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import mean_kernels, rules
from rasterwire.render.positions import Lattice, Positions, exact_positions, positions, shrink, tiles_of
from rasterwire.render.rounding import beside_nodata, limits
from rasterwire.render.source import level_transform, read
from rasterwire.render.splitting import in_parts
from rasterwire.request import Resampling

_SOURCE_BUDGET = 16_000_000
_WIDEST = 0.2
"""Below this many, GDAL's sums over many pixels are as good."""

_kinds = {Resampling.BILINEAR: rules.BILINEAR, Resampling.CUBIC: rules.CUBIC}

Image = tuple[npt.NDArray[Any], npt.NDArray[np.uint8], bool, tuple[int, int], tuple[int, int]]
"""Source pixels as ``mean_kernels.means_at`` takes them."""

_reaches = {rules.BILINEAR: 1, rules.CUBIC: 2}
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
    return not band.masked and _is_narrow(plan, grid)


def _is_narrow(plan: BandPlan, grid: GeoBox) -> bool:
    """Tell by the sizes of pixels, which parts of an image share."""
    affine, _, _ = level_transform(plan.source, plan.overview)
    if grid.crs == plan.source.grid.crs:
        return bool(shrink(plan, grid, np.zeros(1), np.zeros(1)).min() >= _WIDEST)
    return pixel_metres(affine, plan.source.grid.crs) >= _WIDEST * pixel_metres(grid.affine, grid.crs)


def interpolation(plan: BandPlan, grid: GeoBox, window: Window, resampling: Resampling) -> Pixels:
    """Return a window of a grid interpolated from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    return in_parts(window, lambda part: _interpolated(plan, grid, part, _kinds[resampling]))


def _interpolated(plan: BandPlan, grid: GeoBox, window: Window, kind: int) -> Pixels | None:
    place = positions(plan, grid, window)
    shape, dtype = (window.height, window.width), np.dtype(plan.source.dtype)
    data, state = np.zeros(shape, carrier(dtype.name)), np.zeros(shape, np.uint8)
    tiles = tiles_of(plan, grid, window)
    across, down = zip(*(scale for _, scale in tiles), strict=True)
    rectangle = _rectangle(plan, place, (min(across), min(down)), _reaches[kind])
    if rectangle is None:
        return Pixels(data.astype(dtype), state.view(bool))
    left, top, right, bottom = rectangle
    if (right - left) * (bottom - top) > _SOURCE_BUDGET:
        if window.height * window.width > 1:
            return None
        return _of_strips(
            plan, exact_positions(plan, grid, window, np.nonzero(state == 0)), rectangle, tiles[0][1], kind
        )
    source = read(plan.source, plan.overview, left, top, (bottom - top, right - left))
    _, width, height = level_transform(plan.source, plan.overview)
    masked = not source.valid.all()
    image = carried(source.data), carried(source.valid.view(np.uint8)), masked, (left, top), (width, height)
    bounds = limits(dtype)
    unsure = 0
    for tile, scale in tiles:
        there = _within(window, tile)
        if len(tiles) == 1:
            unsure = _fill(kind, place, image, scale, bounds, data, state)
            break
        values, states = np.zeros(data[there].shape, data.dtype), np.zeros(data[there].shape, np.uint8)
        unsure += _fill(kind, place.part(*there), image, scale, bounds, values, states)
        data[there], state[there] = values, states
    if unsure:
        which = np.nonzero(state == rules.UNSURE)
        sure = exact_positions(plan, grid, window, which)
        for tile, scale in tiles:
            rows, cols = _within(window, tile)
            own = (which[0] >= rows.start) & (which[0] < rows.stop) & (which[1] >= cols.start) & (which[1] < cols.stop)
            values, states = np.zeros((1, own.sum()), data.dtype), np.zeros((1, own.sum()), np.uint8)
            _fill(kind, sure.part(slice(None), own), image, scale, bounds, values, states)
            there = which[0][own], which[1][own]
            data[there], state[there] = values[0], states[0]
    return beside_nodata(data.astype(dtype, copy=False), state.view(bool), plan.source.nodata)


def _within(window: Window, tile: Window) -> tuple[slice, slice]:
    top, left = tile.row - window.row, tile.col - window.col
    return slice(top, top + tile.height), slice(left, left + tile.width)


def _fill(
    kind: int,
    place: Lattice | Positions,
    image: Image,
    scale: tuple[float, float],
    bounds: tuple[float, float],
    data: npt.NDArray[Any],
    state: npt.NDArray[np.uint8],
) -> int:
    """Fill in means and their validity, both zero before, and return how many are unsure."""
    if isinstance(place, Lattice):
        return int(mean_kernels.means_on_lattice(kind, place.as_tuple(), image, scale, bounds, data, state))
    return int(mean_kernels.means_at(kind, place.x, place.y, place.near, image, scale, bounds, data, state))


def _of_strips(
    plan: BandPlan, place: Positions, box: tuple[int, int, int, int], scale: tuple[float, float], kind: int
) -> Pixels:
    """Return one output pixel of very many source pixels, read strip by strip."""
    left, top, right, bottom = box
    x, y = place.x.item(), place.y.item()
    _, width, height = level_transform(plan.source, plan.overview)
    value = weight = 0.0
    if 0 <= x <= width - rules.EDGE and 0 <= y <= height - rules.EDGE:
        col, row = (min(math.floor(p + rules.EDGE), size - 1) for p, size in ((x, width), (y, height)))
        step = max(1, _SOURCE_BUDGET // (right - left))
        begins = range(top, bottom, step) if read(plan.source, plan.overview, col, row, (1, 1)).valid.all() else ()
        for begin in begins:
            strip = read(plan.source, plan.overview, left, begin, (min(step, bottom - begin), right - left))
            rows = carried(strip.data), carried(strip.valid.view(np.uint8))
            more, heavier = mean_kernels.sum_of_rows(kind, *rows, (left, begin), (x, y), scale)
            value, weight = value + more, weight + heavier
    dtype = np.dtype(plan.source.dtype)
    data = np.zeros((1, 1), dtype)
    is_valid = weight >= rules.LEAST_WEIGHT
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
