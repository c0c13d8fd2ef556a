"""Peers that are asked over HTTP, by one kept connection."""

import http.client
import time
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.contender import Run, Unable

_PIECE = 1 << 20


class Connection:
    """A kept connection to one server."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def close(self) -> None:
        """End it."""
        self._http.close()

    def fetch(self, url: str, path: Path) -> Run:
        """Write the body of a GET to a file.

        Raises:
            Unable: the answer is not 200, or not a raster; the message has its beginning.
        """
        parts = urlsplit(url)
        began = time.perf_counter()
        try:
            self._http.request("GET", f"{parts.path}?{parts.query}")
            answer = self._http.getresponse()
            first = answer.read1(_PIECE)
        except (http.client.HTTPException, OSError) as error:
            self._http.close()
            raise Unable(f"{error!r}") from error
        at_first = time.perf_counter()
        if answer.status != 200 or "xml" in answer.getheader("Content-Type", ""):
            text = (first + answer.read())[:400].decode(errors="replace")
            raise Unable(f"{answer.status} {text}")
        with path.open("wb") as file:
            file.write(first)
            while piece := answer.read1(_PIECE):
                file.write(piece)
        answer.close()  # read1 does not notice the end, and the connection could not be used again
        return Run(time.perf_counter() - began, at_first - began)
