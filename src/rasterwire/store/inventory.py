"""What the stores hold, for an operator beside running servers. Nothing is made or migrated here."""

import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasterwire.errors import StorageUnavailable
from rasterwire.store import Usage

if TYPE_CHECKING:
    from rasterwire.store.postgres.database import Database

__all__ = [
    "ActiveLease",
    "Inventory",
    "Selection",
    "StoredDownload",
    "TenantTotal",
    "inventory_of_database",
    "inventory_of_folder",
]

_log = logging.getLogger("rasterwire.server")

_BATCH = 500
"""Rows that are deleted at once, so that a server which stores one meanwhile does not wait for long."""

_LOCK_TIMEOUT = 5.0
"""Seconds that a statement waits for those of a server."""

_id = re.compile(r"[0-9a-f]{32}")

Execute = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Selection:
    """Registered downloads of a tenant, or of some ids.

    Attributes:
        ids: of 32 hexadecimal digits; empty for any.
        tenant: whose they are; None for anybody's.
    """

    ids: tuple[str, ...] = ()
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class StoredDownload:
    """A registered download, without what lets somebody read it.

    Attributes:
        id: of the download.
        tenant: that registered it; "" for none.
        etag: of its file.
        expire_time: with a time zone.
        request_bytes: that its request takes.
    """

    id: str
    tenant: str
    etag: str
    expire_time: datetime
    request_bytes: int


@dataclass(frozen=True, slots=True)
class TenantTotal:
    """Registered downloads of a tenant: their count, and the bytes of their requests."""

    tenant: str
    count: int
    request_bytes: int


@dataclass(frozen=True, slots=True)
class ActiveLease:
    """The lease of a render.

    Attributes:
        key: the etag of what is rendered.
        owner: the server and its process.
        fence: see ``Lease``.
        seconds: until it ends; below 0 where nobody renewed it.
    """

    key: str
    owner: str
    fence: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a database names and compares what all have."""

    downloads: str
    leases: str
    usage: str
    id: str
    seconds: Callable[[str], str]
    now: str


_sqlite = _Dialect("downloads", "leases", "usage", "id", str, "((julianday('now') - 2440587.5) * 86400.0)")

_postgres = _Dialect(
    "rasterwire.downloads",
    "rasterwire.leases",
    "rasterwire.usage",
    "replace(id::text, '-', '')",
    "extract(epoch FROM {})::float8".format,
    "extract(epoch FROM clock_timestamp())::float8",
)


class Inventory:
    """Lists registered downloads that have not expired, leases, and what tenants took; deletes on demand."""

    def __init__(self, dialect: _Dialect, downloads: Execute, leases: Execute, usage: Execute) -> None:
        """Use what runs statements; made by ``inventory_of_folder`` and ``inventory_of_database``."""
        self._dialect = dialect
        self._downloads = downloads
        self._leases = leases
        self._usage = usage

    def downloads(self, selection: Selection, count: int) -> list[StoredDownload]:
        """Return the downloads that end first, at most ``count``.

        Raises:
            StorageUnavailable: the store cannot be used; so do all methods.
        """
        where, values = self._condition(selection)
        columns = f"{self._dialect.id}, tenant, etag, {self._dialect.seconds('expires')}, length(payload)"
        rows = self._downloads(
            f"SELECT {columns} FROM {self._dialect.downloads} WHERE {where} ORDER BY expires, id LIMIT ?",
            [*values, count],
        )
        return [
            StoredDownload(name, tenant, etag, datetime.fromtimestamp(end, UTC), size)
            for name, tenant, etag, end, size in rows
        ]

    def totals(self, selection: Selection) -> list[TenantTotal]:
        """Return the count and the bytes of each tenant that has downloads, in the order of their names."""
        where, values = self._condition(selection)
        query = f"""
            SELECT tenant, count(*), sum(length(payload)) FROM {self._dialect.downloads}
            WHERE {where} GROUP BY tenant ORDER BY tenant
        """
        return [TenantTotal(tenant, count, int(size)) for tenant, count, size in self._downloads(query, values)]

    def stored_bytes(self) -> dict[str, int]:
        """Return the bytes of the files of each tenant's downloads, those of one etag once; see ``Quota``."""
        where, values = self._condition(Selection())
        query = f"""
            SELECT tenant, sum(bytes) FROM (
                SELECT tenant, max(file_bytes) AS bytes FROM {self._dialect.downloads}
                WHERE {where} AND file_bytes > 0 GROUP BY tenant, etag
            ) AS files GROUP BY tenant
        """
        return {tenant: int(size) for tenant, size in self._downloads(query, values)}

    def usages(self, day: date) -> list[Usage]:
        """Return what tenants took of their quotas on a day, in the order of their names."""
        query = f"SELECT tenant, quota, used FROM {self._dialect.usage} WHERE day = ? ORDER BY tenant, quota"
        return [Usage(tenant, quota, day, int(used)) for tenant, quota, used in self._usage(query, [day.isoformat()])]

    def delete(self, selection: Selection) -> tuple[int, int]:
        """Delete downloads, and return how many there were and the bytes of their requests."""
        where, values = self._condition(selection)
        table = self._dialect.downloads
        query = f"""
            DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {where} LIMIT {_BATCH})
            RETURNING length(payload)
        """
        count = size = 0
        while rows := self._downloads(query, values):
            count, size = count + len(rows), size + sum(row[0] for row in rows)
        return count, size

    def leases(self) -> list[ActiveLease]:
        """Return the leases, that which ends last first."""
        end = self._dialect.seconds("until")
        query = f"SELECT key, owner, fence, {end} - {self._dialect.now} FROM {self._dialect.leases} ORDER BY until DESC"
        return [ActiveLease(*row) for row in self._leases(query, [])]

    def end_lease(self, key: str) -> bool:
        """Let others do the work of a key; return whether there was a lease.

        Its holder goes on, and equal plans give equal bytes: work may be done twice, and nothing else.
        """
        return bool(self._leases(f"DELETE FROM {self._dialect.leases} WHERE key = ? RETURNING key", [key]))

    def _condition(self, selection: Selection) -> tuple[str, list[object]]:
        parts, values = [f"{self._dialect.seconds('expires')} > {self._dialect.now}"], list[object]()
        if selection.ids:
            ids = [name for name in selection.ids if _id.fullmatch(name)]
            parts.append(f"{self._dialect.id} IN ({', '.join('?' * len(ids)) or 'NULL'})")
            values.extend(ids)
        if selection.tenant is not None:
            parts.append("tenant = ?")
            values.append(selection.tenant)
        return " AND ".join(parts), values


@contextmanager
def inventory_of_folder(downloads: Path, leases: Path, usage: Path, version: int) -> Iterator[Inventory]:
    """Give the inventory of the files of a state folder, which a server may use meanwhile.

    Args:
        downloads: the file of registered downloads; without it there are none.
        leases: likewise, of leases.
        usage: likewise, of what tenants took.
        version: that the file of downloads has to have.

    Raises:
        OSError: the file has another version.
    """
    with _opened(downloads) as first, _opened(leases) as second, _opened(usage) as third:
        if downloads.exists():
            ((file_version,),) = first("PRAGMA user_version", [])
            if file_version != version:
                problem = f"{downloads} has version {file_version}, this rasterwire knows {version}"
                raise OSError(f"{problem}; use the rasterwire of its server")
        yield Inventory(_sqlite, first, second, third)


@contextmanager
def _opened(path: Path) -> Iterator[Execute]:
    """Give what runs statements on a file, and on nothing where it is not there: then each answer is empty."""
    if not path.exists():
        yield lambda _statement, _values: []
        return
    try:
        connection = sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True, timeout=_LOCK_TIMEOUT)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    with closing(connection):
        connection.isolation_level = None

        def execute(statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
            try:
                return connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise _unusable(path, error) from error

        yield execute


def _unusable(path: Path, error: sqlite3.Error) -> StorageUnavailable:
    _log.error("%s cannot be used: %s", path, error)
    return StorageUnavailable()


def inventory_of_database(database: "Database") -> Inventory:
    """Return the inventory of a database whose tables have the version of this rasterwire."""

    def execute(statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with database.connected() as connection:
            cursor = connection.execute(statement.replace("?", "%s").encode(), values)
            return cursor.fetchall()

    return Inventory(_postgres, execute, execute, execute)
