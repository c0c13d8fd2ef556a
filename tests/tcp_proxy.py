"""Stands between a client and a server of this machine, and fails as it is told; counts what passes."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

__all__ = ["Fault", "TcpProxy", "tcp_proxy"]

_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Fault(Enum):
    """What happens to what a client sends."""

    NONE = auto()
    """It passes."""
    SILENCE = auto()
    """It is kept until the fault is over; nobody is told."""
    UNAVAILABLE = auto()
    """It is answered with 503."""
    CLOSED = auto()
    """The connection is closed."""


class TcpProxy:
    """Passes connections on.

    Attributes:
        port: of 127.0.0.1, that it listens on.
        round_trips: times that the client sent something after the server's last answer.
        withheld: pieces of clients that were not passed on, or not at once.
    """

    def __init__(self, port: int) -> None:
        """Listen at a free port.

        Args:
            port: of the server, on 127.0.0.1.
        """
        self.round_trips = 0
        self.withheld = 0
        self._server_port = port
        self._fault = Fault.NONE
        self._passes = threading.Event()
        self._passes.set()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def fault(self) -> Fault:
        """What happens to what is sent."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        if fault is Fault.SILENCE:
            self._passes.clear()
        else:
            self._passes.set()

    def close(self) -> None:
        """End all connections."""
        self.fault = Fault.CLOSED
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._server_port)) as server:
            with self._lock:
                self._sockets |= {client, server}
            try:
                self._pass_on(client, server)
            finally:
                with self._lock:
                    self._sockets -= {client, server}

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        is_answered = True
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(1 << 18)
                    if not data:
                        return
                    if self._fault is not Fault.NONE and key.fileobj is client:
                        with self._lock:
                            self.withheld += 1
                    if self._fault is Fault.UNAVAILABLE and key.fileobj is client:
                        client.sendall(_UNAVAILABLE)
                        return
                    if self._fault is Fault.CLOSED:
                        return
                    self._passes.wait()
                    key.data.sendall(data)
                    if key.fileobj is client and is_answered:
                        with self._lock:
                            self.round_trips += 1
                    is_answered = key.fileobj is server


@contextmanager
def tcp_proxy(port: int) -> Iterator[TcpProxy]:
    """Pass connections on to a server of this machine while the context is open."""
    proxy = TcpProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
