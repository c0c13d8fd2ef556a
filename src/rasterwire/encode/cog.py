"""Cloud-optimized GeoTIFFs, which GDAL's own driver makes from a plain one."""

import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

import rasterio
from rasterio.shutil import copy as gdal_copy

from rasterwire.encode import BlockSource
from rasterwire.encode.geotiff import encode_geotiff
from rasterwire.files.gdal_calls import GdalOptions
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Compression, Encoding, Resampling

_averaging = {Resampling.BILINEAR, Resampling.CUBIC, Resampling.CUBIC_SPLINE, Resampling.LANCZOS, Resampling.AVERAGE}

_FAST = Encoding(Compression.ZSTD, 1)


def encode_cog(raster: RasterPlan, encoding: Encoding, render: BlockSource, out: BinaryIO, scratch: Path) -> None:
    """Write a raster with its header first and overviews inside.

    Overviews are averages where the request interpolates. Else they are samples, since the values may be
    classes. The plain file and the result need space in ``scratch``.
    """
    averages = all(band.resampling in _averaging for band in raster.bands)
    options = {
        "COMPRESS": encoding.compression.value,
        "BLOCKSIZE": "512",
        "PREDICTOR": "NO" if encoding.compression is Compression.NONE else "YES",
        "OVERVIEW_RESAMPLING": "AVERAGE" if averages else "NEAREST",
        "BIGTIFF": "IF_SAFER",
        "GEOTIFF_VERSION": "1.1",
        "NUM_THREADS": "2",
    }
    if encoding.level is not None and encoding.compression in {Compression.DEFLATE, Compression.ZSTD}:
        options["LEVEL"] = str(encoding.level)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        plain, cog = Path(folder) / "plain.tif", Path(folder) / "cog.tif"
        with plain.open("w+b") as file:
            encode_geotiff(raster, _FAST, render, file, Path(folder))
        # not within gdal_calls: an error here comes from the server, such as a full disk, and not from a source
        # without GTIFF_POINT_GEO_IGNORE GDAL would move the control points of a raster of points
        settings = {"GDAL_TIFF_INTERNAL_MASK": "YES", "GTIFF_POINT_GEO_IGNORE": "YES"}
        with rasterio.Env(**GdalOptions().as_env(), **settings):
            gdal_copy(str(plain), str(cog), driver="COG", **options)
        plain.unlink()
        with cog.open("rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
