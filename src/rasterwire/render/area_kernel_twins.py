"""The loops of ``area_kernels`` by NumPy, equal to the bit. They run until the loops are compiled."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.render import kernel_twins
from rasterwire.render.rules import EDGE, MIN, QUANTILE, RMS

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Array = npt.NDArray[Any]
Image = tuple[Array, Array, tuple[int, int], tuple[int, int]]
Corners = tuple[Floats, Floats, Floats, Floats]

_CHUNK = 1 << 21
"""Source pixels to hold at once."""


def boxes(x0: Floats, y0: Floats, x1: Floats, y1: Floats, width: int, height: int) -> tuple[int, int, int, int, int]:
    """See ``area_kernels.boxes``."""
    (col, col_end), (row, row_end) = _ends(x0, x1, width), _ends(y0, y1, height)
    is_covered = (col < col_end) & (row < row_end)
    if not is_covered.any():
        return 1 << 62, 1 << 62, 0, 0, 0
    col, col_end, row, row_end = (ends[is_covered] for ends in (col, col_end, row, row_end))
    max_pixels = ((col_end - col) * (row_end - row)).max()
    return int(col.min()), int(row.min()), int(col_end.max()), int(row_end.max()), int(max_pixels)


def _ends(low: Floats, high: Floats, size: int) -> tuple[Counts, Counts]:
    with np.errstate(invalid="ignore"):
        low, high = np.where(low > high, high, low), np.where(low > high, low, high)
        is_near = (low > -1e9) & (high < 1e9)
    first = np.floor(np.where(is_near, low, 0.0) + EDGE).astype(np.int64)
    last = np.ceil(np.where(is_near, high, 0.0) - EDGE).astype(np.int64)
    last = np.minimum(np.maximum(last, first + 1), size)
    first = np.maximum(first, 0)
    is_covered = is_near & (first < last)
    return np.where(is_covered, first, 0), np.where(is_covered, last, 0)


class _Boxes:
    """The source pixels under some output pixels: those of each output pixel row by row.

    Attributes:
        values: shape (output pixels, rows and columns of the largest box).
        valid: which of them lie in the box and count.
        shares: the share of each that lies under the output pixel, along y and along x.
    """

    def __init__(self, image: Image, corners: Corners) -> None:
        source, valid, origin, size = image
        x0, y0, x1, y1 = corners
        (col, col_end), (row, row_end) = _ends(x0, x1, size[0]), _ends(y0, y1, size[1])
        i = row[:, None, None] + np.arange((row_end - row).max())[:, None]
        j = col[:, None, None] + np.arange((col_end - col).max())
        is_covered = (i < row_end[:, None, None]) & (j < col_end[:, None, None])
        index = np.where(is_covered, i - origin[1], 0), np.where(is_covered, j - origin[0], 0)
        self.values = source[index]
        self.valid = is_covered & (valid[index] != 0)
        self.shares = _shares(i, row, row_end, y0, y1), _shares(j, col, col_end, x0, x1)


def _shares(pixel: Counts, first: Counts, last: Counts, low: Floats, high: Floats) -> Floats:
    lower, higher = np.minimum(low, high)[:, None, None], np.maximum(low, high)[:, None, None]
    share = np.minimum(pixel + 1.0, higher) - np.maximum(pixel.astype(np.float64), lower)
    return np.where((first + 1 == last)[:, None, None], 1.0, share)


def _each(image: Image, corners: Corners) -> Iterator[tuple[slice, _Boxes]]:
    """Yield the boxes of the output pixels in chunks; none where there is no source pixel under any of them."""
    flat = tuple(np.ravel(axis) for axis in corners)
    (col, col_end), (row, row_end) = _ends(flat[0], flat[2], image[3][0]), _ends(flat[1], flat[3], image[3][1])
    max_pixels = int((col_end - col).max()) * int((row_end - row).max())
    if max_pixels == 0:
        return
    step = max(1, _CHUNK // max_pixels)
    for begin in range(0, flat[0].size, step):
        part = slice(begin, begin + step)
        yield part, _Boxes(image, (flat[0][part], flat[1][part], flat[2][part], flat[3][part]))


def weigh(kind: int, image: Image, corners: Corners, limits: tuple[float, float], data: Array, state: Array) -> None:
    """See ``area_kernels.weigh``."""
    data[...], state[...] = 0, 0
    values, states = np.zeros(data.size, data.dtype), np.zeros(data.size, state.dtype)
    with np.errstate(all="ignore"):
        for part, under_pixel in _each(image, corners):
            share_y, share_x = under_pixel.shares
            v = under_pixel.values.astype(np.float64)
            line_value = kernel_twins.total(np.where(under_pixel.valid, share_x * (v * v if kind == RMS else v), 0.0))
            line_weight = kernel_twins.total(np.where(under_pixel.valid, share_x + np.zeros(v.shape), 0.0))
            value, weight = (
                kernel_twins.total(share_y[..., 0] * line_value),
                kernel_twins.total(share_y[..., 0] * line_weight),
            )
            value = value / weight
            if kind == RMS:
                value = np.sqrt(value)
            if limits[0] < limits[1]:
                value = np.minimum(np.maximum(np.floor(value + 0.5), limits[0]), limits[1])
            states[part] = weight > 0.0
            values[part] = np.where(weight > 0.0, value, 0.0).astype(data.dtype)
    data[...], state[...] = values.reshape(data.shape), states.reshape(state.shape)


def extreme(kind: int, image: Image, corners: Corners, data: Array, state: Array) -> None:
    """See ``area_kernels.extreme``."""
    result, states = np.zeros(data.size, data.dtype), np.zeros(data.size, state.dtype)
    for part, under_pixel in _each(image, corners):
        values, valid = (a.reshape(len(a), -1) for a in (under_pixel.values, under_pixel.valid))
        values = np.where(valid, values, _end_of(values.dtype, least=kind != MIN))
        first = np.argmin(values, axis=1) if kind == MIN else np.argmax(values, axis=1)
        states[part] = valid.any(axis=1)
        result[part] = np.where(valid.any(axis=1), _or_nan(under_pixel, values[np.arange(len(values)), first]), 0)
    data[...], state[...] = result.reshape(data.shape), states.reshape(state.shape)


def _or_nan(under_pixel: _Boxes, choice: Array) -> Array:
    """Return the choice for each box, or its last NaN where it has one."""
    values, valid = (a.reshape(len(a), -1) for a in (under_pixel.values, under_pixel.valid))
    is_nan = valid & (values != values)
    last = is_nan.shape[1] - 1 - np.argmax(is_nan[:, ::-1], axis=1)
    return np.where(is_nan.any(axis=1), values[np.arange(len(values)), last], choice)


def _end_of(dtype: np.dtype[Any], *, least: bool) -> Any:
    if dtype.kind == "f":
        return dtype.type(-np.inf if least else np.inf)
    return np.iinfo(dtype).min if least else np.iinfo(dtype).max


def rank(
    kind: int,
    quantile: float,
    max_pixels: int,  # noqa: ARG001
    image: Image,
    corners: Corners,
    data: Array,
    state: Array,
) -> None:
    """See ``area_kernels.rank``."""
    result, states = np.zeros(data.size, data.dtype), np.zeros(data.size, state.dtype)
    for part, under_pixel in _each(image, corners):
        values, valid = (a.reshape(len(a), -1) for a in (under_pixel.values, under_pixel.valid))
        count = valid.sum(axis=1)
        values = np.where(valid, values, _end_of(values.dtype, least=False))
        if kind == QUANTILE:
            index = np.maximum(0, np.ceil(quantile * count - 1.0).astype(np.int64))
            choice = np.sort(values, axis=1, kind="stable")[np.arange(len(values)), index]
        else:
            choice = _commonest(values, valid, (under_pixel.shares[0] * under_pixel.shares[1]).reshape(values.shape))
        states[part] = count > 0
        result[part] = np.where(count > 0, _or_nan(under_pixel, choice), 0)
    data[...], state[...] = result.reshape(data.shape), states.reshape(state.shape)


def _commonest(values: Array, valid: npt.NDArray[np.bool_], shares: Floats) -> Array:
    """Return the value with the greatest sum of shares in each row; of equal sums the one that was complete first."""
    # values that do not count come last, also among equal ones
    order = np.lexsort((~valid, values), axis=1)
    values, valid, shares = (np.take_along_axis(a, order, axis=1) for a in (values, valid, shares))
    size = len(values)
    best, best_share = values[:, 0].copy(), np.full(size, -1.0)
    best_end, share = np.zeros(size, np.int64), np.zeros(size)
    for k in range(values.shape[1]):
        share = np.where(valid[:, k], share + shares[:, k], share)
        is_last = valid[:, k].copy()
        if k + 1 < values.shape[1]:
            is_last &= ~valid[:, k + 1] | (values[:, k + 1] != values[:, k])
        better = is_last & ((share > best_share) | ((share == best_share) & (order[:, k] < best_end)))
        best[better], best_share[better], best_end[better] = values[better, k], share[better], order[better, k]
        share[is_last] = 0.0
    return best
