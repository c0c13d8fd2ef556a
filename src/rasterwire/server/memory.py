"""How the process asks for memory."""

import ctypes
import sys

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def share_arenas() -> None:
    """Let all threads share two arenas of memory, where the C library is glibc.

    By default it gives each thread that asks while others do one of its own, up to eight a core, and
    blocks that were freed in one are of no use to the others: a server that renders in turns grows by
    a tenth without an end to be seen.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
