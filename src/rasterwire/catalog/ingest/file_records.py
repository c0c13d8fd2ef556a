"""What is known of the files of a folder since it was last looked at, kept in SQLite.

It is written after the index. So a process that is killed in between does again what it did last, and leaves out
nothing.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

__all__ = ["FileRecords"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version TEXT);
CREATE TABLE IF NOT EXISTS mention (
    target INTEGER NOT NULL, document INTEGER NOT NULL, is_link INTEGER NOT NULL, PRIMARY KEY (target, document)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mention_document ON mention (document);
CREATE TABLE IF NOT EXISTS stale (unit TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS complete (files INTEGER NOT NULL, root TEXT NOT NULL);
"""
_TABLES = ("file", "mention", "stale", "complete")
_FORMAT = 1
"""Of the tables; those of another one are made anew."""

_BUSY_SECONDS = 60.0
"""How long a change waits for that of another process."""

_MAX_VALUES = 500
"""Values of a statement."""


class FileRecords:
    """Files with their versions, and which document mentions which file. Used under a lock of its owner."""

    def __init__(self, path: Path) -> None:
        """Open the records.

        Args:
            path: of the file.

        Raises:
            OSError: the file cannot be opened.
        """
        try:
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
            self._database.isolation_level = None
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            with self.writing():
                self._make_tables()
        except sqlite3.Error as error:
            raise OSError(f"the records of the folder's files cannot be opened: {error}") from error

    def _make_tables(self) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _FORMAT):
            for table in _TABLES:
                self._database.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _SCHEMA.split(";"):
            self._database.execute(statement)
        self._database.execute(f"PRAGMA user_version = {_FORMAT}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep all changes of the block, or none where it fails."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def revision(self) -> int:
        """Return a number that changes when another process writes."""
        (number,) = self._database.execute("PRAGMA data_version").fetchone()
        return int(number)

    def clear(self) -> None:
        """Forget all."""
        with self.writing():
            for table in _TABLES:
                self._database.execute(f"DELETE FROM {table}")

    def file_count(self) -> int | None:
        """Return how many files and folders there were when the index was last complete; None for never."""
        row = self._database.execute("SELECT files FROM complete").fetchone()
        return None if row is None else int(row[0])

    def root(self) -> str | None:
        """Return the folder of which the index was last complete; None for never."""
        row = self._database.execute("SELECT root FROM complete").fetchone()
        return None if row is None else str(row[0])

    def set_complete(self, root: str, count: int) -> None:
        """Keep that the index is complete, of which folder, and how many files and folders are in it."""
        with self.writing():
            self._database.execute("DELETE FROM complete")
            self._database.execute("INSERT INTO complete VALUES (?, ?)", (count, root))

    def versions(self) -> dict[str, str]:
        """Return the version of each file by its name."""
        return dict(self._database.execute("SELECT name, version FROM file WHERE version IS NOT NULL"))

    def set_versions(self, versions: Mapping[str, str | None]) -> None:
        """Keep the versions of files; None is that of a file which is gone."""
        self._database.executemany(
            "INSERT INTO file (name, version) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            versions.items(),
        )

    def set_mentions(self, document: str, files: Iterable[str], links: Iterable[str]) -> set[str]:
        """Keep what a document mentions, and return the names that it mentions now and did not before, or reversed.

        Args:
            document: its name.
            files: that its items list.
            links: documents that it links to.
        """
        mentions = dict.fromkeys(links, 1) | dict.fromkeys(files, 0)
        key = self._key(document)
        earlier = self._mentions(key)
        if earlier == mentions:
            return set()
        self._database.execute("DELETE FROM mention WHERE document = ?", (key,))
        self._insert_mentions(key, mentions)
        return {name for name, _ in earlier.items() ^ mentions.items()}

    def _key(self, document: str) -> int:
        self._database.execute("INSERT OR IGNORE INTO file (name) VALUES (?)", (document,))
        (key,) = self._database.execute("SELECT id FROM file WHERE name = ?", (document,)).fetchone()
        return int(key)

    def _mentions(self, key: int) -> dict[str, int]:
        return dict(
            self._database.execute(
                "SELECT name, is_link FROM mention JOIN file ON file.id = target WHERE document = ?", (key,)
            )
        )

    def _insert_mentions(self, key: int, mentions: Mapping[str, int]) -> None:
        self._database.executemany("INSERT OR IGNORE INTO file (name) VALUES (?)", ((name,) for name in mentions))
        self._database.executemany(
            "INSERT INTO mention SELECT id, ?, ? FROM file WHERE name = ?",
            ((key, is_link, name) for name, is_link in mentions.items()),
        )

    def add_mentions(self, document: str, files: Iterable[str]) -> set[str]:
        """Keep that a document mentions files besides what it is known to mention; return those that are new."""
        key = self._key(document)
        added = set(files) - self._mentions(key).keys()
        self._insert_mentions(key, dict.fromkeys(added, 0))
        return added

    def documents_mentioning(self, names: Iterable[str]) -> set[str]:
        """Return the documents that mention at least one of some files."""
        return self._among(
            "SELECT DISTINCT source.name FROM mention JOIN file AS source ON source.id = document "
            "JOIN file AS named ON named.id = target WHERE named.name IN ({})",
            names,
        )

    def listed(self, names: Iterable[str]) -> set[str]:
        """Return those of some files that items list."""
        return self._mentioned(names, 0)

    def linked(self, names: Iterable[str]) -> set[str]:
        """Return those of some files that documents link to."""
        return self._mentioned(names, 1)

    def _mentioned(self, names: Iterable[str], is_link: int) -> set[str]:
        return self._among(
            "SELECT DISTINCT name FROM file JOIN mention ON file.id = target "
            f"WHERE is_link = {is_link} AND name IN ({{}})",
            names,
        )

    def _among(self, statement: str, names: Iterable[str]) -> set[str]:
        result: set[str] = set()
        for batch in _batches(names):
            rows = self._database.execute(statement.format(",".join("?" * len(batch))), batch)
            result.update(name for (name,) in rows)
        return result

    def add_stale(self, units: Iterable[str]) -> None:
        """Note what folder images have to be made again; see ``folder_images.units_of``."""
        self._database.executemany("INSERT OR IGNORE INTO stale VALUES (?)", ((unit,) for unit in units))

    def remove_stale(self, units: Iterable[str]) -> None:
        """Note that they were made again."""
        self._database.executemany("DELETE FROM stale WHERE unit = ?", ((unit,) for unit in units))

    def stale(self) -> list[str]:
        """Return what has to be made again, sorted."""
        return [unit for (unit,) in self._database.execute("SELECT unit FROM stale ORDER BY unit")]


def _batches(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    iterator = iter(names)
    while batch := tuple(islice(iterator, _MAX_VALUES)):
        yield batch
