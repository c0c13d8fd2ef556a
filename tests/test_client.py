"""The Python client with servers that fail in many ways, and with one that is killed."""

import asyncio
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import CancelledError
from pathlib import Path

import google_crc32c
import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine

from effort import HANG
from rasterwire.client import (
    AsyncClient,
    Client,
    CorruptData,
    Downloaded,
    DownloadFailed,
    Interrupted,
    InvalidParams,
    NotFound,
    RetryPolicy,
)
from rasterwire.client.params import to_message
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc

DATA = bytes(range(256)) * 20_000
PIECE = 1 << 20
INFO = download_pb2.FileInfo(
    filename="f.bin", mime_type="x/y", size_bytes=len(DATA), crc32c=google_crc32c.value(DATA), etag="e1"
)
PLAN = download_pb2.DownloadPlan(format=download_pb2.FORMAT_NPY, estimated_bytes=len(DATA))
QUICK = RetryPolicy(attempts=3, sleep=lambda _: None)

Chunk = download_pb2.DownloadChunk

Script = Callable[
    [download_service_pb2.ReadDownloadRequest, grpc.ServicerContext], Iterator[download_pb2.DownloadChunk]
]


def chunks(start: int, info: download_pb2.FileInfo = INFO) -> Iterator[download_pb2.DownloadChunk]:
    """Yield the correct chunks from an offset on."""
    for offset in range(start, len(DATA), PIECE):
        data = DATA[offset : offset + PIECE]
        yield download_pb2.DownloadChunk(data=data, offset=offset, crc32c=google_crc32c.value(data), file=info)


class Scripted(download_service_pb2_grpc.DownloadServiceServicer):
    """A server that plays one script for each read, and records offset and etag of each."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.requests: list[tuple[int, str]] = []

    def CreateDownload(  # noqa: N802  the name of the method on the wire
        self, request: download_service_pb2.CreateDownloadRequest, context: grpc.ServicerContext
    ) -> download_service_pb2.CreateDownloadResponse:
        download = download_pb2.DownloadId(name="downloads/a", token="t", url="http://127.0.0.1/a")
        return download_service_pb2.CreateDownloadResponse(download_id=download, plan=PLAN)

    def ReadDownload(  # noqa: N802
        self, request: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext
    ) -> Iterator[download_service_pb2.ReadDownloadResponse]:
        self.requests.append((request.read_offset, request.etag))
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        for chunk in script(request, context):
            yield download_service_pb2.ReadDownloadResponse(chunk=chunk)


def whole(
    request: download_service_pb2.ReadDownloadRequest, _: grpc.ServicerContext
) -> Iterator[download_pb2.DownloadChunk]:
    yield from chunks(request.read_offset)


def breaks_after(pieces: int, code: grpc.StatusCode, message: str = "") -> Script:
    def script(
        request: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext
    ) -> Iterator[download_pb2.DownloadChunk]:
        for number, chunk in enumerate(chunks(request.read_offset)):
            if number == pieces:
                break
            yield chunk
        context.abort(code, message)

    return script


def alters(change: Callable[[download_pb2.DownloadChunk], None]) -> Script:
    def script(
        request: download_service_pb2.ReadDownloadRequest, _: grpc.ServicerContext
    ) -> Iterator[download_pb2.DownloadChunk]:
        for chunk in chunks(request.read_offset):
            if chunk.offset == 2 * PIECE:
                change(chunk)
            yield chunk

    return script


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[Client, Scripted]]]:
    """Return a function that starts a scripted server and a client of it."""
    servers: list[grpc.Server] = []
    clients: list[Client] = []

    def start(*scripts: Script) -> tuple[Client, Scripted]:
        server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        servicer = Scripted(*scripts)  # type: ignore[abstract]  # the client calls two of its methods
        download_service_pb2_grpc.add_DownloadServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        client = Client(f"127.0.0.1:{port}", retry=QUICK)
        servers.append(server)
        clients.append(client)
        return client, servicer

    yield start
    for client in clients:
        client.close()
    for server in servers:
        server.stop(None).wait(HANG)


def test_a_download_is_whole_and_leaves_nothing_else(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path
) -> None:
    client, _ = scripted(whole)
    progress: list[tuple[int, int | None]] = []
    result = client.download(
        {"image": "a"}, tmp_path / "x", progress=lambda size, total: progress.append((size, total))
    )
    assert result == Downloaded(tmp_path / "x", len(DATA), INFO.crc32c, "f.bin", "x/y")
    assert (tmp_path / "x").read_bytes() == DATA
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert progress[-1] == (len(DATA), len(DATA))


def test_a_folder_gets_the_name_of_the_server(scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path) -> None:
    client, _ = scripted(whole)
    assert client.download({"image": "a"}, tmp_path).path == tmp_path / "f.bin"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param(grpc.StatusCode.UNAVAILABLE, "gone", id="unavailable"),
        pytest.param(grpc.StatusCode.UNKNOWN, "Data frame with END_STREAM flag received", id="cut-by-a-proxy"),
        pytest.param(grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2", id="reset-by-a-proxy"),
    ],
)
def test_a_lost_stream_is_taken_up_where_it_broke(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path, code: grpc.StatusCode, message: str
) -> None:
    client, server = scripted(
        breaks_after(2, code, message), breaks_after(0, code, message), breaks_after(1, code, message), whole
    )
    client.download({"image": "a"}, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert server.requests == [(0, ""), (2 * PIECE, "e1"), (2 * PIECE, "e1"), (3 * PIECE, "e1")]


def test_patience_ends_after_attempts_without_a_byte(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path
) -> None:
    client, server = scripted(
        breaks_after(1, grpc.StatusCode.UNAVAILABLE), breaks_after(0, grpc.StatusCode.UNAVAILABLE)
    )
    with pytest.raises(Interrupted, match="gave up after 4 attempts"):
        client.download({"image": "a"}, tmp_path / "x")
    assert len(server.requests) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda c: setattr(c, "crc32c", 1), "checksum of the chunk", id="checksum"),
        pytest.param(lambda c: setattr(c, "data", b"x" + c.data[1:]), "checksum of the chunk", id="data"),
        pytest.param(lambda c: setattr(c, "offset", 5), "offset 5", id="offset"),
        pytest.param(lambda c: setattr(c.file, "etag", "e2"), "another file", id="etag"),
        pytest.param(
            lambda c: setattr(c.file, "size_bytes", 9), "a file of 9 bytes, where its plan makes 5120000", id="size"
        ),
    ],
)
def test_wrong_bytes_are_never_kept(
    scripted: Callable[..., tuple[Client, Scripted]],
    tmp_path: Path,
    change: Callable[[download_pb2.DownloadChunk], None],
    message: str,
) -> None:
    def all_ways(chunk: download_pb2.DownloadChunk) -> None:
        change(chunk)

    script = alters(all_ways)
    if "plan" in message:  # wrong in every attempt

        def script(
            request: download_service_pb2.ReadDownloadRequest, _: grpc.ServicerContext
        ) -> Iterator[download_pb2.DownloadChunk]:
            for chunk in chunks(request.read_offset):
                change(chunk)
                yield chunk

    client, _ = scripted(script)
    with pytest.raises(CorruptData, match=message):
        client.download({"image": "a"}, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_the_checksum_of_the_whole_is_checked(scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path) -> None:
    wrong = download_pb2.FileInfo()
    wrong.CopyFrom(INFO)
    wrong.crc32c ^= 1
    client, _ = scripted(lambda request, _: chunks(request.read_offset, wrong))
    with pytest.raises(CorruptData, match="whole file"):
        client.download({"image": "a"}, tmp_path / "x")


def test_an_old_file_stays_until_the_new_one_is_whole(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("old")
    client, _ = scripted(alters(lambda chunk: setattr(chunk, "crc32c", 1)))
    with pytest.raises(CorruptData):
        client.download({"image": "a"}, tmp_path / "x")
    assert (tmp_path / "x").read_text() == "old"


def test_refusals_are_not_tried_again(scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path) -> None:
    client, server = scripted(breaks_after(0, grpc.StatusCode.NOT_FOUND, "name: no download"))
    with pytest.raises(NotFound, match="no download"):
        client.download({"image": "a"}, tmp_path / "x")
    assert len(server.requests) == 1


def test_a_future_calls_back_with_the_file(scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path) -> None:
    client, _ = scripted(whole)
    event = threading.Event()
    future = client.download_future({"image": "a"}, tmp_path / "x")
    future.add_done_callback(lambda _: event.set())
    assert future.result(30).size == len(DATA)
    assert event.wait(HANG)


def test_cancelling_a_future_ends_the_transfer(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(
        _: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext
    ) -> Iterator[download_pb2.DownloadChunk]:
        context.add_callback(ended.set)
        yield next(chunks(0))
        begun.set()
        assert ended.wait(HANG)

    client, _ = scripted(endless)
    future = client.download_future({"image": "a"}, tmp_path / "x")
    assert begun.wait(HANG)
    assert future.cancel()
    assert ended.wait(HANG)
    with pytest.raises(CancelledError):
        future.result(10)
    client.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_cancelled_with_its_last_byte_leaves_no_file(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path
) -> None:
    client, _ = scripted(whole)
    begun: queue.Queue[futures.Future[Downloaded]] = queue.Queue()

    def last(size: int, total: int | None) -> None:
        if size == total:
            assert begun.get(timeout=HANG).cancel()

    future = client.download_future({"image": "a"}, tmp_path / "x", progress=last)
    begun.put(future)
    with pytest.raises(CancelledError):
        future.result(30)
    client.close()
    assert list(tmp_path.iterdir()) == []


def test_closing_ends_what_runs_and_what_waits(
    scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path
) -> None:
    begun = threading.Event()

    def endless(request: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext) -> Iterator[Chunk]:
        yield next(chunks(0))
        begun.set()
        closed = threading.Event()
        context.add_callback(closed.set)
        closed.wait(HANG)

    client, _ = scripted(endless)
    downloads = [client.download_future({"image": "a"}, tmp_path / f"{i}") for i in range(12)]  # of which 8 at once
    answers: list[object] = []
    assert begun.wait(HANG)
    client.get_download_id({"image": "a"}, lambda download, error: answers.append((download, type(error))))
    client.close()
    assert not futures.wait(downloads, timeout=HANG).not_done
    assert all(future.cancelled() for future in downloads)
    assert answers == [(None, DownloadFailed)]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DownloadFailed, match="closed"):
        client.download_future({"image": "a"}, tmp_path / "late")


def test_a_callback_comes_once_whatever_is_given(scripted: Callable[..., tuple[Client, Scripted]]) -> None:
    client, _ = scripted(lambda _request, _context: chunks(0))
    answers: queue.Queue[tuple[object, Exception | None]] = queue.Queue()
    for params in (None, 5, {"dimensions": 1 << 40}, {"image": "\ud800"}):
        client.get_download_id(params, lambda download, error: answers.put((download, error)))  # type: ignore[arg-type]
        download, error = answers.get(timeout=HANG)
        assert download is None
        assert isinstance(error, InvalidParams)
    client.close()
    assert answers.empty()


def test_asyncio_downloads_side_by_side(scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path) -> None:
    client, _ = scripted(whole)

    async def work() -> list[Downloaded]:
        async with AsyncClient.over(client) as async_client:
            jobs = [async_client.download({"image": "a"}, tmp_path / name) for name in ("x", "y")]
            return await asyncio.gather(*jobs)

    assert [result.size for result in asyncio.run(work())] == [len(DATA)] * 2
    assert (tmp_path / "y").read_bytes() == DATA


def test_cancelling_a_task_ends_the_transfer(scripted: Callable[..., tuple[Client, Scripted]], tmp_path: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(
        _: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext
    ) -> Iterator[download_pb2.DownloadChunk]:
        context.add_callback(ended.set)
        yield next(chunks(0))
        begun.set()
        assert ended.wait(HANG)

    client, _ = scripted(endless)

    async def work() -> None:
        async with AsyncClient.over(client) as async_client:
            task = asyncio.create_task(async_client.download({"image": "a"}, tmp_path / "x"))
            await asyncio.to_thread(begun.wait, 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    assert ended.wait(HANG)


def test_download_ids_come_by_call_and_by_callback(scripted: Callable[..., tuple[Client, Scripted]]) -> None:
    client, _ = scripted(whole)
    expected = {"docid": "downloads/a", "token": "t", "url": "http://127.0.0.1/a"}
    assert client.get_download_id({"image": "a"}) == expected
    assert client.make_download_url(expected) == "http://127.0.0.1/a"
    answers: list[object] = []
    event = threading.Event()

    def callback(download: object, error: object) -> None:
        answers.append((download, error))
        event.set()

    assert client.get_download_id({"image": "a"}, callback) is None
    assert event.wait(HANG)
    assert answers == [(expected, None)]


def test_a_callback_gets_the_error(scripted: Callable[..., tuple[Client, Scripted]]) -> None:
    client, _ = scripted(whole)
    answers: list[object] = []
    event = threading.Event()

    def callback(download: object, error: object) -> None:
        answers.append((download, type(error)))
        event.set()

    client.get_download_id({"imagge": "a"}, callback)
    assert event.wait(HANG)
    assert answers == [(None, InvalidParams)]


# -- dictionaries ------------------------------------------------------------------------------

BOX = download_pb2.Region(bounding_box=download_pb2.BoundingBox(west=1, south=2, east=3, north=4))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"id": "a"}, {"image": "a"}, id="deprecated-id"),
        pytest.param({"bands": "B1, B2"}, {"bands": [{"id": "B1"}, {"id": "B2"}]}, id="comma-string"),
        pytest.param(
            {"bands": [{"id": "B", "crsTransform": [1, 0, 0, 0, 1, 0]}]},
            {"bands": [{"id": "B", "crs_transform": [1, 0, 0, 0, 1, 0]}]},
            id="band-in-camel-case",
        ),
        pytest.param(
            {"crs_transform": "[1,0, 0,0,-1,0]"}, {"crs_transform": [1, 0, 0, 0, -1, 0]}, id="transform-as-text"
        ),
        pytest.param({"dimensions": 100}, {"dimensions": [100]}, id="one-dimension"),
        pytest.param({"dimensions": "100x50"}, {"dimensions": [100, 50]}, id="dimensions-as-text"),
        pytest.param({"region": [1, 2, 3, 4]}, {"region": BOX}, id="box"),
        pytest.param({"region": [[1, 2], [3, 4]]}, {"region": BOX}, id="two-corners"),
        pytest.param(
            {"region": [[3, 4], [1, 2]]},
            {"region": download_pb2.Region(bounding_box=download_pb2.BoundingBox(west=3, south=2, east=1, north=4))},
            id="corners-over-the-antimeridian",
        ),
        pytest.param({"filePerBand": False}, {"file_per_band": False}, id="false-is-said"),
        pytest.param({"format": "geotiff"}, {"format": download_pb2.FORMAT_GEO_TIFF}, id="alias"),
        pytest.param({"format": "numpy"}, {"format": download_pb2.FORMAT_NPY}, id="numpy"),
        pytest.param({"scale": None, "crs": None}, {}, id="none-is-absent"),
        pytest.param(
            {"resampling": "bilinear", "mask": "BAND"},
            {"resampling": download_pb2.RESAMPLING_BILINEAR, "mask": download_pb2.MASK_BAND},
            id="extensions",
        ),
    ],
)
def test_dictionaries_of_earth_engine_are_understood(document: dict[str, object], expected: dict[str, object]) -> None:
    assert to_message(document) == download_pb2.DownloadParams(**expected)  # type: ignore[arg-type]


def test_polygons_are_geodesic_for_earth_engine_and_planar_by_the_standard() -> None:
    polygon = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    assert to_message({"region": polygon}, lines_are_geodesic=True).region.edges == download_pb2.EDGES_GEODESIC
    assert to_message({"region": polygon}).region.edges == download_pb2.EDGES_UNSPECIFIED
    assert to_message({"region": polygon | {"geodesic": False}}, True).region.edges == download_pb2.EDGES_UNSPECIFIED


def test_everything_wrong_with_a_dictionary_is_told_at_once() -> None:
    with pytest.raises(InvalidParams) as caught:
        to_message(
            {"regoin": 1, "scale": "x", "format": "TIFF", "bands": [5], "crsTransform": [1], "filePerBand": "false"}
        )
    fields = [violation.field for violation in caught.value.violations]
    assert fields == ["regoin", "scale", "format", "bands[0]", "crs_transform", "file_per_band"]
    assert "did you mean region?" in str(caught.value)


# -- a server that is killed -------------------------------------------------------------------


def test_a_killed_server_costs_nothing_but_time(tmp_path: Path) -> None:
    """The server is killed in the middle of 200 MB, another one starts, and the file is complete."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    side = 10_240
    pixels = np.random.default_rng(1).integers(0, 65536, (side, side), "uint16")
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint16", "crs": "EPSG:32610"}
    with rasterio.open(catalog / "a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), tiled=True, **profile) as raster:
        raster.write(pixels, 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    servers: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        options = ["--grpc-port", str(port), "--http-port", "-1", "--state-dir", str(tmp_path / "state")]
        command = [sys.executable, "-m", "rasterwire.cli", "serve", str(catalog), *options]
        servers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))

    def watch(size: int, _: int | None) -> None:
        if size > 60_000_000 and len(servers) == 1:
            os.kill(servers[0].pid, signal.SIGKILL)
            servers[0].wait(HANG)
            start()

    start()
    try:
        with Client(f"127.0.0.1:{port}", retry=RetryPolicy(attempts=40, longest_wait=1.0)) as client:
            _wait_for(f"127.0.0.1:{port}")
            params = {"image": "a", "format": "NPY"}
            result = client.download(params, tmp_path / "a.npy", progress=watch)
    finally:
        for server in servers:
            server.terminate()
            server.wait(HANG)
    assert len(servers) == 2
    assert result.size > 200_000_000
    array = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert np.array_equal(array["B1"], pixels)


def _wait_for(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(60)


def test_answers_that_are_no_messages_are_told_as_such(tmp_path: Path) -> None:
    def garbage(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        return b"\xff\xff"

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "CreateDownload": grpc.unary_unary_rpc_method_handler(garbage),
        "StreamDownload": grpc.unary_stream_rpc_method_handler(
            lambda request, context: iter([garbage(request, context)])
        ),
    }
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("rasterwire.v1.DownloadService", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Client(f"127.0.0.1:{port}") as client:
            with pytest.raises(CorruptData, match="no message of this schema"):
                client.download({"image": "a"}, tmp_path / "x")
            with pytest.raises(CorruptData, match="no message of this schema"):
                client.stream({"image": "a"})
    finally:
        server.stop(None).wait(HANG)


def test_a_server_that_is_not_there_is_told_as_such() -> None:
    said = (
        r"the server cannot be reached; does it run .*nobody listens at 127\.0\.0\.1:1; the gRPC port is 50051 unless"
    )
    with Client("127.0.0.1:1") as client, pytest.raises(Interrupted, match=said):
        client.limits()


def test_a_server_of_http_is_told_as_such() -> None:
    def answer(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, args=(listening,), daemon=True).start()
        port = listening.getsockname()[1]
        with (
            Client(f"127.0.0.1:{port}") as client,
            pytest.raises(Interrupted, match="a server for HTTP answers at this"),
        ):
            client.limits()
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "http://localhost:8080",
            "is an address for HTTP; give host:port of the server's gRPC port, as localhost:50051",
        ),
        ("HTTPS://Example.org/x", "is an address for HTTP; give host:port .* as example.org:50051"),
        ("localhost", "names no port; give host:port, as localhost:50051"),
        ("localhost:", "names no port; give host:port, as localhost:50051"),
        ("::1", r"names no port; give host:port, as \[::1\]:50051"),
        ("[::1]", r"names no port; give host:port, as \[::1\]:50051"),
        ("", "names no port"),
        ("localhost:99999", "names port 99999; a port is a number from 1 to 65535"),
        ("localhost:0", "names port 0"),
    ],
)
def test_an_address_that_grpc_cannot_call_is_refused_before_a_call(target: str, said: str) -> None:
    with pytest.raises(InvalidParams, match=f"^target: .*{said}"):
        Client(target)


@pytest.mark.parametrize(
    "target", ["localhost:50051", "[::1]:50051", "dns:///example.org", "unix:/run/x", "ipv4:127.0.0.1:1"]
)
def test_addresses_of_grpc_s_own_forms_are_left_to_it(target: str) -> None:
    Client(target).close()


def test_with_tls_an_address_needs_no_port() -> None:
    Client("example.org", credentials=grpc.ssl_channel_credentials()).close()


# -- places for files --------------------------------------------------------------------------


def test_a_missing_folder_is_told_before_the_server_is_asked(tmp_path: Path) -> None:
    said = f"^there is no folder {re.escape(repr(str(tmp_path / 'no')))}; make it, or name another$"
    with Client("127.0.0.1:1") as client:
        for begin in (client.download, client.download_future):
            with pytest.raises(FileNotFoundError, match=said):
                begin({"image": "a"}, tmp_path / "no" / "x.tif")
    assert list(tmp_path.iterdir()) == []
