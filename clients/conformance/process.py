"""A client under test: a process that reads requests on stdin and writes answers on stdout.

Each is a JSON document behind its length, four bytes with the most significant one first.
"""

import json
import select
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Hung", "Process"]


class Hung(Exception):
    """The client gave no answer."""


class Process:
    """One client under test."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Prepare a process, which the first request starts.

        Args:
            command: that runs it.
            log: gets what it writes to stderr.
        """
        self._command = command
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None

    def send(self, request: dict[str, Any]) -> None:
        """Send a request."""
        if self._running is None:
            with self._log.open("ab") as log:
                pipe = subprocess.PIPE
                self._running = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=log, bufsize=0)
        document = json.dumps(request).encode()
        assert self._running.stdin is not None
        self._running.stdin.write(struct.pack(">I", len(document)) + document)

    def receive(self, seconds: float) -> dict[str, Any]:
        """Return the answer.

        Raises:
            Hung: there is none, and the process is ended.
        """
        try:
            size = struct.unpack(">I", self._read(4, seconds))[0]
            answer: dict[str, Any] = json.loads(self._read(size, seconds))
        except Hung:
            self.kill()
            raise
        return answer

    def _read(self, size: int, seconds: float) -> bytes:
        assert self._running is not None
        assert self._running.stdout is not None
        data = b""
        while len(data) < size:
            if not select.select([self._running.stdout], [], [], seconds)[0]:
                raise Hung(f"no answer in {seconds:g} s")
            if not (more := self._running.stdout.read(size - len(data))):
                raise Hung(f"the process ended; the end of {self._log.name}: {self._log.read_text()[-600:]}")
            data += more
        return data

    def kill(self) -> None:
        """Kill it; the next request starts another one."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            for pipe in (self._running.stdin, self._running.stdout):
                if pipe is not None:
                    pipe.close()
            self._running = None
