"""Files and folders of the server alone: what it keeps may be confidential, whatever the umask is."""

import contextlib
import os
from pathlib import Path

FILE_MODE = 0o600
_FOLDER_MODE = 0o700


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter, with what it lies in, or close one that is there to others."""
    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    if path.stat().st_mode & 0o777 != _FOLDER_MODE:
        with contextlib.suppress(PermissionError):  # it is of another user, who gave it to this one
            path.chmod(_FOLDER_MODE)


def private_file(path: str, flags: int) -> int:
    """Open a file that only its owner can read; an ``opener`` of ``open``."""
    return os.open(path, flags, FILE_MODE)
