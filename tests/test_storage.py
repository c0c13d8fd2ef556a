"""Files of a server: only its owner can read them, removed folders are made again, locked files give an error."""

import json
import os
import shutil
import sqlite3
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from effort import HANG
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download import renders
from rasterwire.errors import Overloaded, StorageUnavailable
from rasterwire.render.block import render_block
from rasterwire.server.settings import Settings
from rasterwire.store import DownloadRecord, sqlite
from rasterwire.store.sqlite import SqliteDownloadStore
from rasterwire.v1 import download_pb2
from serving import Served, refusal, served
from waiting import until

SIDE = 700

FORMATS = [download_pb2.FORMAT_GEO_TIFF, download_pb2.FORMAT_NPY, download_pb2.FORMAT_ZIPPED_GEO_TIFF]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def server(tmp_path: Path, state: Path) -> Iterator[Served]:
    """Run a server of a raster of noise, with an umask that gives access to others."""
    (tmp_path / "catalog").mkdir()
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(tmp_path / "catalog/a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as raster:
        raster.write(np.random.default_rng(1).integers(1, 60_000, (1, SIDE, SIDE)).astype("uint16"))
    before = os.umask(0)
    try:
        with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=state)) as service:
            yield service
    finally:
        os.umask(before)


def params(format_: "download_pb2.Format.ValueType", scale: float = 10) -> download_pb2.DownloadParams:
    return download_pb2.DownloadParams(image="a", format=format_, scale=scale)


def record(name: str) -> DownloadRecord:
    return DownloadRecord(name, "token", "", b"payload", "etag", datetime.now(UTC) + timedelta(hours=1))


def test_files_are_for_their_owner_alone_and_folders_too(server: Served, state: Path) -> None:
    for format_ in FORMATS:
        server.read(server.create(params(format_)).download_id)
        server.stream(params(format_))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.rglob("*"))}
    assert len(list((state / "cache").rglob("*.*.*"))) == len(FORMATS)
    for path, mode in modes.items():
        if path.is_dir():
            assert mode == 0o700, path
        elif path.parent != state or path.suffix == ".sqlite":
            assert mode == 0o600, path


def test_an_index_that_is_made_before_all_else_opens_no_folder_to_others(tmp_path: Path, state: Path) -> None:
    (tmp_path / "catalog").mkdir()
    catalog = FolderCatalog(tmp_path / "catalog", index=state / "index" / "a.sqlite")
    catalog.exists("a")
    catalog.close()
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (state, state / "index")] == [0o700, 0o700]


def test_folders_that_an_older_server_left_open_are_closed(tmp_path: Path, state: Path) -> None:
    for name in ("cache", "scratch"):
        (state / name).mkdir(parents=True)
        (state / name).chmod(0o755)
    (tmp_path / "catalog").mkdir()
    with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=state)):
        assert [stat.S_IMODE((state / name).stat().st_mode) for name in ("cache", "scratch")] == [0o700, 0o700]
    assert stat.S_IMODE(state.stat().st_mode) != 0o700, "it is not this server's to close"


def test_folders_that_were_removed_are_made_again(server: Served, state: Path) -> None:
    for scale, format_ in enumerate(FORMATS, start=10):
        download = server.create(params(format_, scale)).download_id
        before = server.read(download)
        for name in ("cache", "scratch"):
            shutil.rmtree(state / name)
        assert server.read(download) == before
        for name in ("cache", "scratch"):
            shutil.rmtree(state / name)
        assert server.stream(params(format_, scale))[0] == before
    assert stat.S_IMODE((state / "scratch").stat().st_mode) == 0o700


def test_a_cache_that_is_removed_while_a_file_is_made_is_told_as_passing(
    server: Served, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removing(*arguments: object) -> object:
        shutil.rmtree(state / "cache")
        return render_block(*arguments)  # type: ignore[arg-type]

    download = server.create(params(download_pb2.FORMAT_GEO_TIFF, 20)).download_id  # a file of one block
    monkeypatch.setattr("rasterwire.download.block_task.render_block", removing)
    with pytest.raises(grpc.RpcError) as caught:
        server.read(download)
    assert refusal(caught.value).code is grpc.StatusCode.UNAVAILABLE
    monkeypatch.undo()
    assert server.read(download)


def test_a_store_of_ids_that_was_removed_begins_anew(server: Served, state: Path) -> None:
    old = server.create(params(download_pb2.FORMAT_NPY)).download_id
    for path in state.glob("downloads.sqlite*"):
        path.unlink()
    with pytest.raises(grpc.RpcError) as caught:
        server.read(old)
    assert refusal(caught.value).code is grpc.StatusCode.NOT_FOUND
    download = server.create(params(download_pb2.FORMAT_NPY)).download_id
    assert server.read(download)
    with closing(SqliteDownloadStore(state / "downloads.sqlite")) as another:
        assert another.get(download.name.removeprefix("downloads/")) is not None


def test_a_locked_store_of_ids_is_told_as_passing_and_goes_on_when_it_is_let_go(server: Served, state: Path) -> None:
    request = params(download_pb2.FORMAT_NPY)
    with closing(sqlite3.connect(state / "downloads.sqlite", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(grpc.RpcError) as caught:
            server.create(request)
        assert refusal(caught.value).code is grpc.StatusCode.UNAVAILABLE
        assert retry_delay(caught.value) > 0
        body = json.dumps({"image": "a", "format": "FORMAT_NPY"}).encode()
        http_request = urllib.request.Request(f"{server.http}/v1/downloads", body, {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as answer:
            urllib.request.urlopen(http_request, timeout=HANG)
        with answer.value:
            assert (answer.value.code, answer.value.headers["Retry-After"]) == (503, "2")
        holder.execute("ROLLBACK")
    assert server.create(request).download_id.token


def test_who_waits_for_a_locked_store_keeps_others_from_waiting_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts: list[float] = []
    connect = sqlite3.connect

    def noted(path: Path, timeout: float, **options: object) -> sqlite3.Connection:
        timeouts.append(timeout)
        return connect(path, timeout=0, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", noted)
    with closing(SqliteDownloadStore(tmp_path / "a.sqlite")) as store:
        assert timeouts
        assert max(timeouts) <= 1.0
        with store._lock, pytest.raises(StorageUnavailable):  # another thread waits for the file
            store.get("a")
        assert store.put(record("a")).id == "a"


def test_a_thread_waits_longer_for_the_connection_than_others_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on a busy machine the thread that has it waits for a processor, and nothing holds the file
    monkeypatch.setattr(sqlite, "_LOCK_TIMEOUT", 0.0)
    monkeypatch.setattr(sqlite, "_TURN_TIMEOUT", HANG)
    with closing(SqliteDownloadStore(tmp_path / "a.sqlite")) as store, ThreadPoolExecutor(1) as threads:
        with store._lock:
            stored = threads.submit(store.put, record("a"))
            assert not wait([stored], timeout=0.1).done
        assert stored.result(HANG).id == "a"


def test_an_answer_of_429_says_when_to_come_back(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Overloaded(2.5)

    download = server.create(params(download_pb2.FORMAT_GEO_TIFF)).download_id
    monkeypatch.setattr(renders.Renders, "join", full)
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(download.url, timeout=HANG)
    with answer.value:
        assert (answer.value.code, answer.value.headers["Retry-After"]) == (429, "3")
    with pytest.raises(grpc.RpcError) as caught:
        server.read(download)
    assert refusal(caught.value).code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay(caught.value) == 2.5


def retry_delay(error: grpc.RpcError) -> Any:
    """Return the delay of the status in seconds."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    info = error_details_pb2.RetryInfo()
    assert sum(detail.Unpack(info) for detail in status.details) == 1
    return info.retry_delay.seconds + info.retry_delay.nanos / 1e9


def damaged(data: bytes) -> bytes:
    """Return a file whose first page alone is right, so that it opens, and is wrong where it is read."""
    return data[:4096] + b"\xff" * (len(data) - 4096)


def test_a_store_of_ids_that_is_damaged_is_told_and_set_aside_by_whoever_sees_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "downloads.sqlite"
    with closing(SqliteDownloadStore(path)) as store:
        store.put(record("a"))
    path.write_bytes(damaged(path.read_bytes()))
    with closing(SqliteDownloadStore(path)) as one, closing(SqliteDownloadStore(path)) as other:
        with pytest.raises(StorageUnavailable):
            one.list("", "", 1)
        assert "the store of downloads cannot be used: " in caplog.text
        assert f"the store of downloads is damaged and now called {path}.damaged; registered downloads" in caplog.text
        assert [stored.id for stored in (one.put(record("b")), other.put(record("c")))] == ["b", "c"]
        assert [found is not None for found in map(one.get, "abc")] == [False, True, True]
        assert other.get("b") is not None, "both use the new one"
    assert path.with_name("downloads.sqlite.damaged").stat().st_mode & 0o077 == 0


def test_a_store_of_ids_that_is_no_database_any_more_is_set_aside_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "downloads.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    with closing(SqliteDownloadStore(path)) as store:
        assert store.put(record("a")).id == "a"
    assert path.with_name("downloads.sqlite.damaged").read_bytes().startswith(b"no database")


def test_a_server_goes_on_with_a_new_store_of_ids_where_its_own_is_damaged(server: Served, state: Path) -> None:
    old = server.create(params(download_pb2.FORMAT_NPY)).download_id
    path = state / "downloads.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(damaged(path.read_bytes()))
    with pytest.raises(grpc.RpcError) as caught:
        server.read(old)
    assert refusal(caught.value).code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND}
    until(lambda: is_created(server), True)


def is_created(server: Served) -> bool:
    """Tell whether a download can be made and read; the damage may show at any page."""
    try:
        return bool(server.read(server.create(params(download_pb2.FORMAT_NPY)).download_id))
    except grpc.RpcError as error:
        assert refusal(error).code is grpc.StatusCode.UNAVAILABLE
        return False
