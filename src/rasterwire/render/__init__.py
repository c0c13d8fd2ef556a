"""From a plan to pixels: blocks, each a pure function of the plan and its window."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

__all__ = ["Engine"]

A = TypeVar("A")
B = TypeVar("B")


class Engine(Protocol):
    """Runs one function over many items, somewhere."""

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """Yield ``function(item)`` for each item, in the order of ``items``.

        At most a fixed number of results exist at once, however slowly they are taken. Closing the
        iterator drops work not yet begun. The first error is raised in place of its result and
        ends the iteration.
        """
        ...
