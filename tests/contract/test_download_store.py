"""Tests of the contract of DownloadStore. An implementation is added to ``place``."""

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from effort import HANG
from rasterwire.errors import QuotaExceeded
from rasterwire.store import DownloadRecord, DownloadStore
from rasterwire.store.sqlite import SqliteDownloadStore

Open = Callable[[], DownloadStore]
Later = Callable[[float], None]


class Sqlite:
    """Stores on one file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "downloads.sqlite"

    def open(self) -> DownloadStore:
        return SqliteDownloadStore(self._path)

    def later(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        class Ahead(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + timedelta(seconds=seconds)

        monkeypatch.setattr("rasterwire.store.sqlite.datetime", Ahead)

    def close(self) -> None:
        pass


class OnPostgres:
    """Stores on one database, each with a pool of its own. What is stored becomes older, as its clock is not ours."""

    def __init__(self, conninfo: str) -> None:
        from rasterwire.store.postgres.database import Database
        from rasterwire.store.postgres.downloads import PostgresDownloadStore
        from rasterwire.store.postgres.migrations import migrate

        self._databases = [Database(conninfo)]
        migrate(self._databases[0])
        self._open = partial(Database, conninfo)
        self._store = PostgresDownloadStore

    def open(self) -> DownloadStore:
        self._databases.append(self._open())
        return self._store(self._databases[-1])

    def later(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        with self._databases[0].connected() as connection:
            for table in ("downloads", "parts"):
                query = f"UPDATE rasterwire.{table} SET expires = expires - make_interval(secs => {seconds})"
                connection.execute(query)

    def close(self) -> None:
        for database in self._databases:
            database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sqlite | OnPostgres]:
    """Where the stores of a test keep their records."""
    if request.param == "sqlite":
        kept: Sqlite | OnPostgres = Sqlite(tmp_path)
    else:
        kept = OnPostgres(request.getfixturevalue("new_database")())
    with closing(kept):
        yield kept


@pytest.fixture
def reopen(place: Sqlite | OnPostgres) -> Iterator[Open]:
    """Return a function that opens the same store again; all are closed at the end."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(place.open()))


@pytest.fixture
def store(reopen: Open) -> DownloadStore:
    return reopen()


@pytest.fixture
def later(place: Sqlite | OnPostgres, monkeypatch: pytest.MonkeyPatch) -> Later:
    """Return a function after which it is a number of seconds later for the stores."""
    return lambda seconds: place.later(seconds, monkeypatch)


def id_of(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


def record(name: str = "a", seconds: float = 3600, **fields: Any) -> DownloadRecord:
    defaults: dict[str, Any] = {
        "id": id_of(name),
        "token": f"token-{name}",
        "request_id": "",
        "payload": b"\x00\xff payload \x00",
        "etag": f"etag-{name}",
        "tenant": f"tenant-{name}",
        "expire_time": datetime.now(UTC) + timedelta(seconds=seconds),
    }
    return DownloadRecord(**(defaults | fields))


def test_a_record_comes_back_field_by_field(store: DownloadStore) -> None:
    stored = record(request_id="a request", payload=bytes(range(256)) * 100)
    assert store.put(stored) == stored
    assert store.get(stored.id) == stored


@pytest.mark.parametrize("microsecond", [0, 1, 123457, 999999])
def test_the_time_comes_back_to_the_microsecond_whatever_its_zone(store: DownloadStore, microsecond: int) -> None:
    zone = timezone(timedelta(hours=-9, minutes=-30))
    stored = record(expire_time=datetime(2090, 2, 28, 23, 59, 59, microsecond, zone))
    store.put(stored)
    returned = store.get(stored.id)
    assert returned is not None
    assert returned.expire_time == stored.expire_time
    assert returned.expire_time.tzinfo is not None


def test_an_unknown_id_is_none(store: DownloadStore) -> None:
    store.put(record())
    for identifier in (
        "",
        id_of("b"),
        id_of("a").upper(),
        f"{id_of('a')} ",
        f"{id_of('a')[:-1]}%",
        "' OR 1=1 --",
        "\x00",
    ):
        assert store.get(identifier) is None


def test_a_record_survives_reopening(reopen: Open) -> None:
    stored = record(request_id="r")
    reopen().put(stored)
    again = reopen()
    assert again.get(stored.id) == stored
    assert again.put(record("b", request_id="r")) == stored


def test_an_expired_record_is_not_seen(reopen: Open, later: Later) -> None:
    store, late, brief = reopen(), record("late", -1), record("brief")
    store.put(late)
    store.put(brief)
    assert store.get(late.id) is None
    assert store.get(brief.id) == brief
    later(3601)
    assert store.get(brief.id) is None
    assert reopen().get(brief.id) is None


def test_a_repeated_request_id_returns_the_first_record_and_drops_the_new_one(store: DownloadStore) -> None:
    first, second = record("a", request_id="r"), record("b", request_id="r")
    store.put(first)
    assert store.put(second) == first
    assert store.get(second.id) is None
    assert store.get(first.id) == first


def test_after_expiry_a_request_id_begins_anew(store: DownloadStore, later: Later) -> None:
    store.put(record("a", 60, request_id="r"))
    later(61)
    second = record("b", request_id="r")
    assert store.put(second) == second
    assert store.get(second.id) == second


def test_records_without_a_request_id_are_apart(store: DownloadStore) -> None:
    records = [record("a"), record("b")]
    assert [store.put(item) for item in records] == records
    assert [store.get(item.id) for item in records] == records


def test_threads_that_race_with_one_request_id_get_one_record(reopen: Open) -> None:
    shared, second = reopen(), reopen()
    barrier = Barrier(8)

    def put(index: int) -> DownloadRecord:
        barrier.wait()
        return (shared if index % 2 else second).put(record(str(index), request_id="r"))

    with ThreadPoolExecutor(8) as pool:
        returned = list(pool.map(put, range(8)))
    assert len({item.id for item in returned}) == 1
    assert shared.get(returned[0].id) == returned[0]
    assert sum(shared.get(id_of(str(index))) is not None for index in range(8)) == 1


def test_parts_come_back_in_their_order_and_may_be_of_several_records(reopen: Open, later: Later) -> None:
    region, graph = bytes(range(256)) * 4000, b"g" * 100_000
    store = reopen()
    brief = record("brief", 60, shared=(region, graph, region))
    lasting = record("lasting", shared=(graph,))
    for stored in (brief, lasting):
        assert store.put(stored) == stored
        assert store.get(stored.id) == stored
    later(61)
    after = record("after")
    store.put(after)  # what expired goes with it
    returned = store.get(lasting.id)
    assert returned is not None
    assert returned.shared == (graph,)


def test_threads_that_store_the_same_parts_at_once_do_not_wait_for_each_other(reopen: Open) -> None:
    store, parts = reopen(), [os.urandom(1000) for _ in range(8)]
    records = [record(f"{n}", shared=(*parts[n:], *parts[:n])) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(store.put, records)) == records
    assert [store.get(item.id) for item in records] == records


def names(records: Sequence[DownloadRecord]) -> list[str]:
    return [item.id for item in records]


def test_records_of_a_tenant_are_listed_in_order_and_in_pages(store: DownloadStore, later: Later) -> None:
    own = [record(f"{n}", tenant="a", request_id=f"r{n}") for n in range(7)]
    own.append(record("large", tenant="a", shared=(b"part",)))
    for item in (*own, record("other", tenant="b"), record("none", tenant=""), record("brief", 60, tenant="a")):
        store.put(item)
    later(61)
    expected = sorted((replace(item, shared=()) for item in own), key=lambda item: item.id)
    for size in (1, 3, 8, 9):
        listed: list[DownloadRecord] = []
        while page := store.list("a", listed[-1].id if listed else "", size):
            assert len(page) == min(size, 8 - len(listed))
            listed += page
        assert [replace(item, expire_time=expected[0].expire_time) for item in listed] == [
            replace(item, expire_time=expected[0].expire_time) for item in expected
        ]
    assert names(store.list("", "", 9)) == [id_of("none")]
    assert names(store.list("b", "", 9)) == [id_of("other")]
    assert store.list("nobody", "", 9) == []
    assert store.list("a", 32 * "f", 9) == []
    removed = expected[2].id
    store.delete(removed)
    assert names(store.list("a", removed, 9)) == names(expected)[3:], "an id that is gone is a place as well"


def test_the_files_of_a_tenant_are_counted_once_each_and_bounded(reopen: Open, later: Later) -> None:
    store, other = reopen(), reopen()

    def put(name: str, file_bytes: int, max_kept: int | None = 100, **fields: Any) -> DownloadRecord:
        return store.put(record(name, file_bytes=file_bytes, **({"tenant": "forestry"} | fields)), max_kept)

    stored = put("a", 60, seconds=100)
    assert store.get(stored.id) == stored
    put("b", 60, etag="etag-a")
    put("c", 60, tenant="survey")
    put("d", 0)
    assert (other.kept_bytes("forestry"), other.kept_bytes("survey"), other.kept_bytes("none")) == (60, 60, 0)
    with pytest.raises(QuotaExceeded) as refused:
        put("e", 41)
    error = refused.value
    assert (error.quota, error.limit, error.used, error.needed) == ("stored_bytes", 100, 60, 41)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 100
    assert store.get(id_of("e")) is None
    with pytest.raises(QuotaExceeded) as refused:
        put("f", 101)
    assert refused.value.retry_after is None, "it will never fit"
    assert put("g", 0).file_bytes == 0
    put("h", 40, request_id="again")
    assert put("i", 40, request_id="again").id == id_of("h"), "what is repeated is not new"
    put("j", 50, None)
    assert store.kept_bytes("forestry") == 150
    for name in ("h", "j"):
        assert store.delete(id_of(name))
    put("k", 40)
    later(200)
    assert other.kept_bytes("forestry") == 100, "another record has the file of the one that ended"
    assert store.delete(id_of("b"))
    assert other.kept_bytes("forestry") == 40


def test_a_deleted_record_is_gone_and_its_request_id_is_free(reopen: Open) -> None:
    store, second = reopen(), reopen()
    gone, stays = record("gone", request_id="r", shared=(b"part",)), record("stays", shared=(b"part",))
    for item in (gone, stays):
        store.put(item)
    assert second.delete(gone.id)
    assert not store.delete(gone.id)
    assert store.get(gone.id) is None
    assert store.get(stays.id) == stays
    again = record("again", request_id="r")
    assert store.put(again) == again


def test_what_is_not_there_is_not_deleted(store: DownloadStore) -> None:
    stored, late = record(), record("late", -1)
    store.put(stored)
    store.put(late)
    for name in (id_of("b"), late.id, "", "' OR 1=1 --", id_of("a").upper(), "%"):
        assert not store.delete(name)
    assert store.get(stored.id) == stored


_PUT = """
import os, sys, time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from rasterwire.store import DownloadRecord
from rasterwire.store.sqlite import SqliteDownloadStore
path, go, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
store = SqliteDownloadStore(path)
time_ = datetime.now(UTC) + timedelta(hours=1)
print(store.put(DownloadRecord(name, "t", "r", b"p", "e", time_)).id, flush=True)
os._exit(9)
"""


def process(path: Path, go: Path, name: str) -> subprocess.Popen[str]:
    source = str(Path(__file__).parents[2] / "src")
    return subprocess.Popen(
        [sys.executable, "-c", _PUT, str(path), str(go), name],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": source},
    )


def finished(started: subprocess.Popen[str]) -> list[str]:
    lines = started.communicate(timeout=HANG)[0].split()
    assert started.returncode == 9, "it died of something else"
    return lines


def test_sqlite_keeps_a_record_though_the_process_dies_right_after(tmp_path: Path) -> None:
    path, go = tmp_path / "downloads.sqlite", tmp_path / "go"
    go.touch()
    assert finished(process(path, go, "killed")) == ["ready", "killed"]
    with closing(SqliteDownloadStore(path)) as store:
        stored = store.get("killed")
    assert stored is not None
    assert (stored.token, stored.request_id, stored.payload, stored.etag) == ("t", "r", b"p", "e")


def test_sqlite_processes_that_open_a_new_file_at_once_get_one_record(tmp_path: Path) -> None:
    path, go = tmp_path / "downloads.sqlite", tmp_path / "go"
    started = [process(path, go, f"id-{index}") for index in range(5)]
    for child in started:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    go.touch()
    assert len({line for child in started for line in finished(child)}) == 1


def test_sqlite_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(SqliteDownloadStore(tmp_path / "downloads.sqlite")) as store:
            store.put(record())
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert "downloads.sqlite" in modes
    assert set(modes.values()) == {0o600}, modes


def test_sqlite_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "downloads.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OSError, match="version 99"):
        SqliteDownloadStore(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_sqlite_refuses_what_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "downloads.sqlite"
    path.mkdir()
    with pytest.raises(OSError, match="cannot be opened"):
        SqliteDownloadStore(path)
    with pytest.raises(OSError, match="downloads"):
        SqliteDownloadStore(tmp_path / "missing" / "downloads.sqlite")
