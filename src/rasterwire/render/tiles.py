"""Decoded tiles kept for the blocks that share them: each is decoded once, by whoever comes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

from rasterwire.files.decoded_tile import DecodedTile

K = TypeVar("K", bound=Hashable)


class TileCache:
    """Tiles up to a number of bytes, the least recently used out first. Safe to use from several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Hashable, DecodedTile] = OrderedDict()
        self._bytes = 0
        self._on_their_way: dict[Hashable, Future[DecodedTile]] = {}

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether a tile is kept at the moment."""
        with self._lock:
            return key in self._tiles

    def each(self, keys: Sequence[K], decode: Callable[[K], DecodedTile]) -> Iterator[tuple[K, DecodedTile]]:
        """Yield each key with its tile, in any order.

        What another thread decodes at the moment comes last, so that two threads that want the same
        tiles share the work.

        Raises:
            Exception: of ``decode``, by whichever thread it was called.
        """
        others: list[tuple[K, Future[DecodedTile]]] = []
        for key in keys:
            mine: Future[DecodedTile] | None = None
            with self._lock:
                tile = self._tiles.get(key)
                if tile is not None:
                    self._tiles.move_to_end(key)
                elif key in self._on_their_way:
                    others.append((key, self._on_their_way[key]))
                    continue
                else:
                    mine = self._on_their_way[key] = Future()
            yield key, tile if mine is None else self._decode(key, decode, mine)  # type: ignore[misc]
        for key, other in others:
            yield key, other.result()

    def _decode(self, key: K, decode: Callable[[K], DecodedTile], mine: Future[DecodedTile]) -> DecodedTile:
        try:
            tile = decode(key)
        except BaseException as error:
            with self._lock:
                del self._on_their_way[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._on_their_way[key]
            self._tiles[key] = tile
            self._bytes += tile.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        mine.set_result(tile)
        return tile
