"""Finds truncated files, such as those of interrupted uploads, before pixels are read.

GDAL opens them without an error, because the header is at the start. The check compares the positions of the
pixels with the size of the file; it reads no pixels. It also refuses files with too many parts.
"""

import os
from pathlib import Path
from typing import BinaryIO

from rasterwire.errors import SourceUnavailable
from rasterwire.files.raster_file import open_tiff
from rasterwire.files.tiff_directories import MAX_DIRECTORIES, TooManyDirectories, walk

__all__ = ["check_complete"]

_MAX_BOXES = 4096
"""Boxes of a JPEG 2000 file; each costs a read."""


def check_complete(href: str) -> None:
    """Refuse a raster that ends before its pixels do, or that has too many directories or boxes.

    Raises:
        SourceUnavailable: the raster is refused, or the file is not a raster; see ``open_tiff``.
        OSError: the file cannot be read.
    """
    file = open_tiff(href)
    if file is None:
        is_truncated = _is_truncated_jpeg2000(href)
    else:
        with file:
            is_truncated = _is_truncated_tiff(file)
    if is_truncated:
        raise SourceUnavailable.of_file("the file ends before its pixels do; store it again")


def _is_truncated_tiff(file: BinaryIO) -> bool:
    try:
        chain = walk(file)
        directories = chain.of_first(file)
    except TooManyDirectories:
        raise SourceUnavailable.of_file(
            f"it has more than {MAX_DIRECTORIES} pages, overviews and masks; store them in files of their own"
        ) from None
    if not chain.is_sound and any(directory.is_deflated(file) for directory in directories):
        # GDAL is left to read it then; where a checksum is wrong, it makes pixels of what is in memory
        raise SourceUnavailable.of_file("its header is damaged; store it again")
    if any(directory.lists_too_few_tiles(file) for directory in directories):
        raise SourceUnavailable.of_file("its lists of tiles are too short for its size; store it again")
    end = max((directory.pixels_end(file) for directory in directories), default=0)
    return end > os.fstat(file.fileno()).st_size


def _is_truncated_jpeg2000(href: str) -> bool:
    """Walk the boxes of a JP2 file to its end, and look for the marker that ends a codestream.

    Source: ISO/IEC 15444-1, annexes A.4.4 (end of codestream) and I.4 (boxes).
    """
    size = Path(href).stat().st_size
    with Path(href).open("rb") as file:
        if file.read(4) != b"\xff\x4f\xff\x51":
            end = _end_of_boxes(file, size)
            if end is not None:
                return end != size
        # The codestream ends where the file ends.
        file.seek(max(0, size - 2))
        return file.read(2) != b"\xff\xd9"


def _end_of_boxes(file: BinaryIO, size: int) -> int | None:
    """Return the end of the last box that begins inside the file; None where its length is "to the end of the file".

    Raises:
        SourceUnavailable: the file has too many boxes.
    """
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= size:
            return offset
        file.seek(offset)
        start = file.read(16)
        length = int.from_bytes(start[:4], "big")
        if length == 0:
            return None
        if length == 1:  # a box of more than 4 GiB has its length after its type
            length = int.from_bytes(start[8:16], "big")
        offset += max(length, 8)
    raise SourceUnavailable(image_id="", band="", problem=f"it has more than {_MAX_BOXES} boxes; store it again")
