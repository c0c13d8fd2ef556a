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

_TAGS = {
    33550: "ModelPixelScale",
    33922: "ModelTiepoint",
    34264: "ModelTransformation",
    34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams",
    34737: "GeoAsciiParams",
    42112: "GDAL_METADATA",
    42113: "GDAL_NODATA",
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
            return [_copied(tag) for _, tag in sorted(found.items())]


def _copied(tag: tifffile.TiffTag) -> Tag:
    value = tag.value
    if isinstance(value, str):
        return tag.code, int(tag.dtype), 0, value, True
    values = tuple(np.atleast_1d(value).tolist())
    return tag.code, int(tag.dtype), len(values), values, True
