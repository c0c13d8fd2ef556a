"""A folder where exports end.

The parts of an upload are files until they are joined: where a part lies depends on the sizes of those before it, which
may come later. Joining moves no bytes through this process, and on file systems that can share blocks it copies none.
"""

import contextlib
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from rasterwire.errors import StorageUnavailable
from rasterwire.export.destination import OCTETS, AlreadyExists, UnknownUpload, key_names
from rasterwire.store.private_files import FILE_MODE

__all__ = ["FolderDestination", "folder_problem"]

_FOLDER_MODE = 0o700

_RESULT_MODE = 0o666
"""Of what is exported, less the umask of the server: others are to read it. Until it is whole, it lies in a folder that
only its owner can enter."""

_UPLOADS = ".uploads"
"""The folder of uploads and files in progress; no name of a key begins with a dot."""

_PLACED = "placed"
"""The file of an upload that says which file it becomes."""

_PIECE = 1 << 20
"""Bytes that are read at once."""

_TRIES = 8
"""How often a folder is made again that is removed meanwhile, since it was empty."""

_upload = re.compile(r"[0-9a-f]{32}")
_etag = re.compile(r"(\d{1,15})-([0-9a-f]{8})")

_log = logging.getLogger("rasterwire.server")


def folder_problem(folder: Path) -> str:
    """Return why exports cannot be written to a folder, "" where they can, or where it can be made; without its path.

    Nothing is written: a folder that changes is looked through by the catalog that it may lie in.
    """
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        if not nearest.is_dir():
            return "it is a file" if nearest == folder else "a file lies above it"
        if not os.access(nearest, os.W_OK | os.X_OK):
            return "it cannot be written" if nearest == folder else "it is not there and cannot be made"
    except OSError as error:
        return (error.strerror or "failed").lower()
    return ""


class FolderDestination:
    """Stores objects as files; see ``Destination``.

    Only the server's user can read them, as with all its files. Headers are not kept. The file system must have hard
    links: so a file appears whole, and never in the place of another. Processes on several machines may share it.
    """

    least_part_bytes = 1

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is made where it is not there yet."""
        self._folder = folder

    def begin(self, key: str, headers: Mapping[str, str], *, replace: bool = False) -> str:  # noqa: ARG002
        """See ``Destination.begin``."""
        with _reached():
            self._check_free(key, replace=replace)
            upload = secrets.token_hex(16)
            _make_folders(self._folder, self._folder / _UPLOADS / upload)
            self._write(self._folder / _UPLOADS / upload / "key", key.encode())
        return upload

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        """See ``Destination.put_part``."""
        folder = self._upload_folder(key, upload)
        etag = f"{len(data)}-{google_crc32c.value(data):08x}"
        with _reached(), _open_upload(key):
            self._write(folder / f"{number}.{etag}", data)
            for path in folder.glob(f"{number}.*"):
                if path.name != f"{number}.{etag}":
                    path.unlink(missing_ok=True)
        return etag

    def finish(self, key: str, upload: str, parts: Sequence[tuple[int, str]], *, replace: bool = False) -> None:
        """See ``Destination.finish``."""
        path = self._path(key)
        with _reached():
            try:
                folder = self._upload_folder(key, upload)
            except UnknownUpload:
                if _holds(path, parts):  # it was finished, and nobody heard of it
                    return
                raise
            try:
                with _open_upload(key):
                    self._join(folder, path, parts, replace=replace)
            except (FileExistsError, IsADirectoryError):
                if not (_is_placed(folder, path) and _holds(path, parts)):
                    raise AlreadyExists(key) from None
            self._remove(folder)

    def abort(self, key: str, upload: str) -> None:
        """See ``Destination.abort``."""
        with contextlib.suppress(UnknownUpload), _reached():
            self._remove(self._upload_folder(key, upload))

    def uploads(self, prefix: str, least_age: float = 0.0) -> Sequence[tuple[str, str]]:
        """See ``Destination.uploads``."""
        uploads = list[tuple[str, str]]()
        with _reached():
            for path in (self._folder / _UPLOADS).glob("*/key"):
                with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
                    is_old = not least_age or time.time() - path.stat().st_mtime >= least_age
                    if is_old and (key := path.read_bytes().decode()).startswith(prefix):
                        uploads.append((key, path.parent.name))
        return sorted(uploads)

    def put(self, key: str, data: bytes, *, media_type: str = OCTETS, replace: bool = False) -> None:  # noqa: ARG002
        """See ``Destination.put``."""
        path = self._path(key)
        with _reached():
            self._check_free(key, replace=replace)
            _make_folders(self._folder, self._folder / _UPLOADS)
            temporary = self._folder / _UPLOADS / f"{secrets.token_hex(16)}.put"
            try:
                self._write(temporary, data, _RESULT_MODE)
                self._place(temporary, path, replace=replace)
            except FileExistsError:
                raise AlreadyExists(key) from None
            finally:
                temporary.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """See ``Destination.get``."""
        path = self._path(key)
        with _reached():
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                raise FileNotFoundError(key) from None

    def has(self, key: str) -> bool:
        """See ``Destination.has``."""
        path = self._path(key)
        with _reached():
            return path.is_file()

    def holds(self, key: str, size: int, crc32c: int) -> bool:
        """See ``Destination.holds``."""
        path = self._path(key)
        with _reached(), contextlib.suppress(NotADirectoryError, IsADirectoryError):
            return _holds(path, [(1, f"{size}-{crc32c:08x}")])
        return False

    def delete(self, key: str) -> None:
        """See ``Destination.delete``; folders that become empty are removed."""
        try:
            names = key_names(key)
        except ValueError:  # so there is none
            return
        path = self._folder.joinpath(*names)
        with _reached():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                path.unlink()
            for folder in path.parents[: len(names) - 1]:
                try:
                    folder.rmdir()
                except OSError:  # it is not empty, or gone
                    break

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*key_names(key))

    def _check_free(self, key: str, *, replace: bool) -> None:
        """Accept a key under which a file can be placed.

        Raises:
            AlreadyExists: there is such a file that is not to be replaced, a folder, or a file in place of a folder.
        """
        path = self._path(key)
        folders = path.parents[: len(key_names(key)) - 1]
        if path.is_dir() or (path.exists() and not replace) or any(folder.is_file() for folder in folders):
            raise AlreadyExists(key)

    def _upload_folder(self, key: str, upload: str) -> Path:
        """Return the folder of an upload, if it is of a key."""
        folder = self._folder / _UPLOADS / upload
        with _reached():
            is_known = _upload.fullmatch(upload) and (folder / "key").is_file()
            if not is_known or (folder / "key").read_bytes() != key.encode():
                raise UnknownUpload(key)
        return folder

    def _join(self, folder: Path, path: Path, parts: Sequence[tuple[int, str]], *, replace: bool) -> None:
        """Make a file of parts.

        Raises:
            FileExistsError: there is such a file.
            FileNotFoundError: a part is missing.
        """
        if path.exists() and not replace:
            raise FileExistsError
        whole = folder / f"{secrets.token_hex(16)}.whole"
        with _new_file(whole, _RESULT_MODE) as joined:
            for number, etag in parts:
                with (folder / f"{number}.{etag}").open("rb") as part:
                    _append(part, joined, _size_of(etag))
            joined.flush()
            os.fsync(joined.fileno())
        self._write(folder / _PLACED, _identity(whole))
        try:
            self._place(whole, path, replace=replace)
        finally:
            whole.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes, mode: int = FILE_MODE) -> None:
        """Write a file that is whole or not there."""
        temporary = path.with_name(f"{secrets.token_hex(16)}.part")
        try:
            with _new_file(temporary, mode) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _place(self, temporary: Path, path: Path, *, replace: bool) -> None:
        """Give a file its name.

        Raises:
            FileExistsError: there is such a file.
        """
        for _ in range(_TRIES):
            _make_folders(self._folder, path.parent)
            with contextlib.suppress(FileNotFoundError):
                if replace:
                    temporary.replace(path)
                else:
                    path.hardlink_to(temporary)
                _sync_folder(path.parent)
                return
        raise OSError("folders of exports are removed while files are put into them")

    def _remove(self, folder: Path) -> None:
        (folder / "key").unlink(missing_ok=True)  # first, so that the upload is gone at once
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _reached() -> Iterator[None]:
    """Log what goes wrong with a file, and tell callers no path.

    Raises:
        StorageUnavailable: the folder cannot be used.
    """
    try:
        yield
    except FileNotFoundError as error:
        if error.errno is None:  # it is told to the caller
            raise
        _log.error("a folder of exports cannot be used: %s", error)
        raise StorageUnavailable from None
    except OSError as error:
        _log.error("a folder of exports cannot be used: %s", error)
        raise StorageUnavailable from None


@contextmanager
def _open_upload(key: str) -> Iterator[None]:
    """Tell that an upload is gone where one of its files is.

    Raises:
        UnknownUpload: it is.
    """
    try:
        yield
    except FileNotFoundError:
        raise UnknownUpload(key) from None


def _new_file(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode), "wb")


def _make_folders(top: Path, folder: Path) -> None:
    """Make folders: those of uploads for their owner alone, others as the umask says. What exists stays as it is."""
    top.mkdir(parents=True, exist_ok=True)
    path = top
    for name in folder.relative_to(top).parts:
        path = path / name
        path.mkdir(mode=_FOLDER_MODE if _UPLOADS in path.relative_to(top).parts else 0o777, exist_ok=True)


def _append(part: BinaryIO, joined: BinaryIO, size: int) -> None:
    """Append a file to another one; within the kernel where it can do that.

    Raises:
        FileNotFoundError: the part has another size than it was stored with.
    """
    if os.fstat(part.fileno()).st_size != size:
        raise FileNotFoundError
    joined.flush()
    copied = 0
    with contextlib.suppress(AttributeError, OSError):  # another system, or a file system that cannot
        while copied < size and (count := os.copy_file_range(part.fileno(), joined.fileno(), size - copied)):
            copied += count
    part.seek(copied)
    joined.seek(0, os.SEEK_END)
    shutil.copyfileobj(part, joined, _PIECE)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size_of(etag: str) -> int:
    match = _etag.fullmatch(etag)
    if match is None:
        raise FileNotFoundError
    return int(match[1])


def _holds(path: Path, parts: Sequence[tuple[int, str]]) -> bool:
    """Tell whether a file consists of parts."""
    matches = [_etag.fullmatch(etag) for _, etag in parts]
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != sum(int(match[1]) for match in matches if match):
                return False
            return all(match and _checksum(file, int(match[1])) == int(match[2], 16) for match in matches)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False


def _identity(path: Path) -> bytes:
    """Return what tells a file from all others of the machine, whatever its name is."""
    status = path.stat()
    return f"{status.st_dev} {status.st_ino}".encode()


def _is_placed(folder: Path, path: Path) -> bool:
    """Tell whether a file is that of an upload, and not one of the same bytes that another made."""
    try:
        return (folder / _PLACED).read_bytes() == _identity(path)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _checksum(file: BinaryIO, size: int) -> int:
    crc = 0
    while piece := file.read(min(_PIECE, size)):
        crc = google_crc32c.extend(crc, piece)
        size -= len(piece)
    return crc
