"""Moving the bytes of one download to a file: checked, resumed, and kept only when whole."""

import contextlib
import os
import posixpath
import queue
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from rasterwire.client.checker import Checker
from rasterwire.client.errors import DownloadFailed, Interrupted
from rasterwire.client.notebook import downloaded_html
from rasterwire.client.partial import Known, Partial, partial
from rasterwire.client.reading import read
from rasterwire.client.wire import Streams
from rasterwire.naming import safe_name
from rasterwire.v1 import download_pb2

_CHUNKS_BEHIND = 8
_SYNCED = 8 << 20
"""Bytes that are written before they are brought to the disk."""

Progress = Callable[[int, int | None], None]
"""Called with bytes done, and bytes in all or None while no byte is there yet."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a transfer is.

    Attributes:
        attempts: in a row that bring no new byte before it gives up.
        first_wait, longest_wait: seconds; the wait doubles from one to the other.
        idle: seconds after which a server that sends no message of a download is left, and asked again.
        sleep: waits; replaced in tests.
    """

    attempts: int = 12
    first_wait: float = 0.25
    longest_wait: float = 8.0
    idle: float = 60.0
    sleep: Callable[[float], object] = time.sleep

    def wait(self, attempt: int) -> float:
        """Return seconds before an attempt, from 1, spread so that clients do not come all at once."""
        longest: float = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1))
        return longest * random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that came.

    Attributes:
        path: where it is.
        size: bytes.
        crc32c: of the whole file, checked.
        filename: that the server proposed.
        mime_type: of the file.
        plan: that the file was made by; it tells what of the request had no effect, and which bands cannot be read.
    """

    path: Path
    size: int
    crc32c: int
    filename: str
    mime_type: str
    plan: download_pb2.DownloadPlan = field(default_factory=download_pb2.DownloadPlan, repr=False, compare=False)

    def _repr_html_(self) -> str:
        return downloaded_html(str(self.path), self.size, self.crc32c, self.plan)


class Cancelled(Exception):
    """The caller wants the transfer no more."""


class Transfer:
    """One download on its way; may be stopped from another thread.

    Attributes:
        plan: that the file is made by.
    """

    def __init__(
        self,
        streams: Streams,
        download_id: download_pb2.DownloadId,
        retry: RetryPolicy,
        idle: float,
        plan: download_pb2.DownloadPlan,
    ) -> None:
        self.plan = plan
        self._idle = idle
        self._streams = streams
        self._made = download_id
        self._retry = retry
        self._call: grpc.Call | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the transfer; it raises ``Cancelled``."""
        self._stopped.set()
        if self._call is not None:
            self._call.cancel()

    def chunks(self, checker: Checker, progress: Progress) -> Generator[memoryview, None, None]:
        """Yield the bytes of the file, over lost connections.

        Raises:
            DownloadFailed: the server refuses, or patience ran out.
            Cancelled: ``stop`` was called.
        """
        attempt = 0
        while True:
            before = checker.offset
            try:
                # closed, since the stream would live on with a traceback that somebody keeps
                with contextlib.closing(read(self._streams, self._made, checker, self._idle, self._began)) as came:
                    for data in came:
                        progress(checker.offset, checker.info.size_bytes if checker.info is not None else None)
                        if data:
                            yield data
                checker.finish()
                return
            except DownloadFailed as problem:
                if self._stopped.is_set():
                    raise Cancelled from None
                attempt = 1 if checker.offset > before else attempt + 1
                if not problem.is_passing:
                    raise
                if attempt > self._retry.attempts:
                    message = f"gave up after {attempt} attempts without a new byte: {problem}"
                    raise Interrupted(message, problem.code, problem.reason) from problem
                wait = max(self._retry.wait(attempt), problem.retry_after or 0.0)
            self._retry.sleep(wait)
            if self._stopped.is_set():
                raise Cancelled

    def _began(self, call: grpc.Call) -> None:
        self._call = call
        if self._stopped.is_set():
            call.cancel()


def save(
    transfer: Transfer,
    path: Path,
    progress: Progress,
    keep: Callable[[], object] = lambda: None,
    restart: bool = False,
) -> Downloaded:
    """Move a download into a file, which appears under its name only when it is whole.

    Args:
        transfer: of the download.
        path: of the file, or a folder, which gives it the server's name.
        progress: told of every chunk.
        restart: do not go on with what a process that was ended left.
        keep: called once all is there, before the file gets its name; raises ``Cancelled`` if it shall not.

    Raises:
        DownloadFailed, Cancelled: see ``Transfer.chunks``; nothing is left behind.
        OSError: the file cannot be written.
    """
    target = path / plain_name(transfer.plan.filename) if path.is_dir() else path
    etag = transfer.plan.etag
    checker = Checker(transfer.plan)
    with partial(target, etag, restart) as part:
        if part.known is not None:
            checker.resume(part.known.etag, part.known.offset, part.known.crc32c)
        # closed, since the stream would live on with a traceback that somebody keeps
        with contextlib.closing(transfer.chunks(checker, progress)) as chunks:
            _fill(part, etag, checker, chunks)
        info = checker.finish()
        keep()
        if path.is_dir():
            target = path / plain_name(info.filename)
        part.become(target)
    return Downloaded(target, info.size_bytes, info.crc32c, info.filename, info.mime_type, transfer.plan)


def check_target(path: Path) -> None:
    """Refuse a place for a file, or a folder for one, that cannot be written to.

    Raises:
        OSError: the folder is missing, or nothing can be written there.
    """
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {str(folder)!r}; make it, or name another")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"the folder {str(folder)!r} cannot be written to; name another")


def _fill(part: Partial, etag: str, checker: Checker, chunks: Iterator[memoryview]) -> None:
    """Write chunks, and bring them to the disk, in a thread behind those that are on their way."""
    # a thread of its own: executors take no work while the interpreter ends, when a download may still run
    waiting: queue.Queue[tuple[memoryview, Known] | None] = queue.Queue(_CHUNKS_BEHIND)
    failures: list[BaseException] = []

    def write() -> None:
        while (chunk := waiting.get()) is not None:
            try:
                if not failures:
                    _write(part, *chunk)
            except BaseException as error:  # noqa: BLE001 - raised where the chunks come from
                failures.append(error)

    behind = threading.Thread(target=write, name="rasterwire-write")
    behind.start()
    try:
        for chunk in chunks:
            waiting.put((chunk, Known(etag, checker.offset, checker.crc32c)))
            if failures:
                break
    finally:
        waiting.put(None)
        behind.join()
    if failures:
        raise failures[0]
    part.file.flush()
    os.fsync(part.file.fileno())


def _write(part: Partial, chunk: memoryview, record: Known) -> None:
    part.file.write(chunk)
    if record.offset % _SYNCED < len(chunk):
        part.file.flush()
        os.fsync(part.file.fileno())
        part.note(record)


def plain_name(proposed: str) -> str:
    """Return a server's file name as one that is safe on any system; see ``safe_name``.

    >>> plain_name("../a/b.tif"), plain_name(".."), plain_name(300 * "b" + ".tif")[-6:]
    ('b.tif', 'download', 'bb.tif')
    """
    stem, extension = posixpath.splitext(proposed.replace("\\", "/").rsplit("/", 1)[-1])
    return safe_name(stem) + (f".{safe_name(extension[1:], 20)}" if extension[1:] else "")


__all__ = [
    "Cancelled",
    "DownloadFailed",
    "Downloaded",
    "Progress",
    "RetryPolicy",
    "Transfer",
    "check_target",
    "plain_name",
    "save",
]
