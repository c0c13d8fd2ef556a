"""A client process that asks for many small pieces, one after another or several at once.

Reads one JSON request from its input and answers with one line of JSON. The work of a client is kept as
small as its protocol allows, since it shares the machine with the server.
"""

import asyncio
import base64
import http.client
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import grpc

from rasterwire.v1 import download_service_pb2, download_service_pb2_grpc


class Log:
    """What came of the requests.

    Attributes:
        latencies: in seconds, of those that succeeded.
        sizes: of the bodies that came, each once.
        errors: what went wrong.
    """

    def __init__(self, samples: list[str]) -> None:
        self.latencies: list[float] = []
        self.sizes: dict[int, int] = {}
        self.errors: list[str] = []
        self._samples = iter(samples)

    def body(self, seconds: float, data: bytes) -> None:
        """Note a body, and keep it where a sample is still wanted."""
        self.latencies.append(seconds)
        self.sizes[len(data)] = self.sizes.get(len(data), 0) + 1
        sample = next(self._samples, None)
        if sample is not None:
            Path(sample).write_bytes(data)


def main() -> None:
    """Do the request, and tell times, sizes and errors."""
    task = json.load(sys.stdin)
    log = Log(task["samples"])
    began, cpu = time.perf_counter(), time.process_time()
    if task["together"] > 1:
        asyncio.run(_together(task, log, began + task["seconds"]))
    else:
        {"grpc": _grpc_alone, "http": _http_alone}[task["kind"]](task, log)
    result = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "latencies": log.latencies,
        "sizes": log.sizes,
        "errors": log.errors,
    }
    print(json.dumps(result))


def _grpc_requests(task: dict[str, Any]) -> list[download_service_pb2.StreamDownloadRequest]:
    return [download_service_pb2.StreamDownloadRequest.FromString(base64.b64decode(text)) for text in task["requests"]]


def _grpc_alone(task: dict[str, Any], log: Log) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{task['port']}") as channel:
        stub = download_service_pb2_grpc.DownloadServiceStub(channel)
        for request in _grpc_requests(task):
            began = time.perf_counter()
            try:
                data = b"".join([answer.chunk.data for answer in stub.StreamDownload(request)])
            except grpc.RpcError as error:
                log.errors.append(repr(error)[:200])
            else:
                log.body(time.perf_counter() - began, data)


def _http_alone(task: dict[str, Any], log: Log) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", task["port"], timeout=60)
    for path in task["requests"]:
        began = time.perf_counter()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            data = answer.read()
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            log.errors.append(repr(error)[:200])
            continue
        if answer.status != 200:
            log.errors.append(f"{answer.status} {data[:200]!r}")
        else:
            log.body(time.perf_counter() - began, data)


async def _together(task: dict[str, Any], log: Log, end: float) -> None:
    request = {"grpc": _grpc_one, "http": _http_one}[task["kind"]]
    requests = cycle(_grpc_requests(task) if task["kind"] == "grpc" else task["requests"])
    await asyncio.gather(*(request(task["port"], requests, log, end) for _ in range(task["together"])))


async def _grpc_one(port: int, requests: Iterator[Any], log: Log, end: float) -> None:
    # a connection of its own, as each of several clients has
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        stub = download_service_pb2_grpc.DownloadServiceStub(channel)
        while (began := time.perf_counter()) < end:
            try:
                data = b"".join([answer.chunk.data async for answer in stub.StreamDownload(next(requests))])
            except grpc.aio.AioRpcError as error:
                log.errors.append(f"{error.code()} {error.details()}"[:200])
            else:
                log.body(time.perf_counter() - began, data)


async def _http_one(port: int, requests: Iterator[str], log: Log, end: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    while (began := time.perf_counter()) < end:
        writer.write(f"GET {next(requests)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            data = await _body(reader, head)
        except (asyncio.IncompleteReadError, OSError) as error:
            log.errors.append(repr(error)[:200])
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            continue
        if " 200 " not in head.split("\r\n", 1)[0] + " ":
            log.errors.append(f"{head[:100]} {data[:100]!r}")
        else:
            log.body(time.perf_counter() - began, data)
        if "connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.close()


async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
    _, header, rest = head.partition("content-length:")
    if header:
        return await reader.readexactly(int(rest.split("\r\n", 1)[0]))
    pieces = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(pieces)


if __name__ == "__main__":
    main()
