"""Chunks as they come over the wire, with their bytes left where they are.

Protobuf copies a field's bytes into the message and again out of it, which is much of what a client has
to do for a chunk of a MiB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import google_crc32c
import grpc
from google.protobuf.message import DecodeError

from rasterwire.checksum import shifted
from rasterwire.v1 import download_pb2, download_service_pb2

# Source: https://protobuf.dev/programming-guides/encoding
_VARINT, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
_LONGEST_VARINT = 10

_CHUNK = download_service_pb2.ReadDownloadResponse.CHUNK_FIELD_NUMBER << 3 | _BYTES
_PLAN = download_service_pb2.StreamDownloadResponse.PLAN_FIELD_NUMBER << 3 | _BYTES
_DATA = download_pb2.DownloadChunk.DATA_FIELD_NUMBER << 3 | _BYTES


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk.

    Attributes:
        info: all of it but its data.
        message: that it came in.
        begin, end: of its data in the message.
        plan: that came with it, or None.
    """

    info: download_pb2.DownloadChunk
    message: bytes
    begin: int
    end: int
    plan: download_pb2.DownloadPlan | None = None

    @property
    def data(self) -> memoryview:
        """The bytes of the file."""
        return memoryview(self.message)[self.begin : self.end]

    def checksum(self) -> int:
        """Return the CRC32C of the data."""
        if self.end != len(self.message):
            return int(google_crc32c.value(self.data.tobytes()))
        # the library takes it of whole bytes alone: of the message then, without what stands before
        before = shifted(google_crc32c.value(self.message[: self.begin]), self.end - self.begin)
        return int(google_crc32c.value(self.message)) ^ before


@dataclass(frozen=True, slots=True)
class Streams:
    """The two methods that answer with chunks.

    Attributes:
        read, stream: ``ReadDownload`` and ``StreamDownload``.
    """

    read: "grpc.UnaryStreamMultiCallable[download_service_pb2.ReadDownloadRequest, Piece]"
    stream: "grpc.UnaryStreamMultiCallable[download_service_pb2.StreamDownloadRequest, Piece]"


def streams(channel: grpc.Channel) -> Streams:
    """Return the methods, over a channel."""
    service = download_service_pb2.DESCRIPTOR.services_by_name["DownloadService"].full_name

    def method(name: str, request: Any) -> Any:
        serialize = request.SerializeToString
        return channel.unary_stream(
            f"/{service}/{name}", request_serializer=serialize, response_deserializer=read_answer
        )

    return Streams(
        read=method("ReadDownload", download_service_pb2.ReadDownloadRequest),
        stream=method("StreamDownload", download_service_pb2.StreamDownloadRequest),
    )


def read_answer(message: bytes) -> Piece:
    """Return the chunk of a ``ReadDownloadResponse`` or ``StreamDownloadResponse``.

    Raises:
        DecodeError: it is none.
    """
    parts: list[bytes] = []
    plans: list[bytes] = []
    place = 0, 0
    for key, _, chunk, chunk_end in _fields(message, 0, len(message)):
        if key == _PLAN:
            plans.append(message[chunk:chunk_end])
        if key != _CHUNK:
            continue
        for inner, begin, value, end in _fields(message, chunk, chunk_end):
            if inner == _DATA:
                place = value, end
            else:
                parts.append(message[begin:end])
    plan = download_pb2.DownloadPlan.FromString(b"".join(plans)) if plans else None
    return Piece(download_pb2.DownloadChunk.FromString(b"".join(parts)), message, *place, plan)


def _fields(message: bytes, position: int, stop: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield for each field its key, and where it begins, its value begins, and it ends."""
    while position < stop:
        begin = position
        key, position = _varint(message, position, stop)
        kind = key & 7
        if kind == _BYTES:
            size, position = _varint(message, position, stop)
            end = position + size
        elif kind == _VARINT:
            end = _varint(message, position, stop)[1]
        elif kind in _FIXED:
            end = position + _FIXED[kind]
        else:
            raise DecodeError(f"a field of wire type {kind}")
        if end > stop:
            raise DecodeError("a field ends behind its message")
        yield key, begin, position, end
        position = end


def _varint(message: bytes, position: int, stop: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    number = 0
    for index in range(position, min(stop, position + _LONGEST_VARINT)):
        byte = message[index]
        number |= (byte & 0x7F) << 7 * (index - position)
        if byte < 0x80:
            return number, index + 1
    raise DecodeError("a number does not end")
