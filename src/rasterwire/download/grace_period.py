"""What happens some time after something was left alone."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class GraceTimer(Generic[T]):
    """Calls a function for things once their time is over: one thread for all of them, begun with the first."""

    def __init__(self, function: Callable[[T], None]) -> None:
        self._function = function
        self._changed = threading.Condition()
        self._ends: dict[T, float] = {}
        self._is_open = True
        self._thread: threading.Thread | None = None

    def begin(self, thing: T, seconds: float) -> None:
        """Give a thing some seconds from now on, whatever it had before."""
        with self._changed:
            if not self._is_open:
                return
            self._ends[thing] = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="grace", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Call the function no more."""
        with self._changed:
            self._is_open = False
            self._ends.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._is_open:
                    return
                thing = min(self._ends, key=self._ends.__getitem__, default=None)
                seconds_left = None if thing is None else self._ends[thing] - time.monotonic()
                if thing is None or seconds_left is None or seconds_left > 0:
                    self._changed.wait(seconds_left)
                    continue
                del self._ends[thing]
            self._function(thing)
            del thing
