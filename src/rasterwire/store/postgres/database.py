"""Connections to the PostgreSQL database that servers share."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from rasterwire.errors import StorageUnavailable
from rasterwire.store.breaker import Breaker
from rasterwire.store.postgres.connection import Connection

__all__ = ["Connection", "Database", "complete"]

_MAX_CONNECTIONS = 8
"""Of a process: as many as it has threads that ask the database."""

_WAIT = 1.5
"""Seconds that a caller waits for a connection."""

_RECONNECTING = 3.0
"""Seconds for which the pool tries again by itself, in ever longer intervals. After that each caller has it try."""

_SESSION = (
    "-c statement_timeout=1500 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=10000 "
    "-c synchronous_commit=off"  # what was stored in the last second may be lost when the database's machine fails
)

_DEFAULTS = {"connect_timeout": "2", "tcp_user_timeout": "3000", "application_name": "rasterwire"}

_ANSWERS = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.DiskFull,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
)
"""Of the operational errors, those of a database that works, and refuses one statement and not the next one."""

_log = logging.getLogger("rasterwire.server")


class Database:
    """A pool of connections. Safe to use from several threads."""

    def __init__(self, conninfo: str) -> None:
        """Open a pool; whether there is a database shows when it is asked.

        Args:
            conninfo: a URL or the text of libpq; what it leaves out comes from libpq's variables, such as PGPASSWORD.

        Raises:
            psycopg.ProgrammingError: it is neither of these.
        """
        self._conninfo = complete(conninfo)
        self._own: Connection | None = None
        self._is_closed = False
        self._last_failure = ""
        self._breaker = Breaker()
        self._lock = threading.Lock()
        self._lent = 0
        self._pool = ConnectionPool(
            self._conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=_MAX_CONNECTIONS,
            timeout=_WAIT,
            reconnect_timeout=_RECONNECTING,
            check=Connection.check,  # one that broke meanwhile fails no caller
            name="rasterwire",
            open=True,
        )

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Give a connection on which each statement is a transaction of its own.

        Raises:
            StorageUnavailable: the database cannot be reached, or refused a statement; the log says why.
        """
        try:
            with self._breaker.guard():
                try:
                    with self._pool.connection() as connection, self._lending():
                        yield connection
                except _ANSWERS:
                    raise
                except PoolTimeout as error:
                    if self._are_all_lent:
                        raise  # nothing was asked; those who have the connections find out how the database is
                    raise _unavailable(error) from error
                except psycopg.OperationalError as error:
                    raise _unavailable(error) from error
        except psycopg.Error as error:  # an answer
            raise _unavailable(error) from error

    @property
    def _are_all_lent(self) -> bool:
        return self._lent >= _MAX_CONNECTIONS

    @contextmanager
    def _lending(self) -> Iterator[None]:
        with self._lock:
            self._lent += 1
        try:
            yield
        finally:
            with self._lock:
                self._lent -= 1

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection on which all statements are one transaction, rolled back where one fails.

        It may take its time, and its end waits until the database has written it to the disk.

        Raises:
            StorageUnavailable: see ``connected``.
        """
        with self.connected() as connection:
            connection.answer_seconds = None
            try:
                with connection.transaction():
                    connection.execute("SET LOCAL synchronous_commit = on")
                    yield connection
            finally:
                del connection.answer_seconds  # back to that of its class

    def problem(self) -> str:
        """Return why nothing can be stored now, "" where it can; for one thread at a time.

        It is asked by a connection of its own: those of the pool may all be with callers.
        """
        for is_last in (self._own is None, True):
            try:
                is_read_only = self._is_read_only()
            except psycopg.Error as error:
                self._drop_own()
                if is_last:
                    self._tell_once(f"{error}".strip())
                    return "it cannot be reached"
            else:
                self._last_failure = ""
                return "it takes no changes; is it a standby?" if is_read_only else ""
        raise AssertionError

    def _is_read_only(self) -> bool:
        if self._own is None:
            self._own = Connection.connect(self._conninfo, autocommit=True)
        row = self._own.execute("SELECT current_setting('transaction_read_only') = 'on'").fetchone()
        if self._is_closed:
            self._drop_own()
        return row == (True,)

    def _drop_own(self) -> None:
        connection, self._own = self._own, None
        if connection is not None:
            connection.close()

    def _tell_once(self, failure: str) -> None:
        if failure != self._last_failure:
            _log.error("the database cannot be used: %s", failure)
            self._last_failure = failure

    def close(self) -> None:
        """Close the connections."""
        self._is_closed = True
        self._pool.close()
        self._drop_own()


def complete(conninfo: str) -> str:
    """Return an address with the limits of time that hold for all connections of a server.

    Raises:
        psycopg.ProgrammingError: see ``Database``.
    """
    values = conninfo_to_dict(conninfo)
    options = {"options": f"{_SESSION} {values.get('options') or ''}".strip()}
    return make_conninfo(**(_DEFAULTS | values | options))  # type: ignore[arg-type]  # values are texts or numbers


def _unavailable(error: psycopg.Error) -> StorageUnavailable:
    _log.error("the database cannot be used: %s", f"{error}".strip())
    return StorageUnavailable()
