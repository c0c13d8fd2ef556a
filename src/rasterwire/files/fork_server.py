"""Starts the processes that read files for this one. They are forked from one that is ready and never reads a file.

A child is needed for each file, and to start Python and load all libraries takes seconds; a fork takes milliseconds.
What happens in the other processes is in ``sandbox_child``.
"""

import contextlib
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from rasterwire.files.sandbox_messages import ANSWER, COMMAND, END, FORK, ClosedByPeer, receive, send

__all__ = ["ForkServer", "ForkServerEnded", "Forked", "ReadLimits", "SandboxFailure"]

_START_SECONDS = 120.0
"""In which the server has to be ready; it loads the libraries, and compiled loops. Also for each fork."""

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_CACHE_HOME")
_KEPT_PREFIXES = ("LC_", "PYTHON", "NUMBA_", "PROJ_", "GDAL_DATA")
"""Of the environment; the rest may hold keys."""

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A fork copies one thread alone, so that the process must have no other."""

_CHILD = "rasterwire.files.sandbox_child"


class SandboxFailure(RuntimeError):
    """A child cannot be started, or failed for another reason than the file; the text is for the log."""


class ForkServerEnded(SandboxFailure):
    """The process that forks children has ended; another one may be started."""

    def __init__(self) -> None:
        super().__init__("the process that starts others to read files has ended")


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one call in a child may take.

    Attributes:
        seconds: of time, and of processor time.
        bytes: of memory beside that of an idle child, where the system can limit it.
    """

    seconds: float = 60.0
    bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Forked:
    """A child, and the socket to it."""

    pid: int
    socket: socket.socket


class ForkServer:
    """A process that forks others. Safe to use from several threads.

    Args:
        limits: of each call in its children.
        prepare: see ``sandbox.in_children``.
        variables: see ``sandbox.in_children``.

    Raises:
        OSError: the system starts no process now.
    """

    def __init__(self, limits: ReadLimits, prepare: Callable[[], None] | None, variables: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._is_ready = self._is_closed = False
        self._socket, other = socket.socketpair()
        with contextlib.ExitStack() as stack, other:
            stack.callback(self._socket.close)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(other.fileno())],
                env=_environment(variables),
                stdin=subprocess.DEVNULL,
                pass_fds=(other.fileno(),),
                start_new_session=True,  # Ctrl-C is not for it
            )
            stack.callback(self.close)
            send(self._socket, pickle.dumps((prepare, limits.seconds, limits.bytes)), [], _START_SECONDS)
            stack.pop_all()

    def fork(self) -> Forked:
        """Return a new child, which has read no file; wait until the server is ready.

        Raises:
            SandboxFailure: there is none. After ``ForkServerEnded`` another server is needed.
        """
        here, there = socket.socketpair()
        try:
            with there, self._lock:
                self._wait_until_ready()
                is_forked, pid = self._asked(COMMAND.pack(FORK, 0), there)
            if not is_forked:
                raise SandboxFailure("a process that reads files cannot be started")
        except BaseException:
            here.close()
            raise
        return Forked(pid, here)

    def end(self, pid: int) -> int | None:
        """End a child; return its exit code where it ended by itself before, that of the end otherwise.

        None where that is not known: the server has ended, and its children with it.
        """
        with self._lock, contextlib.suppress(ForkServerEnded):
            is_ended, code = self._asked(COMMAND.pack(END, pid))
            return code if is_ended else None
        return None

    def close(self) -> None:
        """End the process, and all that it forked and that did not leave its group."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # it was not waited for, so that no other has its id
            self._process.wait()
            self._socket.close()

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        try:
            answer, _ = receive(self._socket, time.monotonic() + _START_SECONDS, 1 << 20)
        except (ClosedByPeer, OSError):
            raise ForkServerEnded from None
        if answer != b"ready":
            raise SandboxFailure(answer.decode(errors="replace"))
        self._is_ready = True

    def _asked(self, command: bytes, peer: socket.socket | None = None) -> tuple[bool, int]:
        if self._is_closed:
            raise ForkServerEnded
        try:
            self._socket.settimeout(_START_SECONDS)
            socket.send_fds(self._socket, [command], [] if peer is None else [peer.fileno()])
            is_done, number = ANSWER.unpack(self._socket.recv(ANSWER.size, socket.MSG_WAITALL))
        except (OSError, struct.error):
            raise ForkServerEnded from None
        return bool(is_done), int(number)


def _environment(more: tuple[str, ...]) -> dict[str, str]:
    variables = os.environ  # noqa: TID251  to leave out what a child does not need
    kept = {
        name: variables[name] for name in variables if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES + more)
    }
    return kept | _ONE_THREAD
