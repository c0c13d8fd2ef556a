"""Faults of the network: damaged chunks are read again, silent connections are closed, failures are client errors."""

import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from effort import HANG
from rasterwire.client import Client, CorruptData, DownloadFailed, Interrupted, RetryPolicy
from rasterwire.v1 import download_pb2, download_service_pb2
from scripted import Chunks, ReadScript, Scripted, always, chunks_of, client_of, info_of, plan_of, playing

DATA = bytes(range(256)) * 40
SIZE = 1024
INFO = info_of(DATA)
ID = {"docid": "downloads/1", "token": "secret"}


def flips(offset: int, times: int, change: Callable[[download_pb2.DownloadChunk], None]) -> ReadScript:
    """Return a script that changes the chunk at an offset a number of times."""
    remaining = [times]

    def script(request: download_service_pb2.ReadDownloadRequest, _: grpc.ServicerContext) -> Chunks:
        end = request.read_offset + request.read_limit if request.read_limit else len(DATA)
        for chunk in chunks_of(DATA[:end], INFO, request.read_offset, SIZE):
            if chunk.offset == offset and remaining[0]:
                remaining[0] -= 1
                change(chunk)
            yield chunk

    return script


def flip(chunk: download_pb2.DownloadChunk) -> None:
    chunk.data = bytes([chunk.data[0] ^ 1]) + chunk.data[1:]


def move(chunk: download_pb2.DownloadChunk) -> None:
    chunk.offset ^= 1 << 20


def test_what_was_garbled_once_is_read_again_from_the_last_good_offset(tmp_path: Path) -> None:
    for change in (flip, move):
        for offset in (0, 3 * SIZE, 9 * SIZE):
            server = Scripted(plan_of(len(DATA)), flips(offset, 1, change), flips(offset, 0, change))
            with client_of(server) as client:
                client.download({"image": "a"}, tmp_path / "x")
                again = (offset, "e1")
                assert (tmp_path / "x").read_bytes() == DATA
                assert server.requests == [(0, ""), again], (change, offset)
                server.scripts = [flips(offset, 1, change), flips(offset, 0, change)]
                assert b"".join(client.read(ID)) == DATA, (change, offset)
                assert server.requests[2:] == [(0, ""), again], (change, offset)


def test_what_was_garbled_twice_is_an_error(tmp_path: Path) -> None:
    server = Scripted(plan_of(len(DATA)), flips(3 * SIZE, 2, flip))
    with client_of(server) as client:
        with pytest.raises(CorruptData, match="checksum of the chunk at offset 3072"):
            client.download({"image": "a"}, tmp_path / "x")
        server.scripts = [flips(3 * SIZE, 2, flip)]
        chunks: list[bytes] = []
        with pytest.raises(CorruptData, match="checksum of the chunk at offset 3072"):
            chunks.extend(client.read(ID))
    assert b"".join(chunks) == DATA[: 3 * SIZE]
    assert list(tmp_path.iterdir()) == []


def test_a_read_is_checked_to_its_end() -> None:
    wrong = info_of(DATA)
    wrong.crc32c ^= 1
    server = Scripted(plan_of(len(DATA)), always(lambda: chunks_of(DATA, wrong)))
    with client_of(server) as client:
        with pytest.raises(CorruptData, match="whole file"):
            list(client.read(ID))
        server.scripts = [lambda request, _: chunks_of(DATA[:SIZE], INFO, request.read_offset)]
        with pytest.raises(CorruptData, match="ended after 1024 bytes"):
            list(client.read(ID))
        server.scripts = [flips(-1, 0, flip)]
        for offset, limit in ((0, 0), (0, 2000), (5, 0), (5, 2000), (len(DATA), 0), (len(DATA) - 9, 90)):
            if offset == len(DATA):
                server.scripts = [always(lambda: iter([download_pb2.DownloadChunk(offset=len(DATA), file=INFO)]))]
            end = offset + limit if limit else len(DATA)
            assert b"".join(client.read(ID, offset=offset, limit=limit)) == DATA[offset:end], (offset, limit)
            server.scripts = [flips(-1, 0, flip)]
        server.scripts = [always(lambda: chunks_of(DATA, INFO, 5, SIZE))]
        with pytest.raises(CorruptData, match="beyond the 2000 asked for"):
            list(client.read(ID, offset=5, limit=2000))


def test_a_stream_that_was_garbled_is_asked_for_again() -> None:
    server = Scripted(plan_of(len(DATA)))
    scripts = [flips(SIZE, 1, flip), flips(SIZE, 0, flip), flips(SIZE, 9, flip)]
    request, context = download_service_pb2.ReadDownloadRequest(), None
    server.streamed = lambda: (scripts.pop(0) if len(scripts) > 1 else scripts[0])(request, context)  # type: ignore[arg-type]
    with client_of(server) as client:
        assert client.stream({"image": "a"}) == DATA
        with pytest.raises(CorruptData, match="checksum of the chunk"):
            client.stream({"image": "a"})


def silent(released: threading.Semaphore, first: bool) -> ReadScript:
    """Return a script that sends at most one chunk, and then nothing until the call ends."""

    def script(request: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext) -> Chunks:
        ended = threading.Event()
        context.add_callback(ended.set)
        if first:
            yield next(chunks_of(DATA, INFO, request.read_offset, SIZE))
        assert ended.wait(HANG)
        released.release()

    return script


def test_a_silent_server_is_left_and_asked_again(tmp_path: Path) -> None:
    released = threading.Semaphore(0)
    server = Scripted(plan_of(len(DATA)), silent(released, True), silent(released, False), flips(-1, 0, flip))
    # on slow machines an answer may take longer than this
    patient = RetryPolicy(attempts=10_000, idle=0.5, sleep=lambda _: None)
    with playing(server) as address, Client(address, retry=patient) as client:
        client.download({"image": "a"}, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert released.acquire(timeout=HANG)
    assert released.acquire(timeout=HANG)
    assert len(server.requests) >= 3


def test_a_server_that_stays_silent_is_an_error(tmp_path: Path) -> None:
    server = Scripted(plan_of(len(DATA)), silent(threading.Semaphore(0), False))
    ended = threading.Event()

    def nothing() -> Chunks:
        assert ended.wait(HANG)
        yield from ()

    server.streamed = nothing
    message = r"sent nothing for 0\.1 s"
    with client_of(server, idle=0.1) as client:
        with pytest.raises(Interrupted, match=f"gave up after 4 attempts .* {message}"):
            client.download({"image": "a"}, tmp_path / "x")
        with pytest.raises(Interrupted, match=message):
            list(client.read(ID))
        with pytest.raises(Interrupted, match=message):
            client.stream({"image": "a"})
        ended.set()
    assert list(tmp_path.iterdir()) == []


def refuses(details: list[any_pb2.Any] | bytes) -> ReadScript:
    """Return a script that ends each read with the details of a status, or with invalid bytes."""

    def script(_: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext) -> Chunks:
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        status = status_pb2.Status(code=code.value[0], message="busy")
        if isinstance(details, list):
            status.details.extend(details)
        trailer = status.SerializeToString() if isinstance(details, list) else details
        context.set_trailing_metadata((("grpc-status-details-bin", trailer),))
        context.abort(code, "busy")
        yield download_pb2.DownloadChunk()

    return script


def test_no_server_makes_a_client_wait_for_long(tmp_path: Path) -> None:
    for seconds, longest in ((5, 5.0), (61, 60.0), (315_576_000_000, 60.0), (1 << 62, 60.0), (-9, 1.0)):
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=seconds)))
        server = Scripted(plan_of(len(DATA)), refuses([detail]), flips(-1, 0, flip))
        waits: list[float] = []
        policy = RetryPolicy(attempts=3, longest_wait=1.0, sleep=waits.append)
        with playing(server) as address, Client(address, retry=policy) as client:
            client.download({"image": "a"}, tmp_path / "x")
        assert len(waits) == 1
        assert 0 < waits[0] <= longest, seconds


def test_details_that_are_none_do_not_hide_the_error() -> None:
    broken = any_pb2.Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\xff\xff")
    for details in ([broken], b"\xff\xff"):
        with client_of(Scripted(plan_of(1), refuses(details))) as client, pytest.raises(DownloadFailed, match="busy"):
            list(client.read(ID))


def test_errors_of_a_closed_client_are_its_own(tmp_path: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def script(_: download_service_pb2.ReadDownloadRequest, context: grpc.ServicerContext) -> Chunks:
        context.add_callback(ended.set)
        yield next(chunks_of(DATA, INFO, 0, SIZE))
        begun.set()
        assert ended.wait(HANG)

    with client_of(Scripted(plan_of(len(DATA)), script)) as client:
        stream = client.read(ID)
        next(stream)
        assert begun.wait(HANG)
        client.close()
        params = {"image": "a"}
        calls: list[Callable[[], object]] = [
            lambda: next(stream),
            client.limits,
            lambda: client.plan(params),
            lambda: client.create_download(params),
            lambda: list(client.list_images()),
            lambda: client.get_image("a"),
            lambda: client.stream(params),
            lambda: list(client.read(ID)),
            lambda: client.download(params, tmp_path / "x"),
            lambda: client.download_future(params, tmp_path / "x"),
            lambda: client.get_download_id(params),
            lambda: client.to_numpy(params),
        ]
        for number, call in enumerate(calls):
            with pytest.raises(DownloadFailed, match="the client is closed"):
                print(number, call())
