"""The loops of ``mean_kernels`` by NumPy, equal to the bit. They run until the loops are compiled."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.render import kernel_twins
from rasterwire.render.rules import CUBIC, EDGE, INVALID, LANCZOS, LEAST_WEIGHT, SLOPES, UNSURE, VALID
from rasterwire.render.weight_kernel_twins import weights_along

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
Image = tuple[Array, Array, bool, tuple[int, int], tuple[int, int]]
Pair = tuple[float, float]
Sums = tuple[Floats, Floats, Floats, Floats]
"""Sum of the weighted values, sum of the weights, least and greatest value."""


def means_at(
    kind: int, x: Floats, y: Floats, slack: Floats, image: Image, scale: Pair, limits: Pair, data: Array, state: Array
) -> int:
    """See ``mean_kernels.means_at``."""
    with np.errstate(all="ignore"):
        validity = _validity(x, y, slack, image)
        data[...] = 0
        is_valid = validity == VALID
        p, q, margin = x[is_valid], y[is_valid], slack[is_valid]
        is_wide = scale[0] < 1.0 or scale[1] < 1.0
        is_close = kind <= CUBIC and not is_wide
        value, weight, low, high = _close(kind, image, p, q) if is_close else _windows(kind, image, p, q, scale)
        is_enough = ~(weight < LEAST_WEIGHT)
        value = np.where(weight != 1.0, value / weight, value)
        outcome = np.full(p.shape, VALID, np.uint8)
        if limits[0] < limits[1]:
            slope = SLOPES[kind] * (4.0 if is_wide else 1.0)
            rounded = np.floor(value + 0.5)
            doubt = slope * margin * (high - low) / np.minimum(weight * weight, 1.0)
            unsure = (doubt > 0.0) & ((value + 0.5 - rounded <= doubt) | (rounded + 0.5 - value <= doubt))
            outcome[unsure] = UNSURE
            value = np.minimum(np.maximum(rounded, limits[0]), limits[1])
        outcome[~is_enough] = INVALID
        data[is_valid] = np.where(is_enough, value, 0.0).astype(data.dtype)
        validity[is_valid] = outcome
        state[...] = validity
    return int((validity == UNSURE).sum())


def means_on_lattice(
    kind: int,
    lattice: kernel_twins.LatticeTuple,
    image: Image,
    scale: Pair,
    limits: Pair,
    data: Array,
    state: Array,
) -> int:
    """See ``mean_kernels.means_on_lattice``."""
    x, y, slack = np.empty((3, *data.shape))
    kernel_twins.interpolate(lattice, x, y, slack)
    return means_at(kind, x, y, slack, image, scale, limits, data, state)


def sum_of_rows(
    kind: int, source: Array, valid: Array, origin: tuple[int, int], centre: Pair, scale: Pair
) -> tuple[float, float, float, float]:
    """See ``mean_kernels.sum_of_rows``."""
    (cols, across), (rows, down) = (
        _within(kind, factor, middle, begin, size)
        for factor, middle, begin, size in zip(scale, centre, origin, source.shape[::-1], strict=True)
    )
    values, weights = np.zeros((2, len(cols)))
    is_valid = valid[np.ix_(rows, cols)] != 0
    for line, are_valid, weight in zip(source[np.ix_(rows, cols)], is_valid, down, strict=True):
        values += np.where(are_valid, line.astype(np.float64) * weight, 0.0)
        weights += np.where(are_valid, weight, 0.0)
    value = total_weight = 0.0
    for column, column_weight, share in zip(values, weights, across, strict=True):
        value += column * share
        total_weight += column_weight * share
    return float(value), float(total_weight), float(is_valid.sum()), float(is_valid.size)


def _within(kind: int, scale: float, centre: float, begin: int, size: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return those pixels of a part of an axis that a window has, counted from its begin, with their weights."""
    first, weights, counts = weights_along(kind, scale, np.array([centre]))
    pixels = np.arange(len(weights)) + first + int(np.floor(centre - 0.5)) - begin
    are_in_part = counts[:, 0] & (pixels >= 0) & (pixels < size)
    return pixels[are_in_part], weights[are_in_part, 0]


def _validity(x: Floats, y: Floats, slack: Floats, image: Image) -> npt.NDArray[np.uint8]:
    """Return whether positions lie in a raster and its pixel is valid: VALID, INVALID or UNSURE."""
    _, valid, masked, origin, (width, height) = image
    has_slack = slack > 0.0
    around = (x > -1.0) & (y > -1.0) & (x < width + 1.0) & (y < height + 1.0)
    edge = (np.abs(x) <= slack) | (np.abs(y) <= slack)
    edge |= (np.abs(x + EDGE - width) <= slack) | (np.abs(y + EDGE - height) <= slack)
    outside = (x < 0.0) | (y < 0.0) | (x + EDGE > width) | (y + EDGE > height)
    validity = np.where(around & has_slack & edge, UNSURE, np.where(around & ~outside, VALID, INVALID)).astype(np.uint8)
    between = has_slack & (_near_side(x - 0.5, slack) | _near_side(y - 0.5, slack))
    validity[(validity == VALID) & between] = UNSURE
    if masked:
        is_valid = validity == VALID
        validity[is_valid] = _validity_at(x[is_valid], y[is_valid], slack[is_valid], valid, origin, (width, height))
    return validity


def _validity_at(
    p: Floats, q: Floats, slack: Floats, valid: Array, origin: tuple[int, int], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Return whether the pixels that may hold positions are valid: VALID, INVALID, or UNSURE where they differ."""
    (left, right), (top, bottom) = (
        (
            np.maximum(np.floor(position + EDGE - slack).astype(np.int64), 0),
            np.minimum(np.floor(position + EDGE + slack).astype(np.int64), size_of_axis - 1),
        )
        for position, size_of_axis in zip((p, q), size, strict=True)
    )
    left, top = np.minimum(left, right), np.minimum(top, bottom)
    first = valid[top - origin[1], left - origin[0]] != 0
    validity = np.where(first, VALID, INVALID).astype(np.uint8)
    for dy in range(int((bottom - top).max(initial=0)) + 1):
        for dx in range(int((right - left).max(initial=0)) + 1):
            row, col = np.minimum(top + dy, bottom), np.minimum(left + dx, right)
            validity[(valid[row - origin[1], col - origin[0]] != 0) != first] = UNSURE
    return validity


def _near_side(p: Floats, slack: Floats) -> npt.NDArray[np.bool_]:
    floor = np.floor(p)
    near_side: npt.NDArray[np.bool_] = (p - floor <= slack) | (floor + 1.0 - p <= slack)
    return near_side


def _close(kind: int, image: Image, p: Floats, q: Floats) -> Sums:
    """Return sums of 2 x 2 pixels, or of 4 x 4 where a cubic has all 16."""
    col, row = np.floor(p - 0.5).astype(np.int64), np.floor(q - 0.5).astype(np.int64)
    sums = _four(image, p, q, col, row)
    if kind == CUBIC:
        width, height = image[4]
        whole = (col >= 1) & (row >= 1) & (col + 2 < width) & (row + 2 < height)
        cubic_sums = _sixteen(image, p[whole], q[whole], col[whole], row[whole])
        whole[whole] = are_all = cubic_sums[1] >= 0.0
        for four, sixteen in zip(sums, cubic_sums, strict=True):
            four[whole] = sixteen[are_all]
    return sums


def _four(image: Image, p: Floats, q: Floats, col: Array, row: Array) -> Sums:
    source, valid, masked, origin, (width, height) = image
    part_x, part_y = np.where(col == -1, 1.0, 1.5 - (p - col)), np.where(row == -1, 1.0, 1.5 - (q - row))
    col, row = np.where(col == -1, 0, col), np.where(row == -1, 0, row)
    right, below = col + 1 < width, row + 1 < height
    value, weight = np.zeros(p.shape), np.zeros(p.shape)
    low, high = np.full(p.shape, np.inf), np.full(p.shape, -np.inf)
    corners, all_count = [], []
    for dy in range(2):
        for dx in range(2):
            counts = (right if dx else True) & (below if dy else np.ones(p.shape, bool))
            index = np.where(counts, row + dy, row) - origin[1], np.where(counts, col + dx, col) - origin[0]
            v = source[index].astype(np.float64)
            corners.append(v)
            if masked:
                counts = counts & (valid[index] != 0)
            all_count.append(counts)
            share = (1.0 - part_x if dx else part_x) * (1.0 - part_y if dy else part_y)
            value, weight = value + np.where(counts, v * share, 0.0), weight + np.where(counts, share, 0.0)
            low, high = np.where(counts, np.minimum(low, v), low), np.where(counts, np.maximum(high, v), high)
    v00, v01, v10, v11 = corners
    upper, lower = v00 * part_x + v01 * (1.0 - part_x), v10 * part_x + v11 * (1.0 - part_x)
    whole = np.logical_and.reduce(all_count)
    value, weight = np.where(whole, upper * part_y + lower * (1.0 - part_y), value), np.where(whole, 1.0, weight)
    return value, weight, low, high


def _sixteen(image: Image, p: Floats, q: Floats, col: Array, row: Array) -> Sums:
    source, valid, masked, origin, _ = image
    across, down = _of_cubic(p - 0.5 - col), _of_cubic(q - 0.5 - row)
    value, weight = np.zeros(p.shape), np.ones(p.shape)
    low, high = np.full(p.shape, np.inf), np.full(p.shape, -np.inf)
    for dy in range(4):
        line = np.zeros(p.shape)
        for dx in range(4):
            index = row + dy - 1 - origin[1], col + dx - 1 - origin[0]
            v = source[index].astype(np.float64)
            if masked:
                weight[valid[index] == 0] = -1.0
            line = line + v * across[dx]
            low, high = np.minimum(low, v), np.maximum(high, v)
        value = value + line * down[dy]
    return value, weight, low, high


def _of_cubic(part: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    half, three = 0.5 * part, 3.0 * part
    return (
        half * (-1.0 + part * (2.0 - part)),
        1.0 + half * part * (-5.0 + three),
        half * (1.0 + part * (4.0 - three)),
        half * part * (-1.0 + part),
    )


def _windows(kind: int, image: Image, p: Floats, q: Floats, scale: Pair) -> Sums:
    """Return sums of windows of pixels: down each column, then across the columns."""
    source, valid, _, origin, (width, height) = image
    left, across, are_columns = weights_along(kind, scale[0], p)
    above, down, are_rows = weights_along(kind, scale[1], q)
    cols = np.floor(p - 0.5).astype(np.int64) + left + np.arange(len(across))[:, None]
    rows = np.floor(q - 0.5).astype(np.int64) + above + np.arange(len(down))[:, None]
    are_columns, are_rows = are_columns & (cols >= 0) & (cols < width), are_rows & (rows >= 0) & (rows < height)
    value, weight = np.zeros((2, *p.shape))
    low, high = np.full(p.shape, np.inf), np.full(p.shape, -np.inf)
    valid_pixels = np.zeros(p.shape, np.int64)
    for col, share_x, is_column in zip(cols, across, are_columns, strict=True):
        values, weights = np.zeros((2, *p.shape))
        for row, share_y, is_row in zip(rows, down, are_rows, strict=True):
            counts = is_column & is_row
            index = np.where(counts, row - origin[1], 0), np.where(counts, col - origin[0], 0)
            counts &= valid[index] != 0
            valid_pixels += counts
            v = source[index].astype(np.float64)
            values, weights = values + np.where(counts, v * share_y, 0.0), weights + np.where(counts, share_y, 0.0)
            low, high = np.where(counts, np.minimum(low, v), low), np.where(counts, np.maximum(high, v), high)
        value = value + np.where(is_column, values * share_x, 0.0)
        weight = weight + np.where(is_column, weights * share_x, 0.0)
    if kind == LANCZOS:
        weight[valid_pixels < are_rows.sum(0) * are_columns.sum(0) // 2] = 0.0
    return value, weight, low, high
