"""Sorting for compiled loops. numba's own sorts take five times as long to compile, and are no faster."""

from typing import Any

import numpy.typing as npt

from rasterwire.compiled import compiled

Array = npt.NDArray[Any]

_RUN = 16
"""Length of runs that are sorted by insertion."""


@compiled
def merge_sort(values: Array, spare: Array) -> Array:
    """Sort values, keeping equal ones in order; return the array that holds the result.

    Args:
        values: shape (n,), none of them NaN; overwritten.
        spare: of the same shape and type; overwritten. One of the two arrays is the result.
    """
    count = values.shape[0]
    for begin in range(0, count, _RUN):
        for k in range(begin + 1, min(begin + _RUN, count)):
            value, j = values[k], k
            while j > begin and value < values[j - 1]:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
    a, b = values, spare
    width = _RUN
    while width < count:
        for begin in range(0, count, 2 * width):
            middle, end = min(begin + width, count), min(begin + 2 * width, count)
            i, j, k = begin, middle, begin
            while i < middle and j < end:
                if a[j] < a[i]:
                    b[k] = a[j]
                    j += 1
                else:
                    b[k] = a[i]
                    i += 1
                k += 1
            while i < middle:
                b[k] = a[i]
                i, k = i + 1, k + 1
            while j < end:
                b[k] = a[j]
                j, k = j + 1, k + 1
        a, b = b, a
        width *= 2
    return a


@compiled
def merge_order(values: Array, order: Array, spare: Array) -> Array:
    """Return the indices that sort values, equal ones in order, in one of two arrays of integers."""
    count = values.shape[0]
    for begin in range(0, count, _RUN):
        for k in range(begin, min(begin + _RUN, count)):
            value, j = values[k], k
            while j > begin and value < values[order[j - 1]]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = k
    a, b = order, spare
    width = _RUN
    while width < count:
        for begin in range(0, count, 2 * width):
            middle, end = min(begin + width, count), min(begin + 2 * width, count)
            i, j = begin, middle
            for k in range(begin, end):
                if j >= end or (i < middle and not values[a[j]] < values[a[i]]):
                    b[k] = a[i]
                    i += 1
                else:
                    b[k] = a[j]
                    j += 1
        a, b = b, a
        width *= 2
    return a
