"""A download as a file to read, and metadata that goes with every call."""

from concurrent import futures
from typing import Any

import grpc
import pytest

from rasterwire.client import Client, CorruptData
from rasterwire.v1 import download_pb2, download_service_pb2_grpc
from scripted import Chunks, Scripted, chunks_of, client_of, info_of, plan_of

DATA = bytes(range(256)) * 40
SIZE = 1000


def lost(after: int) -> Chunks:
    yield from chunks_of(DATA[:after], info_of(DATA), 0, after)


def test_a_file_is_read_in_any_steps_over_lost_streams() -> None:
    for step in (1, 999, 1000, 4096, -1):
        broken = Scripted(
            plan_of(len(DATA)),
            lambda _request, _context: lost(SIZE),
            lambda request, _context: chunks_of(DATA, info_of(DATA), request.read_offset, SIZE),
        )
        with client_of(broken) as client, client.open({"image": "a"}) as file:
            read = file.read() if step < 0 else b"".join(iter(lambda n=step: file.read(n), b""))  # type: ignore[misc]
        assert read == DATA
        assert broken.requests == [(0, ""), (SIZE, "e1")]


def test_a_wrong_file_is_told_before_its_end() -> None:
    info = download_pb2.FileInfo()
    info.CopyFrom(info_of(DATA))
    info.crc32c ^= 1
    wrong = Scripted(plan_of(len(DATA)), lambda _request, _context: chunks_of(DATA, info))
    with client_of(wrong) as client, client.open({"image": "a"}) as file, pytest.raises(CorruptData):
        file.read()


def test_metadata_goes_with_every_call() -> None:
    seen: list[tuple[str, object]] = []

    class Seen(grpc.ServerInterceptor):
        def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
            headers = dict(handler_call_details.invocation_metadata)
            seen.append((headers.get("x-team", ""), headers.get("authorization")))
            return continuation(handler_call_details)

    script = Scripted(plan_of(len(DATA)), lambda request, _context: chunks_of(DATA, info_of(DATA), request.read_offset))
    server = grpc.server(futures.ThreadPoolExecutor(4), interceptors=[Seen()], options=[("grpc.so_reuseport", 0)])
    download_service_pb2_grpc.add_DownloadServiceServicer_to_server(script, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    for key, authorization in (("", None), ("k", "Bearer k")):
        seen.clear()
        with (
            Client(address, metadata={"x-team": "mapping"}, api_key=key) as client,
            client.open({"image": "a"}) as file,
        ):
            assert file.read() == DATA
        assert seen == [("mapping", authorization)] * 2
    server.stop(None)
