"""Several server processes on one pair of ports: the kernel deals connections out among them."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import wait
from types import FrameType

from rasterwire.server.settings import BadSettings, Settings

_log = logging.getLogger("rasterwire.server")

_LONG_LIFE = 60.0
"""Seconds; a worker that ends sooner is taken for one that will do so again."""

_MAX_DELAY = 30.0
"""Seconds."""

_SHUTDOWN = signal.SIGINT, signal.SIGTERM

_STOP, _RELOAD = b"s", b"r"
"""What a signal writes into the pipe that the parent waits for."""


def run_workers(settings: Settings, work: Callable[[Settings], None], clean: Callable[[int], None]) -> None:
    """Run ``settings.workers`` processes until SIGINT or SIGTERM; one that ends before is started again.

    SIGHUP is handed on to them, where the settings have files that are read again then.

    They share the state folder.

    Args:
        settings: of all; a port of 0 becomes a free one.
        work: runs one server until SIGTERM; importable by its name.
        clean: removes what a process that ended left, by its id.

    Raises:
        BadSettings: a port is taken.
    """
    with ExitStack() as stack:
        grpc_port = stack.enter_context(_reserved(settings.host, settings.grpc_port, "grpc_port"))
        http_port = settings.http_port
        if http_port >= 0:
            http_port = stack.enter_context(_reserved(settings.host, http_port, "http_port"))
        if settings.metrics_port > 0:
            stack.enter_context(_reserved(settings.host, settings.metrics_port, "metrics_port"))
        own = replace(settings, grpc_port=grpc_port, http_port=http_port)
        signal_pipe, tell = os.pipe()
        stack.callback(os.close, signal_pipe)
        stack.callback(os.close, tell)

        def note(number: int, _frame: FrameType | None) -> None:
            os.write(tell, _RELOAD if number == signal.SIGHUP else _STOP)

        for number in (*_SHUTDOWN, *((signal.SIGHUP,) if settings.is_reloaded else ())):
            signal.signal(number, note)
        _keep_running([_Worker(own, work, clean) for _ in range(settings.workers)], signal_pipe)


def _keep_running(workers: "list[_Worker]", signal_pipe: int) -> None:
    """Start workers, and start them again, until a stop is read from the pipe; then end them all."""
    while True:
        for worker in workers:
            worker.start_if_due()
        delays = [worker.due - time.monotonic() for worker in workers if not worker.is_running]
        ready = wait(
            [signal_pipe, *(worker.sentinel for worker in workers if worker.is_running)], min(delays, default=None)
        )
        if signal_pipe in ready:
            if _STOP in os.read(signal_pipe, 100):
                break
            for worker in workers:
                worker.reload()
        for worker in workers:
            worker.note_end()
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.join()


class _Worker:
    """A process of several, and those that come after it.

    Attributes:
        is_running: whether there is one that was not found to have ended.
        due: when the next one is to start, by the monotonic clock, where none is running.
    """

    def __init__(self, settings: Settings, work: Callable[[Settings], None], clean: Callable[[int], None]) -> None:
        self.is_running = False
        self.due = time.monotonic()
        self._settings = settings
        self._work = work
        self._clean = clean
        self._began = 0.0
        self._short_lives = 0

    @property
    def sentinel(self) -> int:
        """What becomes readable when the process ends."""
        return self._process.sentinel

    def start_if_due(self) -> None:
        """Start a process where none is running and its time has come."""
        if self.is_running or time.monotonic() < self.due:
            return
        # spawned, since gRPC does not survive a fork
        process = multiprocessing.get_context("spawn").Process
        self._process = process(target=_run, args=(self._work, self._settings))
        self._process.start()
        self._began = time.monotonic()
        self.is_running = True

    def note_end(self) -> None:
        """See whether the process ended, and say when the next one is to start."""
        if not self.is_running or self._process.is_alive():
            return
        now = time.monotonic()
        self._short_lives = self._short_lives + 1 if now - self._began < _LONG_LIFE else 0
        delay = restart_delay(self._short_lives)
        _log.error("a worker ended with %s; the next one starts in %g s", self._process.exitcode, delay)
        self.is_running = False
        self.due = now + delay
        if self._process.pid is not None:
            self._clean(self._process.pid)

    def reload(self) -> None:
        """Tell the process to read its keys and certificates again, if there is one."""
        if self.is_running and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGHUP)

    def stop(self) -> None:
        """Tell the process to end, if there is one."""
        if self.is_running:
            self._process.terminate()

    def join(self) -> None:
        """Wait until the process has ended, if there is one."""
        if self.is_running:
            self._process.join()


def _run(work: Callable[[Settings], None], settings: Settings) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    work(settings)


def _end_with_parent() -> None:
    """Stop where the parent was killed: the next one would take what this one is at for leftovers."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def restart_delay(short_lives: int) -> float:
    """Return the seconds before a worker is started again, after as many that soon ended in a row.

    >>> [restart_delay(lives) for lives in (0, 1, 2, 3, 6, 7, 10_000)]
    [0.0, 1.0, 2.0, 4.0, 30.0, 30.0, 30.0]
    """
    return min(_MAX_DELAY, 2.0 ** min(short_lives - 1, 10)) if short_lives else 0.0


@contextmanager
def _reserved(host: str, port: int, name: str) -> Iterator[int]:
    """Hold a port without listening on it, so that only sockets which share it can.

    Raises:
        BadSettings: it is taken.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    try:
        with socket.socket(family, kind, protocol) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            address = alone.getsockname()
        with socket.socket(family, kind, protocol) as shared:
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            shared.bind(address)
            yield int(address[1])
    except OSError:
        raise BadSettings(f"{name}: cannot listen on {host}:{port}; is it taken?") from None
