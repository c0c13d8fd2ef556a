"""A file of this machine goes to a destination: at once where it is small, else in parts."""

from collections.abc import Callable
from typing import BinaryIO

import google_crc32c

from rasterwire.export.destination import Destination

__all__ = ["measured", "upload_file"]

_AT_ONCE = 16 << 20
"""Bytes that are held in memory at a time."""


def measured(file: BinaryIO) -> tuple[int, int]:
    """Return the size of a seekable file, and its CRC32C."""
    file.seek(0)
    size, crc32c = 0, 0
    while data := file.read(_AT_ONCE):
        size, crc32c = size + len(data), google_crc32c.extend(crc32c, data)
    return size, crc32c


def upload_file(
    destination: Destination,
    key: str,
    file: BinaryIO,
    note_begun: Callable[[str], None],
    *,
    media_type: str,
    replace: bool,
) -> None:
    """Store a file.

    Args:
        destination: gets it.
        key: of the object.
        file: seekable.
        note_begun: is told the id of an upload in parts, "" where there is none, before the file may be there.
        media_type: of the file.
        replace: whether an existing object may be replaced.

    Raises:
        AlreadyExists: there is such an object.
        StorageUnavailable: see ``Destination``.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if size <= _AT_ONCE:
        note_begun("")
        destination.put(key, file.read(), media_type=media_type, replace=replace)
        return
    upload = destination.begin(key, {"Content-Type": media_type}, replace=replace)
    note_begun(upload)
    parts: list[tuple[int, str]] = []
    while data := file.read(max(_AT_ONCE, destination.least_part_bytes)):
        number = len(parts) + 1
        parts.append((number, destination.put_part(key, upload, number, data)))
    destination.finish(key, upload, parts, replace=replace)
