"""Changes of an index. All methods run inside a transaction."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import zstandard

from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.header import Header
from rasterwire.catalog.index.bodies import Compression, json_of
from rasterwire.catalog.index.encoding import json_of_header, rows_of_notes
from rasterwire.catalog.index.numbers import put_numbers
from rasterwire.catalog.index.rows import PLACELESS, UNKNOWN, Encoder, EntryRow, facts_body, plain, rest_body

__all__ = ["DAY", "Document", "Writer", "hash_of", "tails"]

DAY = 86_400_000.0
"""Milliseconds; boxes have days, whose extent is about that of degrees."""

_MAX_TAILS = 8
"""Parts of an id by which it may be meant."""

_LEAST_SAMPLES, _MAX_SAMPLES = 300, 1500
"""Entries that a dictionary is made of."""

_DICTIONARY_BYTES = 64 << 10

_MAX_VALUES = 500
"""Values of a statement."""


class Document(NamedTuple):
    """What defines entries.

    Attributes:
        name: of all documents with the same id, the first by name defines the image.
        version: changes when the document does.
        entries: of two with the same id, the first is the image. They may have been made rows of before, in another
            process, by ``IndexStore.encoder``.
        notes: problems of the document.
    """

    name: str
    version: str
    entries: Sequence[Entry | EntryRow]
    notes: Sequence[Disagreement] = ()


class _Place(NamedTuple):
    """Where a row comes from: the number and name of the document, and the position in it."""

    document: int
    name: str
    position: int


def tails(image_id: str) -> list[str]:
    """Return an id without regard to case, and what follows its last slashes.

    >>> tails("S2/2021/Scene")
    ['s2/2021/scene', '2021/scene', 'scene']
    """
    folded = image_id.casefold()
    if "/" not in folded:
        return [folded]
    parts = folded.split("/")
    count = len(parts)
    return list(dict.fromkeys("/".join(parts[start:]) for start in (0, *range(max(1, count - _MAX_TAILS), count))))


def hash_of(text: str) -> int:
    """Return 64 bits that are the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest(), "big", signed=True)


def learn_dictionary(entries: Iterable[Entry | EntryRow]) -> bytes:
    """Return a dictionary of what bodies of entries have in common, b"" where they are too few or too different."""
    samples: list[bytes | bytearray | memoryview] = []
    for entry in entries:
        if isinstance(entry, Entry):
            entry = plain(entry)
            samples += (facts_body(entry, None), rest_body(entry))
        if len(samples) >= 2 * _MAX_SAMPLES:
            break
    if len(samples) < 2 * _LEAST_SAMPLES:
        return b""
    try:
        return zstandard.train_dictionary(_DICTIONARY_BYTES, samples).as_bytes()
    except zstandard.ZstdError:
        return b""


class Writer:
    """Changes an index within one transaction."""

    def __init__(self, connection: sqlite3.Connection, compression: Compression) -> None:
        self._connection = connection
        self._compression = compression
        self._collections: dict[str, int] = {}
        self._released: list[tuple[int, str]] = []
        self._has_spares = self._value("SELECT EXISTS (SELECT 1 FROM spare)") == 1

    @property
    def released(self) -> Sequence[tuple[int, str]]:
        """Numbers and ids of the items that were deleted; others may have taken the ids."""
        return self._released

    def write(self, documents: Sequence[Document]) -> None:
        """Put the entries of documents in place of those that they gave before; a name occurs once."""
        if not self._compression.dictionary:
            dictionary = learn_dictionary(entry for document in documents for entry in document.entries)
            if dictionary:
                self._connection.execute("INSERT OR IGNORE INTO dictionary(n, body) VALUES (1, ?)", (dictionary,))
                self._compression.renew()
        encoder = Encoder(self._compression.dictionary)
        self._enter(
            [
                (_Place(number, document.name, position), encoder.row(entry) if isinstance(entry, Entry) else entry)
                for number, document in zip(self._numbers(documents), documents, strict=True)
                for position, entry in enumerate(document.entries)
            ]
        )

    def put_notes(self, name: str, version: str, notes: Sequence[Disagreement]) -> None:
        """Put version and notes in place of those of a document, whose entries stay; a new one has none."""
        self._connection.execute(
            "INSERT INTO document(name, version, notes) VALUES (?, ?, ?) "
            "ON CONFLICT(name) DO UPDATE SET version = excluded.version, notes = excluded.notes",
            (name, version, json_of(rows_of_notes(notes))),
        )

    def remove(self, names: Sequence[str]) -> None:
        """Remove documents and their entries."""
        numbers = list(self._present("SELECT name, n FROM document WHERE name IN", names).values())
        for number in numbers:
            self._clear(number)
        self._connection.executemany("DELETE FROM document WHERE n = ?", [(number,) for number in numbers])

    def finish(self) -> None:
        """Give the ids that became free to the documents that had to do without them."""
        if not self._has_spares:
            return
        for image_id in dict.fromkeys(image_id for _, image_id in self._released):
            spare = self._row(
                f"SELECT document.n, document.name, position, {_SPARE_COLUMNS} FROM spare JOIN document "
                "ON document.n = spare.document WHERE id = ? ORDER BY document.name, position LIMIT 1",
                image_id,
            )
            if spare is not None:
                place = _Place(*spare[:3])
                self._connection.execute(
                    "DELETE FROM spare WHERE id = ? AND document = ? AND position = ?",
                    (image_id, place.document, place.position),
                )
                self._add(place, EntryRow(*spare[3:]))

    def place(self, n: int, entry: Entry) -> None:
        """Enter an entry with the footprint that was learnt of it, or without one where there is none to learn."""
        row = Encoder(self._compression.dictionary).row(entry)
        if self._row("SELECT 1 FROM item WHERE n = ? AND placement = ?", n, UNKNOWN) is None:
            return
        self._connection.execute(
            "UPDATE item SET placement = ?, west = ?, south = ?, east = ?, north = ?, outline = ? WHERE n = ?",
            (row.placement or PLACELESS, row.west, row.south, row.east, row.north, row.outline, n),
        )
        self._connection.execute("UPDATE entry SET facts = ? WHERE n = ?", (row.facts, n))
        self._connection.executemany(_INSERT_BOX, _boxes([(n, row)]))

    def put_header(self, href: str, version: str, header: Header) -> None:
        """Enter the header of a file, in place of that of another version."""
        body = self._compression.pack(json_of_header(header))
        self._connection.execute(
            "INSERT INTO header(href, version, body) VALUES (?, ?, ?) "
            "ON CONFLICT(href) DO UPDATE SET version = excluded.version, body = excluded.body",
            (href, version, body),
        )

    def _numbers(self, documents: Sequence[Document]) -> list[int]:
        """Return the number of each document, of new ones a new one; the entries of others are removed."""
        present = self._present("SELECT name, n FROM document WHERE name IN", [document.name for document in documents])
        for number in present.values():
            self._clear(number)
        following = self._value("SELECT coalesce(max(n), 0) FROM document") + 1
        numbers, rows = [], []
        for document in documents:
            number = present.get(document.name, following)
            following += number == following
            notes = json_of(rows_of_notes(document.notes)) if document.notes else None
            numbers.append(number)
            rows.append((number, document.name, document.version, notes))
        self._connection.executemany("REPLACE INTO document(n, name, version, notes) VALUES (?, ?, ?, ?)", rows)
        return numbers

    def _clear(self, document: int) -> None:
        rows = self._connection.execute("SELECT n, id FROM item WHERE document = ?", (document,)).fetchall()
        self._delete(rows)
        if self._has_spares:
            self._connection.execute("DELETE FROM spare WHERE document = ?", (document,))

    def _delete(self, rows: Sequence[tuple[int, str]]) -> None:
        """Delete items, given their numbers and ids."""
        for table in ("item", "box", "entry"):
            self._connection.executemany(f"DELETE FROM {table} WHERE n = ?", [(n,) for n, _ in rows])
        self._connection.executemany(
            "DELETE FROM tail WHERE hash = ? AND item = ?",
            [(hash_of(tail), n) for n, image_id in rows for tail in tails(image_id)],
        )
        self._released += rows

    def _enter(self, rows: Sequence[tuple[_Place, EntryRow]]) -> None:
        """Enter rows: those whose ids nobody else gives all at once, the others one by one."""
        counts = Counter(row.id for _, row in rows)
        present = self._present("SELECT id, n FROM item WHERE id IN", list(counts))
        self._insert([item for item in rows if counts[item[1].id] == 1 and item[1].id not in present])
        for place, row in rows:
            if counts[row.id] > 1 or row.id in present:
                self._add(place, row)

    def _add(self, place: _Place, row: EntryRow) -> None:
        """Enter a row, or put it aside where its id is taken by a document that goes before."""
        present = self._row(
            "SELECT item.n, item.document, document.name, item.position FROM item JOIN document "
            "ON document.n = item.document WHERE item.id = ?",
            row.id,
        )
        if present is None:
            self._insert([(place, row)])
            return
        n, *taker = present
        if (taker[1], taker[2]) < (place.name, place.position):
            self._put_aside(place, row)
            return
        taken = self._row(
            "SELECT item.id, collection.name, time, placement, files, west, south, east, north, outline, facts, rest "
            "FROM item JOIN entry ON entry.n = item.n JOIN collection ON collection.n = item.collection "
            "WHERE item.n = ?",
            n,
        )
        assert taken is not None
        self._put_aside(_Place(*taker), EntryRow(*taken))
        self._delete([(n, row.id)])
        self._insert([(place, row)])

    def _put_aside(self, place: _Place, row: EntryRow) -> None:
        self._has_spares = True
        values = row[: len(_SPARE)]
        marks = ", ".join("?" * (2 + len(values)))
        self._connection.execute(
            f"INSERT INTO spare(document, position, {_SPARE_COLUMNS}) VALUES ({marks})",
            (place.document, place.position, *values),
        )

    def _insert(self, rows: Sequence[tuple[_Place, EntryRow]]) -> None:
        """Insert rows whose ids are free."""
        last = self._row("SELECT seq FROM sqlite_sequence WHERE name = 'item'")
        start = 1 if last is None else int(last[0]) + 1
        numbered = [(n, row) for n, (_, row) in enumerate(rows, start)]
        self._connection.executemany(
            "INSERT INTO item(n, id, collection, time, document, position, placement, files, west, south, east, north, "
            "outline) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (n, row.id, self._collection(row.collection), row.time, place.document, place.position, *row[3:10])
                for (n, row), (place, _) in zip(numbered, rows, strict=True)
            ],
        )
        self._connection.executemany(
            "INSERT INTO entry(n, facts, rest) VALUES (?, ?, ?)", [(n, row.facts, row.rest) for n, row in numbered]
        )
        self._connection.executemany(_INSERT_BOX, _boxes(numbered))
        put_numbers(self._connection, start, [row.numbers for _, row in numbered])
        self._connection.executemany(
            "INSERT OR IGNORE INTO tail(hash, item) VALUES (?, ?)",
            [(hash_of(tail), n) for n, row in numbered for tail in tails(row.id)],
        )

    def _collection(self, name: str) -> int:
        if name not in self._collections:
            self._connection.execute("INSERT OR IGNORE INTO collection(name) VALUES (?)", (name,))
            self._collections[name] = self._value("SELECT n FROM collection WHERE name = ?", name)
        return self._collections[name]

    def _present(self, statement: str, texts: Sequence[str]) -> dict[str, int]:
        """Return the numbers of those of some texts that a statement finds."""
        result: dict[str, int] = {}
        for start in range(0, len(texts), _MAX_VALUES):
            part = texts[start : start + _MAX_VALUES]
            result.update(self._connection.execute(f"{statement} ({', '.join('?' * len(part))})", part))
        return result

    def _row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
        return row

    def _value(self, statement: str, *values: Any) -> int:
        row = self._row(statement, *values)
        assert row is not None
        return int(row[0])


_SPARE = [name for name in EntryRow._fields if name != "numbers"]
_SPARE_COLUMNS = ", ".join(_SPARE)

_INSERT_BOX = "INSERT INTO box(n, west, east, south, north, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)"


def _boxes(rows: Iterable[tuple[int, EntryRow]]) -> list[tuple[Any, ...]]:
    """Return the boxes of the rows that have a footprint."""
    days = ((n, row, 0.0 if row.time is None else row.time / DAY) for n, row in rows if row.west is not None)
    return [(n, row.west, row.east, row.south, row.north, day, day) for n, row, day in days]
