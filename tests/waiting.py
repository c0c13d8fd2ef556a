"""Waits for what servers do in the background."""

import time
from collections.abc import Callable

from effort import HANG
from rasterwire.errors import SourceUnavailable


def until(answer: Callable[[], object], wanted: object) -> None:
    """Wait until an answer is as wanted; until it can be given, it says why not."""
    end = time.monotonic() + HANG
    last: object = None
    while time.monotonic() < end:
        try:
            last = answer()
        except SourceUnavailable as error:
            last = error
        if last == wanted:
            return
        time.sleep(0.01)
    raise AssertionError(f"{last} is not {wanted}")
