"""Compiled loops of functions that would take NumPy many passes over their pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.compiled import loop

Array = npt.NDArray[Any]


def _normalized_difference(a: Array, b: Array, out: Array) -> None:
    """Do what ``normalized_difference`` does, by NumPy."""
    x, y = a.astype(out.dtype), b.astype(out.dtype)
    with np.errstate(all="ignore"):
        total = x + y
        out[...] = np.where(total != 0, (x - y) / total, 0)


@loop(_normalized_difference)
def normalized_difference(a: Array, b: Array, out: Array) -> None:
    """Fill in (a - b) / (a + b), 0 where the sum is 0, in the floats of ``out``."""
    line = np.empty((2, out.shape[1]), out.dtype)  # floats of the result, whatever the types of a and b are
    for r in range(out.shape[0]):
        line[0], line[1] = a[r], b[r]
        for c in range(out.shape[1]):
            total = line[0, c] + line[1, c]
            out[r, c] = (line[0, c] - line[1, c]) / total if total != 0 else 0


def warm_up() -> None:
    """Compile for the types that are not cast first, or load the compiled loops."""
    for dtype, out_dtype in (("uint16", "float32"), ("float32", "float32"), ("float64", "float64")):
        pixel = np.zeros((1, 1), dtype)
        normalized_difference(pixel, pixel, np.zeros((1, 1), out_dtype))
