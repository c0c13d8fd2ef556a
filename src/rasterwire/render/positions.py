"""Positions of the centres of output pixels in a source raster.

Exact positions come from PROJ, at 8 million a second. Between rasters of different coordinate
systems they are therefore computed at the nodes of a coarse lattice only, and interpolated by cubics.
The coarse lattice is tied to the lattice of the output, and not to any part or block of it. The error is
measured in the middle of two sides of each cell, where the error of a cubic is largest. Eight times this error
is the slack of the cell. In cells with too much slack, such as at a pole or where the coordinate
system ends, every position is computed exactly.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from odc.geo.crs import CRS

from rasterwire.files.ground import to_pixels
from rasterwire.geo.crs import transformer
from rasterwire.geo.lattice import coordinates
from rasterwire.pixels import Window
from rasterwire.plan.types import Source
from rasterwire.render import kernels, rules
from rasterwire.render.sampling import Sampling

STEP = rules.STEP
_MAX_SLACK = 1e-4
_MAX_SLACK_OF_FLOATS = 3e-8
"""A mean of floats is not rounded, so that its last bits depend on the exact position."""

_LEAST_SLACK = 1e-8
"""In source pixels: far above the rounding errors of doubles and of PROJ."""

_SAFETY = 8.0
"""Slack of a cell by the error measured in it."""

TILE = 128, 256
"""Rows and columns of a lattice over which a kernel keeps its width, where grid and source differ in crs."""

_NOT_WIDER = 0.95
"""From this many output pixels per source pixel on, a kernel is not widened; the threshold is GDAL's."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Positions of the pixels of a window, to be interpolated.

    Attributes:
        nodes_x, nodes_y, slack, offset: see ``kernels.interpolate``.
    """

    nodes_x: Floats
    nodes_y: Floats
    slack: Floats
    offset: tuple[int, int]

    def as_tuple(self) -> tuple[Floats, Floats, Floats, tuple[int, int]]:
        """Return the arguments that the compiled loops take."""
        return self.nodes_x, self.nodes_y, self.slack, self.offset

    def part(self, rows: slice, cols: slice) -> "Lattice":
        """Return the positions of a part of the pixels, equal to the bit."""
        first = self.offset[0] + rows.start, self.offset[1] + cols.start
        down, across = (
            slice(begin // STEP, -(-(begin + n) // STEP))
            for begin, n in zip(first, (rows.stop - rows.start, cols.stop - cols.start), strict=True)
        )
        nodes = slice(down.start, down.stop + 3), slice(across.start, across.stop + 3)
        # copies: compiled loops exist for arrays without gaps
        nodes_x, nodes_y, slack = (
            np.ascontiguousarray(a) for a in (self.nodes_x[nodes], self.nodes_y[nodes], self.slack[down, across])
        )
        return Lattice(nodes_x, nodes_y, slack, (first[0] % STEP, first[1] % STEP))

    def interpolated(self, shape: tuple[int, int]) -> "Positions":
        """Return the positions of all pixels, for a number of rows and columns."""
        x, y, slack = np.empty(shape), np.empty(shape), np.empty(shape)
        kernels.interpolate(self.as_tuple(), x, y, slack)
        return Positions(x, y, slack)

    def bounds(self) -> tuple[float, float, float, float]:
        """Return bounds of all positions: the least x and y, and the greatest x and y."""
        bounds = []
        for nodes in (self.nodes_x, self.nodes_y):
            bend = max(np.abs(np.diff(nodes, 2, axis)).max() for axis in (0, 1))
            corners = nodes[1:-1, 1:-1]
            bounds.append((corners.min() - bend, corners.max() + bend))
        (left, right), (top, bottom) = bounds
        return left, top, right, bottom


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Positions of the pixels of a window, or of any pixels.

    Attributes:
        x, y: in source pixels, shape (rows, columns); NaN or infinite where a pixel has no position.
        slack: the exact position is no farther away, in source pixels.
    """

    x: Floats
    y: Floats
    slack: Floats

    def part(self, rows: slice, cols: slice | npt.NDArray[np.bool_]) -> "Positions":
        """Return the positions of a part of the pixels."""
        return Positions(*(np.ascontiguousarray(a[rows, cols]) for a in (self.x, self.y, self.slack)))

    def bounds(self, width: int, height: int) -> tuple[float, float, float, float] | None:
        """Return the least x and y, and the greatest x and y, of the positions in a raster; None for none."""
        left, top, right, bottom = kernels.bounds(self.x, self.y, width, height)
        return None if left > right else (left, top, right, bottom)


def positions(sampling: Sampling, window: Window) -> Lattice | Positions:
    """Return the positions of a window of a grid in the level that is read."""
    if sampling.shares_crs:
        col = np.arange(window.col, window.col + window.width)
        row = np.arange(window.row, window.row + window.height)[:, None]
        shape = window.height, window.width
        x, y = (np.array(np.broadcast_to(axis, shape), order="C") for axis in exact(sampling, col, row))
        return Positions(x, y, np.zeros(x.shape))
    lattice = _lattice(sampling, window)
    if not sampling.turn and np.isfinite(lattice.slack).all():
        return lattice
    centres = lattice.interpolated((window.height, window.width))
    x, y, slack = centres.x, centres.y, centres.slack
    if sampling.turn:
        kernels.wrap(x, slack, sampling.width, sampling.turn)
    far = np.nonzero(np.isinf(slack))
    if far[0].size:
        x[far], y[far] = exact(sampling, far[1] + window.col, far[0] + window.row)
        slack[far] = 0.0
    return centres


def exact_positions(sampling: Sampling, window: Window, index: tuple[Indices, ...]) -> Positions:
    """Return exact positions, shape (1, n), of pixels by row and column in a window."""
    x, y = exact(sampling, index[1] + window.col, index[0] + window.row)
    return Positions(x[None], y[None], np.zeros((1, len(x))))


def _lattice(sampling: Sampling, window: Window) -> Lattice:
    origin = sampling.anchor
    offset = (window.row + origin.row) % STEP, (window.col + origin.col) % STEP
    cells = -(-(offset[0] + window.height) // STEP), -(-(offset[1] + window.width) // STEP)
    first = window.row - offset[0], window.col - offset[1]
    nodes_x, nodes_y = _nodes(sampling, first, cells)
    slack = _slack(sampling, first, nodes_x, nodes_y)
    limit = _MAX_SLACK_OF_FLOATS if np.dtype(sampling.source.dtype).kind == "f" else _MAX_SLACK
    with np.errstate(invalid="ignore"):
        return Lattice(nodes_x, nodes_y, np.where(slack < limit, slack, np.inf), offset)


def exact(sampling: Sampling, col: npt.NDArray[np.int64], row: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return exact positions of output pixels by column and row, which may broadcast.

    Where grid and source share a crs and their lattices are parallel, x has the shape of the columns, y that of
    the rows.
    """
    x, y = unwrapped(sampling, col.astype(np.float64) + 0.5, row.astype(np.float64) + 0.5)
    turn = sampling.turn
    if turn:
        with np.errstate(invalid="ignore"):
            x = np.where((x < 0) | (x >= sampling.width), x - turn * np.floor(x / turn), x)
    return x, y


def unwrapped(sampling: Sampling, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Return exact positions of any points of the grid, see ``exact``, without wrapping them around the earth."""
    if not sampling.shares_crs:
        return _transformed(sampling, col, row)
    direct = sampling.anchor.onto(sampling.affine)
    col, row = col + sampling.anchor.col, row + sampling.anchor.row
    x: Floats = direct.a * col + direct.c + (direct.b * row if direct.b else 0.0)
    y: Floats = direct.e * row + direct.f + (direct.d * col if direct.d else 0.0)
    return x, y


def _transformed(sampling: Sampling, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Return positions by PROJ of points of a grid in another crs; infinite or NaN where a point has none."""
    grid = sampling.grid
    grid_x, grid_y = np.broadcast_arrays(*coordinates(grid, col, row, rounds=sampling.interpolates_floats))
    x, y = _in_source(sampling.source, grid.crs, grid_x, grid_y)
    inverse = ~sampling.affine
    with np.errstate(invalid="ignore"):
        return inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f


def _in_source(source: Source, crs: CRS | None, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return points of a crs in the crs of a source, or in pixels where control points or polynomials place it."""
    band = source.stored
    if band is None or band.ground is None:
        return transformer(crs, source.grid.crs).transform(x, y)
    if crs != band.ground.crs:
        x, y = transformer(crs, band.ground.crs).transform(x, y)
    return to_pixels(band.metadata.file, band.ground, np.asarray(x), np.asarray(y))


def _nodes(sampling: Sampling, first: tuple[int, int], cells: tuple[int, int]) -> tuple[Floats, Floats]:
    col = first[1] + STEP * np.arange(-1.0, cells[1] + 2)
    row = first[0] + STEP * np.arange(-1.0, cells[0] + 2)[:, None]
    return _transformed(sampling, col, row)


def _slack(sampling: Sampling, first: tuple[int, int], nodes_x: Floats, nodes_y: Floats) -> Floats:
    """Return the slack of each cell, infinite or NaN where it cannot be measured."""
    down, across = nodes_x.shape[0] - 3, nodes_x.shape[1] - 3
    col, row = first[1] + STEP * np.arange(float(across)), first[0] + STEP * np.arange(float(down))[:, None]
    error = np.zeros((down, across))
    with np.errstate(invalid="ignore"):
        for axis, (half_col, half_row) in enumerate([(0.0, STEP / 2), (STEP / 2, 0.0)]):
            true_x, true_y = _transformed(sampling, col + half_col, row + half_row)
            error += np.hypot(_middle(nodes_x, axis) - true_x, _middle(nodes_y, axis) - true_y)
        slack: Floats = _SAFETY * error + _LEAST_SLACK
    nowhere = ~(np.isfinite(nodes_x) & np.isfinite(nodes_y))
    if nowhere.any():  # a cubic takes 4 x 4 nodes, and the sides above only 7 of them
        around = np.lib.stride_tricks.sliding_window_view(nowhere, (4, 4)).any(axis=(2, 3))
        slack[around] = np.inf
    return slack


def _middle(nodes: Floats, axis: int) -> Floats:
    """Return the cubics halfway along the first side of each cell; weights of Lagrange at 1/2."""
    lines = nodes[:, 1:-2] if axis == 0 else nodes[1:-2].T
    middle: Floats = (9 * (lines[1:-2] + lines[2:-1]) - lines[:-3] - lines[3:]) / 16
    return middle if axis == 0 else middle.T


def shrink(sampling: Sampling, col: Floats, row: Floats) -> Floats:
    """Return output pixels per source pixel along x and y, at most 1, around points of a grid.

    A kernel is widened by their inverse. Within a crs they are the same everywhere. Else they are taken in the
    middle of a tile of the lattice, so that they depend on no part or block.

    Args:
        sampling: of a band.
        col: of the points, in pixels.
        row: of the points, of the same shape.

    Returns:
        Shape of the points and 2; 1 where a point has no position in the source.
    """
    if sampling.shares_crs:
        direct = sampling.anchor.onto(sampling.affine)
        spans = np.hypot([direct.a, direct.d], [direct.b, direct.e])
        return np.broadcast_to(1 / np.maximum(spans, 1.0), (*col.shape, 2))
    x, y = _transformed(sampling, np.stack([col, col + 1, col]), np.stack([row, row, row + 1]))
    turn = sampling.turn
    with np.errstate(invalid="ignore"):
        along_x, along_y = x[1:] - x[0], y[1:] - y[0]
        if turn:
            along_x -= turn * np.round(along_x / turn)
        spans = np.stack([np.hypot(*along_x), np.hypot(*along_y)], axis=-1)
        is_finite = np.isfinite(spans).all(axis=-1, keepdims=True)
        scales: Floats = np.where(is_finite, 1 / np.maximum(spans, 1.0), 1.0)
    return scales


Tile = tuple[Window, tuple[float, float]]
"""A part of a window, and output pixels per source pixel in it."""


def tiles_of(sampling: Sampling, window: Window) -> list[Tile]:
    """Return the parts of a window by the tiles of the lattice; a single part where all tiles have one scale.

    From ``_NOT_WIDER`` on, output pixels per source pixel are 1.
    """
    origin = sampling.anchor
    if sampling.shares_crs:
        rows, cols = [(window.row, window.height)], [(window.col, window.width)]
    else:
        rows = _cuts(window.row, window.height, origin.row, TILE[0])
        cols = _cuts(window.col, window.width, origin.col, TILE[1])
    down = [_middle_of_tile(row, origin.row, TILE[0]) for row, _ in rows]
    across = [_middle_of_tile(col, origin.col, TILE[1]) for col, _ in cols]
    scales = shrink(sampling, *np.meshgrid(across, down))
    scales = np.where(scales.min(axis=-1, keepdims=True) >= _NOT_WIDER, 1.0, scales)
    if (scales == scales[0, 0]).all():
        return [(window, (float(scales[0, 0, 0]), float(scales[0, 0, 1])))]
    return [
        (Window(row, col, height, width), (float(scales[i, j, 0]), float(scales[i, j, 1])))
        for i, (row, height) in enumerate(rows)
        for j, (col, width) in enumerate(cols)
    ]


def _middle_of_tile(pixel: int, origin: int, size: int) -> float:
    return (pixel + origin) // size * size + size / 2 - origin


def _cuts(first: int, count: int, origin: int, size: int) -> list[tuple[int, int]]:
    """Return begin and length of the parts of an axis, each of which lies in one tile."""
    ends = [*range(((first + origin) // size + 1) * size - origin, first + count, size), first + count]
    begins = [first, *ends[:-1]]
    return [(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]
