"""The database that servers share: its tables, its limits, and what its absence does."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")

from postgres import postgres
from rasterwire.errors import Overloaded, StorageUnavailable
from rasterwire.store import DownloadRecord
from rasterwire.store.postgres.database import Database
from rasterwire.store.postgres.downloads import PostgresDownloadStore
from rasterwire.store.postgres.migrations import MIGRATIONS, Migration, migrate, version_problem


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
