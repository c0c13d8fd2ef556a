"""Several server processes on one pair of ports: the kernel deals connections out among them."""

import multiprocessing
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import wait
from types import FrameType

from rasterwire.server.settings import BadSettings, Settings


def run_workers(settings: Settings, work: Callable[[Settings], None]) -> int:
    """Run ``settings.workers`` processes until SIGINT or SIGTERM, or until one of them ends by itself.

    They share the state folder. A render is shared by its readers within a process only.

    Args:
        settings: of all; a port of 0 becomes a free one.
        work: runs one server until SIGTERM; importable by its name.

    Returns:
        0, or 1 where a process ended by itself.

    Raises:
        BadSettings: a port is taken.
    """
    context = multiprocessing.get_context("spawn")  # gRPC does not survive a fork
    with ExitStack() as stack:
        grpc_port = stack.enter_context(_reserved(settings.host, settings.grpc_port, "grpc_port"))
        http_port = settings.http_port
        if http_port >= 0:
            http_port = stack.enter_context(_reserved(settings.host, http_port, "http_port"))
        own = replace(settings, grpc_port=grpc_port, http_port=http_port)
        workers = [context.Process(target=work, args=(own,)) for _ in range(settings.workers)]
        stopping = False

        def stop(_number: int, _frame: FrameType | None) -> None:
            nonlocal stopping
            stopping = True
            for worker in workers:
                if worker.pid is not None and worker.is_alive():
                    worker.terminate()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        for worker in workers:
            worker.start()
        wait([worker.sentinel for worker in workers])
        failed = not stopping
        stop(signal.SIGTERM, None)
        for worker in workers:
            worker.join()
        return int(failed)


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
            taken = alone.getsockname()
        with socket.socket(family, kind, protocol) as shared:
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            shared.bind(taken)
            yield int(taken[1])
    except OSError:
        raise BadSettings(f"{name}: cannot listen on {host}:{port}; is it taken?") from None
