"""Reads files in processes of their own, which may be killed: a hostile file costs the request that asked for it.

Without ``in_children`` nothing is apart: ``call`` calls a function in this process. Within it, a bounded number of
calls run in children at a time. A child reads one version of one file and no other, so that a file that takes it over
cannot answer for others; it is ended when others need its place. A child has a limit of memory, each call limits of
time and of processor time, and the children get neither the environment of this process nor its open files.
"""

import contextlib
import io
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from rasterwire.errors import SourceUnavailable
from rasterwire.files.fork_server import Forked, ForkServer, ForkServerEnded, ReadLimits, SandboxFailure
from rasterwire.files.sandbox_messages import ClosedByPeer, receive, send

__all__ = ["MAX_ANSWER_BYTES", "FileVersion", "ReadLimits", "SandboxFailure", "call", "in_children", "is_apart"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FileVersion = tuple[str, str]
"""Address and version of a file."""

_MAX_IDLE = 16
"""Children that wait for another call of their file, for each that may be at work. Each takes some MB of memory."""

MAX_ANSWER_BYTES = 64 << 20
"""Of the answer of a child that says nothing of pixels, such as a header of very many bands."""

_MAX_AROUND_BYTES = 1 << 20
"""Of an answer beside its pixels, such as an error with its traceback."""

_MAX_PROBLEM = 500
"""Characters of an error of a child."""

TOO_LONG = "reading it took too long"
TOO_MUCH = "reading it took too much memory"
ENDED = "it ended the process that decoded it; it is damaged, or needs too much memory"


class _Child:
    """A process that runs one call at a time. Not safe to use from several threads."""

    def __init__(self, server: ForkServer, limits: ReadLimits, file: FileVersion) -> None:
        self.file = file
        self._server, self._limits = server, limits
        self._forked: Forked = server.fork()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._forked.pid

    def call(self, function: Callable[..., T], arguments: tuple[object, ...], most: int) -> T:
        """Return the result of a function, which may have so many bytes.

        Raises:
            SourceUnavailable: of the function, or it took too much; the child is then of no more use.
            SandboxFailure: the function or the child failed otherwise.
        """
        deadline = time.monotonic() + self._limits.seconds
        peer = self._forked.socket
        try:
            send(peer, pickle.dumps((function, arguments)), [], self._limits.seconds)
            answer, parts = receive(peer, deadline, most)
        except TimeoutError:
            raise SourceUnavailable.of_file(TOO_LONG) from None
        except (ClosedByPeer, OSError):
            raise SourceUnavailable.of_file(TOO_LONG if self.end() == -signal.SIGXCPU else ENDED) from None
        result: T = _result(answer, parts)
        return result

    def end(self) -> int | None:
        """End the process, whatever it is at; a call of it fails then. Returns its exit code, None where not known."""
        code = self._server.end(self._forked.pid)
        self._forked.socket.close()
        return code


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
        words = [word[:_MAX_PROBLEM] if word.isprintable() else "" for word in text.split("\0", 2)]
        raise SourceUnavailable(*words, *("",) * (3 - len(words)))
    raise SandboxFailure(text)


class Sandbox:
    """Children up to a number of them at work. Safe to use from several threads."""

    def __init__(
        self, count: int, limits: ReadLimits, prepare: Callable[[], None] | None, variables: tuple[str, ...]
    ) -> None:
        self._start = partial(ForkServer, limits, prepare, variables)
        self._limits, self._count = limits, count
        self._starting = threading.Lock()
        self._server = self._start()
        self._free = threading.Condition()
        self._is_closed = False
        self._at_work: set[_Child] = set()
        self._places = count
        # the one that was used last is at the end
        self._idle: list[_Child] = []

    def call(self, file: FileVersion, most: int, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run a function in a child of a file; wait for a place where as many are at work as may be."""
        child = self._taken(file)
        is_sound = False
        try:
            result = child.call(function, arguments, most)
            is_sound = True
            return result
        except SourceUnavailable as error:
            is_sound = error.problem not in {TOO_LONG, TOO_MUCH, ENDED}
            raise
        finally:
            self._give_back(child, is_sound=is_sound)

    def _taken(self, file: FileVersion) -> _Child:
        """Return a child that has read no other file."""
        with self._free:
            while not self._places and not self._is_closed:
                self._free.wait()
            if self._is_closed:
                raise SandboxFailure("the server stops")
            self._places -= 1
            child = next((child for child in reversed(self._idle) if child.file == file), None)
            if child is not None:
                self._idle.remove(child)
                self._at_work.add(child)
                return child
        try:
            child = self._started(file)
            with self._free:
                self._at_work.add(child)
            return child
        except BaseException:
            self._leave()
            raise

    def _started(self, file: FileVersion) -> _Child:
        """Return a new child.

        Raises:
            SandboxFailure: the system starts no process now; the next call tries again.
        """
        for is_second in (False, True):
            server = self._server
            try:
                return _Child(server, self._limits, file)
            except ForkServerEnded:
                if is_second:
                    raise
            except SandboxFailure:
                server.close()
                raise
            with self._starting:
                if self._server is server and not self._is_closed:
                    server.close()
                    try:
                        self._server = self._start()
                    except OSError as error:
                        raise SandboxFailure("a process that reads files cannot be started") from error
        raise AssertionError("the second one returns or raises")

    def _leave(self) -> None:
        with self._free:
            self._places += 1
            self._free.notify()

    def _give_back(self, child: _Child, *, is_sound: bool) -> None:
        surplus = None if is_sound else child
        with self._free:
            self._at_work.remove(child)
            if is_sound:
                self._idle.append(child)
                if len(self._idle) > _MAX_IDLE * self._count or self._is_closed:
                    surplus = self._idle.pop(0)
        if surplus is not None:
            surplus.end()
        self._leave()

    def close(self) -> None:
        """End all children, also those at work."""
        with self._free:
            self._is_closed = True
            self._free.notify_all()
            idle, at_work = [*self._idle], [*self._at_work]
            self._idle.clear()
        for child in at_work:
            self._server.end(child.pid)  # its call fails, and closes its socket
        for child in idle:
            child.end()
        with self._starting:
            self._server.close()


_sandbox: Sandbox | None = None


def is_apart() -> bool:
    """Tell whether ``call`` runs functions in another process."""
    return _sandbox is not None


def call(file: FileVersion, function: Callable[[*Ts], T], *arguments: *Ts, most: int = MAX_ANSWER_BYTES) -> T:
    """Return what a function returns for arguments; within ``in_children`` it runs in another process.

    Args:
        file: that the function reads, and no other. The process has read no other, nor another version of it.
        function: of a module, so that the child finds it by its name. It returns what ``_CLASSES`` allow.
        arguments: by position. They can be pickled.
        most: bytes of what the function returns, roughly; a child that announces more is ended.

    Raises:
        SourceUnavailable: of the function; or it took too long or too much memory, or ended the process. The error
            names neither image nor band then.
    """
    if _sandbox is None:
        return function(*arguments)
    return _sandbox.call(file, most + _MAX_AROUND_BYTES, function, *arguments)


@contextlib.contextmanager
def in_children(
    count: int, limits: ReadLimits, prepare: Callable[[], None] | None = None, variables: tuple[str, ...] = ()
) -> Iterator[None]:
    """Let ``call`` run functions in children for the time of the block.

    Args:
        count: of children at work at the same time, at least 1.
        limits: of each call.
        prepare: a function of a module. It runs once, in the process of which children are forked: it starts no thread.
        variables: of the environment that children get besides those that all get, by the beginning of their names.
    """
    global _sandbox  # noqa: PLW0603  files are read in many places, all of them in the same children
    sandbox = _sandbox = Sandbox(count, limits, prepare, variables)
    try:
        yield
    finally:
        _sandbox = None
        sandbox.close()
