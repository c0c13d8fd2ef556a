"""Registered downloads in a database, so that any of several servers answers any id."""

import hashlib
import itertools
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rasterwire.errors import Overloaded, StorageUnavailable
from rasterwire.store import DownloadRecord
from rasterwire.store.limits import FULL_RETRY_SECONDS, SMALL_RECORD, check_kept
from rasterwire.store.postgres.database import Connection, Database

__all__ = ["PostgresDownloadStore"]

_id = re.compile(r"[0-9a-f]{32}")

_ATTEMPTS = 3
"""At a record that finds no room, or whose request id was another's that expired just then."""

_PUTS_A_SWEEP = 16
"""Records that are stored between two sweeps, each of which removes many more that expired."""

_SWEEP = """
DELETE FROM rasterwire.{table} WHERE {key} IN (
    SELECT {key} FROM rasterwire.{table} WHERE expires <= now() ORDER BY expires LIMIT 100 FOR UPDATE SKIP LOCKED
)
"""
"""Each is a transaction of its own, so that it holds no row while it waits for one, and a few rows at a time, so that
nobody waits for many."""

_sweeps = tuple(_SWEEP.format(table=table, key=key) for table, key in (("downloads", "id"), ("parts", "hash")))

_FORGET = "DELETE FROM rasterwire.downloads WHERE request_id = %s AND expires <= now()"

# One statement, which is one transaction and one way to the database and back. What was deleted still lies on the disk
# for a while, so that a second look may find room. Parts have one order: two who store the same ones shall not wait for
# each other.
_PUT = """
WITH room AS MATERIALIZED (
    SELECT CASE
        WHEN pg_total_relation_size('rasterwire.downloads') + pg_total_relation_size('rasterwire.parts') + %(size)s
            <= %(most)s THEN true
        ELSE (SELECT coalesce(sum(pg_column_size(payload)), 0) FROM rasterwire.downloads)
            + (SELECT coalesce(sum(pg_column_size(data)), 0) FROM rasterwire.parts) + %(size)s <= %(most)s
    END AS is_left
), kept AS MATERIALIZED (
    SELECT coalesce(sum(bytes), 0)::bigint AS bytes, min(first) AS first FROM (
        SELECT max(file_bytes) AS bytes, min(expires) AS first FROM rasterwire.downloads
        WHERE %(max_kept)s::bigint IS NOT NULL AND tenant = %(tenant)s AND etag <> %(etag)s AND file_bytes > 0
            AND expires > now() GROUP BY etag
    ) AS files
), added AS (
    INSERT INTO rasterwire.downloads (id, token, request_id, payload, etag, expires, parts, tenant, file_bytes)
    SELECT %(id)s, %(token)s, %(request_id)s, %(payload)b, %(etag)s, %(expires)s, %(hashes)b::bytea[], %(tenant)s,
        %(file_bytes)s
    FROM room, kept WHERE is_left AND (%(max_kept)s::bigint IS NULL OR bytes + %(file_bytes)s <= %(max_kept)s::bigint)
    ON CONFLICT DO NOTHING RETURNING id
), stored AS (
    INSERT INTO rasterwire.parts (hash, expires, data)
    SELECT hash, %(expires)s, data FROM unnest(%(names)b::bytea[], %(parts)b::bytea[]) AS new (hash, data)
    WHERE EXISTS (SELECT FROM added) ORDER BY hash
    ON CONFLICT (hash) DO UPDATE SET expires = greatest(parts.expires, excluded.expires)
)
SELECT is_left, EXISTS (SELECT FROM added), bytes, extract(epoch FROM coalesce(first, %(expires)s) - now())::float8
FROM room, kept
"""

_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('rasterwire stored_bytes ' || %(tenant)s, 0))"
"""Waits for the other transactions of a tenant that count what it keeps, of all servers."""

_KEPT = """
SELECT coalesce(sum(bytes), 0) FROM (
    SELECT max(file_bytes) AS bytes FROM rasterwire.downloads
    WHERE tenant = %s AND file_bytes > 0 AND expires > now() GROUP BY etag
) AS files
"""

_SELECT = """
SELECT id, token, request_id, payload, etag, expires, ARRAY(
    SELECT data FROM unnest(downloads.parts) WITH ORDINALITY AS names (hash, place)
    JOIN rasterwire.parts USING (hash) ORDER BY place
), tenant, file_bytes FROM rasterwire.downloads WHERE expires > now() AND """

_LIST = """
SELECT id, token, request_id, payload, etag, expires, ARRAY[]::bytea[], tenant, file_bytes
FROM rasterwire.downloads WHERE tenant = %s AND expires > now()
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
        self._puts = itertools.count()

    def put(self, record: DownloadRecord, max_kept: int | None = None) -> DownloadRecord:
        """See ``DownloadStore.put``.

        Raises:
            ValueError: its id is not 32 hexadecimal digits.
        """
        values = _values(record) | {"max_kept": max_kept if record.file_bytes else None}
        size = len(record.payload) + sum(map(len, record.shared))
        most = self._max_bytes if size <= SMALL_RECORD else self._max_bytes * 3 // 4
        request_id = record.request_id or None
        with self._database.connected() as connection:
            if next(self._puts) % _PUTS_A_SWEEP == 0:
                _sweep(connection)
            for _ in range(_ATTEMPTS):
                has_room, is_added, used, seconds = _put(connection, values | {"size": size, "most": most})
                if is_added:
                    return record
                stored = _find(connection, "(id = %s OR request_id = %s)", values["id"], request_id)
                if stored is not None:
                    return stored
                if max_kept is not None and record.file_bytes:
                    check_kept(record, used, max_kept, seconds)
                if not has_room and not _sweep(connection):
                    raise Overloaded(FULL_RETRY_SECONDS)
                connection.execute(_FORGET, (request_id,))
        raise StorageUnavailable if has_room else Overloaded(FULL_RETRY_SECONDS)

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
        return [_record(row) for row in rows]

    def kept_bytes(self, tenant: str) -> int:
        """See ``DownloadStore.kept_bytes``."""
        with self._database.connected() as connection:
            row = connection.execute(_KEPT, (tenant,)).fetchone()
        return int(row[0]) if row else 0

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


def _put(connection: Connection, values: Mapping[str, object]) -> tuple[Any, ...]:
    """Store a record where there is room for it and for its file, and return the row that tells."""
    if values["max_kept"] is None:
        row = connection.execute(_PUT, values).fetchone()
    else:
        # a statement counts what was there when it began: those of one tenant begin one after the other
        with connection.pipeline(), connection.transaction():
            connection.execute(_TURN, values)
            row = connection.execute(_PUT, values).fetchone()
    assert row is not None
    return row


def _values(record: DownloadRecord) -> dict[str, object]:
    """Return the values of a row and of its parts."""
    parts = {hashlib.sha256(part).digest(): part for part in record.shared}
    return {
        "id": uuid.UUID(hex=record.id),
        "token": record.token,
        "request_id": record.request_id or None,
        "payload": record.payload,
        "etag": record.etag,
        "expires": record.expire_time,
        "hashes": [hashlib.sha256(part).digest() for part in record.shared],
        "tenant": record.tenant,
        "file_bytes": record.file_bytes,
        "names": list(parts),
        "parts": list(parts.values()),
    }


def _sweep(connection: Connection) -> bool:
    """Remove some of what expired, and return whether there was any."""
    with connection.pipeline() as pipeline:
        cursors = []
        for sweep in _sweeps:
            cursors.append(connection.execute(sweep))
            pipeline.sync()
    return any(cursor.rowcount > 0 for cursor in cursors)


def _find(connection: Connection, condition: str, *values: object) -> DownloadRecord | None:
    row = connection.execute(_SELECT + condition, values, binary=True).fetchone()
    return None if row is None else _record(row)


def _record(row: tuple[Any, ...]) -> DownloadRecord:
    """Return the record of a row of ``_SELECT``."""
    identifier, token, request_id, payload, etag, expires, parts, tenant, file_bytes = row
    shared = tuple(parts)
    return DownloadRecord(identifier.hex, token, request_id or "", payload, etag, expires, shared, tenant, file_bytes)
