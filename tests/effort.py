"""Measures work by counting function calls. Unlike time, the count does not depend on the machine."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import pytest

import rasterwire

HANG = 300
"""Seconds after which a test may take something for hung; no machine is so slow."""

_PACKAGE = rasterwire.__path__[0]


@dataclass(slots=True)
class Effort:
    """A count of function calls.

    Attributes:
        calls: of functions in Python and in C. Loops inside a C function are not counted.
    """

    calls: int = 0


@contextmanager
def effort() -> Iterator[Effort]:
    """Count the calls of this thread in the context."""
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
    """Count the calls by code of this package in all threads that start in the context."""
    counted = Effort()

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"} and frame.f_code.co_filename.startswith(_PACKAGE):
            counted.calls += 1

    threading.setprofile(count)
    try:
        yield counted
    finally:
        threading.setprofile(None)


@contextmanager
def started_threads() -> Iterator[list[threading.Thread]]:
    """Give the threads that the calling thread starts meanwhile, and those that these start.

    Servers of other tests run in the same process; their threads begin and end at any time, and do not count.
    """
    own, start = [threading.current_thread()], threading.Thread.start

    def recorded(thread: threading.Thread) -> None:
        if threading.current_thread() in own:
            own.append(thread)
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", recorded)
        started: list[threading.Thread] = []
        try:
            yield started
        finally:
            started += own[1:]
