"""From a plan to pixels, by blocks: each is a pure function of the plan and its window."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

__all__ = ["Engine"]

A = TypeVar("A")
B = TypeVar("B")


class Engine(Protocol):
    """Runs one function over many items, in this thread or in others."""

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        """Yield ``function(item)`` for each item, in the order of ``items``.

        Callers that map at the same time get an equal part of the cost; see ``turns``. It is 1 for each item where
        ``cost`` is None.

        ``function`` and items may be sent to other processes: they are values, such as frozen dataclasses. What belongs
        to this process is ``cost`` and ``check``, which is called before an item begins or is sent, and may be called
        while a result is waited for. What it raises ends the iteration.

        The number of results that exist at once is bounded, however slowly they are taken. Closing the
        iterator drops items that have not begun. The first error is raised in place of its result and
        ends the iteration.
        """
        ...
