"""Small pictures of what a client planned, found or downloaded, for notebooks.

A message of the schema does not say which server it came from, nor what was asked. So the last few are remembered with
both, and a picture is asked for when one of them is shown.
"""

import struct
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from google.protobuf.message import Message

from rasterwire.v1 import download_pb2

SIDE = 256
"""Pixels along the longer side of a thumbnail."""

SECONDS = 5.0
"""That a server may take for one: whoever shows a value waits for it."""

MOST_BYTES = 1 << 20
"""Of a thumbnail, and of a request that is remembered."""

_MOST_ORIGINS = 16
"""Messages that are remembered."""

_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
"""Source: PNG, sections 5.2 and 11.2.1."""

_OF_THE_FILE = (
    "name", "bands", "crs_transform", "dimensions", "scale", "file_per_band", "precedence", "strict", "nodata", "mask",
    "compression", "compression_level", "cloud_optimized", "request_id", "nodata_text",
)  # fmt: skip
"""Fields of a request that a thumbnail does without, or has otherwise."""

Fetch: TypeAlias = Callable[[download_pb2.DownloadParams], bytes]
"""Returns a file of a server."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture.

    Attributes:
        png: the file.
        width, height: pixels.
    """

    png: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a message came from; it holds the message, so that no other one has its address in memory."""

    message: Message
    params: download_pb2.DownloadParams
    fetch: "weakref.WeakMethod[Fetch]"


_origins: OrderedDict[int, _Origin] = OrderedDict()
_lock = threading.Lock()


def remember(message: Message, params: download_pb2.DownloadParams, fetch: Fetch) -> None:
    """Remember what a message answers.

    Args:
        message: a plan or an image.
        params: the request that the plan is of, or one of the whole image.
        fetch: a method of the client, which lives no longer for it.
    """
    if params.ByteSize() > MOST_BYTES:
        return
    copy = download_pb2.DownloadParams()
    copy.CopyFrom(params)  # the caller's may change
    with _lock:
        _origins[id(message)] = _Origin(message, copy, weakref.WeakMethod(fetch))
        _origins.move_to_end(id(message))
        while len(_origins) > _MOST_ORIGINS:
            _origins.popitem(last=False)


def thumbnail(message: Message, grid: download_pb2.PixelGrid) -> Thumbnail | None:
    """Return a picture of what a message describes, or None where there is none to be had.

    Args:
        message: that was remembered.
        grid: of its pixels; an empty one where it is not known.
    """
    with _lock:
        origin = _origins.get(id(message))
    fetch = origin.fetch() if origin is not None else None
    if origin is None or fetch is None:
        return None
    try:
        png = fetch(small_request(origin.params, grid))
    except Exception:  # noqa: BLE001  whatever it is, what is shown shows without a picture
        return None
    return read_png(png)


def read_png(png: bytes) -> Thumbnail | None:
    """Return a file with its size in pixels, or None where it is no PNG, or too large for a thumbnail.

    >>> read_png(b"<svg onload='alert()'>") is None
    True
    """
    start = len(_PNG_START)
    if not png.startswith(_PNG_START) or not start + 8 <= len(png) <= MOST_BYTES:
        return None
    width, height = struct.unpack(">II", png[start : start + 8])
    return Thumbnail(png, width, height) if 0 < width <= 2 * SIDE and 0 < height <= 2 * SIDE else None


def small_request(params: download_pb2.DownloadParams, grid: download_pb2.PixelGrid) -> download_pb2.DownloadParams:
    """Return the request of a PNG of the same pixels, of at most ``SIDE`` pixels a side.

    It has the bands of the request where these make a picture, which are one or three; else the first three, or the
    first, which is also that of a palette. Where the request names none, the server chooses.
    """
    small = download_pb2.DownloadParams()
    small.CopyFrom(params)
    for name in _OF_THE_FILE:
        small.ClearField(name)  # type: ignore[arg-type]  # of a list of names
    small.format = download_pb2.FORMAT_PNG
    small.bands.extend(_shown_bands(params))
    width, height = grid.width or SIDE, grid.height or SIDE
    shrink = max(1.0, max(width, height) / SIDE)
    small.dimensions.extend(max(1, round(side / shrink)) for side in (width, height))
    if grid.crs and not params.clip_to_region:
        small.ClearField("region")
        small.crs = grid.crs
        x_factor, y_factor = width / small.dimensions[0], height / small.dimensions[1]
        factors = (x_factor, y_factor, 1, x_factor, y_factor, 1)
        small.crs_transform.extend(a * b for a, b in zip(grid.crs_transform, factors, strict=True))
    return small


def _shown_bands(params: download_pb2.DownloadParams) -> list[download_pb2.BandSpec]:
    count = 1 if params.visualization.palette or len(params.bands) < 3 else 3
    return [download_pb2.BandSpec(id=band.id, resampling=band.resampling) for band in params.bands[:count]]
