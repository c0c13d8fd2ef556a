"""Messages between a process and the child that reads files for it: some bytes, and arrays without a copy of them.

Arrays do not travel as numpy pickles them: whoever may choose the arguments of its constructors, or the state of a
type, reads and writes any memory.
"""

import io
import pickle
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ANSWER", "COMMAND", "END", "FORK", "ClosedByPeer", "array_of", "pack", "receive", "scalar_of", "send"]

COMMAND = struct.Struct("<Bq")
"""To a process that forks others: ``FORK``, with the socket of the child; or ``END`` and a process id."""

FORK, END = 1, 2

ANSWER = struct.Struct("<?q")
"""Whether it is done; the id of the child, or the exit code of the one that ended."""

_HEAD = struct.Struct("<QQ")
"""Bytes of the content, and number of parts."""

_SIZE = struct.Struct("<Q")

_MAX_PARTS = 1 << 10
"""Arrays of one answer of a process that reads files."""


_NUMBERS = "?bBhHiIlLqQefdFD"
"""Types of arrays, by numpy's letters: those of plain numbers. Others hold addresses of objects."""


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


def array_of(data: Any, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return an array of plain numbers over bytes that were received.

    Raises:
        ValueError: it is of another type, or the bytes are not those of the shape.
    """
    plain = np.dtype(dtype)
    if plain.char not in _NUMBERS:
        raise ValueError("no type of plain numbers")
    flat = np.frombuffer(data, np.uint8).view(plain) if len(data) else np.empty(0, plain)
    return flat.reshape(shape)


def scalar_of(data: bytes, dtype: str) -> Any:
    """Return a number of numpy; see ``array_of``."""
    return array_of(data, dtype, (1,))[0]


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any, /) -> Any:
        """Return how an array or a number of numpy is made again."""
        if type(value) is np.ndarray:
            flat = np.ascontiguousarray(value).reshape(-1)
            return array_of, (pickle.PickleBuffer(flat.view(np.uint8).data), value.dtype.str, value.shape)
        if isinstance(value, np.generic):
            return scalar_of, (value.tobytes(), value.dtype.str)
        return NotImplemented


def pack(value: object) -> tuple[bytes, list[memoryview]]:
    """Return the content and the parts of a message with a value."""
    content = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    _Pickler(content, protocol=5, buffer_callback=buffers.append).dump(value)
    return content.getvalue(), [buffer.raw() for buffer in buffers]
