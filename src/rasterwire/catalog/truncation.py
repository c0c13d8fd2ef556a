"""Finds truncated files, such as those of interrupted uploads, before pixels are read.

GDAL opens them without an error, because the header is at the start. The check compares the positions of the
pixels with the size of the file; it reads no pixels. It also refuses files with too many parts.
"""

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import ByteReader
from rasterwire.files.raster_file import driver_of
from rasterwire.files.tiff_directories import MAX_DIRECTORIES, TooManyDirectories, directories_of

__all__ = ["check_complete"]

_MAX_BOXES = 4096
"""Boxes of a JPEG 2000 file; each costs a read."""


def check_complete(reader: ByteReader) -> None:
    """Refuse a raster that ends before its pixels do, or that has too many directories or boxes.

    Raises:
        SourceUnavailable: the raster is refused, or the file is not a raster, or a remote file cannot be read.
        OSError: a local file cannot be read.
    """
    if _is_truncated[driver_of(reader)](reader):
        raise SourceUnavailable.of_file("the file ends before its pixels do; store it again")


def _is_truncated_png(reader: ByteReader) -> bool:
    return reader.pread(12, max(0, reader.size - 12)) != b"\0\0\0\0IEND\xae\x42\x60\x82"


def _is_truncated_jpeg(reader: ByteReader) -> bool:
    return reader.pread(2, max(0, reader.size - 2)) != b"\xff\xd9"


def _is_truncated_tiff(reader: ByteReader) -> bool:
    try:
        chain = directories_of(reader)
        directories = chain.of_first(reader)
    except TooManyDirectories:
        raise SourceUnavailable.of_file(
            f"it has more than {MAX_DIRECTORIES} pages, overviews and masks; store them in files of their own"
        ) from None
    if not chain.is_sound and any(directory.is_deflated(reader) for directory in directories):
        # GDAL is left to read it then; where a checksum is wrong, it makes pixels of what is in memory
        raise SourceUnavailable.of_file("its header is damaged; store it again")
    if any(directory.lists_too_few_tiles(reader) for directory in directories):
        raise SourceUnavailable.of_file("its lists of tiles are too short for its size; store it again")
    end = max((directory.pixels_end(reader) for directory in directories), default=0)
    return end > reader.size


def _is_truncated_jpeg2000(reader: ByteReader) -> bool:
    """Walk the boxes of a JP2 file to its end, and look for the marker that ends a codestream.

    Source: ISO/IEC 15444-1, annexes A.4.4 (end of codestream) and I.4 (boxes).
    """
    if reader.pread(4, 0) != b"\xff\x4f\xff\x51":
        end = _end_of_boxes(reader)
        if end is not None:
            return end != reader.size
    # The codestream ends where the file ends.
    return reader.pread(2, max(0, reader.size - 2)) != b"\xff\xd9"


def _end_of_boxes(reader: ByteReader) -> int | None:
    """Return the end of the last box that begins inside the file; None where its length is "to the end of the file".

    Raises:
        SourceUnavailable: the file has too many boxes.
    """
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= reader.size:
            return offset
        start = reader.pread(16, offset)
        length = int.from_bytes(start[:4], "big")
        if length == 0:
            return None
        if length == 1:  # a box of more than 4 GiB has its length after its type
            length = int.from_bytes(start[8:16], "big")
        offset += max(length, 8)
    raise SourceUnavailable(image_id="", band="", problem=f"it has more than {_MAX_BOXES} boxes; store it again")


_is_truncated = {
    "GTiff": _is_truncated_tiff,
    "JP2OpenJPEG": _is_truncated_jpeg2000,
    "PNG": _is_truncated_png,
    "JPEG": _is_truncated_jpeg,
}
