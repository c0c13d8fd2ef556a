"""Compiled loops over weighted means of the pixels around positions: bilinear and cubic.

Positions and their slack are those of ``kernels``.
"""

import numpy as np

from rasterwire.compiled import TYPES, compiled, loop
from rasterwire.render import mean_kernel_twins as twins
from rasterwire.render.kernels import row_of_lattice
from rasterwire.render.rules import BILINEAR, CUBIC, EDGE, INVALID, LEAST_WEIGHT, UNSURE, VALID


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
    """Return the sums of 2 x 2 pixels: of the weighted values and of the weights; and the least and greatest value."""
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
            if masked and not valid[y + dy - 1, x + dx - 1]:
                return 0.0, -1.0, 0.0, 0.0
            v = float(source[y + dy - 1, x + dx - 1])
            row += v * across[dx]
            low, high = min(low, v), max(high, v)
        value += row * down[dy]
    return value, 1.0, low, high


@compiled
def _weight(kind, distance):
    """Return the weight of a pixel at a distance, in pixels of the output."""
    d = abs(distance)
    if kind == BILINEAR:
        return max(0.0, 1.0 - d)
    if d <= 1.0:
        return d * d * (1.5 * d - 2.5) + 1.0
    if d <= 2.0:
        return d * (d * (2.5 - 0.5 * d) - 4.0) + 2.0
    return 0.0


@compiled
def _many(kind, source, valid, masked, first, last, origin, centre, scale):
    """Return the sums of all pixels of a window, by a kernel that is widened to the size of the output's pixels."""
    value = weight = 0.0
    low, high = np.inf, -np.inf
    for row in range(first[1], last[1] + 1):
        share_y = _weight(kind, (row - centre[1]) * scale[1])
        if share_y == 0.0:
            continue
        row_value = row_weight = 0.0
        for col in range(first[0], last[0] + 1):
            share_x = _weight(kind, (col - centre[0]) * scale[0])
            if share_x == 0.0 or (masked and not valid[row - origin[1], col - origin[0]]):
                continue
            v = float(source[row - origin[1], col - origin[0]])
            row_value += v * share_x
            row_weight += share_x
            low, high = min(low, v), max(high, v)
        value += row_value * share_y
        weight += row_weight * share_y
    return value, weight, low, high


@compiled
def _mean_row(kind, x, y, slack, image, scale, limits, data, state):
    source, valid, masked, origin, (width, height) = image
    is_wide = scale[0] < 1.0 or scale[1] < 1.0
    radius = 1.0 if kind == BILINEAR else 2.0
    radius_x, radius_y = int(np.ceil(radius / scale[0])), int(np.ceil(radius / scale[1]))
    # bound on the change of a mean with its position, by the range of the pixels
    slope = (16.0 if is_wide else 4.0) if kind == BILINEAR else (64.0 if is_wide else 16.0)
    unsure = 0
    for c in range(x.shape[0]):
        margin = slack[c]
        p, q = x[c], y[c]
        data[c] = 0
        validity = _is_inside(p, q, margin, width, height)
        if validity == VALID and margin > 0.0 and (_near_side(p - 0.5, margin) or _near_side(q - 0.5, margin)):
            validity = UNSURE
        if validity == VALID and masked:
            validity = _is_valid_at(p, q, margin, valid, origin, (width, height))
        if validity == VALID:
            # the arrays are unpacked once a row: to pass the tuple for each pixel takes as long as the mean
            col, row = int(np.floor(p - 0.5)), int(np.floor(q - 0.5))
            value, weight, low, high = 0.0, -1.0, 0.0, 0.0
            if is_wide:
                first = max(0, col - radius_x), max(0, row - radius_y)
                last = min(width - 1, col + radius_x), min(height - 1, row + radius_y)
                centre = p - 0.5, q - 0.5
                value, weight, low, high = _many(kind, source, valid, masked, first, last, origin, centre, scale)
            elif kind == CUBIC and col >= 1 and row >= 1 and col + 2 < width and row + 2 < height:
                corner, part = (col - origin[0], row - origin[1]), (p - 0.5 - col, q - 0.5 - row)
                value, weight, low, high = _sixteen(source, valid, masked, corner, part)
            if not is_wide and weight < 0.0:
                part_x, part_y = 1.5 - (p - col), 1.5 - (q - row)
                if col == -1:
                    col, part_x = 0, 1.0
                if row == -1:
                    row, part_y = 0, 1.0
                inside = col + 1 < width, row + 1 < height
                corner = col - origin[0], row - origin[1]
                value, weight, low, high = _four(source, valid, masked, corner, (part_x, part_y), inside)
            if weight < LEAST_WEIGHT:  # the negative weights of a cubic may cancel the others
                state[c] = INVALID
                continue
            if weight != 1.0:
                value /= weight
            if limits[0] < limits[1]:
                rounded = np.floor(value + 0.5)
                doubt = slope * margin * (high - low) / min(weight * weight, 1.0)
                if margin > 0.0 and (value + 0.5 - rounded <= doubt or rounded + 0.5 - value <= doubt):
                    validity = UNSURE
                value = min(max(rounded, limits[0]), limits[1])
            data[c] = value
        state[c] = validity
        unsure += validity == UNSURE
    return unsure


@loop(twins.means_at)
def means_at(kind, x, y, slack, image, scale, limits, data, state):
    """Fill in the weighted mean of the pixels around each position, as GDAL's warper does.

    Invalid pixels do not count. A mean is invalid where its centre lies in an invalid pixel.

    Args:
        kind: BILINEAR or CUBIC.
        x, y, slack: positions and their slack, shape (rows, columns).
        image: pixels of a part of the source raster; their validity, uint8; whether any may be
            invalid; left and top of the part; width and height of the raster.
        scale: output pixels per source pixel along x and y. Where both are 1, the mean is of four pixels, or of
            16 for a cubic; below 1 it is of more. A cubic that lacks one of the 16 is bilinear.
        limits: least and greatest value of an integer type; 1 and 0 for floats, which are not rounded.
        data, state: filled in; state is INVALID, VALID or UNSURE.

    Returns:
        How many are UNSURE, since the slack leaves more than one value. A mean of floats always depends on the
        slack, and is UNSURE only where it leaves more than one set of pixels.
    """
    unsure = 0
    for r in range(data.shape[0]):
        unsure += _mean_row(kind, x[r], y[r], slack[r], image, scale, limits, data[r], state[r])
    return unsure


@loop(twins.sum_of_rows)
def sum_of_rows(kind, source, valid, origin, centre, scale):
    """Return sum of the weighted values and sum of the weights of some of the rows around a position.

    Args:
        kind, scale: see ``means_at``.
        source, valid: the rows.
        origin: left and top of them.
        centre: x and y of the position.
    """
    first = origin
    last = origin[0] + source.shape[1] - 1, origin[1] + source.shape[0] - 1
    value, weight, _, _ = _many(
        kind, source, valid, True, first, last, origin, (centre[0] - 0.5, centre[1] - 0.5), scale
    )
    return value, weight


@loop(twins.means_on_lattice)
def means_on_lattice(kind, lattice, image, scale, limits, data, state):
    """Do what ``means_at`` does, with the positions of a lattice."""
    unsure = 0
    lines, row = np.empty((2, lattice[0].shape[1])), np.empty((3, data.shape[1]))
    for r in range(data.shape[0]):
        row_of_lattice(lattice, r, lines, row[0], row[1], row[2])
        unsure += _mean_row(kind, row[0], row[1], row[2], image, scale, limits, data[r], state[r])
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
