"""Open files that were used last, up to a number of files and of tiles in them."""

import threading
from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

__all__ = ["RecentFiles"]


class _Tiled(Protocol):
    @property
    def tiles(self) -> int: ...


F = TypeVar("F", bound=_Tiled)


class RecentFiles(Generic[F]):
    """Files by address and version. The last one stays, however many tiles it has. Threads may share it."""

    def __init__(self, max_files: int, max_tiles: int) -> None:
        self._max_files, self._max_tiles = max_files, max_tiles
        self._lock = threading.Lock()
        self._files: OrderedDict[tuple[str, str], F] = OrderedDict()
        self._tiles = 0

    def get(self, key: tuple[str, str]) -> F | None:
        """Return a file, None where it is not kept."""
        with self._lock:
            file = self._files.get(key)
            if file is not None:
                self._files.move_to_end(key)
            return file

    def put(self, key: tuple[str, str], file: F) -> None:
        """Keep a file, and drop those that were used longest ago, where there are too many."""
        with self._lock:
            before = self._files.pop(key, None)
            self._tiles += file.tiles - (0 if before is None else before.tiles)
            self._files[key] = file
            while len(self._files) > 1 and (len(self._files) > self._max_files or self._tiles > self._max_tiles):
                self._tiles -= self._files.popitem(last=False)[1].tiles

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._files.clear()
            self._tiles = 0
