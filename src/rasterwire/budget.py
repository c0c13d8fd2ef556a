"""What one evaluation may take: time, calls and memory. Each is counted while it is spent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rasterwire.errors import InvalidExpression, RenderCancelled

MAX_CALLS = 1_000_000
"""Function calls in one evaluation of an expression."""

MAX_SECONDS = 300.0
"""Seconds that one evaluation may take; Earth Engine's limit for answers that somebody waits for."""

MAX_BLOCK_SECONDS = 120.0
"""Seconds that the pixels of one block may take."""

MAX_BYTES = 1 << 28
"""Bytes that all values of one evaluation take together, roughly, those no longer needed included."""


class Budget:
    """What is left for one evaluation; ``stop`` ends it from another thread."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._calls = 0
        self._bytes = 0
        self._end = time.monotonic() + seconds
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the evaluation soon: nobody waits for it any more."""
        self._stopped.set()

    def call(self) -> None:
        """Count a function call.

        Raises:
            InvalidExpression, RenderCancelled: see ``check``; or too many calls.
        """
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise InvalidExpression(f"the expression takes more than {MAX_CALLS} function calls")
        if self._calls % 64 == 0:
            self.check()

    def check(self) -> None:
        """Look at the time.

        Raises:
            InvalidExpression: it is over.
            RenderCancelled: the evaluation was stopped.
        """
        if self._stopped.is_set():
            raise RenderCancelled
        if time.monotonic() > self._end:
            raise InvalidExpression("Computation timed out.")

    def take(self, count: int) -> None:
        """Count bytes of a value that was made.

        Raises:
            InvalidExpression: they are more than are left.
        """
        self._bytes += count
        if self._bytes > MAX_BYTES:
            raise InvalidExpression("User memory limit exceeded: the expression makes too many or too large values.")


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Let functions within the block count against a budget."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def of_block() -> Iterator[Budget]:
    """Return the budget of the block that is being computed; a block within another one has that one's."""
    found = _current.get()
    if found is not None:
        yield found
        return
    made = Budget(MAX_BLOCK_SECONDS)
    with spending(made):
        yield made


def current() -> Budget:
    """Return the budget of the evaluation that is under way, or a new one."""
    return _current.get() or Budget()


def check() -> None:
    """Look at the time of the evaluation that is under way; see ``Budget.check``."""
    budget = _current.get()
    if budget is not None:
        budget.check()
