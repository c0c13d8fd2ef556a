"""Streams of LZW, as TIFF has them (TIFF 6.0, section 13)."""

import imagecodecs
import numpy as np
import numpy.typing as npt

from rasterwire.compiled import loop

Bytes = npt.NDArray[np.uint8]

_CLEAR, _END, _FIRST = 256, 257, 258
"""Codes that begin and end a table, and the first that stands for an entry."""

_WIDEST = 12
"""Bits of a code."""

_MOST = 5119
"""Entries of the table before libtiff takes a stream for damaged; those from 4096 on have no code."""


def decoded(stored: bytes, needed: int) -> bytes:
    """Return so many bytes that a stream makes.

    Raises:
        Exception: of any kind: it is damaged, or ends before so many.
    """
    is_old = stored[:1] == b"\0" and stored[1] & 1  # another order of bits
    # the decoder makes something of codes that say nothing, and of half of one
    if not is_old and bytes_made(np.frombuffer(stored, np.uint8), needed) < needed:
        raise ValueError("the tile is damaged, or ends before its last row")
    return bytes(imagecodecs.lzw_decode(stored + bytes(8), out=needed + 64))[:needed]


def _bytes_made(stored: Bytes, enough: int) -> int:
    """Do what ``bytes_made`` does, without a compiler."""
    made, previous, place, width = 0, 0, 0, 9
    lengths = [1] * _FIRST
    bits = stored.tobytes() + bytes(4)
    while made < enough and place + width <= 8 * len(stored):
        at = place // 8
        code = (int.from_bytes(bits[at : at + 4], "big") << place % 8 & 0xFFFFFFFF) >> 32 - width
        place += width
        if code == _END:
            break
        if code == _CLEAR:
            del lengths[_FIRST:]
            previous, width = 0, 9
            continue
        if previous:
            lengths.append(previous + 1)
        if code >= len(lengths) or len(lengths) > _MOST:
            break
        previous = lengths[code]
        made += previous
        if len(lengths) >= (1 << width) - 1 and width < _WIDEST:
            width += 1
    return made


@loop(_bytes_made)
def bytes_made(stored: Bytes, enough: int) -> int:
    """Return how many bytes the codes of a stream make, to the first that says nothing, or until they are enough."""
    lengths = np.ones(_MOST + 1, np.int64)
    made, previous, place, width, used = 0, 0, 0, 9, _FIRST
    while made < enough and place + width <= 8 * stored.size:
        at = place // 8
        bits = 0
        for byte in range(at, at + 4):
            bits = bits << 8 | (stored[byte] if byte < stored.size else 0)
        code = (bits << place % 8 & 0xFFFFFFFF) >> 32 - width
        place += width
        if code == _END:
            break
        if code == _CLEAR:
            previous, width, used = 0, 9, _FIRST
            continue
        if previous > 0:
            lengths[used] = previous + 1
            used += 1
        if code >= used or used > _MOST:
            break
        previous = lengths[code]
        made += previous
        if used >= (1 << width) - 1 and width < _WIDEST:
            width += 1
    return made


def warm_up() -> None:
    """Compile the loop, or load what was compiled before."""
    bytes_made(np.frombuffer(bytes(4), np.uint8), 1)  # read-only, as what was read
