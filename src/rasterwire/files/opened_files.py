"""Remote files that were opened, so that they are not opened again for each request."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Generic, Protocol, TypeVar

from rasterwire.errors import SourceUnavailable

__all__ = ["OpenedFiles"]

_MAX_FILES = 1024
"""That are remembered."""

_MAX_AHEAD = 256
"""Files that are opened ahead in one call. Of more, the first bytes would be dropped before they are read."""

_THREADS = 16

_FRESH_SECONDS = 30.0
"""For so long a file is taken to have the version that it had. Each request for its bytes names that version, so that
a file that is replaced meanwhile is an error, and never other pixels."""

_clock = time.monotonic


class _Reader(Protocol):
    @property
    def version(self) -> str: ...


R = TypeVar("R", bound=_Reader)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="open")


class OpenedFiles(Generic[R]):
    """Readers of remote files by address and version. Threads may share it; they open a file once."""

    def __init__(self, open_file: Callable[[str], R]) -> None:
        """Remember what opens a file by its address, in its present version."""
        self._open = open_file
        self._lock = threading.Lock()
        self._readers: OrderedDict[tuple[str, str], R] = OrderedDict()
        self._present: OrderedDict[str, tuple[float, R]] = OrderedDict()
        self._opening: dict[str, Future[R]] = {}

    def known(self, href: str, version: str) -> R | None:
        """Return the reader of a version that was opened; None where it was not, or is forgotten."""
        with self._lock:
            reader = self._readers.get((href, version))
            if reader is not None:
                self._readers.move_to_end((href, version))
            return reader

    def last(self, href: str) -> R | None:
        """Return the reader of the version that a file had when it was opened last; None where that is in doubt."""
        with self._lock:
            opened = self._present.get(href)
            return None if opened is None else opened[1]

    def present(self, href: str) -> R:
        """Return a reader of the present version of a file.

        Raises:
            SourceUnavailable: the file cannot be opened.
        """
        with self._lock:
            opened = self._present.get(href)
            if opened is not None and _clock() - opened[0] < _FRESH_SECONDS:
                return opened[1]
            running = self._opening.get(href)
            if running is None:
                future = self._opening[href] = Future[R]()
        return self._opened(href, future) if running is None else running.result()

    def _opened(self, href: str, future: "Future[R]") -> R:
        try:
            reader = self._open(href)
        except BaseException as error:
            with self._lock:
                del self._opening[href]
            future.set_exception(error)
            raise
        with self._lock:
            del self._opening[href]
            self._present[href] = _clock(), reader
            self._present.move_to_end(href)
            self._readers[href, reader.version] = reader
            for entries in (self._present, self._readers):
                while len(entries) > _MAX_FILES:
                    entries.popitem(last=False)
        future.set_result(reader)
        return reader

    def doubt(self, href: str) -> None:
        """Open a file again before its present version is told next."""
        with self._lock:
            self._present.pop(href, None)

    def open_ahead(self, hrefs: Iterable[str]) -> dict[str, SourceUnavailable]:
        """Open files at the same time; of very many only the first.

        Returns:
            The errors of those that cannot be opened, which need not be tried again at once.
        """

        def error_of(href: str) -> SourceUnavailable | None:
            try:
                self.present(href)
            except SourceUnavailable as error:
                return error
            return None

        files = list(islice(dict.fromkeys(hrefs), _MAX_AHEAD))
        if len(files) < 2:
            return {}
        opening = [(href, _pool().submit(error_of, href)) for href in files]
        return {href: error for href, future in opening if (error := future.result()) is not None}

    def clear(self) -> None:
        """Forget all files."""
        with self._lock:
            self._present.clear()
            self._readers.clear()
