"""A file of this machine goes to a destination: at once where it is small, else in parts."""

from collections.abc import Callable
from typing import BinaryIO

import google_crc32c

from rasterwire.checksum import concatenated
from rasterwire.export.destination import Destination

__all__ = ["upload_file"]

_AT_ONCE = 16 << 20
"""Bytes that are held in memory at a time."""


def upload_file(
    destination: Destination,
    key: str,
    file: BinaryIO,
    note_upload: Callable[[str], None],
    *,
    media_type: str,
    replace: bool,
) -> tuple[int, int]:
    """Store a file, and return its size and its CRC32C.

    Args:
        destination: gets it.
        key: of the object.
        file: seekable.
        note_upload: is told the id of an upload in parts before the first one is sent.
        media_type: of the file.
        replace: whether an existing object may be replaced.

    Raises:
        AlreadyExists: there is such an object.
        StorageUnavailable: see ``Destination``.
    """
    size = file.seek(0, 2)
    file.seek(0)
    if size <= _AT_ONCE:
        data = file.read()
        destination.put(key, data, replace=replace)
        return size, int(google_crc32c.value(data))
    upload = destination.begin(key, {"Content-Type": media_type}, replace=replace)
    note_upload(upload)
    crc32c = 0
    parts: list[tuple[int, str]] = []
    while data := file.read(max(_AT_ONCE, destination.least_part_bytes)):
        number = len(parts) + 1
        parts.append((number, destination.put_part(key, upload, number, data)))
        crc32c = concatenated(crc32c, int(google_crc32c.value(data)), len(data))
    destination.finish(key, upload, parts, replace=replace)
    return size, crc32c
