"""Rendered files in a folder of limited size."""

import contextlib
import io
import os
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from rasterwire.store import Artifact
from rasterwire.store.private import private_folder
from rasterwire.store.summing import SummingFile

_etag = re.compile(r"[0-9a-zA-Z_-]{1,128}")
_finished = re.compile(r"([0-9a-zA-Z_-]{1,128})\.(\d+)\.([0-9a-f]{8})")
_UNFINISHED = ".unfinished-"


class FolderArtifactStore:
    """Keeps files named ``<etag>.<size>.<crc32c>``, so that the folder alone tells all.

    Use is remembered in the access time of the files. A file in the folder that was cut short is
    told by its size and dropped. A reader that has a dropped file open reads on to its end.
    """

    def __init__(self, folder: Path, max_bytes: int, *, shared: bool = False) -> None:
        """Use a folder, made if need be.

        Args:
            folder: of stores alone.
            max_bytes: that the files may take; the newest stays even where it alone takes more.
            shared: whether other processes use the folder now; if not, what was left unfinished
                in it is removed.
        """
        private_folder(folder)
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._trimming = threading.Lock()
        self._held: Counter[str] = Counter()
        for leftover in () if shared else folder.glob(f"{_UNFINISHED}*"):
            leftover.unlink(missing_ok=True)

    def find(self, etag: str) -> Artifact | None:
        """See ``ArtifactStore.find``."""
        if not _etag.fullmatch(etag):
            return None
        for path in self._folder.glob(f"{etag}.*.*"):
            artifact = _artifact(path)
            if artifact is None:
                continue
            try:
                status = path.stat()
                if status.st_size != artifact.size:
                    path.unlink(missing_ok=True)
                    continue
                os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
            except FileNotFoundError:
                continue
            return artifact
        return None

    def make(self, etag: str, write: Callable[[BinaryIO], None]) -> Artifact:
        """See ``ArtifactStore.make``."""
        if not _etag.fullmatch(etag):
            raise ValueError(f"not an etag: {etag!r}")
        unfinished = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            summing = self._new(unfinished)
            with io.BufferedRandom(summing) as file:
                write(file)
                file.flush()
                size, crc = summing.told()
            finished = self._folder / f"{etag}.{size}.{crc:08x}"
            with self._lock:
                unfinished.replace(finished)
                self._drop_others(etag, finished)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return Artifact(finished, size, crc)

    def _new(self, path: Path) -> SummingFile:
        try:
            return SummingFile(path)
        except FileNotFoundError:  # somebody removed the folder
            private_folder(self._folder)
            return SummingFile(path)

    @contextlib.contextmanager
    def hold(self, etag: str) -> Iterator[None]:
        """See ``ArtifactStore.hold``."""
        with self._lock:
            self._held[etag] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[etag] -= 1
                if not self._held[etag]:
                    del self._held[etag]

    def _drop_others(self, etag: str, newest: Path) -> None:
        """Drop what was kept under the etag with other bytes: ``find`` could not tell which counts."""
        for path in self._folder.glob(f"{etag}.*.*"):
            if path != newest:
                path.unlink(missing_ok=True)

    def trim(self, newest: Artifact) -> None:
        """See ``ArtifactStore.trim``."""
        with self._trimming:
            files = []
            for path in self._folder.iterdir():
                if _finished.fullmatch(path.name):
                    try:
                        status = path.stat()
                    except FileNotFoundError:
                        continue
                    files.append((status.st_atime_ns, status.st_size, path))
            total = sum(size for _, size, _ in files)
            for _, size, path in sorted(files):
                if total <= self._max_bytes:
                    return
                if path != newest.path and self._let_go(path):
                    total -= size

    def _let_go(self, path: Path) -> bool:
        """Drop a file unless it is held; returns whether it is gone."""
        going = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        with self._lock:  # for no longer than a name takes: the loop that serves all asks for holds
            if path.name.split(".")[0] in self._held:
                return False
            with contextlib.suppress(FileNotFoundError):
                path.rename(going)
        going.unlink(missing_ok=True)
        return True


def _artifact(path: Path) -> Artifact | None:
    found = _finished.fullmatch(path.name)
    return None if found is None else Artifact(path, int(found[2]), int(found[3], 16))
