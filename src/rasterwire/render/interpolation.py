"""Interpolation by the same positions as nearest: GDAL's kernels, without its approximations."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import carried, carrier
from rasterwire.pixels import Pixels, Window
from rasterwire.render import mean_kernels, rules
from rasterwire.render.positions import Lattice, Positions, exact_positions, positions, tiles_of
from rasterwire.render.rounding import beside_nodata, limits
from rasterwire.render.sampling import Rectangle, Sampling
from rasterwire.render.splitting import in_parts
from rasterwire.request import Resampling

_SOURCE_BUDGET = 16_000_000
"""Source pixels to read at once."""

_kinds = {
    Resampling.BILINEAR: rules.BILINEAR,
    Resampling.CUBIC: rules.CUBIC,
    Resampling.CUBIC_SPLINE: rules.CUBIC_SPLINE,
    Resampling.LANCZOS: rules.LANCZOS,
}

INTERPOLATIONS = frozenset(_kinds)
"""Resamplings of this module."""

Scale = tuple[float, float]
"""Output pixels per source pixel, along x and y."""

Image = tuple[npt.NDArray[Any], npt.NDArray[np.uint8], bool, tuple[int, int], tuple[int, int]]
"""Source pixels as ``mean_kernels.means_at`` takes them."""


def interpolation(sampling: Sampling, window: Window) -> Pixels:
    """Return a window of a grid interpolated from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    assert sampling.resampling is not None
    kind = _kinds[sampling.resampling]
    return in_parts(window, lambda part: _interpolated(sampling, part, kind))


def _interpolated(sampling: Sampling, window: Window, kind: int) -> Pixels | None:
    """Return a window, None where it is too large."""
    centres = positions(sampling, window)
    shape, dtype = (window.height, window.width), np.dtype(sampling.source.dtype)
    data, state = np.zeros(shape, carrier(dtype.name)), np.zeros(shape, np.uint8)
    tiles = tiles_of(sampling, window)
    across, down = zip(*(scale for _, scale in tiles), strict=True)
    rectangle = _rectangle(sampling, centres, (min(across), min(down)), rules.RADII[kind])
    if rectangle is None:
        return Pixels(data.astype(dtype), state.view(bool))
    left, top, right, bottom = rectangle
    if (right - left) * (bottom - top) > _SOURCE_BUDGET:
        if window.height * window.width > 1:
            return None
        centre = exact_positions(sampling, window, np.nonzero(state == 0))
        return _by_strips(sampling, centre, rectangle, tiles[0][1], kind)
    source = sampling.read(rectangle)
    masked = not source.valid.all()
    size = sampling.width, sampling.height
    image = carried(source.data), carried(source.valid.view(np.uint8)), masked, (left, top), size
    means = _Means(kind, image, limits(dtype))
    unsure = 0
    for tile, scale in tiles:
        part = _slices(window, tile)
        if len(tiles) == 1:
            unsure = means.fill(centres, scale, data, state)
            break
        values, states = np.zeros(data[part].shape, data.dtype), np.zeros(data[part].shape, np.uint8)
        unsure += means.fill(centres.part(*part), scale, values, states)
        data[part], state[part] = values, states
    if unsure:
        index = np.nonzero(state == rules.UNSURE)
        certain = exact_positions(sampling, window, index)
        for tile, scale in tiles:
            rows, cols = _slices(window, tile)
            in_tile = (index[0] >= rows.start) & (index[0] < rows.stop)
            in_tile &= (index[1] >= cols.start) & (index[1] < cols.stop)
            values, states = np.zeros((1, in_tile.sum()), data.dtype), np.zeros((1, in_tile.sum()), np.uint8)
            means.fill(certain.part(slice(None), in_tile), scale, values, states)
            target = index[0][in_tile], index[1][in_tile]
            data[target], state[target] = values[0], states[0]
    return beside_nodata(data.astype(dtype, copy=False), state.view(bool), _nodata(sampling))


def _slices(window: Window, tile: Window) -> tuple[slice, slice]:
    """Return rows and columns of a tile within a window."""
    top, left = tile.row - window.row, tile.col - window.col
    return slice(top, top + tile.height), slice(left, left + tile.width)


@dataclass(frozen=True, slots=True)
class _Means:
    """Weighted means of source pixels around positions.

    Attributes:
        kind: of the kernel that weights them.
        image: the source pixels.
        bounds: the least and the greatest value of a mean.
    """

    kind: int
    image: Image
    bounds: tuple[float, float]

    def fill(
        self, centres: Lattice | Positions, scale: Scale, data: npt.NDArray[Any], state: npt.NDArray[np.uint8]
    ) -> int:
        """Fill in means and their validity, both zero before, and return how many are unsure."""
        rest = self.image, scale, self.bounds, data, state
        if isinstance(centres, Lattice):
            return int(mean_kernels.means_on_lattice(self.kind, centres.as_tuple(), *rest))
        return int(mean_kernels.means_at(self.kind, centres.x, centres.y, centres.slack, *rest))


def _by_strips(sampling: Sampling, centre: Positions, rectangle: Rectangle, scale: Scale, kind: int) -> Pixels:
    """Return one output pixel of very many source pixels, read strip by strip."""
    left, top, right, bottom = rectangle
    x, y = centre.x.item(), centre.y.item()
    width, height = sampling.width, sampling.height
    value = weight = valid_pixels = pixels = 0.0
    if 0 <= x <= width - rules.EDGE and 0 <= y <= height - rules.EDGE:
        col, row = (min(math.floor(p + rules.EDGE), size - 1) for p, size in ((x, width), (y, height)))
        step = max(1, _SOURCE_BUDGET // (right - left))
        is_valid = sampling.read((col, row, col + 1, row + 1)).valid.all()
        for begin in range(top, bottom, step) if is_valid else ():
            strip = sampling.read((left, begin, right, min(begin + step, bottom)))
            rows = carried(strip.data), carried(strip.valid.view(np.uint8))
            sums = mean_kernels.sum_of_rows(kind, *rows, (left, begin), (x, y), scale)
            value, weight, valid_pixels, pixels = np.add((value, weight, valid_pixels, pixels), sums).tolist()
    dtype = np.dtype(sampling.source.dtype)
    data = np.zeros((1, 1), dtype)
    is_enough = kind != rules.LANCZOS or valid_pixels >= pixels // 2
    has_mean = is_enough and weight >= rules.LEAST_WEIGHT
    if has_mean:
        low, high = limits(dtype)
        mean = value / weight
        data[0, 0] = min(max(math.floor(mean + 0.5), low), high) if low < high else mean
    return beside_nodata(data, np.array([[has_mean]]), _nodata(sampling))


def _nodata(sampling: Sampling) -> float | int | None:
    """Return the value that marks invalid pixels; None where a mask does."""
    band = sampling.source.stored
    return None if band is not None and band.masked else sampling.source.nodata


def _rectangle(sampling: Sampling, centres: Lattice | Positions, scale: Scale, radius: float) -> Rectangle | None:
    """Return the source pixels that a mean may need, None for none."""
    width, height = sampling.width, sampling.height
    bounds = centres.bounds() if isinstance(centres, Lattice) else centres.bounds(width, height)
    if bounds is None:
        return None
    margin_x, margin_y = math.ceil(radius / scale[0]) + 2, math.ceil(radius / scale[1]) + 2
    left, right = max(0.0, bounds[0] - margin_x), min(float(width), bounds[2] + margin_x)
    top, bottom = max(0.0, bounds[1] - margin_y), min(float(height), bounds[3] + margin_y)
    if left >= right or top >= bottom:
        return None
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
