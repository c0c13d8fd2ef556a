"""Compiled loops over pixels. They release the GIL, and know neither files nor coordinate systems.

A *position* is a place in a source raster in its pixels, (0, 0) at the top-left corner. Positions
that come from interpolation carry a *slack*, in pixels, within which the exact one lies; what could
change within it is marked DOUBTFUL and left to the caller, who has exact positions at a price.
"""

import numpy as np

from rasterwire.compiled import compiled

SHIFT = 5
STEP = 1 << SHIFT
"""Output pixels between nodes of a lattice of exact positions; a power of two, so that no quotient is rounded."""

OUTSIDE = -1
DOUBTFUL = -2

EDGE = 1e-10
"""In source pixels: a centre this close before the next pixel is in it, as GDAL has it."""

INVALID, VALID, UNSURE = 0, 1, 2


@compiled
def _across_rows(nodes, row, weights, line):
    """Fill a line with the values between rows of nodes, by cubics down each column of nodes."""
    for i in range(nodes.shape[1]):
        line[i] = (
            weights[0] * nodes[row, i]
            + weights[1] * nodes[row + 1, i]
            + weights[2] * nodes[row + 2, i]
            + weights[3] * nodes[row + 3, i]
        )


@compiled
def _along_line(line, cell, begin, values):
    """Fill values at the pixel centres of a cell, the first at pixel ``begin`` of it, by a cubic."""
    p0, p1, p2, p3 = line[cell], line[cell + 1], line[cell + 2], line[cell + 3]
    a3, a2 = (p3 - p0) / 6.0 + (p1 - p2) / 2.0, (p0 + p2) / 2.0 - p1
    a1 = p2 - p1 - a2 - a3
    for k in range(values.shape[0]):
        t = (begin + k + 0.5) / STEP
        values[k] = ((a3 * t + a2) * t + a1) * t + p1


@compiled
def _row_of_lattice(lattice, r, lines, x, y, near):
    """Fill positions and slack of a row of pixels of a lattice, see ``interpolate``."""
    nodes_x, nodes_y, slack, offset = lattice
    cell_row, width = (r + offset[0]) >> SHIFT, x.shape[0]
    t = (r + offset[0] + 0.5) / STEP - cell_row
    weights = (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )  # Lagrange's through the nodes -1, 0, 1 and 2
    _across_rows(nodes_x, cell_row, weights, lines[0])
    _across_rows(nodes_y, cell_row, weights, lines[1])
    c = 0
    while c < width:
        cell = (c + offset[1]) >> SHIFT
        begin = c + offset[1] - cell * STEP
        end = min(width, c + STEP - begin)
        _along_line(lines[0], cell, begin, x[c:end])
        _along_line(lines[1], cell, begin, y[c:end])
        near[c:end] = slack[cell_row, cell]
        c = end


@compiled
def interpolate(lattice, x, y, near):
    """Fill in positions and slack of all pixels of a lattice.

    Args:
        lattice: nodes_x, nodes_y, float64 of shape (cells down + 3, cells across + 3), the first at
            cell -1; slack, float64 of shape (cells down, cells across); row and column in the first
            cell where the pixels begin.
        x, y, near: float64, shape (rows, columns), are filled.
    """
    lines = np.empty((2, lattice[0].shape[1]))
    for r in range(x.shape[0]):
        _row_of_lattice(lattice, r, lines, x[r], y[r], near[r])


@compiled
def wrap(x, near, width, turn):
    """Bring columns of a raster of longitudes into it by whole turns; infinite slack where that is doubtful."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            p = x[r, c]
            if abs(p) <= near[r, c] or abs(p - width) <= near[r, c]:
                near[r, c] = np.inf
            elif p < 0.0 or p >= width:
                p -= turn * np.floor(p / turn)
                x[r, c] = p
                if p <= near[r, c] or turn - p <= near[r, c]:
                    near[r, c] = np.inf


@compiled
def _pixels_of_row(x, y, near, width, height, cols, rows):
    doubtful = 0
    for c in range(x.shape[0]):
        p, q = x[c] + EDGE, y[c] + EDGE
        col, row = np.floor(p), np.floor(q)
        inside = (col >= 0.0) & (row >= 0.0) & (col < width) & (row < height)
        margin = near[c]
        part_x, part_y = p - col, q - row
        unsure = (part_x < margin) | (1.0 - part_x < margin) | (part_y < margin) | (1.0 - part_y < margin)
        cols[c] = DOUBTFUL if unsure else np.int32(col) if inside else OUTSIDE
        rows[c] = DOUBTFUL if unsure else np.int32(row) if inside else OUTSIDE
        doubtful += unsure
    return doubtful


@compiled
def pixels_at(x, y, near, width, height, cols, rows):
    """Fill in which source pixel each position lies in, OUTSIDE for none; return how many are DOUBTFUL."""
    doubtful = 0
    for r in range(cols.shape[0]):
        doubtful += _pixels_of_row(x[r], y[r], near[r], width, height, cols[r], rows[r])
    return doubtful


@compiled
def pixels_on_lattice(lattice, width, height, cols, rows):
    """Do as ``pixels_at`` with the positions of a lattice."""
    doubtful = 0
    lines, row = np.empty((2, lattice[0].shape[1])), np.empty((3, cols.shape[1]))
    for r in range(cols.shape[0]):
        _row_of_lattice(lattice, r, lines, row[0], row[1], row[2])
        doubtful += _pixels_of_row(row[0], row[1], row[2], width, height, cols[r], rows[r])
    return doubtful


@compiled
def span(cols, rows):
    """Return left, top, right, bottom of the pixels that are not OUTSIDE; left > right for none."""
    left = top = np.int32(2147483647)
    right = bottom = np.int32(-1)
    for r in range(cols.shape[0]):
        for c in range(cols.shape[1]):
            if cols[r, c] >= 0:
                left, right = min(left, cols[r, c]), max(right, cols[r, c])
                top, bottom = min(top, rows[r, c]), max(bottom, rows[r, c])
    return left, top, right + 1, bottom + 1


@compiled
def gather(source, cols, rows, left, top, out):
    """Fill ``out`` with the pixels of a source that begins at (left, top), 0 where OUTSIDE."""
    for r in range(cols.shape[0]):
        for c in range(cols.shape[1]):
            if cols[r, c] >= 0:
                out[r, c] = source[rows[r, c] - top, cols[r, c] - left]
            else:
                out[r, c] = 0


@compiled
def _near_side(p, near):
    """Tell whether a position is within its slack of the side of a pixel."""
    return p - np.floor(p) <= near or np.floor(p) + 1.0 - p <= near


@compiled
def _is_inside(p, q, near, width, height):
    """Return whether a position lies in a raster: VALID, INVALID or UNSURE."""
    if not (p > -1.0 and q > -1.0 and p < width + 1.0 and q < height + 1.0):
        return INVALID
    if near > 0.0 and (
        abs(p) <= near or abs(q) <= near or abs(p + EDGE - width) <= near or abs(q + EDGE - height) <= near
    ):
        return UNSURE
    if p < 0.0 or q < 0.0 or p + EDGE > width or q + EDGE > height:
        return INVALID
    return VALID


@compiled
def _is_valid_at(p, q, near, valid, origin, size):
    """Return whether the pixel that holds a position is valid: VALID, INVALID or UNSURE."""
    if near > 0.0 and (_near_side(p + EDGE, near) or _near_side(q + EDGE, near)):
        return UNSURE
    col, row = min(int(np.floor(p + EDGE)), size[0] - 1), min(int(np.floor(q + EDGE)), size[1] - 1)
    return VALID if valid[row - origin[1], col - origin[0]] else INVALID


@compiled
def _four(source, valid, masked, at, part, inside):
    """Return sum of the weighted values, sum of the weights, least and greatest value of 2 x 2 pixels."""
    x, y = at
    part_x, part_y = part
    if not masked and inside[0] and inside[1]:
        v00, v01 = float(source[y, x]), float(source[y, x + 1])
        v10, v11 = float(source[y + 1, x]), float(source[y + 1, x + 1])
        above, below = v00 * part_x + v01 * (1.0 - part_x), v10 * part_x + v11 * (1.0 - part_x)
        value = above * part_y + below * (1.0 - part_y)
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
def _many(source, valid, masked, first, last, origin, centre, scale):
    """Return the same of all pixels of a window, by a triangle that is as wide as 2 / scale pixels."""
    value = weight = 0.0
    low, high = np.inf, -np.inf
    for row in range(first[1], last[1] + 1):
        share_y = 1.0 - abs((row - centre[1]) * scale[1])
        if share_y <= 0.0:
            continue
        row_value = row_weight = 0.0
        for col in range(first[0], last[0] + 1):
            share_x = 1.0 - abs((col - centre[0]) * scale[0])
            if share_x <= 0.0 or (masked and not valid[row - origin[1], col - origin[0]]):
                continue
            v = float(source[row - origin[1], col - origin[0]])
            row_value += v * share_x
            row_weight += share_x
            low, high = min(low, v), max(high, v)
        value += row_value * share_y
        weight += row_weight * share_y
    return value, weight, low, high


@compiled
def _bilinear_row(x, y, near, image, scale, limits, data, state):
    source, valid, masked, origin, size = image
    width, height = size
    wide = scale[0] < 1.0 or scale[1] < 1.0
    reach_x, reach_y = int(np.ceil(1.0 / scale[0])), int(np.ceil(1.0 / scale[1]))
    steep = 16.0 if wide else 4.0
    unsure = 0
    for c in range(x.shape[0]):
        margin = near[c]
        p, q = x[c], y[c]
        data[c] = 0
        found = _is_inside(p, q, margin, width, height)
        if found == VALID and margin > 0.0 and (_near_side(p - 0.5, margin) or _near_side(q - 0.5, margin)):
            found = UNSURE
        if found == VALID and masked:
            found = _is_valid_at(p, q, margin, valid, origin, size)
        if found == VALID:
            col, row = int(np.floor(p - 0.5)), int(np.floor(q - 0.5))
            if wide:
                first = max(0, col - reach_x), max(0, row - reach_y)
                last = min(width - 1, col + reach_x), min(height - 1, row + reach_y)
                centre = p - 0.5, q - 0.5
                value, weight, low, high = _many(source, valid, masked, first, last, origin, centre, scale)
            else:
                part_x, part_y = 1.5 - (p - col), 1.5 - (q - row)
                if col == -1:
                    col, part_x = 0, 1.0
                if row == -1:
                    row, part_y = 0, 1.0
                inside = col + 1 < width, row + 1 < height
                at = col - origin[0], row - origin[1]
                value, weight, low, high = _four(source, valid, masked, at, (part_x, part_y), inside)
            if weight != 1.0:
                value /= weight
            if limits[0] < limits[1]:
                rounded = np.floor(value + 0.5)
                doubt = steep * margin * (high - low) / min(weight * weight, 1.0)
                if margin > 0.0 and (value + 0.5 - rounded <= doubt or rounded + 0.5 - value <= doubt):
                    found = UNSURE
                value = min(max(rounded, limits[0]), limits[1])
            data[c] = value
        state[c] = found
        unsure += found == UNSURE
    return unsure


@compiled
def bilinear_at(x, y, near, image, scale, limits, data, state):
    """Fill in the weighted mean of the pixels around each position, as GDAL's warper does.

    Of invalid pixels the mean is taken without them, and is itself invalid where its centre lies in one.

    Args:
        x, y, near: positions and their slack, shape (rows, columns).
        image: pixels, shape of a part of the source raster; which are valid, uint8; whether there
            may be invalid ones; left and top of the part; width and height of the raster.
        scale: output pixels per source pixel along x and y; the mean is of four pixels where both
            are 1, and of more below.
        limits: least and greatest value of an integer type; 1 and 0 for floats, which are not rounded.
        data, state: are filled; state is INVALID, VALID or UNSURE.

    Returns:
        How many are UNSURE: the slack leaves a choice of values. Of floats, which always have some,
        these are only those whose pixels are in doubt.
    """
    unsure = 0
    for r in range(data.shape[0]):
        unsure += _bilinear_row(x[r], y[r], near[r], image, scale, limits, data[r], state[r])
    return unsure


@compiled
def bilinear_on_lattice(lattice, image, scale, limits, data, state):
    """Do as ``bilinear_at`` with the positions of a lattice."""
    unsure = 0
    lines, row = np.empty((2, lattice[0].shape[1])), np.empty((3, data.shape[1]))
    for r in range(data.shape[0]):
        _row_of_lattice(lattice, r, lines, row[0], row[1], row[2])
        unsure += _bilinear_row(row[0], row[1], row[2], image, scale, limits, data[r], state[r])
    return unsure


@compiled
def reach(x, y, width, height):
    """Return the least and greatest x and y of the positions in and around a raster; left > right for none."""
    left = top = np.inf
    right = bottom = -np.inf
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            p, q = x[r, c], y[r, c]
            if p > -1.0 and q > -1.0 and p < width + 1.0 and q < height + 1.0:
                left, right = min(left, p), max(right, p)
                top, bottom = min(top, q), max(bottom, q)
    return left, top, right, bottom


def warm_up() -> None:
    """Compile the loops for the usual types, or load what was compiled, so that no request waits for it."""
    place = np.zeros((1, 1))
    indices = np.zeros((2, 1, 1), np.int32)
    lattice = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((1, 1)), (0, 0)
    interpolate(lattice, *np.zeros((3, 1, 1)))
    pixels_at(place, place, place, 1, 1, *indices)
    pixels_on_lattice(lattice, 1, 1, *indices)
    span(*indices)
    reach(place, place, 1, 1)
    for dtype in (np.uint8, np.uint16, np.int16, np.float32):
        pixel, state = np.zeros((1, 1), dtype), np.zeros((1, 1), np.uint8)
        bits = pixel.view(f"u{pixel.dtype.itemsize}")
        gather(bits, *indices, 0, 0, bits)
        image = pixel, state, False, (0, 0), (1, 1)
        bilinear_at(place, place, place, image, (1.0, 1.0), (0.0, 1.0), pixel, state)
        bilinear_on_lattice(lattice, image, (1.0, 1.0), (0.0, 1.0), pixel, state)
