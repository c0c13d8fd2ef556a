"""Tests of the contract of Leases. An implementation is added to ``place``."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from rasterwire.store import Leases
from rasterwire.store.leases import SqliteLeases


@dataclass(frozen=True, slots=True)
class Place:
    """Where the leases of a test are kept.

    Attributes:
        open: opens them as another process does.
        later: makes it a number of seconds later for all leases; no test waits.
    """

    open: Callable[[], Leases]
    later: Callable[[float], object]


def on_sqlite(path: Path, stack: ExitStack) -> Place:
    def later(seconds: float) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE leases SET until = until - ?", (seconds,))

    return Place(lambda: stack.enter_context(closing(SqliteLeases(path))), later)


def on_postgres(conninfo: str, stack: ExitStack) -> Place:
    from rasterwire.store.postgres.database import Database
    from rasterwire.store.postgres.leases import PostgresLeases
    from rasterwire.store.postgres.migrations import migrate

    own = stack.enter_context(closing(Database(conninfo)))
    migrate(own)

    def later(seconds: float) -> None:
        with own.connected() as connection:
            query = "UPDATE rasterwire.leases SET until = until - make_interval(secs => %s)"
            connection.execute(query, (seconds,))

    return Place(lambda: PostgresLeases(stack.enter_context(closing(Database(conninfo)))), later)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield on_sqlite(tmp_path / "leases.sqlite", stack)
        else:
            yield on_postgres(request.getfixturevalue("new_database")(), stack)


def test_one_of_two_gets_a_lease_and_the_other_one_once_it_is_released(place: Place) -> None:
    first, second = place.open(), place.open()
    lease = first.acquire("a", "first", 60)
    assert lease is not None
    assert second.acquire("a", "second", 60) is None
    assert first.acquire("a", "first", 60) is None, "it is held already"
    assert second.acquire("b", "second", 60) is not None
    first.release("a", lease.fence)
    later = second.acquire("a", "second", 60)
    assert later is not None
    assert not later.is_taken_over
    assert later.fence > lease.fence


def test_a_lease_is_anybodys_when_its_time_is_over(place: Place) -> None:
    first, second = place.open(), place.open()
    first.acquire("a", "first", 60)
    place.later(59)
    assert second.acquire("a", "second", 60) is None
    place.later(2)
    lease = second.acquire("a", "second", 60)
    assert lease is not None
    assert lease.is_taken_over


def test_a_lease_that_is_renewed_lasts(place: Place) -> None:
    first, second = place.open(), place.open()
    lease = first.acquire("a", "first", 60)
    assert lease is not None
    for _ in range(3):
        place.later(50)
        assert first.renew("a", lease.fence, 60)
    assert second.acquire("a", "second", 60) is None


def test_others_learn_how_far_a_work_is_from_who_is_at_it(place: Place) -> None:
    first, second = place.open(), place.open()
    assert second.progress("a") == 0, "nobody is at it"
    lease = first.acquire("a", "first", 60)
    assert lease is not None
    assert second.progress("a") == 0
    first.renew("a", lease.fence, 60, 0.25)
    assert second.progress("a") == 0.25
    place.later(61)
    assert first.progress("a") == 0, "it may be dead"
    later = second.acquire("a", "second", 60)
    assert later is not None
    assert not first.renew("a", lease.fence, 60, 0.5)
    assert first.progress("a") == 0, "the other began anew"
    second.release("a", later.fence)
    assert first.progress("a") == 0


def test_who_lost_a_lease_can_neither_renew_nor_release_it(place: Place) -> None:
    first, second = place.open(), place.open()
    stale = first.acquire("a", "first", 60)
    assert stale is not None
    place.later(61)
    lease = second.acquire("a", "second", 60)
    assert lease is not None
    assert not first.renew("a", stale.fence, 600)
    first.release("a", stale.fence)
    assert first.acquire("a", "first", 60) is None
    assert second.renew("a", lease.fence, 60)


def test_a_lease_whose_time_is_over_is_renewed_where_nobody_took_it(place: Place) -> None:
    first = place.open()
    lease = first.acquire("a", "first", 60)
    assert lease is not None
    place.later(61)
    assert first.renew("a", lease.fence, 60)
    assert place.open().acquire("a", "second", 60) is None
    first.release("a", lease.fence)
    assert not first.renew("a", lease.fence, 60)


def test_of_many_who_ask_at_once_one_gets_it_and_fences_only_grow(place: Place) -> None:
    leases = [place.open() for _ in range(4)]
    last = 0
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            answers = list(pool.map(lambda n: leases[n % 4].acquire("a", f"{n}", 60), range(8)))
            (lease,) = [answer for answer in answers if answer is not None]
            assert lease.fence > last
            last = lease.fence
            leases[0].release("a", lease.fence)
