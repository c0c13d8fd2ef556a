"""All other resamplings, by GDAL's warper, made independent of how a render is cut.

GDAL approximates coordinates along the rows it is given and estimates kernel scales per call; both
are fixed here (``tolerance``, ``XSCALE``, ``YSCALE``), and it is given the same cells of the output
grid whatever block is wanted. It works on all bands of a file and on all source pixels under a cell,
so it is given one band, and cells that are small where the pixels are many.
"""

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.enums import Resampling as GdalResampling
from rasterio.vrt import WarpedVRT

from rasterwire.errors import SourceUnavailable
from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.raster_file import gdal_calls
from rasterwire.render.positions import exact, shrink
from rasterwire.render.rounding import beside_nodata
from rasterwire.render.source import check_version, dataset, level_transform
from rasterwire.request import Resampling

_SOURCE_BUDGET = 16_000_000
"""Source pixels that GDAL works on at once, unless a single output pixel needs more."""

_CELL = 128, 1024
"""Rows and columns of the output that GDAL is given at once, at most."""

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
    scale = shrink(plan, grid)
    rows, cols = _cell(scale)
    height, width = (int(n) for n in grid.shape)
    shape = window.height, window.width
    whole = Pixels(np.zeros(shape, plan.source.dtype), np.zeros(shape, bool))
    for row in range(window.row // rows * rows, window.row + window.height, rows):
        for col in range(window.col // cols * cols, window.col + window.width, cols):
            cell = Window(row, col, min(rows, height - row), min(cols, width - col))
            made = _warped_or_nothing(plan, grid, cell, resampling, scale)
            from_row, to_row = max(row, window.row), min(row + cell.height, window.row + window.height)
            from_col, to_col = max(col, window.col), min(col + cell.width, window.col + window.width)
            there = np.s_[from_row - window.row : to_row - window.row, from_col - window.col : to_col - window.col]
            here = np.s_[from_row - row : to_row - row, from_col - col : to_col - col]
            whole.data[there], whole.valid[there] = made.data[here], made.valid[here]
    return whole


def _cell(scale: tuple[float, float]) -> tuple[int, int]:
    """Return rows and columns of a cell, by output pixels per source pixel along x and y."""
    rows, cols = _CELL
    while rows * cols > max(1.0, _SOURCE_BUDGET * scale[0] * scale[1]):
        rows, cols = (rows, cols // 2) if cols > rows else (rows // 2, cols)
    return rows, cols


def _warped_or_nothing(
    plan: BandPlan, grid: GeoBox, cell: Window, resampling: Resampling, scale: tuple[float, float]
) -> Pixels:
    try:
        return _warped(plan, grid, cell, resampling, scale)
    except SourceUnavailable:
        # GDAL fails where none of its pixels has a place in the source's crs, beyond a pole say
        col, row = np.arange(cell.col, cell.col + cell.width), np.arange(cell.row, cell.row + cell.height)[:, None]
        if np.isfinite(exact(plan, grid, col, row)[0]).any():
            raise
        shape = cell.height, cell.width
        return Pixels(np.zeros(shape, plan.source.dtype), np.zeros(shape, bool))


def _warped(plan: BandPlan, grid: GeoBox, window: Window, resampling: Resampling, scale: tuple[float, float]) -> Pixels:
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
            "transform": grid.affine @ Affine.translation(window.col, window.row),
            "width": window.width,
            "height": window.height,
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
