"""Messages between a process and the child that reads files for it: some bytes, and arrays without a copy of them."""

import socket
import struct
import time
from collections.abc import Sequence

__all__ = ["ClosedByPeer", "receive", "send"]

_HEAD = struct.Struct("<QQ")
"""Bytes of the content, and number of parts."""

_SIZE = struct.Struct("<Q")

_MAX_PARTS = 1 << 10


class ClosedByPeer(Exception):
    """The other process ended, or does not keep to the form of messages."""


def send(to: socket.socket, content: bytes, parts: Sequence[memoryview], seconds: float | None = None) -> None:
    """Send a message.

    Args:
        to: the other process.
        content: of the message.
        parts: that follow it, each in one piece.
        seconds: that it may take; None waits for ever.

    Raises:
        OSError: the other process ended, or it took too long.
    """
    to.settimeout(seconds)
    sizes = b"".join(_SIZE.pack(part.nbytes) for part in parts)
    to.sendall(_HEAD.pack(len(content), len(parts)) + sizes + content)
    for part in parts:
        to.sendall(part)


def receive(source: socket.socket, deadline: float | None, most: int) -> tuple[bytes, list[bytearray]]:
    """Return the content of a message and its parts.

    Args:
        source: the other process.
        deadline: by the monotonic clock; None waits for ever.
        most: bytes of the message.

    Raises:
        TimeoutError: the deadline passed.
        ClosedByPeer: the other process ended, or sends no message.
        OSError: the other process ended.
    """
    size, count = _HEAD.unpack(_exactly(source, _HEAD.size, deadline))
    if count > _MAX_PARTS:
        raise ClosedByPeer
    sizes = [size for (size,) in _SIZE.iter_unpack(_exactly(source, count * _SIZE.size, deadline))]
    if size + sum(sizes) > most:
        raise ClosedByPeer
    content = bytes(_exactly(source, size, deadline))
    return content, [_exactly(source, part, deadline) for part in sizes]


def _exactly(source: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise TimeoutError
        source.settimeout(remaining)
        count = source.recv_into(view)
        if not count:
            raise ClosedByPeer
        view = view[count:]
    return data
