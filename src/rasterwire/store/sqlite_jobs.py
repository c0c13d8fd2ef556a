"""Exports of one server, in an SQLite file that its workers share."""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rasterwire.errors import StorageUnavailable
from rasterwire.store.job_rows import JobRows, Rows, Statement
from rasterwire.store.private_files import FILE_MODE, opening_alone

__all__ = ["SqliteJobStore"]

SCHEMA = 2
"""Version of the file."""

_LOCK_TIMEOUT = 2.0
"""Seconds that a statement waits for those of other processes."""

_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
"""Seconds since 1970, to the millisecond."""

_CREATE = """
CREATE TABLE IF NOT EXISTS exports (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, request_id TEXT NOT NULL, payload BLOB NOT NULL, digest BLOB NOT NULL,
    destination TEXT NOT NULL, prefix TEXT NOT NULL,
    description TEXT NOT NULL, etag TEXT NOT NULL, pixels BIGINT NOT NULL, source_bytes BIGINT NOT NULL,
    parts_total INTEGER NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
    parts_done INTEGER NOT NULL DEFAULT 0, bytes_done BIGINT NOT NULL DEFAULT 0, failure TEXT NOT NULL DEFAULT '',
    create_time REAL NOT NULL, update_time REAL NOT NULL, start_time REAL, end_time REAL,
    attempt_time REAL, attempt_parts INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS exports_request ON exports (tenant, request_id) WHERE request_id <> '';
CREATE INDEX IF NOT EXISTS exports_tenant ON exports (tenant, id);
CREATE INDEX IF NOT EXISTS exports_unfinished ON exports (tenant, id) WHERE end_time IS NULL;
CREATE INDEX IF NOT EXISTS exports_ended ON exports (end_time) WHERE end_time IS NOT NULL;
CREATE INDEX IF NOT EXISTS exports_succeeded ON exports (end_time) WHERE state = 'SUCCEEDED' AND attempt = 1;
CREATE TABLE IF NOT EXISTS export_parts (
    export_id TEXT NOT NULL, number INTEGER NOT NULL, file_key TEXT NOT NULL, upload TEXT NOT NULL, etag TEXT NOT NULL,
    size BIGINT NOT NULL, crc32c BIGINT NOT NULL, summary BLOB NOT NULL, attempt INTEGER NOT NULL,
    file_standing TEXT NOT NULL DEFAULT '', file_size BIGINT NOT NULL DEFAULT 0,
    file_crc32c BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (export_id, number)
);
"""

_TO_2 = """
BEGIN IMMEDIATE;
ALTER TABLE export_parts ADD COLUMN file_standing TEXT NOT NULL DEFAULT '';
ALTER TABLE export_parts ADD COLUMN file_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE export_parts ADD COLUMN file_crc32c BIGINT NOT NULL DEFAULT 0;
PRAGMA user_version = 2;
COMMIT;
"""
"""A server of the version before may still run, and goes on with the summary; see ``job_rows``."""

_log = logging.getLogger("rasterwire.server")


class SqliteJobStore(JobRows):
    """See ``JobStore``. Several processes may share the file, and what was stored survives a power failure."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            OSError: it cannot be used, or has a newer version.
        """
        self._lock = threading.Lock()
        with opening_alone(path):
            path.touch(mode=FILE_MODE, exist_ok=True)
            try:
                self._connection = _connect(path)
            except sqlite3.Error as error:
                raise OSError(0, f"the file of exports cannot be opened ({error})") from error

    @contextmanager
    def transaction(self, *, changes: bool = True, adds: bool = False) -> Iterator[Statement]:
        """See ``JobRows.transaction``."""
        with self._lock:
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE" if changes or adds else "BEGIN")
                    yield self._run
            except sqlite3.DatabaseError as error:  # also of a file that is damaged
                _log.error("the file of exports cannot be used: %s", error)
                raise StorageUnavailable from error

    def _run(self, text: str, values: Mapping[str, object], /) -> Rows:
        return self._connection.execute(text.replace("{schema}", "").replace("{now}", _NOW), values)

    def close(self) -> None:
        """See ``JobStore.close``."""
        with self._lock:
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_TIMEOUT, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        connection.close()
        raise OSError(
            0, f"the file of exports has version {version}, this server supports {SCHEMA}; upgrade the server"
        )
    if version == 1:
        connection.executescript(_TO_2)
    connection.executescript(_CREATE)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    return connection
