"""What the front does to a stream or an answer: named in the cases, carried out here on the messages of the schema."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from rasterwire.v1 import download_pb2, download_service_pb2

__all__ = ["Fault", "Stopped", "faulty_stream", "status_of", "with_unknown_field"]

PIECE = 1 << 16
"""Bytes of the chunks of a stream with a fault, so that it can be placed; the server's own have a MiB."""

_UNKNOWN = b"\xf2\xfa\x30\x05newer"
"""Field 99998 of type bytes, which no message of this schema has."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to calls of a method.

    Attributes:
        do: a name of ``_STREAM_FAULTS``; or ``fail``, ``stall``, ``unknown`` or ``garbage``, which suit any method.
        method: of the services.
        first: the first call of the method in the case that it is done to, from 1.
        times: to how many calls; 0 for all that follow.
        after: bytes of the file that pass before, a multiple of 65536.
        code, message, reason, retry, quota: of the status of ``fail``; ``retry`` in seconds, None for no RetryInfo.
    """

    do: str
    method: str = "ReadDownload"
    first: int = 1
    times: int = 1
    after: int = 0
    code: str = "UNAVAILABLE"
    message: str = "a fault of the suite"
    reason: str = ""
    retry: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def is_of(self, method: str, number: int) -> bool:
        """Tell whether it is done to a call."""
        is_early = self.times and number >= self.first + self.times
        return method == self.method and number >= self.first and not is_early


class Stopped(Exception):
    """The stream ends with the status of the fault, or is held."""

    def __init__(self, is_held: bool) -> None:
        super().__init__()
        self.is_held = is_held


def status_of(fault: Fault) -> status_pb2.Status:
    """Return the status that a fault ends a call with."""
    details: list[any_pb2.Any] = []

    def add(message: Any) -> None:
        packed = any_pb2.Any()
        packed.Pack(message)
        details.append(packed)

    if fault.reason:
        add(error_details_pb2.ErrorInfo(reason=fault.reason, domain="rasterwire", metadata=dict(fault.metadata)))
    if fault.retry is not None:
        delay = duration_pb2.Duration(seconds=int(fault.retry), nanos=round(fault.retry % 1 * 1e9))
        add(error_details_pb2.RetryInfo(retry_delay=delay))
    code = grpc.StatusCode[fault.code].value[0]
    return status_pb2.Status(code=code, message=fault.message, details=details)


def with_unknown_field(message: bytes) -> bytes:
    """Return a message as a newer server sends it: with a field that this schema does not have."""
    return message + _UNKNOWN


Chunks = Iterator[download_pb2.DownloadChunk]


def _pieces(messages: Iterator[bytes]) -> Chunks:
    """Yield the chunks of ``ReadDownloadResponse``s, cut small."""
    for message in messages:
        chunk = download_service_pb2.ReadDownloadResponse.FromString(message).chunk
        data, offset = chunk.data, chunk.offset
        if not data:
            yield chunk
        for begin in range(0, len(data), PIECE):
            piece = download_pb2.DownloadChunk(data=data[begin : begin + PIECE], offset=offset + begin)
            piece.crc32c = google_crc32c.value(piece.data)
            if chunk.HasField("file"):
                piece.file.CopyFrom(chunk.file)
            yield piece


def _flipped(piece: download_pb2.DownloadChunk) -> Chunks:
    piece.data = bytes([piece.data[0] ^ 1]) + piece.data[1:]
    yield piece


def _shifted(piece: download_pb2.DownloadChunk) -> Chunks:
    piece.offset += 1
    yield piece


def _unchecked(piece: download_pb2.DownloadChunk) -> Chunks:
    piece.ClearField("crc32c")
    yield piece


def _twice(piece: download_pb2.DownloadChunk) -> Chunks:
    yield piece
    yield piece


def _left_out(_piece: download_pb2.DownloadChunk) -> Chunks:
    return iter(())


_piece_faults: Mapping[str, Callable[[download_pb2.DownloadChunk], Chunks]] = {
    "flip": _flipped,
    "shift": _shifted,
    "unchecked": _unchecked,
    "twice": _twice,
    "gap": _left_out,
}
"""By what happens to the first piece after ``after`` bytes."""


def _wrong_checksum(info: download_pb2.FileInfo) -> None:
    info.crc32c ^= 1


def _longer(info: download_pb2.FileInfo) -> None:
    info.size_bytes += 1


def _other_etag(info: download_pb2.FileInfo) -> None:
    info.etag = "another"


_file_faults: Mapping[str, Callable[[download_pb2.FileInfo], None]] = {
    "file_checksum": _wrong_checksum,
    "file_size": _longer,
    "etag": _other_etag,
}
"""By what is wrong with what is told of the whole file, in every message after ``after`` bytes."""


_ENDS = {"fail", "stall", "end", "garbage"}
"""Faults that a stream ends with."""


def _end(fault: Fault) -> Iterator[bytes]:
    """End a stream by a fault, where it is one of those."""
    if fault.do == "garbage":
        yield b"\xff\xff\xff"
    elif fault.do in {"fail", "stall"}:
        raise Stopped(fault.do == "stall")


def faulty_stream(fault: Fault, messages: Iterator[bytes], strike: Callable[[], None]) -> Iterator[bytes]:
    """Yield the messages of ``ReadDownload`` with a fault in them.

    Args:
        fault: what is done to them.
        messages: of the server.
        strike: is called when something was done to a message, before it is sent.

    Raises:
        Stopped: here the stream ends, or is held.
    """
    passed, is_done, last = 0, False, None
    for piece in _pieces(messages):
        is_due = passed >= fault.after and not is_done
        if is_due and fault.do in _ENDS:
            strike()
            yield from _end(fault)
            return
        pieces = iter((piece,))
        passed += len(piece.data)
        if is_due and piece.data and fault.do in _piece_faults:
            strike()
            is_done, pieces = True, _piece_faults[fault.do](piece)
        elif is_due and piece.HasField("file") and fault.do in _file_faults:
            strike()
            _file_faults[fault.do](piece.file)
        for sent in pieces:
            if fault.do == "no_file":
                sent.ClearField("file")
            if fault.do in {"no_file", "unknown"}:
                strike()
            last = sent
            encoded = download_service_pb2.ReadDownloadResponse(chunk=sent).SerializeToString()
            yield with_unknown_field(encoded) if fault.do == "unknown" else encoded
    if fault.do == "beyond" and last is not None:
        more = download_pb2.DownloadChunk(data=b"more", offset=last.file.size_bytes, file=last.file)
        more.crc32c = google_crc32c.value(b"more")
        strike()
        yield download_service_pb2.ReadDownloadResponse(chunk=more).SerializeToString()
    if fault.do in _ENDS - {"end"} and passed >= fault.after:
        strike()
        yield from _end(fault)
