"""Stored tiles, passed through unchanged."""

from rasterwire.errors import SourceUnavailable
from rasterwire.files.tiff_file import opened_level
from rasterwire.geo.grid import pixel_offset
from rasterwire.image import Band
from rasterwire.pixels import Window
from rasterwire.plan.types import RasterPlan
from rasterwire.render.ahead import fetch_ahead
from rasterwire.render.source import call_for, check_version, pixel_bytes

_MAX_HEAD_BYTES = 1 << 16
"""Of a stored tile beside its pixels, which some encoders make longer."""


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
    fetch_ahead(raster, window)
    source = Window(offset[1] + window.row, offset[0] + window.col, window.height, window.width)
    height, width = raster.tiling.height, raster.tiling.width
    count = (window.height // height + 2) * (window.width // width + 2)
    most = count * (2 * pixel_bytes(band, height * width) + _MAX_HEAD_BYTES)
    return call_for(band, _verified_tiles, source, most=most)


def _verified_tiles(band: Band, window: Window) -> list[bytes]:
    """Return the tiles under a window of a band's own pixels."""
    check_version(band)
    level = opened_level(band.href, band.version, None)
    left, top = window.col, window.row
    indices = level.tiles_under(band.index, (left, top, left + window.width, top + window.height))
    try:
        stored = level.stored(indices)
        tiles = [level.verified_tile(index, stored) for index in indices]
    except SourceUnavailable:
        raise
    except Exception as error:  # the errors of codecs share no root
        raise SourceUnavailable("", band.name, "the file is damaged, or cannot be read as it is") from error
    check_version(band)  # it may have been opened after it was replaced
    return tiles
