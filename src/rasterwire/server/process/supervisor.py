"""Keeps the workers of a server running: ``python -m rasterwire.server.process.supervisor ORDER``.

It loads little of this package: it waits for as long as the server runs, and its memory is of use to nobody.
"""

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from rasterwire.server.process.log import NOTHING_TO_RELOAD, log_to_stderr
from rasterwire.server.process.terminal import Terminal

_log = logging.getLogger("rasterwire.server")

_LONG_LIFE = 60.0
"""Seconds; a worker that ends sooner is taken for one that will do so again."""

_MAX_DELAY = 30.0
"""Seconds."""

_MAX_PREDECESSORS = 8
"""Workers whose leftovers the next one removes."""

_SHUTDOWN = signal.SIGINT, signal.SIGTERM

_STOP, _RELOAD, _ENDED = b"s", b"r", b"e"
"""What a signal writes into the pipe that this process waits for."""

_CHUNK = 4096
"""Bytes that are read from it at once."""


def main(text: str) -> None:
    """Run workers until SIGINT or SIGTERM; one that ends before is started again.

    Args:
        text: the order of ``workers.supervise``, as JSON.
    """
    order = json.loads(text)
    log_to_stderr(order["log"])
    terminal = Terminal()
    signal_pipe, tell = os.pipe()

    def note(number: int, _frame: FrameType | None) -> None:
        os.write(tell, {signal.SIGHUP: _RELOAD, signal.SIGCHLD: _ENDED}.get(signal.Signals(number), _STOP))

    for number in (*_SHUTDOWN, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, note)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [*_SHUTDOWN, signal.SIGHUP])
    alive, closes_last = os.pipe()  # the workers see it end with this process, which alone holds its other end
    workers = [_Worker(order, alive, is_first=number == 0) for number in range(order["workers"])]
    _keep_running(workers, signal_pipe, terminal, is_reloaded=order["is_reloaded"])
    os.close(closes_last)


def _keep_running(workers: "list[_Worker]", signal_pipe: int, terminal: Terminal, *, is_reloaded: bool) -> None:
    """Start workers, and start them again, until a stop is read from the pipe; then end them all.

    Those that SIGHUP has nothing to do for end with their terminal too.
    """
    while True:
        for worker in workers:
            worker.start_if_due()
        delays = [max(0.0, worker.due - time.monotonic()) for worker in workers if not worker.is_running]
        if select.select([signal_pipe], [], [], min(delays, default=None))[0]:
            signals = os.read(signal_pipe, _CHUNK)
            if _STOP in signals:
                break
            if _RELOAD in signals and not is_reloaded and terminal.is_closed():
                break
            if _RELOAD in signals:
                _reload(workers if is_reloaded else [])
        for worker in workers:
            worker.note_end()
    for worker in workers:
        worker.send(signal.SIGTERM)
    for worker in workers:
        worker.join()


def _reload(workers: "list[_Worker]") -> None:
    if not workers:
        _log.info(NOTHING_TO_RELOAD)
    for worker in workers:
        worker.send(signal.SIGHUP)


class _Worker:
    """A process of several, and those that come after it.

    Attributes:
        is_running: whether there is one that was not found to have ended.
        due: when the next one is to start, by the monotonic clock, where none is running.
    """

    def __init__(self, order: Mapping[str, Any], alive: int, *, is_first: bool) -> None:
        self.is_running = False
        self.due = time.monotonic()
        self._settings: int = order["settings"]
        self._alive = alive
        self._is_first = is_first
        self._began = 0.0
        self._short_lives = 0
        self._predecessors: list[int] = []

    def start_if_due(self) -> None:
        """Start a process where none is running and its time has come; later where the system has no room for it."""
        if self.is_running or time.monotonic() < self.due:
            return
        files = {"settings": self._settings, "alive": self._alive}
        order = {**files, "predecessors": self._predecessors, "is_first": self._is_first}
        command = [sys.executable, "-P", "-m", "rasterwire.server.process.worker", json.dumps(order)]
        # a worker that cannot take it yet gets it later
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        try:
            self._process = subprocess.Popen(command, pass_fds=files.values())
        except OSError as error:  # of memory or processes; the other workers go on
            self._short_lives += 1
            delay = restart_delay(self._short_lives)
            _log.error("a worker cannot be started: %s; it is tried again in %g s", error.strerror, delay)
            self.due = time.monotonic() + delay
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._is_first = False
        self._began = time.monotonic()
        self.is_running = True

    def note_end(self) -> None:
        """See whether the process ended, and say when the next one is to start."""
        if not self.is_running or self._process.poll() is None:
            return
        now = time.monotonic()
        is_short = now - self._began < _LONG_LIFE
        self._short_lives = self._short_lives + 1 if is_short else 0
        delay = restart_delay(self._short_lives)
        _log.error("a worker ended with %s; the next one starts in %g s", self._process.returncode, delay)
        self.is_running = False
        self.due = now + delay
        # those before may have ended before they removed what others had left
        before = self._predecessors[1 - _MAX_PREDECESSORS :] if is_short else []
        self._predecessors = [*before, self._process.pid]

    def send(self, number: int) -> None:
        """Send the process a signal, if there is one."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def join(self) -> None:
        """Wait until the process has ended, if there is one."""
        if self.is_running:
            self._process.wait()


def restart_delay(short_lives: int) -> float:
    """Return the seconds before a worker is started again, after as many that soon ended in a row.

    >>> [restart_delay(lives) for lives in (0, 1, 2, 3, 6, 7, 10_000)]
    [0.0, 1.0, 2.0, 4.0, 30.0, 30.0, 30.0]
    """
    return min(_MAX_DELAY, 2.0 ** min(short_lives - 1, 10)) if short_lives else 0.0


if __name__ == "__main__":
    main(sys.argv[1])
