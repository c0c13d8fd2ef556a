"""Stored tiles, passed through unchanged."""

from rasterwire.errors import SourceUnavailable
from rasterwire.files.tiff_file import opened_level
from rasterwire.geo.grid import pixel_offset
from rasterwire.image import Band
from rasterwire.pixels import Window
from rasterwire.plan.types import RasterPlan
from rasterwire.render.ahead import fetch_ahead
from rasterwire.render.source import check_version, of_band


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
    with of_band(band):
        check_version(band)
        tiles = _verified_tiles(band, (offset[0] + window.col, offset[1] + window.row), window)
        check_version(band)  # it may have been opened after it was replaced
        return tiles


def _verified_tiles(band: Band, origin: tuple[int, int], window: Window) -> list[bytes]:
    """Return the tiles under a window whose first pixel has a column and row of the band."""
    level = opened_level(band.href, band.version, None)
    col, row = origin
    indices = level.tiles_under(band.index, (col, row, col + window.width, row + window.height))
    try:
        stored = level.stored(indices)
        return [level.verified_tile(index, stored) for index in indices]
    except SourceUnavailable:
        raise
    except Exception as error:  # the errors of codecs share no root
        raise SourceUnavailable("", band.name, "the file is damaged, or cannot be read as it is") from error
