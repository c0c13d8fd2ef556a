"""Blocks worked on in parts, where what a part needs on the way is larger than its result."""

from collections.abc import Callable, Sequence

import numpy as np

from rasterwire.pixels import Pixels, Window

_POSITIONS = 1 << 18
"""Pixels whose positions exist at once: several doubles each, that should stay near the processor."""


def in_parts(window: Window, render: Callable[[Window], Pixels | None]) -> Pixels:
    """Return what ``render`` makes of a window, or of halves of it, and so on.

    Args:
        window: of the output.
        render: returns None where a window is too much; not for a single pixel.
    """
    if window.height * window.width <= _POSITIONS:
        whole = render(window)
        if whole is not None:
            return whole
    return joined(window, [in_parts(half, render) for half in window.halves()])


def joined(window: Window, halves: Sequence[Pixels]) -> Pixels:
    """Return the pixels of a window from those of its halves."""
    axis = 0 if window.height >= window.width else 1
    return Pixels(np.concatenate([p.data for p in halves], axis), np.concatenate([p.valid for p in halves], axis))
