"""What is compared: something that does a piece of work, and what it used for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.processes import Tree
from benchmarks.work import Work


class Unable(Exception):
    """A contender cannot do this work; the message says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        seconds: until the whole file is on the local disk.
        first_byte: seconds until the first byte of the file reached the client; None for command lines.
        cpu_seconds: of the contender's processes where it knows itself, else None.
        peak_bytes: likewise.
    """

    seconds: float
    first_byte: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None


class Contender(Protocol):
    """Does work.

    Attributes:
        name: in the report.
        family: the project; bars are set on the best of a family.
        tree: of its server, None for command lines.
    """

    name: str
    family: str
    tree: Tree | None

    def offers(self, work: Work) -> bool:
        """Tell whether it can do a work at all."""
        ...

    def tell(self, work: Work) -> str:
        """Return the exact command, address or parameters."""
        ...

    def run(self, work: Work, path: Path, nth: int) -> Run:
        """Do it once, into ``path``.

        Args:
            work: to do.
            path: of the new file.
            nth: differs for every run, so that a contender with a cache can ask for something new.
        """
        ...
