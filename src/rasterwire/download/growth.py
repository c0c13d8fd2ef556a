"""A file that is read while it is written."""

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO


class Growth:
    """What is there of a file that is written front to back. Safe to use from several threads.

    Attributes:
        size: bytes of the whole file.
        written: bytes that are there, and stay as they are.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.written = 0
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._is_over = False
        self._waiting: list[tuple[int, Future[None]]] = []

    def open(self) -> BinaryIO | None:
        """Open what is there; None where nothing is yet, or nobody writes any more."""
        try:
            # anew: a copy of the writer's descriptor would share its position in the file
            return None if self._path is None else self._path.open("rb")
        except FileNotFoundError:
            return None

    def reached(self, end: int) -> "Future[None]":
        """Return what is done once ``written`` is at least ``end``, or nobody writes any more."""
        future: Future[None] = Future()
        with self._lock:
            self._waiting.append((end, future))
        self._wake()
        return future

    def grow(self, file: BinaryIO) -> None:
        """Let readers have what its only writer wrote so far."""
        file.flush()
        with self._lock:
            self._path, self.written = Path(file.name), file.tell()
        self._wake()

    def end(self) -> None:
        """Say that nobody writes any more."""
        with self._lock:
            self._is_over = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            ready = [(end, future) for end, future in self._waiting if self._is_over or end <= self.written]
            self._waiting = [pair for pair in self._waiting if pair not in ready]
        for _, future in ready:
            if future.set_running_or_notify_cancel():
                future.set_result(None)
