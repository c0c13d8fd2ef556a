"""A folder of stored tiles of remote files, which the processes of a server share."""

import contextlib
import hashlib
import os
import struct
import threading
from collections.abc import Mapping
from pathlib import Path

import google_crc32c

from rasterwire.files.sources import Span

__all__ = ["TileFolder"]

_KEPT_SHARE = 0.9
"""Of the bytes that a folder may have, those that stay when tiles are dropped."""

_LOOKS = 32
"""A process looks how full the folder is whenever it has written such a part of what it may have."""

_checksum = struct.Struct("<I")


class TileFolder:
    """Tiles as files of their own, up to a number of bytes; the least recently used are dropped first.

    A file holds the crc32c of the tile and of what the tile is, and the tile. A file that is damaged or is another
    tile's is dropped. The folder may grow beyond its limit by a 32nd for each process that writes to it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._written = max_bytes  # so that what an earlier process left is looked at first

    def get(self, file: tuple[str, str], span: Span) -> bytes | None:
        """Return a tile, None where it is not there or is damaged."""
        digest = _digest(file, span)
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        tile = data[_checksum.size :]
        if len(tile) > span[1] or data[: _checksum.size] != _checksum.pack(_crc(digest, tile)):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return tile

    def put(self, file: tuple[str, str], tiles: Mapping[Span, bytes]) -> None:
        """Keep tiles; none where the disk does not take them."""
        with contextlib.suppress(OSError):
            for span, tile in tiles.items():
                digest = _digest(file, span)
                self._write(self._path(digest), _checksum.pack(_crc(digest, tile)), tile)
        with self._lock:
            self._written += sum(map(len, tiles.values()))
            is_due = self._written > self._max_bytes // _LOOKS
            if is_due:
                self._written = 0
        if is_due:
            self._drop_oldest()

    def _path(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name[2:]

    @staticmethod
    def _write(path: Path, checksum: bytes, tile: bytes) -> None:
        # few calls of the system: each passes the interpreter lock on, while a render needs it
        part = Path(f"{path}.{os.getpid()}-{threading.get_ident()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            descriptor = os.open(part, flags, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(part, flags, 0o600)
        try:
            try:
                written = os.writev(descriptor, [checksum, tile])
            finally:
                os.close(descriptor)
            if written != len(checksum) + len(tile):
                raise OSError("the disk did not take a whole tile")
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def _drop_oldest(self) -> None:
        """Drop the least recently used tiles if the folder has more bytes than it may have."""
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):  # another process dropped it
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        if total <= self._max_bytes:
            return
        for _, size, path in sorted(files):
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
            if total <= self._max_bytes * _KEPT_SHARE:
                return


def _digest(file: tuple[str, str], span: Span) -> bytes:
    """Return what a tile is, in 32 bytes."""
    return hashlib.sha256("\0".join([*file, *map(str, span)]).encode()).digest()


def _crc(digest: bytes, tile: bytes) -> int:
    return int(google_crc32c.extend(google_crc32c.value(digest), tile))
