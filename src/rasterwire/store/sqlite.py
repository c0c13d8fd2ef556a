"""Stores registered downloads in an SQLite file. This is the default; it needs no other service."""

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rasterwire.errors import Overloaded, StorageUnavailable
from rasterwire.store import DownloadRecord
from rasterwire.store.limits import FULL_RETRY_SECONDS, SMALL_RECORD, check_kept
from rasterwire.store.private_files import FILE_MODE, opening_alone, private_folder
from rasterwire.store.sqlite_files import file_identity

SCHEMA = 4
"""Version of the file."""

_COLUMNS = "id, token, request_id, payload, etag, expires"
"""Of a record, but its parts and its tenant."""

_LOCK_TIMEOUT = 0.5
"""Seconds that a transaction waits for those of other processes, which take about a thousandth of it."""

_TURN_TIMEOUT = 1.5
"""Seconds that a thread waits for the connection. On a busy machine the thread that has it may wait for a processor,
which is no fault of the store; where another process holds the file, all threads are told of it within 2 s."""

_log = logging.getLogger("rasterwire.server")

_CREATE = """
CREATE TABLE IF NOT EXISTS downloads (
    id TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    request_id TEXT UNIQUE,
    payload BLOB NOT NULL,
    etag TEXT NOT NULL,
    expires REAL NOT NULL,
    parts TEXT NOT NULL DEFAULT '',
    tenant TEXT NOT NULL DEFAULT '',
    file_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS parts (
    hash TEXT PRIMARY KEY,
    expires REAL NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS downloads_expires ON downloads (expires);
"""

_INDEXES = """
CREATE INDEX IF NOT EXISTS downloads_tenant ON downloads (tenant, id);
CREATE INDEX IF NOT EXISTS downloads_kept ON downloads (tenant, etag, file_bytes, expires);
"""
"""Made once a file of an older version has the columns."""

_KEPT = """
SELECT coalesce(sum(bytes), 0), coalesce(min(first), 0) FROM (
    SELECT max(file_bytes) AS bytes, min(expires) AS first FROM downloads
    WHERE tenant = ? AND expires > ? AND etag <> ? AND file_bytes > 0 GROUP BY etag
)
"""
"""The bytes of a tenant's files but for one, and when the first of their records expires."""


class SqliteDownloadStore:
    """Stores downloads in one file, which several processes may share.

    Tokens are stored in plain text, because a repeated ``request_id`` has to return the same token. Only
    the owner can read the file.
    """

    def __init__(self, path: Path, max_bytes: int = 1 << 30) -> None:
        """Open or create the file.

        Args:
            path: of the file.
            max_bytes: its largest size; a quarter is reserved for small records.

        Raises:
            OSError: the file cannot be created, or has a newer version.
        """
        self._lock = threading.Lock()
        self._path = path
        self._max_bytes = max_bytes
        self._open()

    def _open(self) -> None:
        with opening_alone(self._path):
            self._path.touch(mode=FILE_MODE, exist_ok=True)
            try:
                self._connection = _connect(self._path)
            except sqlite3.Error as error:
                raise OSError(0, f"the download store cannot be opened ({error})") from error
            self._file = file_identity(self._path)

    def put(self, record: DownloadRecord, max_kept: int | None = None) -> DownloadRecord:
        """See ``DownloadStore.put``."""
        row = (
            record.id,
            record.token,
            record.request_id or None,
            record.payload,
            record.etag,
            record.expire_time.timestamp(),
            " ".join(hashlib.sha256(part).hexdigest() for part in record.shared),
            record.tenant,
            record.file_bytes,
        )
        now = datetime.now(UTC).timestamp()
        size = len(record.payload) + sum(map(len, record.shared))
        max_bytes = self._max_bytes if size <= SMALL_RECORD else self._max_bytes * 3 // 4
        with self._connected() as connection, connection:
            # IMMEDIATE: another process may be about to store the same request id
            connection.execute("BEGIN IMMEDIATE")
            for table in ("downloads", "parts"):
                connection.execute(f"DELETE FROM {table} WHERE expires <= ?", (now,))
            connection.execute("INSERT OR IGNORE INTO downloads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            query = "SELECT * FROM downloads WHERE id = ? OR request_id = ?"
            stored_row = connection.execute(query, (record.id, record.request_id or None)).fetchone()
            if stored_row[0] == record.id:  # else no record would own the parts
                for digest, part in zip(row[6].split(), record.shared, strict=True):
                    extension = "ON CONFLICT (hash) DO UPDATE SET expires = max(expires, excluded.expires)"
                    connection.execute(f"INSERT INTO parts VALUES (?, ?, ?) {extension}", (digest, row[5], part))
            stored = _record(connection, stored_row)
            if stored.id == record.id and max_kept is not None and record.file_bytes:
                used, first = connection.execute(_KEPT, (record.tenant, now, record.etag)).fetchone()
                check_kept(record, used, max_kept, (first or row[5]) - now)  # likewise rolled back
            if stored.id == record.id and _used_bytes(connection) > max_bytes:
                raise Overloaded(FULL_RETRY_SECONDS)  # the transaction is rolled back with the new record
        return stored

    def get(self, download_id: str) -> DownloadRecord | None:
        """See ``DownloadStore.get``."""
        now = datetime.now(UTC).timestamp()
        with self._connected() as connection:
            query = "SELECT * FROM downloads WHERE id = ? AND expires > ?"
            row = connection.execute(query, (download_id, now)).fetchone()
            return None if row is None else _record(connection, row)

    def list(self, tenant: str, after: str, count: int) -> Sequence[DownloadRecord]:
        """See ``DownloadStore.list``."""
        now = datetime.now(UTC).timestamp()
        query = f"""
            SELECT {_COLUMNS}, '', tenant, file_bytes FROM downloads
            WHERE tenant = ? AND id > ? AND expires > ? ORDER BY id LIMIT ?
        """
        with self._connected() as connection:
            rows = connection.execute(query, (tenant, after, now, count)).fetchall()
            return [_record(connection, row) for row in rows]

    def kept_bytes(self, tenant: str) -> int:
        """See ``DownloadStore.kept_bytes``."""
        with self._connected() as connection:
            values = tenant, datetime.now(UTC).timestamp(), ""
            return int(connection.execute(_KEPT, values).fetchone()[0])

    def delete(self, download_id: str) -> bool:
        """See ``DownloadStore.delete``. Its parts stay until they expire: others may have them too."""
        now = datetime.now(UTC).timestamp()
        with self._connected() as connection:
            query = "DELETE FROM downloads WHERE id = ? AND expires > ?"
            return connection.execute(query, (download_id, now)).rowcount == 1

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread at a time. Where somebody removed the file, a new one is opened.

        Raises:
            StorageUnavailable: the file is locked or cannot be used.
        """
        if not self._lock.acquire(timeout=_TURN_TIMEOUT):
            raise StorageUnavailable
        try:
            if file_identity(self._path) != self._file:
                _log.error("the store of downloads was removed; registered downloads are lost")
                private_folder(self._path.parent)
                self._connection.close()
                self._open()
            yield self._connection
        except sqlite3.DatabaseError as error:  # also of a file that is damaged
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise
            _log.error("the store of downloads cannot be used: %s", error)
            raise StorageUnavailable from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_TIMEOUT, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # a commit survives the end of the process; after a power failure the last ones may be lost
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        raise OSError(
            0, f"the download store has version {version}, this server supports up to {SCHEMA}; upgrade the server"
        )
    connection.executescript(_CREATE)
    for since, column in ((2, "parts TEXT"), (3, "tenant TEXT"), (4, "file_bytes INTEGER")):
        if 0 < version < since:
            default = "0" if column.endswith("INTEGER") else "''"
            connection.execute(f"ALTER TABLE downloads ADD COLUMN {column} NOT NULL DEFAULT {default}")
    connection.executescript(_INDEXES)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    return connection


def _record(connection: sqlite3.Connection, row: tuple[Any, ...]) -> DownloadRecord:
    """Return the record of a row: the columns of the table, in their order."""
    identifier, token, request_id, payload, etag, expires, parts, tenant, file_bytes = row
    query = "SELECT data FROM parts WHERE hash = ?"
    shared = tuple(connection.execute(query, (digest,)).fetchone()[0] for digest in parts.split())
    until = datetime.fromtimestamp(expires, UTC)
    return DownloadRecord(identifier, token, request_id or "", payload, etag, until, shared, tenant, file_bytes)


def _used_bytes(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file that are in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
