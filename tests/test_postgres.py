"""The database that servers share: its tables, its limits, and what its absence does."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")

import psycopg
from psycopg.conninfo import make_conninfo

from effort import HANG
from postgres import postgres
from rasterwire.errors import Overloaded, QuotaExceeded, StorageUnavailable
from rasterwire.store import DownloadRecord
from rasterwire.store.postgres.connection import Connection
from rasterwire.store.postgres.database import Database
from rasterwire.store.postgres.downloads import _TURN, PostgresDownloadStore
from rasterwire.store.postgres.migrations import MIGRATIONS, Migration, migrate, version_problem
from waiting import until


@pytest.fixture
def database(new_database: Callable[[], str]) -> Iterator[Database]:
    """An empty database."""
    with closing(Database(new_database())) as opened:
        yield opened


def record(payload: bytes, *, hours: float = 1, request_id: str = "") -> DownloadRecord:
    return DownloadRecord(
        uuid.uuid4().hex, "token", request_id, payload, "etag", datetime.now(UTC) + timedelta(hours=hours)
    )


def fill(store: PostgresDownloadStore) -> None:
    for _ in range(100):
        store.put(record(os.urandom(50_000)))


def test_tables_are_made_once_and_a_server_is_told_when_they_are_not(database: Database) -> None:
    assert "run rasterwire admin migrate" in version_problem(database)
    assert migrate(database) == [step.number for step in MIGRATIONS]
    assert version_problem(database) == ""
    assert migrate(database) == []


def test_a_server_works_with_newer_tables_until_they_have_lost_what_it_needs(database: Database) -> None:
    first, last = MIGRATIONS, MIGRATIONS[-1].number
    expanded = Migration(last + 1, 1, "ALTER TABLE rasterwire.downloads ADD COLUMN newer text")
    contracted = Migration(last + 2, last + 1, "ALTER TABLE rasterwire.downloads DROP COLUMN parts")
    migrate(database, first)
    assert f"this server needs {last + 1}" in version_problem(database, (*first, expanded))
    assert migrate(database, (*first, expanded)) == [last + 1]
    assert version_problem(database, first) == ""
    stored = record(b"of the server before")
    assert PostgresDownloadStore(database).put(stored) == stored
    migrate(database, (*first, expanded, contracted))
    assert "upgrade this server" in version_problem(database, first)
    assert version_problem(database, (*first, expanded)) == ""


def test_a_step_that_fails_changes_nothing(database: Database) -> None:
    wrong = Migration(2, 1, "CREATE TABLE rasterwire.new (a text); CREATE TABLE rasterwire.new (a text)")
    with pytest.raises(StorageUnavailable):
        migrate(database, (*MIGRATIONS, wrong))
    assert "version 0" in version_problem(database)
    migrate(database)
    assert version_problem(database) == ""


def test_a_full_store_refuses_large_records_first_then_small_ones_until_some_expire(database: Database) -> None:
    migrate(database)
    store = PostgresDownloadStore(database, 2_000_000)
    for _ in range(7):
        store.put(record(os.urandom(200_000)))
    large = record(os.urandom(200_000))
    with pytest.raises(Overloaded):
        store.put(large)
    assert store.get(large.id) is None
    small = record(b"small", request_id="r")
    store.put(small)
    with pytest.raises(Overloaded):
        fill(store)
    assert store.put(record(b"again", request_id="r")) == small, "it is there already"
    with database.connected() as connection:
        connection.execute("UPDATE rasterwire.downloads SET expires = now() - interval '1 s'")
    assert store.put(large) == large


def test_two_servers_that_store_for_a_tenant_at_once_keep_no_more_than_it_may(new_database: Callable[[], str]) -> None:
    """The first is held up within its statement, by a part that a third one is about to store."""
    conninfo = make_conninfo(new_database(), options="-c lock_timeout=0 -c statement_timeout=0")
    part, waiting = b"a part" * 100, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    databases = [Database(conninfo) for _ in range(2)]
    stores = [PostgresDownloadStore(database) for database in databases]
    migrate(databases[0])

    def counted(*shared: bytes) -> DownloadRecord:
        return replace(record(b""), etag=uuid.uuid4().hex, shared=shared, tenant="forestry", file_bytes=60)

    def waiters() -> int:
        row = own.execute(waiting).fetchone()
        assert row is not None
        return int(row[0])

    with (
        psycopg.connect(conninfo, autocommit=True) as own,
        psycopg.connect(conninfo) as third,
        ThreadPoolExecutor(2) as pool,
        patched_answers(),
    ):
        third.execute(
            "INSERT INTO rasterwire.parts (hash, expires, data) VALUES (%s, now() + interval '1 hour', '')",
            (hashlib.sha256(part).digest(),),
        )
        first = pool.submit(stores[0].put, counted(part), 100)
        until(waiters, 1)
        second = pool.submit(stores[1].put, counted(), 100)
        until(lambda: second.done() or waiters() == 2, True)
        third.rollback()
        assert first.result(HANG).file_bytes == 60
        with pytest.raises(QuotaExceeded):
            second.result(HANG)
    assert stores[0].kept_bytes("forestry") == 60
    for store in stores:
        store.close()


@contextmanager
def patched_answers() -> Iterator[None]:
    """Wait for answers for as long as it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "answer_seconds", None)
        yield


def test_one_who_waits_too_long_for_the_others_of_a_tenant_is_told_as_passing(database: Database) -> None:
    migrate(database)
    store = PostgresDownloadStore(database)
    counted = replace(record(b""), tenant="forestry", file_bytes=60)
    with psycopg.connect(database._conninfo) as other:
        other.execute(_TURN.encode(), {"tenant": "forestry"})
        with pytest.raises(StorageUnavailable):
            store.put(counted, 100)
    assert store.put(counted, 100) == counted


@pytest.mark.parametrize("code", ["53100", "40P01", "55P03", "40001"])
def test_a_database_that_refuses_to_write_is_still_read(database: Database, code: str) -> None:
    for _ in range(5):
        with pytest.raises(StorageUnavailable), database.connected() as connection:
            connection.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$")
    with database.connected() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_id_of_another_form_is_nobodys(database: Database) -> None:
    migrate(database)
    store = PostgresDownloadStore(database)
    with pytest.raises(ValueError, match="hexadecimal"):
        store.put(replace(record(b""), id="id"))
    assert store.get("id") is None


def test_a_database_that_is_gone_is_told_as_passing_and_goes_on_when_it_is_back() -> None:
    with postgres() as server, closing(Database(server.conninfo())) as database:
        migrate(database)
        store, stored = PostgresDownloadStore(database), record(b"kept")
        store.put(stored)
        server.stop()
        with pytest.raises(StorageUnavailable):
            store.get(stored.id)
        server.start()
        assert store.get(stored.id) == stored
