"""Zip files whose bytes depend only on their content."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, cast

_DATE = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


def write_zip(entries: Iterable[tuple[str, Callable[[BinaryIO], None]]], out: BinaryIO, scratch: Path) -> None:
    """Write entries one after the other without compression, since their content is compressed already.

    Args:
        entries: name, and a function that fills an empty seekable file.
        out: empty and seekable.
        scratch: folder for one entry at a time.
    """
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, write in entries:
            with tempfile.NamedTemporaryFile(dir=scratch) as file:
                write(cast(BinaryIO, file))
                info = zipfile.ZipInfo(name, _DATE)
                info.create_system = _UNIX
                info.external_attr = _REGULAR_FILE
                info.file_size = file.seek(0, 2)  # decides whether the entry needs ZIP64
                file.seek(0)
                with archive.open(info, "w") as entry:
                    shutil.copyfileobj(file, entry, 1 << 20)
