"""What the tenants of one server take, in an SQLite file that its workers share."""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from rasterwire.errors import StorageUnavailable
from rasterwire.store import Usage
from rasterwire.store.private_files import FILE_MODE, private_folder
from rasterwire.store.sqlite_files import file_identity, is_damage, opened, set_aside_damaged

__all__ = ["DAYS_KEPT", "SqliteUsageStore"]

DAYS_KEPT = 400
"""Days after which what was taken is forgotten: a year can be told from the one before."""

_LOCK_TIMEOUT = 2.0
"""Seconds that a statement waits for those of other processes."""

_log = logging.getLogger("rasterwire.server")

_CREATE = """
CREATE TABLE IF NOT EXISTS usage (
    tenant TEXT NOT NULL, quota TEXT NOT NULL, day TEXT NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (day, tenant, quota)
)
"""

_TAKE = """
INSERT INTO usage (tenant, quota, day, used) SELECT :tenant, :quota, :day, max(0, :more) WHERE :more <= :limit
ON CONFLICT (day, tenant, quota) DO UPDATE SET used = max(0, usage.used + :more)
WHERE :more <= 0 OR usage.used + :more <= :limit RETURNING used
"""

_USED = "SELECT used FROM usage WHERE tenant = :tenant AND quota = :quota AND day = :day"

_USAGES = """
SELECT tenant, quota, used FROM usage WHERE day = :day AND (:tenant IS NULL OR tenant = :tenant) ORDER BY tenant, quota
"""


class SqliteUsageStore:
    """See ``UsageStore``. Several processes may share the file. What was counted survives the end of a process.

    A damaged file is set aside, and the quotas of the day begin anew.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            OSError: it cannot be used.
        """
        self._path = path
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            raise OSError(0, f"the file of quotas cannot be opened ({error})") from error

    def _open(self) -> None:
        self._connection, self._file = opened(self._path, _connect, self._tell_damage)

    def _tell_damage(self) -> None:
        _log.error(
            "the file of quotas is damaged and now called %s.damaged; what was taken today is counted anew", self._path
        )

    def take(self, usage: Usage, limit: int) -> tuple[bool, int]:
        """See ``UsageStore.take``."""
        key = {"tenant": usage.tenant, "quota": usage.quota, "day": usage.day.isoformat()}
        with self._transaction() as connection:
            row = connection.execute(_TAKE, key | {"more": usage.used, "limit": limit}).fetchone()
            if row is not None:
                if row[0] == usage.used:  # the first of its day
                    last = (usage.day - timedelta(days=DAYS_KEPT)).isoformat()
                    connection.execute("DELETE FROM usage WHERE day < ?", (last,))
                return True, int(row[0])
            row = connection.execute(_USED, key).fetchone()
            return False, int(row[0]) if row else 0

    def usages(self, day: date, tenant: str | None = None) -> Sequence[Usage]:
        """See ``UsageStore.usages``."""
        with self._transaction() as connection:
            rows = connection.execute(_USAGES, {"day": day.isoformat(), "tenant": tenant}).fetchall()
        return [Usage(name, quota, day, used) for name, quota, used in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._file is None or file_identity(self._path) != self._file:
                    self._begin_anew()
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except (sqlite3.DatabaseError, OSError) as error:
                _log.error("the file of quotas cannot be used: %s", error)
                if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
                    self._drop_damaged()
                raise StorageUnavailable from error

    def _begin_anew(self) -> None:
        """Open the file that has the name now, after it was removed, or another process set it aside."""
        self._connection.close()
        private_folder(self._path.parent)
        self._open()

    def _drop_damaged(self) -> None:
        """Set the file aside, unless another process did; the next call opens the one that has the name then."""
        self._connection.close()
        damaged, self._file = self._file, None
        set_aside_damaged(self._path, damaged, self._tell_damage)

    def close(self) -> None:
        """See ``UsageStore.close``."""
        with self._lock:
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    path.touch(mode=FILE_MODE, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_LOCK_TIMEOUT, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # what was counted survives the end of the process; after a power failure the last of it may be lost
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_CREATE)
    except BaseException:
        connection.close()
        raise
    return connection
