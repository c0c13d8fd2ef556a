"""Runs a real server for tests, in a thread of this process, on free ports of the loopback address."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from effort import HANG
from rasterwire.server.process.app import Running, running
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2_grpc, download_pb2, download_service_pb2, download_service_pb2_grpc


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        address: ``host:port`` of gRPC.
        http: ``http://host:port``.
        downloads, catalog: stubs over one channel.
    """

    address: str
    http: str
    downloads: download_service_pb2_grpc.DownloadServiceStub
    catalog: catalog_service_pb2_grpc.CatalogServiceStub

    def stream(self, params: download_pb2.DownloadParams) -> tuple[bytes, download_pb2.DownloadPlan]:
        """Return the bytes and the plan of one StreamDownload."""
        data, plan = b"", download_pb2.DownloadPlan()
        request = download_service_pb2.StreamDownloadRequest(params=params)
        for answer in self.downloads.StreamDownload(request, timeout=HANG):
            data += answer.chunk.data
            plan.MergeFrom(answer.plan)
        return data, plan

    def create(self, params: download_pb2.DownloadParams) -> download_service_pb2.CreateDownloadResponse:
        """Register a download."""
        return self.downloads.CreateDownload(download_service_pb2.CreateDownloadRequest(params=params), timeout=HANG)

    def read(self, download: download_pb2.DownloadId, offset: int = 0, limit: int = 0, etag: str = "") -> bytes:
        """Return bytes of a registered download."""
        request = download_service_pb2.ReadDownloadRequest(
            name=download.name, token=download.token, read_offset=offset, read_limit=limit, etag=etag
        )
        return b"".join(answer.chunk.data for answer in self.downloads.ReadDownload(request, timeout=HANG))


@contextmanager
def served(settings: Settings) -> Iterator[Served]:
    """Run a server while the context is open."""
    ready = threading.Event()
    ports: list[Running] = []
    failures: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        try:
            async with running(settings) as server_ports:
                ports.append(server_ports)
                ready.set()
                await stop.wait()
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    ready.wait(HANG)
    if failures:
        raise failures[0]
    address = f"127.0.0.1:{ports[0].grpc_port}"
    with grpc.insecure_channel(address) as channel:
        yield Served(
            address,
            f"http://127.0.0.1:{ports[0].http_port}",
            download_service_pb2_grpc.DownloadServiceStub(channel),
            catalog_service_pb2_grpc.CatalogServiceStub(channel),
        )
    loop.call_soon_threadsafe(stop.set)
    thread.join(HANG)
    loop.close()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error of a failed call.

    Attributes:
        code: of gRPC.
        message: of the status.
        reason: of its ErrorInfo.
        fields: reason of the first violation of each field.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    fields: dict[str, str]


def refusal(error: grpc.RpcError) -> Refusal:
    """Return the content of an error, and check that it has exactly one ErrorInfo of our domain."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None, error
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert sum(detail.Unpack(info) for detail in status.details) == 1
    assert info.domain == "rasterwire"
    for detail in status.details:
        detail.Unpack(bad)
    fields: dict[str, str] = {}
    for violation in bad.field_violations:
        assert violation.description
        fields.setdefault(violation.field, violation.reason)
    code = next(c for c in grpc.StatusCode if c.value[0] == status.code)
    return Refusal(code, status.message, info.reason, fields)
