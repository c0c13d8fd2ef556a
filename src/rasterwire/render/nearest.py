"""Nearest neighbour by exact positions: the source pixel that holds each output pixel's centre.

The result is equal to ``gdalwarp -et 0 -r near`` in any block: positions that lie closer to the side of a
pixel than their slack are computed exactly.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.pixels import NodataPixels, Pixels, Window
from rasterwire.render import kernels, rules
from rasterwire.render.positions import Lattice, exact, exact_positions, positions
from rasterwire.render.sampling import Sampling
from rasterwire.render.splitting import in_parts

_SOURCE_BUDGET = 16_000_000
"""Source pixels to read at once. A block that needs more is split, which changes no pixel."""

Indices = npt.NDArray[np.int32]


def nearest(sampling: Sampling, window: Window) -> Pixels:
    """Return a window of a grid sampled from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    pixels = _sampled_by_axis(sampling, window)
    return pixels if pixels is not None else in_parts(window, lambda part: _sampled(sampling, part))


def _sampled(sampling: Sampling, window: Window) -> Pixels | None:
    """Return a window, None where it is too large."""
    pixels = _sampled_by_axis(sampling, window)
    if pixels is not None:
        return pixels
    cols, rows = _source_pixels(sampling, window)
    left, top, right, bottom = kernels.span(cols, rows)
    shape = window.height, window.width
    if left >= right:
        return sampling.invalid(shape)
    if (right - left) * (bottom - top) > _SOURCE_BUDGET and window.height * window.width > 1:
        return None
    source = sampling.read((left, top, right, bottom))
    data, valid = np.empty(shape, sampling.source.dtype), np.empty(shape, np.uint8)
    bits = np.dtype(f"u{data.dtype.itemsize}")  # one compiled loop for each size is enough
    kernels.gather(source.data.view(bits), cols, rows, left, top, data.view(bits))
    if source.valid.all():
        return Pixels(data, cols != rules.OUTSIDE)
    kernels.gather(source.valid.view(np.uint8), cols, rows, left, top, valid)
    return Pixels(data, valid.view(bool))


def _columns_and_rows(window: Window) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    col = np.arange(window.col, window.col + window.width)
    return col, np.arange(window.row, window.row + window.height)[:, None]


def _sampled_by_axis(sampling: Sampling, window: Window) -> Pixels | None:
    """Return a window sampled by columns and rows; None where lattices are not parallel, or the window is too large."""
    if not sampling.shares_crs:
        return None
    col, row = _columns_and_rows(window)
    corner = exact(sampling, col[:1], row[:2])  # the shapes of a few positions show whether lattices are parallel
    if corner[0].size != 1 or exact(sampling, col[:2], row[:1])[1].size != 1:
        return None
    x, y = exact(sampling, col, row)
    cols, rows = _along(x.ravel(), sampling.width), _along(y.ravel(), sampling.height)
    shape = rows.size, cols.size
    on_cols, on_rows = cols >= 0, rows >= 0
    if not on_cols.any() or not on_rows.any():
        return sampling.invalid(shape)
    left, right = int(cols[on_cols].min()), int(cols[on_cols].max()) + 1
    top, bottom = int(rows[on_rows].min()), int(rows[on_rows].max()) + 1
    if (right - left) * (bottom - top) > _SOURCE_BUDGET and rows.size * cols.size > 1:
        return None
    source = sampling.read((left, top, right, bottom))
    across, down = np.maximum(cols - left, 0), np.maximum(rows - top, 0)
    data = _take(source.data, down, across)
    is_inside = bool(on_cols.all() and on_rows.all())
    if is_inside and isinstance(source, NodataPixels):
        return NodataPixels(data, source.nodata)
    valid = np.ones(shape, bool) if source.valid.all() else _take(source.valid, down, across)
    if not is_inside:
        is_covered = on_rows[:, None] & on_cols
        data, valid = np.where(is_covered, data, data.dtype.type(0)), valid & is_covered
    return Pixels(data, valid)


def _along(positions_on_axis: npt.NDArray[np.float64], size: int) -> Indices:
    """Return the pixels of an axis that positions lie in, OUTSIDE for none, by the rule for both axes."""
    shape = 1, positions_on_axis.size
    cols, rows = np.empty(shape, np.int32), np.empty(shape, np.int32)
    kernels.pixels_at(positions_on_axis[None], np.full(shape, 0.5), np.zeros(shape), size, 1, cols, rows)
    indices: Indices = cols[0]
    return indices


def _take(source: npt.NDArray[Any], rows: Indices, cols: Indices) -> npt.NDArray[Any]:
    """Return rows and columns of an array, taking along the axis first that makes it smaller."""
    if rows.size * source.shape[1] <= source.shape[0] * cols.size:
        return source.take(rows, axis=0).take(cols, axis=1)
    return source.take(cols, axis=1).take(rows, axis=0)


def _source_pixels(sampling: Sampling, window: Window) -> tuple[Indices, Indices]:
    """Return source columns and rows, both OUTSIDE where there is none."""
    centres = positions(sampling, window)
    shape, size = (window.height, window.width), (sampling.width, sampling.height)
    cols, rows = np.empty(shape, np.int32), np.empty(shape, np.int32)
    if isinstance(centres, Lattice):
        doubtful = kernels.pixels_on_lattice(centres.as_tuple(), *size, cols, rows)
    else:
        doubtful = kernels.pixels_at(centres.x, centres.y, centres.slack, *size, cols, rows)
    if doubtful:
        index = np.nonzero(cols == rules.DOUBTFUL)
        certain = exact_positions(sampling, window, index)
        certain_cols, certain_rows = np.empty(certain.x.shape, np.int32), np.empty(certain.x.shape, np.int32)
        kernels.pixels_at(certain.x, certain.y, certain.slack, *size, certain_cols, certain_rows)
        cols[index], rows[index] = certain_cols[0], certain_rows[0]
    return cols, rows
