"""What the files were that a cache dropped, so that none with other bytes comes under the same etag."""

import contextlib
import os
from pathlib import Path

from rasterwire.store.private import FILE_MODE, private_folder

_MOST = 10_000
"""That are remembered; the oldest are forgotten first."""

_EVERY = 500
"""Notes of one process between two looks at how many there are."""


class Dropped:
    """Remembers size and checksum by etag, in a small file each. Processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes = 0

    def note(self, etag: str, size: int, crc32c: int) -> None:
        """Remember a file; where that is not possible it is left: room is made by dropping files."""
        with contextlib.suppress(OSError):
            if not self._folder.is_dir():
                private_folder(self._folder)
            descriptor = os.open(self._folder / etag, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{size} {crc32c}")
            self._notes += 1
            if self._notes % _EVERY == 0:
                self._forget_oldest()

    def told(self, etag: str) -> tuple[int, int] | None:
        """Return size and checksum that a file had, None where that is not known."""
        try:
            size, crc32c = map(int, (self._folder / etag).read_text().split())
        except (OSError, ValueError):
            return None
        return size, crc32c

    def forget(self, etag: str) -> None:
        """Say that the file is there again."""
        (self._folder / etag).unlink(missing_ok=True)

    def _forget_oldest(self) -> None:
        by_age = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-_MOST]:
            path.unlink(missing_ok=True)
