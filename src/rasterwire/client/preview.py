"""A small picture of what was downloaded, for people. The server draws it."""

from pathlib import Path
from typing import Protocol

from rasterwire.client.params import Params, read_params
from rasterwire.v1 import download_pb2

SIDE = 512
"""Pixels along the longer side."""

_OF_FILES = (
    *("file_per_band", "compression", "compression_level", "cloud_optimized"),
    *("nodata", "nodata_text", "mask", "precedence", "strict", "request_id"),
)
"""Fields that say nothing of a picture."""


class _Streams(Protocol):
    def stream(self, params: Params) -> bytes:
        """See ``Client.stream``."""


def write_preview(client: _Streams, params: Params, plan: download_pb2.DownloadPlan, png: Path) -> None:
    """Write a small PNG of a download: of its bands where they are one or three, else of the first of them.

    Args:
        client: of the server.
        params: of the download.
        plan: of the download.
        png: the picture.

    Raises:
        DownloadFailed: the server cannot draw it.
    """
    png.write_bytes(client.stream(picture_params(params, plan)))


def picture_params(params: Params, plan: download_pb2.DownloadPlan) -> download_pb2.DownloadParams:
    """Return the params of a picture on the grid of a download, at most ``SIDE`` pixels a side.

    Args:
        params: of the download.
        plan: of the download.
    """
    message, _ = read_params(params)
    picture = download_pb2.DownloadParams()
    picture.CopyFrom(message)
    for name in _OF_FILES:
        picture.ClearField(name)  # type: ignore[arg-type]  # one of its fields
    picture.format = download_pb2.FORMAT_PNG
    _show_few(picture)
    _shrink(picture, plan.rasters[0].grid)
    return picture


def _show_few(picture: download_pb2.DownloadParams) -> None:
    """Keep one band or three, without grids of their own."""
    bands = [download_pb2.BandSpec(id=band.id, resampling=band.resampling) for band in picture.bands]
    is_of_one = bool(picture.visualization.palette) or len(bands) < 3
    del picture.bands[:]
    picture.bands.extend(bands[: 1 if is_of_one else 3])


def _shrink(picture: download_pb2.DownloadParams, grid: download_pb2.PixelGrid) -> None:
    """Set the grid of a picture: the same area in fewer pixels."""
    shrink = max(1.0, max(grid.width, grid.height) / SIDE)
    width, height = (max(1, round(side / shrink)) for side in (grid.width, grid.height))
    picture.ClearField("scale")
    del picture.crs_transform[:]
    if picture.clip_to_region:  # which needs the region, and a region counts with no exact grid
        picture.dimensions[:] = [max(width, height)]
        return
    picture.ClearField("region")
    picture.dimensions[:] = [width, height]
    if grid.crs:
        a, b, c, d, e, f = grid.crs_transform
        across, down = grid.width / width, grid.height / height
        picture.crs = grid.crs
        picture.crs_transform[:] = [a * across, b * down, c, d * across, e * down, f]
