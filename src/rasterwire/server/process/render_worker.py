"""A process that renders blocks for servers: a worker of a Dask scheduler.

``rasterwire worker`` starts one. A server that has no scheduler starts some of its own:
``python -m rasterwire.server.process.render_worker``, with a pickled ``WorkerOrder`` as its input.
"""

import asyncio
import contextlib
import logging
import os
import pickle
import signal
import socket
import sys
import threading
from dataclasses import dataclass, replace

import dask
from distributed import Security, Worker

from rasterwire.render.build import BUILD
from rasterwire.server.dask_settings import DaskSettings
from rasterwire.server.process.log import log_to_stderr
from rasterwire.server.process.memory import keep_memory
from rasterwire.server.process.readable import use_sources
from rasterwire.server.process.sandboxed import sandboxed
from rasterwire.server.process.warm import warm_up_first
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.store.private_files import private_folder

__all__ = ["CONFIG", "WorkerOrder", "check_order", "configure_dask", "security_of", "work"]

CONFIG = {
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.comm.timeouts.connect": "12s",
    "distributed.comm.timeouts.tcp": "20s",
    "distributed.admin.log-format": "%(message)s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
}
"""Of Dask: a worker that hangs is given up sooner than by default, which is after five minutes; there are no pages.

Nobody looks at the profiles that Dask takes a hundred times a second, nor at how late its loop is fifty times a second:
they take a fortieth of a core of each idle worker.
"""

_LEVEL = logging.CRITICAL
"""Of what Dask itself writes to the log: what went wrong with an item is told by who asked for it."""

_PLENTY = 1e9
"""Of the resource that says which versions a worker has: it bounds nothing."""

_GRACE = 10.0
"""Seconds in which a worker that was told to stop hands on what it has."""

_log = logging.getLogger("rasterwire.server")


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """What a worker is to do.

    Attributes:
        settings: those of the servers that it works for.
        scheduler: its address.
        threads: that render.
        host: the address to listen on; "" for that by which the scheduler is reached.
        security: of the connections; None without encryption.
        returns: whether it waits for the scheduler where that is gone. If not, it ends.
    """

    settings: Settings
    scheduler: str
    threads: int
    host: str
    security: Security | None
    returns: bool


def configure_dask() -> None:
    """Set what Dask does in this process, and keep it quiet where ``DASK_LOGGING__DISTRIBUTED`` does not say more."""
    dask.config.set(CONFIG)
    if dask.config.get("logging.distributed", None) is None:
        for name in ("distributed", "distributed.client"):
            logging.getLogger(name).setLevel(_LEVEL)


def security_of(settings: DaskSettings) -> Security | None:
    """Return how connections to a scheduler are encrypted, None where they are not."""
    if settings.files is None:
        return None
    authority, certificate, key = map(str, settings.files)
    return Security(
        require_encryption=True,
        tls_ca_file=authority,
        tls_client_cert=certificate,
        tls_client_key=key,
        tls_worker_cert=certificate,
        tls_worker_key=key,
    )


def check_order(order: WorkerOrder) -> None:
    """Look whether a worker can start as it is told to, before anything takes long.

    Raises:
        BadSettings: the files of TLS cannot be used, or this machine has no such address.
    """
    if order.security is not None:
        try:
            order.security.get_connection_args("worker")
        except (OSError, ValueError) as error:  # those of TLS are of the first kind
            problem = (
                f"the files of TLS cannot be used: {error}; name a certificate, its key, and who signed it, as PEM"
            )
            raise BadSettings(f"dask.certificate_file: {problem}") from None
    try:
        family, *_, address = socket.getaddrinfo(order.host or None, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as free:
            free.bind(address)
    except (OSError, UnicodeError):
        raise BadSettings(
            f"host: {order.host[:100]!r} is no address of this machine; leave it out, or name one"
        ) from None


def work(order: WorkerOrder) -> None:
    """Render for a scheduler until SIGINT or SIGTERM.

    The worker has the sources, limits and loops of a server before it tells the scheduler of itself.

    Raises:
        BadSettings: a package or a file that the settings need is missing.
        OSError: the state folder cannot be used.
    """
    settings = order.settings
    log_to_stderr(settings.log)
    keep_memory()
    private_folder(settings.state_dir)
    use_sources(settings)
    warm_up_first(settings.state_dir / "compiling")
    configure_dask()
    with sandboxed(replace(settings, threads=order.threads)):
        asyncio.run(_work(order))


async def _work(order: WorkerOrder) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        life = asyncio.create_task(_live(order))
        await asyncio.wait({life, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not life.done():
            life.cancel()
            await asyncio.wait({life})
        elif life.exception() is not None:
            stopping.cancel()
            await life
        if not order.returns:
            break
    stopping.cancel()


async def _live(order: WorkerOrder) -> None:
    """Work until the scheduler is gone, or until cancelled."""
    worker = Worker(
        order.scheduler,
        nthreads=order.threads,
        host=order.host or None,
        security=order.security,
        resources={BUILD: _PLENTY},
        memory_limit=0,  # blocks are small, and a container has a limit of its own
        dashboard_address="127.0.0.1:0",
    )
    _log.info("looking for the scheduler at %s", order.scheduler)
    try:
        async with worker:
            _log.info("rendering for %s with %s", order.scheduler, BUILD)
            await worker.finished()
            _log.warning("the scheduler is gone")
    except asyncio.CancelledError:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await worker.close_gracefully()


def main() -> None:
    """Work for the process that started this one, and end with it."""
    order = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_input, name="parent", daemon=True).start()
    work(order)


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
