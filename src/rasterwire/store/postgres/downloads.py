"""Registered downloads in a database, so that any of several servers answers any id."""

import hashlib
import re
import uuid
from collections.abc import Sequence
from datetime import datetime

from rasterwire.errors import Overloaded, StorageUnavailable
from rasterwire.store import DownloadRecord
from rasterwire.store.limits import FULL_RETRY_SECONDS, SMALL_RECORD
from rasterwire.store.postgres.database import Connection, Database

__all__ = ["PostgresDownloadStore"]

_id = re.compile(r"[0-9a-f]{32}")

_ATTEMPTS = 3
"""At a record whose request id was another's that expired just then."""

_SWEEP = """
DELETE FROM rasterwire.{table} WHERE {key} IN (
    SELECT {key} FROM rasterwire.{table} WHERE expires <= now() ORDER BY expires LIMIT 100 FOR UPDATE SKIP LOCKED
)
"""
"""A few at a time, so that nobody waits for many."""

_sweeps = tuple(_SWEEP.format(table=table, key=key) for table, key in (("downloads", "id"), ("parts", "hash")))

_INSERT = "INSERT INTO rasterwire.downloads VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"

_INSERT_PART = """
INSERT INTO rasterwire.parts VALUES (%s, %s, %s)
ON CONFLICT (hash) DO UPDATE SET expires = greatest(parts.expires, excluded.expires)
"""

_SELECT = """
SELECT id, token, request_id, payload, etag, expires, ARRAY(
    SELECT data FROM unnest(downloads.parts) WITH ORDINALITY AS names (hash, place)
    JOIN rasterwire.parts USING (hash) ORDER BY place
), tenant FROM rasterwire.downloads WHERE expires > now() AND """

_LIST = """
SELECT id, token, request_id, payload, etag, expires, ARRAY[]::bytea[], tenant
FROM rasterwire.downloads WHERE tenant = %s AND expires > now()
"""

_DISK_BYTES = "SELECT pg_total_relation_size('rasterwire.downloads') + pg_total_relation_size('rasterwire.parts')"

_DATA_BYTES = """
SELECT (SELECT coalesce(sum(pg_column_size(payload)), 0) FROM rasterwire.downloads)
     + (SELECT coalesce(sum(pg_column_size(data)), 0) FROM rasterwire.parts)
"""


class PostgresDownloadStore:
    """Stores downloads in a database. Times are compared with its clock.

    A record is there for all servers when ``put`` returns. When the database's machine fails, those of the last second
    may be lost; their clients create them again.
    """

    def __init__(self, database: Database, max_bytes: int = 1 << 30) -> None:
        """Use the tables of a database; they were made by ``migrate``.

        Args:
            database: closed with this store.
            max_bytes: that records may take; a quarter is reserved for small ones.
        """
        self._database = database
        self._max_bytes = max_bytes

    def put(self, record: DownloadRecord) -> DownloadRecord:
        """See ``DownloadStore.put``.

        Raises:
            ValueError: its id is not 32 hexadecimal digits.
        """
        for _ in range(_ATTEMPTS):
            with self._database.transaction(is_lasting=False) as connection:
                stored = self._put(connection, record)
            if stored is not None:
                return stored
        raise StorageUnavailable

    def _put(self, connection: Connection, record: DownloadRecord) -> DownloadRecord | None:
        """Return the stored record; None where the one of its request id expired meanwhile."""
        identifier, request_id = uuid.UUID(hex=record.id), record.request_id or None
        digests = [hashlib.sha256(part).digest() for part in record.shared]
        row = (
            identifier,
            record.token,
            request_id,
            record.payload,
            record.etag,
            record.expire_time,
            digests,
            record.tenant,
        )
        for sweep in _sweeps:
            connection.execute(sweep)
        if request_id is not None:
            query = "DELETE FROM rasterwire.downloads WHERE request_id = %s AND expires <= now()"
            connection.execute(query, (request_id,))
        if not connection.execute(_INSERT, row).rowcount:
            return _find(connection, "(id = %s OR request_id = %s)", identifier, request_id)
        # in one order: two who store the same parts shall not wait for each other
        for digest, part in sorted(zip(digests, record.shared, strict=True)):
            connection.execute(_INSERT_PART, (digest, record.expire_time, part))
        size = len(record.payload) + sum(map(len, record.shared))
        max_bytes = self._max_bytes if size <= SMALL_RECORD else self._max_bytes * 3 // 4
        # what was deleted still lies on the disk for a while, so that a second look may find room
        if _number(connection, _DISK_BYTES) > max_bytes and _number(connection, _DATA_BYTES) > max_bytes:
            raise Overloaded(FULL_RETRY_SECONDS)  # the transaction is rolled back with the new record
        return record

    def get(self, download_id: str) -> DownloadRecord | None:
        """See ``DownloadStore.get``."""
        if not _id.fullmatch(download_id):
            return None
        with self._database.connected() as connection:
            return _find(connection, "id = %s", uuid.UUID(hex=download_id))

    def list(self, tenant: str, after: str, count: int) -> Sequence[DownloadRecord]:
        """See ``DownloadStore.list``."""
        start, values = ("AND id > %s", [uuid.UUID(hex=after)]) if after else ("", [])
        query = f"{_LIST} {start} ORDER BY id LIMIT %s"
        with self._database.connected() as connection:
            rows = connection.execute(query, (tenant, *values, count), binary=True).fetchall()
        return [_record(*row) for row in rows]

    def delete(self, download_id: str) -> bool:
        """See ``DownloadStore.delete``. Its parts stay until they expire: others may have them too."""
        if not _id.fullmatch(download_id):
            return False
        query = "DELETE FROM rasterwire.downloads WHERE id = %s AND expires > now()"
        with self._database.connected() as connection:
            return connection.execute(query, (uuid.UUID(hex=download_id),)).rowcount == 1

    def close(self) -> None:
        """Close the connections to the database."""
        self._database.close()


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _find(connection: Connection, condition: str, *values: object) -> DownloadRecord | None:
    row = connection.execute(_SELECT + condition, values, binary=True).fetchone()
    return None if row is None else _record(*row)


def _record(
    identifier: uuid.UUID,
    token: str,
    request_id: str | None,
    payload: bytes,
    etag: str,
    expires: datetime,
    parts: Sequence[bytes],
    tenant: str,
) -> DownloadRecord:
    return DownloadRecord(identifier.hex, token, request_id or "", payload, etag, expires, tuple(parts), tenant)
