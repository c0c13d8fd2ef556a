"""Keeps the index of a folder fresh: a small folder is looked at when somebody asks, a large one in the background."""

import fcntl
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest import Summary
from rasterwire.catalog.ingest.file_records import FileRecords
from rasterwire.catalog.ingest.folder import FolderUpdates
from rasterwire.errors import CatalogUnavailable, DownloadError, SourceUnavailable

__all__ = ["FolderIndex"]

_MAX_AWAITED = 2000
"""Files and folders that a request waits for: to look at them takes some hundredths of a second."""

_FULL_PAUSE, _QUICK_PAUSE = 4.0, 10.0
"""Seconds after each second of work of a look in the background."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds between two looks in the background."""

_RETRY_PAUSE = 10.0
"""Seconds after a look that failed."""

_MAX_LEARNT = 20
"""Images whose rasters are opened after each look, for footprints that no document gives."""

_log = logging.getLogger("rasterwire.server")


class FolderIndex:
    """The index of a folder, and what keeps it like the folder. Safe to use from several threads and processes.

    Of the processes that share an index, one looks at the folder at a time.
    """

    def __init__(self, root: Path, refresh_seconds: float, path: Path | None) -> None:
        """Set the folder. Nothing is read or made before the first call of a method.

        Args:
            root: the folder.
            refresh_seconds: how old an answer may be for a small folder.
            path: of the index; there are more files beside it. None makes a temporary one.
        """
        self._root = root
        self._refresh_seconds = refresh_seconds
        self._path = path
        self._opening = threading.Lock()
        self._scanning = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._cleanup = ExitStack()
        self._store: IndexStore | None = None
        self._is_complete = False
        self._was_whole = True
        self._next_scan = 0.0

    def store(self) -> IndexStore:
        """Return the index, as fresh as it is to be.

        Raises:
            SourceUnavailable: the folder does not exist, or the index cannot be used.
        """
        store = self._opened()
        if self._thread is not None and self._is_complete:
            return store
        if not self._is_complete:
            self._complete()
        elif time.monotonic() >= self._next_scan and self._scanning.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._scanning.release()
        return store

    def follow(self) -> None:
        """Look at the folder in the background from now on, if it is a large one, whether somebody asks or not."""
        with self._opening:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._watch, name="rasterwire-folder", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop looking, and close the index; a temporary one is removed."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._scanning, self._opening:
            self._cleanup.close()
            self._store = None

    def _opened(self) -> IndexStore:
        store = self._store
        if store is not None and self._is_there():
            return store
        with self._scanning, self._opening:
            if self._store is None or not self._is_there():
                self._cleanup.close()
                self._is_complete = False
                self._store = self._open()
            return self._store

    def _is_there(self) -> bool:
        """Tell whether the files of the index were not removed meanwhile, with the state folder, say."""
        return self._path is None or os.path.exists(self._path)  # noqa: PTH110  runs for each request

    def _open(self) -> IndexStore:
        if not os.path.isdir(self._root):  # noqa: PTH112  as the scan does
            raise CatalogUnavailable("the folder of the catalog does not exist")
        path = self._path
        with ExitStack() as stack:
            try:
                if path is None:
                    folder = tempfile.mkdtemp(prefix="rasterwire-")
                    stack.callback(shutil.rmtree, folder, ignore_errors=True)
                    path = Path(folder) / "index.sqlite"
                for missing in (path.parent.parent, path.parent):  # the mode is that of the last folder made
                    missing.mkdir(mode=0o700, parents=True, exist_ok=True)
                for suffix in (path.suffix, ".files", ".lock"):
                    path.with_suffix(suffix).touch(mode=0o600)  # SQLite gives the files beside its own the same mode
                self._lock = stack.enter_context(path.with_suffix(".lock").open("w"))
                try:
                    store = IndexStore(path)
                except SourceUnavailable:  # damaged, or of another version; all of it is in the folder too
                    with self._alone(waiting=True):
                        store = _new_store(path)
                stack.callback(store.close)
                self._records = FileRecords(path.with_suffix(".files"))
                stack.callback(self._records.close)
            except OSError as error:
                problem = "the index of the folder cannot be written; is the disk full?"
                raise CatalogUnavailable(problem) from error
            self._updates = FolderUpdates(self._root, store, self._records)
            self._cleanup = stack.pop_all()
        return store

    def _complete(self) -> None:
        """Wait until the index is complete; one of a large folder that was complete before need not be fresh."""
        with self._scanning:
            if self._is_complete:
                return
            count = self._file_count()
            if count is None or count <= _MAX_AWAITED:
                with self._alone(waiting=True):
                    # another process may have completed a large one meanwhile
                    count = self._file_count()
                    if count is None or count <= _MAX_AWAITED:
                        self._update(None)
            self._is_complete = True
            self._schedule()

    def _look(self) -> None:
        """Look at a small folder; leave it to the background where it has become a large one."""
        if self._thread is not None:
            return
        try:
            with self._alone(waiting=False) as is_alone:
                if is_alone and not self._update(_MAX_AWAITED):
                    self.follow()
        except SourceUnavailable as error:
            if not os.path.isdir(self._root):  # noqa: PTH112  as the scan does
                raise
            _log.warning("the index of the catalog's folder is not up to date: %s", error)
        self._schedule()

    def _schedule(self) -> None:
        self._next_scan = time.monotonic() + self._refresh_seconds
        if (self._file_count() or 0) > _MAX_AWAITED:
            self.follow()

    def _file_count(self) -> int | None:
        try:
            return self._records.file_count()
        except sqlite3.Error as error:
            raise CatalogUnavailable("the index of the folder cannot be read") from error

    def _update(self, max_changes: int | None, *, is_quick: bool = False) -> bool:
        """Write what changed; tell whether all of it was, and not more than a request is to wait for."""

        def check_closing(_count: int, _total: int | None) -> None:
            if self._stop.is_set():
                raise CatalogUnavailable("the catalog was closed")

        try:
            summary = self._updates.update(is_quick=is_quick, max_changes=max_changes, tell=check_closing)
        except (OSError, sqlite3.Error) as error:
            raise CatalogUnavailable("the index of the folder cannot be written; is the disk full?") from error
        if summary is not None:
            self._log_problems(summary)
        return summary is not None

    def _log_problems(self, summary: Summary) -> None:
        """Log what is wrong with documents that were read, and once that parts of the folder cannot be listed."""
        if summary.broken:
            _log.warning("the catalog's folder has %s", summary.problem_text())
        if summary.is_emptied:
            _log.warning("the catalog's folder has no images any more; is its disk mounted?")
        if self._was_whole and not summary.is_whole:
            _log.warning("the catalog's folder has folders that cannot be listed; their images stay as they were")
        self._was_whole = summary.is_whole

    @contextmanager
    def _alone(self, *, waiting: bool) -> Iterator[bool]:
        """Keep other processes from looking; yield False where another one does and this one is not to wait."""
        lock = self._lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if waiting else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            if not lock.closed:
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _watch(self) -> None:
        """Look at a large folder until closed; of several processes, one does so and another takes over after it."""
        while not self._stop.is_set():
            try:
                self._opened()
                self._complete()
                with ExitStack() as stack:
                    with self._scanning:
                        is_alone = stack.enter_context(self._alone(waiting=False))
                        if is_alone and (self._file_count() or 0) <= _MAX_AWAITED and self._update(_MAX_AWAITED):
                            self._thread = None
                            return
                    if is_alone:
                        self._watch_alone()
            except Exception as error:  # noqa: BLE001  a look that failed must not be the last one
                if self._stop.is_set():
                    return
                reason = error if isinstance(error, DownloadError) else f"unexpected {type(error).__name__}"
                _log.warning("the catalog's folder cannot be looked at: %s", reason)
                self._stop.wait(_RETRY_PAUSE)
            self._stop.wait(_SHORTEST_PAUSE)

    def _watch_alone(self) -> None:
        """Look at the folder quickly and often, and in whole as often as a fifth of a core allows."""
        store = self._opened()
        catalog = IndexCatalog(store)
        full_due = 0.0
        pause = 0.0
        last_id = ""  # behind which footprints are read
        while not self._stop.wait(pause) and self._opened() is store:
            began, work = time.monotonic(), time.thread_time()
            is_quick = began < full_due
            with self._scanning:
                self._update(None, is_quick=is_quick)
            last_id = catalog.learn_footprints(last_id, _MAX_LEARNT)
            # the work of a core: by the clock alone, the pauses of a busy machine would be too long
            seconds = max(time.thread_time() - work, (time.monotonic() - began) / _FULL_PAUSE)
            if not is_quick:
                full_due = time.monotonic() + _FULL_PAUSE * seconds
            pause = min(max(_SHORTEST_PAUSE, _QUICK_PAUSE * seconds if is_quick else seconds), _LONGEST_PAUSE)


def _new_store(path: Path) -> IndexStore:
    """Return an index in place of one that cannot be opened; one that another process has just made is taken."""
    try:
        return IndexStore(path)
    except SourceUnavailable:
        for name in (path, path.with_suffix(".files")):
            for suffix in ("", "-wal", "-shm"):
                name.with_name(name.name + suffix).unlink(missing_ok=True)
        return IndexStore(path)
