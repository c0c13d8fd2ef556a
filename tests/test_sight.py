"""What operators see of a server: a line for each call, ids of requests, and metrics."""

import io
import json
import logging
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from prometheus_client.parser import text_string_to_metric_families

from asking import ask
from effort import HANG
from ports import free_port
from rasterwire.download.held_leases import HeldLeases
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.metrics import Metrics
from rasterwire.server.process.log import JsonLines
from rasterwire.server.settings import Settings
from rasterwire.store.leases import SqliteLeases
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, served
from waiting import until

JSON = {"Content-Type": "application/json"}
PARAMS = b'{"image": "image", "format": "NPY"}'
PAIR = f"{'0123456789abcdef' * 2}-{'fedcba9876543210' * 2}"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("catalog")
    profile = {"width": 30, "height": 20, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(folder / "image.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.ones((1, 20, 30), "uint8"))
    return Settings(folder, grpc_port=0, http_port=0, state_dir=tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Served]:
    with served(settings) as running:
        yield running


def samples(text: str) -> dict[str, float]:
    """Return the samples of a page by name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def numbers(server: Served) -> dict[str, float]:
    status, _, body = ask(server, "GET", "/metrics")
    assert status == 200
    return samples(body.decode())


def entries(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [JsonLines().format(record) for record in caplog.records if hasattr(record, "fields")]
    assert not [line for line in lines if "\n" in line]
    return [json.loads(line) for line in lines]


def params() -> download_pb2.DownloadParams:
    return download_pb2.DownloadParams(image="image", format=download_pb2.FORMAT_NPY)


def test_calls_of_all_doors_leave_a_line_with_what_was_asked_and_sent(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "rasterwire.server"):
        data, _ = server.stream(params())
        ask(server, "POST", "/v1/downloads", PARAMS, {**JSON, "X-Request-Id": "job-7.a_B"})
        body = b'{"fileFormat": "NPY", "bandIds": ["b1"]}'
        ask(server, "POST", "/v1/projects/p/assets/image:getPixels?token=hidden", body, JSON)
        ask(server, "GET", "/livez")
        ask(server, "GET", "/metrics")
        until(lambda: len(entries(caplog)), 3)
    by_grpc, by_http, by_ee = entries(caplog)
    assert (by_grpc["door"], by_grpc["method"], by_grpc["code"]) == ("grpc", "StreamDownload", "OK")
    assert (by_grpc["image"], by_grpc["pixels"], by_grpc["bytes"]) == ("image", 600, len(data))
    assert (by_http["door"], by_http["method"], by_http["code"]) == ("http", "CreateDownload", "200")
    assert (by_http["id"], by_http["image"], by_http["pixels"]) == ("job-7.a_B", "image", 600)
    assert (by_ee["door"], by_ee["method"], by_ee["message"].split(" ")[0]) == ("earth_engine", "AssetPixels", "POST")
    assert all(entry["ms"] >= 0 for entry in (by_grpc, by_http, by_ee))
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a=b;c", "\u00e9"])
def test_an_id_that_is_none_is_replaced(server: Served, given: str) -> None:
    headers = {"X-Request-Id": given.encode("latin-1").decode("latin-1")} if given else {}
    status, answered, body = ask(server, "GET", "/v1/images/nope", headers=headers)
    assert status == 404
    assert re.fullmatch(r"[0-9a-f]{16}", answered["X-Request-Id"])
    assert json.loads(body)["error"]["requestId"] == answered["X-Request-Id"]


def test_an_id_comes_back_by_all_doors_also_in_errors(server: Served) -> None:
    own = {"X-Request-Id": "own-1"}
    for target in ("/v1/limits", "/v1/images/nope", "/nothing", "/v1/projects/p/assets/nope"):
        status, headers, body = ask(server, "GET", target, headers=own)
        assert headers["X-Request-Id"] == "own-1", target
        assert status == 200 or json.loads(body)["error"]["requestId"] == "own-1", target
    limits = server.downloads.GetLimits.with_call(
        download_service_pb2.GetLimitsRequest(), metadata=(("x-request-id", "own-2"),), timeout=HANG
    )[1]
    assert ("x-request-id", "own-2") in [tuple(pair) for pair in limits.trailing_metadata()]
    request = download_service_pb2.ReadDownloadRequest(name="downloads/" + "0" * 32, token="1" * 32)
    with pytest.raises(grpc.RpcError) as caught:
        list(server.downloads.ReadDownload(request, metadata=(("x-request-id", "own-3"),), timeout=HANG))
    error: Any = caught.value
    assert ("x-request-id", "own-3") in [tuple(pair) for pair in error.trailing_metadata()]
    status_message = rpc_status.from_call(error)
    info = error_details_pb2.RequestInfo()
    assert sum(detail.Unpack(info) for detail in status_message.details) == 1
    assert info.request_id == "own-3"


def test_lines_of_json_hold_no_secret_whatever_is_quoted() -> None:
    try:
        raise ValueError(f"https://host/x?token=deadbeef&y and {PAIR}")
    except ValueError:
        record = logging.LogRecord("n", 20, "f", 1, 'said "token": "dead\\"beef" %s', (PAIR,), sys.exc_info())
    record.fields = {"image": f'a"b token="cafe" {PAIR}', "pixels": 3}
    line = JsonLines().format(record)
    entry = json.loads(line)
    assert entry["pixels"] == 3
    assert not re.search(r"deadbeef|cafe|fedcba9876543210", line)


def test_numbers_say_what_happened(server: Served) -> None:
    before = numbers(server)
    data, _ = server.stream(params())
    ask(server, "POST", "/v1/downloads:plan", b'{"image": "nope"}', JSON)
    made = json.loads(ask(server, "POST", "/v1/downloads", PARAMS, JSON)[2])["downloadId"]["url"]
    for _ in "ab":
        ask(server, "GET", made.removeprefix(server.http))

    def grown(name: str, *labels: str) -> float:
        key = f"rasterwire_{name}{sorted(labels)}"
        return numbers(server).get(key, 0.0) - before.get(key, 0.0)

    # a client may have its file before the server has counted it
    until(lambda: grown("requests_total", "http", "GetPixels", "200"), 2)
    after = numbers(server)
    assert grown("requests_total", "grpc", "StreamDownload", "OK") == 1
    assert grown("requests_total", "http", "PlanDownload", "404") == 1
    assert grown("request_seconds_count", "http", "GetPixels") == 2
    assert grown("refused_total", "IMAGE_NOT_FOUND") == 1
    assert grown("sent_bytes_total", "grpc") == len(data)
    assert grown("pixels_total") in {600, 1200}  # the file of the download may be in the cache
    assert grown("blocks_total", "rendered") >= 1
    assert grown("cache_hits_total") + grown("cache_misses_total") == 2
    assert grown("queue_seconds_count", "small") >= 1
    assert after["rasterwire_ready['state']"] == 1
    assert after["rasterwire_lease_takeovers_total[]"] == 0
    assert after["rasterwire_renders_running[]"] == after["rasterwire_renders_waiting[]"] == 0
    assert not [name for name in after if not name.startswith("rasterwire_")]


def test_numbers_say_what_the_cache_holds(settings: Settings, tmp_path: Path) -> None:
    with served(replace(settings, state_dir=tmp_path)) as running:
        assert numbers(running)["rasterwire_cache_files[]"] == 0
        running.read(running.create(params()).download_id)
        (path,) = (tmp_path / "cache").rglob("*.*.*")
        page = numbers(running)
        assert (page["rasterwire_cache_files[]"], page["rasterwire_cache_bytes[]"]) == (1, path.stat().st_size)


def test_a_render_that_is_taken_over_is_counted(tmp_path: Path) -> None:
    path, metrics = tmp_path / "leases.sqlite", Metrics()
    with closing(SqliteLeases(path)) as dead:
        dead.acquire("etag", "dead", 60)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE leases SET until = until - 61")
    with closing(HeldLeases(SqliteLeases(path), "test", metrics)) as leases:
        for _ in range(2):
            assert leases.acquire("etag", lambda: 0.0)
            leases.release("etag")
    assert samples(metrics.page("")[0].decode())["rasterwire_lease_takeovers_total[]"] == 1


def test_tenants_of_the_settings_are_counted_apart_and_no_other_name(settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    key = add_key(keys, "forestry")
    tenants = replace(
        settings,
        state_dir=tmp_path / "state",
        auth=AuthSettings(keys),
        tenants=(TenantSettings("forestry", ("*",)),),
        metrics_port=free_port(),
    )
    with served(tenants) as running:
        for shown in (key, key, "rw_0123456789ab_" + "a" * 43, "survey"):
            ask(running, "GET", "/v1/limits", headers={"Authorization": f"Bearer {shown}"})
        apart = replace(running, http=f"http://127.0.0.1:{tenants.metrics_port}")
        name = "rasterwire_tenant_requests_total"
        # a client may have its answer before the server has counted it
        until(lambda: numbers(apart).get(f"{name}['']"), 2)
        counts = {key: value for key, value in numbers(apart).items() if key.startswith(name)}
    assert counts == {f"{name}['forestry']": 2, f"{name}['']": 2}


def test_numbers_are_shown_to_this_machine_alone_by_default(settings: Settings) -> None:
    for change in (
        {"host": "0.0.0.0"},
        {"public_url": "https://rasters.example.org"},
        {"trust_forwarded": True},
        {"metrics_port": -1},
        {"http_port": -1},
    ):
        assert not replace(settings, **change).has_metrics, change
    apart = replace(settings, host="0.0.0.0", metrics_port=9)
    assert (apart.has_metrics, apart.shows_metrics_by_http) == (True, False)
    assert settings.shows_metrics_by_http


def test_without_metrics_there_is_no_page(settings: Settings, tmp_path: Path) -> None:
    with served(replace(settings, metrics_port=-1, state_dir=tmp_path)) as quiet:
        assert ask(quiet, "GET", "/metrics")[0] == 404


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt-get install prometheus)")
def test_the_page_is_as_prometheus_wants_it(server: Served) -> None:
    server.stream(params())
    page = ask(server, "GET", "/metrics")[2]
    checked = subprocess.run(["promtool", "check", "metrics"], check=False, input=page, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_workers_tell_the_numbers_of_all(settings: Settings, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rasterwire.cli", "serve", str(settings.catalog), "--workers", "2"]
    command += ["--grpc-port", "0", "--http-port", "0", "--state-dir", str(tmp_path / "state")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as parent:
        try:
            assert isinstance(parent.stderr, io.TextIOBase)
            found = (match for line in parent.stderr if (match := re.search(r"on grpc (\S+), (http\S+)", line)))
            address, http = next(found).groups()
            next(found)
            asked = Served(address, http, None, None)
            for _ in range(8):  # each by a connection of its own, to one of the two
                assert ask(asked, "GET", "/v1/limits")[0] == 200
            pages = [numbers(asked) for _ in range(4)]
        finally:
            parent.terminate()
            parent.communicate(timeout=HANG)
    key = f"rasterwire_requests_total{sorted(['http', 'GetLimits', '200'])}"
    assert [page[key] for page in pages] == [8] * 4
