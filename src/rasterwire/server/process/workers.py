"""Several server processes on one pair of ports: the kernel deals connections out among them."""

import json
import os
import pickle
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NoReturn

from rasterwire.server.process.ports import cannot_listen
from rasterwire.server.settings import Settings

__all__ = ["reserved_ports", "supervise"]

_HANDLED = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
"""Signals that wait until the supervisor can take them."""


@contextmanager
def reserved_ports(settings: Settings) -> Iterator[tuple[Settings, list[int]]]:
    """Hold the ports of a server without listening on them, so that only sockets which share them can.

    Yields:
        The settings, with free ports in place of 0, and the files that hold the ports.

    Raises:
        BadSettings: a port is taken.
    """
    with ExitStack() as stack:
        ports = {"grpc_port": settings.grpc_port}
        if settings.http_port >= 0:
            ports["http_port"] = settings.http_port
        if settings.metrics_port > 0:
            ports["metrics_port"] = settings.metrics_port
        sockets = {name: stack.enter_context(_reserved(settings.host, port, name)) for name, port in ports.items()}
        numbers = {name: int(reserved.getsockname()[1]) for name, reserved in sockets.items()}
        http_port = numbers.get("http_port", settings.http_port)
        resolved = replace(settings, grpc_port=numbers["grpc_port"], http_port=http_port)
        yield resolved, [reserved.fileno() for reserved in sockets.values()]


def supervise(settings: Settings, files: list[int]) -> NoReturn:
    """Become the supervisor of workers, which share the state folder, until SIGINT or SIGTERM.

    It is another program in this process: this one has loaded what only workers need. SIGHUP is handed on to them,
    where there are files that are read again or compared then, else told in the log; then it ends with its terminal.

    Args:
        settings: of all, with ports that are not 0.
        files: that stay open for as long as it runs.
    """
    with tempfile.TemporaryFile() as file:
        file.write(pickle.dumps(settings))
        file.flush()
        for number in (*files, file.fileno()):
            os.set_inheritable(number, True)
        order = {
            "settings": file.fileno(),
            "workers": settings.workers,
            "log": settings.log,
            "is_reloaded": settings.has_use_of_reload,
        }
        command = [sys.executable, "-P", "-m", "rasterwire.server.process.supervisor", json.dumps(order)]
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        os.execv(sys.executable, command)


@contextmanager
def _reserved(host: str, port: int, name: str) -> Iterator[socket.socket]:
    """Hold a port; see ``reserved_ports``.

    Raises:
        BadSettings: it is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            address = alone.getsockname()
        with socket.socket(family, kind, protocol) as shared:
            shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            shared.bind(address)
            yield shared
    except OSError:
        raise cannot_listen(name, host, port) from None
