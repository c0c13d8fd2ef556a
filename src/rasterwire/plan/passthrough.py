"""Which stored tiles can go into a file unchanged."""

from rasterwire.geo.grid import pixel_offset
from rasterwire.image import Tiling
from rasterwire.plan.types import RasterPlan
from rasterwire.request import Encoding


def passthrough_tiling(raster: RasterPlan, encoding: Encoding) -> Tiling | None:
    """Return the tiling of a GeoTIFF whose tiles a file holds already, in the requested compression; else None.

    It needs one band that is copied in whole tiles, no change of values, and no compression level in the
    request. A tile at the edge of the source is stored whole, as in any TIFF file.
    """
    band = raster.bands[0]
    source = band.source.stored
    if len(raster.bands) > 1 or source is None or source.tiling is None or source.masked:
        return None
    tiling = source.tiling
    is_as_stored = (band.resampling, band.dtype, band.nodata) == (None, source.dtype, source.nodata)
    is_plain = encoding.level is None and not encoding.cloud_optimized
    if not is_as_stored or not is_plain or tiling.compression != encoding.compression.value:
        return None
    offset = pixel_offset(raster.grid, source.grid)
    if raster.masks or raster.clip is not None or offset is None:
        return None
    (col, row), (height, width) = offset, (int(n) for n in raster.grid.shape)
    rows, cols = (int(n) for n in source.grid.shape)
    whole = _in_whole_tiles(col, width, cols, tiling.width) and _in_whole_tiles(row, height, rows, tiling.height)
    return tiling if whole else None


def _in_whole_tiles(first: int, count: int, stored: int, tile: int) -> bool:
    end = first + count
    return first >= 0 and end <= stored and first % tile == 0 and (end % tile == 0 or end == stored)
