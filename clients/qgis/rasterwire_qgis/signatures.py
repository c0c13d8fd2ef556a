"""Whether a file is of the kind that was asked for, by its first bytes.

GDAL opens a file by what is in it: one that is named as a GeoTIFF, and is something else, may name other files and
addresses, which QGIS would then open.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

from rasterwire_qgis.failures import Damaged

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Source: TIFF 6.0, section 2, and BigTIFF."""


def check_signature(path: Path, is_zip: bool) -> None:
    """Delete a file that is no GeoTIFF, or no zip of them, and say so.

    Args:
        path: of the file.
        is_zip: whether a zip was asked for.

    Raises:
        Damaged: it is something else.
    """
    try:
        is_right = _are_tiffs(path) if is_zip else _is_tiff(path.open("rb"))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        is_right = False
    if not is_right:
        path.unlink()
        kind = "zip of GeoTIFFs" if is_zip else "GeoTIFF"
        raise Damaged(f"What the server sent is no {kind}; nothing of it was kept. Ask who runs the server.")


def _are_tiffs(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return all(_is_tiff(archive.open(name)) for name in archive.namelist())


def _is_tiff(file: IO[bytes]) -> bool:
    with file:
        return file.read(4) in _TIFF
