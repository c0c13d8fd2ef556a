"""What an index tells of itself beside its images: problems of documents, ids that several give, and its source."""

import sqlite3
from collections.abc import Sequence

from rasterwire.catalog.entry import Disagreement
from rasterwire.catalog.index.bodies import Compression, json_value
from rasterwire.catalog.index.encoding import notes_of
from rasterwire.catalog.index.rows import origin_of

__all__ = ["doubled_ids", "image_count", "notes", "put_source", "source"]

_MAX_VALUES = 500
"""Values of a statement."""

_MAX_IDS = 10
"""Ids that are told."""


def notes(connection: sqlite3.Connection, compression: Compression) -> list[Disagreement]:
    """Return the problems of documents, ordered by document, and then of ids that several documents give."""
    problems = [
        note
        for (body,) in connection.execute("SELECT notes FROM document WHERE notes IS NOT NULL ORDER BY name")
        for note in notes_of(json_value(body))
    ]
    rows = connection.execute(
        "SELECT spare.id, spare.rest, entry.rest FROM spare JOIN document ON document.n = spare.document "
        "JOIN item ON item.id = spare.id JOIN entry ON entry.n = item.n "
        "ORDER BY document.name, spare.position"
    )
    for image_id, *bodies in rows:
        origin, first = (origin_of(compression.unpack(body)) for body in bodies)
        claim, value = f"the id in {origin}", f"it is taken by {first}"
        problems.append(Disagreement(image_id=image_id, band="", field="id", claim=claim, value=value))
    return problems


def doubled_ids(connection: sqlite3.Connection) -> tuple[int, list[str]]:
    """Return how many entries have an id that another one has taken, and the first of these ids."""
    (count,) = connection.execute("SELECT count(*) FROM spare").fetchone()
    rows = connection.execute("SELECT DISTINCT id FROM spare ORDER BY id LIMIT ?", (_MAX_IDS,)) if count else ()
    return int(count), [image_id for (image_id,) in rows]


def image_count(connection: sqlite3.Connection, documents: Sequence[str] | None = None) -> int:
    """Return how many images some documents define; those of all where none are given."""
    if documents is None:
        (count,) = connection.execute("SELECT count(*) FROM item").fetchone()
        return int(count)
    total = 0
    for start in range(0, len(documents), _MAX_VALUES):
        batch = documents[start : start + _MAX_VALUES]
        marks = ", ".join("?" * len(batch))
        (count,) = connection.execute(
            f"SELECT count(*) FROM item WHERE document IN (SELECT n FROM document WHERE name IN ({marks}))", batch
        ).fetchone()
        total += count
    return total


def source(connection: sqlite3.Connection) -> str:
    """Return the source that an index is made of, "" where it does not tell."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'source'").fetchone() is None:
        return ""
    row = connection.execute("SELECT name FROM source").fetchone()
    return "" if row is None else str(row[0])


def put_source(connection: sqlite3.Connection, name: str) -> None:
    """Enter the source that an index is made of."""
    connection.execute("CREATE TABLE IF NOT EXISTS source(name TEXT NOT NULL)")
    connection.execute("DELETE FROM source")
    connection.execute("INSERT INTO source(name) VALUES (?)", (name,))
