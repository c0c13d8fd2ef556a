"""Compares files with their checksums, and records the ones that were compared."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np

from rasterwire.store.folder_artifact import FolderArtifact

_BUFFER_SIZE = 1 << 20

_Identity = tuple[int, int, int]


class VerifiedFiles:
    """Records files whose bytes had the right checksum in this process, until they change.

    Safe to use from several threads. Where several check the same file, one reads it and the others wait.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, tuple[_Identity, float]] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._is_open = True

    def close(self) -> None:
        """End all reading, now and later. A file that was not read to its end is not recorded."""
        self._is_open = False

    def add(self, path: Path) -> None:
        """Record a file that was just written."""
        record = (_identity(path), time.monotonic())
        with self._lock:
            self._records[path.name] = record

    def contains(self, path: Path) -> bool:
        """Return whether a file is recorded and did not change since."""
        with self._lock:
            record = self._records.get(path.name)
        return record is not None and record[0] == _identity(path)

    def check(self, artifact: FolderArtifact) -> bool | None:
        """Return whether a file has the right checksum; it is read unless it is recorded.

        Returns:
            None where ``close`` was called before its end was reached.

        Raises:
            FileNotFoundError: the file does not exist.
        """
        name = artifact.path.name
        if self.contains(artifact.path):
            return True
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            try:
                return self.contains(artifact.path) or self.read(artifact, lambda: True)
            finally:
                with self._lock:
                    self._turns.pop(name, None)

    def read(self, artifact: FolderArtifact, may_continue: Callable[[], bool]) -> bool | None:
        """Read a file and return whether it has the right checksum.

        Returns:
            None where ``may_continue()`` was false or ``close`` was called before its end was reached.

        Raises:
            FileNotFoundError: the file does not exist.
        """
        identity = _identity(artifact.path)
        buffer, crc = bytearray(_BUFFER_SIZE), 0
        with artifact.path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                crc = google_crc32c.extend(crc, np.frombuffer(memoryview(buffer)[:count], np.uint8))
                if not (self._is_open and may_continue()):
                    return None
        if crc != artifact.crc32c:
            return False
        with self._lock:
            self._records[artifact.path.name] = identity, time.monotonic()
        return True

    def age(self, name: str) -> float:
        """Return the seconds since a file was verified; infinite where it is not recorded."""
        with self._lock:
            record = self._records.get(name)
        return float("inf") if record is None else time.monotonic() - record[1]

    def remove(self, name: str) -> None:
        """Remove the record of a file."""
        with self._lock:
            self._records.pop(name, None)


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
