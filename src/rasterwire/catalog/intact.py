"""Tells files that were cut short, such as by an upload that broke off, before a read meets the gap.

GDAL opens them without a word: the header is at the start. What is checked is where the last pixels
should be, not their content.
"""

from math import ceil
from pathlib import Path
from typing import BinaryIO

from rasterio.io import DatasetReader

__all__ = ["is_cut_short"]

# A sparse file stores few blocks; looking for the last one of them ends here.
_blocks_asked = 1024


def is_cut_short(raster: DatasetReader, href: str) -> bool:
    """Tell whether an open raster ends before its pixels do; False where that cannot be told.

    Raises:
        OSError: the file cannot be read.
    """
    if raster.driver == "JP2OpenJPEG":
        return _jpeg2000_is_cut_short(href)
    return _tiff_end(raster) > Path(href).stat().st_size


def _tiff_end(raster: DatasetReader) -> int:
    """Return the first byte after the last block of each band and overview level."""
    levels: list[int | None] = [None, *range(len(raster.overviews(1)))]
    return max(_last_block_end(raster, band, level) for band in raster.indexes for level in levels)


def _last_block_end(raster: DatasetReader, band: int, level: int | None) -> int:
    """Return the first byte after the last stored block of a band, 0 where no block is stored."""
    rows, columns = _block_counts(raster, band, level)
    for last in range(rows * columns - 1, max(-1, rows * columns - 1 - _blocks_asked), -1):
        row, column = divmod(last, columns)
        offset = raster.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band, ovr=level)
        size = raster.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=band, ovr=level)
        if offset and size:
            return int(offset) + int(size)
    return 0


def _block_counts(raster: DatasetReader, band: int, level: int | None) -> tuple[int, int]:
    """Return how many blocks a band has down and across; overviews count as cut like the band itself.

    An overview of smaller blocks is then looked at before its end: a lost end may go unseen.
    """
    block_height, block_width = raster.block_shapes[band - 1]
    shrink = 1 if level is None else raster.overviews(band)[level]
    rows = ceil(raster.height / shrink / block_height)
    return max(1, rows), max(1, ceil(raster.width / shrink / block_width))


def _jpeg2000_is_cut_short(href: str) -> bool:
    """Walk the boxes of a JP2 file to the end, and look for the mark that ends a codestream.

    Source: ISO/IEC 15444-1, annexes A.4.4 (end of codestream) and I.4 (boxes).
    """
    size = Path(href).stat().st_size
    with Path(href).open("rb") as file:
        if file.read(4) != b"\xff\x4f\xff\x51":
            end = _end_of_boxes(file, size)
            if end is not None:
                return end != size
        # The codestream goes on to the end of the file.
        file.seek(max(0, size - 2))
        return file.read(2) != b"\xff\xd9"


def _end_of_boxes(file: BinaryIO, size: int) -> int | None:
    """Return where the last box ends that begins inside the file, None for "at the end of the file"."""
    at = 0
    while at < size:
        file.seek(at)
        start = file.read(16)
        length = int.from_bytes(start[:4], "big")
        if length == 0:
            return None
        if length == 1:  # a box of more than 4 GiB says its length after its type
            length = int.from_bytes(start[8:16], "big")
        at += max(length, 8)
    return at
