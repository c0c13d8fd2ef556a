"""The engine of Dask as the settings say: with a scheduler that is there, or with processes of this server."""

import contextlib
import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from distributed import Client, LocalCluster, Security

from rasterwire.render import Engine
from rasterwire.render.dask_engine import DaskEngine
from rasterwire.server.process.render_worker import WorkerOrder, configure_dask, security_of
from rasterwire.server.settings import BadSettings, Settings

__all__ = ["LocalWorkers", "connected", "make_dask_engine"]

_CONNECT_SECONDS = 10
"""In which the scheduler has to answer."""

_PAUSE = 1.0
"""Seconds before a worker that ended is started again."""

_STOP_SECONDS = 15.0
"""In which workers end that were told to."""

_module = "rasterwire.server.process.render_worker"

A = TypeVar("A")
B = TypeVar("B")

_log = logging.getLogger("rasterwire.server")


def make_dask_engine(settings: Settings, near: Engine) -> "DaskEngine | LocalWorkers":
    """Return an engine that renders on the workers of the settings.

    Args:
        settings: of the server.
        near: runs small maps.

    Raises:
        BadSettings: several processes of a server would each start workers.
    """
    if settings.dask.scheduler:
        configure_dask()
        return DaskEngine(partial(connected, settings.dask.scheduler, security_of(settings.dask)), near)
    if settings.workers > 1:
        raise BadSettings("workers: each would start processes that render; set workers = 1, or dask.scheduler")
    return LocalWorkers(settings, near)


def connected(address: str, security: Security | None) -> Client:
    """Return a connection to a scheduler.

    Raises:
        OSError: it cannot be reached.
    """
    return Client(address, timeout=_CONNECT_SECONDS, security=security, set_as_default=False, direct_to_workers=True)


class LocalWorkers:
    """An engine that has processes of its own on this machine, and starts those again that end.

    Their connections are encrypted with keys of this process: others on this machine could run code in them.

    Attributes:
        engine: that gives them work.
        cluster: with the scheduler.
        processes: those that run.
    """

    def __init__(self, settings: Settings, near: Engine) -> None:
        """Start the processes; they are ready some seconds later.

        Args:
            settings: of the server.
            near: runs small maps.
        """
        security = Security.temporary()
        configure_dask()
        self.cluster = LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
        address = self.cluster.scheduler_address
        self._order = pickle.dumps(WorkerOrder(settings, address, 1, "127.0.0.1", security, returns=False))
        self.engine = DaskEngine(partial(connected, address, security), near)
        self._closing = threading.Event()
        self.processes: list[subprocess.Popen[bytes]] = [self._started() for _ in range(settings.dask.process_count)]
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def _started(self) -> "subprocess.Popen[bytes]":
        # of a session of its own, where Ctrl-C is not for it; it ends where its input does
        process = subprocess.Popen([sys.executable, "-P", "-m", _module], stdin=subprocess.PIPE, start_new_session=True)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, which is seen later
            process.stdin.write(self._order)
            process.stdin.flush()
        return process

    def _keep(self) -> None:
        while not self._closing.wait(_PAUSE):
            for place, process in enumerate(self.processes):
                if process.poll() is not None and not self._closing.is_set():
                    _log.error("a process that renders ended with %s; another one is started", process.returncode)
                    _close_input(process)
                    self.processes[place] = self._started()

    def map(
        self,
        function: Callable[[A], B],
        items: Iterable[A],
        cost: Callable[[A], float] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Iterator[B]:
        """See ``DaskEngine.map``."""
        return self.engine.map(function, items, cost, check)

    def problem(self) -> str:
        """See ``DaskEngine.problem``."""
        return self.engine.problem()

    def close(self) -> None:
        """Drop the items that wait, and end the processes."""
        self._closing.set()
        self._keeper.join()
        self.engine.close()
        for process in self.processes:
            _close_input(process)
        for process in self.processes:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.cluster.close()


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.close()
