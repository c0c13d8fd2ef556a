"""Order statistics of more values than fit in memory, by several passes over the values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]

_MAX_COUNTS = 1 << 22
"""The most counts in memory, of 8 bytes each; where very many ranks are wanted, a pass finds fewer bits."""


class OrderStatistics:
    """The values at given ranks in the order of very many values, which are added again in each pass.

    The values are compared as keys: whole numbers in the same order. The first pass counts the keys by
    their first bits, which gives the first bits of the keys at the ranks. Each further pass counts the
    next bits of the keys that begin with these, until all bits are found.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        """Take the type of the values, which are never NaN."""
        self.count = 0
        self._dtype = dtype
        self._ranks: npt.NDArray[np.int64] | None = None
        self._unknown_bits = dtype.itemsize * 8  # bits of the keys that no pass has found yet
        self._prefixes = np.zeros(1, np.uint64)
        self._begin()

    def _begin(self) -> None:
        """Prepare a pass."""
        self._step = next(step for step in (16, 8, 4, 2, 1) if len(self._prefixes) << step <= _MAX_COUNTS)
        self._step = min(self._step, self._unknown_bits)
        self._counts = np.zeros((len(self._prefixes), 1 << self._step), np.int64)

    def add(self, values: Numbers, counts: Numbers | None = None) -> None:
        """Take in values of a pass; with counts, each value counts so many times."""
        keys = _keys(values)
        if self._ranks is None:
            self.count += len(values) if counts is None else int(counts.sum())
        size = self._unknown_bits - self._step
        bits = (keys >> np.uint64(size)).astype(np.int64) & ((1 << self._step) - 1)
        if self._ranks is not None:
            prefixes = keys >> np.uint64(self._unknown_bits)
            row = np.searchsorted(self._prefixes, prefixes)
            is_candidate = self._prefixes[np.minimum(row, len(self._prefixes) - 1)] == prefixes
            bits = (row[is_candidate] << self._step) + bits[is_candidate]
            counts = None if counts is None else counts[is_candidate]
        self._counts += np.bincount(bits, counts, self._counts.size).astype(np.int64).reshape(self._counts.shape)

    def look_for(self, ranks: Sequence[int]) -> None:
        """Set the ranks of the wanted values, from 0; call it after the first pass, before ``another_pass``."""
        self._ranks = np.array(ranks, np.int64)
        self._rows = np.zeros(len(ranks), np.intp)

    def another_pass(self) -> bool:
        """End a pass; return whether another pass is needed."""
        assert self._ranks is not None
        until = np.cumsum(self._counts, axis=1)
        searches = list(zip(self._rows, self._ranks, strict=True))
        digits = [int(np.searchsorted(until[row], rank, "right")) for row, rank in searches]
        self._ranks -= [until[row, digit - 1] if digit else 0 for row, digit in zip(self._rows, digits, strict=True)]
        self._unknown_bits -= self._step
        prefixes = (self._prefixes[self._rows] << np.uint64(self._step)) | np.array(digits, np.uint64)
        self._prefixes, self._rows = np.unique(prefixes, return_inverse=True)
        if self._unknown_bits:
            self._begin()
        return self._unknown_bits > 0

    def values(self) -> list[float]:
        """Return the values at the ranks, after the last pass."""
        return [float(value) for value in _values(self._prefixes[self._rows], self._dtype)]


def _keys(values: Numbers) -> Keys:
    """Return whole numbers that have the order of the values."""
    dtype = values.dtype
    bits, sign = np.dtype(f"u{dtype.itemsize}"), 1 << (dtype.itemsize * 8 - 1)
    raw: Numbers = (values + dtype.type(0)).view(bits) if dtype.kind == "f" else values.view(bits)  # -0 is 0
    if dtype.kind == "i":
        raw = raw ^ bits.type(sign)
    elif dtype.kind == "f":
        raw = np.where(raw & bits.type(sign), ~raw, raw | bits.type(sign))
    return raw.astype(np.uint64)


def _values(keys: Keys, dtype: np.dtype[Any]) -> Numbers:
    """Return the values of keys."""
    bits, sign = np.dtype(f"u{dtype.itemsize}"), 1 << (dtype.itemsize * 8 - 1)
    raw: Numbers = keys.astype(bits)
    if dtype.kind == "i":
        raw = raw ^ bits.type(sign)
    elif dtype.kind == "f":
        raw = np.where(raw & bits.type(sign), raw ^ bits.type(sign), ~raw)
    values: Numbers = raw.view(dtype)
    return values
