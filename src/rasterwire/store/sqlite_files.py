"""Files of SQLite that were removed, replaced or damaged while they are open."""

import sqlite3
from contextlib import suppress
from pathlib import Path

__all__ = ["file_identity", "is_damage", "set_aside"]

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


def set_aside(path: Path) -> None:
    """Give a file and its log names that end with ``.damaged``, in place of what had these before.

    Nobody may open it meanwhile: a log of another file would be taken for its own.
    """
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{suffix}").replace(path.with_name(f"{path.name}.damaged{suffix}"))
