"""Processes of a benchmark: servers that are started and always stopped, and what they used.

The figures are those of Linux, from /proc. A server is its first process with all descendants.
"""

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60
_STOP_SECONDS = 30
_PR_SET_CHILD_SUBREAPER = 36  # of prctl(2)


class DidNotStart(Exception):
    """A server does not answer; the message has the end of its log."""


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def answers(url: str) -> bool:
    """Tell whether a GET succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def server(
    command: Sequence[str], is_up: Callable[[], bool], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator["Tree"]:
    """Run a server for the time of the block; it and its descendants are gone afterwards.

    Raises:
        DidNotStart: it ended, or ``is_up`` stayed False.
    """
    # what outlives a server becomes a child of this process, to be waited for
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(environment or {}),
            start_new_session=True,  # an interrupt of the terminal reaches the benchmark alone, which then stops it
        )
    tree = Tree(process.pid)
    try:
        end = time.monotonic() + _START_SECONDS
        while not is_up():
            if process.poll() is not None or time.monotonic() > end:
                output = log.read_text(errors="replace")[-1500:]
                raise DidNotStart(f"{' '.join(command)[:200]} did not start: {output}")
            time.sleep(0.1)
        yield tree
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process and then those of its descendants that outlive it, as mapserv does lighttpd."""
    family = _identities(descendants(process.pid))
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for how in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + 5
        remaining = _still(family)
        for pid in remaining:
            os.kill(pid, how)
        while _still(family) and time.monotonic() < end:
            time.sleep(0.05)
    for pid in family:
        with suppress(ChildProcessError):  # its own parent waited for it
            os.waitpid(pid, os.WNOHANG)


def _identities(pids: Sequence[int]) -> dict[int, str]:
    """Return when each process began, since its number may be given away."""
    return {pid: fields[19] for pid in pids if (fields := _stat(pid))}


def _still(family: Mapping[int, str]) -> list[int]:
    return [pid for pid, began in family.items() if (f := _stat(pid)) and f[19] == began and f[0] != "Z"]


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on (field 3 of proc(5)), none if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """Return children, their children and so on."""
    parents = {
        int(p.name): int(f[1]) for p in Path("/proc").iterdir() if p.name.isdecimal() and (f := _stat(int(p.name)))
    }
    family = [pid]
    for process in family:  # grows meanwhile
        family += [child for child, parent in parents.items() if parent == process]
    return family[1:]


class Tree:
    """A process and its descendants, as they are at each call."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def _pids(self) -> list[int]:
        return [self._pid, *descendants(self._pid)]

    def cpu_seconds(self) -> float:
        """Return user and system time of all, with that of children who ended."""
        return sum(sum(map(int, fields[11:15])) for pid in self._pids() if (fields := _stat(pid))) / _TICKS

    def reset_peak(self) -> None:
        """Let the peaks begin at what is resident now."""
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def resident_bytes(self) -> int:
        """Return what is resident now of all; pages that they share count for each."""
        return sum(_status(pid, "VmRSS") for pid in self._pids())

    def peak_bytes(self) -> int:
        """Return the peak of the process that had the highest; pages of mapped files count."""
        return max((_status(pid, "VmHWM") for pid in self._pids()), default=0)


def _status(pid: int, key: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), 0)
