"""An HTTP server of ranges that fails as it is told, in threads of this process, on a loopback address.

Files are added under paths; ``faults`` are used up by requests, one each, before files are served as they should be.
What came is in ``requests``.
"""

import email.utils
import http.server
import re
import socket
import ssl
import struct
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType

from effort import HANG

__all__ = ["Exchange", "Fault", "FaultServer", "Received", "guarded_port"]

DATE = email.utils.formatdate(1_700_000_000, usegmt=True)


@dataclass(frozen=True, slots=True)
class Received:
    """A request.

    Attributes:
        path: with its query string.
        headers: names in small letters.
    """

    path: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Stored:
    """A file.

    Attributes:
        data: its bytes.
        headers: that its version has; without any, clients have the size alone.
    """

    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request for a range that exists, and the way to answer it.

    Attributes:
        first, end: bytes of the range.
    """

    handler: http.server.BaseHTTPRequestHandler
    server: "FaultServer"
    stored: Stored
    first: int
    end: int

    @property
    def body(self) -> bytes:
        """The bytes of the range."""
        return self.stored.data[self.first : self.end]

    def send(self, status: int, headers: Mapping[str, str], body: bytes = b"", length: int | None = None) -> None:
        """Answer; ``length`` is what the answer says that its body has, -1 for nothing."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name, value)
        if length == -1:
            self.handler.send_header("Connection", "close")
        else:
            self.handler.send_header("Content-Length", str(len(body) if length is None else length))
        self.handler.end_headers()
        self.handler.wfile.write(b"" if self.handler.command == "HEAD" else body)
        self.handler.close_connection = length is not None

    def partial(self, first: int, end: int, body: bytes, length: int | None = None) -> None:
        """Answer with 206 and the range ``first`` to ``end``."""
        text = f"bytes {first}-{end - 1}/{len(self.stored.data)}"
        self.send(206, {**self.stored.headers, "Content-Range": text}, body, length)


Fault = Callable[[Exchange], None]


def status(code: int, **headers: str) -> Fault:
    """Answer with a status; the body has what must not reach a client."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.send(code, names, b"SECRET of " + exchange.handler.path.encode())


def reset(exchange: Exchange) -> None:
    """Reset the connection."""
    exchange.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.handler.close_connection = True


def cut(exchange: Exchange) -> None:
    """Close the connection in the middle of the body."""
    exchange.partial(exchange.first, exchange.end, exchange.body[: len(exchange.body) // 2], len(exchange.body))


def cut_without_length(exchange: Exchange) -> None:
    """Close the connection in the middle of a body whose length was not told."""
    exchange.partial(exchange.first, exchange.end, exchange.body[: len(exchange.body) // 2], -1)


def stall(exchange: Exchange) -> None:
    """Say nothing until the server closes."""
    exchange.server.stalls.release()
    exchange.server.closing.wait(HANG)
    exchange.handler.close_connection = True


def stall_in_body(exchange: Exchange) -> None:
    """Send the half of the body, and nothing more until the server closes."""
    exchange.partial(exchange.first, exchange.end, exchange.body[: len(exchange.body) // 2], len(exchange.body))
    exchange.handler.wfile.flush()
    stall(exchange)


def shifted(exchange: Exchange) -> None:
    """Answer with the range one byte further on."""
    first, end = exchange.first + 1, exchange.end + 1
    exchange.partial(first, end, exchange.stored.data[first:end])


def short_range(exchange: Exchange) -> None:
    """Answer with a correct answer to a smaller range."""
    exchange.partial(exchange.first, exchange.end - 1, exchange.body[:-1])


def longer(exchange: Exchange) -> None:
    """Say that the range is that asked for, and send more."""
    exchange.partial(exchange.first, exchange.end, exchange.body + b"more")


def longer_without_length(exchange: Exchange) -> None:
    """Send more than the range, without the length of the body."""
    exchange.partial(exchange.first, exchange.end, exchange.body + b"more", -1)


def whole(exchange: Exchange) -> None:
    """Answer with 200 and the whole file."""
    exchange.send(200, exchange.stored.headers, exchange.stored.data)


def whole_without_length(exchange: Exchange) -> None:
    """Answer with 200 and the whole file, whose size is not told."""
    exchange.send(200, exchange.stored.headers, exchange.stored.data, -1)


def without_range(exchange: Exchange) -> None:
    """Answer with 206 that does not say of what."""
    exchange.send(206, exchange.stored.headers, exchange.body)


def without_size(exchange: Exchange) -> None:
    """Answer with a range of a file of unknown size."""
    headers = {**exchange.stored.headers, "Content-Range": f"bytes {exchange.first}-{exchange.end - 1}/*"}
    exchange.send(206, headers, exchange.body)


def compressed(exchange: Exchange) -> None:
    """Say that the body is compressed."""
    stored = Stored(exchange.stored.data, exchange.stored.headers | {"Content-Encoding": "gzip"})
    replace(exchange, stored=stored).partial(exchange.first, exchange.end, exchange.body)


def redirect(location: str, code: int = 302) -> Fault:
    """Answer with a redirect."""
    return lambda exchange: exchange.send(code, {"Location": location})


class FaultServer:
    """A server of files; use it as a context.

    Args:
        host: the loopback address to listen at.
        port: its port; 0 takes a free one.
        context: for TLS.
        is_strict: whether conditions of requests are heeded; many servers ignore them.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        context: ssl.SSLContext | None = None,
        is_strict: bool = True,
    ) -> None:
        self.files: dict[str, Stored] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[Received] = []
        self.is_strict = is_strict
        self.closing = threading.Event()
        self.stalls = threading.Semaphore(0)
        self.most_at_once = 0
        self._present = 0
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer((host, port), self._handler())
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Its address, with a slash at the end."""
        return f"http://{self.host}:{self.port}/"

    def put(self, path: str, data: bytes, etag: str = '"one"', date: str = DATE) -> str:
        """Store a file, and return its address; without ``etag`` or ``date`` answers have none."""
        headers = {"ETag": etag, "Last-Modified": date}
        self.files[path] = Stored(data, {name: value for name, value in headers.items() if value})
        return self.url + path.lstrip("/")

    def __enter__(self) -> "FaultServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        fault_server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                fault_server.answer(self)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *arguments: object) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the client has gone

        return Handler

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a request by the next fault, or as it should be."""
        with self._lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.requests.append(Received(handler.path, headers))
            self._present += 1
            self.most_at_once = max(self.most_at_once, self._present)
            fault = self.faults.popleft() if self.faults else serve
        try:
            path = urllib.parse.unquote(handler.path.partition("?")[0])
            stored = self.files.get(path, Stored(b""))
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
            first, last = (int(match[1]), int(match[2])) if match else (0, len(stored.data) - 1)
            exchange = Exchange(handler, self, stored, first, min(last + 1, len(stored.data)))
            if fault is serve and path not in self.files:
                exchange.send(404, {}, b"SECRET")
            else:
                fault(exchange)
        finally:
            with self._lock:
                self._present -= 1


def serve(exchange: Exchange) -> None:
    """Answer as it should be."""
    asked, stored = exchange.handler.headers, exchange.stored
    etag, date = asked.get("If-Match"), asked.get("If-Unmodified-Since")
    is_other = (etag and etag != stored.headers.get("ETag")) or (date and date != stored.headers.get("Last-Modified"))
    if exchange.server.is_strict and is_other:
        exchange.send(412, {}, b"SECRET")
    elif exchange.handler.command == "HEAD":
        exchange.send(200, stored.headers, stored.data)
    elif exchange.first >= len(stored.data):
        exchange.send(416, {"Content-Range": f"bytes */{len(stored.data)}"}, b"SECRET")
    else:
        exchange.partial(exchange.first, exchange.end, exchange.body)


@contextmanager
def guarded_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Listen at a port that nobody may come to; the end of the context fails where somebody did."""
    with socket.create_server((host, 0), backlog=100) as listener:
        yield listener.getsockname()[1]
        listener.setblocking(False)
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return
    raise AssertionError("a connection was made to the guarded port")
