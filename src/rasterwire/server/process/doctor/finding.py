"""What a look at one thing found."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "State", "bad", "doubtful", "well"]


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report. It holds no secret.

    Attributes:
        state: how it is.
        subject: what was looked at.
        figure: what was found, in words or numbers.
        remedy: what to do; "" where nothing has to be done.
    """

    state: State
    subject: str
    figure: str
    remedy: str = ""


def well(subject: str, figure: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(State.OK, subject, figure)


def doubtful(subject: str, figure: str, remedy: str) -> Finding:
    """Return that a server works with a thing, but worse than it could."""
    return Finding(State.WARN, subject, figure, remedy)


def bad(subject: str, figure: str, remedy: str) -> Finding:
    """Return that a server does not start with a thing, or fails requests."""
    return Finding(State.FAIL, subject, figure, remedy)
