"""Small pieces at random places (C): one client on one connection, and sixteen at once."""

import base64
import json
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.field import Field
from benchmarks.processes import Tree
from benchmarks.rasterwire_server import Rasterwire
from benchmarks.report import Bar, Section
from benchmarks.source import Source
from benchmarks.work import Kind, Part, Work
from rasterwire.client.params import to_message
from rasterwire.v1 import download_service_pb2

_SIDE = 256
_SAMPLES = 3
ALONE = 100  # requests of one round; three rounds
TOGETHER = 16
_ROUNDS, _SECONDS = 6, 3
"""Each round has new connections, which the kernel deals out among the processes of a server anew."""
_CLIENT = Path(__file__).with_name("small_client.py")


@dataclass(slots=True)
class Peer:
    """Somebody who answers small requests, and what came of them.

    Attributes:
        kind: grpc or http.
        asks: makes a request of a part, as the client process takes it.
        suffix: of what comes.
    """

    name: str
    kind: str
    port: int
    tree: Tree
    suffix: str
    asks: Callable[[Part], str]
    command: str
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    client_cpu: float = 0.0
    server_cpu: float = 0.0
    size: int = 0
    verdict: str = ""
    peak: int = 0

    def forget(self) -> None:
        """Begin anew with another way of asking."""
        self.latencies, self.errors = [], []
        self.seconds = self.client_cpu = self.server_cpu = 0.0

    def percentile(self, percent: int) -> float:
        """Return a percentile of the latencies in ms."""
        return 1000 * statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1]

    @property
    def rate(self) -> float:
        """Return answers a second."""
        return len(self.latencies) / self.seconds


def small(field: Field) -> Iterator[Section]:
    """Measure one client, then sixteen at once."""
    parts = places(field.source)
    peers = _peers(field, parts[0])
    for peer in peers:
        sample(field, peer, parts[:_SAMPLES])
    peers = [peer for peer in peers if peer.size]

    _reset(peers)
    for nth in range(3):
        for peer in peers:
            ask(peer, parts[nth * ALONE : (nth + 1) * ALONE], together=1, seconds=0)
    yield _alone(peers)

    _reset(peers)
    for peer in peers:
        ask(peer, parts, together=TOGETHER, seconds=1)
        peer.forget()
    for _ in range(_ROUNDS):
        for peer in peers:
            ask(peer, parts, together=TOGETHER, seconds=_SECONDS)
    yield _at_once(peers)


def places(source: Source) -> list[Part]:
    """Return pieces at random places."""
    random_ = random.Random(256)
    last = source.size - _SIDE
    corners = [(random_.randint(0, last), random_.randint(0, last)) for _ in range(4 * ALONE)]
    return [source.native("B02", column, row, _SIDE) for column, row in corners]


def own_peer(server: Rasterwire, example: Part, name: str) -> Peer:
    """Return a rasterwire that is asked by gRPC."""
    assert server.tree is not None

    def message(part: Part) -> str:
        params = to_message(server.params(Work("", (part,), Kind.NPY), "small"))
        request = download_service_pb2.StreamDownloadRequest(params=params)
        return base64.b64encode(request.SerializeToString()).decode()

    port = int(server.address.rpartition(":")[2])
    command = f"StreamDownload({server.params(Work('', (example,), Kind.NPY), 'small')})"
    return Peer(name, "grpc", port, server.tree, ".npy", message, command)


def _peers(field: Field, example: Part) -> list[Peer]:
    peers = [own_peer(field.current, example, "rasterwire")]
    web, wcs = field.titiler, field.mapserver
    if web is not None and web.tree is not None:
        command = "GET " + web.path(example, ".npy")
        peers.append(Peer("TiTiler", "http", web.port, web.tree, ".npy", lambda part: web.path(part, ".npy"), command))
    if wcs is not None and wcs.tree is not None:

        def path(part: Part) -> str:
            return wcs.path(part, compressed=False)

        peers.append(Peer("MapServer, GeoTIFF", "http", wcs.port, wcs.tree, ".tif", path, "GET " + path(example)))
    return peers


def _reset(peers: list[Peer]) -> None:
    for peer in peers:
        peer.forget()
        peer.tree.reset_peak()


def sample(field: Field, peer: Peer, parts: list[Part]) -> None:
    """Check the pixels of some, which warms the peer up as well; all others must be of the same size."""
    files = [field.path() / f"sample-{nth}{peer.suffix}" for nth in range(len(parts))]
    answer = _client(peer, parts, together=1, seconds=0, samples=files)
    if answer["errors"]:
        peer.errors = answer["errors"]
        print(f"{peer.name} fails: {peer.errors[0]}", flush=True)
        return
    verdicts = [
        field.checker.verdict(Work("", (part,), Kind.NPY), file) for part, file in zip(parts, files, strict=True)
    ]
    peer.verdict = "; ".join(dict.fromkeys(verdicts))
    peer.size = files[0].stat().st_size
    for file in files:
        file.unlink()


def ask(peer: Peer, parts: list[Part], *, together: int, seconds: float) -> None:
    """Ask for parts, each once or for some seconds, by so many clients; the peer keeps what came of it."""
    before = peer.tree.cpu_seconds()
    answer = _client(peer, parts, together=together, seconds=seconds, samples=[])
    peer.server_cpu += peer.tree.cpu_seconds() - before
    peer.peak = peer.tree.peak_bytes()
    peer.latencies += answer["latencies"]
    peer.seconds += answer["seconds"]
    peer.client_cpu += answer["cpu"]
    peer.errors += answer["errors"]
    for size, count in answer["sizes"].items():
        if int(size) != peer.size:
            peer.errors += [f"{size} bytes and not {peer.size}"] * count


def _client(peer: Peer, parts: list[Part], *, together: int, seconds: float, samples: list[Path]) -> dict[str, Any]:
    task = {
        "kind": peer.kind,
        "port": peer.port,
        "requests": [peer.asks(part) for part in parts],
        "together": together,
        "seconds": seconds,
        "samples": [str(path) for path in samples],
    }
    ran = subprocess.run([sys.executable, str(_CLIENT)], input=json.dumps(task), stdout=subprocess.PIPE, text=True)  # noqa: PLW1510  told below
    if ran.returncode:
        raise RuntimeError(f"the client process ended with {ran.returncode}")
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


_HEADER = (
    "",
    "p50 ms",
    "p99 ms",
    "requests/s",
    "errors",
    "server CPU ms a request",
    "client CPU ms a request",
    "peak MB",
    "bytes",
    "pixels",
)


def _rows(peers: list[Peer]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            peer.name,
            f"{peer.percentile(50):.2f}",
            f"{peer.percentile(99):.2f}",
            f"{peer.rate:.0f}",
            str(len(peer.errors)) + (f" ({peer.errors[0][:80]})" if peer.errors else ""),
            f"{1000 * peer.server_cpu / len(peer.latencies):.2f}",
            f"{1000 * peer.client_cpu / len(peer.latencies):.2f}",
            f"{peer.peak / 1e6:.0f}",
            f"{peer.size:,}",
            peer.verdict,
        )
        for peer in peers
        if len(peer.latencies) > 1
    )


def _pair(peers: list[Peer]) -> tuple[Peer, Peer] | None:
    by_name = {peer.name: peer for peer in peers if len(peer.latencies) > 1}
    pair = by_name.get("rasterwire"), by_name.get("TiTiler")
    return None if pair[0] is None or pair[1] is None else (pair[0], pair[1])


def _alone(peers: list[Peer]) -> Section:
    title = "p50 at most half of TiTiler's"
    bar = Bar(title, reached=None, passed=False)
    if pair := _pair(peers):
        current, peer = pair
        ratio = peer.percentile(50) / current.percentile(50)
        bar = Bar(title, f"1/{ratio:.2f}", ratio >= 2)
    return Section(
        title=f"C. {3 * ALONE} pieces of {_SIDE} x {_SIDE}, NPY, one client on one connection",
        header=_HEADER,
        rows=_rows(peers),
        bars=(bar,),
        lengths={peer.name: peer.percentile(50) for peer in peers if len(peer.latencies) > 1},
        unit="ms, p50",
        commands={peer.name: peer.command for peer in peers},
    )


def _at_once(peers: list[Peer]) -> Section:
    faster, calmer = "at least 2.5 x the requests/s of TiTiler", "p99 below TiTiler's"
    bars = (Bar(faster, reached=None, passed=False), Bar(calmer, reached=None, passed=False))
    if pair := _pair(peers):
        current, peer = pair
        ratio = current.rate / peer.rate
        late = current.percentile(99), peer.percentile(99)
        bars = (
            Bar(faster, f"{ratio:.2f} x", ratio >= 2.5),
            Bar(calmer, f"{late[0]:.0f} ms beside {late[1]:.0f} ms", late[0] < late[1]),
        )
    return Section(
        title=f"C. pieces of {_SIDE} x {_SIDE}, NPY, {TOGETHER} clients at once for {_ROUNDS * _SECONDS} s",
        header=_HEADER,
        rows=_rows(peers),
        bars=bars,
        lengths={peer.name: peer.rate for peer in peers if len(peer.latencies) > 1},
        unit="requests/s, longer is faster",
        remarks=(f"All {TOGETHER} clients, each with a connection of its own, are one process with one event loop.",),
    )
