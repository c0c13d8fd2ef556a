"""Serves the files of a folder by ranges, counts requests, and delays each: ``python range_server.py FOLDER PORT MS``.

``GET /count`` returns requests and bytes since the last time.
"""

import asyncio
import os
import re
import sys
from pathlib import Path

from aiohttp import web

_range = re.compile(r"bytes=(\d+)-(\d*)")


class _Files:
    def __init__(self, folder: Path, delay: float) -> None:
        self._folder, self._delay = folder, delay
        self._requests = self._bytes = 0

    async def count(self, request: web.Request) -> web.Response:
        counts = {"requests": self._requests, "bytes": self._bytes}
        self._requests = self._bytes = 0
        return web.json_response(counts)

    async def file(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self._delay)
        self._requests += 1
        try:
            descriptor = os.open(self._folder / request.match_info["name"], os.O_RDONLY)
        except FileNotFoundError:
            return web.Response(status=404)
        try:
            return self._answer(request, descriptor)
        finally:
            os.close(descriptor)

    def _answer(self, request: web.Request, descriptor: int) -> web.Response:
        status = os.fstat(descriptor)
        size, tag = status.st_size, f'"{status.st_ino:x}-{status.st_mtime_ns:x}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes"}
        if request.headers.get("If-Match", tag) != tag:
            return web.Response(status=412, headers=headers)
        if request.method == "HEAD":
            return web.Response(headers=headers | {"Content-Length": str(size)})
        found = _range.fullmatch(request.headers.get("Range", "bytes=0-"))
        assert found is not None
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        body = os.pread(descriptor, last - first + 1, first)
        self._bytes += len(body)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return web.Response(status=206, body=body, headers=headers)


def main() -> None:
    """Serve until the process is stopped."""
    files = _Files(Path(sys.argv[1]), float(sys.argv[3]) / 1000)
    app = web.Application()
    app.router.add_get("/count", files.count)
    app.router.add_get("/{name}", files.file)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=lambda *_: None)


if __name__ == "__main__":
    main()
