"""Readiness of a server: when it is ready, when not, and while it stops."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial, partialmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from asking import ask
from postgres import postgres
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.server.process import app
from rasterwire.server.process.exports import tell_of_destinations
from rasterwire.server.readiness import Readiness
from rasterwire.server.settings import Settings
from rasterwire.store.settings import StoreSettings
from rasterwire.v1 import download_service_pb2
from seaweed import Seaweed
from serving import Served, served

_GUARD = 100
"""Seconds after which a test that hangs is given up."""

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def _nothing(_: Path | None) -> None:
    pass


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a server with one small image and no loops to compile."""
    monkeypatch.setattr(app, "warm_up", _nothing)
    monkeypatch.setattr(app, "Readiness", partial(Readiness, patience=_GUARD))
    monkeypatch.setattr(Readiness, "follow", partialmethod(Readiness.follow, every=0.05))
    folder = tmp_path / "catalog"
    folder.mkdir()
    profile = {"width": 30, "height": 20, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(folder / "image.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.ones((1, 20, 30), "uint8"))
    return Settings(folder, grpc_port=0, http_port=0, state_dir=tmp_path / "state")


def health(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


@contextmanager
def watching(server: Served, service: str = "") -> Iterator[Any]:
    """Open a Watch, and give an iterator of its statuses."""
    with grpc.insecure_channel(server.address) as channel:
        yield health(channel).Watch(health_pb2.HealthCheckRequest(service=service), timeout=_GUARD)


def until(watch: Any, status: int) -> None:
    for answer in watch:
        if answer.status == status:
            return
    raise AssertionError("the Watch ended before")


def checks(server: Served) -> tuple[int, dict[str, str]]:
    status, headers, body = ask(server, "GET", "/readyz")
    assert headers["Content-Type"].startswith("application/json")
    document = json.loads(body)
    assert document["ready"] is (status == 200)
    return status, document["checks"]


def test_a_folder_that_is_gone_ends_readiness_and_not_life(settings: Settings) -> None:
    with served(settings) as server, watching(server) as watch:
        until(watch, SERVING)
        assert checks(server) == (200, {"catalog": "ok", "state": "ok", "disk": "ok", "loops": "ok"})
        for name, folder in {"catalog": settings.folders[""], "state": settings.state_dir}.items():
            away = folder.rename(folder.with_suffix(".away"))
            status, document = checks(server)
            assert (status, document[name] != "ok", str(folder.parent) in str(document)) == (503, True, False), name
            assert ask(server, "GET", "/livez")[0] == 200
            until(watch, NOT_SERVING)
            away.rename(folder)
            assert checks(server)[0] == 200
            until(watch, SERVING)


def test_a_folder_of_exports_that_cannot_be_used_is_told_at_the_start_and_ends_readiness(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "exported"
    exporting = replace(settings, export=ExportSettings((DestinationSettings("results", str(place)),)))
    tell_of_destinations(exporting)
    assert f"there is no folder {place} yet; the first export makes it" in caplog.text
    assert not place.exists()
    with served(exporting) as server, watching(server) as watch:
        until(watch, SERVING)
        assert checks(server)[1]["exports"] == "ok"
        place.touch()
        assert checks(server) == (503, checks(server)[1] | {"exports": "results: it is a file"})
        until(watch, NOT_SERVING)
        tell_of_destinations(exporting)
        assert f"exports to results fail: {place}: it is a file; let the user of the server write there" in caplog.text
        place.unlink()
        place.mkdir()
        assert checks(server)[0] == 200


def test_a_full_disk_ends_readiness(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    with served(settings) as server, watching(server, "rasterwire.v1.DownloadService") as watch:
        until(watch, SERVING)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 20))
        status, document = checks(server)
        assert (status, document["disk"]) == (503, "1 MiB are free, at least 64 have to be")
        until(watch, NOT_SERVING)


def test_requests_are_served_before_the_loops_are_there_and_readiness_waits_for_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = threading.Event()

    async def held(_: Path | None) -> None:
        await asyncio.to_thread(compiled.wait, _GUARD)

    monkeypatch.setattr(app, "warm_up", held)
    with served(settings) as server, watching(server) as watch:
        assert next(watch).status == NOT_SERVING
        status, document = checks(server)
        assert (status, document.pop("loops"), set(document.values())) == (
            503,
            "compiled loops are not loaded yet",
            {"ok"},
        )
        server.downloads.GetLimits(download_service_pb2.GetLimitsRequest(), timeout=_GUARD)
        compiled.set()
        until(watch, SERVING)
        assert checks(server)[0] == 200


def test_a_server_told_to_stop_says_so_and_goes_on_for_a_pause(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []
    requested = threading.Event()

    async def pause(seconds: float) -> None:
        paused.append(seconds)
        await asyncio.to_thread(requested.wait, _GUARD)

    monkeypatch.setattr(app, "_pause", pause)
    pausing_settings = Settings(
        settings.catalog,
        grpc_port=0,
        http_port=0,
        state_dir=settings.state_dir,
        lame_duck_seconds=7,
        drain_seconds=3600,
    )
    stopped = threading.Event()
    servers: list[Served] = []
    begun = threading.Event()

    def run() -> None:
        with served(pausing_settings) as server:
            servers.append(server)
            begun.set()
            assert stopped.wait(_GUARD)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(_GUARD)
    server = servers[0]
    with watching(server) as watch:
        until(watch, SERVING)
        stopped.set()
        until(watch, NOT_SERVING)
        status, document = checks(server)  # over a connection that is new
        assert (status, document["stopping"]) == (503, "the server was told to stop")
        with watching(server) as connection:
            assert next(connection).status == NOT_SERVING
        assert ask(server, "GET", "/livez")[0] == 200
        requested.set()
        assert list(watch) == []  # and ends by itself
    thread.join(_GUARD)
    assert not thread.is_alive()
    assert paused == [7]


def test_calls_that_stand_open_do_not_hold_a_server_that_stops(settings: Settings) -> None:
    draining_settings = replace(settings, drain_seconds=3600)
    started = threading.Event()

    def questions() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        started.wait(_GUARD)

    with served(draining_settings) as server:
        channel = grpc.insecure_channel(server.address)
        watch = health(channel).Watch(health_pb2.HealthCheckRequest(), timeout=_GUARD)
        next(watch)
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = reflection.ServerReflectionInfo(questions(), timeout=_GUARD)
        names = {service.name for service in next(answers).list_services_response.service}
        assert {"rasterwire.v1.DownloadService", "grpc.health.v1.Health"} <= names
    # here it has stopped, an hour before it would cut what runs
    list(watch)  # raises where it did not end well
    list(answers)
    started.set()
    channel.close()


def test_a_database_that_is_down_ends_readiness_until_it_is_back(settings: Settings) -> None:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    from rasterwire.server.process.stores import migrate_database

    with postgres() as database:
        shared = replace(settings, store=StoreSettings(database=database.conninfo()))
        migrate_database(shared.store)
        with served(shared) as server, watching(server) as watch:
            until(watch, SERVING)
            assert checks(server)[1]["database"] == "ok"
            database.stop()
            until(watch, NOT_SERVING)
            status, document = checks(server)
            assert (status, document["database"]) == (503, "it cannot be reached")
            database.start()
            until(watch, SERVING)
            assert checks(server)[0] == 200


def test_a_bucket_is_ready_with_the_right_keys_only(settings: Settings, object_server: Seaweed) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed: pip install '.[remote]'")
    keys = settings.state_dir.with_name("keys")
    table = StoreSettings(
        objects="s3://ready", endpoint=object_server.endpoint, region="us-east-1", credentials=str(keys)
    )
    for secret, told in ((object_server.secret, "ok"), ("wrong", "it refuses the keys of this server")):
        keys.write_text(f"[default]\naws_access_key_id = {object_server.key}\naws_secret_access_key = {secret}\n")
        with served(replace(settings, store=table)) as server, watching(server) as watch:
            until(watch, SERVING if told == "ok" else NOT_SERVING)
            while (document := checks(server)[1])["objects"] == "it was not looked at yet":
                pass
            assert document["objects"] == told


class _EmptyBucket(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def empty_bucket(port: int) -> Iterator[int]:
    """Answer as an object store does that has no object."""
    with ThreadingHTTPServer(("127.0.0.1", port), _EmptyBucket) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_bucket_that_is_away_ends_readiness_until_it_is_back(settings: Settings) -> None:
    pytest.importorskip("obstore", reason="obstore is not installed: pip install '.[remote]'")
    keys = settings.state_dir.with_name("keys")
    keys.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    with ExitStack() as stack:
        port = stack.enter_context(empty_bucket(0))
        table = StoreSettings(
            objects="s3://ready", endpoint=f"http://127.0.0.1:{port}", region="us-east-1", credentials=str(keys)
        )
        with served(replace(settings, store=table)) as server, watching(server) as watch:
            until(watch, SERVING)
            stack.close()
            until(watch, NOT_SERVING)
            assert checks(server)[1]["objects"] == "it cannot be reached"
            with empty_bucket(port):
                until(watch, SERVING)


def test_one_watcher_that_leaves_takes_nothing_from_another(settings: Settings) -> None:
    with served(settings) as server, watching(server) as staying:
        until(staying, SERVING)
        with watching(server) as leaving:
            until(leaving, SERVING)
            leaving.cancel()
        folder = settings.folders[""]
        away = folder.rename(folder.with_suffix(".away"))
        until(staying, NOT_SERVING)
        away.rename(folder)


def test_an_unknown_service_is_not_found_and_watched_as_unknown(settings: Settings) -> None:
    with served(settings) as server, watching(server, "nope") as watch:
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
            health(channel).Check(health_pb2.HealthCheckRequest(service="nope"), timeout=_GUARD)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_probe_that_hangs_or_fails_is_a_problem_and_is_asked_once_at_a_time() -> None:
    freed = threading.Event()
    looks: list[str] = []

    def hanging() -> str:
        looks.append("")
        freed.wait(_GUARD)
        return ""

    def failing() -> str:
        raise PermissionError(13, "Permission denied", "/secret/path")

    async def asked() -> list[dict[str, str]]:
        readiness = Readiness({"hanging": hanging, "failing": failing}, patience=0.01)
        first = await readiness.problems()
        second = await readiness.problems()
        assert len(looks) == 1
        freed.set()
        while (third := await readiness.problems())["hanging"]:
            pass
        return [first, second, third]

    first, second, third = asyncio.run(asked())
    assert first == second == {"hanging": "no answer for 0.01 s", "failing": "Permission denied"}
    assert third["hanging"] == ""
