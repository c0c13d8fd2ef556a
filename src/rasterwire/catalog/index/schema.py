"""The tables of an index, and connections to it."""

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from rasterwire.errors import CatalogUnavailable

__all__ = ["BUSY_MILLISECONDS", "CACHE_KIB", "connect"]

_APPLICATION = 0x72775831
"""Written into the file, so that another program's database is not taken for an index."""

_REVISION = 1
"""Raised when the tables or the form of their contents change."""

BUSY_MILLISECONDS = 60_000
"""How long a change waits for that of another process."""

CACHE_KIB = 4096
"""Pages that each connection holds in memory; the operating system holds the others."""

_LOG_PAGES = 8192
"""Pages of the log of changes after which they are moved into the file; the same page is often changed again."""

_TABLES = """
CREATE TABLE collection(n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE document(n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version TEXT NOT NULL, notes BLOB);
-- n is never used again: an entry that was read before is the present one as long as its n is the same
CREATE TABLE item(
    n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, collection INTEGER NOT NULL, time,
    document INTEGER NOT NULL, position INTEGER NOT NULL, placement INTEGER NOT NULL, files INTEGER NOT NULL,
    west REAL, south REAL, east REAL, north REAL, outline BLOB);
CREATE UNIQUE INDEX item_by_id ON item(id);
CREATE INDEX item_by_collection ON item(collection, id);
CREATE INDEX item_by_time ON item(collection, time, id);
CREATE INDEX item_by_document ON item(document);
CREATE INDEX item_without_place ON item(id) WHERE placement <> 1;
CREATE INDEX item_without_files ON item(id) WHERE files = 0;
-- degrees; days since 1970
CREATE VIRTUAL TABLE box USING rtree(n, west, east, south, north, first, last);
CREATE TABLE entry(n INTEGER PRIMARY KEY, facts BLOB NOT NULL, rest BLOB NOT NULL);
-- entries whose id another document has taken
CREATE TABLE spare(
    id TEXT NOT NULL, document INTEGER NOT NULL, position INTEGER NOT NULL, collection TEXT NOT NULL, time,
    placement INTEGER NOT NULL, files INTEGER NOT NULL, west REAL, south REAL, east REAL, north REAL, outline BLOB,
    facts BLOB NOT NULL, rest BLOB NOT NULL, PRIMARY KEY(id, document, position)) WITHOUT ROWID;
CREATE INDEX spare_by_document ON spare(document);
-- hashes of each id without regard to case, and of what follows its slashes
CREATE TABLE tail(hash INTEGER NOT NULL, item INTEGER NOT NULL, PRIMARY KEY(hash, item)) WITHOUT ROWID;
CREATE TABLE header(href TEXT PRIMARY KEY, version TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE dictionary(n INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """Return a connection for one thread at a time.

    Raises:
        CatalogUnavailable: there is no index, or one that this version cannot read.
    """
    try:
        connection = _open(path, read_only)
    except sqlite3.Error as error:
        raise CatalogUnavailable("the index of this catalog cannot be opened; build it again") from error
    try:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA trusted_schema = OFF")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (revision,) = connection.execute("PRAGMA user_version").fetchone()
        if not read_only:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_PAGES * 4096}")
            if (application, revision) == (0, 0):
                _create(connection)
                return connection
            # with statistics, SQLite would go through all items before it looks at the boxes
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
                connection.execute("DROP TABLE sqlite_stat1")
    except sqlite3.Error as error:
        connection.close()
        raise CatalogUnavailable("the index of this catalog cannot be opened; build it again") from error
    if (application, revision) != (_APPLICATION, _REVISION):
        connection.close()
        raise CatalogUnavailable("the index of this catalog is of another version; build it again")
    return connection


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    """Open the file; one in a folder that nobody may write is taken to stay as it is."""
    address = f"file:{quote(os.path.abspath(path))}"  # noqa: PTH100  links are not to be resolved
    is_frozen = read_only and not os.access(path.parent, os.W_OK)
    mode = ("?mode=ro&immutable=1" if is_frozen else "?mode=ro") if read_only else "?mode=rwc"
    connection = sqlite3.connect(
        address + mode, uri=True, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
    )
    if not read_only:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, unless another process has just made them."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone() == (0,):
        for statement in _TABLES.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_REVISION}")
    connection.execute("COMMIT")
