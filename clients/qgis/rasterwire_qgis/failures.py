"""What can go wrong, each told in a sentence that says what to do."""

from __future__ import annotations


class Failure(Exception):
    """Base of all errors of the plugin; its text is a sentence for people.

    Attributes:
        retry_after: seconds after which the same may succeed, or None where it will not.
    """

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unreachable(Failure):
    """The server cannot be reached, or the connection was lost."""

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence, retry_after)


class Refused(Failure):
    """The server refused a request."""


class Changed(Failure):
    """The file is not the one that was planned."""


class Damaged(Failure):
    """What came is not what the server says that it sent."""


class NotWritten(Failure):
    """The file cannot be written here."""


class Cancelled(Failure):
    """Somebody wants the download no more."""
