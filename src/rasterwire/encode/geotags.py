"""The tags that place a GeoTIFF on earth and describe its bands, as GDAL writes them.

GDAL writes a tiny file with the same crs, transform, nodata and descriptions, and its tags are
taken over: so their form is the one every reader knows.
"""

from typing import Any

import numpy as np
import rasterio
import tifffile
from rasterio.io import MemoryFile

from rasterwire.plan.types import RasterPlan

_GDAL_NODATA = 42113

_TAGS = {
    33550: "ModelPixelScale",
    33922: "ModelTiepoint",
    34264: "ModelTransformation",
    34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams",
    34737: "GeoAsciiParams",
    42112: "GDAL_METADATA",
    _GDAL_NODATA: "GDAL_NODATA",
}

Tag = tuple[int, int, int, Any, bool]
"""Code, TIFF data type, count, value, whether only once in a file."""


def geo_tags(raster: RasterPlan) -> list[Tag]:
    """Return the tags of a raster; its bands share one nodata value.

    Source: OGC 19-008r4 (GeoTIFF 1.1); GDAL's GTiff driver for 42112 and 42113.
    """
    profile = {
        "driver": "GTiff",
        "width": 1,
        "height": 1,
        "count": len(raster.bands),
        "dtype": raster.bands[0].dtype,
        "nodata": raster.bands[0].nodata,
        "transform": raster.grid.affine,
    }
    if raster.grid.crs is not None:
        profile["crs"] = rasterio.crs.CRS.from_wkt(raster.grid.crs.to_wkt())
    with rasterio.Env(GDAL_PAM_ENABLED="NO", GTIFF_REPORT_COMPD_CS="YES"), MemoryFile() as memory:
        with memory.open(**profile) as tiny:
            tiny.descriptions = [band.name for band in raster.bands]
            tiny.scales = [band.source.value_scale for band in raster.bands]
            tiny.offsets = [band.source.value_offset for band in raster.bands]
            for index, band in enumerate(raster.bands, start=1):
                if band.source.unit:
                    tiny.set_band_unit(index, band.source.unit)
        memory.seek(0)
        with tifffile.TiffFile(memory) as written:
            found = {tag.code: tag for tag in written.pages.first.tags if tag.code in _TAGS}
            return [_exact_nodata(_copied(tag), raster) for _, tag in sorted(found.items())]


def _copied(tag: tifffile.TiffTag) -> Tag:
    value = tag.value
    if isinstance(value, str):
        # GDAL writes names in UTF-8, which the TIFF standard did not foresee and every reader takes
        return tag.code, int(tag.dtype), 0, value.encode(), True
    values = tuple(np.atleast_1d(value).tolist())
    return tag.code, int(tag.dtype), len(values), values, True


def _exact_nodata(tag: Tag, raster: RasterPlan) -> Tag:
    """Write a 64-bit integer as one: on its way through rasterio it was a double."""
    band = raster.bands[0]
    if tag[0] != _GDAL_NODATA or band.nodata is None or np.dtype(band.dtype).kind not in "iu":
        return tag
    return tag[0], tag[1], 0, str(int(band.nodata)).encode(), True
