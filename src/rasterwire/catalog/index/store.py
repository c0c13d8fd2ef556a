"""The way into an index."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from rasterwire.catalog import MAX_PAGE
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.header import Header
from rasterwire.catalog.index.encoding import Compression, entry_of, header_of, json_value, notes_of
from rasterwire.catalog.index.lookup import close_id
from rasterwire.catalog.index.outlines import region_of
from rasterwire.catalog.index.schema import connect
from rasterwire.catalog.index.search import FootprintReader, Search
from rasterwire.catalog.index.writing import Document, Writer, outline_of_row
from rasterwire.errors import SourceUnavailable
from rasterwire.geo.region import Region
from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["IndexStore"]

_BATCH = 1000
"""Entries of a transaction, at least, where there are many: more would let other writers wait long."""

_CACHED_ENTRIES = 1024


class IndexStore:
    """Entries of images in a file, found by id, collection, time and place.

    Safe to use from many threads and processes: readers never wait, and see each document either before or after
    a change; changes wait for each other. A process that ends in the middle of a change leaves the index as it was.

    All methods raise ``SourceUnavailable`` where the file is damaged or cannot be reached.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open an index, or make an empty one; its folder has to exist.

        Args:
            path: the file; SQLite has others beside it, whose names begin with its name.
            read_only: whether nothing is to be changed; the file has to exist then.

        Raises:
            SourceUnavailable: there is no index, or one of another version.
        """
        self._path = path
        self._read_only = read_only
        self._writing = threading.Lock()
        self._idle: list[tuple[sqlite3.Connection, Compression]] = []
        self._is_closed = False
        self._entries: dict[int, Entry] = {}
        with self._connected():
            pass

    @property
    def is_read_only(self) -> bool:
        """Whether changes are refused."""
        return self._read_only

    def close(self) -> None:
        """Close the file. Calls that run meanwhile close their connections at their end."""
        self._is_closed = True
        while self._idle:
            self._idle.pop()[0].close()

    def get(self, image_id: str) -> Entry | None:
        """Return the entry of an image, None where there is none.

        The same object is returned again while the entry has not changed and was asked for of late.
        """
        with self._connected() as (connection, compression):
            row = connection.execute("SELECT n FROM item WHERE id = ?", (image_id,)).fetchone()
            if row is None:
                return None
            entry = self._entries.get(row[0])
            return entry if entry is not None else self._read(connection, compression, row[0])

    def _read(self, connection: sqlite3.Connection, compression: Compression, n: int) -> Entry | None:
        row = connection.execute(
            "SELECT entry.body, west, south, east, north, outline FROM entry JOIN item ON item.n = entry.n "
            "WHERE entry.n = ?",
            (n,),
        ).fetchone()
        if row is None:  # removed meanwhile
            return None
        outline = outline_of_row(row[1:5], row[5])
        entry = entry_of(compression.unpack(row[0]), None if outline is None else region_of(outline))
        if len(self._entries) >= _CACHED_ENTRIES:
            self._entries.clear()
        self._entries[n] = entry
        return entry

    def find(
        self, query: Query, start: str = "", size: int = MAX_PAGE, footprint: FootprintReader | None = None
    ) -> tuple[list[Image], str]:
        """Return a page of the images that a query asks for, and where the next page begins; see ``Catalog.find``.

        Args:
            query: which images, in which order.
            start: where the page begins, "" for the first one.
            size: images of the page at most.
            footprint: returns the footprint of an entry that has none, or None; it may open rasters. Without it,
                images without a footprint intersect everything.

        Raises:
            InvalidRequest: ``start`` is of no page of this query.
        """
        with self._snapshot() as (connection, compression):
            return Search(connection, compression, query, footprint).page(start, size)

    def count(self, query: Query, footprint: FootprintReader | None = None) -> int | None:
        """Return how many images a query asks for; see ``find`` for ``footprint``."""
        with self._snapshot() as (connection, compression):
            return Search(connection, compression, query, footprint).count()

    def exists(self, collection: str) -> bool:
        """Tell whether a collection has an image."""
        return bool(self.count(Query(collection=collection, limit=1)))

    def close_id(self, name: str) -> str:
        """Return an id that may be meant by one that there is not, "" for none.

        In this order: the same but for its case, one that ends with it, one spelt nearly so. For the last only the
        ids around its place are compared.
        """
        with self._snapshot() as (connection, _):
            return close_id(connection, name)

    def without_files(self) -> list[str]:
        """Return the ids of the images that have no file, sorted."""
        with self._connected() as (connection, _):
            return [row[0] for row in connection.execute("SELECT id FROM item WHERE files = 0 ORDER BY id")]

    def documents(self) -> dict[str, str]:
        """Return the version of each document by its name."""
        with self._connected() as (connection, _):
            return dict(connection.execute("SELECT name, version FROM document ORDER BY name"))

    def notes(self) -> list[Disagreement]:
        """Return the problems of documents, ordered by document, and then of ids that several documents give."""
        with self._snapshot() as (connection, compression):
            notes = [
                note
                for (body,) in connection.execute("SELECT notes FROM document WHERE notes IS NOT NULL ORDER BY name")
                for note in notes_of(json_value(body))
            ]
            rows = connection.execute(
                "SELECT spare.body, entry.body FROM spare JOIN document ON document.n = spare.document "
                "JOIN item ON item.id = spare.id JOIN entry ON entry.n = item.n "
                "ORDER BY document.name, spare.position"
            )
            for body, present in rows:
                entry, first = (entry_of(compression.unpack(part), None) for part in (body, present))
                claim, value = f"the id in {entry.origin}", f"it is taken by {first.origin}"
                notes.append(Disagreement(image_id=entry.id, band="", field="id", claim=claim, value=value))
            return notes

    def write(self, document: str, version: str, entries: Sequence[Entry], notes: Sequence[Disagreement] = ()) -> None:
        """Put the entries of a document in place of those that it gave before; see ``Document``."""
        self.write_many([Document(document, version, entries, notes)])

    def write_many(self, documents: Iterable[Document]) -> None:
        """Write documents, many in one transaction. Those that were written stay when a later one fails."""
        remaining = iter(documents)
        while batch := _batch(remaining):
            with self._changes() as writer:
                writer.learn(batch)
                for document in batch:
                    writer.write(document)

    def remove(self, documents: Iterable[str]) -> None:
        """Remove documents and their entries."""
        remaining = iter(documents)
        while batch := list(islice(remaining, _BATCH)):
            with self._changes() as writer:
                for name in batch:
                    writer.remove(name)

    def place(self, image_id: str, footprint: Region | None) -> None:
        """Enter the footprint of an image that had none, None where it is certain that there is none.

        Nothing happens where the image has a footprint already.
        """
        entry = self.get(image_id)
        if entry is not None and entry.footprint is None:
            with self._changes() as writer:
                writer.place(replace(entry, footprint=footprint))

    def header(self, href: str, version: str) -> Header | None:
        """Return the header of a file in a version, None where it is not in the index."""
        with self._connected() as (connection, compression):
            row = connection.execute(
                "SELECT body FROM header WHERE href = ? AND version = ?", (href, version)
            ).fetchone()
            return None if row is None else header_of(compression.unpack(row[0]))

    def put_header(self, href: str, version: str, header: Header) -> None:
        """Enter the header of a file, in place of that of another version."""
        with self._changes() as writer:
            writer.put_header(href, version, header)

    @contextmanager
    def _connected(self) -> Iterator[tuple[sqlite3.Connection, Compression]]:
        """Give a connection to one thread."""
        connection, compression = self._idle.pop() if self._idle else self._connect()
        try:
            yield connection, compression
        except sqlite3.Error as error:
            connection.close()
            problem = "the index of this catalog cannot be read or written; build it again if this does not end"
            raise SourceUnavailable.of_file(problem) from error
        except BaseException:
            connection.close()  # which takes back what was not completed
            raise
        self._idle.append((connection, compression))
        if self._is_closed:
            self.close()

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[sqlite3.Connection, Compression]]:
        """Give a connection that sees the index as it is now, whatever is changed meanwhile."""
        with self._connected() as (connection, compression):
            connection.execute("BEGIN")
            yield connection, compression
            connection.execute("COMMIT")

    @contextmanager
    def _changes(self) -> Iterator[Writer]:
        """Give a writer; what it changes is there for all others at the end, or not at all."""
        with self._writing, self._connected() as (connection, compression):
            connection.execute("BEGIN IMMEDIATE")
            writer = Writer(connection, compression)
            yield writer
            writer.finish()
            connection.execute("COMMIT")

    def _connect(self) -> tuple[sqlite3.Connection, Compression]:
        connection = connect(self._path, self._read_only)
        return connection, Compression(lambda: _dictionary(connection))


def _dictionary(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT body FROM dictionary").fetchone()
    return b"" if row is None else bytes(row[0])


def _batch(documents: Iterator[Document]) -> list[Document]:
    """Return the next documents, with enough entries together for a transaction."""
    batch: list[Document] = []
    count = 0
    for document in documents:
        batch.append(document)
        count += 1 + len(document.entries)
        if count >= _BATCH:
            break
    return batch
