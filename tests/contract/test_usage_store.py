"""Tests of the contract of UsageStore. An implementation is added to ``opening``."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

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
