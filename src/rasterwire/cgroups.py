"""What Linux lets a container use: control groups of version 2, else of version 1."""

import math
import os
from pathlib import Path

__all__ = ["core_count", "memory_limit", "processors"]

_FOLDER = Path("/sys/fs/cgroup")
"""Where a container finds its own."""


def processors() -> float:
    """Return how many processors this process may keep busy: those of the machine, or fewer in a container."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, *period = (
        _numbers("cpu.max") or (_numbers("cpu/cpu.cfs_quota_us") + _numbers("cpu/cpu.cfs_period_us")) or [0]
    )
    return min(usable, quota / period[0]) if quota > 0 and period and period[0] > 0 else usable


def core_count() -> int:
    """Return how many threads keep these processors busy, at least 1; the last of them may have to rest."""
    return max(1, math.ceil(processors()))


def memory_limit() -> int:
    """Return the bytes that a container may use; 0 where there is no limit."""
    limit, *_ = _numbers("memory.max") or _numbers("memory/memory.limit_in_bytes") or [0]
    return limit if 0 < limit < 1 << 60 else 0  # version 1 has a huge number in place of none


def _numbers(name: str) -> list[int]:
    """Return the numbers of a file; [] where it has others, or is missing."""
    try:
        return [int(word) for word in (_FOLDER / name).read_text().split()]
    except (OSError, ValueError):
        return []
