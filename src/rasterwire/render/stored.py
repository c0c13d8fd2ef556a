"""Stored tiles, passed through unchanged."""

from rasterwire.errors import SourceUnavailable
from rasterwire.files.tiff_file import opened_level
from rasterwire.geo.grid import pixel_offset
from rasterwire.image import Band, Tiling
from rasterwire.pixels import Window
from rasterwire.plan.types import RasterPlan
from rasterwire.render.source import call_for, check_version


def stored_tiles(raster: RasterPlan, window: Window) -> list[bytes]:
    """Return the compressed tiles under a window, left to right, top to bottom; each is decoded once to check it.

    Args:
        raster: with a tiling.
        window: of whole tiles, except at the edges of the source.

    Raises:
        SourceUnavailable: a tile cannot be read, or the file was replaced since the plan was made.
    """
    band = raster.bands[0].stored
    offset = pixel_offset(raster.grid, band.grid)
    if raster.tiling is None or offset is None:
        raise ValueError(f"band {band.name} has no tiling to pass through")
    source = Window(offset[1] + window.row, offset[0] + window.col, window.height, window.width)
    return call_for(band, _verified_tiles, raster.tiling, source)


def _verified_tiles(band: Band, tiling: Tiling, window: Window) -> list[bytes]:
    check_version(band)
    level = opened_level(band.href, band.version, None)
    height, width = tiling.height, tiling.width
    try:
        tiles = [
            level.verified_tile(down * level.across + right)
            for down in range(window.row // height, -(-(window.row + window.height) // height))
            for right in range(window.col // width, -(-(window.col + window.width) // width))
        ]
    except Exception as error:  # the errors of codecs share no root
        raise SourceUnavailable("", band.name, "the file is damaged, or cannot be read as it is") from error
    check_version(band)  # it may have been opened after it was replaced
    return tiles
