"""What was read from elsewhere, kept for a while."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Kept"]

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by key: the most recently used ones, each until it is too old. Safe to use from several threads."""

    def __init__(self, most: int, seconds: float) -> None:
        """Begin empty.

        Args:
            most: values that are kept.
            seconds: after which a value is too old.
        """
        self._most = most
        self._seconds = seconds
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key; None where there is none that is young enough."""
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            time_put, value = entry
            if time.monotonic() - time_put > self._seconds:
                del self._values[key]
                return None
            self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value: T) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = (time.monotonic(), value)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
