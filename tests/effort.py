"""How much work something takes, counted instead of timed, so that no slow or busy machine changes the figure."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import rasterwire

HANG = 300
"""Seconds after which a test may take something for hung; no machine is so slow."""

_PACKAGE = rasterwire.__path__[0]


@dataclass(slots=True)
class Effort:
    """What was counted.

    Attributes:
        calls: of functions in Python and in C; what loops within one function of C does is not seen.
    """

    calls: int = 0


@contextmanager
def effort() -> Iterator[Effort]:
    """Count the calls of this thread in the block."""
    counted = Effort()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            counted.calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(before)


@contextmanager
def effort_of_new_threads() -> Iterator[Effort]:
    """Count the calls by code of this package in all threads that start within the block."""
    counted = Effort()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"} and frame.f_code.co_filename.startswith(_PACKAGE):
            counted.calls += 1

    threading.setprofile(count)
    try:
        yield counted
    finally:
        threading.setprofile(None)
