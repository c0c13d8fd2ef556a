"""What a store of exports does with its tables, in the SQL that SQLite and PostgreSQL share.

Times are seconds since 1970 by the clock of the store.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from rasterwire.errors import Overloaded, QuotaExceeded, StorageUnavailable
from rasterwire.store.jobs import ExportRecord, ExportState, FileStanding, PartRecord, Speed, digest_of
from rasterwire.store.limits import FULL_RETRY_SECONDS

__all__ = ["JobRows", "Rows", "Statement"]

MAX_UNFINISHED = 2000
"""Exports of all tenants that have not ended. A tenant may have no more of them than are left for others: half of them
where it is alone, a quarter where another one has half."""

MAX_PAYLOADS = 1 << 30
"""Bytes of the requests of all exports that have not ended, likewise."""

_KEPT_SECONDS = 90 * 86400
"""After which an export that has ended is forgotten."""

_MAX_SWEPT = 2
"""Exports that are forgotten at once, each time that one is added: so they become fewer, and nobody waits for long."""

_RECENT = 20
"""Exports by which the speed is measured."""

_RETRY_SECONDS = 60.0
"""After which one of the exports of a tenant may have ended."""

_SELECT = """
SELECT id, tenant, request_id, {payload}, destination, prefix, description, etag, pixels, source_bytes, parts_total,
    priority, state, attempt, parts_done, bytes_done, failure, create_time, update_time, start_time, end_time,
    CASE WHEN state = 'RUNNING' AND parts_done > attempt_parts
    THEN ({now} - attempt_time) / (parts_done - attempt_parts) * (parts_total - parts_done) END, digest
FROM {schema}exports
"""

_PUT = """
INSERT INTO {schema}exports (id, tenant, request_id, payload, destination, prefix, description, etag, pixels,
    source_bytes, parts_total, priority, digest, state, create_time, update_time)
VALUES (:id, :tenant, :request_id, :payload, :destination, :prefix, :description, :etag, :pixels,
    :source_bytes, :parts_total, :priority, :digest, 'PENDING', {now}, {now})
"""

_SWEEP = """
DELETE FROM {schema}exports WHERE id IN (
    SELECT id FROM {schema}exports WHERE end_time < {now} - :kept ORDER BY end_time LIMIT :most
) RETURNING id
"""

_DELETE_PARTS = "DELETE FROM {schema}export_parts WHERE export_id = :id"

_ROOM = """
SELECT count(*), coalesce(sum(length(payload)), 0), coalesce(sum(CASE WHEN tenant = :tenant THEN 1 ELSE 0 END), 0),
    coalesce(sum(CASE WHEN tenant = :tenant THEN length(payload) ELSE 0 END), 0) FROM {schema}exports
WHERE end_time IS NULL
"""

_COUNT = "SELECT count(*) FROM {schema}exports WHERE tenant = :tenant AND end_time IS NULL"

_UNFINISHED = """
SELECT id, tenant, destination, state <> 'PENDING' AS is_begun FROM {schema}exports
WHERE end_time IS NULL ORDER BY is_begun DESC, priority DESC, id
"""

_CLAIM = """
UPDATE {schema}exports SET attempt = attempt + 1, state = CASE state WHEN 'PENDING' THEN 'RUNNING' ELSE state END,
    start_time = coalesce(start_time, {now}), attempt_time = {now}, attempt_parts = parts_done, update_time = {now}
WHERE id = :id AND end_time IS NULL
"""

_FENCED = """
UPDATE {schema}exports SET update_time = {now}
WHERE id = :id AND attempt = :attempt AND state = 'RUNNING' AND failure = ''
"""

_PUT_PART = """
INSERT INTO {schema}export_parts (export_id, number, file_key, upload, etag, size, crc32c, summary, attempt,
    file_standing, file_size, file_crc32c)
VALUES (:id, :number, :key, :upload, :etag, :size, :crc32c, :summary, :attempt, :file, :file_size, :file_crc32c)
ON CONFLICT (export_id, number) DO UPDATE SET file_key = excluded.file_key, upload = excluded.upload,
    etag = excluded.etag, size = excluded.size, crc32c = excluded.crc32c, summary = excluded.summary,
    attempt = excluded.attempt, file_standing = excluded.file_standing, file_size = excluded.file_size,
    file_crc32c = excluded.file_crc32c
"""

_COUNT_PART = """
UPDATE {schema}exports SET parts_done = parts_done + :parts, bytes_done = bytes_done + :bytes WHERE id = :id
"""

_PARTS = """
SELECT number, file_key, upload, etag, size, crc32c, summary, attempt
FROM {schema}export_parts WHERE export_id = :id ORDER BY number
"""

_HAS_UPLOAD = """
SELECT count(*) FROM {schema}exports JOIN {schema}export_parts ON export_id = id
WHERE end_time IS NULL AND file_key = :key AND upload = :upload
"""

_CANCEL = """
UPDATE {schema}exports SET update_time = {now}, end_time = CASE state WHEN 'PENDING' THEN {now} END,
    payload = CASE state WHEN 'PENDING' THEN :nothing ELSE payload END,
    state = CASE state WHEN 'PENDING' THEN 'CANCELLED' ELSE 'CANCELLING' END
WHERE id = :id AND state IN ('PENDING', 'RUNNING')
"""

_FAIL = """
UPDATE {schema}exports SET update_time = {now}, failure = CASE state WHEN 'RUNNING' THEN :failure ELSE failure END
WHERE id = :id AND attempt = :attempt AND state IN ('RUNNING', 'CANCELLING')
"""

_END = """
UPDATE {schema}exports SET update_time = {now}, end_time = {now}, failure = :failure, payload = :nothing,
    state = CASE state WHEN 'CANCELLING' THEN 'CANCELLED' ELSE :state END
WHERE id = :id AND attempt = :attempt AND (state = 'RUNNING' OR state = 'CANCELLING' AND :state <> 'SUCCEEDED')
"""

_SPEED = """
SELECT coalesce(sum(pixels), 0), coalesce(sum(seconds), 0) FROM (
    SELECT pixels, end_time - start_time AS seconds FROM {schema}exports
    WHERE state = 'SUCCEEDED' AND attempt = 1 ORDER BY end_time DESC LIMIT :recent
) AS recent
"""


_GIVEN = (
    *("id", "tenant", "request_id", "payload", "destination", "prefix", "description", "etag"),
    *("pixels", "source_bytes", "parts_total", "priority"),
)
"""What an export has when it is asked for."""


_OF_PART = ("number", "key", "upload", "etag", "size", "crc32c", "attempt", "file_size", "file_crc32c")

_NOT_STORED = b"not stored"
"""A summary is this where a file is missing, and this with its size and CRC32C where it is expected.

Servers that know no columns for that may run beside this one: they leave these columns as they find them, so the
summary is what counts. Once the oldest server writes the columns, a migration fills them from it, and it goes.
"""


class Rows(Protocol):
    """What a statement found or changed."""

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        ...

    def fetchall(self) -> Sequence[Any]:
        """Return all rows that follow."""
        ...


class Statement(Protocol):
    """Runs a statement."""

    def __call__(self, text: str, values: Mapping[str, object], /) -> Rows:
        """Run one of this module, with values by their names."""
        ...


class JobRows:
    """See ``JobStore``; a store says how statements are run."""

    def transaction(self, *, changes: bool = True, adds: bool = False) -> AbstractContextManager[Statement]:
        """Return a block whose statements are one transaction.

        Args:
            changes: whether it changes anything.
            adds: whether it adds an export, by what it finds of others: no two do so at the same time.
        """
        raise NotImplementedError

    def put(self, record: ExportRecord, most: int | None = None) -> ExportRecord:
        """See ``JobStore.put``."""
        stored = self._add(record, most)
        with suppress(StorageUnavailable):  # the log says so; the next one sweeps
            self._sweep()
        return stored

    def _add(self, record: ExportRecord, most: int | None) -> ExportRecord:
        with self.transaction(adds=True) as run:
            if (before := _requested(run, record.tenant, record.request_id)) is not None:
                return before
            waiting, size, of_tenant, size_of_tenant = run(_ROOM, {"tenant": record.tenant}).fetchone()
            if most is not None and of_tenant >= most:
                raise QuotaExceeded("concurrent_exports", most, int(of_tenant), 1, _RETRY_SECONDS)
            is_large = size_of_tenant + len(record.payload) > MAX_PAYLOADS - size
            if of_tenant >= MAX_UNFINISHED - waiting or is_large:
                raise Overloaded(FULL_RETRY_SECONDS)
            values = {name: getattr(record, name) for name in _GIVEN} | {"digest": digest_of(record.payload)}
            run(_PUT, values)
            return _record(run(_without_payload("WHERE id = :id"), {"id": record.id}).fetchone())

    def _sweep(self) -> None:
        """Forget some of the exports that ended long ago, with their parts."""
        with self.transaction() as run:
            for (export_id,) in run(_SWEEP, {"kept": _KEPT_SECONDS, "most": _MAX_SWEPT}).fetchall():
                run(_DELETE_PARTS, {"id": export_id})

    def get(self, export_id: str) -> ExportRecord | None:
        """See ``JobStore.get``."""
        with self.transaction(changes=False) as run:
            row = run(_without_payload("WHERE id = :id"), {"id": export_id}).fetchone()
        return None if row is None else _record(row)

    def requested(self, tenant: str, request_id: str) -> ExportRecord | None:
        """See ``JobStore.requested``."""
        with self.transaction(changes=False) as run:
            return _requested(run, tenant, request_id)

    def list(self, tenant: str, before: str, count: int) -> Sequence[ExportRecord]:
        """See ``JobStore.list``."""
        query = _without_payload("WHERE tenant = :tenant AND id < :before ORDER BY id DESC LIMIT :count")
        values = {"tenant": tenant, "before": before or "g", "count": count}
        with self.transaction(changes=False) as run:
            return [_record(row) for row in run(query, values).fetchall()]

    def unfinished(self, destinations: Collection[str], count: int) -> Sequence[str]:
        """See ``JobStore.unfinished``."""
        with self.transaction(changes=False) as run:
            rows = run(_UNFINISHED, {}).fetchall()
        turns, before = list[tuple[int, str]](), Counter[str]()
        for export_id, tenant, destination, is_begun in rows:
            if destination in destinations:
                turns.append((before[tenant], export_id))
            if is_begun or destination in destinations:
                before[tenant] += 1
        return [export_id for _, export_id in sorted(turns)[:count]]

    def count(self, tenant: str) -> int:
        """See ``JobStore.count``."""
        with self.transaction(changes=False) as run:
            return int(run(_COUNT, {"tenant": tenant}).fetchone()[0])

    def standing(self, export_id: str) -> tuple[ExportState, int] | None:
        """See ``JobStore.standing``."""
        with self.transaction(changes=False) as run:
            row = run("SELECT state, attempt FROM {schema}exports WHERE id = :id", {"id": export_id}).fetchone()
        return None if row is None else (ExportState(row[0]), int(row[1]))

    def claim(self, export_id: str) -> ExportRecord | None:
        """See ``JobStore.claim``."""
        with self.transaction() as run:
            if run(_CLAIM, {"id": export_id}).rowcount != 1:
                return None
            query = _SELECT.replace("{payload}", "payload") + "WHERE id = :id"
            return _record(run(query, {"id": export_id}).fetchone())

    def put_part(self, export_id: str, part: PartRecord) -> bool:
        """See ``JobStore.put_part``."""
        values = {"id": export_id, "file": part.file.value, "summary": _summary(part)}
        values |= {name: getattr(part, name) for name in _OF_PART}
        with self.transaction() as run:
            if run(_FENCED, {"id": export_id, "attempt": part.attempt}).rowcount != 1:
                return False
            query = "SELECT size FROM {schema}export_parts WHERE export_id = :id AND number = :number"
            row = run(query, {"id": export_id, "number": part.number}).fetchone()
            before = 0 if row is None else int(row[0])
            run(_PUT_PART, values)
            change = {"parts": (part.size > 0) - (before > 0), "bytes": part.size - before}
            run(_COUNT_PART, {"id": export_id, **change})
        return True

    def parts(self, export_id: str) -> Sequence[PartRecord]:
        """See ``JobStore.parts``."""
        with self.transaction(changes=False) as run:
            rows = run(_PARTS, {"id": export_id}).fetchall()
        return [_part(row) for row in rows]

    def has_upload(self, key: str, upload: str) -> bool:
        """See ``JobStore.has_upload``."""
        with self.transaction(changes=False) as run:
            return bool(run(_HAS_UPLOAD, {"key": key, "upload": upload}).fetchone()[0])

    def cancel(self, export_id: str) -> ExportRecord | None:
        """See ``JobStore.cancel``."""
        with self.transaction() as run:
            run(_CANCEL, {"id": export_id, "nothing": b""})
            row = run(_without_payload("WHERE id = :id"), {"id": export_id}).fetchone()
        return None if row is None else _record(row)

    def fail(self, export_id: str, attempt: int, failure: str) -> bool:
        """See ``JobStore.fail``."""
        with self.transaction() as run:
            return run(_FAIL, {"id": export_id, "attempt": attempt, "failure": failure}).rowcount == 1

    def end(self, export_id: str, attempt: int, state: ExportState, failure: str = "") -> bool:
        """See ``JobStore.end``."""
        values = {"id": export_id, "attempt": attempt, "state": state.value, "failure": failure, "nothing": b""}
        with self.transaction() as run:
            if run(_END, values).rowcount != 1:
                return False
            if state is not ExportState.SUCCEEDED:
                run(_DELETE_PARTS, {"id": export_id})
        return True

    def speed(self) -> Speed:
        """See ``JobStore.speed``."""
        with self.transaction(changes=False) as run:
            pixels, seconds = run(_SPEED, {"recent": _RECENT}).fetchone()
        return Speed(int(pixels), float(seconds))


def _requested(run: Statement, tenant: str, request_id: str) -> ExportRecord | None:
    if not request_id:
        return None
    query = _without_payload("WHERE tenant = :tenant AND request_id = :request_id")
    row = run(query, {"tenant": tenant, "request_id": request_id}).fetchone()
    return None if row is None else _record(row)


def _without_payload(condition: str) -> str:
    return _SELECT.replace("{payload}", "NULL") + condition


def _part(row: Sequence[Any]) -> PartRecord:
    """Return the part of a row of ``_PARTS``."""
    part = PartRecord(*row)
    summary = bytes(part.summary)
    if not summary.startswith(_NOT_STORED):
        return replace(part, summary=summary)
    if summary == _NOT_STORED:
        return replace(part, summary=b"", file=FileStanding.MISSING)
    size, crc32c = (int(number) for number in summary.removeprefix(_NOT_STORED).split())
    return replace(part, summary=b"", file=FileStanding.EXPECTED, file_size=size, file_crc32c=crc32c)


def _summary(part: PartRecord) -> bytes:
    """Return the summary of a part as it is stored; a part whose file is not there yet has none of its own."""
    match part.file:
        case FileStanding.MISSING:
            return _NOT_STORED
        case FileStanding.EXPECTED:
            return _NOT_STORED + f" {part.file_size} {part.file_crc32c}".encode()
        case FileStanding.STORED:
            return part.summary


def _record(row: Sequence[Any]) -> ExportRecord:
    """Return the export of a row of ``_SELECT``."""
    values = list(row)
    values[3], values[22] = bytes(values[3] or b""), bytes(values[22])
    values[12] = ExportState(values[12])
    values[17:21] = [None if time is None else datetime.fromtimestamp(time, UTC) for time in values[17:21]]
    return ExportRecord(*values)
