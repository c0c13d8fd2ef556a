"""A file that is not whole yet, and what is known of it, so that the next process may go on with it."""

import contextlib
import json
import os
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the beginning of a file.

    Attributes:
        etag: of the file.
        offset: bytes that are there, and were brought to the disk.
        crc32c: of these bytes.
    """

    etag: str
    offset: int
    crc32c: int


class Partial:
    """``NAME.part``, and ``NAME.part.json`` which says what of it is there.

    Attributes:
        path: of the part.
        file: open for writing, behind what is known.
        known: what is there, or None.
    """

    def __init__(self, path: Path, file: BinaryIO, record: Known | None) -> None:
        self.path = path
        self.file = file
        self.known = record

    def note(self, record: Known) -> None:
        """Write down what was brought to the disk, for this user alone."""
        new_path = self.path.with_name(self.path.name + ".json.new")
        with os.fdopen(os.open(new_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(record), file)
        new_path.replace(_beside(self.path))

    def become(self, target: Path) -> None:
        """Give the file its name."""
        if fcntl is None:  # Windows renames no open file; elsewhere the lock is held to the end
            self.file.close()
        self.path.replace(target)


@contextlib.contextmanager
def partial(target: Path, etag: str, restart: bool) -> Iterator[Partial]:
    """Give the part of a file; it is removed after an error, and stays where the process is ended.

    Where another process writes the part of this name, or the system has no locks, it gets a name of its own.

    Args:
        target: the file.
        etag: of the file; a part of another one is not used.
        restart: begin anew.
    """
    path = target.with_name(target.name + ".part")
    file = _locked(path)
    if file is None:
        path = target.with_name(f".{target.name}.{os.getpid()}-{random.randrange(1 << 32):08x}.part")
        file = path.open("xb")
    with file:
        try:
            record = None if restart else _known(path, etag)
            file.seek(record.offset if record is not None else 0)
            file.truncate()
            unfinished = Partial(path, file, record)
            unfinished.note(record or Known(etag, 0, 0))  # tells that the part is of this program
            yield unfinished
        except Exception:
            path.unlink(missing_ok=True)
            _beside(path).unlink(missing_ok=True)
            raise
        _beside(path).unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _locked(path: Path) -> BinaryIO | None:
    """Return a part that no other process writes, or None."""
    if fcntl is None:
        return None
    try:
        if path.stat().st_size and not _beside(path).exists():
            return None  # a file of somebody else
    except OSError:
        pass
    try:  # not through a link that somebody laid there
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except OSError:
        pass
    file.close()
    return None


def _known(path: Path, etag: str) -> Known | None:
    """Return what is known of a part of this etag, if its bytes are those that were noted."""
    try:
        record = Known(**json.loads(_beside(path).read_text()))
        if not etag or record.etag != etag or not 0 < record.offset <= path.stat().st_size:
            return None
        crc32c, left = 0, record.offset
        with path.open("rb") as file:
            while left and (data := file.read(min(_READ, left))):
                crc32c = google_crc32c.extend(crc32c, data)
                left -= len(data)
    except (OSError, ValueError, TypeError):
        return None
    return record if crc32c == record.crc32c else None
