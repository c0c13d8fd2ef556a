"""CRC32C (Castagnoli), by which a server tells what a file has to be, with nothing but Python's standard library.

A loop over bytes takes nine times as long as this. Here many rows of a piece of data are taken at once, a column at a
time: the states of all rows are four strings, which ``bytes.translate`` looks up in the table in one call each, and
whole numbers of many digits combine them. At the end the rows' checksums are put together, since a CRC is linear.
"""

from __future__ import annotations

from functools import lru_cache
from typing import BinaryIO, Callable

_POLYNOMIAL = 0x82F63B78
"""Reflected; source: RFC 3720, section 12.1."""

_ROW = 512
"""Bytes of a row."""

_PIECE = 1 << 20
"""Bytes of a file that are read at once."""


def _table() -> list[int]:
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = (entry >> 1) ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return entries


_TABLE = _table()
_PLANES = [bytes(entry >> shift & 0xFF for entry in _TABLE) for shift in (0, 8, 16, 24)]
"""The bytes of the table's entries, lowest first, as ``bytes.translate`` takes them."""


def crc32c(data: bytes, value: int = 0) -> int:
    """Return the checksum of data behind what another checksum is of.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    state = value ^ 0xFFFFFFFF
    count = len(data) // _ROW
    if count > 1:
        shift = _row_shift()
        for row in _row_states(data[: count * _ROW], count):
            state = (
                shift[0][state & 0xFF]
                ^ shift[1][state >> 8 & 0xFF]
                ^ shift[2][state >> 16 & 0xFF]
                ^ shift[3][state >> 24]
                ^ row
            )
        data = data[count * _ROW :]
    return _fed(state, data) ^ 0xFFFFFFFF


def crc32c_of_file(file: BinaryIO, progress: Callable[[int], None] = lambda _: None) -> int:
    """Return the checksum of a file from where it stands to its end; ``progress`` is told the bytes so far."""
    value, count = 0, 0
    while data := file.read(_PIECE):
        value, count = crc32c(data, value), count + len(data)
        progress(count)
    return value


def _fed(state: int, data: bytes) -> int:
    for byte in data:
        state = _TABLE[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


def _row_states(data: bytes, count: int) -> list[int]:
    """Return the state behind each row, begun at 0."""
    lowest = (1 << 8 * count) - 1
    state = 0  # of all rows: the lowest bytes first, then those above
    for column in range(_ROW):
        index = ((state & lowest) ^ int.from_bytes(data[column::_ROW], "little")).to_bytes(count, "little")
        looked_up = b"".join(index.translate(plane) for plane in _PLANES)
        state = (state >> 8 * count) ^ int.from_bytes(looked_up, "little")
    planes = state.to_bytes(4 * count, "little")
    return [
        planes[row] | planes[count + row] << 8 | planes[2 * count + row] << 16 | planes[3 * count + row] << 24
        for row in range(count)
    ]


@lru_cache(maxsize=1)
def _row_shift() -> list[list[int]]:
    """Return what a row of zeros makes of each byte of a state, lowest first."""
    zeros = bytes(_ROW)
    bits = [_fed(1 << bit, zeros) for bit in range(32)]
    tables = []
    for place in range(4):
        table = [0] * 256
        for entry in range(1, 256):
            lowest = entry & -entry
            table[entry] = table[entry ^ lowest] ^ bits[8 * place + lowest.bit_length() - 1]
        tables.append(table)
    return tables
