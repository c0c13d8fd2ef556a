"""The store of downloads: its size is limited, and parts that downloads share are stored once."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cases import every
from rasterwire.errors import Overloaded
from rasterwire.server.planning import _parts
from rasterwire.store import DownloadRecord
from rasterwire.store.sqlite import SqliteDownloadStore
from rasterwire.v1 import download_pb2


def record(name: str, payload: bytes, *shared: bytes, hours: float = 1.0, request_id: str = "") -> DownloadRecord:
    until = datetime.now(UTC) + timedelta(hours=hours)
    return DownloadRecord(name, "token", request_id, payload, "etag", until, shared)


def fill(store: SqliteDownloadStore) -> None:
    for n in range(100):
        store.put(record(f"small-{n}", b"s" * 50_000))


def size(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def test_large_parts_are_kept_once(tmp_path: Path) -> None:
    region, second_part = bytes(range(256)) * 4000, b"o" * 100_000
    with closing(SqliteDownloadStore(tmp_path / "a.sqlite")) as store:
        for n in range(50):
            stored = record(f"{n}", b"payload", region, *([second_part] if n % 2 else []))
            assert store.put(stored) == stored
            assert store.get(f"{n}") == stored
    assert size(tmp_path / "a.sqlite") < 1_500_000
    with closing(SqliteDownloadStore(tmp_path / "a.sqlite")) as store:
        returned = store.get("49")
        assert returned is not None
        assert returned.shared == (region, second_part)


def test_a_full_store_refuses_large_records_first_then_small_ones_until_some_expire(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(SqliteDownloadStore(path, 2_000_000)) as store:
        for n in range(7):
            store.put(record(f"large-{n}", bytes([n]) * 200_000))
        with pytest.raises(Overloaded):
            store.put(record("large-8", b"8" * 200_000))
        assert store.get("large-8") is None
        store.put(record("small", b"s" * 1000, request_id="r"))
        with pytest.raises(Overloaded):
            fill(store)
        assert store.put(record("again", b"s" * 1000, request_id="r")).id == "small", "it is there already"
        assert size(path) <= 2_200_000
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE downloads SET expires = 1")
        store.put(record("late", b"8" * 200_000))


def test_parts_go_with_the_last_record_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(SqliteDownloadStore(path)) as store:
        store.put(record("brief", b"", b"x" * 1000, b"y" * 1000))
        store.put(record("long", b"", b"x" * 1000, hours=2))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE downloads SET expires = 1 WHERE id = 'brief'")
            connection.execute("UPDATE parts SET expires = 1 WHERE expires = (SELECT min(expires) FROM parts)")
        store.put(record("next", b""))
        returned = store.get("long")
        assert returned is not None
        assert returned.shared == (b"x" * 1000,)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM parts").fetchone() == (1,)


@every("version", [1, 2])
def test_a_store_of_a_version_before_goes_on(version: int, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE downloads (id TEXT PRIMARY KEY, token TEXT NOT NULL, request_id TEXT UNIQUE, "
            "payload BLOB NOT NULL, etag TEXT NOT NULL, expires REAL NOT NULL)"
        )
        connection.execute("INSERT INTO downloads VALUES ('old', 't', NULL, x'61', 'e', 99999999999)")
        if version == 2:
            connection.execute("ALTER TABLE downloads ADD COLUMN parts TEXT NOT NULL DEFAULT ''")
        connection.execute(f"PRAGMA user_version = {version}")
    with closing(SqliteDownloadStore(path)) as store:
        old = store.get("old")
        assert old is not None
        assert (old.payload, old.shared, old.tenant) == (b"a", (), "")
        new = replace(record("new", b"", b"part"), tenant="forestry")
        assert store.put(new) == new
    with closing(SqliteDownloadStore(path)) as store:
        assert store.get("new") == new


def test_the_parts_of_a_request_are_the_request_again() -> None:
    large: dict[str, Any] = {"geojson": '{"type": "Point", "coordinates": [1, 2]}' + " " * 5000}
    params = download_pb2.DownloadParams(image="a", scale=10, region=download_pb2.Region(**large))
    payload, shared = _parts(params)
    assert len(payload) < 100
    assert [len(part) > 5000 for part in shared] == [True]
    assert download_pb2.DownloadParams.FromString(b"".join((payload, *shared))) == params
    small = download_pb2.DownloadParams(image="a", scale=10)
    assert _parts(small) == (small.SerializeToString(deterministic=True), ())
