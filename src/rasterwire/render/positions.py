"""Where the centres of output pixels lie in a source raster.

Exact positions come from PROJ, at 8 million a second. Between rasters of different coordinate
systems they are therefore computed at the nodes of a coarse lattice only, which is tied to the
output grid and not to any block of it, and interpolated by cubics. The error is measured in the
middle of both sides of each cell, where that of a cubic is largest, and taken eightfold as the
cell's slack. Cells with too much of it, at a pole say or where the coordinate system ends, are
computed exactly in every pixel.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.crs import transformer
from rasterwire.expression.product import Computed
from rasterwire.grid import pixels_around
from rasterwire.ground import to_pixels
from rasterwire.pixels import Window
from rasterwire.plan.types import BandPlan, Source
from rasterwire.render import kernels
from rasterwire.render.source import level_transform

STEP = kernels.STEP
_MOST_SLACK = 1e-4
_MOST_SLACK_OF_FLOATS = 3e-8
"""A mean of floats is not rounded to a few values, so that its last bits show where it was taken."""

_LEAST_SLACK = 1e-8
"""In source pixels: far above what is lost to the rounding of doubles and of PROJ."""

_SAFETY = 8.0

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
        """Return what the compiled loops take."""
        return self.nodes_x, self.nodes_y, self.slack, self.offset

    def reach(self) -> tuple[float, float, float, float]:
        """Return the least x and y, and the greatest x and y, between which all positions lie."""
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
        x, y: in source pixels, shape (rows, columns); NaN or infinite where there is none.
        near: how far at most the exact position is away.
    """

    x: Floats
    y: Floats
    near: Floats

    def reach(self, width: int, height: int) -> tuple[float, float, float, float] | None:
        """Return the least x and y, and the greatest x and y, of those in a raster; None for none."""
        left, top, right, bottom = kernels.reach(self.x, self.y, width, height)
        return None if left > right else (left, top, right, bottom)


def positions(plan: BandPlan, grid: GeoBox, window: Window) -> Lattice | Positions:
    """Return the positions of a window of a grid in the level that a plan reads."""
    if grid.crs == plan.source.grid.crs:
        col = np.arange(window.col, window.col + window.width)
        row = np.arange(window.row, window.row + window.height)[:, None]
        shape = window.height, window.width
        x, y = (np.array(np.broadcast_to(places, shape)) for places in exact(plan, grid, col, row))
        return Positions(x, y, np.zeros(x.shape))
    lattice = _lattice(plan, grid, window)
    turn = pixels_of_turn(plan)
    if not turn and np.isfinite(lattice.slack).all():
        return lattice
    shape = window.height, window.width
    x, y, near = np.empty(shape), np.empty(shape), np.empty(shape)
    kernels.interpolate(lattice.as_tuple(), x, y, near)
    if turn:
        kernels.wrap(x, near, level_transform(plan.source, plan.overview)[1], turn)
    far = np.nonzero(np.isinf(near))
    if far[0].size:
        x[far], y[far] = exact(plan, grid, far[1] + window.col, far[0] + window.row)
        near[far] = 0.0
    return Positions(x, y, near)


def exact_positions(plan: BandPlan, grid: GeoBox, window: Window, which: tuple[Indices, ...]) -> Positions:
    """Return exact positions, shape (1, n), of pixels given by row and column in a window."""
    x, y = exact(plan, grid, which[1] + window.col, which[0] + window.row)
    return Positions(x[None], y[None], np.zeros((1, len(x))))


def _lattice(plan: BandPlan, grid: GeoBox, window: Window) -> Lattice:
    offset = window.row % STEP, window.col % STEP
    cells = -(-(offset[0] + window.height) // STEP), -(-(offset[1] + window.width) // STEP)
    first = window.row - offset[0], window.col - offset[1]
    nodes_x, nodes_y = _nodes(plan, grid, first, cells)
    slack = _slack(plan, grid, first, nodes_x, nodes_y)
    most = _MOST_SLACK_OF_FLOATS if np.dtype(plan.source.dtype).kind == "f" else _MOST_SLACK
    with np.errstate(invalid="ignore"):
        return Lattice(nodes_x, nodes_y, np.where(slack < most, slack, np.inf), offset)


def exact(
    plan: BandPlan, grid: GeoBox, col: npt.NDArray[np.int64], row: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return exact positions of output pixels given by column and row, which may broadcast.

    Where both lattices lie in one plane and are parallel, x has the shape of the columns, y that of
    the rows.
    """
    x, y = places(plan, grid, col.astype(np.float64) + 0.5, row.astype(np.float64) + 0.5)
    _, width, _ = level_transform(plan.source, plan.overview)
    turn = pixels_of_turn(plan)
    if turn:
        with np.errstate(invalid="ignore"):
            x = np.where((x < 0) | (x >= width), x - turn * np.floor(x / turn), x)
    return x, y


def places(plan: BandPlan, grid: GeoBox, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Return where places of the output lie in the source; see ``exact``. Longitudes are not wrapped."""
    if grid.crs != plan.source.grid.crs:
        return _through(plan, grid, col, row)
    affine, _, _ = level_transform(plan.source, plan.overview)
    direct: Affine = ~affine @ grid.affine
    x: Floats = direct.a * col + direct.c + (direct.b * row if direct.b else 0.0)
    y: Floats = direct.e * row + direct.f + (direct.d * col if direct.d else 0.0)
    return x, y


def _through(plan: BandPlan, grid: GeoBox, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Return positions by PROJ of places in the output grid; what has none is infinite or NaN."""
    affine, _, _ = level_transform(plan.source, plan.overview)
    on_x = grid.affine.a * col + grid.affine.b * row + grid.affine.c
    on_y = grid.affine.d * col + grid.affine.e * row + grid.affine.f
    there_x, there_y = np.broadcast_arrays(on_x, on_y)
    if grid.crs != plan.source.grid.crs:
        there_x, there_y = _on_source(plan.source, grid.crs, there_x, there_y)
    back = ~affine
    with np.errstate(invalid="ignore"):
        return back.a * there_x + back.b * there_y + back.c, back.d * there_x + back.e * there_y + back.f


def _on_source(source: Source, crs: CRS | None, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return places of a crs in that of a source, or in its pixels where no transform ties them to the ground."""
    ground = None if isinstance(source, Computed) else source.ground
    if isinstance(source, Computed) or ground is None:
        return transformer(crs, source.grid.crs).transform(x, y)
    if crs != ground.crs:
        x, y = transformer(crs, ground.crs).transform(x, y)
    return to_pixels(source.metadata.file, ground, np.asarray(x), np.asarray(y))


def _nodes(plan: BandPlan, grid: GeoBox, first: tuple[int, int], cells: tuple[int, int]) -> tuple[Floats, Floats]:
    col = first[1] + STEP * np.arange(-1.0, cells[1] + 2)
    row = first[0] + STEP * np.arange(-1.0, cells[0] + 2)[:, None]
    return _through(plan, grid, col, row)


def _slack(plan: BandPlan, grid: GeoBox, first: tuple[int, int], nodes_x: Floats, nodes_y: Floats) -> Floats:
    """Return the slack of each cell, infinite or NaN where it cannot be told."""
    down, across = nodes_x.shape[0] - 3, nodes_x.shape[1] - 3
    col, row = first[1] + STEP * np.arange(float(across)), first[0] + STEP * np.arange(float(down))[:, None]
    error = np.zeros((down, across))
    with np.errstate(invalid="ignore"):
        for axis, (half_col, half_row) in enumerate([(0.0, STEP / 2), (STEP / 2, 0.0)]):
            true_x, true_y = _through(plan, grid, col + half_col, row + half_row)
            error += np.hypot(_middle(nodes_x, axis) - true_x, _middle(nodes_y, axis) - true_y)
        slack: Floats = _SAFETY * error + _LEAST_SLACK
    nowhere = ~(np.isfinite(nodes_x) & np.isfinite(nodes_y))
    if nowhere.any():  # a cubic takes 4 x 4 nodes, of which the sides above have but 7
        around = np.lib.stride_tricks.sliding_window_view(nowhere, (4, 4)).any(axis=(2, 3))
        slack[around] = np.inf
    return slack


def _middle(nodes: Floats, axis: int) -> Floats:
    """Return the cubics halfway along the first side of each cell; weights of Lagrange at 1/2."""
    lines = nodes[:, 1:-2] if axis == 0 else nodes[1:-2].T
    middle: Floats = (9 * (lines[1:-2] + lines[2:-1]) - lines[:-3] - lines[3:]) / 16
    return middle if axis == 0 else middle.T


def pixels_of_turn(plan: BandPlan) -> float:
    """Return how many columns of the source go once around the earth, 0 where they do not lie along it."""
    affine, _, _ = level_transform(plan.source, plan.overview)
    return pixels_around(affine, plan.source.grid.crs)


def shrink(plan: BandPlan, grid: GeoBox) -> tuple[float, float]:
    """Return output pixels per source pixel along x and y at the middle of a grid, at most 1.

    One number for the whole raster, so that a kernel that widens with it is the same in every block.
    """
    height, width = grid.shape
    col, row = np.array([0.0, 1.0, 0.0]) + width / 2, np.array([0.0, 0.0, 1.0]) + height / 2
    cols, rows = _through(plan, grid, col, row)
    with np.errstate(invalid="ignore"):
        across = math.hypot(cols[1] - cols[0], cols[2] - cols[0])
        down = math.hypot(rows[1] - rows[0], rows[2] - rows[0])
    if not (math.isfinite(across) and math.isfinite(down)):
        return 1.0, 1.0
    return min(1.0, 1 / max(across, 1e-9)), min(1.0, 1 / max(down, 1e-9))
