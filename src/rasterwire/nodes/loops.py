"""Compiled loops of functions that would take NumPy many passes over their pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import loop

Array = npt.NDArray[Any]


def _normalized_difference(a: Array, b: Array, made: Array) -> None:
    """Do as ``normalized_difference`` by NumPy."""
    x, y = a.astype(made.dtype), b.astype(made.dtype)
    with np.errstate(all="ignore"):
        total = x + y
        made[...] = np.where(total != 0, (x - y) / total, 0)


@loop(_normalized_difference)
def normalized_difference(a: Array, b: Array, made: Array) -> None:
    """Fill in (a - b) / (a + b), 0 where the sum is 0, in the floats of ``made``."""
    line = np.empty((2, made.shape[1]), made.dtype)  # in these floats, whatever the types of a and b are
    for r in range(made.shape[0]):
        line[0], line[1] = a[r], b[r]
        for c in range(made.shape[1]):
            total = line[0, c] + line[1, c]
            made[r, c] = (line[0, c] - line[1, c]) / total if total != 0 else 0


def warm_up() -> None:
    """Compile for the types that are not cast before, or load what was compiled."""
    for dtype, made in (("uint16", "float32"), ("float32", "float32"), ("float64", "float64")):
        pixel = np.zeros((1, 1), dtype)
        normalized_difference(pixel, pixel, np.zeros((1, 1), made))
