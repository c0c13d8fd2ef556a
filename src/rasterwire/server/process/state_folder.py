"""The state folder of a server: one server holds it, and what ended processes left in it is removed."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rasterwire.server.process.numbers import forget_worker
from rasterwire.server.process.stores import LEASES
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.store.artifacts import move_old_files, remove_unfinished

__all__ = ["locked", "remove_leftovers", "scratch_folder", "unusable_state_folder"]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold a state folder by an open file, so that no other server takes for leftovers what this one is at.

    Yields:
        the descriptor of the file.

    Raises:
        BadSettings: another server holds it, or it cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # one that is there stays as its owner wants it
        file = (folder / "lock").open("w")
    except OSError as error:
        raise unusable_state_folder(folder, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSettings(f"state_dir: another server uses {folder}; give each its own") from None
        yield file.fileno()


def unusable_state_folder(folder: Path, error: OSError) -> BadSettings:
    """Return that a state folder cannot be used, and what to do, which errors of this package say themselves."""
    problem = "it is a file" if folder.is_file() else error.strerror
    remedy = "; name a folder that this user may write to, by --state-dir" if error.errno else ""
    return BadSettings(f"state_dir: {folder} cannot be used: {problem}{remedy}")


def scratch_folder(settings: Settings) -> Path:
    """Return the folder for files of running renders of this process."""
    return settings.state_dir / "scratch" / str(os.getpid())


def remove_leftovers(state_dir: Path, pid: int | None = None) -> None:
    """Remove what a process that is gone was at; None stands for all of them."""
    shutil.rmtree(state_dir / "scratch" / ("" if pid is None else str(pid)), ignore_errors=True)
    remove_unfinished(state_dir / "cache", pid)
    if pid is not None:
        forget_worker(state_dir, pid)
    else:
        move_old_files(state_dir / "cache")
        for path in state_dir.glob(f"{LEASES}*"):
            path.unlink()
