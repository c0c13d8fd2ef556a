"""Passes TCP connections on, and cuts them where a case says."""

import contextlib
import socket
import threading
from collections.abc import Callable

__all__ = ["Wire"]


class Wire:
    """Stands between a client and a port of this machine.

    Attributes:
        port: of 127.0.0.1, that it listens on.
        cuts: connections that were cut since ``begin``.
        passed_since: bytes of the server that passed since the last of them.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._after, self._left, self.cuts, self.passed_since = 0, 0, 0, 0
        self._is_cut: Callable[[], object] = lambda: None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, after: int = 0, times: int = 0, is_cut: Callable[[], object] = lambda: None) -> None:
        """Cut the next connections that bring bytes.

        Args:
            after: bytes of the server that pass on a connection before.
            times: so many connections.
            is_cut: is called before each is closed.
        """
        with self._lock:
            self._after, self._left, self._is_cut = after, times, is_cut
            self.cuts, self.passed_since = 0, 0

    def stop(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            threading.Thread(target=self._upward, args=(client, server), daemon=True).start()
            self._downward(client, server)

    @staticmethod
    def _upward(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _downward(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        while data := server.recv(1 << 16):
            passed += len(data)
            with self._lock:
                is_over = self._left > 0 and passed > self._after
                self.passed_since += len(data)
                if is_over:
                    self._left -= 1
                    self.cuts += 1
                    self.passed_since = 0
            if is_over:
                self._is_cut()
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                    client.shutdown(socket.SHUT_RDWR)
                return
            client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
