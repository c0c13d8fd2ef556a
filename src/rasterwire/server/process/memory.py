"""How the process asks for memory."""

import ctypes
import sys

# of glibc's malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def keep_memory() -> None:
    """Let blocks of pixels be made in memory that earlier ones had, where the C library is glibc.

    By default it gives each thread that asks while others do an arena of its own, up to eight a core, and
    what was freed in one is of no use to the others: a server that renders in turns grows by a tenth
    without an end to be seen. It also hands blocks back to the kernel, to be given the next ones page by
    page, each of them cleared.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 256 << 20)


def return_memory() -> None:
    """Give the kernel what was freed, where the C library is glibc: ``keep_memory`` has it kept for the next blocks."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
