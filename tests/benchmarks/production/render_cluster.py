"""A scheduler of Dask with workers, for benchmarks: processes that are killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Tree, free_port
from effort import HANG

__all__ = ["KillableProcess", "RenderCluster", "render_cluster"]


class KillableProcess:
    """A process that can be killed and started again.

    Attributes:
        peak: the highest memory of all its lives, in bytes, as it was at their ends.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            command: of it.
            log: gets what it writes.
            environment: its variables.
        """
        self._command = command
        self._log = log
        self._environment = environment
        self.peak = 0
        self.start()

    def start(self) -> None:
        """Start it again."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    def kill(self) -> None:
        """Kill it, so that it can tell nobody."""
        self.look()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(HANG)

    def look(self) -> None:
        """Note how much memory it has had."""
        self.peak = max(self.peak, Tree(self._process.pid).peak_bytes())


@dataclass(frozen=True, slots=True)
class RenderCluster:
    """What renders for servers.

    Attributes:
        address: of the scheduler.
        scheduler: its process.
        workers: of one thread each.
        notes: a file with a line for each part of an export that a worker began: its number and the worker.
    """

    address: str
    scheduler: KillableProcess
    workers: Sequence[KillableProcess]
    notes: Path

    def begun(self) -> list[int]:
        """Return the numbers of the parts that workers began, in their order."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [int(line.split()[0]) for line in lines]


@contextmanager
def render_cluster(folder: Path, count: int) -> Iterator[RenderCluster]:
    """Run a scheduler and so many workers while the context is open."""
    port, notes, config = free_port(), folder / "notes", folder / "worker.toml"
    config.write_text(f'state_dir = "{folder / "state"}"\n')
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    address = f"tcp://127.0.0.1:{port}"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"tcp://127.0.0.1:{port}"]
    scheduler += ["--dashboard-address", "127.0.0.1:0"]
    worker = [sys.executable, "-W", "ignore", "-m", "benchmarks.production.counted_worker", str(notes)]
    worker += ["--scheduler", address, "--config", str(config), "--threads", "1", "--host", "127.0.0.1"]
    with ExitStack() as stack:
        processes = []
        for number, command in enumerate([scheduler] + [worker] * count):
            process = KillableProcess(command, folder / f"{number}.log", environment)
            stack.callback(process.kill)
            processes.append(process)
        yield RenderCluster(address, processes[0], processes[1:], notes)
