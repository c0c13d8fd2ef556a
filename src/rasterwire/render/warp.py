"""All other resamplings, by GDAL's warper, made independent of how a render is cut.

GDAL approximates coordinates along the rows it is given and estimates kernel scales per call; both
are fixed here (``tolerance``, ``XSCALE``, ``YSCALE``), and it is given the same cells of the output's
lattice whatever part or block is wanted. It works on all bands of a file and on all source pixels under a cell,
so it is given one band, and cells that are small where the pixels are many.
"""

from collections.abc import Iterator

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.enums import Resampling as GdalResampling
from rasterio.vrt import WarpedVRT

from rasterwire.errors import SourceUnavailable
from rasterwire.files.raster_file import gdal_calls
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.render.positions import TILE, exact, place_of, shrink
from rasterwire.render.rounding import beside_nodata
from rasterwire.render.source import check_version, dataset, level_transform
from rasterwire.request import Resampling

_SOURCE_BUDGET = 16_000_000
"""Source pixels that GDAL works on at once, unless a single output pixel needs more."""

_Cell = tuple[int, int, int, int]
"""First row and column, counted from the anchor of the lattice, and how many of them."""

_gdal = {
    Resampling.BILINEAR: GdalResampling.bilinear,
    Resampling.CUBIC: GdalResampling.cubic,
    Resampling.CUBIC_SPLINE: GdalResampling.cubic_spline,
    Resampling.LANCZOS: GdalResampling.lanczos,
    Resampling.SUM: GdalResampling.sum,
}

_ANY_CRS = "EPSG:3857"
"""For a raster without a crs, which is only ever warped onto its own plane: the same on both sides."""


def warp(plan: BandPlan, grid: GeoBox, window: Window, resampling: Resampling) -> Pixels:
    """Return a window of a grid resampled from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    at = place_of(plan, grid)
    top, left = window.row + at.row, window.col + at.col
    bottom, right = top + window.height, left + window.width
    shape = window.height, window.width
    whole = Pixels(np.zeros(shape, plan.source.dtype), np.zeros(shape, bool))
    for cell, scale in _cells(plan, grid, (top, left, bottom, right)):
        made = _warped_or_nothing(plan, grid, cell, resampling, scale)
        row, col, rows, cols = cell
        from_row, to_row = max(row, top), min(row + rows, bottom)
        from_col, to_col = max(col, left), min(col + cols, right)
        there = np.s_[from_row - top : to_row - top, from_col - left : to_col - left]
        here = np.s_[from_row - row : to_row - row, from_col - col : to_col - col]
        whole.data[there], whole.valid[there] = made.data[here], made.valid[here]
    return whole


def _cells(plan: BandPlan, grid: GeoBox, box: tuple[int, int, int, int]) -> Iterator[tuple[_Cell, tuple[float, float]]]:
    """Yield the cells of a lattice that share pixels with a box, and output pixels per source pixel in each."""
    top, left, bottom, right = box
    at = place_of(plan, grid)
    for row in range(top // TILE[0] * TILE[0], bottom, TILE[0]):
        for col in range(left // TILE[1] * TILE[1], right, TILE[1]):
            middle = np.array([col + TILE[1] / 2 - at.col]), np.array([row + TILE[0] / 2 - at.row])
            across, down = shrink(plan, grid, *middle)[0].tolist()
            rows, cols = _cell(across * down)
            for y in range(max(row, top // rows * rows), min(row + TILE[0], bottom), rows):
                for x in range(max(col, left // cols * cols), min(col + TILE[1], right), cols):
                    # whole ones, beyond the edges of the grid too: what GDAL makes depends on where a cell ends
                    yield (y, x, rows, cols), (across, down)


def _cell(share: float) -> tuple[int, int]:
    """Return rows and columns of a cell, by output pixels per source pixel."""
    rows, cols = TILE
    while rows * cols > max(1.0, _SOURCE_BUDGET * share):
        rows, cols = (rows, cols // 2) if cols > rows else (rows // 2, cols)
    return rows, cols


def _warped_or_nothing(
    plan: BandPlan, grid: GeoBox, cell: _Cell, resampling: Resampling, scale: tuple[float, float]
) -> Pixels:
    try:
        return _warped(plan, grid, cell, resampling, scale)
    except SourceUnavailable:
        # GDAL fails where none of its pixels has a place in the source's crs, beyond a pole say
        at = place_of(plan, grid)
        row, col, rows, cols = cell
        place = exact(plan, grid, np.arange(cols) + col - at.col, np.arange(rows)[:, None] + row - at.row)
        if np.isfinite(place[0]).any():
            raise
        return Pixels(np.zeros((rows, cols), plan.source.dtype), np.zeros((rows, cols), bool))


def _warped(plan: BandPlan, grid: GeoBox, cell: _Cell, resampling: Resampling, scale: tuple[float, float]) -> Pixels:
    row, col, rows, cols = cell
    band = plan.stored
    flags = dataset(band, plan.overview).mask_flag_enums[band.index - 1]
    masked, nodata = band.masked, band.nodata
    mask: bool | int = False
    if masked:
        mask = not flags  # a mask of the band alone
    elif isinstance(nodata, int) and np.dtype(band.dtype).itemsize == 8:
        masked, mask = True, nodata
    alone = not masked or mask is not False
    source = dataset(band, plan.overview, alone, mask)
    affine, _, _ = level_transform(band, plan.overview)
    with gdal_calls(band.name):
        options = {
            "src_crs": band.grid.crs.to_wkt() if band.grid.crs else _ANY_CRS,
            "crs": grid.crs.to_wkt() if grid.crs else _ANY_CRS,
            "src_transform": affine,
            "transform": place_of(plan, grid).affine_at(col, row),
            "width": cols,
            "height": rows,
            "resampling": _gdal[resampling],
            "tolerance": 1e-9,
            "warp_mem_limit": 32,
            "XSCALE": str(scale[0]),
            "YSCALE": str(scale[1]),
        }
        if nodata is not None and not masked:
            options |= {"src_nodata": nodata, "nodata": nodata}
        else:
            options |= {"add_alpha": MaskFlags.alpha not in flags, "src_nodata": None}  # its mask alone counts
        with WarpedVRT(source, **options) as warped:
            data = warped.read(1 if alone else band.index)
            if nodata is None or masked:
                valid = np.asarray(warped.read(warped.count) > 0)
            else:
                valid = np.asarray(~np.isnan(data) if np.isnan(nodata) else data != data.dtype.type(nodata))
    check_version(band)  # it may have been opened after it was replaced
    # GDAL moves what equals nodata by the least step; readers take what is close for it too
    return Pixels(data, valid) if band.masked else beside_nodata(data, valid, nodata)
