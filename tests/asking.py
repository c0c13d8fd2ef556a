"""HTTP requests to a server for tests."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from effort import HANG
from serving import Served

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


def ask(
    server: Served, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a request on a new connection and return the answer; only Host and Content-Length are added."""
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()
