"""Connections that send too little or too much: slow headers over HTTP, cancelled calls over HTTP/2."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine

import raw_http2
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc
from serving import Served, served

_GUARD = 100
"""Seconds after which a test that hangs is given up."""

PARAMS = download_pb2.DownloadParams(image="image", format=download_pb2.FORMAT_NPY)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "catalog"
    folder.mkdir()
    profile = {"width": 300, "height": 300, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(folder / "image.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.ones((1, 300, 300), "uint8"))
    return Settings(folder, grpc_port=0, http_port=0, state_dir=tmp_path / "state")


@pytest.fixture
def impatient(settings: Settings) -> Iterator[Served]:
    with served(replace(settings, idle_seconds=1)) as server:
        yield server


def connected(server: Served) -> socket.socket:
    host, port = urlsplit(server.http).netloc.split(":")
    return socket.create_connection((host, int(port)), timeout=_GUARD)


def received(connection: socket.socket) -> bytes:
    """Return the bytes until the server closes the connection; raise TimeoutError where it does not."""
    data = b""
    try:
        while part := connection.recv(1 << 16):
            data += part
    except ConnectionResetError:
        pass
    return data


def test_a_connection_without_a_whole_head_is_closed(impatient: Served) -> None:
    for begun in (b"", b"G", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: x\r\nX-"):
        with connected(impatient) as connection:
            connection.sendall(begun)
            assert b" 200 " not in received(connection).partition(b"\r\n")[0], begun


def test_a_connection_that_had_an_answer_is_closed_when_no_whole_head_follows(impatient: Served) -> None:
    for more in (b"", b"GET /livez HT"):
        data = b""
        while not data:  # where this machine was too slow for the first head
            with connected(impatient) as connection:
                with suppress(OSError):
                    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + more)
                data = received(connection)
        assert data.startswith(b"HTTP/1.1 200"), more


def test_a_head_that_comes_byte_by_byte_is_closed(impatient: Served) -> None:
    with connected(impatient) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
        closed = threading.Event()

        def drip() -> None:
            try:
                while not closed.wait(0.01):
                    connection.sendall(b"a: b\r\n" if not closed.is_set() else b"")
            except OSError:
                pass

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            data = received(connection)
        finally:
            closed.set()
            thread.join()
        assert b"200" not in data.partition(b"\r\n")[0]


def test_a_request_whose_head_is_there_may_take_longer(impatient: Served) -> None:
    head = b"POST /v1/downloads:plan HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    body = b'{"image": "image"}'
    data = b""
    while not data:  # where this machine was too slow for the head
        with connected(impatient) as slow, suppress(OSError):
            slow.sendall(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
            with connected(impatient) as silent:
                assert received(silent) == b""  # the time limit has passed
            slow.sendall(body)
            data = received(slow)
    assert data.startswith(b"HTTP/1.1 200")


def test_calls_taken_back_at_once_cancel_none_of_others(settings: Settings) -> None:
    request = download_service_pb2.StreamDownloadRequest(params=PARAMS)
    finished = threading.Event()

    with served(settings) as server:
        host, port = server.address.split(":")
        with socket.create_connection((host, int(port)), timeout=_GUARD) as attacker:
            attacker.sendall(raw_http2.opening())
            most = raw_http2.settings_of(attacker).get(raw_http2.MAX_CONCURRENT_STREAMS)
            assert most is not None
            assert most <= 100

            def attack() -> None:
                message = request.SerializeToString()
                method = "/rasterwire.v1.DownloadService/StreamDownload"
                try:
                    for index in range(20_000):
                        if finished.is_set():
                            return
                        stream = 2 * index + 1
                        attacker.sendall(raw_http2.call(stream, method, message) + raw_http2.reset(stream))
                except OSError:  # the server may close it
                    pass

            def read() -> None:
                received(attacker)  # or the server could not send

            threads = [threading.Thread(target=work) for work in (attack, read)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(30):
                    with grpc.insecure_channel(server.address) as channel:
                        stub = download_service_pb2_grpc.DownloadServiceStub(channel)
                        answers = list(stub.StreamDownload(request, timeout=_GUARD))
                        size = sum(len(answer.chunk.data) for answer in answers)
                        assert size == answers[-1].chunk.file.size_bytes > 300 * 300
            finally:
                finished.set()
                threads[0].join(_GUARD)
                attacker.shutdown(socket.SHUT_RDWR)
                threads[1].join(_GUARD)


def test_a_connection_takes_as_many_calls_at_once_as_it_says(settings: Settings) -> None:
    """Further calls wait in the client, and none fails."""
    with served(settings) as server:
        requests = [server.downloads.GetLimits.future(download_service_pb2.GetLimitsRequest()) for _ in range(300)]
        for request in requests:
            assert request.result(_GUARD).max_bands
