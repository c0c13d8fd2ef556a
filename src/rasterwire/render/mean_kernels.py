"""Compiled loops over weighted means of the pixels around positions: bilinear, cubic, cubic spline and Lanczos.

Positions and their slack are those of ``kernels``.
"""

import numpy as np

from rasterwire.compiled import TYPES, compiled, inlined, loop
from rasterwire.render import mean_kernel_twins as twins
from rasterwire.render.kernels import row_of_lattice
from rasterwire.render.rules import BILINEAR, CUBIC, EDGE, INVALID, LANCZOS, LEAST_WEIGHT, RADII, SLOPES, UNSURE, VALID
from rasterwire.render.weight_kernels import (
    room_for_weights,
    spread,
    sum_across,
    sum_bilinear,
    sum_cubic,
    sum_down,
    sum_window,
    weights_along,
)


@compiled
def _near_side(p, slack):
    """Tell whether a position is within its slack of the side of a pixel."""
    return p - np.floor(p) <= slack or np.floor(p) + 1.0 - p <= slack


@compiled
def _is_inside(p, q, slack, width, height):
    """Return whether a position lies in a raster: VALID, INVALID or UNSURE."""
    if not (p > -1.0 and q > -1.0 and p < width + 1.0 and q < height + 1.0):
        return INVALID
    if slack > 0.0 and (
        abs(p) <= slack or abs(q) <= slack or abs(p + EDGE - width) <= slack or abs(q + EDGE - height) <= slack
    ):
        return UNSURE
    if p < 0.0 or q < 0.0 or p + EDGE > width or q + EDGE > height:
        return INVALID
    return VALID


@compiled
def _is_valid_at(p, q, slack, valid, origin, size):
    """Return whether the pixel that holds a position is valid: VALID, INVALID or UNSURE.

    The answer is UNSURE only where several pixels may hold the position, and they differ.
    """
    left, right = max(int(np.floor(p + EDGE - slack)), 0), min(int(np.floor(p + EDGE + slack)), size[0] - 1)
    top, bottom = max(int(np.floor(q + EDGE - slack)), 0), min(int(np.floor(q + EDGE + slack)), size[1] - 1)
    left, top = min(left, right), min(top, bottom)
    first = valid[top - origin[1], left - origin[0]]
    for row in range(top, bottom + 1):
        for col in range(left, right + 1):
            if valid[row - origin[1], col - origin[0]] != first:
                return UNSURE
    return VALID if first else INVALID


@compiled
def _four(source, valid, masked, corner, part, inside):
    """Return the sums of 2 x 2 pixels, of the weighted values and of the weights; and least and greatest value."""
    x, y = corner
    part_x, part_y = part
    whole = inside[0] and inside[1]
    if whole and masked:  # invalid pixels elsewhere must not change the order of the sums
        whole = valid[y, x] and valid[y, x + 1] and valid[y + 1, x] and valid[y + 1, x + 1]
    if whole:
        v00, v01 = float(source[y, x]), float(source[y, x + 1])
        v10, v11 = float(source[y + 1, x]), float(source[y + 1, x + 1])
        upper, lower = v00 * part_x + v01 * (1.0 - part_x), v10 * part_x + v11 * (1.0 - part_x)
        value = upper * part_y + lower * (1.0 - part_y)
        return value, 1.0, min(v00, v01, v10, v11), max(v00, v01, v10, v11)
    value = weight = 0.0
    low, high = np.inf, -np.inf
    for dy in range(2):
        for dx in range(2):
            if (dx == 1 and not inside[0]) or (dy == 1 and not inside[1]):
                continue
            if masked and not valid[y + dy, x + dx]:
                continue
            v = float(source[y + dy, x + dx])
            share = (1.0 - part_x if dx else part_x) * (1.0 - part_y if dy else part_y)
            value += v * share
            weight += share
            low, high = min(low, v), max(high, v)
    return value, weight, low, high


@compiled
def _of_cubic(part):
    """Return the weights of four pixels in a row, for a position at a distance after the centre of the second.

    Source: GWKCubicComputeWeights of GDAL, which is Keys's cubic convolution with a of -1/2.
    """
    half, three = 0.5 * part, 3.0 * part
    return (
        half * (-1.0 + part * (2.0 - part)),
        1.0 + half * part * (-5.0 + three),
        half * (1.0 + part * (4.0 - three)),
        half * part * (-1.0 + part),
    )


@compiled
def _sixteen(source, valid, masked, corner, part):
    """Return the sums of 4 x 4 pixels by cubics, whose weights add up to 1; a weight of -1 where a pixel is missing."""
    x, y = corner
    across, down = _of_cubic(part[0]), _of_cubic(part[1])
    value = 0.0
    low, high = np.inf, -np.inf
    for dy in range(4):
        row = 0.0
        for dx in range(4):
            if masked and not valid[y + dy, x + dx]:
                return 0.0, -1.0, 0.0, 0.0
            v = float(source[y + dy, x + dx])
            row += v * across[dx]
            low, high = min(low, v), max(high, v)
        value += row * down[dy]
    return value, 1.0, low, high


@inlined
def _validity(p, q, margin, width, height):
    """Return whether a position may have a mean: VALID, INVALID, or UNSURE where its slack leaves several windows."""
    validity = _is_inside(p, q, margin, width, height)
    if validity == VALID and margin > 0.0 and (_near_side(p - 0.5, margin) or _near_side(q - 0.5, margin)):
        return UNSURE
    return validity


@inlined
def _mean(sums, doubt, limits):
    """Return the mean of sums in the type of the band, and its validity, for a doubt by the values of its pixels."""
    value, weight = sums
    if weight < LEAST_WEIGHT:  # negative weights may cancel the others
        return 0.0, INVALID
    if weight != 1.0:
        value /= weight
    if limits[0] >= limits[1]:
        return value, VALID
    rounded = np.floor(value + 0.5)
    doubt /= min(weight * weight, 1.0)
    is_unsure = doubt > 0.0 and (value + 0.5 - rounded <= doubt or rounded + 0.5 - value <= doubt)
    return min(max(rounded, limits[0]), limits[1]), UNSURE if is_unsure else VALID


@compiled
def _close_row(kind, x, y, slack, image, limits, data, state):
    """Fill in a row of means of four pixels, or of 16."""
    source, valid, masked, origin, (width, height) = image
    slope = SLOPES[kind]
    unsure = 0
    for c in range(x.shape[0]):
        p, q, margin = x[c], y[c], slack[c]
        value, validity = 0.0, _validity(p, q, margin, width, height)
        if validity == VALID and masked:
            validity = _is_valid_at(p, q, margin, valid, origin, (width, height))
        if validity == VALID:
            # the arrays are unpacked once a row: to pass the tuple for each pixel takes as long as the mean
            col, row = int(np.floor(p - 0.5)), int(np.floor(q - 0.5))
            value, weight, low, high = 0.0, -1.0, 0.0, 0.0
            if kind == CUBIC and col >= 1 and row >= 1 and col + 2 < width and row + 2 < height:
                first, part = (col - 1 - origin[0], row - 1 - origin[1]), (p - 0.5 - col, q - 0.5 - row)
                value, weight, low, high = _sixteen(source, valid, masked, first, part)
            if weight < 0.0:
                part_x, part_y = 1.5 - (p - col), 1.5 - (q - row)
                if col == -1:
                    col, part_x = 0, 1.0
                if row == -1:
                    row, part_y = 0, 1.0
                inside = col + 1 < width, row + 1 < height
                first = col - origin[0], row - origin[1]
                value, weight, low, high = _four(source, valid, masked, first, (part_x, part_y), inside)
            # as fast as the sums: to look at the pixels again where the range of their type leaves doubt is slower
            value, validity = _mean((value, weight), slope * margin * (high - low), limits)
        data[c], state[c] = value, validity
        unsure += validity == UNSURE
    return unsure


@compiled
def _small_row(kind, x, y, slack, image, scale, limits, weights, data, state):
    """Do what ``_window_row`` does for BILINEAR and CUBIC where each pixel is on a row of its own."""
    source, valid, masked, origin, (width, height) = image
    slope = SLOPES[kind] * 4.0
    reach_x, reach_y = int(np.ceil(RADII[kind] / scale[0])), int(np.ceil(RADII[kind] / scale[1]))
    unsure = 0
    for c in range(x.shape[0]):
        p, q, margin = x[c], y[c], slack[c]
        value, validity = 0.0, _validity(p, q, margin, width, height)
        if validity == VALID and masked:
            validity = _is_valid_at(p, q, margin, valid, origin, (width, height))
        if validity == VALID:
            col, row = int(np.floor(p - 0.5)), int(np.floor(q - 0.5))
            part = p - 0.5 - col, q - 0.5 - row
            across = max(-reach_x, -col), min(reach_x, width - 1 - col)
            down = max(-reach_y, -row), min(reach_y, height - 1 - row)
            middle = col - origin[0], row - origin[1]
            if kind == BILINEAR:
                value, weight, low, high = sum_bilinear(source, valid, masked, middle, part, scale, across, down)
            else:
                value, weight, low, high = sum_cubic(source, valid, masked, middle, part, scale, across, down, weights)
            value, validity = _mean((value, weight), slope * margin * (high - low), limits)
        data[c], state[c] = value, validity
        unsure += validity == UNSURE
    return unsure


@compiled
def _window_row(kind, x, y, slack, image, scale, limits, buffers, data, state):
    """Fill in a row of means of windows. Sums down the columns of a window are kept for the next pixel."""
    source, valid, masked, origin, (width, height) = image
    across, down, lines = buffers
    slope, widest = SLOPES[kind] * (4.0 if scale[0] < 1.0 or scale[1] < 1.0 else 1.0), limits[1] - limits[0]
    skipped = begin = end = unsure = 0
    rows, last_q = (0, 0), np.nan
    for c in range(x.shape[0]):
        p, q, margin = x[c], y[c], slack[c]
        value, validity = 0.0, _validity(p, q, margin, width, height)
        if validity == VALID and masked:
            validity = _is_valid_at(p, q, margin, valid, origin, (width, height))
        if validity == VALID:
            is_alone = q != last_q  # of the pixel before, so that no sums can be shared with it
            if is_alone:
                last_q = q
                above, count = weights_along(kind, scale[1], q, down)
                above += int(np.floor(q - 0.5))
                rows = max(above, 0) - origin[1], min(above + count, height) - origin[1]
                skipped = max(-above, 0)
                begin = end = 0
            left, count = weights_along(kind, scale[0], p, across)
            left += int(np.floor(p - 0.5))
            cols = max(left, 0) - origin[0], min(left + count, width) - origin[0]
            if is_alone:
                value, weight, valid_pixels = sum_window(
                    source, valid, masked, rows, cols, down, skipped, across, max(-left, 0)
                )
            else:
                if cols[0] < begin or cols[0] >= end:
                    begin = end = cols[0]
                if cols[1] > end:
                    sum_down(source, valid, masked, rows, (end, cols[1]), down, skipped, lines)
                    end = cols[1]
                value, weight, valid_pixels = sum_across(cols, across, max(-left, 0), lines)
            if kind == LANCZOS and valid_pixels < (rows[1] - rows[0]) * (cols[1] - cols[0]) // 2:
                weight = 0.0  # GDAL's rule too
            sums = value, weight
            value, validity = _mean(sums, slope * margin * widest, limits)
            if validity == UNSURE:
                value, validity = _mean(sums, slope * margin * spread(source, valid, masked, rows, cols), limits)
        data[c], state[c] = value, validity
        unsure += validity == UNSURE
    return unsure


@compiled
def _buffers(kind, source, scale):
    """Return room for the weights along x and y, and for sums down the columns of a source."""
    room_x, room_y = room_for_weights(kind, scale[0]), room_for_weights(kind, scale[1])
    return np.empty(room_x), np.empty(room_y), np.empty((3, source.shape[1]))


@compiled
def _mean_row(kind, x, y, slack, image, scale, limits, buffers, data, state):
    if kind <= CUBIC and scale[0] >= 1.0 and scale[1] >= 1.0:
        return _close_row(kind, x, y, slack, image, limits, data, state)
    if kind <= CUBIC and x.shape[0] > 0 and y[0] != y[-1]:  # so that no sums can be shared
        return _small_row(kind, x, y, slack, image, scale, limits, buffers[1], data, state)
    return _window_row(kind, x, y, slack, image, scale, limits, buffers, data, state)


@loop(twins.means_at)
def means_at(kind, x, y, slack, image, scale, limits, data, state):
    """Fill in the weighted mean of the pixels around each position, as GDAL's warper does.

    Invalid pixels do not count. A mean is invalid where its centre lies in an invalid pixel, or where Lanczos's window
    has less than half of its pixels.

    Args:
        kind: BILINEAR, CUBIC, CUBIC_SPLINE or LANCZOS.
        x, y, slack: positions and their slack, shape (rows, columns).
        image: pixels of a part of the source raster; their validity, uint8; whether any may be
            invalid; left and top of the part; width and height of the raster.
        scale: output pixels per source pixel along x and y. Where both are 1, the mean is of four pixels, of
            16 for a cubic or a spline, of 36 for Lanczos; below 1 it is of more. A cubic that lacks one of the 16 is
            bilinear.
        limits: least and greatest value of an integer type; 1 and 0 for floats, which are not rounded.
        data, state: filled in; state is INVALID, VALID or UNSURE.

    Returns:
        How many are UNSURE, since the slack leaves more than one value. A mean of floats always depends on the
        slack, and is UNSURE only where it leaves more than one set of pixels.
    """
    unsure, buffers = 0, _buffers(kind, image[0], scale)
    for r in range(data.shape[0]):
        unsure += _mean_row(kind, x[r], y[r], slack[r], image, scale, limits, buffers, data[r], state[r])
    return unsure


@loop(twins.sum_of_rows)
def sum_of_rows(kind, source, valid, origin, centre, scale):
    """Return sums of some of the rows around a position: weighted values, weights, valid pixels and all pixels.

    Args:
        kind, scale: see ``means_at``.
        source, valid: the rows.
        origin: left and top of them.
        centre: x and y of the position.
    """
    across, down, lines = _buffers(kind, source, scale)
    left, count_x = weights_along(kind, scale[0], centre[0], across)
    above, count_y = weights_along(kind, scale[1], centre[1], down)
    left += int(np.floor(centre[0] - 0.5)) - origin[0]
    above += int(np.floor(centre[1] - 0.5)) - origin[1]
    cols = max(left, 0), min(left + count_x, source.shape[1])
    rows = max(above, 0), min(above + count_y, source.shape[0])
    sum_down(source, valid, True, rows, cols, down, rows[0] - above, lines)
    pixels = max(rows[1] - rows[0], 0) * max(cols[1] - cols[0], 0)
    value, weight, valid_pixels = sum_across(cols, across, cols[0] - left, lines)
    return value, weight, valid_pixels, float(pixels)


@loop(twins.means_on_lattice)
def means_on_lattice(kind, lattice, image, scale, limits, data, state):
    """Do what ``means_at`` does, with the positions of a lattice."""
    unsure, buffers = 0, _buffers(kind, image[0], scale)
    lines, row = np.empty((2, lattice[0].shape[1])), np.empty((3, data.shape[1]))
    for r in range(data.shape[0]):
        row_of_lattice(lattice, r, lines, row[0], row[1], row[2])
        unsure += _mean_row(kind, row[0], row[1], row[2], image, scale, limits, buffers, data[r], state[r])
    return unsure


def warm_up() -> None:
    """Compile the loops for all types, or load the compiled loops, so that no request waits for them."""
    position = np.zeros((1, 1))
    lattice = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((1, 1)), (0, 0)
    for dtype in TYPES:
        pixel, state = np.zeros((1, 1), dtype), np.zeros((1, 1), np.uint8)
        image = pixel, state, False, (0, 0), (1, 1)
        means_at(BILINEAR, position, position, position, image, (1.0, 1.0), (0.0, 1.0), pixel, state)
        means_on_lattice(BILINEAR, lattice, image, (1.0, 1.0), (0.0, 1.0), pixel, state)
        sum_of_rows(BILINEAR, pixel, state, (0, 0), (0.5, 0.5), (1.0, 1.0))
