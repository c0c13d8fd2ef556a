"""Opens files of this machine so that the file that is open is the one whose path was checked.

Whoever may write into the folder of a catalog can put a link in the place of a file or folder after its path was
checked. So the path of the open file is compared, and libraries are given the open file in place of its path.
"""

import os
import stat

__all__ = ["LinkInPath", "NotRegular", "is_at", "name_of", "open_regular"]

_OF_PROCESS = "/proc/self/fd"
_HAS_NAMES = os.path.isdir(_OF_PROCESS)
"""Whether the system gives open files names by which they can be opened again, and tells their paths; Linux does."""


class LinkInPath(OSError):
    """A path leads through a link."""


class NotRegular(OSError):
    """What is at a path is no regular file."""


def open_regular(path: str) -> int:
    """Return a descriptor of a file, to be closed by the caller.

    Args:
        path: absolute, links resolved.

    Raises:
        LinkInPath: there is a link in the path by now.
        NotRegular: it is a folder or a pipe, say.
        OSError: it cannot be opened.
        ValueError: it is no path.
    """
    # Looked at before it is opened, since to open a device may have effects; not blocking, for a pipe in its place.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise NotRegular
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular
        if not is_at(descriptor, path):
            raise LinkInPath
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_at(descriptor: int, path: str) -> bool:
    """Tell whether an open file is at a path, and no link leads there.

    Where the system cannot tell the path of an open file, the path is looked at: a link that is gone again is missed.
    """
    if _HAS_NAMES:
        return os.readlink(f"{_OF_PROCESS}/{descriptor}") == path
    return os.path.realpath(path) == path and os.path.samestat(os.fstat(descriptor), os.stat(path))


def name_of(descriptor: int, path: str) -> str:
    """Return a name by which a library opens this file, as long as it is open; its path where there is no such name."""
    return f"{_OF_PROCESS}/{descriptor}" if _HAS_NAMES else path
