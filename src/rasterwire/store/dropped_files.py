"""Records size and checksum of dropped files, so that an etag never gets other bytes later."""

import contextlib
import os
from pathlib import Path

from rasterwire.store.private_files import FILE_MODE, private_folder

_MAX_RECORDS = 10_000
"""The oldest are removed first."""

_TRIM_INTERVAL = 500
"""Records that one process adds between two counts of all of them."""


class DroppedFiles:
    """Records size and checksum by etag, in a small file each. Processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._additions = 0

    def add(self, etag: str, size: int, crc32c: int) -> None:
        """Record a file. Errors are ignored, because files are dropped when the disk is full."""
        with contextlib.suppress(OSError):
            if not self._folder.is_dir():
                private_folder(self._folder)
            descriptor = os.open(self._folder / etag, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{size} {crc32c}")
            self._additions += 1
            if self._additions % _TRIM_INTERVAL == 0:
                self._remove_oldest()

    def find(self, etag: str) -> tuple[int, int] | None:
        """Return size in bytes and crc32c of a dropped file, None where they are not recorded."""
        try:
            size, crc32c = map(int, (self._folder / etag).read_text().split())
        except (OSError, ValueError):
            return None
        return size, crc32c

    def remove(self, etag: str) -> None:
        """Remove the record of a file that exists again."""
        (self._folder / etag).unlink(missing_ok=True)

    def _remove_oldest(self) -> None:
        by_age = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-_MAX_RECORDS]:
            path.unlink(missing_ok=True)
