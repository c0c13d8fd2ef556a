"""Command lines, run by a small process of their own.

A command inherits the peak memory of the process that forks it until it has more of its own, so the
benchmark, large with arrays, must not be that process.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_RUNNER = """
import json, os, sys, time
for line in sys.stdin:
    argv, log = json.loads(line)
    to_log = [(os.POSIX_SPAWN_OPEN, 1, log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=to_log)
    _, status, used = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps([code, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command used.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: user and system time, of its children too.
        peak_bytes: of the process that had the highest.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Commands:
    """Runs commands one after another."""

    def __init__(self, log: Path) -> None:
        """Start the small process.

        Args:
            log: gets what the last command said.
        """
        self._log = log
        self._runner = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.__exit__(kind, error, trace)

    def run(self, argv: Sequence[str]) -> Ran:
        """Run one command.

        Raises:
            RuntimeError: it failed; the message has what it said.
        """
        assert self._runner.stdin is not None
        assert self._runner.stdout is not None
        self._runner.stdin.write(json.dumps([list(argv), str(self._log)]) + "\n")
        self._runner.stdin.flush()
        answer = self._runner.stdout.readline()
        if not answer:
            raise RuntimeError(f"{argv[0]} could not be run")
        code, seconds, cpu, peak = json.loads(answer)
        if code:
            raise RuntimeError(f"{argv[0]} ended with {code}: {self._log.read_text(errors='replace')[-500:]}")
        return Ran(seconds, cpu, peak)

    def shell(self, script: str) -> Ran:
        """Run a script of the shell, which stops at the first failure."""
        return self.run(["sh", "-e", "-c", script])
