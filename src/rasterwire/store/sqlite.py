"""Registered downloads in an SQLite file: the embedded default, which needs no service."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rasterwire.store import DownloadRecord

_SCHEMA = 1

_CREATE = """
CREATE TABLE IF NOT EXISTS downloads (
    id TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    request_id TEXT UNIQUE,
    payload BLOB NOT NULL,
    etag TEXT NOT NULL,
    expires REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS downloads_expires ON downloads (expires);
"""


class SqliteDownloadStore:
    """Keeps downloads in one file, which several processes may share.

    Tokens are stored as they are, since a repeated ``request_id`` has to return the same one; the
    file is readable by its owner alone.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            OSError: the file cannot be made, or is of a newer version.
        """
        self._lock = threading.Lock()
        with _alone(path):
            path.touch(mode=0o600, exist_ok=True)
            try:
                self._connection = _opened(path)
            except sqlite3.Error as error:
                raise OSError(0, f"the download store cannot be opened ({error})") from error

    def put(self, record: DownloadRecord) -> DownloadRecord:
        """See ``DownloadStore.put``."""
        row = (
            record.id,
            record.token,
            record.request_id or None,
            record.payload,
            record.etag,
            record.expire_time.timestamp(),
        )
        with self._lock, self._connection:
            # IMMEDIATE: another process may be about to store the same request id
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM downloads WHERE expires <= ?", (datetime.now(UTC).timestamp(),))
            self._connection.execute("INSERT OR IGNORE INTO downloads VALUES (?, ?, ?, ?, ?, ?)", row)
            query = "SELECT * FROM downloads WHERE id = ? OR request_id = ?"
            kept = self._connection.execute(query, (record.id, record.request_id or None)).fetchone()
        return _record(kept)

    def get(self, download_id: str) -> DownloadRecord | None:
        """See ``DownloadStore.get``."""
        now = datetime.now(UTC).timestamp()
        with self._lock:
            query = "SELECT * FROM downloads WHERE id = ? AND expires > ?"
            row = self._connection.execute(query, (download_id, now)).fetchone()
        return None if row is None else _record(row)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time open a file: SQLite waits for no other while it changes to a write-ahead log."""
    with os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # a commit survives the death of the process; after a power cut the last ones may be gone
    connection.execute("PRAGMA synchronous = NORMAL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, _SCHEMA):
        raise OSError(0, f"the download store is of version {version}, this server knows {_SCHEMA}")
    connection.executescript(_CREATE)
    connection.execute(f"PRAGMA user_version = {_SCHEMA}")
    return connection


def _record(row: tuple[str, str, str | None, bytes, str, float]) -> DownloadRecord:
    identifier, token, request_id, payload, etag, expires = row
    return DownloadRecord(identifier, token, request_id or "", payload, etag, datetime.fromtimestamp(expires, UTC))
