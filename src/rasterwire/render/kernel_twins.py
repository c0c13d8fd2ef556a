"""The loops of ``kernels`` by NumPy, equal to the bit. They run until the loops are compiled."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.render.rules import DOUBTFUL, EDGE, OUTSIDE, SHIFT, STEP

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
LatticeTuple = tuple[Floats, Floats, Floats, tuple[int, int]]


def interpolate(lattice: LatticeTuple, x: Floats, y: Floats, slack: Floats) -> None:
    """See ``kernels.interpolate``."""
    nodes_x, nodes_y, cell_slack, offset = lattice
    row, col = (np.arange(size) + begin for size, begin in zip(x.shape, offset, strict=True))
    cell_row, cell = row >> SHIFT, col >> SHIFT
    t = ((row + 0.5) / STEP - cell_row)[:, None]
    weights = (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )
    along = (col - cell * STEP + 0.5) / STEP
    for nodes, values in ((nodes_x, x), (nodes_y, y)):
        line = weights[0] * nodes[cell_row]
        for k in (1, 2, 3):
            line = line + weights[k] * nodes[cell_row + k]
        p0, p1, p2, p3 = (line[:, cell + k] for k in range(4))
        a3, a2 = (p3 - p0) / 6.0 + (p1 - p2) / 2.0, (p0 + p2) / 2.0 - p1
        a1 = p2 - p1 - a2 - a3
        values[...] = ((a3 * along + a2) * along + a1) * along + p1
    slack[...] = cell_slack[cell_row[:, None], cell]


def wrap(x: Floats, slack: Floats, width: int, turn: float) -> None:
    """See ``kernels.wrap``."""
    with np.errstate(invalid="ignore"):
        doubtful = (np.abs(x) <= slack) | (np.abs(x - width) <= slack)
        is_away = ~doubtful & ((x < 0.0) | (x >= width))
        wrapped = x - turn * np.floor(x / turn)
        x[is_away] = wrapped[is_away]
        doubtful |= is_away & ((wrapped <= slack) | (turn - wrapped <= slack))
        slack[doubtful] = np.inf


def pixels_at(x: Floats, y: Floats, slack: Floats, width: int, height: int, cols: Array, rows: Array) -> int:
    """See ``kernels.pixels_at``."""
    with np.errstate(invalid="ignore"):
        p, q = x + EDGE, y + EDGE
        col, row = np.floor(p), np.floor(q)
        inside = (col >= 0.0) & (row >= 0.0) & (col < width) & (row < height)
        part_x, part_y = p - col, q - row
        unsure = (part_x < slack) | (1.0 - part_x < slack) | (part_y < slack) | (1.0 - part_y < slack)
    cols[...] = np.where(unsure, DOUBTFUL, np.where(inside, col, OUTSIDE))
    rows[...] = np.where(unsure, DOUBTFUL, np.where(inside, row, OUTSIDE))
    return int(unsure.sum())


def pixels_on_lattice(lattice: LatticeTuple, width: int, height: int, cols: Array, rows: Array) -> int:
    """See ``kernels.pixels_on_lattice``."""
    x, y, slack = np.empty((3, *cols.shape))
    interpolate(lattice, x, y, slack)
    return pixels_at(x, y, slack, width, height, cols, rows)


def span(cols: Array, rows: Array) -> tuple[int, int, int, int]:
    """See ``kernels.span``."""
    is_inside = cols >= 0
    if not is_inside.any():
        return 2147483647, 2147483647, 0, 0
    col, row = cols[is_inside], rows[is_inside]
    return int(col.min()), int(row.min()), int(col.max()) + 1, int(row.max()) + 1


def gather(source: Array, cols: Array, rows: Array, left: int, top: int, out: Array) -> None:
    """See ``kernels.gather``."""
    is_inside = cols >= 0
    out[...] = 0
    out[is_inside] = source[rows[is_inside] - top, cols[is_inside] - left]


def bounds(x: Floats, y: Floats, width: int, height: int) -> tuple[float, float, float, float]:
    """See ``kernels.bounds``."""
    with np.errstate(invalid="ignore"):
        is_around = (x > -1.0) & (y > -1.0) & (x < width + 1.0) & (y < height + 1.0)
    if not is_around.any():
        return np.inf, np.inf, -np.inf, -np.inf
    p, q = x[is_around], y[is_around]
    return float(p.min()), float(q.min()), float(p.max()), float(q.max())


def total(terms: Floats) -> Floats:
    """Return sums along the last axis, added one after the other as in a loop; NumPy's sum adds in pairs."""
    total: Floats = np.cumsum(terms, axis=-1)[..., -1] + 0.0  # a loop begins with 0.0, so that it gives no -0.0
    return total
