"""Traces: what a collector gets of a call, by each door."""

import http.server
import json
import logging
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine

from asking import ask
from effort import HANG
from rasterwire.client import Client
from rasterwire.client.errors import NotFound
from rasterwire.errors import Violations
from rasterwire.server.settings import BadSettings, Settings, load_settings
from rasterwire.server.telemetry import TelemetrySettings, read_telemetry
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, served

pytest.importorskip("opentelemetry.sdk", reason="needs the extra telemetry")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider

JSON = {"Content-Type": "application/json"}
PARAMS = b'{"image": "image", "format": "GEO_TIFF"}'
SIDE = 1100
"""Pixels: several blocks."""


@dataclass(frozen=True)
class Sent:
    """A span that came."""

    name: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: Mapping[str, object]
    is_error: bool


class Collector:
    """Takes what exporters send."""

    def __init__(self) -> None:
        self.spans: list[Sent] = []
        self.service: set[object] = set()
        self.bodies: list[bytes] = []
        self.endpoint = ""

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.service |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self.spans.append(
                    Sent(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        tuple(link.span_id.hex() for link in span.links),
                        {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes},
                        span.status.code == 2,
                    )
                )

    def of(self, trace: str) -> list[Sent]:
        return [span for span in self.spans if span.trace == trace]


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")  # what is sent is sent at the end
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("catalog")
    profile = {"width": SIDE, "height": SIDE, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(folder / "image.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.arange(SIDE * SIDE, dtype="uint32").reshape(1, SIDE, SIDE).astype("uint8"))
    return Settings(folder, grpc_port=0, http_port=0, threads=2)


@contextmanager
def traced(settings: Settings, state: Path, endpoint: str) -> Iterator[Served]:
    telemetry = TelemetrySettings("otlp", endpoint)
    with served(replace(settings, state_dir=state, telemetry=telemetry)) as server:
        yield server


class Caller:
    """A program with a trace of its own."""

    def __init__(self, *, is_sampled: bool = True) -> None:
        self.trace, self.span = secrets.token_hex(16), secrets.token_hex(8)
        self.header = f"00-{self.trace}-{self.span}-{int(is_sampled):02}"
        self.headers = {"traceparent": self.header}
        self.metadata = (("traceparent", self.header),)


def params(scale: int = 10) -> download_pb2.DownloadParams:
    grid = download_pb2.DownloadParams(image="image", format=download_pb2.FORMAT_GEO_TIFF)
    grid.scale = scale
    return grid


def by_grpc(server: Served, caller: Caller, scale: int = 10) -> None:
    request = download_service_pb2.CreateDownloadRequest(params=params(scale))
    made = server.downloads.CreateDownload(request, timeout=HANG, metadata=caller.metadata).download_id
    read = download_service_pb2.ReadDownloadRequest(name=made.name, token=made.token)
    assert list(server.downloads.ReadDownload(read, timeout=HANG, metadata=caller.metadata))


def by_stream(server: Served, caller: Caller) -> None:
    request = download_service_pb2.StreamDownloadRequest(params=params())
    assert list(server.downloads.StreamDownload(request, timeout=HANG, metadata=caller.metadata))


def by_http(server: Served, caller: Caller) -> None:
    body = b'{"image": "image", "format": "GEO_TIFF", "scale": 20}'
    created = json.loads(ask(server, "POST", "/v1/downloads", body, JSON | caller.headers)[2])
    target = created["downloadId"]["url"].removeprefix(server.http)
    assert ask(server, "GET", target, headers=caller.headers)[0] == 200


def by_earth_engine(server: Served, caller: Caller) -> None:
    body = b'{"fileFormat": "NPY", "bandIds": ["B1"]}'
    status, _, answer = ask(server, "POST", "/v1/projects/p/assets/image:getPixels", body, JSON | caller.headers)
    assert status == 200, answer


def tree(spans: list[Sent], parent: str) -> dict[str, Any]:
    """Return the names below a span; equal ones once."""
    return {span.name: tree(spans, span.id) for span in spans if span.parent == parent}


BLOCKS: dict[str, Any] = {"block": {}, "encode": {}}
RENDERED = {"admit": {}, "plan": {}, "render": BLOCKS, "store": {}, "deliver": {}}
SERVICE = "rasterwire.v1.DownloadService"
TREES: dict[str, Any] = {
    "grpc": {f"{SERVICE}/CreateDownload": {"admit": {}, "plan": {}}, f"{SERVICE}/ReadDownload": RENDERED},
    "stream": {f"{SERVICE}/StreamDownload": {"admit": {}, "plan": {}, "render": BLOCKS, "deliver": {}}},
    "http": {"POST /v1/downloads": {"admit": {}, "plan": {}}, "GET /v1/downloads/{id}:getPixels": RENDERED},
    "earth_engine": {"POST AssetPixels": {"admit": {}, "plan": {}, "render": BLOCKS, "deliver": {}}},
}


def test_the_calls_of_a_program_are_one_trace_by_each_door(settings: Settings, tmp_path: Path) -> None:
    doors = {"grpc": by_grpc, "stream": by_stream, "http": by_http, "earth_engine": by_earth_engine}
    callers = {door: Caller() for door in doors}
    with collecting() as collector:
        with traced(settings, tmp_path, collector.endpoint) as server:
            for door, call in doors.items():
                call(server, callers[door])
        for door, caller in callers.items():
            spans = collector.of(caller.trace)
            assert tree(spans, caller.span) == TREES[door], door
            assert not {span.parent for span in spans} - {span.id for span in spans} - {caller.span}
            assert not [span for span in spans if span.is_error]
        assert collector.service == {"rasterwire"}
        assert {span.trace for span in collector.spans} == {caller.trace for caller in callers.values()}
    root = next(span for span in collector.spans if span.name.endswith("ReadDownload"))
    assert root.attributes["rpc.system.name"] == "grpc"
    assert root.attributes["rpc.response.status_code"] == "OK"
    assert root.attributes["rpc.method"] == f"{SERVICE}/ReadDownload"
    root = next(span for span in collector.spans if span.name.endswith("getPixels"))
    assert root.attributes["http.request.method"] == "GET"
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["http.route"] == "/v1/downloads/{id}:getPixels"


def test_traces_of_calls_at_once_do_not_mix_and_who_waits_for_a_render_is_linked(
    settings: Settings, tmp_path: Path
) -> None:
    callers = [Caller() for _ in range(12)]
    with collecting() as collector:
        with traced(settings, tmp_path, collector.endpoint) as server, ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda pair: by_grpc(server, pair[1], 10 + 5 * (pair[0] // 4)), enumerate(callers)))
        ids = {span.id: span for span in collector.spans}
        for caller in callers:
            spans = collector.of(caller.trace)
            names = tree(spans, caller.span)
            assert set(names) == set(TREES["grpc"])
            assert "deliver" in names[f"{SERVICE}/ReadDownload"]
            for span in spans:
                assert span.parent == caller.span or ids[span.parent].trace == caller.trace
                assert all(ids[link].name.endswith("ReadDownload") for link in span.links)
        renders = [span for span in collector.spans if span.name == "render"]
        assert len(renders) == 3
        for render in renders:
            blocks = [span for span in collector.spans if span.parent == render.id]
            assert render.attributes["rasterwire.blocks"] == len(blocks) / 2  # each made and encoded


def test_a_trace_that_is_not_sampled_is_not_sent_but_known(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caller = Caller(is_sampled=False)
    with collecting() as collector, caplog.at_level(logging.INFO, "rasterwire.server"):
        with traced(settings, tmp_path, collector.endpoint) as server:
            by_grpc(server, caller)
            by_http(server, caller)
            _, headers, _ = ask(server, "GET", "/v1/limits", headers=caller.headers)
            ask(server, "GET", "/livez")
        assert collector.spans == []
    assert headers["X-Trace-Id"] == caller.trace
    assert sum(f"trace_id={caller.trace}" in record.message for record in caplog.records) == 5


def test_errors_name_their_trace_and_spans_hold_no_secret(settings: Settings, tmp_path: Path) -> None:
    caller = Caller()
    token, name = "1" * 32, "2" * 32
    with collecting() as collector:
        with traced(settings, tmp_path, collector.endpoint) as server:
            by_grpc(server, caller)
            by_http(server, caller)
            key = {"Authorization": "Bearer hidden-key"}
            for target in (f"/v1/downloads/{name}:getPixels?token={token}", "/v1/images/no/such", "/hidden-path?a=b"):
                status, headers, body = ask(server, "GET", target, headers=caller.headers | key)
                assert status == 404
                assert json.loads(body)["error"]["traceId"] == headers["X-Trace-Id"] == caller.trace
            request = download_service_pb2.ReadDownloadRequest(name=f"downloads/{name}", token=token)
            with pytest.raises(grpc.RpcError) as caught:
                list(server.downloads.ReadDownload(request, metadata=caller.metadata, timeout=HANG))
            error: Any = caught.value
            assert ("x-trace-id", caller.trace) in [tuple(pair) for pair in error.trailing_metadata()]
        failed = [span for span in collector.spans if span.attributes.get("error.type") == "DOWNLOAD_NOT_FOUND"]
        assert len(failed) == 2
        assert not [span for span in collector.spans if span.is_error]  # of the server: it did as it should
        told = b"".join(collector.bodies)
        for secret in (
            token,
            name,
            "hidden",
            str(settings.catalog),
            str(tmp_path),
            "127.0.0.1",
            "://",
            "token",
            "such",
        ):
            assert secret.encode() not in told, secret


def test_a_collector_that_is_down_costs_no_call(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and listens to nobody
        with traced(settings, tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}") as server:
            for call in (by_grpc, by_http, by_earth_engine):
                call(server, Caller())


def test_the_client_sends_the_span_that_its_program_is_at(settings: Settings, tmp_path: Path) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("program")
    with (
        collecting() as collector,
        traced(settings, tmp_path / "state", collector.endpoint) as server,
        Client(server.address) as client,
    ):
        request = {"image": "image", "format": "GEO_TIFF"}
        client.limits()  # of no trace of the program
        with tracer.start_as_current_span("work") as span:
            client.download(request, tmp_path / "a.tif")
            client.download_future(request, tmp_path / "b.tif").result(HANG)
            client.stream(request)
            with pytest.raises(NotFound) as caught:
                client.get_image("nope")
    trace = f"{span.get_span_context().trace_id:032x}"
    roots = [sent.name.partition("/")[2] for sent in collector.of(trace) if "/" in sent.name]
    assert sorted(roots) == ["CreateDownload"] * 2 + ["GetImage"] + ["ReadDownload"] * 2 + ["StreamDownload"]
    parents = {sent.parent for sent in collector.of(trace) if "/" in sent.name}
    assert parents == {f"{span.get_span_context().span_id:016x}"}
    assert caught.value.trace_id == trace
    assert caught.value.request_id
    assert str(caught.value).endswith(f"(request id {caught.value.request_id})")
    assert str(caught.value).count("request id") == 1


def test_neither_server_nor_client_loads_what_nobody_asked_for() -> None:
    code = "import sys, rasterwire.server.process.app, rasterwire.client; rasterwire.client.Client().close();"
    code += "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


def test_settings_of_traces_are_read_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    assert not load_settings(None, {"catalog": tmp_path}).telemetry.has_traces
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    assert load_settings(None, {"catalog": tmp_path}).telemetry.has_traces
    file = tmp_path / "rasterwire.toml"
    file.write_text('[telemetry]\ntraces = "none"\n')
    assert not load_settings(file, {"catalog": tmp_path}).telemetry.has_traces
    file.write_text('[telemetry]\ntraces = "otlp"\nendpoint = "https://collector.example.org:4318/"\n')
    assert load_settings(file, {"catalog": tmp_path}).telemetry.endpoint == "https://collector.example.org:4318"
    for table, field in (
        ({"traces": "zipkin"}, "telemetry.traces"),
        ({"traces": "otlp", "endpoint": "http://user:secret@host"}, "telemetry.endpoint"),
        ({"endpoint": "http://host"}, "telemetry.endpoint"),
        ({"trace": "otlp"}, "telemetry.trace"),
        (["otlp"], "telemetry"),
    ):
        violations = Violations()
        assert read_telemetry(table, violations) == TelemetrySettings()
        assert [violation.field for violation in violations.items] == [field]
        assert "secret" not in str(violations.items[0])
    file.write_text("[telemetry]\nsample = 3\n")
    with pytest.raises(BadSettings, match=r"telemetry\.sample"):
        load_settings(file, {"catalog": tmp_path})
