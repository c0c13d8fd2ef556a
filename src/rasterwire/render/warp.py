"""Sums, by GDAL's warper, with results that do not depend on blocks.

GDAL approximates coordinates along the rows of a call, and estimates kernel scales for each call. Both
are fixed here by ``tolerance``, ``XSCALE`` and ``YSCALE``, and each call is for the same cell of the output's
lattice, whatever part or block is rendered. GDAL works on all bands of a file and on all source pixels under a
cell. So each call gets one band, and a cell that is small where it covers many source pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.enums import Resampling as GdalResampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from rasterwire.errors import SourceUnavailable
from rasterwire.files.gdal_calls import gdal_calls
from rasterwire.image import Band
from rasterwire.pixels import Pixels, Window
from rasterwire.render.positions import TILE, exact, shrink
from rasterwire.render.rounding import beside_nodata
from rasterwire.render.sampling import Rectangle, Sampling
from rasterwire.render.source import call_for, check_version, dataset, gdal_reads, pixel_bytes
from rasterwire.render.warp_source import rectangle_in_memory

_SOURCE_BUDGET = 16_000_000
"""Source pixels for one call of GDAL, unless a single output pixel needs more."""

_Cell = tuple[int, int, int, int]
"""First row and column, counted from the anchor of the lattice, and number of rows and columns."""

_ANY_CRS = "EPSG:3857"
"""For a raster without a crs, on both sides: such a raster is only warped onto its own plane."""


def warp(sampling: Sampling, window: Window) -> Pixels:
    """Return a window of a grid of sums of a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    origin = sampling.anchor
    left, top = window.col + origin.col, window.row + origin.row
    right, bottom = left + window.width, top + window.height
    whole = sampling.invalid((window.height, window.width))
    for cell, scale in _cells(sampling, (left, top, right, bottom)):
        part = _warped_or_invalid(sampling, cell, scale)
        row, col, rows, cols = cell
        from_row, to_row = max(row, top), min(row + rows, bottom)
        from_col, to_col = max(col, left), min(col + cols, right)
        in_whole = np.s_[from_row - top : to_row - top, from_col - left : to_col - left]
        in_part = np.s_[from_row - row : to_row - row, from_col - col : to_col - col]
        whole.data[in_whole], whole.valid[in_whole] = part.data[in_part], part.valid[in_part]
    return whole


def _cells(sampling: Sampling, rectangle: Rectangle) -> Iterator[tuple[_Cell, tuple[float, float]]]:
    """Yield the cells of a lattice that share pixels with a rectangle, and output pixels per source pixel in each."""
    left, top, right, bottom = rectangle
    origin = sampling.anchor
    for row in range(top // TILE[0] * TILE[0], bottom, TILE[0]):
        for col in range(left // TILE[1] * TILE[1], right, TILE[1]):
            middle = np.array([col + TILE[1] / 2 - origin.col]), np.array([row + TILE[0] / 2 - origin.row])
            across, down = shrink(sampling, *middle)[0].tolist()
            rows, cols = _cell_shape(across * down)
            for y in range(max(row, top // rows * rows), min(row + TILE[0], bottom), rows):
                for x in range(max(col, left // cols * cols), min(col + TILE[1], right), cols):
                    # whole cells, beyond the edges of the grid too, since GDAL's result depends on the end of a cell
                    yield (y, x, rows, cols), (across, down)


def _cell_shape(share: float) -> tuple[int, int]:
    """Return rows and columns of a cell, by output pixels per source pixel."""
    rows, cols = TILE
    while rows * cols > max(1.0, _SOURCE_BUDGET * share):
        rows, cols = (rows, cols // 2) if cols > rows else (rows // 2, cols)
    return rows, cols


def _warped_or_invalid(sampling: Sampling, cell: _Cell, scale: tuple[float, float]) -> Pixels:
    band = sampling.source.stored
    assert band is not None
    try:
        return call_for(band, _warped, sampling, cell, scale, most=pixel_bytes(band, cell[2] * cell[3]))
    except SourceUnavailable:
        # GDAL fails where no pixel of the cell has a position in the source's crs, such as beyond a pole
        origin = sampling.anchor
        row, col, rows, cols = cell
        x, _ = exact(sampling, np.arange(cols) + col - origin.col, np.arange(rows)[:, None] + row - origin.row)
        if np.isfinite(x).any():
            raise
        return sampling.invalid((rows, cols))


def _warped(band: Band, sampling: Sampling, cell: _Cell, scale: tuple[float, float]) -> Pixels:
    if band.format:
        with gdal_calls(band.name), rectangle_in_memory(sampling, cell, scale) as (raster, masked):
            pixels = _Raster(raster, masked).warped(sampling, cell, scale)
        check_version(band)
        return pixels
    flags = dataset(band, sampling.overview).mask_flag_enums[band.index - 1]
    masked, nodata = band.masked, band.nodata
    mask: bool | int = False
    if masked:
        mask = not flags  # a mask of the band alone
    elif isinstance(nodata, int) and np.dtype(band.dtype).itemsize == 8:
        masked, mask = True, nodata
    alone = not masked or mask is not False
    source = dataset(band, sampling.overview, alone, mask)
    with gdal_reads(band, source):
        raster = _Raster(source, masked, 1 if alone else band.index, has_alpha=MaskFlags.alpha in flags)
        pixels = raster.warped(sampling, cell, scale)
    check_version(band)  # it may have been opened after it was replaced
    return pixels


@dataclass(frozen=True, slots=True)
class _Raster:
    """A band of a raster that GDAL has open.

    Attributes:
        dataset: that has the band.
        masked: whether a mask decides which pixels are valid, and not nodata.
        index: of the band, from 1.
        has_alpha: whether another band is its mask.
    """

    dataset: DatasetReader
    masked: bool
    index: int = 1
    has_alpha: bool = False

    def warped(self, sampling: Sampling, cell: _Cell, scale: tuple[float, float]) -> Pixels:
        """Return a cell, warped; called inside ``gdal_calls``.

        Args:
            sampling: of the band.
            cell: to return.
            scale: output pixels per source pixel.
        """
        nodata = sampling.source.nodata
        options = _options(sampling, cell, scale)
        if nodata is not None and not self.masked:
            options |= {"src_nodata": nodata, "nodata": nodata}
        else:
            options |= {"add_alpha": not self.has_alpha, "src_nodata": None}  # its mask alone counts
        with WarpedVRT(self.dataset, **options) as vrt:
            data = vrt.read(self.index)
            if nodata is None or self.masked:
                valid = np.asarray(vrt.read(vrt.count) > 0)
            else:
                valid = np.asarray(~np.isnan(data) if np.isnan(nodata) else data != data.dtype.type(nodata))
        # GDAL changes a value that equals nodata by the least step, but readers take close values for nodata too
        is_masked = sampling.source.stored is not None and sampling.source.stored.masked
        return Pixels(data, valid) if is_masked else beside_nodata(data, valid, nodata)


def _options(sampling: Sampling, cell: _Cell, scale: tuple[float, float]) -> dict[str, Any]:
    """Return what GDAL has to know of a cell, but for its nodata."""
    row, col, rows, cols = cell
    grid, band = sampling.grid, sampling.source
    return {
        "src_crs": band.grid.crs.to_wkt() if band.grid.crs else _ANY_CRS,
        "crs": grid.crs.to_wkt() if grid.crs else _ANY_CRS,
        "src_transform": sampling.affine,
        "transform": sampling.anchor.affine_at(col, row),
        "width": cols,
        "height": rows,
        "resampling": GdalResampling.sum,
        "tolerance": 1e-9,
        "warp_mem_limit": 32,
        "XSCALE": str(scale[0]),
        "YSCALE": str(scale[1]),
    }
