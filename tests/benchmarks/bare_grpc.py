"""The least that a gRPC server of Python can do: streams one file from memory in chunks of 1 MiB.

``python bare_grpc.py aio|threads FILE PORT``. It speaks ReadDownload with rasterwire's messages.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from rasterwire.v1 import download_pb2, download_service_pb2

_CHUNK = 1 << 20


class _Messages:
    """The file as messages, made when they are sent."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self._pieces = [(offset, data[offset : offset + _CHUNK]) for offset in range(0, len(data), _CHUNK)]

    def __iter__(self) -> Iterator[download_service_pb2.ReadDownloadResponse]:
        for offset, piece in self._pieces:
            chunk = download_pb2.DownloadChunk(data=piece, offset=offset)
            yield download_service_pb2.ReadDownloadResponse(chunk=chunk)


def _handler(behaviour: Any) -> grpc.GenericRpcHandler:
    method = grpc.unary_stream_rpc_method_handler(
        behaviour,
        request_deserializer=download_service_pb2.ReadDownloadRequest.FromString,
        response_serializer=download_service_pb2.ReadDownloadResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler("rasterwire.v1.DownloadService", {"ReadDownload": method})


async def _serve_aio(messages: _Messages, address: str) -> None:
    async def read(_request: Any, _context: Any) -> AsyncIterator[Any]:
        for message in messages:
            yield message

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(read),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


def _serve_threads(messages: _Messages, address: str) -> None:
    def read(_request: Any, _context: Any) -> Iterator[Any]:
        return iter(messages)

    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_handler(read),))
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


def main() -> None:
    """Serve until ended."""
    how, path, port = sys.argv[1:]
    messages, address = _Messages(Path(path)), f"127.0.0.1:{port}"
    if how == "aio":
        asyncio.run(_serve_aio(messages, address))
    else:
        _serve_threads(messages, address)


if __name__ == "__main__":
    main()
