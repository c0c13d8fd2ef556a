"""Counts the images that an update adds, changes and removes."""

import sqlite3
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rasterwire.catalog.index.writing import hash_of

__all__ = ["ImageCounts", "ImageTally"]


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """How many images an update changed.

    Attributes:
        added, removed: by their ids.
        changed: whose document was read again, since it is another one or in another version.
    """

    added: int
    changed: int
    removed: int


class ImageTally:
    """Compares the images of an index with those that it had at a moment. It holds 8 bytes for each that changed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Begin at the present images."""
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'item'").fetchone()
        self._last = 0 if row is None else int(row[0])
        self._released = array("q")

    def add(self, released: Iterable[tuple[int, str]]) -> None:
        """Note that items were deleted, given their numbers and ids."""
        self._released.extend(hash_of(image_id) for n, image_id in released if n <= self._last)

    def counts(self, connection: sqlite3.Connection) -> ImageCounts:
        """Return what differs now."""
        (count,) = connection.execute("SELECT count(*) FROM item WHERE n > ?", (self._last,)).fetchone()
        before = np.unique(np.frombuffer(self._released, np.int64))
        changed = 0
        if len(before):
            rows = connection.execute("SELECT id FROM item WHERE n > ?", (self._last,))
            after = np.fromiter((hash_of(image_id) for (image_id,) in rows), np.int64)
            changed = len(np.intersect1d(before, after))
        return ImageCounts(count - changed, changed, len(before) - changed)
