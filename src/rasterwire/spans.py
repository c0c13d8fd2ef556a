"""Parts of the work for a call, as traces show them; whoever records them knows how.

Work that nobody traces has no span, which costs a look at a variable.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Protocol, TypeVar, TypeVarTuple

__all__ = ["Span", "apart", "carried", "current_span", "queued", "span", "with_few_parts", "within"]

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class Span(Protocol):
    """A part of the work; may be used from several threads."""

    def begin(self, name: str) -> "Span":
        """Begin a part of this part, which needs an ``end``.

        Args:
            name: of a fixed list.
        """
        ...

    def note(self, name: str, value: str | int) -> None:
        """Say something of it that holds no secret, address or path."""
        ...

    def link(self, linked: "Span") -> None:
        """Say that it waits for a part of another call."""
        ...

    def end(self, error: BaseException | None = None) -> None:
        """Say that it is done, or what it failed with."""
        ...


current_span: ContextVar[Span | None] = ContextVar("span", default=None)
"""What this thread or task is at; None where nobody traces it. Set by the doors for the task of each call."""


class _Untold:
    """A part of the work that is not recorded; see ``Span``."""

    def begin(self, name: str) -> "_Untold":  # noqa: ARG002
        return self

    def note(self, name: str, value: str | int) -> None:
        pass

    def link(self, linked: Span) -> None:
        pass

    def end(self, error: BaseException | None = None) -> None:
        pass


_UNTOLD = _Untold()


class _First:
    """A part of the work of which only the first parts of each name are recorded; see ``Span``."""

    def __init__(self, whole: Span, most: int) -> None:
        self._whole = whole
        self._most = most
        self._begun: Counter[str] = Counter()

    def begin(self, name: str) -> Span:
        self._begun[name] += 1
        return self._whole.begin(name) if self._begun[name] <= self._most else _UNTOLD

    def note(self, name: str, value: str | int) -> None:
        self._whole.note(name, value)

    def link(self, linked: Span) -> None:
        self._whole.link(linked)

    def end(self, error: BaseException | None = None) -> None:
        self._whole.end(error)


class _Entered(AbstractContextManager[Span | None]):
    """What this thread is at for the time of a block."""

    def __init__(self, entered: Span | None, *, ends: bool) -> None:
        self._span = entered
        self._ends = ends
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Span | None:
        self._token = current_span.set(self._span)
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            current_span.reset(self._token)
        if self._ends and self._span is not None:
            self._span.end(error)


_UNTRACED: AbstractContextManager[Span | None] = nullcontext()


def span(name: str) -> AbstractContextManager[Span | None]:
    """Return a block that is a part of the work; its value is None where nobody traces it."""
    parent = current_span.get()
    return _UNTRACED if parent is None else _Entered(parent.begin(name), ends=True)


@contextmanager
def apart(name: str) -> Iterator[None]:
    """Do a part of the work as ``span`` does, but what is done in the block is no part of that.

    For generators: between their steps they are left, maybe for another task.
    """
    parent = current_span.get()
    opened = None if parent is None else parent.begin(name)
    try:
        yield
    finally:
        if opened is not None:
            opened.end()


def within(parent: Span | None) -> AbstractContextManager[Span | None]:
    """Return a block whose spans are parts of another one's."""
    return _UNTRACED if parent is None else _Entered(parent, ends=False)


def with_few_parts(most: int) -> AbstractContextManager[Span | None]:
    """Return a block in which the first parts of each name are recorded of what this thread is at, and no others."""
    whole = current_span.get()
    return _UNTRACED if whole is None else _Entered(_First(whole, most), ends=False)


def carried(function: Callable[[*Arguments], T]) -> Callable[[*Arguments], T]:
    """Return a function for another thread, which goes on there with what this one is at."""
    parent = current_span.get()
    if parent is None:
        return function

    def run(*arguments: *Arguments) -> T:
        with within(parent):
            return function(*arguments)

    return run


def queued(queue: str, function: Callable[[], T]) -> Callable[[], T]:
    """Return a function for another thread, as ``carried`` does; the time until it is called is a span.

    Args:
        queue: what it waits in, of a fixed list.
        function: what is to be called.
    """
    parent = current_span.get()
    if parent is None:
        return function
    waiting = parent.begin("admit")
    waiting.note("rasterwire.queue", queue)
    carrying = carried(function)

    def run() -> T:
        waiting.end()
        return carrying()

    return run
