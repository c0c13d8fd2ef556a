"""Whether the state folder can be written, is for the server alone, and has room."""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rasterwire.server.process.doctor.finding import Finding, bad, doubtful, well
from rasterwire.server.settings import Settings
from rasterwire.store.artifacts import usage
from rasterwire.store.sqlite import SCHEMA
from rasterwire.units import bytes_text, plural_text

_LEAST_FREE = 1 << 30
"""Bytes, with fewer of which a server soon refuses renders."""

_PUBLIC = ("lock", "compiling")
"""Files that hold nothing. What else is in the folder, others shall not read."""


_MAX_SHOWN = 5
"""Names in a line."""


def is_held(state_dir: Path) -> bool:
    """Tell whether a server uses a state folder, without touching its lock; False where the kernel does not say."""
    try:
        inode = (state_dir / "lock").stat().st_ino
        locks = Path("/proc/locks").read_text()
    except OSError:
        return False
    return any(line.split()[1] == "FLOCK" and f":{inode} " in line for line in locks.splitlines())


def state_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of the state folder."""
    folder = settings.state_dir
    if not folder.is_dir():
        parent = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        if not parent.is_dir():
            yield bad("state_dir", f"{parent} is a file", "name a folder that the user of the server may write to")
            return
        if not os.access(parent, os.W_OK):
            yield bad("state_dir", f"{folder} cannot be made", f"let this user write to {parent}")
        else:
            yield doubtful("state_dir", f"there is no folder {folder} yet", "a server makes it at its start")
            yield _room(settings, parent)
        return
    yield _writable(folder)
    yield _private(folder)
    yield _same_device(folder)
    yield _room(settings, folder)
    if (folder / "downloads.sqlite").exists():
        yield _downloads(folder / "downloads.sqlite")
    yield well("server", "one runs with this state folder" if is_held(folder) else "none runs with this state folder")


def audit_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether the audit file can be written, which a server needs to start; it is neither made nor changed."""
    file = settings.audit_file
    if file is None:
        return
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        remedy = "name a file in a folder that is there and that this user may write to"
        yield bad("audit_file", f"{file} cannot be written", remedy)
    else:
        yield well("audit_file", f"{file} can be written")


def _writable(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return bad("state_dir", f"{folder} cannot be written: {error.strerror}", "run this as the user of the server")
    return well("state_dir", f"{folder} can be written")


def _private(folder: Path) -> Finding:
    """Look at what is in the folder: below a folder that only its owner may enter, nobody else reads anything."""
    paths = sorted(path for path in folder.iterdir() if path.name not in _PUBLIC)
    open_paths = [path for path in paths if _is_open(path)] if _is_open(folder) else []
    if open_paths:
        shown, rest = open_paths[:_MAX_SHOWN], len(open_paths) - _MAX_SHOWN
        figure = f"others can read {', '.join(path.name for path in shown)}{f' and {rest} more' if rest > 0 else ''}"
        return doubtful("modes", figure, f"chmod go= {' '.join(map(str, shown)) if rest <= 0 else folder}")
    return well("modes", "only its owner can read what is stored")


def _is_open(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except FileNotFoundError:  # a server removed it meanwhile
        return False


def _same_device(folder: Path) -> Finding:
    device = folder.stat().st_dev
    mounted = [name for name in ("cache", "scratch") if (folder / name).exists() and _device(folder / name) != device]
    if mounted:
        remedy = "mount state_dir as a whole: files are moved between its folders"
        return doubtful("device", f"{', '.join(mounted)} is on another device than state_dir", remedy)
    return well("device", "the state folder is on one device")


def _device(path: Path) -> int:
    return path.stat().st_dev


def _room(settings: Settings, folder: Path) -> Finding:
    free, (count, used) = shutil.disk_usage(folder).free, usage(settings.state_dir / "cache")
    figure = f"{bytes_text(free)} free; {bytes_text(used)} of {plural_text(count, 'rendered file')}"
    if free < _LEAST_FREE:
        return bad("disk", figure, "make room, or give state_dir a larger disk")
    if free + used < settings.cache_bytes:
        remedy = f"cache_bytes allows {bytes_text(settings.cache_bytes)}: lower it, or give state_dir a larger disk"
        return doubtful("disk", figure, remedy)
    return well("disk", figure)


def _downloads(path: Path) -> Finding:
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)) as connection:
            ((version,),) = connection.execute("PRAGMA user_version").fetchall()
            if version > SCHEMA:
                figure = f"its version is {version}, this rasterwire knows {SCHEMA}"
                return bad("downloads", figure, "use the rasterwire of the server")
            ((count,),) = connection.execute("SELECT count(*) FROM downloads").fetchall()
    except sqlite3.Error as error:
        return bad("downloads", f"{path.name} cannot be read: {error}", "stop the server and delete the file")
    return well("downloads", f"{count} registered")
