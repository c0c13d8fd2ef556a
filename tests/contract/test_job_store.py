"""Tests of the contract of JobStore. An implementation is added to ``place``."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rasterwire.errors import Overloaded, QuotaExceeded
from rasterwire.store import job_rows
from rasterwire.store.job_rows import JobRows, Rows, Statement
from rasterwire.store.jobs import ExportRecord, ExportState, JobStore, PartRecord, Speed, digest_of
from rasterwire.store.sqlite_jobs import SqliteJobStore

BUCKET = {"bucket"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the exports of a test are kept.

    Attributes:
        open: opens the store as another process does.
        later: makes all times so many seconds earlier; no test waits.
        explain: statements before one that has it told by which indexes it finds its rows.
    """

    open: Callable[[], JobStore]
    later: Callable[[float], object]
    explain: tuple[str, ...]


TIMES = ("create_time", "update_time", "start_time", "end_time", "attempt_time")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path / "exports.sqlite"

            def earlier(seconds: float) -> None:
                with closing(sqlite3.connect(path)) as connection, connection:
                    for name in TIMES:
                        connection.execute(f"UPDATE exports SET {name} = {name} - ?", (seconds,))

            yield Place(lambda: stack.enter_context(closing(SqliteJobStore(path))), earlier, ("EXPLAIN QUERY PLAN",))
            return
        conninfo = request.getfixturevalue("new_database")()
        from rasterwire.store.postgres.database import Database
        from rasterwire.store.postgres.jobs import PostgresJobStore
        from rasterwire.store.postgres.migrations import migrate

        own = stack.enter_context(closing(Database(conninfo)))
        migrate(own)

        def before(seconds: float) -> None:
            with own.connected() as connection:
                for name in TIMES:
                    connection.execute(f"UPDATE rasterwire.exports SET {name} = {name} - %s", (seconds,))

        explain = ("SET LOCAL enable_seqscan = off", "EXPLAIN")  # small tables are read whole else
        yield Place(lambda: PostgresJobStore(stack.enter_context(closing(Database(conninfo)))), before, explain)


_whole = re.compile(r"SCAN (export\w*)(?! USING)\b|Seq Scan on (export\w*)")


class Watched:
    """Keeps the statements of a store."""

    def __init__(self, place: Place) -> None:
        self.store = place.open()
        assert isinstance(self.store, JobRows)
        self._explain = place.explain
        self._transaction = self.store.transaction
        self._statements: dict[str, Mapping[str, object]] = {}
        self.store.transaction = self._watching  # type: ignore[method-assign]

    @contextmanager
    def _watching(self, **options: bool) -> Iterator[Statement]:
        with self._transaction(**options) as run:

            def keeping(text: str, values: Mapping[str, object], /) -> Rows:
                self._statements[text] = values
                return run(text, values)

            yield keeping

    def read_whole(self) -> list[tuple[str, str]]:
        """Return the tables that statements find no index for, and the statements."""
        assert len(self._statements) > 0
        found = []
        for text, values in self._statements.items():
            with self._transaction(changes=True) as run:
                *settings, explain = self._explain
                for setting in settings:
                    run(setting, {})
                lines = [str(row[-1]) for row in run(f"{explain} {text}", values).fetchall()]
            found += [(hit[1] or hit[2], text) for hit in map(_whole.search, lines) if hit]
        return found


def job(number: int = 1, **values: object) -> ExportRecord:
    plain = ExportRecord(
        f"{number:032x}", "forestry", "", b"\x00what\xff", "bucket", "a", "b", "etag", 1000, 2000, 4, 100
    )
    return replace(plain, **values)  # type: ignore[arg-type]


def done(number: int, attempt: int, size: int = 10) -> PartRecord:
    return PartRecord(number, f"a-{number}.tif", "", f"etag{number}", size, 0xFFFFFFFF, b"\x00\xff", attempt)


def test_what_is_stored_comes_back_and_waits(place: Place) -> None:
    stored = place.open().put(job())
    found = place.open().get(stored.id)
    assert found == stored
    assert found is not None
    assert (found.state, found.attempt) == (ExportState.PENDING, 0)
    assert found.create_time is not None
    assert found.start_time is None
    assert place.open().get("f" * 32) is None


def test_only_who_claims_an_export_reads_its_request(place: Place) -> None:
    store = place.open()
    assert store.put(job(request_id="a")).payload == b""
    assert store.put(job(request_id="a")).payload == b""
    claimed, found, listed = store.claim(job().id), store.get(job().id), store.list("forestry", "", 1)[0]
    cancelled = store.cancel(job().id)
    assert claimed is not None
    assert found is not None
    assert cancelled is not None
    assert (claimed.payload, found.payload, listed.payload, cancelled.payload) == (job().payload, b"", b"", b"")


def test_a_repeated_request_id_of_a_tenant_returns_the_first_export(place: Place) -> None:
    store = place.open()
    first = store.put(job(1, request_id="a"))
    assert store.put(job(2, request_id="a", payload=b"other"), most=1) == first
    assert store.put(job(3, request_id="a", tenant="water")).id == job(3).id
    assert store.put(job(4)).id == job(4).id
    assert store.put(job(5)).id == job(5).id


def test_a_tenant_has_no_more_unfinished_exports_than_it_may_have(place: Place) -> None:
    store = place.open()
    store.put(job(1), most=2)
    store.put(job(2), most=2)
    store.put(job(3, tenant="water"), most=2)
    with pytest.raises(QuotaExceeded, match="concurrent_exports: 2 of 2"):
        store.put(job(4), most=2)
    assert store.count("forestry") == 2
    store.cancel(job(1).id)
    store.put(job(4), most=2)


def test_of_many_who_ask_at_once_no_more_get_an_export_than_may(place: Place) -> None:
    stores = [place.open() for _ in range(4)]

    def put(number: int) -> bool:
        try:
            stores[number % 4].put(job(number), most=3)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(put, range(12))) == 3


def test_lists_are_of_one_tenant_with_the_newest_first(place: Place) -> None:
    store = place.open()
    for number in range(5):
        store.put(job(number, tenant="water" if number == 3 else "forestry"))
    assert [record.id for record in store.list("forestry", "", 3)] == [job(4).id, job(2).id, job(1).id]
    assert [record.id for record in store.list("forestry", job(1).id, 3)] == [job(0).id]


def test_exports_of_a_tenant_come_by_priority_then_by_age_and_only_for_known_destinations(
    place: Place,
) -> None:
    store = place.open()
    for number, priority in enumerate((100, 100, 900, 5)):
        store.put(job(number, priority=priority))
    store.put(job(9, destination="elsewhere"))
    store.cancel(job(1).id)
    assert list(store.unfinished(BUCKET, 10)) == [job(2).id, job(0).id, job(3).id]
    assert list(store.unfinished(BUCKET, 1)) == [job(2).id]


def test_tenants_take_turns_whatever_their_priorities(place: Place) -> None:
    store = place.open()
    for number, (tenant, priority) in enumerate([("a", 9999), ("a", 9999), ("a", 5), ("b", 100), ("b", 0), ("c", 1)]):
        store.put(job(number, tenant=tenant, priority=priority))
    assert list(store.unfinished(BUCKET, 10)) == [job(number).id for number in (0, 3, 5, 1, 4, 2)]
    store.claim(job(1).id)
    store.claim(job(2).id)
    assert list(store.unfinished(BUCKET, 10)) == [job(number).id for number in (1, 3, 5, 2, 4, 0)]
    assert list(store.unfinished(BUCKET, 3)) == [job(number).id for number in (1, 3, 5)]


def test_what_waits_for_an_unknown_destination_takes_no_turn_of_its_tenant(place: Place) -> None:
    store = place.open()
    store.put(job(0, destination="elsewhere", priority=900))
    store.put(job(1))
    store.put(job(2, tenant="water"))
    assert list(store.unfinished(BUCKET, 10)) == [job(1).id, job(2).id]
    store.claim(job(0).id)
    assert list(store.unfinished(BUCKET, 10)) == [job(2).id, job(1).id]


def test_a_tenant_leaves_others_as_much_room_as_it_takes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_rows, "MAX_UNFINISHED", 8)
    store, numbers = place.open(), iter(range(99))

    def fill(tenant: str) -> int:
        for count in range(9):
            try:
                store.put(job(next(numbers), tenant=tenant))
            except Overloaded:
                return count
        raise AssertionError

    assert [fill(tenant) for tenant in "abcd"] == [4, 2, 1, 1]
    assert fill("a") == 0
    store.cancel(job(0).id)
    assert [fill(tenant) for tenant in "ae"] == [0, 1]


def test_an_export_that_has_ended_keeps_of_its_request_what_a_repeated_one_is_compared_with(place: Place) -> None:
    store = place.open()
    for number in range(4):
        assert store.put(job(number, request_id=f"{number}")).digest == digest_of(job().payload)
    for number in (1, 2, 3):
        store.claim(job(number).id)
    store.cancel(job(0).id)
    store.end(job(1).id, 1, ExportState.SUCCEEDED)
    store.end(job(2).id, 1, ExportState.FAILED)
    store.cancel(job(3).id)
    running = store.claim(job(3).id)
    assert running is not None
    assert running.payload == job().payload
    store.end(job(3).id, 2, ExportState.CANCELLED)
    for number in range(4):
        repeated = store.put(job(9, request_id=f"{number}", payload=b"other"))
        assert (repeated.id, repeated.digest) == (job(number).id, digest_of(job().payload))


def test_requests_of_one_tenant_fill_no_room_of_others_nor_those_of_exports_that_ended(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_rows, "MAX_PAYLOADS", 4000)
    store = place.open()
    for number in range(9):
        store.put(job(number, payload=bytes(2000)))
        store.cancel(job(number).id)
    store.put(job(10, payload=bytes(1500)))
    with pytest.raises(Overloaded):
        store.put(job(11, payload=bytes(1500)))
    store.put(job(12, payload=bytes(1500), tenant="water"))


def test_who_claims_an_export_fences_off_who_had_it_before(place: Place) -> None:
    store, other = place.open(), place.open()
    store.put(job())
    first, second = store.claim(job().id), other.claim(job().id)
    assert first is not None
    assert second is not None
    assert (first.attempt, second.attempt, second.state) == (1, 2, ExportState.RUNNING)
    assert store.standing(job().id) == (ExportState.RUNNING, 2)
    assert store.standing("f" * 32) is None
    assert first.start_time == second.start_time
    assert not store.put_part(job().id, done(0, attempt=1))
    assert not store.end(job().id, 1, ExportState.SUCCEEDED)
    assert list(store.parts(job().id)) == []
    assert other.put_part(job().id, done(0, attempt=2))
    assert other.end(job().id, 2, ExportState.SUCCEEDED)
    assert store.claim(job().id) is None


def test_parts_count_once_for_the_progress_and_only_once_they_are_done(place: Place) -> None:
    store = place.open()
    store.put(job())
    store.claim(job().id)
    begun = PartRecord(1, "a-1.tif", upload="u", attempt=1)
    for part in (begun, done(0, 1), done(1, 1, 7), done(1, 1, 30)):
        assert store.put_part(job().id, part)
    found = place.open().get(job().id)
    assert found is not None
    assert (found.parts_done, found.bytes_done) == (2, 40)
    assert list(place.open().parts(job().id)) == [done(0, 1), done(1, 1, 30)]


def test_what_is_left_is_estimated_by_what_this_attempt_has_done(place: Place) -> None:
    store = place.open()
    store.put(job())
    store.claim(job().id)
    store.put_part(job().id, done(0, 1))
    place.later(1_000_000)
    store.claim(job().id)
    fresh = store.get(job().id)
    assert fresh is not None
    assert fresh.seconds_left is None
    place.later(60)
    store.put_part(job().id, done(1, 2))
    found = store.get(job().id)
    assert found is not None
    assert found.seconds_left == pytest.approx(120, abs=10)


def test_one_that_waits_is_cancelled_at_once_and_one_that_runs_by_who_works_at_it(place: Place) -> None:
    store = place.open()
    store.put(job(1))
    store.put(job(2))
    waiting = store.cancel(job(1).id)
    assert waiting is not None
    assert waiting.state is ExportState.CANCELLED
    assert waiting.end_time is not None
    store.claim(job(2).id)
    store.put_part(job(2).id, done(0, 1))
    running = store.cancel(job(2).id)
    assert running is not None
    assert (running.state, running.end_time) == (ExportState.CANCELLING, None)
    assert not store.put_part(job(2).id, done(1, 1))
    assert not store.end(job(2).id, 1, ExportState.SUCCEEDED)
    assert list(store.unfinished(BUCKET, 9)) == [job(2).id]
    claimed = store.claim(job(2).id)
    assert claimed is not None
    assert claimed.state is ExportState.CANCELLING
    assert len(store.parts(job(2).id)) == 1
    assert store.end(job(2).id, 2, ExportState.CANCELLED)
    assert list(store.parts(job(2).id)) == []
    ended = store.cancel(job(2).id)
    assert ended is not None
    assert ended.state is ExportState.CANCELLED
    assert store.cancel("f" * 32) is None


def test_a_failure_is_told_and_nothing_follows_it(place: Place) -> None:
    store = place.open()
    store.put(job())
    store.claim(job().id)
    store.put_part(job().id, done(0, 1))
    assert store.end(job().id, 1, ExportState.FAILED, '{"reason": "X"}')
    found = store.get(job().id)
    assert found is not None
    assert (found.state, found.failure) == (ExportState.FAILED, '{"reason": "X"}')
    assert list(store.parts(job().id)) == []
    cancelled = store.cancel(job().id)
    assert cancelled is not None
    assert cancelled.state is ExportState.FAILED


def test_one_that_fails_stores_nothing_more_while_its_files_are_removed(place: Place) -> None:
    store = place.open()
    store.put(job())
    store.claim(job().id)
    store.claim(job().id)
    store.put_part(job().id, done(0, 2))
    assert not store.fail(job().id, 1, "late")
    assert store.put_part(job().id, done(1, 2))
    assert store.fail(job().id, 2, '{"reason": "X"}')
    assert not store.put_part(job().id, done(2, 2))
    claimed = store.claim(job().id)
    assert claimed is not None
    assert (claimed.state, claimed.failure) == (ExportState.RUNNING, '{"reason": "X"}')
    assert len(store.parts(job().id)) == 2
    assert store.end(job().id, 3, ExportState.FAILED, claimed.failure)
    assert not store.fail(job().id, 3, "again")


def test_one_that_is_cancelled_does_not_fail(place: Place) -> None:
    store = place.open()
    store.put(job())
    store.claim(job().id)
    store.cancel(job().id)
    assert store.fail(job().id, 1, '{"reason": "X"}')
    found = store.get(job().id)
    assert found is not None
    assert (found.state, found.failure) == (ExportState.CANCELLING, "")


def test_the_speed_is_that_of_exports_that_succeeded_at_one_go(place: Place) -> None:
    store = place.open()
    assert store.speed() == Speed(0, 0.0)
    assert store.speed().seconds_for(100) is None
    for number in range(3):
        store.put(job(number))
        store.claim(job(number).id)
    store.claim(job(1).id)
    place.later(50)
    store.end(job(0).id, 1, ExportState.SUCCEEDED)
    store.end(job(1).id, 2, ExportState.SUCCEEDED)
    store.end(job(2).id, 1, ExportState.FAILED)
    assert store.speed().pixels == 1000
    assert store.speed().seconds_for(2000) == pytest.approx(100, abs=10)


def test_no_call_reads_all_that_is_stored(place: Place) -> None:
    watched = Watched(place)
    store = watched.store
    for number in (1, 2, 3):
        store.put(job(number, request_id=f"{number}"), most=9)
        store.claim(job(number).id)
        store.put_part(job(number).id, done(0, 1))
    store.end(job(1).id, 1, ExportState.SUCCEEDED)
    store.cancel(job(2).id)
    place.later(91 * 86400)
    store.put(job(4))  # forgets the first
    for read in (store.get, store.standing, store.parts, store.count):
        read(job(2).id)
    store.list("forestry", "", 9)
    store.unfinished(BUCKET, 9)
    store.speed()
    assert watched.read_whole() == []


def test_exports_that_ended_long_ago_are_forgotten_with_their_parts(place: Place) -> None:
    store = place.open()
    store.put(job(1))
    store.claim(job(1).id)
    store.put_part(job(1).id, done(0, 1))
    store.end(job(1).id, 1, ExportState.SUCCEEDED)
    store.put(job(2))
    place.later(91 * 86400)
    store.put(job(3))
    assert store.get(job(1).id) is None
    assert list(store.parts(job(1).id)) == []
    assert store.get(job(2).id) is not None


def test_each_export_that_is_added_has_two_forgotten_at_most(place: Place) -> None:
    store = place.open()
    for number in range(5):
        store.put(job(number))
        store.cancel(job(number).id)
        place.later(1)
    place.later(91 * 86400)
    for new, left in ((5, [2, 3, 4]), (6, [4]), (7, [])):
        store.put(job(new))
        assert [number for number in range(5) if store.get(job(number).id)] == left
