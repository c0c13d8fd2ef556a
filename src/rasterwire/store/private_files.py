"""Files and folders that only the server's user can read, whatever the umask is: data may be confidential."""

import contextlib
import os
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
