"""The audit file: one line of JSON for each call, that nothing changes afterwards."""

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rasterwire.errors import StorageUnavailable

__all__ = ["AuditFile"]

_MODE = 0o600

_MAX_PENDING = 1000
"""Lines that wait in memory while the file cannot be written; calls are refused meanwhile, and leave lines too."""

_log = logging.getLogger("rasterwire.server")


class AuditFile:
    """Appends lines to a file, each by one write, so that several processes may share it. Safe for several threads.

    While it cannot be written, calls are refused: what is done without a trace is worse than what is not done.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises:
            OSError: it cannot be used.
        """
        self._path = path
        self._lock = threading.Lock()
        self._pending: deque[bytes] = deque(maxlen=_MAX_PENDING)
        self._file = self._opened()
        self._is_cut = False

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)

    def note(self, fields: Mapping[str, object]) -> None:
        """Append a line with the time and some fields; where that fails, it is tried again before the next call."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock:
            self._pending.append(json.dumps({"time": time, **fields}).encode() + b"\n")
            self._write()

    def check(self) -> None:
        """Write what could not be written before.

        Raises:
            StorageUnavailable: it still cannot be written.
        """
        if self.problem():
            raise StorageUnavailable

    def problem(self) -> str:
        """Return what is wrong, once all that waits was tried again, or ""."""
        if not self._pending:
            return ""
        with self._lock:
            self._write()
            return "the audit file cannot be written" if self._pending else ""

    def _write(self) -> None:
        try:
            while self._pending:
                line = b"\n" * self._is_cut + self._pending[0]
                self._is_cut = os.write(self._file, line) < len(line)
                if self._is_cut:  # the disk is full; what was written stays as a line of its own
                    return
                self._pending.popleft()
        except OSError as error:
            _log.error("audit_file: %s; calls are refused until it can be written", error.strerror)

    def reload(self) -> None:
        """Open the file of the name anew, after somebody moved the one from before away."""
        with self._lock:
            try:
                opened = self._opened()
            except OSError as error:
                _log.error("audit_file: %s; the file from before is written on", error.strerror)
                return
            os.close(self._file)
            self._file = opened

    def close(self) -> None:
        """Close the file. No other method is called afterwards."""
        with self._lock:
            self._write()
            os.close(self._file)
