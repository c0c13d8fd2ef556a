"""Fetches the tiles of a remote TIFF that GDAL is about to read; by itself it asks for one after the other."""

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import RemoteReader, reader_of
from rasterwire.files.sources import Span
from rasterwire.files.tiff_file import pages_of

__all__ = ["fetch_for_gdal"]

_MAX_BYTES = 16 << 20
"""Of the tiles; half of what is kept of such bytes."""

_SEPARATE_PLANES = 2


def fetch_for_gdal(href: str, version: str, size: tuple[int, int], rectangle: tuple[int, int, int, int]) -> None:
    """Fetch the tiles of an image and of its masks under a rectangle.

    Args:
        href: of a remote file; of one that is no TIFF nothing is fetched.
        version: of the file.
        size: width and height of the full resolution, or of an overview.
        rectangle: left, top, right and bottom, in pixels within the image.

    Raises:
        SourceUnavailable: the file was replaced, or cannot be read.
    """
    reader = reader_of(href, version)
    if not isinstance(reader, RemoteReader):
        return
    try:
        spans = _spans(href, version, size, rectangle)
    except SourceUnavailable:
        raise
    except Exception:  # noqa: BLE001  damaged or unusual: GDAL decides
        return
    if sum(count for _, count in spans) <= _MAX_BYTES:
        reader.load(spans)


def _spans(href: str, version: str, size: tuple[int, int], rectangle: tuple[int, int, int, int]) -> list[Span]:
    left, top, right, bottom = rectangle
    spans: list[Span] = []
    for page in pages_of(href, version):
        if (page.imagewidth, page.imagelength) != size:
            continue
        height = int(page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))
        width = int(page.tilewidth if page.is_tiled else page.imagewidth)
        across, down = -(-size[0] // width), -(-size[1] // height)
        planes = page.samplesperpixel if page.planarconfig == _SEPARATE_PLANES else 1
        indices = (
            (plane * down + row) * across + col
            for plane in range(planes)
            for row in range(top // height, -(-bottom // height))
            for col in range(left // width, -(-right // width))
        )
        tiles = ((int(page.dataoffsets[index]), int(page.databytecounts[index])) for index in indices)
        spans += [(offset, count) for offset, count in tiles if count]
    return spans
