"""How an item of a map, wherever it runs, learns that nobody wants it any more."""

from collections.abc import Callable
from contextvars import ContextVar

__all__ = ["item_check"]


def _go_on() -> None:
    pass


item_check: ContextVar[Callable[[], None]] = ContextVar("item_check", default=_go_on)
"""Is called by items that take long, between two of their steps; raises ``RenderCancelled`` where the map has ended."""
