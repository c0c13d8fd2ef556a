"""The way into an index."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from rasterwire.catalog import MAX_PAGE
from rasterwire.catalog.document import is_text
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.header import Header
from rasterwire.catalog.index import reports
from rasterwire.catalog.index.bodies import Compression
from rasterwire.catalog.index.encoding import header_of
from rasterwire.catalog.index.lookup import close_id
from rasterwire.catalog.index.outlines import Box, Outline
from rasterwire.catalog.index.rows import PLACED, UNKNOWN, Encoder, EntryRow, entry_of, facts_of
from rasterwire.catalog.index.schema import BUSY_MILLISECONDS, CACHE_KIB, connect
from rasterwire.catalog.index.search import FootprintReader, Search
from rasterwire.catalog.index.tally import ImageCounts, ImageTally
from rasterwire.catalog.index.writing import Document, Writer
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.geo.region import Region
from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["IndexStore"]

_BATCH = 20_000
"""Documents and entries of a transaction where there are many. More would let other writers wait for seconds; of less,
each would write most pages of the indexes again."""

_WRITER_CACHE_KIB = 131_072
"""Pages in memory while many documents are written, since their ids are all over the indexes."""

_CACHED_ENTRIES = 1024

_MAX_WAITING = 1000
"""Headers and footprints that wait to be entered."""

_ENTRIES = (
    "SELECT item.n, item.id, facts, rest, west, south, east, north, outline FROM item CROSS JOIN entry "
    "ON entry.n = item.n"
)


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
        self._waiting: dict[str, Callable[[Writer], None]] = {}
        self._tally: ImageTally | None = None
        with self._connected():
            pass

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def read_only(self) -> bool:
        """Whether nothing can be entered."""
        return self._read_only

    def close(self) -> None:
        """Close the file. Calls that run meanwhile close their connections at their end."""
        with suppress(SourceUnavailable):
            self._try_to_enter()
        self._is_closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop()[0].close()

    def get(self, image_id: str) -> Entry | None:
        """Return the entry of an image, None where there is none.

        The same object is returned again while the entry has not changed and was asked for of late.
        """
        return self._numbered(image_id)[1]

    def _numbered(self, image_id: str) -> tuple[int, Entry | None]:
        """Return the number of an item, which changes when it does, and its entry; 0 and None where there is none."""
        if not is_text(image_id):
            return 0, None
        with self._connected() as (connection, compression):
            row = connection.execute("SELECT n FROM item WHERE id = ?", (image_id,)).fetchone()
            if row is not None and (cached := self._entries.get(row[0])) is not None:
                return row[0], cached
            row = connection.execute(f"{_ENTRIES} WHERE item.id = ?", (image_id,)).fetchone()
            if row is None:
                return 0, None
            if len(self._entries) >= _CACHED_ENTRIES:
                self._entries.clear()
            entry = self._entries[row[0]] = _entry_of_row(row, compression)
            return row[0], entry

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
        return bool(collection and self.count(Query(collection=collection, limit=1)))

    def close_id(self, name: str) -> str:
        """Return an id that may be meant by one that there is not, "" for none.

        In this order: the same but for its case, one that ends with it, one spelt nearly so. For the last only the
        ids around its place are compared.
        """
        with self._snapshot() as (connection, _):
            return close_id(connection, name)

    def without_footprint(self, after: str, limit: int) -> list[Entry]:
        """Return entries whose footprint is not known yet, in the order of their ids, behind an id."""
        condition = f"WHERE item.placement <> {PLACED} AND item.placement = {UNKNOWN} AND item.id > ?"
        with self._snapshot() as (connection, compression):
            rows = connection.execute(f"{_ENTRIES} {condition} ORDER BY item.id LIMIT ?", (after, limit))
            return [_entry_of_row(row, compression) for row in rows]

    def without_files(self) -> list[str]:
        """Return the ids of the images that have no file, sorted."""
        with self._connected() as (connection, _):
            return [row[0] for row in connection.execute("SELECT id FROM item WHERE files = 0 ORDER BY id")]

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in the order of ids. Each is as it is when it is yielded."""
        after = ""
        while True:
            with self._snapshot() as (connection, compression):
                rows = connection.execute(f"{_ENTRIES} WHERE item.id > ? ORDER BY item.id LIMIT ?", (after, MAX_PAGE))
                entries = [_entry_of_row(row, compression) for row in rows]
            if not entries:
                return
            yield from entries
            after = entries[-1].id

    def documents(self) -> dict[str, str]:
        """Return the version of each document by its name."""
        with self._connected() as (connection, _):
            return dict(connection.execute("SELECT name, version FROM document ORDER BY name"))

    def notes(self) -> list[Disagreement]:
        """Return the problems of documents, ordered by document, and then of ids that several documents give."""
        with self._snapshot() as (connection, compression):
            return reports.notes(connection, compression)

    def doubled_ids(self) -> tuple[int, list[str]]:
        """Return how many entries have an id that another one has taken, and the first of these ids."""
        with self._connected() as (connection, _):
            return reports.doubled_ids(connection)

    def image_count(self, documents: Sequence[str] | None = None) -> int:
        """Return how many images some documents define; those of all where none are given."""
        with self._connected() as (connection, _):
            return reports.image_count(connection, documents)

    def source(self) -> str:
        """Return the source that the index is made of, "" where it does not tell."""
        with self._connected() as (connection, _):
            return reports.source(connection)

    def put_source(self, name: str) -> None:
        """Enter the source that the index is made of."""
        with self._connected() as (connection, compression), self._transaction(connection, compression):
            reports.put_source(connection, name)

    def begin_tally(self) -> None:
        """Count the images that change from now on."""
        with self._connected() as (connection, _):
            self._tally = ImageTally(connection)

    def end_tally(self) -> ImageCounts:
        """Return which images changed since ``begin_tally``."""
        assert self._tally is not None, "it was begun"
        with self._snapshot() as (connection, _):
            counts = self._tally.counts(connection)
        self._tally = None
        return counts

    def write(
        self, document: str, version: str, entries: Sequence[Entry | EntryRow], notes: Sequence[Disagreement] = ()
    ) -> None:
        """Put the entries of a document in place of those that it gave before; see ``Document``."""
        self.write_many([Document(document, version, entries, notes)])

    def write_many(self, documents: Iterable[Document]) -> None:
        """Write documents, many in one transaction. Those that were written stay when a later one fails."""
        with self._connected() as (connection, compression):
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            for batch in _batches(documents):
                with self._transaction(connection, compression) as writer:
                    writer.write(batch)
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute("PRAGMA shrink_memory")

    def put_notes(self, documents: Iterable[Document]) -> None:
        """Put versions and notes in place of those of documents, whose entries stay; a new one has none."""
        with self._changes() as writer:
            for document in documents:
                writer.put_notes(document.name, document.version, document.notes)

    def encoder(self) -> Encoder:
        """Return what makes rows of entries for ``write_many``, also in other processes.

        Rows are smallest with the dictionary that the first thousand entries written give the index.
        """
        with self._connected() as (_, compression):
            compression.renew()
            return Encoder(compression.dictionary)

    def remove(self, documents: Iterable[str]) -> None:
        """Remove documents and their entries."""
        remaining = iter(documents)
        while batch := list(islice(remaining, _BATCH)):
            with self._changes() as writer:
                writer.remove(batch)

    def place(self, image_id: str, footprint: Region | None) -> None:
        """Enter the footprint of an image that had none, None where it is certain that there is none.

        It is entered soon: this waits for no other change. It is lost where the process ends before, and where the
        index is read-only. Nothing happens where the image has a footprint already, or was removed.
        """
        n, entry = self._numbered(image_id)
        if entry is not None and entry.footprint is None:
            placed = replace(entry, footprint=footprint)
            self._enter_soon(f"place {image_id}", lambda writer: writer.place(n, placed))

    def header(self, href: str, version: str) -> Header | None:
        """Return the header of a file in a version, None where it is not in the index."""
        with self._connected() as (connection, compression):
            row = connection.execute(
                "SELECT body FROM header WHERE href = ? AND version = ?", (href, version)
            ).fetchone()
            try:
                return None if row is None else header_of(compression.unpack(row[0]))
            except SourceUnavailable:  # it is damaged, and can be read from its file again
                return None

    def put_header(self, href: str, version: str, header: Header) -> None:
        """Enter the header of a file, in place of that of another version; as soon as ``place`` does."""
        self._enter_soon(f"header {href}", lambda writer: writer.put_header(href, version, header))

    def _enter_soon(self, name: str, change: Callable[[Writer], None]) -> None:
        """Make a small change with all others that wait; where another takes place, the next one makes it too."""
        if self._read_only:
            return
        self._waiting[name] = change
        while len(self._waiting) > _MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting)), None)
        with suppress(SourceUnavailable):  # a full disk, say: what was learnt is learnt again
            self._try_to_enter()

    def _try_to_enter(self) -> None:
        """Enter what waits, unless another change takes place."""
        if not self._waiting or not self._writing.acquire(blocking=False):
            return
        try:
            with self._connected() as (connection, compression):
                connection.execute("PRAGMA busy_timeout = 0")
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:  # another process writes
                    return
                finally:
                    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
                self._enter_waiting(Writer(connection, compression))
                connection.execute("COMMIT")
        finally:
            self._writing.release()

    def _enter_waiting(self, writer: Writer) -> None:
        for name in list(self._waiting):
            change = self._waiting.pop(name, None)
            if change is not None:
                change(writer)

    @contextmanager
    def _connected(self) -> Iterator[tuple[sqlite3.Connection, Compression]]:
        """Give a connection to one thread."""
        try:
            connection, compression = self._idle.pop()
        except IndexError:
            connection, compression = self._connect()
        try:
            yield connection, compression
        except sqlite3.Error as error:
            connection.close()
            problem = "the index of this catalog cannot be read or written; build it again if this does not end"
            raise CatalogUnavailable(problem) from error
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
        with self._connected() as (connection, compression), self._transaction(connection, compression) as writer:
            yield writer

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection, compression: Compression) -> Iterator[Writer]:
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            writer = Writer(connection, compression)
            yield writer
            writer.finish()
            self._enter_waiting(writer)
            connection.execute("COMMIT")
            if self._tally is not None:
                self._tally.add(writer.released)

    def _connect(self) -> tuple[sqlite3.Connection, Compression]:
        connection = connect(self._path, self._read_only)
        return connection, Compression(lambda: _dictionary(connection))


def _entry_of_row(row: Sequence[Any], compression: Compression) -> Entry:
    _, image_id, facts, rest, *box, outline = row
    footprint = Outline(Box(*box), outline) if box[0] is not None else None
    return entry_of(image_id, facts_of(compression.unpack(facts)), compression.unpack(rest), footprint)


def _dictionary(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT body FROM dictionary").fetchone()
    return b"" if row is None else bytes(row[0])


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield documents with enough entries together for a transaction; no two of one name."""
    batch: dict[str, Document] = {}
    count = 0
    for document in documents:
        if batch and (count >= _BATCH or document.name in batch):
            yield list(batch.values())
            batch, count = {}, 0
        batch[document.name] = document
        count += 1 + len(document.entries)
    if batch:
        yield list(batch.values())
