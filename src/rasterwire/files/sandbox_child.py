"""The process that forks those that read files for another one, and these; see ``sandbox`` and ``fork_server``.

The first one reads no file and has one thread. So what a fork of it begins with is what the server set, whatever was
done to the forks before.
"""

import contextlib
import gc
import math
import os
import pickle
import signal
import socket
import sys
import time
import traceback

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from rasterwire.errors import SourceUnavailable
from rasterwire.files.sandbox_messages import ANSWER, COMMAND, FORK, ClosedByPeer, pack, receive, send
from rasterwire.files.system_calls import forbid_calls_to_others

_MAX_MESSAGE = 1 << 30

_END_SECONDS = 1.0
"""In which a process that is killed is gone, unless it waits for a disk."""


def main(descriptor: int) -> None:
    """Fork a process for each request, until the other process closes the socket; in a fork, run calls."""
    with socket.socket(fileno=descriptor) as control, contextlib.suppress(ClosedByPeer, ConnectionError):
        # it comes from the process that started this one
        prepare, seconds, memory = pickle.loads(receive(control, None, _MAX_MESSAGE)[0])
        try:
            if prepare is not None:
                prepare()
        except Exception:  # noqa: BLE001  told to the process that started this one
            send(control, traceback.format_exc().encode(), [])
            return
        gc.collect()
        gc.freeze()  # a collection in a fork would copy all that it shares with this process
        send(control, b"ready", [])
        peer = _fork_all(control)
        if peer is not None:
            _limit_memory(memory)
            forbid_calls_to_others()
            with peer:
                while _answer(peer, seconds):
                    pass


def _fork_all(control: socket.socket) -> socket.socket | None:
    """Return the socket of a fork in that fork; None in this process, after the other one has ended."""
    forks: set[int] = set()
    while True:
        command, descriptors, _, _ = socket.recv_fds(control, COMMAND.size, 1)
        if not command:
            return None
        kind, pid = COMMAND.unpack(command)
        if kind == FORK:
            with contextlib.suppress(OSError):  # there is no room for a process now: its id stays 0
                pid = os.fork()
                if pid == 0:
                    control.close()  # a fork must not ask for others, nor speak for this process
                    return socket.socket(fileno=descriptors[0])
                forks.add(pid)
            answer = pid > 0, pid
        elif pid in forks:  # after its end another process may have its id
            forks.remove(pid)
            answer = _ended(pid)
        else:
            answer = False, 0
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(ANSWER.pack(*answer))


def _ended(pid: int) -> tuple[bool, int]:
    """End a fork; return whether it is gone, and its exit code: of its own, where it had ended before."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return True, os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return False, 0


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
