"""Writes HTTP/2 frames, for requests that no client library sends. Source: RFC 9113 and RFC 7541."""

import socket
import struct

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
_END_STREAM, _ACK, _END_HEADERS = 0x1, 0x1, 0x4
_CANCEL = 0x8
MAX_CONCURRENT_STREAMS = 0x3


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def opening() -> bytes:
    """Return the first bytes of a client on a connection."""
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, 0)


def call(stream: int, method: str, message: bytes) -> bytes:
    """Return all frames of one gRPC call."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields.items())
    body = b"\0" + struct.pack(">I", len(message)) + message
    return frame(_HEADERS, _END_HEADERS, stream, block) + frame(_DATA, _END_STREAM, stream, body)


def reset(stream: int) -> bytes:
    """Return the frame that cancels a call."""
    return frame(_RST_STREAM, 0, stream, struct.pack(">I", _CANCEL))


def settings_of(connection: socket.socket) -> dict[int, int]:
    """Return the first settings of a server, by their numbers."""
    while True:
        kind, flags, payload = _next(connection)
        if kind == _SETTINGS and not flags & _ACK:
            return dict(struct.iter_unpack(">HI", payload))


def _next(connection: socket.socket) -> tuple[int, int, bytes]:
    head = _exactly(connection, 9)
    return head[3], head[4], _exactly(connection, int.from_bytes(head[:3], "big"))


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the server closed the connection")
        data += part
    return data


def _text(text: str) -> bytes:
    assert len(text) < 127  # a longer one has a longer form
    return bytes([len(text)]) + text.encode()
