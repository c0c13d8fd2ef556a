"""Loops that run as machine code."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function once for each set of argument types, and keep that where there is a place for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # a read-only machine has nowhere to keep what was compiled
        return njit(nogil=True)(function)
