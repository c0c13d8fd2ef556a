"""An HTTP server that answers as a rasterwire server does, and fails as it is told."""

import base64
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import google_crc32c

__all__ = ["DoorDouble", "door_double"]

ETAG = "0123456789abcdef"


@dataclass(slots=True)
class DoorDouble:
    """What a server has, and what it does next.

    Attributes:
        data: the file of its one download.
        states: that are told of the download, one each; then it is ready.
        faults: that meet the next requests of bytes, one each: how many bytes come before the connection is cut.
        refusals: that meet the next requests of any kind, one each: a status, headers, and a body.
        headers: of files that are other than they should be.
        address: of the server.
        requests: method and path of each, with the headers.
    """

    data: bytes = b""
    states: deque[dict[str, Any]] = field(default_factory=deque)
    faults: deque[int] = field(default_factory=deque)
    refusals: deque[tuple[int, dict[str, str], bytes]] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)
    address: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Return method and path of each request, without the query."""
        return [request.partition("?")[0] for request, _ in self.requests]

    def ranges(self) -> list[str]:
        """Return the ranges that were asked for."""
        return [headers["range"] for _, headers in self.requests if "range" in headers]


@contextmanager
def door_double(data: bytes = b"") -> Iterator[DoorDouble]:
    """Run a server while the context is open."""
    double = DoorDouble(data)

    class Handler(_Handler):
        door = double

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        double.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    door: DoorDouble

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        door = self.door
        door.requests.append(
            (f"{self.command} {self.path}", {name.lower(): value for name, value in self.headers.items()})
        )
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if door.refusals:
            self._send(*door.refusals.popleft())
        elif ":getPixels" in self.path:
            self._send_file()
        else:
            state = door.states.popleft() if door.states else {"state": "STATE_READY"}
            document: dict[str, Any] = {
                "downloadId": {"name": "downloads/d1", "token": "t1"},
                "plan": {"etag": ETAG},
                "download": state,
                "images": [],
            }
            self._send(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815  as the library calls them

    def _send_file(self) -> None:
        door = self.door
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        digest = base64.b64encode(google_crc32c.value(door.data).to_bytes(4, "big")).decode()
        headers = {"Repr-Digest": f"crc32c=:{digest}:", "ETag": f'"{ETAG}"'}
        is_part = "Range" in self.headers
        if is_part:
            headers["Content-Range"] = f"bytes {first}-{len(door.data) - 1}/{len(door.data)}"
        body = door.data[first:]
        if self.command == "GET" and door.faults:
            self._send(206 if is_part else 200, headers | door.headers, body, door.faults.popleft())
            self.close_connection = True
            return
        self._send(206 if is_part else 200, headers | door.headers, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes, most: int | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:most])
