"""Files of SQLite that were removed, replaced or damaged while they are open."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rasterwire.store.private_files import opening_alone

__all__ = ["DAMAGED", "file_identity", "is_damage", "opened", "set_aside_damaged"]

DAMAGED = ".damaged"
"""What the name of a file that was set aside ends with."""

_PRIMARY = 0xFF
"""The bits of an error code that name its kind."""


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file of a name from others that had or will have it; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error says that the file itself is damaged, or no database."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def opened(
    path: Path, connect: Callable[[Path], sqlite3.Connection], tell_damage: Callable[[], None]
) -> tuple[sqlite3.Connection, tuple[int, int] | None]:
    """Open a file while nobody else does, and return it with its identity; one that is damaged is set aside before.

    Args:
        path: of the file.
        connect: opens or creates it.
        tell_damage: is called where it is set aside.

    Raises:
        sqlite3.Error, OSError: it cannot be used.
    """
    with opening_alone(path):
        try:
            connection = connect(path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            tell_damage()
            _set_aside(path)
            connection = connect(path)
        return connection, file_identity(path)


def set_aside_damaged(path: Path, damaged: tuple[int, int] | None, tell_damage: Callable[[], None]) -> None:
    """Set aside a file that turned out to be damaged, unless another process did; that it cannot be changes nothing.

    Args:
        path: of the file.
        damaged: its identity.
        tell_damage: see ``opened``.
    """
    with suppress(OSError), opening_alone(path):
        if file_identity(path) == damaged:
            tell_damage()
            _set_aside(path)


def _set_aside(path: Path) -> None:
    """Give a file and its log names that end with ``.damaged``, in place of what had these before.

    Nobody may open it meanwhile: a log of another file would be taken for its own.
    """
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{suffix}").replace(path.with_name(f"{path.name}{DAMAGED}{suffix}"))
