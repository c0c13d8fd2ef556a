"""Leases that the workers of one server share, in an SQLite file."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rasterwire.errors import StorageUnavailable
from rasterwire.store import Lease
from rasterwire.store.private_files import FILE_MODE

__all__ = ["SqliteLeases"]

_LOCK_TIMEOUT = 0.5
"""Seconds that a statement waits for those of other processes."""

_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
"""Seconds since 1970, to the millisecond."""

_CREATE = """
CREATE TABLE IF NOT EXISTS leases (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, fence INTEGER NOT NULL, until REAL NOT NULL, progress REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS fences (last INTEGER NOT NULL);
INSERT INTO fences SELECT 0 WHERE NOT EXISTS (SELECT * FROM fences);
"""


class SqliteLeases:
    """See ``Leases``. Several processes may share the file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            OSError: it cannot be used.
        """
        path.touch(mode=FILE_MODE, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=_LOCK_TIMEOUT, check_same_thread=False, isolation_level=None
            )
            self._connection.execute("PRAGMA synchronous = OFF")  # no lease outlives the machine
            with self._transaction() as connection:
                for statement in _CREATE.split(";"):
                    connection.execute(statement)
        except (sqlite3.Error, StorageUnavailable) as error:
            raise OSError(0, f"the file of leases cannot be opened ({error})") from error

    def acquire(self, key: str, owner: str, seconds: float) -> Lease | None:
        """See ``Leases.acquire``."""
        with self._transaction() as connection:
            held = connection.execute(f"SELECT until > {_NOW} FROM leases WHERE key = ?", (key,)).fetchone()
            if held == (1,):
                return None
            connection.execute("UPDATE fences SET last = last + 1")
            query = f"REPLACE INTO leases SELECT ?, ?, last, {_NOW} + ?, 0 FROM fences RETURNING fence"
            return Lease(connection.execute(query, (key, owner, seconds)).fetchall()[0][0], held is not None)

    def renew(self, key: str, fence: int, seconds: float, progress: float = 0.0) -> bool:
        """See ``Leases.renew``."""
        with self._transaction() as connection:
            query = f"UPDATE leases SET until = {_NOW} + ?, progress = ? WHERE key = ? AND fence = ?"
            return connection.execute(query, (seconds, progress, key, fence)).rowcount == 1

    def progress(self, key: str) -> float:
        """See ``Leases.progress``."""
        with self._transaction() as connection:
            query = f"SELECT progress FROM leases WHERE key = ? AND until > {_NOW}"
            row = connection.execute(query, (key,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def release(self, key: str, fence: int) -> None:
        """See ``Leases.release``."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM leases WHERE key = ? AND fence = ?", (key, fence))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except sqlite3.DatabaseError as error:  # also of a file that is damaged
                raise StorageUnavailable from error

    def close(self) -> None:
        """See ``Leases.close``."""
        with self._lock:
            self._connection.close()
