"""Alternating runs of the same work, and what they used."""

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zipfile import BadZipFile

from rasterio.errors import RasterioError

from benchmarks.check import Checker
from benchmarks.contender import Contender, Run, Unable
from benchmarks.work import Work


@dataclass(slots=True)
class Measured:
    """The runs of one contender.

    Attributes:
        name, family: of the contender.
        command: the exact command, address or parameters.
        runs: the counted ones.
        size: bytes of the file.
        peak: bytes, of the process that had the highest.
        verdict: of the check, or why there are no runs.
    """

    name: str
    family: str
    command: str
    runs: list[Run] = field(default_factory=list)
    size: int = 0
    peak: int = 0
    verdict: str = ""

    @property
    def seconds(self) -> float:
        """Return the median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """Return the median."""
        return statistics.median(run.cpu_seconds or 0.0 for run in self.runs)

    @property
    def first_byte(self) -> float | None:
        """Return the median, None for command lines."""
        times = [run.first_byte for run in self.runs if run.first_byte is not None]
        return statistics.median(times) if times else None


def measure(tasks: Sequence[tuple[Contender, Work]], runs: int, folder: Path, checker: Checker) -> list[Measured]:
    """Run tasks in turn, those that their contender offers, ``runs`` times after one that does not count.

    A task that fails is left out of the further runs.
    """
    triples = [(c, work, Measured(c.name, c.family, c.tell(work))) for c, work in tasks if c.offers(work)]
    for nth in range(runs + 1):
        for contender, work, measured in triples:
            if nth and not measured.size:
                continue
            path = folder / f"out-{nth}{work.kind.suffix}"
            try:
                run = _once(contender, work, path, nth)
            except (Unable, RuntimeError) as error:
                measured.verdict = f"failed: {' '.join(str(error).split())[:200]}"
                measured.size = 0
                measured.runs.clear()
                path.unlink(missing_ok=True)
                continue
            measured.peak = max(measured.peak, run.peak_bytes or 0)
            if nth == 0:
                measured.size = path.stat().st_size
                measured.verdict = _verdict(checker, work, path)
            else:
                measured.runs.append(run)
            path.unlink()
    return [measured for _, _, measured in triples]


def _verdict(checker: Checker, work: Work, path: Path) -> str:
    try:
        return checker.verdict(work, path)
    except (RasterioError, BadZipFile, ValueError, StopIteration) as error:
        return f"CANNOT BE READ: {error}"


def _once(contender: Contender, work: Work, path: Path, nth: int) -> Run:
    os.sync()  # so that nobody waits for the pages of another
    tree = contender.tree
    if tree is None:
        run = contender.run(work, path, nth)
        return replace(run, seconds=run.seconds + _sync(path))
    tree.reset_peak()
    before = tree.cpu_seconds()
    run = contender.run(work, path, nth)
    spent = tree.cpu_seconds() - before
    return replace(run, seconds=run.seconds + _sync(path), cpu_seconds=spent, peak_bytes=tree.peak_bytes())


def _sync(path: Path) -> float:
    """Bring what is not on the disk yet there, since some do that themselves; returns how long it took."""
    began = time.perf_counter()
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return time.perf_counter() - began
