"""What tests map over items with an engine; workers find it by its name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from effort import HANG
from rasterwire.errors import RenderCancelled, SourceUnavailable
from rasterwire.render.item_check import item_check


@dataclass(frozen=True, slots=True)
class Uneven:
    """Squares numbers; some take longer."""

    def __call__(self, number: int) -> int:
        sum(range(number * 7919 % 13 * 10_000))
        return number * number


@dataclass(frozen=True, slots=True)
class Gated:
    """Notes each number in a log when it begins, and waits for a gate with all but the first.

    Attributes:
        folder: of the log and the gate.
        free: so many first numbers do not wait.
        name: of the map, in the log.
    """

    folder: Path
    free: int = 1
    name: str = "a"

    def __call__(self, number: int) -> int:
        with (self.folder / "log").open("a") as log:
            log.write(f"{self.name}{number}\n")
        end = time.monotonic() + HANG
        while number >= self.free and not (self.folder / "gate").exists() and time.monotonic() < end:
            time.sleep(0.005)
        return number


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Fails as a task does that the scheduler cannot read."""

    def __call__(self, number: int) -> int:
        raise ModuleNotFoundError("No module named 'rasterwire'")


@dataclass(frozen=True, slots=True)
class Endless:
    """Makes steps until it learns that nobody wants it any more, and notes that in its folder."""

    folder: Path

    def __call__(self, number: int) -> int:
        (self.folder / f"begun-{number}").touch()
        end = time.monotonic() + HANG
        try:
            while time.monotonic() < end:
                item_check.get()()
                time.sleep(0.005)
        except RenderCancelled:
            (self.folder / f"ended-{number}").touch()
            raise
        return number


def begun(folder: Path) -> list[str]:
    """Return the numbers that began, in order, with the names of their maps."""
    log = folder / "log"
    return log.read_text().split() if log.exists() else []


def open_gate(folder: Path) -> None:
    """Let all go on."""
    (folder / "gate").touch()


@dataclass(frozen=True, slots=True)
class Failing:
    """Fails for one number."""

    bad: int

    def __call__(self, number: int) -> int:
        if number == self.bad:
            raise SourceUnavailable("scene", "B1", f"number {number} is bad")
        return number


@dataclass(frozen=True, slots=True)
class Deadly:
    """Ends its process for one number, once or always.

    Attributes:
        folder: has a file once it did.
        bad: the number.
        is_always: whether it does so each time.
    """

    folder: Path
    bad: int
    is_always: bool

    def __call__(self, number: int) -> int:
        if number == self.bad and (self.is_always or not (self.folder / "dead").exists()):
            (self.folder / "dead").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number


@dataclass(frozen=True, slots=True)
class Process:
    """Tells which process it runs in."""

    def __call__(self, _: int) -> int:
        return os.getpid()
