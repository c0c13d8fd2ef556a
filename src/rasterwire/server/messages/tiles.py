"""Tiles: parts of a pyramid whose top is the grid of a request."""

from rasterwire.errors import InvalidRequest, invalid
from rasterwire.plan.types import Picture
from rasterwire.v1 import download_pb2

_MAX_ZOOM = 28
"""Halvings of a pixel, as many as Earth Engine has."""


def tile_params(params: download_pb2.DownloadParams, zoom: int, column: int, row: int) -> download_pb2.DownloadParams:
    """Return the params of one tile.

    The grid of ``params`` is tile 0/0/0. Each zoom halves the pixels and doubles the tiles along both axes; a tile has
    as many pixels at every zoom.

    Args:
        params: with crs, crs_transform and two dimensions.
        zoom: how often the pixels are halved.
        column: of the tile, from that at the origin of the transform.
        row: likewise.

    Raises:
        InvalidRequest: the params are no top of a pyramid, or it has no such tile.
    """
    if not params.crs or len(params.crs_transform) != 6 or len(params.dimensions) != 2:
        raise _no_tile("the download has no tiles: create one with crs, crs_transform and two dimensions")
    if not (0 <= zoom <= _MAX_ZOOM and 0 <= column < 1 << zoom and 0 <= row < 1 << zoom):
        raise _no_tile(f"there is no tile {zoom}/{column}/{row}")
    a, b, x, d, e, y = params.crs_transform
    a, b, d, e = (step / (1 << zoom) for step in (a, b, d, e))
    columns, rows = params.dimensions[0] * column, params.dimensions[1] * row
    tile = download_pb2.DownloadParams()
    tile.CopyFrom(params)
    tile.crs_transform[:] = [a, b, columns * a + rows * b + x, d, e, columns * d + rows * e + y]
    return tile


def with_spreads(params: download_pb2.DownloadParams, picture: Picture | None) -> download_pb2.DownloadParams:
    """Return params that show all tiles from and to the same values, those of the whole download.

    Without, each tile of a computed image would be shown by percentiles of its own pixels.

    Args:
        params: of the download.
        picture: of its plan, with all numbers; None where it shows bands as they are.
    """
    if picture is None or picture.table:
        return params
    result = download_pb2.DownloadParams()
    result.CopyFrom(params)
    result.visualization.min[:] = [band.spread[0] for band in picture.bands]
    result.visualization.max[:] = [band.spread[1] for band in picture.bands]
    return result


def _no_tile(problem: str) -> InvalidRequest:
    return invalid("tile", "TILE_UNKNOWN", problem)
