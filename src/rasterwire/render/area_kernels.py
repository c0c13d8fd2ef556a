"""Compiled loops over the source pixels under each output pixel, for resamplings that reduce them to one value.

The rules are those of GDAL's warper. An output pixel reduces the box between the positions of its top-left and
bottom-right corners, in whole source pixels. Means and the commonest value weight each source pixel by its
share in the box, the latter since GDAL 3.11. A box within one pixel is that pixel. There are two differences. GDAL
extends the first and last pixels of a raster to the part of a box beyond them, and these loops do not. A NaN that is
not declared as nodata makes the result of its box NaN, where GDAL's result depends on the order of pixels.
"""

import numpy as np

from rasterwire.compiled import TYPES, compiled, loop
from rasterwire.render import area_kernel_twins as twins
from rasterwire.render.rules import AVERAGE, EDGE, MIN, QUANTILE, RMS
from rasterwire.sorting import merge_order, merge_sort


@compiled
def _ends(low, high, size):
    """Return the first pixel along an axis and the one after the last, equal for none."""
    if low > high:
        low, high = high, low
    if not (low > -1e9 and high < 1e9):
        return 0, 0
    first, last = int(np.floor(low + EDGE)), int(np.ceil(high - EDGE))
    first, last = max(first, 0), min(max(last, first + 1), size)
    return (first, last) if first < last else (0, 0)


@compiled
def _share(pixel, first, last, low, high):
    """Return the share of a pixel that lies between two positions."""
    if first + 1 == last:
        return 1.0
    if low > high:
        low, high = high, low
    return min(pixel + 1.0, high) - max(float(pixel), low)


@loop(twins.boxes)
def boxes(x0, y0, x1, y1, width, height):
    """Return left, top, right, bottom of the source pixels under all output pixels, and the most under one."""
    left = top = 1 << 62
    right = bottom = max_pixels = 0
    for r in range(x0.shape[0]):
        for c in range(x0.shape[1]):
            col, col_end = _ends(x0[r, c], x1[r, c], width)
            row, row_end = _ends(y0[r, c], y1[r, c], height)
            if col < col_end and row < row_end:
                left, right = min(left, col), max(right, col_end)
                top, bottom = min(top, row), max(bottom, row_end)
                max_pixels = max(max_pixels, (col_end - col) * (row_end - row))
    return left, top, right, bottom, max_pixels


@loop(twins.weigh)
def weigh(kind, image, corners, limits, data, state):
    """Fill in weighted means or root mean squares.

    Args:
        kind: AVERAGE or RMS.
        image: pixels of a part of the source raster; their validity, uint8; left and top of the part;
            width and height of the raster.
        corners: x0, y0, x1, y1: positions of two opposite corners, float64, shape (rows, columns).
        limits: least and greatest value of an integer type; 1 and 0 for floats, which are not rounded.
        data, state: filled in; state is 1 where there is a value, else 0.
    """
    source, valid, origin, size = image
    x0, y0, x1, y1 = corners
    for r in range(data.shape[0]):
        for c in range(data.shape[1]):
            col, col_end = _ends(x0[r, c], x1[r, c], size[0])
            row, row_end = _ends(y0[r, c], y1[r, c], size[1])
            value = weight = 0.0
            for i in range(row, row_end):
                share_y = _share(i, row, row_end, y0[r, c], y1[r, c])
                line_value = line_weight = 0.0
                for j in range(col, col_end):
                    if valid[i - origin[1], j - origin[0]]:
                        share = 1.0 if col < j < col_end - 1 else _share(j, col, col_end, x0[r, c], x1[r, c])
                        v = np.float64(source[i - origin[1], j - origin[0]])  # float() keeps numba's float32
                        line_value += share * (v * v if kind == RMS else v)
                        line_weight += share
                value += share_y * line_value
                weight += share_y * line_weight
            data[r, c], state[r, c] = 0, weight > 0.0
            if weight > 0.0:
                value /= weight
                if kind == RMS:
                    value = np.sqrt(value)
                if limits[0] < limits[1]:
                    value = min(max(np.floor(value + 0.5), limits[0]), limits[1])
                data[r, c] = value


@loop(twins.extreme)
def extreme(kind, image, corners, data, state):
    """Fill in the least or the greatest value, MIN or MAX; see ``weigh``."""
    source, valid, origin, size = image
    x0, y0, x1, y1 = corners
    for r in range(data.shape[0]):
        for c in range(data.shape[1]):
            col, col_end = _ends(x0[r, c], x1[r, c], size[0])
            row, row_end = _ends(y0[r, c], y1[r, c], size[1])
            has_value, best = False, source[0, 0]
            for i in range(row - origin[1], row_end - origin[1]):
                for j in range(col - origin[0], col_end - origin[0]):
                    if valid[i, j]:
                        v = source[i, j]
                        # best stays NaN once it is: no value is less or greater
                        if not has_value or v != v or (v < best if kind == MIN else v > best):
                            best, has_value = v, True
            state[r, c] = has_value
            data[r, c] = 0
            if has_value:  # a conditional expression with 0 would turn a uint64 into a double
                data[r, c] = best


@loop(twins.rank)
def rank(kind, quantile, max_pixels, image, corners, data, state):
    """Fill in the commonest value or a quantile, MODE or QUANTILE, of at most ``max_pixels`` pixels; see ``weigh``.

    Of equally common values it is the one that was complete first, row by row. Quantiles do not weight
    pixels.
    """
    source, valid, origin, size = image
    x0, y0, x1, y1 = corners
    values, spare, shares = np.empty(max_pixels, source.dtype), np.empty(max_pixels, source.dtype), np.empty(max_pixels)
    order, spare_order = np.empty(max_pixels, np.int32), np.empty(max_pixels, np.int32)
    for r in range(data.shape[0]):
        for c in range(data.shape[1]):
            col, col_end = _ends(x0[r, c], x1[r, c], size[0])
            row, row_end = _ends(y0[r, c], y1[r, c], size[1])
            count, last_nan = 0, -1
            for i in range(row, row_end):
                share_y = _share(i, row, row_end, y0[r, c], y1[r, c])
                for j in range(col, col_end):
                    if valid[i - origin[1], j - origin[0]]:
                        values[count] = source[i - origin[1], j - origin[0]]
                        if values[count] != values[count]:
                            last_nan = count
                        shares[count] = share_y * _share(j, col, col_end, x0[r, c], x1[r, c])
                        count += 1
            state[r, c] = count > 0
            data[r, c] = 0
            if last_nan >= 0:
                data[r, c] = values[last_nan]
            elif count > 0:
                if kind == QUANTILE:
                    sorted_values = merge_sort(values[:count], spare)
                    data[r, c] = sorted_values[max(0, int(np.ceil(quantile * count - 1.0)))]
                else:
                    data[r, c] = _commonest(values[:count], shares, order, spare_order)


@compiled
def _commonest(values, shares, order, spare):
    order = merge_order(values, order, spare)  # stable: the last of equal values is the last one in row order
    best, best_share, best_end, share = values[0], -1.0, 0, 0.0
    for k in range(values.shape[0]):
        share += shares[order[k]]
        if k + 1 == values.shape[0] or values[order[k + 1]] != values[order[k]]:
            if share > best_share or (share == best_share and order[k] < best_end):
                best, best_share, best_end = values[order[k]], share, order[k]
            share = 0.0
    return best


def warm_up() -> None:
    """Compile the loops for all types, or load the compiled loops, so that no request waits for them."""
    corners = (np.zeros((1, 1)),) * 4
    boxes(*corners, 1, 1)
    for dtype in TYPES:
        pixel, state = np.zeros((1, 1), dtype), np.zeros((1, 1), np.uint8)
        image = pixel, state, (0, 0), (1, 1)
        weigh(AVERAGE, image, corners, (0.0, 1.0), pixel, state)
        extreme(MIN, image, corners, pixel, state)
        rank(QUANTILE, 0.5, 1, image, corners, pixel, state)
