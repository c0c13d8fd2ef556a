"""Tells a queue that stands from one that a burst made."""

__all__ = ["QueueDelay"]

_LONG_WAIT = 0.1
"""Seconds that work may wait for a thread."""

_BURST = 1.0
"""Seconds for which all of it may wait longer: so long a burst of calls is worked off."""

_AGAIN = 0.1
"""The same in the time after a queue stood: more calls than are dealt with would fill it again."""

_AFTERMATH = 10.0
"""Seconds of that time."""


class QueueDelay:
    """How long work of a queue waits. Times are seconds of any one clock. Not safe to use from several threads.

    A queue stands where nothing that left it came less than a tenth of a second ago, for a whole second: it is no
    burst then, and to let more wait would make all slower and none more. This is the controlled delay of Nichols and
    Jacobson (ACM Queue 10, 5, 2012), for calls that can be refused before they cost anything.
    """

    def __init__(self) -> None:
        """Begin with an empty queue."""
        self._late_since: float | None = None
        self._stood = float("-inf")

    def note(self, clock: float, wait: float) -> None:
        """Say that work left the queue, or that it is empty.

        Args:
            clock: the time.
            wait: seconds that it waited; 0 for an empty queue.
        """
        if wait < _LONG_WAIT:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = clock

    def is_standing(self, clock: float) -> bool:
        """Return whether the queue stands."""
        patience = _AGAIN if clock - self._stood < _AFTERMATH else _BURST
        if self._late_since is None or clock - self._late_since < patience:
            return False
        self._stood = clock
        return True
