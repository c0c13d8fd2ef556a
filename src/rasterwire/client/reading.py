"""Reads streams of chunks: leaves a server that is silent, and reads again what was garbled on its way."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeAlias

import grpc

from rasterwire.client.checker import Checker
from rasterwire.client.errors import Garbled, Interrupted, closed, failure
from rasterwire.client.trace_context import trace_context
from rasterwire.client.wire import Piece, Streams
from rasterwire.v1 import download_pb2, download_service_pb2

Answers: TypeAlias = "grpc._CallIterator[Piece]"  # noqa: SLF001  of the stubs alone
"""What a call brings."""

Call = Callable[[], Answers]
"""Begins a call."""


class _Watch:
    """Cancels a call that brings nothing for too long; the time in which nobody asks it does not count."""

    def __init__(self, call: Answers, idle: float) -> None:
        self._call = call
        self._idle = idle
        self._since: float | None = None
        self._ended = threading.Event()
        self.has_left = False
        threading.Thread(target=self._run, name="rasterwire-idle", daemon=True).start()

    def _run(self) -> None:
        left = self._idle
        while not self._ended.wait(left):
            since = self._since
            left = self._idle if since is None else since + self._idle - time.monotonic()
            if left <= 0:
                self.has_left = True
                self._call.cancel()
                return

    def next(self) -> Piece | None:
        """Return the next piece, or None at the end."""
        self._since = time.monotonic()
        piece = next(self._call, None)
        self._since = None
        return piece

    def end(self) -> None:
        """Watch no more, and end the call."""
        self._ended.set()
        self._call.cancel()


def pieces(begin: Call, idle: float) -> Generator[Piece, None, None]:
    """Yield what a call brings, and end it where it is left.

    Args:
        begin: the call.
        idle: seconds that a message may take.

    Raises:
        DownloadFailed: of the server, of the connection, or of a client that is closed.
        Interrupted: no message came in time.
    """
    try:
        watch = _Watch(begin(), idle)
    except ValueError:
        raise closed() from None
    try:
        while (piece := watch.next()) is not None:
            yield piece
    except grpc.RpcError as error:
        if not watch.has_left:
            raise failure(error) from error
        silent = Interrupted(f"the server sent nothing for {idle:g} s", grpc.StatusCode.DEADLINE_EXCEEDED)
        silent.is_passing = True
        raise silent from error
    finally:
        watch.end()


def read(
    streams: Streams,
    download_id: download_pb2.DownloadId,
    checker: Checker,
    idle: float,
    began: Callable[[Answers], object] = lambda _: None,
) -> Generator[memoryview, None, None]:
    """Yield a registered download from the checker's offset on; messages without data give empty ones.

    What was garbled on its way is read again from the last good offset, once.

    Args:
        streams: of the server.
        download_id: the download.
        checker: of what comes.
        idle: see ``pieces``.
        began: told of every call, which it may cancel.

    Raises:
        DownloadFailed: see ``pieces``.
        CorruptData: what came again was wrong too.
    """

    def begin() -> Answers:
        request = download_service_pb2.ReadDownloadRequest(
            name=download_id.name,
            token=download_id.token,
            read_offset=checker.offset,
            read_limit=checker.left,
            etag=checker.etag,
        )
        call = streams.read(request, metadata=trace_context())
        began(call)
        return call

    garbled_at = None
    while True:
        checker.begin()
        try:
            with closing(pieces(begin, idle)) as came:
                for piece in came:
                    yield checker.check(piece)
            checker.end()
        except Garbled:
            if garbled_at == checker.offset or checker.is_full:
                raise
            garbled_at = checker.offset
        else:
            return


def stream(
    streams: Streams, params: download_pb2.DownloadParams, idle: float, timeout: float | None = None
) -> tuple[bytes, Checker]:
    """Return a file by one call, with what checked it and its plan; one that was garbled is asked for again, once.

    Args:
        streams: of the server.
        params: what to render.
        idle: see ``pieces``.
        timeout: seconds that the call may take; None for as long as it brings bytes.

    Raises:
        DownloadFailed, CorruptData: see ``read``.
    """
    request = download_service_pb2.StreamDownloadRequest(params=params)

    def once() -> tuple[bytes, Checker]:
        checker = Checker()
        chunks: list[memoryview] = []
        with closing(pieces(lambda: streams.stream(request, timeout, trace_context()), idle)) as came:
            for piece in came:
                if piece.plan is not None:
                    checker.expect(piece.plan)
                chunks.append(checker.check(piece))
                if checker.plan is None:
                    raise Garbled("the server told no plan with the file")
        checker.finish()
        return b"".join(chunks), checker

    try:
        return once()
    except Garbled:
        return once()
