"""What a server that many share costs on small pieces, beside one that knows nobody and tells nothing."""

import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from rasterio.shutil import copy

from benchmarks.processes import Tree, free_port
from benchmarks.production.shared import Bar, Shared
from rasterwire.client.params import to_message
from rasterwire.server.identity.key_file import add_key
from rasterwire.v1 import download_service_pb2, download_service_pb2_grpc
from replica_servers import ReplicaServer

_MAX_RATIO = 1.10

_SIDE, _PIECE = 4000, 256
_ROUNDS = 10

_PLAIN = """
metrics_port = -1
"""

_SHARED = """
log = "json"
metrics_port = {port}
audit_file = "{folder}/audit.jsonl"
[auth]
keys_file = "{folder}/keys"
[[tenants]]
name = "forestry"
prefixes = ["*"]
[tenants.quota]
pixels_per_day = 1000000000000
bytes_per_day = 1000000000000
"""


@dataclass(slots=True)
class _Side:
    """A server, and what its calls took."""

    stub: Any
    metadata: tuple[tuple[str, str], ...]
    tree: Tree
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0


def cost(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield the bar of one client that asks for so many pieces of either server, in turns."""
    catalog = shared.new_folder("catalog")
    tiled = {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"}
    copy(shared.image(_SIDE), catalog / "a.tif", **tiled)
    with ExitStack() as stack:
        plain = _side(shared, catalog, _PLAIN, "", stack)
        folder = shared.new_folder("tenants")
        key = add_key(folder / "keys", "forestry")
        told = _side(shared, catalog, _SHARED.format(folder=folder, port=free_port()), key, stack)
        places = random.Random(1)
        for side in (plain, told):
            _ask(side, _requests(places, 50))
            side.seconds.clear()
        for number in range(_ROUNDS):
            requests = _requests(places, count // _ROUNDS)
            for side in (plain, told) if number % 2 else (told, plain):
                before = side.tree.cpu_seconds()
                _ask(side, requests)
                side.cpu += side.tree.cpu_seconds() - before
    ratio = statistics.median(told.seconds) / statistics.median(plain.seconds)
    cpu = told.cpu / plain.cpu
    times = f"p50 {1000 * statistics.median(plain.seconds):.2f} ms without, CPU of the server {cpu:.2f}"
    title = f"a piece of {_PIECE} x {_PIECE} with keys, quotas, metrics, JSON log and audit ({times})"
    yield Bar(title, f"{ratio:.2f} x", f"{_MAX_RATIO} x", ratio <= _MAX_RATIO)


def _side(shared: Shared, catalog: Path, settings: str, key: str, stack: ExitStack) -> _Side:
    config = shared.new_folder("config") / "rasterwire.toml"
    config.write_text(settings)
    server = ReplicaServer(catalog, config, shared.new_folder("state"))
    stack.callback(server.end)
    server.start()
    channel = stack.enter_context(grpc.insecure_channel(server.address))
    metadata = (("authorization", f"Bearer {key}"),) if key else ()
    return _Side(download_service_pb2_grpc.DownloadServiceStub(channel), metadata, Tree(server.pid))


def _requests(places: random.Random, count: int) -> list[download_service_pb2.StreamDownloadRequest]:
    last = _SIDE - _PIECE
    corners = [(places.randint(0, last), places.randint(0, last)) for _ in range(count)]
    fields = {"image": "a", "crs": "EPSG:32610", "dimensions": [_PIECE, _PIECE], "format": "NPY"}
    params = [{**fields, "crs_transform": [10, 0, 5e5 + 10 * x, 0, -10, 5e6 - 10 * y]} for x, y in corners]
    return [download_service_pb2.StreamDownloadRequest(params=to_message(each)) for each in params]


def _ask(side: _Side, requests: list[download_service_pb2.StreamDownloadRequest]) -> None:
    for request in requests:
        began = time.perf_counter()
        for _ in side.stub.StreamDownload(request, metadata=side.metadata, timeout=60):
            pass
        side.seconds.append(time.perf_counter() - began)
