"""Writes the documents of a source to an index. What was interrupted goes on where it was."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

from rasterwire.catalog.index import Document, IndexStore
from rasterwire.catalog.ingest import Step, Summary, Tell, source_emptied
from rasterwire.catalog.ingest.parsing import Unparsed, parsed, weight_of

__all__ = ["ItemSource", "Run", "fill"]

_FIRST_BATCH = 1_000
"""Documents and entries of the first transaction: the index learns of them what entries have in common."""

_MAX_BATCH = 20_000
"""Documents and entries of a transaction, of which each writes most pages of the indexes again. At most so many are
held in memory, about 40 MB, and read again after an interruption."""

_MAX_SECONDS = 5.0
"""Between two transactions: a source that is slow is not asked for minutes of its documents again."""

_MAX_REMOVED = 500
"""Documents that are removed in a transaction."""


class Run:
    """What a run over a source has done, in a file, so that the next one can go on after an interruption.

    Attributes:
        position: of the last step of the interrupted run; "" for the beginning.
        is_resumed: whether there was an interrupted run.
    """

    def __init__(self, path: Path, source: str, known: dict[str, str]) -> None:
        """Open or make the file.

        Args:
            path: of the file; it is removed when the run is complete.
            source: address of the source; the run over another one is forgotten.
            known: versions of the documents in the index.

        Raises:
            OSError: the file cannot be used.
        """
        self._path = path
        self._known = known
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                "CREATE TABLE IF NOT EXISTS met (name TEXT PRIMARY KEY) WITHOUT ROWID;"
                "CREATE TABLE IF NOT EXISTS run (source TEXT, position TEXT);"
            )
            row = self._database.execute("SELECT source, position FROM run").fetchone()
            self.is_resumed = row is not None and row[0] == source
            if not self.is_resumed:
                self._database.executescript("DELETE FROM met; DELETE FROM run;")
                self._database.execute("INSERT INTO run VALUES (?, '')", (source,))
        except sqlite3.Error as error:
            raise OSError(f"{path.name}: the progress of the run cannot be kept: {error}") from error
        self.position = row[1] if self.is_resumed else ""

    def version_of(self, name: str) -> str | None:
        """Return the version of a document in the index; None where it has none of that name."""
        return self._known.get(name)

    def has_met(self, name: str) -> bool:
        """Tell whether a document was met in this run, also before it was interrupted."""
        return self._database.execute("SELECT 1 FROM met WHERE name = ?", (name,)).fetchone() is not None

    def add(self, names: Iterator[str], position: str) -> None:
        """Keep that documents were met."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR IGNORE INTO met VALUES (?)", ((name,) for name in names))
        self._database.execute("UPDATE run SET position = ?", (position,))
        self._database.execute("COMMIT")

    def missing(self) -> list[str]:
        """Return the documents of the index that this run did not meet."""
        return sorted(name for name in self._known if not self.has_met(name))

    def end(self, *, is_complete: bool) -> None:
        """Close the file; that of a complete run is removed."""
        self._database.close()
        if is_complete:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


class ItemSource(Protocol):
    """Finds documents of items."""

    @property
    def address(self) -> str:
        """Where it is; a run that was interrupted goes on at the same address only."""
        ...

    def steps(self, run: Run) -> Iterator[Step | Unparsed]:
        """Yield a step for each document, but those that an interrupted run has met already and that lead to no other.

        What takes long to parse is yielded as it is: of large sources, other processes parse it. Documents that were
        yielded of late may not count as met yet.

        Raises:
            SourceUnavailable: the beginning of it cannot be read.
        """
        ...


def fill(
    store: IndexStore, source: ItemSource, run: Run, tell: Tell, *, may_empty: bool, begin: Callable[[], None]
) -> Summary:
    """Write what changed in a source to an index, and remove what is no longer there. It counts no images.

    Args:
        store: the index.
        source: whose documents are all that the index is to hold.
        run: over the source; it is ended here.
        tell: is told of the progress.
        may_empty: whether the index may lose all of its images.
        begin: is called before the first change, when the beginning of the source was read.

    Raises:
        SourceUnavailable: the source or the index cannot be used.
        CatalogUnavailable: the source has no images, and the index keeps its own.
        OSError: the progress cannot be kept.
    """
    summary = Summary()
    emptied: list[Document] = []
    is_complete = False
    try:
        with closing(parsed(source.steps(run), store)) as steps:
            batch = _batch(steps, _FIRST_BATCH)
            begin()
            count = 0
            while batch:
                for step in batch:
                    summary.is_whole &= not step.may_hide
                    if step.problem:
                        summary.add_problem(step.name, step.problem)
                # written at the end: they may be all that the index has
                bare = [step.document for step in batch if step.document is not None and _is_lost(step, run, store)]
                emptied += bare
                names = {document.name for document in bare}
                store.write_many(step.document for step in batch if step.document and step.name not in names)
                run.add((step.name for step in batch if step.name not in names), batch[-1].position)
                count += len(batch)
                tell(count, None)
                batch = _batch(steps, _MAX_BATCH)
        names = {document.name for document in emptied}
        missing = [name for name in run.missing() if name not in names] if summary.is_whole else []
        if not may_empty and _are_all(store, [*missing, *names]):
            is_complete = True  # there is nothing to go on with
            raise source_emptied()
        store.write_many(emptied)
        for start in range(0, len(missing), _MAX_REMOVED):
            store.remove(missing[start : start + _MAX_REMOVED])
        is_complete = True
    finally:
        run.end(is_complete=is_complete)
    return summary


def _batch(steps: Iterator[Step], size: int) -> list[Step]:
    """Return the next steps for one transaction."""
    batch: list[Step] = []
    end = time.monotonic() + _MAX_SECONDS
    for step in steps:
        batch.append(step)
        size -= weight_of(step)
        if size <= 0 or time.monotonic() >= end:
            break
    return batch


def _is_lost(step: Step, run: Run, store: IndexStore) -> bool:
    """Tell whether a document has no image any more, where the index has some of it."""
    is_bare = step.document is not None and not step.document.entries and run.version_of(step.name) is not None
    return is_bare and store.image_count([step.name]) > 0


def _are_all(store: IndexStore, documents: list[str]) -> bool:
    """Tell whether an index has images, and only those of some documents."""
    count = store.image_count(documents)
    return count > 0 and count == store.image_count()
