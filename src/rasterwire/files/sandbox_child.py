"""The process that reads files for another one; see ``sandbox``."""

import contextlib
import math
import os
import pickle
import socket
import sys
import traceback

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from rasterwire.errors import SourceUnavailable
from rasterwire.files.sandbox_messages import ClosedByPeer, pack, receive, send

_MAX_MESSAGE = 1 << 30


def main(descriptor: int) -> None:
    """Run calls until the other process closes the socket."""
    with socket.socket(fileno=descriptor) as peer, contextlib.suppress(ClosedByPeer, ConnectionError):
        # it comes from the process that started this one
        prepare, seconds, memory = pickle.loads(receive(peer, None, _MAX_MESSAGE)[0])
        try:
            if prepare is not None:
                prepare()
            _limit_memory(memory)
        except Exception:  # noqa: BLE001  told to the process that started this one
            send(peer, traceback.format_exc().encode(), [])
            return
        send(peer, b"ready", [])
        while _answer(peer, seconds):
            pass


def _answer(peer: socket.socket, seconds: float) -> bool:
    """Run one call; return whether this process may run another one."""
    function, arguments = pickle.loads(receive(peer, None, _MAX_MESSAGE)[0])
    _limit_time(seconds)
    try:
        content, parts = pack(function(*arguments))
        send(peer, b"v" + content, parts)
    except BaseException as error:  # noqa: BLE001  told to the process that waits for it
        if _is_memory(error):
            send(peer, b"m", [])
            return False  # what a library did with half of its memory is unknown
        if isinstance(error, SourceUnavailable):
            send(peer, b"u" + "\0".join((error.image_id, error.band, error.problem)).encode(), [])
        else:
            send(peer, b"e" + traceback.format_exc().encode(), [])
    return True


def _is_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _limit_time(seconds: float) -> None:
    """Let the kernel end this process after so much more processor time, also when nobody waits for it any more."""
    if resource is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(usage.ru_utime + usage.ru_stime + seconds), most))


def _limit_memory(memory: int) -> None:
    """Limit memory to so many bytes beside those that this process has, and forbid dumps of it."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # only Linux tells the size, and not every system has the limit
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
            pages = int(file.read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + memory,) * 2)


if __name__ == "__main__":
    main(int(sys.argv[1]))
