"""Tests of the contract of UsageStore. An implementation is added to ``opening``."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from rasterwire.errors import StorageUnavailable
from rasterwire.store import Usage, UsageStore
from rasterwire.store.usage import DAYS_KEPT, SqliteUsageStore

DAY = date(2026, 7, 1)
PIXELS = Usage("forestry", "pixels_per_day", DAY, 60)

Open = Callable[[], UsageStore]
"""Opens the store as another process does."""


@pytest.fixture(params=["sqlite", "postgres"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield lambda: stack.enter_context(closing(SqliteUsageStore(tmp_path / "usage.sqlite")))
            return
        conninfo = request.getfixturevalue("new_database")()
        from rasterwire.store.postgres.database import Database
        from rasterwire.store.postgres.migrations import migrate
        from rasterwire.store.postgres.usage import PostgresUsageStore

        migrate(stack.enter_context(closing(Database(conninfo))))
        yield lambda: PostgresUsageStore(stack.enter_context(closing(Database(conninfo))))


def test_what_is_within_the_limit_is_counted_and_what_is_beyond_is_not(opening: Open) -> None:
    store = opening()
    assert store.take(PIXELS, 100) == (True, 60)
    assert store.take(PIXELS, 100) == (False, 60)
    assert store.take(replace(PIXELS, used=40), 100) == (True, 100)
    assert store.take(replace(PIXELS, used=1), 100) == (False, 100)


def test_more_than_the_limit_at_once_is_not_counted(opening: Open) -> None:
    store = opening()
    assert store.take(replace(PIXELS, used=101), 100) == (False, 0)
    assert store.usages(DAY) == []


def test_tenants_quotas_and_days_are_counted_apart_by_all_processes_together(opening: Open) -> None:
    one, other = opening(), opening()
    others = [
        replace(PIXELS, tenant="survey"),
        replace(PIXELS, quota="bytes_per_day"),
        replace(PIXELS, day=DAY + timedelta(days=1)),
    ]
    for usage in others:
        assert one.take(usage, 100) == (True, 60)
    assert one.take(PIXELS, 1 << 62) == (True, 60)
    assert other.take(PIXELS, 1 << 62) == (True, 120)
    assert other.take(replace(PIXELS, used=1 << 61), 1 << 62) == (True, (1 << 61) + 120)
    assert other.usages(DAY) == [others[1], replace(PIXELS, used=(1 << 61) + 120), others[0]]
    assert one.usages(DAY, "survey") == [others[0]]


def test_what_is_given_back_can_be_taken_again_and_never_makes_less_than_nothing(opening: Open) -> None:
    store = opening()
    store.take(PIXELS, 60)
    assert store.take(replace(PIXELS, used=-20), 50) == (True, 40)  # also where the limit was lowered meanwhile
    assert store.take(replace(PIXELS, used=10), 50) == (True, 50)
    assert store.take(replace(PIXELS, used=-90), 50) == (True, 0)


def test_what_was_taken_long_ago_is_forgotten(opening: Open) -> None:
    store = opening()
    store.take(PIXELS, 100)
    store.take(replace(PIXELS, day=DAY + timedelta(days=DAYS_KEPT)), 100)
    assert store.usages(DAY) == [PIXELS]
    store.take(replace(PIXELS, day=DAY + timedelta(days=DAYS_KEPT + 1)), 100)
    assert store.usages(DAY) == []


def test_many_that_take_at_once_take_no_more_than_the_limit(opening: Open) -> None:
    stores = [opening() for _ in range(4)]

    def take(number: int) -> bool:
        return stores[number % len(stores)].take(replace(PIXELS, used=1), 50)[0]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(80))) == 50


def damage_pages(path: Path) -> None:
    """Write over all of a file but its first page, so that it opens, and is wrong where it is read."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


def test_sqlite_a_file_that_is_damaged_is_told_and_set_aside_by_whoever_sees_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "usage.sqlite"
    with closing(SqliteUsageStore(path)) as store:
        store.take(PIXELS, 100)
    damage_pages(path)
    with closing(SqliteUsageStore(path)) as one, closing(SqliteUsageStore(path)) as other:
        with pytest.raises(StorageUnavailable):
            one.take(PIXELS, 100)
        assert "the file of quotas is damaged" in caplog.text
        assert (tmp_path / "usage.sqlite.damaged").exists()
        assert one.take(PIXELS, 100) == (True, 60)
        assert other.take(PIXELS, 100) == (False, 60), "both use the new one"


def test_sqlite_what_is_no_database_any_more_is_set_aside_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    with closing(SqliteUsageStore(path)) as store:
        assert store.take(PIXELS, 100) == (True, 60)
    assert (tmp_path / "usage.sqlite.damaged").read_bytes().startswith(b"no database")


def test_sqlite_a_file_that_was_removed_begins_anew_for_all(tmp_path: Path) -> None:
    path = tmp_path / "state" / "usage.sqlite"
    path.parent.mkdir()
    with closing(SqliteUsageStore(path)) as one, closing(SqliteUsageStore(path)) as other:
        one.take(PIXELS, 100)
        shutil.rmtree(path.parent)
        assert one.take(PIXELS, 100) == (True, 60)
        assert other.take(PIXELS, 100) == (False, 60)
