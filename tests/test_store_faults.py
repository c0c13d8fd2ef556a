"""A database and a bucket that are silent, or answer 503: callers are told soon, few wait, and it heals by itself."""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import pytest

from rasterwire.errors import DownloadConflict, StorageUnavailable
from rasterwire.server.process.stores import make_stores
from rasterwire.server.settings import Settings, load_settings
from rasterwire.store import ArtifactStore, DownloadRecord
from rasterwire.store.breaker import Breaker
from rasterwire.store.objects import Bucket
from seaweed import Seaweed
from tcp_proxy import Fault, TcpProxy, tcp_proxy

CALLS = 40
AT_ONCE = 8
"""Threads of a server that ask its stores."""


class Clock:
    """A clock that goes when it is told."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def fail(breaker: Breaker) -> bool:
    """Make a call that fails, and return whether the server was asked."""
    is_asked = False
    try:
        with breaker.guard():
            is_asked = True
            raise StorageUnavailable
    except StorageUnavailable:
        return is_asked


def test_a_server_that_failed_thrice_is_asked_once_a_second_until_it_answers() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    assert [fail(breaker) for _ in range(5)] == [True, True, True, False, False]
    for _ in range(3):
        clock.seconds += 1
        assert [fail(breaker) for _ in range(3)] == [True, False, False]
    clock.seconds += 1
    with breaker.guard():
        assert not fail(breaker), "one is tried at a time"
    assert [fail(breaker) for _ in range(4)] == [True, True, True, False]


def test_answers_that_are_errors_are_no_failures() -> None:
    breaker = Breaker(Clock())
    for _ in range(5):
        for error in (FileNotFoundError, DownloadConflict("name: x")):
            with pytest.raises((FileNotFoundError, DownloadConflict)), breaker.guard():
                raise error
    assert fail(breaker)


def test_a_bucket_that_refuses_to_be_written_is_still_read() -> None:
    exceptions = pytest.importorskip("obstore.exceptions")
    nothing: Any = None
    bucket = Bucket(nothing, nothing, "", breaker=Breaker(Clock()))
    for error in (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
        for _ in range(5):
            with pytest.raises(StorageUnavailable), bucket.asked():
                raise error("https://secret")
    with bucket.asked():
        pass


@pytest.fixture
def bucket(object_server: Seaweed) -> Iterator[TcpProxy]:
    """A way to the bucket."""
    with tcp_proxy(urlsplit(object_server.endpoint).port or 0) as proxy:
        yield proxy


@pytest.fixture
def artifacts(bucket: TcpProxy, object_server: Seaweed, tmp_path: Path) -> ArtifactStore:
    """The store of rendered files of a server, whose settings are those of an operator."""
    keys, config = tmp_path / "keys", tmp_path / "rasterwire.toml"
    keys.write_text(
        f"[default]\naws_access_key_id = {object_server.key}\naws_secret_access_key = {object_server.secret}\n"
    )
    config.write_text(
        f"""
        [store]
        objects = "s3://faults/{uuid.uuid4().hex}"
        endpoint = "http://127.0.0.1:{bucket.port}"
        region = "us-east-1"
        credentials = "{keys}"
        """
    )
    settings: Settings = load_settings(config, {"catalog": tmp_path, "state_dir": tmp_path / "state"})
    stores = make_stores(settings)
    stores.downloads.close()
    return stores.artifacts


def content(data: bytes) -> Callable[[BinaryIO], None]:
    """Return a function that writes a file."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    return write


def outcome(call: Callable[[], object]) -> str:
    """Return what came of a call, as its word."""
    try:
        call()
    except StorageUnavailable as error:
        assert error.retry_after
        return "unavailable"
    return "answered"


def outcomes(call: Callable[[], object]) -> Counter[str]:
    """Return what came of many calls by the threads of a server."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(lambda _: outcome(call), range(CALLS)))


def until_answered(call: Callable[[], object]) -> None:
    """Make a call again and again until it is answered."""
    while outcome(call) != "answered":
        pass


@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.UNAVAILABLE, Fault.CLOSED])
def test_a_bucket_that_fails_holds_no_caller_and_heals(
    artifacts: ArtifactStore, bucket: TcpProxy, fault: Fault
) -> None:
    artifacts.make("before", content(b"before"))
    bucket.fault = fault
    assert outcomes(lambda: artifacts.find("other")) == {"unavailable": CALLS}
    assert AT_ONCE <= bucket.withheld < CALLS, "the others were refused at once"
    assert artifacts.find("before") is not None, "it is in the folder of this server"
    with pytest.raises(StorageUnavailable):
        artifacts.make("during", content(b"during"))
    bucket.fault = Fault.NONE
    until_answered(lambda: artifacts.find("other"))
    assert artifacts.find("during") is None, "what could not be stored for all is there for nobody"
    assert outcomes(lambda: artifacts.find("before")) == {"answered": CALLS}


def record() -> DownloadRecord:
    payload = os.urandom(100)
    return DownloadRecord(uuid.uuid4().hex, "token", "", payload, "etag", datetime.now(UTC) + timedelta(hours=1))


@pytest.fixture
def database_way(new_database: Callable[[], str]) -> Iterator[tuple[TcpProxy, str]]:
    """A way to a new database, and its address by that."""
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    address = new_database()
    with tcp_proxy(urlsplit(address).port or 0) as proxy:
        yield proxy, address.replace(f":{urlsplit(address).port}/", f":{proxy.port}/")


def test_a_database_that_is_silent_holds_no_caller_and_heals(database_way: tuple[TcpProxy, str]) -> None:
    from rasterwire.store.postgres.database import Database
    from rasterwire.store.postgres.downloads import PostgresDownloadStore
    from rasterwire.store.postgres.migrations import migrate

    proxy, address = database_way
    with closing(Database(address)) as database:
        migrate(database)
        store, stored = PostgresDownloadStore(database), record()
        store.put(stored)
        for fault in (Fault.SILENCE, Fault.CLOSED):
            proxy.fault = fault
            assert outcomes(lambda: store.get(stored.id)) == {"unavailable": CALLS}
            assert outcome(lambda: store.put(record())) == "unavailable"
            proxy.fault = Fault.NONE
            until_answered(lambda: store.get(stored.id))
            assert store.get(stored.id) == stored
            assert store.put(stored) == stored


def test_a_record_is_stored_by_two_round_trips_and_found_by_two(database_way: tuple[TcpProxy, str]) -> None:
    from rasterwire.store.postgres.database import Database
    from rasterwire.store.postgres.downloads import PostgresDownloadStore
    from rasterwire.store.postgres.migrations import migrate

    proxy, address = database_way
    with closing(Database(address)) as database:
        migrate(database)
        store = PostgresDownloadStore(database)
        store.put(record())
        for _ in range(3):
            stored, before = record(), proxy.round_trips
            store.put(stored)
            assert proxy.round_trips - before == 2, "that the connection lives, and the record"
            assert store.get(stored.id) == stored
            assert proxy.round_trips - before == 4


def test_a_pool_whose_connections_are_all_lent_is_no_failure_of_the_database(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    import rasterwire.store.postgres.database as of_database

    monkeypatch.setattr(of_database, "_WAIT", 0.05)
    monkeypatch.setattr(of_database, "_MAX_CONNECTIONS", 2)

    def ask(database: of_database.Database) -> None:
        with database.connected() as connection:
            connection.execute("SELECT 1")

    with closing(of_database.Database(new_database())) as database, ExitStack() as lent:
        for _ in range(2):
            until_answered(lambda: lent.enter_context(database.connected()))
        assert [outcome(lambda: ask(database)) for _ in range(5)] == ["unavailable"] * 5
        lent.close()
        assert outcome(lambda: ask(database)) == "answered", "it is asked at once"
