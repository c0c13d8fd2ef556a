"""Brings a registered download into a file: rendered, fetched by ranges, checked, and named only when it is whole."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from rasterwire_qgis.crc32c import crc32c_of_file
from rasterwire_qgis.door import Created, Door, lost
from rasterwire_qgis.failures import Cancelled, Damaged, Failure, NotWritten, Refused, Unreachable

_PIECE = 1 << 18
"""Bytes that are read at once: after each one, somebody may have cancelled."""

_digest = re.compile(r"(?:^|,)\s*crc32c=:([A-Za-z0-9+/]{6}==):")
"""Source: RFC 9530, section 2, and RFC 8941, section 3.3.5."""


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes:
        phase: what is done now.
        part, total: of it; a total of 0 means that it is not known.
    """

    phase: str
    part: int = 0
    total: int = 0

    @property
    def percent(self) -> float:
        """From 0 to 100."""
        return min(100.0, 100 * self.part / self.total) if self.total else 0.0


@dataclass(frozen=True)
class Patience:
    """How long a transfer goes on without success.

    Attributes:
        attempts: in a row that bring nothing new.
        first_wait, longest_wait: seconds; the wait doubles from one to the other.
    """

    attempts: int = 10
    first_wait: float = 0.25
    longest_wait: float = 8.0

    def wait(self, attempt: int) -> float:
        """Return seconds behind an attempt, from 1."""
        return min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))


class Transfer:
    """One download on its way. ``stopped`` may be set by another thread; then ``Cancelled`` is raised soon."""

    def __init__(
        self,
        door: Door,
        created: Created,
        progress: Callable[[Progress], None] = lambda _: None,
        stopped: threading.Event | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Prepare; nothing is asked for yet.

        Args:
            door: of the server.
            created: the download.
            progress: told of each step, by the thread that calls ``save``.
            stopped: ends the transfer when it is set.
            patience: with a server that fails.
        """
        self.stopped = stopped or threading.Event()
        self._door = door
        self._created = created
        self._progress = progress
        self._patience = patience or Patience()
        self._attempt = 0

    def save(self, target: Path) -> Path:
        """Bring the file, and return its path.

        What came before the connection was lost stays beside the target, and the same download goes on with it later,
        also after QGIS was closed. A cancelled or damaged one leaves nothing.

        Raises:
            Failure: in a sentence.
        """
        part = part_path(target, self._created.etag)
        try:
            self._wait_until_rendered()
            while not self._bring(part):
                self._wait_until_rendered()  # a server that was started again has it no more
            part.replace(target)
        except (Cancelled, Damaged):
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        except OSError as error:
            raise NotWritten(
                f"{target} cannot be written: {error.strerror or error}; choose another folder."
            ) from error
        return target

    def _wait_until_rendered(self) -> None:
        polls = 0
        is_asked = False
        while True:
            try:
                state = self._door.state(self._created)
                name = str(state.get("state", ""))
                if name == "STATE_READY":
                    return
                if name == "STATE_FAILED" and is_asked:
                    raise Refused(f"The server could not make the file: {state.get('failure', '')}")
                if name == "STATE_RENDERING":
                    self._attempt = 0
                else:
                    self._door.prepare(self._created)
                    is_asked = True
            except Failure as failure:
                self._wait_behind(failure)
                continue
            self._step(Progress("Rendering", int(state.get("blocksDone", 0)), int(state.get("blocksTotal", 0))))
            polls += 1
            self._pause(self._patience.wait(min(polls, 4)))

    def _bring(self, part: Path) -> bool:
        """Fetch what is missing of a file and check it; returns False where more has to be asked for."""
        try:
            headers = self._door.head(self._created)
            size, checksum = _whole(headers)
            offset = part.stat().st_size if part.exists() else 0
            if offset < size:
                _check_room(part, size - offset)
                self._append(part, offset, size)
            self._check(part, size, checksum)
        except Failure as failure:
            self._wait_behind(failure)
            return False
        return True

    def _append(self, part: Path, offset: int, size: int) -> None:
        answer = self._door.bytes_from(self._created, offset)
        with contextlib.closing(answer), part.open("ab") as file:
            while offset < size:
                try:
                    data = answer.read(min(_PIECE, size - offset))
                except (OSError, http.client.HTTPException) as error:
                    raise lost(error) from error
                if not data:
                    raise lost(EOFError(f"it ended after {offset} of {size} bytes"))
                file.write(data)
                offset += len(data)
                self._attempt = 0
                self._step(Progress("Downloading", offset, size))
            file.flush()
            os.fsync(file.fileno())

    def _check(self, part: Path, size: int, checksum: int) -> None:
        with part.open("rb") as file:
            actual = crc32c_of_file(file, lambda count: self._step(Progress("Checking", count, size)))
        if actual != checksum:
            raise Damaged("What came is not what the server says that it sent; nothing of it was kept. Try again.")

    def _step(self, progress: Progress) -> None:
        if self.stopped.is_set():
            raise Cancelled("The download was cancelled.")
        self._progress(progress)

    def _pause(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise Cancelled("The download was cancelled.")

    def _wait_behind(self, failure: Failure) -> None:
        """Wait until the same may succeed, or raise the failure where it will not."""
        self._attempt += 1
        if failure.retry_after is None or self._attempt > self._patience.attempts:
            raise failure
        self._pause(max(failure.retry_after, self._patience.wait(self._attempt)))


def part_path(target: Path, etag: str) -> Path:
    """Return where the beginning of a file is kept: the name has the etag, so that no other file goes on there."""
    return target.with_name(f".{target.name[:100]}.{re.sub(r'[^A-Za-z0-9_-]', '', etag)[:64]}.part")


def _whole(headers: Message) -> tuple[int, int]:
    """Return size and checksum of a whole file."""
    size, digest = headers.get("Content-Length", ""), _digest.search(headers.get("Repr-Digest", ""))
    if not size.isdecimal():
        raise Unreachable("The server does not have the file any more.")
    if digest is None:
        raise Refused(
            "The server does not tell the checksum of the file in a header Repr-Digest, or a proxy takes it away."
        )
    return int(size), int.from_bytes(base64.b64decode(digest[1]), "big")


def _check_room(part: Path, count: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if free < count:
        raise NotWritten(f"{part.parent} has {free >> 20} MiB left, and {-(-count >> 20)} MiB are to come.")
