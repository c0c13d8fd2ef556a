"""Which files are known to be as they were written."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np

from rasterwire.store import Artifact

_PIECE = 1 << 20

_Identity = tuple[int, int, int]


class Verified:
    """Remembers files whose bytes had their checksum since the process started, while nobody wrote to them.

    Safe to use from several threads; those that want the same file wait for the first of them to read it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[_Identity, float]] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._is_open = True

    def close(self) -> None:
        """End all reading, now and later: what was not read to its end counts as not read."""
        self._is_open = False

    def note(self, path: Path) -> None:
        """Say that a file is what its writer made."""
        found = (_identity(path), time.monotonic())
        with self._lock:
            self._known[path.name] = found

    def is_known(self, path: Path) -> bool:
        """Tell whether a file was read before and did not change since."""
        with self._lock:
            found = self._known.get(path.name)
        return found is not None and found[0] == _identity(path)

    def check(self, artifact: Artifact) -> bool | None:
        """Tell whether a file has its checksum, reading it if need be; None where this was closed before its end.

        Raises:
            FileNotFoundError: it is gone.
        """
        name = artifact.path.name
        if self.is_known(artifact.path):
            return True
        with self._lock:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            try:
                return self.is_known(artifact.path) or self.read(artifact, lambda: True)
            finally:
                with self._lock:
                    self._turns.pop(name, None)

    def read(self, artifact: Artifact, goes_on: Callable[[], bool]) -> bool | None:
        """Read a file and tell whether it has its checksum; None where ``goes_on`` or ``close`` came before its end.

        Raises:
            FileNotFoundError: it is gone.
        """
        before = _identity(artifact.path)
        buffer, crc = bytearray(_PIECE), 0
        with artifact.path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                crc = google_crc32c.extend(crc, np.frombuffer(memoryview(buffer)[:count], np.uint8))
                if not (self._is_open and goes_on()):
                    return None
        if crc != artifact.crc32c:
            return False
        with self._lock:
            self._known[artifact.path.name] = before, time.monotonic()
        return True

    def age(self, name: str) -> float:
        """Return the seconds since a file was read; without an end where it never was."""
        with self._lock:
            found = self._known.get(name)
        return float("inf") if found is None else time.monotonic() - found[1]

    def forget(self, name: str) -> None:
        """Say that a file is gone."""
        with self._lock:
            self._known.pop(name, None)


def _identity(path: Path) -> _Identity:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
