"""The budget of one evaluation: time, calls and memory, counted while they are used."""

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
    """The remaining budget of one evaluation; ``stop`` ends the evaluation from another thread."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._calls = 0
        self._bytes = 0
        self._images_tested = 0
        self._images_read: dict[str, None] = {}
        self._end = time.monotonic() + seconds
        self._stopped = threading.Event()

    @property
    def bytes_taken(self) -> int:
        """Bytes of the values that were made so far, roughly."""
        return self._bytes

    @property
    def images_tested(self) -> int:
        """Images of the catalog that were looked at one by one, for what it could not answer."""
        return self._images_tested

    def test_images(self, count: int) -> None:
        """Count images that are looked at one by one."""
        self._images_tested += count

    @property
    def images_read(self) -> list[str]:
        """Ids of the images whose files were looked at, in the order of the first look."""
        return list(self._images_read)

    def read_image(self, image_id: str) -> None:
        """Say that the files of an image are looked at."""
        self._images_read[image_id] = None

    def stop(self) -> None:
        """End the evaluation soon, since no client waits for it any more."""
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
        """Check the time.

        Raises:
            InvalidExpression: the time is over.
            RenderCancelled: the evaluation was stopped.
        """
        if self._stopped.is_set():
            raise RenderCancelled
        if time.monotonic() > self._end:
            raise InvalidExpression("Computation timed out.")

    def take(self, count: int) -> None:
        """Count the bytes of a new value.

        Raises:
            InvalidExpression: the values take too much memory together.
        """
        self._bytes += count
        if self._bytes > MAX_BYTES:
            raise InvalidExpression("User memory limit exceeded: the expression makes too many or too large values.")


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Make functions within the block count against a budget."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def of_block() -> Iterator[Budget]:
    """Yield the budget of the block of pixels that is computed; a block within another one shares its budget."""
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    budget = Budget(MAX_BLOCK_SECONDS)
    with spending(budget):
        yield budget


def current() -> Budget:
    """Return the budget of the evaluation that is under way, or a new one."""
    return _current.get() or Budget()


def check() -> None:
    """Check the time of the evaluation that is under way; see ``Budget.check``."""
    budget = _current.get()
    if budget is not None:
        budget.check()


def take(count: int) -> None:
    """Count the bytes of a new value of the evaluation that is under way; see ``Budget.take``."""
    budget = _current.get()
    if budget is not None:
        budget.take(count)


def test_images(count: int) -> None:
    """Count images that the evaluation under way looks at one by one; see ``Budget.test_images``."""
    budget = _current.get()
    if budget is not None:
        budget.test_images(count)


def read_image(image_id: str) -> None:
    """Say that the evaluation under way looks at the files of an image."""
    budget = _current.get()
    if budget is not None:
        budget.read_image(image_id)


@contextmanager
def uncounted() -> Iterator[None]:
    """Leave the images that are looked at one by one within the block out of the count."""
    budget = current()
    tested = budget.images_tested
    try:
        yield
    finally:
        budget.test_images(tested - budget.images_tested)
