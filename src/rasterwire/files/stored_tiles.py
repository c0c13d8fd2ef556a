"""Stored tiles of remote files, still compressed: each is fetched once, whichever threads need it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

from rasterwire.files.sources import Span
from rasterwire.files.tile_folder import TileFolder

__all__ = ["StoredTiles"]

_MAX_WAITING = 24 << 20
"""Bytes of tiles that wait to be written to the folder."""

_QUIET_SECONDS = 0.25
"""After the last fetch, before tiles are written: they are decoded meanwhile, and a client waits for that. Where half
of the bytes are taken that may wait, they are written at once."""

_clock = time.monotonic

_Key = tuple[tuple[str, str], Span]


@cache
def _writer() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="keep tiles")


class StoredTiles:
    """Tiles up to a number of bytes; the least recently used are dropped first. Threads may share it.

    Attributes:
        folder: where tiles are kept for other processes, or None.
    """

    def __init__(self, max_bytes: int) -> None:
        self.folder: TileFolder | None = None
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._tiles: OrderedDict[_Key, bytes] = OrderedDict()
        self._bytes = 0
        self._in_progress: dict[_Key, Future[bytes]] = {}
        self._waiting = 0
        self._fetched = 0.0  # when the last fetch ended
        self._crowded = threading.Condition(self._lock)

    def fetch(
        self, file: tuple[str, str], spans: Sequence[Span], read: Callable[[Sequence[Span]], list[bytes]]
    ) -> Mapping[Span, bytes]:
        """Return the bytes of tiles by their spans. Those that are missing are read together.

        Args:
            file: address and version.
            spans: of the tiles.
            read: returns the bytes of spans from the source.

        Raises:
            SourceUnavailable: of ``read``, in this thread or in another one.
        """
        tiles: dict[Span, bytes] = {}
        claimed: dict[Span, Future[bytes]] = {}
        shared: dict[Span, Future[bytes]] = {}
        with self._lock:
            for span in spans:
                key = file, span
                tile = self._tiles.get(key)
                if tile is not None:
                    self._tiles.move_to_end(key)
                    tiles[span] = tile
                elif key in self._in_progress:
                    shared[span] = self._in_progress[key]
                else:
                    claimed[span] = self._in_progress[key] = Future()
        # a span that is given twice is in ``shared`` as well, and done by then
        if claimed:
            tiles |= self._fetch_own(file, claimed, read)
        tiles |= {span: future.result() for span, future in shared.items()}
        return tiles

    def clear(self) -> None:
        """Drop all tiles in memory."""
        with self._lock:
            self._tiles.clear()
            self._bytes = 0

    def _fetch_own(
        self,
        file: tuple[str, str],
        futures: Mapping[Span, "Future[bytes]"],
        read: Callable[[Sequence[Span]], list[bytes]],
    ) -> dict[Span, bytes]:
        try:
            tiles = self._kept(file, list(futures))
            missing = [span for span in futures if span not in tiles]
            if missing:
                fetched = dict(zip(missing, read(missing), strict=True))
                tiles |= fetched
                self._keep(file, fetched)
        except BaseException as error:
            with self._lock:
                for span in futures:
                    del self._in_progress[file, span]
            for future in futures.values():
                future.set_exception(error)
            raise
        with self._lock:
            for span, tile in tiles.items():
                del self._in_progress[file, span]
                self._tiles[file, span] = tile
                self._bytes += len(tile)
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._tiles.popitem(last=False)[1])
            self._fetched = _clock()
        for span, future in futures.items():
            future.set_result(tiles[span])
        return tiles

    def _keep(self, file: tuple[str, str], tiles: Mapping[Span, bytes]) -> None:
        """Have tiles written to the folder meanwhile; none where too many wait for that."""
        folder, size = self.folder, sum(map(len, tiles.values()))
        if folder is None:
            return
        with self._lock:
            if self._waiting + size > _MAX_WAITING:
                return
            self._waiting += size
            self._crowded.notify()

        def write() -> None:
            self._wait_for_quiet()
            try:
                folder.put(file, tiles)
            finally:
                with self._lock:
                    self._waiting -= size

        _writer().submit(write)

    def _wait_for_quiet(self) -> None:
        with self._lock:
            while self._waiting <= _MAX_WAITING // 2:
                is_fetching = bool(self._in_progress)
                pause = self._fetched + _QUIET_SECONDS - _clock()
                if not is_fetching and pause <= 0:
                    return
                self._crowded.wait(_QUIET_SECONDS if is_fetching else pause)

    def _kept(self, file: tuple[str, str], spans: Sequence[Span]) -> dict[Span, bytes]:
        folder = self.folder
        if folder is None:
            return {}
        from_folder = {span: folder.get(file, span) for span in spans}
        return {span: tile for span, tile in from_folder.items() if tile is not None}
