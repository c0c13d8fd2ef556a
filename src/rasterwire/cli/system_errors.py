"""Errors of the operating system as sentences that say what to do."""

import os
from pathlib import Path

from rasterwire.cli.text import printable

__all__ = ["system_error_text"]


def system_error_text(error: OSError) -> str:
    """Return the sentence of an error; one that was given a sentence has it already."""
    if not error.errno or error.filename is None:
        return printable(str(error.strerror or error))
    path = Path(os.fsdecode(error.filename))
    problem, remedy = _problem(error, path)
    return printable(f"{problem}; {remedy}")


def _problem(error: OSError, path: Path) -> tuple[str, str]:
    """Return what is wrong with a path, and what to do."""
    parent, cause = path.parent, (error.strerror or str(error)).lower()
    try:
        if isinstance(error, FileNotFoundError) and not parent.is_dir():
            return f"there is no folder {parent}", "make it, or name another one"
        if isinstance(error, FileNotFoundError):
            return f"there is no file {path}", "look whether its name is right"
        if isinstance(error, NotADirectoryError) and not parent.is_dir():
            return f"{parent} is not a folder", "name a file in a folder"
        if isinstance(error, PermissionError) and not path.exists():
            return f"{cause}: this user may not write to the folder {parent}", "run this as its owner"
    except OSError:  # a folder above may not be entered
        return f"{path}: {cause}", "run this as the owner of its folder"
    if isinstance(error, PermissionError):
        return f"{cause}: this user may not use {path}", "run this as its owner"
    return f"{path}: {cause}", "name another one, or mend that"
