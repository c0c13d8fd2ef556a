"""LZW streams of TIFF files (TIFF 6.0, section 13)."""

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasterwire.compiled import loop

Bytes = npt.NDArray[np.uint8]

_CLEAR, _END, _FIRST = 256, 257, 258
"""The codes that clear the table and end the stream, and the first code of an entry."""

_WIDEST = 12
"""Bits of a code."""

_MAX_ENTRIES = 5119
"""Entries of the table after which libtiff takes a stream for damaged; those from 4096 on have no code."""


def decode(stream: bytes, size: int) -> bytes:
    """Return the first bytes of a stream.

    Args:
        stream: the stream.
        size: number of bytes to return.

    Raises:
        Exception: of any kind: the stream is damaged, or ends too early.
    """
    is_old = stream[:1] == b"\0" and stream[1] & 1  # another order of bits
    # the decoder accepts invalid codes, and half of a code
    if not is_old and decoded_size(np.frombuffer(stream, np.uint8), size) < size:
        raise ValueError("the tile is damaged, or ends before its last row")
    return bytes(imagecodecs.lzw_decode(stream + bytes(8), out=size + 64))[:size]


def _decoded_size(stream: Bytes, enough: int) -> int:
    """Do what ``decoded_size`` does, without a compiler."""
    size, previous, position, width = 0, 0, 0, 9
    lengths = [1] * _FIRST
    bits = stream.tobytes() + bytes(4)
    while size < enough and position + width <= 8 * len(stream):
        first = position // 8
        code = (int.from_bytes(bits[first : first + 4], "big") << position % 8 & 0xFFFFFFFF) >> 32 - width
        position += width
        if code == _END:
            break
        if code == _CLEAR:
            del lengths[_FIRST:]
            previous, width = 0, 9
            continue
        if previous:
            lengths.append(previous + 1)
        if code >= len(lengths) or len(lengths) > _MAX_ENTRIES:
            break
        previous = lengths[code]
        size += previous
        if len(lengths) >= (1 << width) - 1 and width < _WIDEST:
            width += 1
    return size


@loop(_decoded_size)
def decoded_size(stream: Bytes, enough: int) -> int:
    """Return how many bytes a stream decodes to, up to its first invalid code, or until they are enough."""
    lengths = np.ones(_MAX_ENTRIES + 1, np.int64)
    size, previous, position, width, entries = 0, 0, 0, 9, _FIRST
    while size < enough and position + width <= 8 * stream.size:
        first = position // 8
        bits = 0
        for byte in range(first, first + 4):
            bits = bits << 8 | (stream[byte] if byte < stream.size else 0)
        code = (bits << position % 8 & 0xFFFFFFFF) >> 32 - width
        position += width
        if code == _END:
            break
        if code == _CLEAR:
            previous, width, entries = 0, 9, _FIRST
            continue
        if previous > 0:
            lengths[entries] = previous + 1
            entries += 1
        if code >= entries or entries > _MAX_ENTRIES:
            break
        previous = lengths[code]
        size += previous
        if entries >= (1 << width) - 1 and width < _WIDEST:
            width += 1
    return size


def warm_up() -> None:
    """Compile the loop, or load the compiled one."""
    decoded_size(np.frombuffer(bytes(4), np.uint8), 1)  # read-only, like the bytes of a file
