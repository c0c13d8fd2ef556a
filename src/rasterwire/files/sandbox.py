"""Reads files in processes of their own, which may be killed: a hostile file costs the request that asked for it.

Without ``use`` nothing is apart: ``call`` calls a function in this process. Within it, each call goes to one of a
bounded number of children, that live until a call kills them. A child has a limit of memory, each call limits of
time and of processor time, and the children get neither the environment of this process nor its open files.
"""

import contextlib
import io
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from rasterwire.errors import SourceUnavailable
from rasterwire.files.sandbox_messages import ClosedByPeer, receive, send

__all__ = ["ReadLimits", "SandboxFailure", "call", "in_children", "is_apart"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_START_SECONDS = 120.0
"""In which a child has to be ready; it loads the libraries, and compiled loops."""

_END_SECONDS = 1.0
"""In which a child that ends is gone after its last word."""

_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_CACHE_HOME")
_KEPT_PREFIXES = ("LC_", "PYTHON", "NUMBA_", "PROJ_", "GDAL_DATA")
"""Of the environment; the rest may hold keys."""

_CHILD = "rasterwire.files.sandbox_child"

TOO_LONG = "reading it took too long"
TOO_MUCH = "reading it took too much memory"
ENDED = "it ended the process that decoded it; it is damaged, or needs too much memory"


class SandboxFailure(RuntimeError):
    """A child cannot be started, or failed for another reason than the file; the text is for the log."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one call in a child may take.

    Attributes:
        seconds: of time, and of processor time.
        bytes: of memory beside that of an idle child, where the system can limit it.
    """

    seconds: float = 60.0
    bytes: int = 2 << 30


class _Child:
    """A process that runs one call at a time. Not safe to use from several threads."""

    def __init__(self, limits: ReadLimits, prepare: Callable[[], None] | None, variables: tuple[str, ...]) -> None:
        self._limits = limits
        self._is_ready = False
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
            stack.callback(self.end)
            send(self._socket, pickle.dumps((prepare, limits.seconds, limits.bytes)), [], _START_SECONDS)
            stack.pop_all()

    def call(self, function: Callable[..., T], arguments: tuple[object, ...]) -> T:
        """Return the result of a function.

        Raises:
            SourceUnavailable: of the function, or it took too much; the child is then dead.
            SandboxFailure: the function or the child failed otherwise.
        """
        if not self._is_ready:
            self._wait_until_ready()
        deadline = time.monotonic() + self._limits.seconds
        try:
            send(self._socket, pickle.dumps((function, arguments)), [], self._limits.seconds)
            answer, parts = receive(self._socket, deadline, self._limits.bytes)
        except TimeoutError:
            raise SourceUnavailable.of_file(TOO_LONG) from None
        except (ClosedByPeer, OSError):
            raise SourceUnavailable.of_file(self._cause_of_end()) from None
        result: T = _result(answer, parts)
        return result

    def _wait_until_ready(self) -> None:
        try:
            answer, _ = receive(self._socket, time.monotonic() + _START_SECONDS, 1 << 20)
        except (ClosedByPeer, OSError):
            raise SandboxFailure("a process that reads files did not start") from None
        if answer != b"ready":
            raise SandboxFailure(answer.decode(errors="replace"))
        self._is_ready = True

    def _cause_of_end(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it runs on, and only sent what is no message
            if self._process.wait(_END_SECONDS) == -signal.SIGXCPU:
                return TOO_LONG
        return ENDED

    def kill(self) -> None:
        """End the process, whatever it is at; a call of it fails then."""
        self._process.kill()

    def end(self) -> None:
        """End the process, and wait until it has ended; none of its calls runs any more."""
        self.kill()
        self._process.wait()
        self._socket.close()


_CLASSES = frozenset(
    {
        ("affine", "Affine"),
        ("builtins", "complex"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("odc.geo.crs", "CRS"),
        ("odc.geo.geobox", "GeoBox"),
        ("odc.geo.types", "Shape2d"),
        ("rasterwire.catalog.header", "BandHeader"),
        ("rasterwire.catalog.header", "Header"),
        ("rasterwire.files.arrays.layers", "Moment"),
        ("rasterwire.files.sandbox_messages", "array_of"),
        ("rasterwire.files.sandbox_messages", "scalar_of"),
        ("rasterwire.image", "BandMetadata"),
        ("rasterwire.image", "ControlPoint"),
        ("rasterwire.image", "FileMetadata"),
        ("rasterwire.image", "Tiling"),
        ("rasterwire.pixels", "NodataPixels"),
        ("rasterwire.pixels", "Pixels"),
    }
)
"""All that an answer may consist of. A decoder that was taken over shall not run code here."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes, parts: list[bytearray]) -> None:
        super().__init__(io.BytesIO(content), buffers=parts)

    def find_class(self, module: str, name: str, /) -> object:
        if (module, name) not in _CLASSES:
            raise SandboxFailure(f"an answer of a child has a {module}.{name}")
        return super().find_class(module, name)


def _result(answer: bytes, parts: list[bytearray]) -> Any:
    """Return what the function returned, or raise its error; see ``sandbox_child``."""
    kind, content = answer[:1], answer[1:]
    if kind == b"v":
        try:
            return _Unpickler(content, parts).load()
        except SandboxFailure:
            raise
        except Exception as error:  # of whatever was chosen to be called
            raise SandboxFailure("an answer of a child cannot be read") from error
    if kind == b"m":
        raise SourceUnavailable.of_file(TOO_MUCH)
    text = content.decode(errors="replace")
    if kind == b"u":
        raise SourceUnavailable(*text.split("\0", 2))
    raise SandboxFailure(text)


class Sandbox:
    """A bounded number of children. Safe to use from several threads."""

    def __init__(
        self, count: int, limits: ReadLimits, prepare: Callable[[], None] | None, variables: tuple[str, ...]
    ) -> None:
        self._start = partial(_Child, limits, prepare, variables)
        self._free = threading.Condition()
        self._is_closed = False
        # the one that was used last is at the end: its caches are warm
        self._idle = [self._start() for _ in range(count)]
        self._all = list(self._idle)
        self._absent = 0

    def call(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run a function in a child; wait for one where all are at work."""
        with self._free:
            while not self._idle and not self._absent and not self._is_closed:
                self._free.wait()
            if self._is_closed:
                raise SandboxFailure("the server stops")
            child = self._idle.pop() if self._idle else self._started()
        is_sound = False
        try:
            result = child.call(function, arguments)
            is_sound = True
            return result
        except SourceUnavailable as error:
            is_sound = error.problem not in {TOO_LONG, TOO_MUCH, ENDED}
            raise
        finally:
            self._give_back(child, is_sound=is_sound)

    def _started(self) -> _Child:
        """Return a new child in place of one that is absent; with the lock.

        Raises:
            SandboxFailure: the system starts no process now; the next call tries again.
        """
        try:
            child = self._start()
        except OSError as error:
            raise SandboxFailure("a process that reads files cannot be started") from error
        self._absent -= 1
        self._all.append(child)
        return child

    def _give_back(self, child: _Child, *, is_sound: bool) -> None:
        if not is_sound:
            child.end()
        with self._free:
            if is_sound:
                self._idle.append(child)
            else:
                self._all.remove(child)
                self._absent += 1
                if not self._is_closed:
                    with contextlib.suppress(SandboxFailure):
                        self._idle.insert(0, self._started())  # last of all: it has to start first
            self._free.notify()

    def close(self) -> None:
        """End all children, also those at work."""
        with self._free:
            self._is_closed = True
            self._free.notify_all()
            for child in self._all:
                child.kill()
            for child in self._idle:
                child.end()


_sandbox: Sandbox | None = None


def is_apart() -> bool:
    """Tell whether ``call`` runs functions in another process."""
    return _sandbox is not None


def call(function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Return what a function returns for arguments; within ``in_children`` it runs in another process.

    Args:
        function: of a module, so that the child finds it by its name. It returns what ``_CLASSES`` allow.
        arguments: by position. They can be pickled.

    Raises:
        SourceUnavailable: of the function; or it took too long or too much memory, or ended the process. The error
            names neither image nor band then.
    """
    return function(*arguments) if _sandbox is None else _sandbox.call(function, *arguments)


@contextlib.contextmanager
def in_children(
    count: int, limits: ReadLimits, prepare: Callable[[], None] | None = None, variables: tuple[str, ...] = ()
) -> Iterator[None]:
    """Let ``call`` run functions in children for the time of the block.

    Args:
        count: of children, at least 1.
        limits: of each call.
        prepare: a function of a module, which each child runs before its first call.
        variables: of the environment that children get besides those that all get, by the beginning of their names.
    """
    global _sandbox  # noqa: PLW0603  files are read in many places, all of them in the same children
    sandbox = _sandbox = Sandbox(count, limits, prepare, variables)
    try:
        yield
    finally:
        _sandbox = None
        sandbox.close()


def _environment(more: tuple[str, ...]) -> dict[str, str]:
    variables = os.environ  # noqa: TID251  to leave out what a child does not need
    return {
        name: variables[name] for name in variables if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES + more)
    }
