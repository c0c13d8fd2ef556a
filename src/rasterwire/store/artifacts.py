"""Stores rendered files in a folder of limited size."""

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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rasterwire.errors import DiskFull, DownloadConflict
from rasterwire.store import NotVerified
from rasterwire.store.checksum_file import ChecksumFile
from rasterwire.store.dropped_files import DroppedFiles
from rasterwire.store.folder_artifact import FolderArtifact
from rasterwire.store.private_files import private_folder
from rasterwire.store.verified_files import VerifiedFiles

_etag = re.compile(r"[0-9a-zA-Z_-]{1,128}")
_finished = re.compile(r"([0-9a-zA-Z_-]{1,128})\.(\d+)\.([0-9a-f]{8})")
_UNFINISHED = ".unfinished-"
_DROPPED = ".dropped"

_FOLDER_CHARACTERS = 2
"""Those of an etag that name the subfolder of its file: of 100,000 files, a look passes some hundred names."""

_FREED_PART = 8
"""One part in so many of the limit is freed where it is reached, so that not each new file needs a look at all."""

_MAX_DROPPED = 1000
"""Files that are dropped at once where there is room already: to drop one takes some tenths of a millisecond."""

_FREE_SHARE = 8
"""One part in so many of what is free may be filled by a process before it looks at all files again."""

_LEAST_SHARE = 64
"""It is no less than one part in so many of the limit."""

_LOOK_SECONDS = 60.0
"""It looks again after so long, if it made a file: others may have filled what was free."""

_VERIFIED_SECONDS = 24 * 3600.0
"""A file is read again in idle time when its last verification is older."""

_log = logging.getLogger("rasterwire.server")

Publish = Callable[[str, Path, int, int], None]


@dataclass(frozen=True, slots=True, order=True)
class StoredFile:
    """A file of the store.

    Attributes:
        use_time: of the last use, in nanoseconds since 1970.
        size: in bytes.
        path: of the file.
    """

    use_time: int
    size: int
    path: Path

    @property
    def etag(self) -> str:
        """Of the file."""
        return self.path.name.split(".")[0]


class FolderArtifactStore:
    """Stores files under names ``<etag>.<size>.<crc32c>``, so that the folder needs no index.

    They are in subfolders named by the first characters of the etag. No look at one file takes longer the more there
    are, and only where room gets short all are looked at. The access time of a file is the time of its last use. Size
    and checksum of dropped files are recorded in a
    subfolder. Before its first use in this process a file is read and compared with its checksum. A damaged file is
    dropped and rendered again. A reader with a dropped file open can read it to its end.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Use a folder, and create it if it does not exist.

        Args:
            folder: a folder for nothing else; stores of other processes may share it.
            max_bytes: limit of the total size. It is looked at when a file was made, and no more often than said
                above: of several processes, each may exceed it by an eighth for a minute. The newest file stays even
                where it alone is larger.
        """
        private_folder(folder)
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._trimming = threading.Lock()
        self._holds: Counter[str] = Counter()
        self._verified = VerifiedFiles()
        self._dropped = DroppedFiles(folder / _DROPPED)
        self._uncounted = 0  # bytes of files made since all were counted
        self._share = -1  # bytes that may be made before all are counted again
        self._counted = 0.0  # when they were, by time.monotonic

    def _paths(self, etag: str) -> list[Path]:
        """Return the paths of the files of an etag."""
        folder = _subfolder(self._folder, etag)
        return [folder / name for name in _names(folder) if name.startswith(f"{etag}.")]

    def find(self, etag: str, max_read_bytes: int | None = None) -> FolderArtifact | None:
        """See ``ArtifactStore.find``."""
        if not is_etag(etag):
            return None
        for path in self._paths(etag):
            artifact = _artifact(path)
            if artifact is None:
                continue
            try:
                status = path.stat()
                is_large = max_read_bytes is not None and artifact.size > max_read_bytes
                if is_large and status.st_size == artifact.size and not self._verified.contains(path):
                    raise NotVerified
                is_intact = status.st_size == artifact.size and self._verified.check(artifact)
                if is_intact is None:
                    raise NotVerified
                if not is_intact:
                    self._drop_damaged(artifact)
                    continue
                os.utime(path, ns=(time.time_ns(), status.st_mtime_ns))
            except FileNotFoundError:
                continue
            return artifact
        return None

    def address(self, etag: str, seconds: float) -> str:  # noqa: ARG002
        """See ``ArtifactStore.address``: there is none."""
        return ""

    def make(
        self,
        etag: str,
        write: Callable[[BinaryIO], None],
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        publish: Publish | None = None,
    ) -> FolderArtifact:
        """See ``ArtifactStore.make``.

        Args:
            etag: of the file.
            write: makes it.
            headers: of no use here.
            publish: is called with the etag, the path, the size and the crc32c of the finished file, before ``find``
                returns it. Where it raises, the file is removed.
        """
        if not is_etag(etag):
            raise ValueError(f"not an etag: {etag!r}")
        unfinished = self._unfinished()
        try:
            raw = self._new_file(unfinished)
            with io.BufferedRandom(raw) as file:
                write(file)
                file.flush()
                size, crc = raw.size_and_crc()
            if (self._dropped.find(etag) or (size, crc)) != (size, crc):
                _log.error("the file of etag %s is gone, and a render gives other bytes than it had", etag)
                raise DownloadConflict(
                    "name: the file is gone, and this server cannot make the same bytes again; ask under another name"
                )
            if publish is not None:
                publish(etag, unfinished, size, crc)
            with self._lock:
                finished = _moved(unfinished, self._folder, f"{etag}.{size}.{crc:08x}")
                self._drop_others(etag, finished)
                self._dropped.remove(etag)
                self._uncounted += size
            with contextlib.suppress(FileNotFoundError):  # another process dropped it already
                self._verified.add(finished)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        return FolderArtifact(finished, size, crc)

    def _new_file(self, path: Path) -> ChecksumFile:
        try:
            return ChecksumFile(path)
        except FileNotFoundError:  # somebody removed the folder
            private_folder(self._folder)
            return ChecksumFile(path)

    @contextlib.contextmanager
    def hold(self, etag: str) -> Iterator[None]:
        """See ``ArtifactStore.hold``."""
        with self._lock:
            self._holds[etag] += 1
        try:
            yield
        finally:
            with self._lock:
                self._holds[etag] -= 1
                if not self._holds[etag]:
                    del self._holds[etag]

    def _drop_damaged(self, artifact: FolderArtifact) -> None:
        """Drop a file whose bytes are not those that were written."""
        _log.error(
            "the cached file %s was damaged; it is dropped, and rendered again at the next request", artifact.path.name
        )
        artifact.path.unlink(missing_ok=True)
        self._record_drop(artifact.path)
        self._verified.remove(artifact.path.name)

    def stop_reading(self) -> None:
        """See ``ArtifactStore.stop_reading``."""
        self._verified.close()

    def verify(self, may_continue: Callable[[], bool]) -> None:
        """See ``ArtifactStore.verify``."""
        ages = [(self._verified.age(path.name), path) for path in _finished_files(self._folder)]
        for age, path in sorted(ages, reverse=True):
            artifact = _artifact(path)
            if artifact is None or age < _VERIFIED_SECONDS:
                continue
            if not may_continue():
                return
            with contextlib.suppress(FileNotFoundError):
                if self._verified.read(artifact, may_continue) is False:
                    self._drop_damaged(artifact)

    def _drop_others(self, etag: str, newest: Path) -> None:
        """Drop older files of the etag with other bytes, so that ``find`` has only one to return."""
        for path in self._paths(etag):
            if path != newest and _finished.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _record_drop(self, path: Path) -> None:
        artifact = _artifact(path)
        assert artifact is not None
        self._dropped.add(path.name.split(".")[0], artifact.size, artifact.crc32c)

    def trim(self, newest: str) -> None:
        """See ``ArtifactStore.trim``. All files are looked at only where this process made much since it last did."""
        if self._has_room():
            return
        with self._trimming:
            if self._has_room():  # another thread looked meanwhile
                return
            with self._lock:
                self._uncounted = 0
            files = self.files()
            total = sum(file.size for file in files)
            target = self._max_bytes - (self._max_bytes // _FREED_PART if total > self._max_bytes else 0)
            dropped = 0
            for file in files:
                if total <= self._max_bytes and (total - file.size < target or dropped >= _MAX_DROPPED):
                    break
                if file.etag != newest and self.drop(file.path):
                    total -= file.size
                    dropped += 1
            self._share = max((self._max_bytes - total) // _FREE_SHARE, self._max_bytes // _LEAST_SHARE)
            self._counted = time.monotonic()

    def _has_room(self) -> bool:
        """Return whether no look at all files is due."""
        return self._uncounted <= self._share and time.monotonic() < self._counted + _LOOK_SECONDS

    def make_room(self, size: int) -> None:
        """See ``ArtifactStore.make_room``."""
        if self._free() >= size:
            return
        with self._trimming:
            for file in self.files():
                if self._free() >= size:
                    return
                self.drop(file.path)
        if self._free() < size:
            raise DiskFull

    def _unfinished(self) -> Path:
        return self._folder / f"{_UNFINISHED}{os.getpid()}-{secrets.token_hex(8)}"

    def _free(self) -> int:
        private_folder(self._folder)  # somebody may have removed it
        return shutil.disk_usage(self._folder).free

    def files(self) -> list[StoredFile]:
        """Return the files, the least recently used first."""
        files = []
        for path in _finished_files(self._folder):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                files.append(StoredFile(status.st_atime_ns, status.st_size, path))
        return sorted(files)

    def drop(self, path: Path) -> bool:
        """Drop a file unless it is held. Return whether it was dropped."""
        temporary = self._unfinished()
        with self._lock:  # for a rename only: the event loop waits for this lock when it holds a file
            if path.name.split(".")[0] in self._holds:
                return False
            with contextlib.suppress(FileNotFoundError):
                path.rename(temporary)
        temporary.unlink(missing_ok=True)
        self._record_drop(path)
        self._verified.remove(path.name)
        return True


def remove_unfinished(folder: Path, pid: int | None = None) -> None:
    """Remove the unfinished files of an ended process from the folder of a store; None for those of all processes."""
    for path in folder.glob(f"{_UNFINISHED}*" if pid is None else f"{_UNFINISHED}{pid}-*"):
        path.unlink(missing_ok=True)


def move_old_files(folder: Path) -> None:
    """Move files of a store into subfolders that were stored when it had none. For the user of the server alone."""
    for name in filter(_finished.fullmatch, _names(folder)):
        _moved(folder / name, folder, name)


def _moved(source: Path, folder: Path, name: str) -> Path:
    """Give a file its place and name in the folder of a store, and return its path."""
    inner = _subfolder(folder, name.partition(".")[0])
    try:
        source.replace(inner / name)
    except FileNotFoundError:
        private_folder(inner)
        source.replace(inner / name)
    return inner / name


def _subfolder(folder: Path, etag: str) -> Path:
    """Return where the files of an etag are in the folder of a store."""
    return folder / etag[:_FOLDER_CHARACTERS]


def usage(folder: Path) -> tuple[int, int]:
    """Return how many files the folder of a store has, and their bytes; it looks at names alone."""
    sizes = [int(match[2]) for path in _finished_files(folder) if (match := _finished.fullmatch(path.name))]
    return len(sizes), sum(sizes)


def _finished_files(folder: Path) -> Iterator[Path]:
    """Yield the paths of the finished files of a store."""
    for inner in _names(folder):
        if not inner.startswith("."):
            yield from (folder / inner / name for name in _names(folder / inner) if _finished.fullmatch(name))


def _names(folder: Path) -> list[str]:
    """Return the names in a folder, none where there is no such folder."""
    try:
        return os.listdir(folder)  # noqa: PTH208  a path for each of many names would take several times as long
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_etag(text: str) -> bool:
    """Tell whether a text can be an etag, and so a part of a name."""
    return _etag.fullmatch(text) is not None


def _artifact(path: Path) -> FolderArtifact | None:
    match = _finished.fullmatch(path.name)
    return None if match is None else FolderArtifact(path, int(match[2]), int(match[3], 16))
