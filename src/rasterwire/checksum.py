"""CRC32C (Castagnoli) of bytes that are known by the CRC32C of their parts.

A CRC is a remainder of polynomials over GF(2): behind more bytes it is multiplied by a power of x, which
is linear, so that a matrix of 32 columns does it for any number of bytes. Source of the polynomial: RFC 3720,
section 12.1.
"""

import functools

_POLYNOMIAL = 0x82F63B78  # reflected

_Matrix = tuple[int, ...]
"""Columns, from the lowest bit."""


def joined(first: int, second: int, size: int) -> int:
    """Return the checksum of bytes followed by others.

    Args:
        first: checksum of the former.
        second: of the latter.
        size: of the latter, in bytes.
    """
    return moved(first, size) ^ second


def moved(checksum: int, size: int) -> int:
    """Return what a checksum contributes to that of its bytes with others of this size behind them."""
    exponent = 0
    while checksum and size >> exponent:
        if size >> exponent & 1:
            checksum = _times(_behind(exponent), checksum)
        exponent += 1
    return checksum


@functools.cache
def _behind(exponent: int) -> _Matrix:
    """Return the matrix for ``2 ** exponent`` bytes more; -3 is one bit."""
    if exponent == -3:
        return (_POLYNOMIAL, *(1 << bit for bit in range(31)))
    half = _behind(exponent - 1)
    return tuple(_times(half, column) for column in half)


def _times(matrix: _Matrix, vector: int) -> int:
    product = 0
    for column in matrix:
        if vector & 1:
            product ^= column
        vector >>= 1
    return product
