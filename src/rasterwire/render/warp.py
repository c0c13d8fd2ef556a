"""All other resamplings, by GDAL's warper, made independent of how a render is cut.

GDAL approximates coordinates along the rows it is given and estimates kernel scales per call; both
are fixed here (``tolerance``, ``XSCALE``, ``YSCALE``), which gives equal pixels for any blocks.
"""

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.enums import Resampling as GdalResampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterWindow

from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import BandPlan
from rasterwire.raster_file import gdal_calls
from rasterwire.render.nearest import nearest
from rasterwire.render.positions import shrink
from rasterwire.render.source import dataset, level_transform
from rasterwire.request import Resampling

_gdal = {
    Resampling.BILINEAR: GdalResampling.bilinear,
    Resampling.CUBIC: GdalResampling.cubic,
    Resampling.CUBIC_SPLINE: GdalResampling.cubic_spline,
    Resampling.LANCZOS: GdalResampling.lanczos,
    Resampling.AVERAGE: GdalResampling.average,
    Resampling.MODE: GdalResampling.mode,
    Resampling.MIN: GdalResampling.min,
    Resampling.MAX: GdalResampling.max,
    Resampling.MEDIAN: GdalResampling.med,
    Resampling.Q1: GdalResampling.q1,
    Resampling.Q3: GdalResampling.q3,
    Resampling.SUM: GdalResampling.sum,
    Resampling.RMS: GdalResampling.rms,
}

_by_centre = {Resampling.BILINEAR, Resampling.CUBIC, Resampling.CUBIC_SPLINE, Resampling.LANCZOS}

_ANY_CRS = "EPSG:3857"
"""For a raster without a crs, which is only ever warped onto its own plane: the same on both sides."""


def warp(plan: BandPlan, grid: GeoBox, window: Window, resampling: Resampling) -> Pixels:
    """Return a window of a grid resampled from a band.

    Raises:
        SourceUnavailable: the file cannot be read.
    """
    band = plan.source
    source = dataset(band, plan.overview)
    affine, _, _ = level_transform(band, plan.overview)
    xscale, yscale = shrink(plan, grid)
    height, width = (int(n) for n in grid.shape)
    nodata = band.nodata
    all_valid = MaskFlags.all_valid in source.mask_flag_enums[band.index - 1]
    masked = not all_valid and MaskFlags.nodata not in source.mask_flag_enums[band.index - 1]
    with gdal_calls(band.name):
        options = {
            "src_crs": band.grid.crs.to_wkt() if band.grid.crs else _ANY_CRS,
            "crs": grid.crs.to_wkt() if grid.crs else _ANY_CRS,
            "src_transform": affine,
            "transform": grid.affine,
            "width": width,
            "height": height,
            "resampling": _gdal[resampling],
            "tolerance": 1e-9,
            "warp_mem_limit": 32,
            "XSCALE": str(xscale),
            "YSCALE": str(yscale),
            "UNIFIED_SRC_NODATA": "NO",  # else what is invalid in one band depends on the others of its file
        }
        if nodata is not None and not masked:
            options |= {"src_nodata": nodata, "nodata": nodata}
        else:
            options |= {"add_alpha": MaskFlags.alpha not in source.mask_flag_enums[band.index - 1]}
        with WarpedVRT(source, **options) as warped:
            area = RasterWindow(window.col, window.row, window.width, window.height)
            data = warped.read(band.index, window=area)
            if nodata is None or masked:
                return Pixels(data, np.asarray(warped.read(warped.count, window=area) > 0))
    valid = ~np.isnan(data) if np.isnan(nodata) else np.asarray(data != data.dtype.type(nodata))
    if source.count > 1 and resampling in _by_centre:
        # as GDAL has it for a file of one band: a mean around an invalid pixel is invalid
        valid &= nearest(plan, grid, window).valid
    return Pixels(data, valid)
