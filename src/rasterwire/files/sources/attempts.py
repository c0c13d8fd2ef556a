"""Requests to sources that fail, and are sent again while that may help."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = ["Failure", "attempt"]

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.1
"""The longest pause before the second request; it doubles with each."""

_MAX_PAUSE_SECONDS = 10.0
"""The longest pause between two requests."""

_MAX_RETRY_AFTER_SECONDS = 60.0
"""The longest pause that a server may ask for."""


class Failure(Exception):
    """A request has failed.

    Attributes:
        problem: a sentence about the file, without an address, a key or an answer of a server.
        is_temporary: whether the same request may succeed later.
        retry_after: seconds that the server asks to wait.
        is_missing: whether there is no such file.
    """

    def __init__(
        self, problem: str, is_temporary: bool = False, retry_after: float = 0.0, is_missing: bool = False
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.is_temporary = is_temporary
        self.retry_after = retry_after
        self.is_missing = is_missing


async def attempt(request: Callable[[], Awaitable[T]], retries: int, deadline: float) -> T:
    """Return the answer of a request, which is sent again after temporary failures.

    Pauses have any length up to their limit, so that clients which failed together do not come back together. Before
    a pause that ends after the deadline the failure is raised: it says more than that time has run out.

    Args:
        request: sends it once.
        retries: how many times it is sent again at most.
        deadline: by the clock of the loop.

    Raises:
        Failure: of the last request.
    """
    for number in range(retries + 1):
        try:
            return await request()
        except Failure as failure:
            pause = _pause(number, failure.retry_after)
            if not failure.is_temporary or number == retries or _now() + pause > deadline:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("the last request returns or raises")


def _pause(number: int, retry_after: float) -> float:
    longest = min(_MAX_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**number)
    return min(retry_after, _MAX_RETRY_AFTER_SECONDS) + random.uniform(0, longest)


def _now() -> float:
    return asyncio.get_running_loop().time()
