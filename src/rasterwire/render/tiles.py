"""A cache of decoded tiles for the blocks that share them: the first thread that needs a tile decodes it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

from rasterwire.files.decoded_tile import DecodedTile

K = TypeVar("K", bound=Hashable)


class TileCache:
    """Tiles up to a number of bytes; the least recently used are dropped first. Threads may share it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Hashable, DecodedTile] = OrderedDict()
        self._bytes = 0
        self._in_progress: dict[Hashable, Future[DecodedTile]] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether the cache holds a tile."""
        with self._lock:
            return key in self._tiles

    def each(self, keys: Sequence[K], decode: Callable[[K], DecodedTile]) -> Iterator[tuple[K, DecodedTile]]:
        """Yield each key with its tile, in any order.

        Tiles that another thread is decoding come last, so that two threads that need the same tiles
        share the work.

        Raises:
            Exception: of ``decode``, in this thread or in another one.
        """
        pending: list[tuple[K, Future[DecodedTile]]] = []
        for key in keys:
            future: Future[DecodedTile] | None = None
            with self._lock:
                tile = self._tiles.get(key)
                if tile is not None:
                    self._tiles.move_to_end(key)
                elif key in self._in_progress:
                    pending.append((key, self._in_progress[key]))
                    continue
                else:
                    future = self._in_progress[key] = Future()
            yield key, tile if future is None else self._decode(key, decode, future)  # type: ignore[misc]
        for key, future in pending:
            yield key, future.result()

    def _decode(self, key: K, decode: Callable[[K], DecodedTile], future: Future[DecodedTile]) -> DecodedTile:
        try:
            tile = decode(key)
        except BaseException as error:
            with self._lock:
                del self._in_progress[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._in_progress[key]
            self._tiles[key] = tile
            self._bytes += tile.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        future.set_result(tile)
        return tile
