"""Compiled loops over pixels. They release the GIL, and know neither files nor coordinate systems.

A *position* is a point of a source raster in its pixels, with (0, 0) at the top-left corner. An interpolated
position has a *slack*: the exact position is no farther away, in pixels. Where the slack leaves more than
one answer, the answer is DOUBTFUL, and the caller computes the exact position.
"""

import numpy as np

from rasterwire.compiled import compiled, loop
from rasterwire.render import kernel_twins
from rasterwire.render.rules import DOUBTFUL, EDGE, OUTSIDE, SHIFT, STEP


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
def row_of_lattice(lattice, r, lines, x, y, slack):
    """Fill in positions and slack of a row of pixels of a lattice, see ``interpolate``."""
    nodes_x, nodes_y, cell_slack, offset = lattice
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
        slack[c:end] = cell_slack[cell_row, cell]
        c = end


@loop(kernel_twins.interpolate)
def interpolate(lattice, x, y, slack):
    """Fill in positions and slack of all pixels of a lattice.

    Args:
        lattice: nodes_x, nodes_y, float64 of shape (cells down + 3, cells across + 3), the first at
            cell -1; slack, float64 of shape (cells down, cells across); row and column in the first
            cell where the pixels begin.
        x, y, slack: filled in; float64, shape (rows, columns).
    """
    lines = np.empty((2, lattice[0].shape[1]))
    for r in range(x.shape[0]):
        row_of_lattice(lattice, r, lines, x[r], y[r], slack[r])


@loop(kernel_twins.wrap)
def wrap(x, slack, width, turn):
    """Wrap columns of a raster of longitudes into it by whole turns; the slack is infinite where that is doubtful."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            p = x[r, c]
            if abs(p) <= slack[r, c] or abs(p - width) <= slack[r, c]:
                slack[r, c] = np.inf
            elif p < 0.0 or p >= width:
                p -= turn * np.floor(p / turn)
                x[r, c] = p
                if p <= slack[r, c] or turn - p <= slack[r, c]:
                    slack[r, c] = np.inf


@compiled
def _pixels_of_row(x, y, slack, width, height, cols, rows):
    doubtful = 0
    for c in range(x.shape[0]):
        p, q = x[c] + EDGE, y[c] + EDGE
        col, row = np.floor(p), np.floor(q)
        inside = (col >= 0.0) & (row >= 0.0) & (col < width) & (row < height)
        margin = slack[c]
        part_x, part_y = p - col, q - row
        unsure = (part_x < margin) | (1.0 - part_x < margin) | (part_y < margin) | (1.0 - part_y < margin)
        cols[c] = DOUBTFUL if unsure else np.int32(col) if inside else OUTSIDE
        rows[c] = DOUBTFUL if unsure else np.int32(row) if inside else OUTSIDE
        doubtful += unsure
    return doubtful


@loop(kernel_twins.pixels_at)
def pixels_at(x, y, slack, width, height, cols, rows):
    """Fill in the source pixel of each position, OUTSIDE for none; return how many are DOUBTFUL."""
    doubtful = 0
    for r in range(cols.shape[0]):
        doubtful += _pixels_of_row(x[r], y[r], slack[r], width, height, cols[r], rows[r])
    return doubtful


@loop(kernel_twins.pixels_on_lattice)
def pixels_on_lattice(lattice, width, height, cols, rows):
    """Do what ``pixels_at`` does, with the positions of a lattice."""
    doubtful = 0
    lines, row = np.empty((2, lattice[0].shape[1])), np.empty((3, cols.shape[1]))
    for r in range(cols.shape[0]):
        row_of_lattice(lattice, r, lines, row[0], row[1], row[2])
        doubtful += _pixels_of_row(row[0], row[1], row[2], width, height, cols[r], rows[r])
    return doubtful


@loop(kernel_twins.span)
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


@loop(kernel_twins.gather)
def gather(source, cols, rows, left, top, out):
    """Fill ``out`` with the pixels of a source that begins at (left, top), 0 where OUTSIDE."""
    for r in range(cols.shape[0]):
        for c in range(cols.shape[1]):
            if cols[r, c] >= 0:
                out[r, c] = source[rows[r, c] - top, cols[r, c] - left]
            else:
                out[r, c] = 0


@loop(kernel_twins.bounds)
def bounds(x, y, width, height):
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
    """Compile the loops for all types, or load the compiled loops, so that no request waits for them."""
    position = np.zeros((1, 1))
    indices = np.zeros((2, 1, 1), np.int32)
    lattice = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((1, 1)), (0, 0)
    interpolate(lattice, *np.zeros((3, 1, 1)))
    pixels_at(position, position, position, 1, 1, *indices)
    pixels_on_lattice(lattice, 1, 1, *indices)
    span(*indices)
    bounds(position, position, 1, 1)
    wrap(position, position, 1, 360.0)
    for size in (1, 2, 4, 8):
        pixel = np.zeros((1, 1), f"u{size}")
        gather(pixel, *indices, 0, 0, pixel)
