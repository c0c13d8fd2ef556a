"""Readers that stall: what they cost a server in memory, and whether it is given back."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import grpc

from benchmarks.production.shared import Bar, Shared
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc
from replica_servers import ReplicaServer

_MAX_MB = 300
_MAX_LEFT_MB = 100
"""Above what it was before, once the readers are gone: of what the allocator keeps."""

_SIDE = 4000
_A_CHANNEL = 50
"""Readers of a connection of gRPC."""

_SETTLED = 5.0
"""Seconds until memory is looked at."""

_Begin = Callable[[ReplicaServer, download_pb2.DownloadId, int, ExitStack], object]


def readers(shared: Shared, count: int) -> Iterator[Bar]:
    """Yield two bars for gRPC and two for HTTP."""
    image = shared.image(_SIDE)
    config = shared.new_folder("config") / "rasterwire.toml"
    config.touch()
    ways: dict[str, _Begin] = {"gRPC": _by_grpc, "HTTP": _by_http}
    for way, begin in ways.items():
        server = ReplicaServer(image.parent, config, shared.new_folder("state"))
        with ExitStack() as stack:
            stack.callback(server.end)
            server.start()
            download = _rendered(server)
            time.sleep(_SETTLED)
            idle = _megabytes(server.pid)
            with ExitStack() as stalled:
                begin(server, download, count, stalled)
                time.sleep(_SETTLED)
                most = _megabytes(server.pid) - idle
            time.sleep(_SETTLED)
            rest = _megabytes(server.pid) - idle
        title = f"{count} stalled readers by {way}, above idle ({idle:.0f} MB)"
        yield Bar(title, f"{most:.0f} MB", f"{_MAX_MB} MB", most < _MAX_MB)
        yield Bar(f"{way}, after they are gone", f"{rest:.0f} MB", f"{_MAX_LEFT_MB} MB", rest < _MAX_LEFT_MB)


def _rendered(server: ReplicaServer) -> download_pb2.DownloadId:
    """Return a download whose file is there."""
    with grpc.insecure_channel(server.address) as channel:
        stub = download_service_pb2_grpc.DownloadServiceStub(channel)
        params = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_NPY)
        created = stub.CreateDownload(download_service_pb2.CreateDownloadRequest(params=params), timeout=60).download_id
        for _ in stub.ReadDownload(_request(created), timeout=600):
            pass
        return created


def _request(download: download_pb2.DownloadId) -> download_service_pb2.ReadDownloadRequest:
    return download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)


def _by_grpc(server: ReplicaServer, download: download_pb2.DownloadId, count: int, stack: ExitStack) -> None:
    for first in range(0, count, _A_CHANNEL):
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = stack.enter_context(grpc.insecure_channel(server.address, options=options))
        stub = download_service_pb2_grpc.DownloadServiceStub(channel)
        calls = [stub.ReadDownload(_request(download)) for _ in range(min(_A_CHANNEL, count - first))]
        for call in calls:
            assert list(islice(call, 1)), "it began, and reads no more"
            stack.callback(call.cancel)


def _by_http(server: ReplicaServer, download: download_pb2.DownloadId, count: int, stack: ExitStack) -> None:
    target = f"/v1/{download.name}:getPixels?token={download.token}"
    for _ in range(count):
        connection = stack.enter_context(socket.socket())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.http_port))
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"


def _megabytes(pid: int) -> float:
    """Return the memory of a process that is its own, or its share of what others have too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:"))
