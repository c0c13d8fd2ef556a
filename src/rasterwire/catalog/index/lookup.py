"""Ids that may be meant by others."""

import sqlite3
from difflib import get_close_matches

from rasterwire.catalog.document import is_text
from rasterwire.catalog.index.writing import hash_of

__all__ = ["close_id"]

_COMPARED = 10
"""Ids before, and after, that are compared with one that there is not."""

_LONGEST, _LIKENESS = 200, 0.8
"""Characters that are compared, and the share of them that two ids have to have in common."""

_MAX_SAME = 100
"""Ids with the same last part that are looked at."""


def close_id(connection: sqlite3.Connection, name: str) -> str:
    """Return an id that may be meant by one that there is not, "" for none; see ``IndexStore.close_id``."""
    if not name or not is_text(name):
        return ""
    folded = name.casefold()
    rows = connection.execute(
        "SELECT id FROM (SELECT item FROM tail WHERE hash = ? ORDER BY item LIMIT ?) "
        "CROSS JOIN item ON item.n = item ORDER BY id",
        (hash_of(folded), _MAX_SAME),
    )
    ids = [image_id for (image_id,) in rows]
    same = [image_id for image_id in ids if image_id.casefold() == folded]
    ending = [image_id for image_id in ids if image_id.casefold().endswith(f"/{folded}")]
    if same or ending:
        return str((same or ending)[0])
    before = connection.execute("SELECT id FROM item WHERE id < ? ORDER BY id DESC LIMIT ?", (name, _COMPARED))
    after = connection.execute("SELECT id FROM item WHERE id >= ? ORDER BY id LIMIT ?", (name, _COMPARED))
    around = [image_id for (image_id,) in [*reversed(before.fetchall()), *after]]
    return next(iter(get_close_matches(name[:_LONGEST], around, 1, _LIKENESS)), "")
