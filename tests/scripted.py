"""Servers that play a script, for tests of clients."""

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import replace

import google_crc32c
import grpc

from effort import HANG
from rasterwire.client import Client, RetryPolicy
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc

Chunks = Iterator[download_pb2.DownloadChunk]
ReadScript = Callable[[download_service_pb2.ReadDownloadRequest, grpc.ServicerContext], Chunks]

QUICK = RetryPolicy(attempts=3, sleep=lambda _: None)
"""Patience without waiting."""


def info_of(data: bytes, etag: str = "e1", name: str = "f.bin") -> download_pb2.FileInfo:
    """Return the FileInfo of data."""
    crc32c = google_crc32c.value(data)
    return download_pb2.FileInfo(filename=name, mime_type="x/y", size_bytes=len(data), crc32c=crc32c, etag=etag)


def chunks_of(data: bytes, info: download_pb2.FileInfo, start: int = 0, size: int = 1 << 20) -> Chunks:
    """Yield the correct chunks of a file from an offset on."""
    for offset in range(start, len(data), size):
        part = data[offset : offset + size]
        yield download_pb2.DownloadChunk(data=part, offset=offset, crc32c=google_crc32c.value(part), file=info)


def always(chunks: Callable[[], Chunks]) -> ReadScript:
    """Return a script that answers every read in the same way."""
    return lambda _request, _context: chunks()


def plan_of(size: int) -> download_pb2.DownloadPlan:
    """Return the plan of an NPY with a number of bytes."""
    return download_pb2.DownloadPlan(format=download_pb2.FORMAT_NPY, estimated_bytes=size)


class Scripted(download_service_pb2_grpc.DownloadServiceServicer):
    """A server that plays one script for each read, and records offset and etag of each.

    Attributes:
        plan: of every download.
        scripts: of the reads in order; the last one is used for all later reads.
        streamed: yields the chunks of ``StreamDownload``.
        requests: offsets and etags of reads.
        created: number of downloads that were registered.
    """

    def __init__(self, plan: download_pb2.DownloadPlan, *scripts: ReadScript) -> None:
        self.plan = plan
        self.scripts = list(scripts)
        self.streamed: Callable[[], Chunks] = lambda: iter(())
        self.requests: list[tuple[int, str]] = []
        self.created = 0

    def CreateDownload(  # noqa: N802  the name of the method on the wire
        self, request: download_service_pb2.CreateDownloadRequest, context: grpc.ServicerContext
    ) -> download_service_pb2.CreateDownloadResponse:
        self.created += 1
        download = download_pb2.DownloadId(name=f"downloads/{self.created}", token="secret")
        return download_service_pb2.CreateDownloadResponse(download_id=download, plan=self.plan)

    def ReadDownload(  # noqa: N802
        self, request: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext
    ) -> Iterator[download_service_pb2.ReadDownloadResponse]:
        self.requests.append((request.read_offset, request.etag))
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        for chunk in script(request, context):
            yield download_service_pb2.ReadDownloadResponse(chunk=chunk)

    # no client here calls them
    GetLimits = PlanDownload = GetDownload = None  # type: ignore[assignment]
    PrepareDownload = ListDownloads = DeleteDownload = None  # type: ignore[assignment]

    def StreamDownload(  # noqa: N802
        self, request: download_service_pb2.StreamDownloadRequest, context: grpc.ServicerContext
    ) -> Iterator[download_service_pb2.StreamDownloadResponse]:
        for number, chunk in enumerate(self.streamed()):
            yield download_service_pb2.StreamDownloadResponse(chunk=chunk, plan=None if number else self.plan)


@contextmanager
def playing(servicer: Scripted) -> Iterator[str]:
    """Run a scripted server, and give its address."""
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    download_service_pb2_grpc.add_DownloadServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait(HANG)


@contextmanager
def client_of(servicer: Scripted, idle: float = 60.0) -> Iterator[Client]:
    """Run a scripted server, and give a client of it."""
    with playing(servicer) as address, Client(address, retry=replace(QUICK, idle=idle)) as client:
        yield client
