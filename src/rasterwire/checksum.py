"""CRC32C (Castagnoli) of bytes from the CRC32C of their parts.

A CRC is a remainder of polynomials over GF(2). Appending bytes multiplies it by a power of x. That is a linear map,
so that a matrix of 32 columns stands for any number of bytes. Source of the polynomial: RFC 3720, section 12.1.
"""

import functools

_POLYNOMIAL = 0x82F63B78  # reflected

_Matrix = tuple[int, ...]
"""Columns, from the lowest bit."""


def concatenated(first: int, second: int, size: int) -> int:
    """Return the checksum of two sequences of bytes, one after the other.

    Args:
        first: checksum of the first sequence.
        second: of the second.
        size: of the second, in bytes.
    """
    return shifted(first, size) ^ second


def shifted(checksum: int, size: int) -> int:
    """Return the contribution of a checksum to that of its bytes followed by ``size`` others."""
    exponent = 0
    while checksum and size >> exponent:
        if size >> exponent & 1:
            checksum = _times(_shift(exponent), checksum)
        exponent += 1
    return checksum


@functools.cache
def _shift(exponent: int) -> _Matrix:
    """Return the matrix that appends ``2 ** exponent`` bytes; -3 is one bit."""
    if exponent == -3:
        return (_POLYNOMIAL, *(1 << bit for bit in range(31)))
    half = _shift(exponent - 1)
    return tuple(_times(half, column) for column in half)


def _times(matrix: _Matrix, vector: int) -> int:
    product = 0
    for column in matrix:
        if vector & 1:
            product ^= column
        vector >>= 1
    return product
