"""Where the centres of output pixels lie in a source raster.

Exact positions come from PROJ, at 8 million a second. Between rasters of different coordinate
systems they are therefore computed at the nodes of a coarse lattice only, which is tied to the
lattice of the output and not to any part or block of it, and interpolated by cubics. The error is measured in the
middle of both sides of each cell, where that of a cubic is largest, and taken eightfold as the
cell's slack. Cells with too much of it, at a pole say or where the coordinate system ends, are
computed exactly in every pixel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.files.ground import to_pixels
from rasterwire.geo.crs import transformer
from rasterwire.geo.grid import pixels_around
from rasterwire.geo.lattice import Anchor, anchor, coordinates
from rasterwire.nodes.computed import Computed
from rasterwire.pixels import Window
from rasterwire.plan.types import BandPlan, Source
from rasterwire.render import kernels, rules
from rasterwire.render.source import level_transform
from rasterwire.request import Resampling

STEP = rules.STEP
_MOST_SLACK = 1e-4
_MOST_SLACK_OF_FLOATS = 3e-8
"""A mean of floats is not rounded to a few values, so that its last bits show where it was taken."""

_LEAST_SLACK = 1e-8
"""In source pixels: far above what is lost to the rounding of doubles and of PROJ."""

_SAFETY = 8.0

TILE = 128, 256
"""Rows and columns of a lattice over which a kernel keeps its width where both sides differ in crs."""

_NOT_WIDER = 0.95
"""From this many output pixels per source pixel on a kernel is as wide as it is; the threshold is GDAL's."""

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

    def part(self, rows: slice, cols: slice) -> "Lattice":
        """Return the positions of a part of the pixels, equal to the bit."""
        first = self.offset[0] + rows.start, self.offset[1] + cols.start
        down, across = (
            slice(at // STEP, -(-(at + n) // STEP))
            for at, n in zip(first, (rows.stop - rows.start, cols.stop - cols.start), strict=True)
        )
        of_nodes = slice(down.start, down.stop + 3), slice(across.start, across.stop + 3)
        # copies: compiled loops exist for arrays without gaps
        nodes_x, nodes_y, slack = (
            np.ascontiguousarray(a) for a in (self.nodes_x[of_nodes], self.nodes_y[of_nodes], self.slack[down, across])
        )
        return Lattice(nodes_x, nodes_y, slack, (first[0] % STEP, first[1] % STEP))

    def interpolated(self, shape: tuple[int, int]) -> "Positions":
        """Return the positions of all pixels, whose rows and columns are given."""
        x, y, near = np.empty(shape), np.empty(shape), np.empty(shape)
        kernels.interpolate(self.as_tuple(), x, y, near)
        return Positions(x, y, near)

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

    def part(self, rows: slice, cols: slice | npt.NDArray[np.bool_]) -> "Positions":
        """Return the positions of a part of the pixels."""
        return Positions(*(np.ascontiguousarray(a[rows, cols]) for a in (self.x, self.y, self.near)))

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
        x, y = (np.array(np.broadcast_to(places, shape), order="C") for places in exact(plan, grid, col, row))
        return Positions(x, y, np.zeros(x.shape))
    lattice = _lattice(plan, grid, window)
    turn = pixels_of_turn(plan)
    if not turn and np.isfinite(lattice.slack).all():
        return lattice
    place = lattice.interpolated((window.height, window.width))
    x, y, near = place.x, place.y, place.near
    if turn:
        kernels.wrap(x, near, level_transform(plan.source, plan.overview)[1], turn)
    far = np.nonzero(np.isinf(near))
    if far[0].size:
        x[far], y[far] = exact(plan, grid, far[1] + window.col, far[0] + window.row)
        near[far] = 0.0
    return place


def exact_positions(plan: BandPlan, grid: GeoBox, window: Window, which: tuple[Indices, ...]) -> Positions:
    """Return exact positions, shape (1, n), of pixels given by row and column in a window."""
    x, y = exact(plan, grid, which[1] + window.col, which[0] + window.row)
    return Positions(x[None], y[None], np.zeros((1, len(x))))


def _lattice(plan: BandPlan, grid: GeoBox, window: Window) -> Lattice:
    at = anchor(grid.affine, rounds=makes_floats(plan))
    offset = (window.row + at.row) % STEP, (window.col + at.col) % STEP
    cells = -(-(offset[0] + window.height) // STEP), -(-(offset[1] + window.width) // STEP)
    first = window.row - offset[0], window.col - offset[1]
    nodes_x, nodes_y = _nodes(plan, grid, first, cells)
    slack = _slack(plan, grid, first, nodes_x, nodes_y)
    most = _MOST_SLACK_OF_FLOATS if np.dtype(plan.source.dtype).kind == "f" else _MOST_SLACK
    with np.errstate(invalid="ignore"):
        return Lattice(nodes_x, nodes_y, np.where(slack < most, slack, np.inf), offset)


def makes_floats(plan: BandPlan) -> bool:
    """Tell whether values are made that show the last digits of where they were taken.

    Whole numbers are rounded, and other resamplings pick values.
    """
    return plan.resampling in _making and np.dtype(plan.source.dtype).kind == "f"


_making = {
    Resampling.BILINEAR,
    Resampling.CUBIC,
    Resampling.CUBIC_SPLINE,
    Resampling.LANCZOS,
    Resampling.AVERAGE,
    Resampling.RMS,
    Resampling.SUM,
}


def place_of(plan: BandPlan, grid: GeoBox) -> Anchor:
    """Return where a grid lies on its lattice, which all parts of it share; see ``lattice``."""
    source = plan.source.grid
    origin = (source.affine.c, source.affine.f) if grid.crs == source.crs else None
    return anchor(grid.affine, origin, rounds=makes_floats(plan))


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
    at = place_of(plan, grid)
    direct = at.onto(level_transform(plan.source, plan.overview)[0])
    col, row = col + at.col, row + at.row
    x: Floats = direct.a * col + direct.c + (direct.b * row if direct.b else 0.0)
    y: Floats = direct.e * row + direct.f + (direct.d * col if direct.d else 0.0)
    return x, y


def _through(plan: BandPlan, grid: GeoBox, col: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Return positions by PROJ of places in a grid of another crs; what has none is infinite or NaN."""
    affine, _, _ = level_transform(plan.source, plan.overview)
    on_x, on_y = np.broadcast_arrays(*coordinates(grid, col, row, rounds=makes_floats(plan)))
    there_x, there_y = _on_source(plan.source, grid.crs, on_x, on_y)
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


def shrink(plan: BandPlan, grid: GeoBox, col: Floats, row: Floats) -> Floats:
    """Return output pixels per source pixel along x and y, at most 1, around places of a grid.

    A kernel widens by it. Within a crs it is the same everywhere; else it is taken where a tile of the
    lattice has its middle, so that it depends on no part or block.

    Args:
        plan: of a band.
        grid: of the output.
        col: of the places, in pixels.
        row: of the places, of the same shape.

    Returns:
        Shape of the places and 2; 1 where a place is nowhere in the source.
    """
    if grid.crs == plan.source.grid.crs:
        direct = place_of(plan, grid).onto(level_transform(plan.source, plan.overview)[0])
        spans = np.hypot([direct.a, direct.d], [direct.b, direct.e])
        return np.broadcast_to(1 / np.maximum(spans, 1.0), (*col.shape, 2))
    x, y = _through(plan, grid, np.stack([col, col + 1, col]), np.stack([row, row, row + 1]))
    turn = pixels_of_turn(plan)
    with np.errstate(invalid="ignore"):
        along_x, along_y = x[1:] - x[0], y[1:] - y[0]
        if turn:
            along_x -= turn * np.round(along_x / turn)
        spans = np.stack([np.hypot(*along_x), np.hypot(*along_y)], axis=-1)
        found: Floats = np.where(np.isfinite(spans).all(axis=-1, keepdims=True), 1 / np.maximum(spans, 1.0), 1.0)
    return found


Tile = tuple[Window, tuple[float, float]]
"""A part of a window, and output pixels per source pixel in it."""


def tiles_of(plan: BandPlan, grid: GeoBox, window: Window) -> list[Tile]:
    """Return the parts of a window by the tiles of the lattice it lies in, one for all where they need none.

    From ``_NOT_WIDER`` on, output pixels per source pixel are 1.
    """
    at = place_of(plan, grid)
    if grid.crs == plan.source.grid.crs:
        rows, cols = [(window.row, window.height)], [(window.col, window.width)]
    else:
        rows = _cuts(window.row, window.height, at.row, TILE[0])
        cols = _cuts(window.col, window.width, at.col, TILE[1])
    down = [_middle_of_tile(row, at.row, TILE[0]) for row, _ in rows]
    across = [_middle_of_tile(col, at.col, TILE[1]) for col, _ in cols]
    scales = shrink(plan, grid, *np.meshgrid(across, down))
    scales = np.where(scales.min(axis=-1, keepdims=True) >= _NOT_WIDER, 1.0, scales)
    if (scales == scales[0, 0]).all():
        return [(window, (float(scales[0, 0, 0]), float(scales[0, 0, 1])))]
    return [
        (Window(row, col, height, width), (float(scales[i, j, 0]), float(scales[i, j, 1])))
        for i, (row, height) in enumerate(rows)
        for j, (col, width) in enumerate(cols)
    ]


def _middle_of_tile(pixel: int, at: int, size: int) -> float:
    return (pixel + at) // size * size + size / 2 - at


def _cuts(first: int, count: int, at: int, size: int) -> list[tuple[int, int]]:
    """Return begin and length of the parts of an axis that lie in a tile each."""
    ends = [*range(((first + at) // size + 1) * size - at, first + count, size), first + count]
    begins = [first, *ends[:-1]]
    return [(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]
