"""Fills an index: from a folder, from STAC catalogs and APIs, and from stac-geoparquet."""

from collections.abc import Callable
from dataclasses import dataclass

from rasterwire.catalog.index import Document

__all__ = ["Step", "Summary", "Tell", "ignore_progress"]


@dataclass(slots=True)
class Summary:
    """How many documents an update met.

    Attributes:
        added, changed, removed: since the update before.
        unchanged: that the index holds as they are.
        broken: that could not be read; the index keeps what it held of them.
        is_whole: False where parts of the source could not be read, so that nothing was removed.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    broken: int = 0
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A document that a source came upon.

    Attributes:
        name: of the document.
        document: None where the index holds it as it is, or where it cannot be read now and the index keeps it.
        is_broken: whether it cannot be read.
        position: where the source may go on after it, in its own terms; "" where it cannot.
        may_hide: whether others cannot be found because this one cannot be read.
    """

    name: str
    document: Document | None = None
    is_broken: bool = False
    position: str = ""
    may_hide: bool = False


Tell = Callable[[int, int | None], None]
"""Takes how many documents were looked at, and of how many; None where that is not known."""


def ignore_progress(_count: int, _total: int | None) -> None:
    """Be told of progress, and do nothing."""
