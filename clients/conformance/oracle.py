"""What the server says to bare calls, without any client library: the other side of the comparison."""

import io
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import google_crc32c
import grpc
import numpy as np
from google.protobuf import json_format
from google.protobuf.message import Message

from conformance.world import Server
from rasterwire.v1 import download_pb2, download_service_pb2, download_service_pb2_grpc

__all__ = ["Oracle", "as_document"]


def as_document(message: Message) -> Any:
    """Return the JSON of a message with every field, so that documents of all languages compare."""
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


class Oracle:
    """Asks the server itself."""

    def __init__(self, server: Server) -> None:
        self._http = server.http
        self._channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
        self._stub = download_service_pb2_grpc.DownloadServiceStub(self._channel)
        self._files: dict[str, tuple[int, str]] = {}

    def plan(self, params: Mapping[str, Any]) -> Any:
        """Return the JSON of the plan of a request."""
        message = json_format.ParseDict(dict(params), download_pb2.DownloadParams())
        request = download_service_pb2.PlanDownloadRequest(params=message)
        return as_document(self._stub.PlanDownload(request, timeout=60).plan)

    def file(self, params: Mapping[str, Any]) -> tuple[int, str]:
        """Return size and CRC32C of a file that comes over HTTP, with no checks of a client library."""
        key = json.dumps(params, sort_keys=True)
        if key not in self._files:
            data = self._fetched(params)
            self._files[key] = len(data), f"{google_crc32c.value(data):08x}"
        return self._files[key]

    def checksums(self, params: Mapping[str, Any]) -> dict[str, str]:
        """Return the CRC32C of the values of each field, as little-endian float64, as NumPy reads the file of HTTP."""
        array = np.load(io.BytesIO(self._fetched({**params, "format": "FORMAT_NPY"})))
        return {name: f"{google_crc32c.value(array[name].astype('<f8').tobytes()):08x}" for name in array.dtype.names}

    def _fetched(self, params: Mapping[str, Any]) -> bytes:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._http}/v1/downloads", json.dumps(params).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            url = json.load(answer)["downloadId"]["url"]
        with urllib.request.urlopen(url, timeout=120) as answer:
            data: bytes = answer.read()
        return data

    def close(self) -> None:
        """End its connection."""
        self._channel.close()
