"""A file that is rendered already, again (D): how fast its bytes leave, beside bare gRPC and nginx."""

import getpass
import http.client
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from benchmarks.field import Field
from benchmarks.processes import Tree, free_port, server
from benchmarks.report import Bar, Section
from benchmarks.work import Kind, Work
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc

_BARE = Path(__file__).with_name("bare_grpc.py")

_NGINX = """{user}
daemon off;
worker_processes 2;
pid {scratch}/nginx.pid;
error_log {scratch}/nginx-error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {scratch}/nginx-body;
  proxy_temp_path {scratch}/nginx-proxy;
  fastcgi_temp_path {scratch}/nginx-fastcgi;
  uwsgi_temp_path {scratch}/nginx-uwsgi;
  scgi_temp_path {scratch}/nginx-scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass(slots=True)
class _Way:
    """One way to the bytes.

    Attributes:
        read: takes all bytes once; returns their number and the seconds to the first and to the last.
        tree: of the server.
        command: the exact call or request.
    """

    name: str
    reader: Callable[[], tuple[int, float, float]]
    tree: Tree
    command: str
    seconds: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0
    size: int = 0


def again(field: Field) -> Iterator[Section]:
    """Render a file once, then read it in turn from everyone."""
    side = field.source.scaled(10000)
    work = Work(f"{side} x {side}", (field.source.native("B02", 0, 0, side),), Kind.NPY)
    params = field.current.params(work, "again")
    served = field.scratch / "served"
    served.mkdir()
    whole = served / "again.npy"
    field.current.client.download(params, whole)
    verdict = field.checker.verdict(work, whole)
    with ExitStack() as stack:
        ways = _own_ways(stack, field, params, whole.stat().st_size)
        for how in ("aio", "threads"):
            port = free_port()
            command = [sys.executable, str(_BARE), how, str(whole), str(port)]
            tree = stack.enter_context(server(command, partial(_listens, port), field.scratch / f"{how}.log"))
            reader = grpc_reader(stack, f"127.0.0.1:{port}", download_pb2.DownloadId(name="any", token="any"))
            ways.append(_Way(f"bare grpc, {how}", reader, tree, f"bare_grpc.py {how}, ReadDownload, bytes thrown away"))
        if field.nginx is not None:
            ways.append(_nginx(stack, field.nginx, field.scratch, whole))
        _take_turns(ways, field.runs)
    yield _section(ways, work, verdict)


def _own_ways(stack: ExitStack, field: Field, params: dict[str, object], size: int) -> list[_Way]:
    current = field.current
    assert current.tree is not None
    download = current.client.create_download(params).download_id
    target = field.path() / "again.npy"

    def to_file() -> tuple[int, float, float]:
        target.unlink(missing_ok=True)
        first: list[float] = []

        def note(size: int, _total: int | None) -> None:
            if size and not first:
                first.append(time.perf_counter())

        began = time.perf_counter()
        result = current.client.download(params, target, progress=note)
        return result.size, first[0] - began, time.perf_counter() - began

    reader = grpc_reader(stack, current.address, download)
    return [
        _Way("rasterwire, gRPC", reader, current.tree, f"ReadDownload of {params}, bytes thrown away"),
        _Way("rasterwire, client to a file", to_file, current.tree, f"Client.download({params}, path)"),
        _Way("rasterwire, HTTP", lambda: _get(download.url), current.tree, f"{_reader()} URL of the download"),
    ]


def grpc_reader(
    stack: ExitStack, address: str, download: download_pb2.DownloadId
) -> Callable[[], tuple[int, float, float]]:
    """Return what reads a download by gRPC and throws its bytes away: their number, seconds to the first and last."""
    channel = stack.enter_context(grpc.insecure_channel(address))
    stub = download_service_pb2_grpc.DownloadServiceStub(channel)
    request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)

    def read() -> tuple[int, float, float]:
        size, first = 0, 0.0
        began = time.perf_counter()
        for answer in stub.ReadDownload(request):
            size += len(answer.chunk.data)
            if size and not first:
                first = time.perf_counter() - began
        return size, first, time.perf_counter() - began

    return read


def _nginx(stack: ExitStack, program: Path, scratch: Path, served: Path) -> _Way:
    port = free_port()
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = scratch / "nginx.conf"
    config.write_text(_NGINX.format(user=user, scratch=scratch, port=port, root=served.parent))
    command = [str(program), "-c", str(config), "-e", str(scratch / "nginx-error.log")]
    tree = stack.enter_context(server(command, lambda: _listens(port), scratch / "nginx.log"))
    url = f"http://127.0.0.1:{port}/{served.name}"
    return _Way("nginx, sendfile", lambda: _get(url), tree, f"{_reader()} {url}")


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _reader() -> str:
    return "curl -s -o /dev/null" if shutil.which("curl") else "http.client: GET"


def _get(url: str) -> tuple[int, float, float]:
    """Read a URL with one client for everyone: curl where there is one."""
    if shutil.which("curl"):
        form = "%{http_code} %{size_download} %{time_starttransfer} %{time_total}"
        ran = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", form, url], capture_output=True, text=True, check=True
        )
        code, *figures = ran.stdout.split()
        if code != "200":
            raise RuntimeError(f"{url} answers {code}")
        return int(figures[0]), float(figures[1]), float(figures[2])
    parts = urlsplit(url)
    began = time.perf_counter()
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    size = len(answer.read1(1 << 20))
    first = time.perf_counter() - began
    while piece := answer.read1(1 << 20):
        size += len(piece)
    connection.close()
    return size, first, time.perf_counter() - began


def _take_turns(ways: list[_Way], runs: int) -> None:
    for way in ways:
        way.tree.reset_peak()
    for nth in range(runs + 1):
        for way in ways:
            before = way.tree.cpu_seconds()
            way.size, first, seconds = way.reader()
            if nth:
                way.firsts.append(first)
                way.seconds.append(seconds)
                way.cpu.append(way.tree.cpu_seconds() - before)
    for way in ways:
        way.peak = way.tree.peak_bytes()


def _section(ways: list[_Way], work: Work, verdict: str) -> Section:
    whole = ways[0].size
    rates = {way.name: way.size / statistics.median(way.seconds) / 1e6 for way in ways}
    rows = tuple(
        (
            way.name,
            f"{statistics.median(way.seconds):.3f} ({min(way.seconds):.3f} - {max(way.seconds):.3f})",
            f"{rates[way.name]:.0f}",
            f"{1000 * statistics.median(way.firsts):.1f}",
            f"{statistics.median(way.cpu):.2f}",
            f"{way.peak / 1e6:.0f}",
            f"{way.size:,}" + ("" if way.size == whole else " WRONG"),
        )
        for way in ways
    )
    bare = max(rates["bare grpc, aio"], rates["bare grpc, threads"])
    return Section(
        title=f"D. a rendered file again: NPY of {work.title}, {whole / 1e6:.0f} MB",
        header=("", "s median (min - max)", "MB/s", "first byte ms", "server CPU s", "peak MB", "bytes"),
        rows=rows,
        bars=(
            _share("90 % of the rate of bare gRPC", rates["rasterwire, gRPC"], bare, 0.9),
            _share("80 % of the rate of nginx", rates["rasterwire, HTTP"], rates.get("nginx, sendfile"), 0.8),
        ),
        lengths=rates,
        unit="MB/s, longer is faster",
        remarks=(f"The file: {verdict}. The server's peak is that of all three ways.",),
        commands={way.name: way.command for way in ways},
    )


def _share(title: str, rate: float, peer_rate: float | None, least: float) -> Bar:
    if peer_rate is None:
        return Bar(title, reached=None, passed=False)
    return Bar(title, f"{100 * rate / peer_rate:.0f} %", rate >= least * peer_rate)
