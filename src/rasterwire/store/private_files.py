"""Files and folders that only the server's user can read, whatever the umask is: data may be confidential."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def private_folder(path: Path) -> None:
    """Create a folder with its parents, or change an existing one, so that only its owner can enter it."""
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    if path.stat().st_mode & 0o777 != _FOLDER_MODE:
        with contextlib.suppress(PermissionError):  # it belongs to another user, who gave access to this one
            path.chmod(_FOLDER_MODE)


def private_file(path: str, flags: int) -> int:
    """Open a file that only its owner can read; for the argument ``opener`` of ``open``."""
    return os.open(path, flags, FILE_MODE)


@contextmanager
def opening_alone(path: Path) -> Iterator[None]:
    """Let one process at a time open a database: SQLite does not wait while it changes to a write-ahead log."""
    with os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, FILE_MODE)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
