"""Changes of an index. All functions run inside a transaction."""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import zstandard

from rasterwire.catalog.entry import Disagreement, Entry, left_out_notes
from rasterwire.catalog.header import Header
from rasterwire.catalog.index.encoding import (
    Compression,
    entry_of,
    json_of,
    json_of_entry,
    json_of_header,
    rows_of_notes,
)
from rasterwire.catalog.index.outlines import Box, Outline, is_lonlat, outline_of, region_of
from rasterwire.image import Image, properties_of
from rasterwire.query import START

__all__ = ["DAY", "PLACED", "PLACELESS", "UNKNOWN", "Document", "Writer", "hash_of", "outline_of_row", "tails"]

UNKNOWN, PLACED, PLACELESS = 0, 1, 2
"""Of an item: whether its footprint is not yet known, known, or known not to exist."""

DAY = 86_400_000.0
"""Milliseconds; boxes have days, whose extent is about that of degrees."""

_MAX_TAILS = 8
"""Parts of an id by which it may be meant."""

_LEAST_SAMPLES, _MAX_SAMPLES = 300, 2000
"""Entries that a dictionary is made of."""

_DICTIONARY_BYTES = 64 << 10

_MAX_TIME = 1 << 53


class Document(NamedTuple):
    """What defines entries.

    Attributes:
        name: of all documents with the same id, the first by name defines the image.
        version: changes when the document does.
        entries: of two with the same id, the first is the image.
        notes: problems of the document.
    """

    name: str
    version: str
    entries: Sequence[Entry]
    notes: Sequence[Disagreement] = ()


def tails(image_id: str) -> list[str]:
    """Return an id without regard to case, and what follows its last slashes.

    >>> tails("S2/2021/Scene")
    ['s2/2021/scene', '2021/scene', 'scene']
    """
    parts = image_id.casefold().split("/")
    count = len(parts)
    return list(dict.fromkeys("/".join(parts[start:]) for start in (0, *range(max(1, count - _MAX_TAILS), count))))


def hash_of(text: str) -> int:
    """Return 64 bits that are the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big", signed=True)


def outline_of_row(box: Sequence[float | None], body: bytes | None) -> Outline | None:
    """Return the outline in the columns of an item; None where it has none."""
    west, south, east, north = box
    if west is None or south is None or east is None or north is None:
        return None
    return Outline(Box(west, south, east, north), body)


class Writer:
    """Changes an index within one transaction."""

    def __init__(self, connection: sqlite3.Connection, compression: Compression) -> None:
        self._connection = connection
        self._compression = compression
        self._collections: dict[str, int] = {}
        self._released: list[str] = []
        self._has_spares = self._value("SELECT EXISTS (SELECT 1 FROM spare)") == 1

    def learn(self, documents: Iterable[Document]) -> None:
        """Make the dictionary of the index, if it has none and there are enough entries to make one of."""
        if self._compression.has_dictionary:
            return
        samples: list[bytes | bytearray | memoryview] = [
            json_of_entry(_plain_time(entry), outline=False)
            for document in documents
            for entry in document.entries[:_MAX_SAMPLES]
        ][:_MAX_SAMPLES]
        if len(samples) < _LEAST_SAMPLES:
            return
        try:
            dictionary = zstandard.train_dictionary(_DICTIONARY_BYTES, samples).as_bytes()
        except zstandard.ZstdError:  # the entries have nothing in common
            return
        self._connection.execute("INSERT OR IGNORE INTO dictionary(n, body) VALUES (1, ?)", (dictionary,))
        self._compression.renew()

    def write(self, document: Document) -> None:
        """Put the entries of a document in place of those that it gave before."""
        notes = json_of(rows_of_notes(document.notes)) if document.notes else None
        row = self._row("SELECT n FROM document WHERE name = ?", document.name)
        if row is None:
            cursor = self._connection.execute(
                "INSERT INTO document(name, version, notes) VALUES (?, ?, ?)", (document.name, document.version, notes)
            )
            n = int(cursor.lastrowid or 0)
        else:
            n = int(row[0])
            self._clear(n)
            self._connection.execute(
                "UPDATE document SET version = ?, notes = ? WHERE n = ?", (document.version, notes, n)
            )
        for position, entry in enumerate(document.entries):
            self._add(_plain_time(entry), n, document.name, position)

    def remove(self, name: str) -> None:
        """Remove a document and its entries."""
        row = self._row("SELECT n FROM document WHERE name = ?", name)
        if row is not None:
            self._clear(int(row[0]))
            self._connection.execute("DELETE FROM document WHERE n = ?", row)

    def finish(self) -> None:
        """Give the ids that became free to the documents that had to do without them."""
        if not self._has_spares:
            return
        for image_id in dict.fromkeys(self._released):
            spare = self._row(
                "SELECT spare.document, document.name, spare.position, spare.body FROM spare JOIN document "
                "ON document.n = spare.document WHERE spare.id = ? ORDER BY document.name, spare.position LIMIT 1",
                image_id,
            )
            if spare is not None:
                document, name, position, body = spare
                self._connection.execute(
                    "DELETE FROM spare WHERE id = ? AND document = ? AND position = ?", (image_id, document, position)
                )
                self._add(entry_of(self._compression.unpack(body), None), document, name, position)

    def place(self, n: int, entry: Entry) -> None:
        """Enter an entry with the footprint that was learnt of it, or without one where there is none to learn."""
        row = self._row("SELECT time FROM item WHERE n = ? AND placement = ?", n, UNKNOWN)
        if row is None:
            return
        (time,) = row
        outline = None if entry.footprint is None else outline_of(entry.footprint)
        self._connection.execute(
            "UPDATE item SET placement = ?, west = ?, south = ?, east = ?, north = ?, outline = ? WHERE n = ?",
            (PLACELESS if outline is None else PLACED, *_columns(outline), n),
        )
        self._connection.execute("UPDATE entry SET body = ? WHERE n = ?", (self._body(entry, outline), n))
        if outline is not None:
            self._insert_box(n, outline, time)

    def put_header(self, href: str, version: str, header: Header) -> None:
        """Enter the header of a file, in place of that of another version."""
        body = self._compression.pack(json_of_header(header))
        self._connection.execute(
            "INSERT INTO header(href, version, body) VALUES (?, ?, ?) "
            "ON CONFLICT(href) DO UPDATE SET version = excluded.version, body = excluded.body",
            (href, version, body),
        )

    def _clear(self, document: int) -> None:
        rows = self._connection.execute("SELECT n, id FROM item WHERE document = ?", (document,)).fetchall()
        for n, image_id in rows:
            self._delete(n, image_id)
        self._released += [image_id for _, image_id in rows]
        if self._has_spares:
            self._connection.execute("DELETE FROM spare WHERE document = ?", (document,))

    def _delete(self, n: int, image_id: str) -> None:
        self._connection.execute("DELETE FROM item WHERE n = ?", (n,))
        self._connection.execute("DELETE FROM box WHERE n = ?", (n,))
        self._connection.execute("DELETE FROM entry WHERE n = ?", (n,))
        self._connection.executemany(
            "DELETE FROM tail WHERE hash = ? AND item = ?", [(hash_of(tail), n) for tail in tails(image_id)]
        )

    def _add(self, entry: Entry, document: int, name: str, position: int) -> None:
        """Add an entry, or put it aside where its id is taken by a document that goes before."""
        present = self._row(
            "SELECT item.n, item.document, item.position, document.name FROM item JOIN document "
            "ON document.n = item.document WHERE item.id = ?",
            entry.id,
        )
        if present is None:
            self._insert(entry, document, position)
            return
        n, taker, taken_position, taken_by = present
        if taker == document or taken_by < name:
            self._put_aside(entry, document, position)
            return
        body, *row = self._row(
            "SELECT entry.body, west, south, east, north, outline FROM entry JOIN item ON item.n = entry.n "
            "WHERE entry.n = ?",
            n,
        ) or (b"",)
        outline = outline_of_row(row[:4], row[4])
        footprint = None if outline is None else region_of(outline)
        self._put_aside(entry_of(self._compression.unpack(body), footprint), taker, taken_position)
        self._delete(n, entry.id)
        self._insert(entry, document, position)

    def _put_aside(self, entry: Entry, document: int, position: int) -> None:
        self._has_spares = True
        body = self._compression.pack(json_of_entry(entry, outline=True))
        self._connection.execute(
            "INSERT INTO spare(id, document, position, body) VALUES (?, ?, ?, ?)", (entry.id, document, position, body)
        )

    def _insert(self, entry: Entry, document: int, position: int) -> None:
        outline = None if entry.footprint is None else outline_of(entry.footprint)
        time = properties_of(Image(entry.id, (), entry.start_time, entry.properties)).get(START)
        cursor = self._connection.execute(
            "INSERT INTO item(id, collection, time, document, position, placement, files, west, south, east, north, "
            "outline) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.id,
                self._collection(entry.collection),
                time,
                document,
                position,
                PLACED if outline is not None else UNKNOWN if entry.footprint is None and entry.sources else PLACELESS,
                len(entry.sources),
                *_columns(outline),
            ),
        )
        n = int(cursor.lastrowid or 0)
        self._connection.execute("INSERT INTO entry(n, body) VALUES (?, ?)", (n, self._body(entry, outline)))
        if outline is not None:
            self._insert_box(n, outline, time)
        for tail in tails(entry.id):
            self._connection.execute("INSERT OR IGNORE INTO tail(hash, item) VALUES (?, ?)", (hash_of(tail), n))

    def _insert_box(self, n: int, outline: Outline, time: float | None) -> None:
        west, south, east, north = outline.box
        day = 0.0 if time is None else time / DAY
        self._connection.execute(
            "INSERT INTO box(n, west, east, south, north, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (n, west, east, south, north, day, day),
        )

    def _body(self, entry: Entry, outline: Outline | None) -> bytes:
        """Return the body of an entry, with its footprint where the columns of its item do not tell all of it."""
        is_whole = outline is not None and entry.footprint is not None and not is_lonlat(entry.footprint)
        return self._compression.pack(json_of_entry(entry, outline=is_whole))

    def _collection(self, name: str) -> int:
        if name not in self._collections:
            self._connection.execute("INSERT OR IGNORE INTO collection(name) VALUES (?)", (name,))
            self._collections[name] = self._value("SELECT n FROM collection WHERE name = ?", name)
        return self._collections[name]

    def _row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return row

    def _value(self, statement: str, *values: Any) -> int:
        row = self._row(statement, *values)
        assert row is not None
        return int(row[0])


def _columns(outline: Outline | None) -> tuple[Any, ...]:
    return (None,) * 5 if outline is None else (*outline.box, outline.body)


def _plain_time(entry: Entry) -> Entry:
    """Return an entry whose time is a number, or which has none: others could not be compared by the index."""
    value = entry.properties.get(START)
    if entry.start_time is not None or value is None or _is_time(value):
        return entry
    properties = {name: value for name, value in entry.properties.items() if name != START}
    notes = left_out_notes(entry.id, {START: "not a number of milliseconds"})
    return replace(entry, properties=properties, notes=(*entry.notes, *notes))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_TIME
