"""Blocks rendered in parts, where the intermediate values of a block are much larger than its pixels."""

from collections.abc import Callable, Sequence

import numpy as np

from rasterwire.pixels import Pixels, Window

_MAX_POSITIONS = 1 << 18
"""Pixels whose positions exist at once: several doubles for each pixel, which should fit into the processor's cache."""


def in_parts(window: Window, render: Callable[[Window], Pixels | None]) -> Pixels:
    """Return the pixels that ``render`` gives for a window, or for its halves, and so on.

    Args:
        window: of the output.
        render: returns None where a window is too large; never for a single pixel.
    """
    if window.height * window.width <= _MAX_POSITIONS:
        whole = render(window)
        if whole is not None:
            return whole
    return concatenate(window, [in_parts(half, render) for half in window.halves()])


def concatenate(window: Window, halves: Sequence[Pixels]) -> Pixels:
    """Return the pixels of a window from those of its halves."""
    axis = 0 if window.height >= window.width else 1
    return Pixels(np.concatenate([p.data for p in halves], axis), np.concatenate([p.valid for p in halves], axis))
