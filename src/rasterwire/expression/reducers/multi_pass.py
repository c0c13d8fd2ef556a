"""Order statistics of more values than can be held, looked for in passes: each tells some bits more of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]

_MOST_COUNTS = 1 << 22
"""Held at once, of 8 bytes each; where very many values are looked for, a pass tells fewer bits."""


class Narrowing:
    """Values at given places in the order of very many, which are shown to it several times.

    The first time it counts values by their first bits, as these sort; then it knows the first bits of
    those looked for, and counts the next ones of the values that begin with these, until all are known.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        """Say what is shown: numbers of one type, none NaN."""
        self.count = 0
        self._dtype = dtype
        self._places: npt.NDArray[np.int64] | None = None
        self._left = dtype.itemsize * 8  # bits that no pass has told
        self._beginnings = np.zeros(1, np.uint64)
        self._begin()

    def _begin(self) -> None:
        """Get ready for a pass."""
        self._step = next(step for step in (16, 8, 4, 2, 1) if len(self._beginnings) << step <= _MOST_COUNTS)
        self._step = min(self._step, self._left)
        self._counts = np.zeros((len(self._beginnings), 1 << self._step), np.int64)

    def add(self, values: Numbers, counts: Numbers | None = None) -> None:
        """Take in values of a pass, which may come with how many there are of each."""
        keys = _keys(values)
        if self._places is None:
            self.count += len(values) if counts is None else int(counts.sum())
        size = self._left - self._step
        bits = (keys >> np.uint64(size)).astype(np.int64) & ((1 << self._step) - 1)
        if self._places is not None:
            beginning = keys >> np.uint64(self._left)
            row = np.searchsorted(self._beginnings, beginning)
            there = self._beginnings[np.minimum(row, len(self._beginnings) - 1)] == beginning
            bits = (row[there] << self._step) + bits[there]
            counts = None if counts is None else counts[there]
        self._counts += np.bincount(bits, counts, self._counts.size).astype(np.int64).reshape(self._counts.shape)

    def look_for(self, places: Sequence[int]) -> None:
        """Say at which places, from 0, the values wanted are, after the first pass and before ``another_pass``."""
        self._places = np.array(places, np.int64)
        self._rows = np.zeros(len(places), np.intp)

    def another_pass(self) -> bool:
        """End a pass; returns whether another one is needed."""
        assert self._places is not None
        until = np.cumsum(self._counts, axis=1)
        wanted = list(zip(self._rows, self._places, strict=True))
        found = [int(np.searchsorted(until[row], at, "right")) for row, at in wanted]
        self._places -= [until[row, at - 1] if at else 0 for row, at in zip(self._rows, found, strict=True)]
        self._left -= self._step
        begun = (self._beginnings[self._rows] << np.uint64(self._step)) | np.array(found, np.uint64)
        self._beginnings, self._rows = np.unique(begun, return_inverse=True)
        if self._left:
            self._begin()
        return self._left > 0

    def values(self) -> list[float]:
        """Return the values at the places, after the last pass."""
        return [float(value) for value in _values(self._beginnings[self._rows], self._dtype)]


def _keys(values: Numbers) -> Keys:
    """Return whole numbers in the order of values."""
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
    made: Numbers = raw.view(dtype)
    return made
