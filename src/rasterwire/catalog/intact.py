"""Tells files that were cut short, such as by an upload that broke off, before a read meets the gap.

GDAL opens them without a word: the header is at the start. What is checked is where pixels should be, not
their content. So are files with more parts than a header is worth.
"""

from pathlib import Path
from typing import BinaryIO

from rasterwire.errors import SourceUnavailable
from rasterwire.files.raster_file import open_tiff
from rasterwire.files.tiff_directories import MOST_DIRECTORIES, TooManyDirectories, walk

__all__ = ["check_whole"]

_MOST_BOXES = 4096
"""Boxes of a JPEG 2000 file; each costs a read."""


def check_whole(href: str) -> None:
    """Refuse a raster that ends before its pixels do, and one with too many directories or boxes.

    Raises:
        SourceUnavailable: so it is, or it is no raster; see ``open_dataset``.
        OSError: the file cannot be read.
    """
    file = open_tiff(href)
    if file is None:
        is_cut_short = _jpeg2000_is_cut_short(href)
    else:
        with file:
            try:
                is_cut_short = walk(file).pixels_end(file) > Path(href).stat().st_size
            except TooManyDirectories:
                said = (
                    f"it has more than {MOST_DIRECTORIES} pages, overviews and masks; store them in files of their own"
                )
                raise SourceUnavailable("", "", said) from None
    if is_cut_short:
        raise SourceUnavailable("", "", "the file ends before its pixels do; store it again")


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
    """Return where the last box ends that begins inside the file, None for "at the end of the file".

    Raises:
        SourceUnavailable: there are more boxes than anybody walks through.
    """
    at = 0
    for _ in range(_MOST_BOXES):
        if at >= size:
            return at
        file.seek(at)
        start = file.read(16)
        length = int.from_bytes(start[:4], "big")
        if length == 0:
            return None
        if length == 1:  # a box of more than 4 GiB says its length after its type
            length = int.from_bytes(start[8:16], "big")
        at += max(length, 8)
    raise SourceUnavailable("", "", f"it has more than {_MOST_BOXES} boxes; store it again")
