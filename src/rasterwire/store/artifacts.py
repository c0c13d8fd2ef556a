"""Rendered files in a folder of limited size."""

import contextlib
import io
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from rasterwire.errors import DiskFull, DownloadConflict
from rasterwire.store import Artifact, NotVerified
from rasterwire.store.dropped import Dropped
from rasterwire.store.private import private_folder
from rasterwire.store.summing import SummingFile
from rasterwire.store.verified import Verified

_etag = re.compile(r"[0-9a-zA-Z_-]{1,128}")
_finished = re.compile(r"([0-9a-zA-Z_-]{1,128})\.(\d+)\.([0-9a-f]{8})")
_UNFINISHED = ".unfinished-"
_DROPPED = ".dropped"

_VERIFIED_SECONDS = 24 * 3600.0
"""After which a file is read again in idle time."""

_log = logging.getLogger("rasterwire.server")


class FolderArtifactStore:
    """Keeps files named ``<etag>.<size>.<crc32c>``, so that the folder alone tells all.

    Use is remembered in the access time of the files, and what dropped ones were in a folder beside them. Before the
    first reader since the start gets a file, it is read and held against its checksum: one that was damaged is dropped,
    to be made again. A reader that has a dropped file open reads on to its end.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Use a folder, made if need be.

        Args:
            folder: of stores alone; those of other processes may use it too.
            max_bytes: that the files may take; the newest stays even where it alone takes more.
        """
        private_folder(folder)
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._trimming = threading.Lock()
        self._held: Counter[str] = Counter()
        self._verified = Verified()
        self._dropped = Dropped(folder / _DROPPED)

    def find(self, etag: str, reads_at_most: int | None = None) -> Artifact | None:
        """See ``ArtifactStore.find``."""
        if not _etag.fullmatch(etag):
            return None
        for path in self._folder.glob(f"{etag}.*.*"):
            artifact = _artifact(path)
            if artifact is None:
                continue
            try:
                status = path.stat()
                is_large = reads_at_most is not None and artifact.size > reads_at_most
                if is_large and status.st_size == artifact.size and not self._verified.is_known(path):
                    raise NotVerified
                is_good = status.st_size == artifact.size and self._verified.check(artifact)
                if is_good is None:
                    raise NotVerified
                if not is_good:
                    self._drop_damaged(artifact)
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
        unfinished = self._unfinished()
        try:
            summing = self._new(unfinished)
            with io.BufferedRandom(summing) as file:
                write(file)
                file.flush()
                size, crc = summing.told()
            finished = self._folder / f"{etag}.{size}.{crc:08x}"
            if (self._dropped.told(etag) or (size, crc)) != (size, crc):
                _log.error("the file of etag %s is gone, and a render gives other bytes than it had", etag)
                raise DownloadConflict(
                    "name: the file is gone, and this server cannot make the same bytes again; ask under another name"
                )
            with self._lock:
                unfinished.replace(finished)
                self._drop_others(etag, finished)
                self._dropped.forget(etag)
            with contextlib.suppress(FileNotFoundError):  # another process let it go already
                self._verified.note(finished)
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

    def _drop_damaged(self, artifact: Artifact) -> None:
        """Drop a file that is not as it was written."""
        _log.error(
            "the cached file %s was damaged; it is dropped, and made again when it is wanted", artifact.path.name
        )
        artifact.path.unlink(missing_ok=True)
        self._note_dropped(artifact.path)
        self._verified.forget(artifact.path.name)

    def stop_reading(self) -> None:
        """See ``ArtifactStore.stop_reading``."""
        self._verified.close()

    def verify(self, goes_on: Callable[[], bool]) -> None:
        """See ``ArtifactStore.verify``."""
        ages = [(self._verified.age(path.name), path) for path in self._folder.iterdir()]
        for age, path in sorted(ages, reverse=True):
            artifact = _artifact(path)
            if artifact is None or age < _VERIFIED_SECONDS:
                continue
            if not goes_on():
                return
            with contextlib.suppress(FileNotFoundError):
                if self._verified.read(artifact, goes_on) is False:
                    self._drop_damaged(artifact)

    def _drop_others(self, etag: str, newest: Path) -> None:
        """Drop what was kept under the etag with other bytes: ``find`` could not tell which counts."""
        for path in self._folder.glob(f"{etag}.*.*"):
            if path != newest and _finished.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _note_dropped(self, path: Path) -> None:
        artifact = _artifact(path)
        assert artifact is not None
        self._dropped.note(path.name.split(".")[0], artifact.size, artifact.crc32c)

    def trim(self, newest: Artifact) -> None:
        """See ``ArtifactStore.trim``."""
        with self._trimming:
            files = self._by_use()
            total = sum(size for _, size, _ in files)
            for _, size, path in files:
                if total <= self._max_bytes:
                    return
                if path != newest.path and self._let_go(path):
                    total -= size

    def make_room(self, size: int) -> None:
        """See ``ArtifactStore.make_room``."""
        if self._free() >= size:
            return
        with self._trimming:
            for _, _, path in self._by_use():
                if self._free() >= size:
                    return
                self._let_go(path)
        if self._free() < size:
            raise DiskFull

    def _unfinished(self) -> Path:
        return self._folder / f"{_UNFINISHED}{os.getpid()}-{secrets.token_hex(8)}"

    def _free(self) -> int:
        private_folder(self._folder)  # or somebody removed it
        return shutil.disk_usage(self._folder).free

    def _by_use(self) -> list[tuple[int, int, Path]]:
        """Return time of use, size and path of the files, the least recently used first."""
        files = []
        for path in self._folder.iterdir():
            if _finished.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    files.append((status.st_atime_ns, status.st_size, path))
        return sorted(files)

    def _let_go(self, path: Path) -> bool:
        """Drop a file unless it is held; returns whether it is gone."""
        going = self._unfinished()
        with self._lock:  # for no longer than a name takes: the loop that serves all asks for holds
            if path.name.split(".")[0] in self._held:
                return False
            with contextlib.suppress(FileNotFoundError):
                path.rename(going)
        going.unlink(missing_ok=True)
        self._note_dropped(path)
        self._verified.forget(path.name)
        return True


def remove_unfinished(folder: Path, pid: int | None = None) -> None:
    """Remove from the folder of a store what a process that is gone left unfinished; None stands for all of them."""
    for left in folder.glob(f"{_UNFINISHED}*" if pid is None else f"{_UNFINISHED}{pid}-*"):
        left.unlink(missing_ok=True)


def _artifact(path: Path) -> Artifact | None:
    found = _finished.fullmatch(path.name)
    return None if found is None else Artifact(path, int(found[2]), int(found[3], 16))
