"""Pixels of array files: the chunks under a window, and no others, read at the same time and kept for a while."""

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.layers import GriddedVariable, Layer
from rasterwire.files.arrays.variables import Place
from rasterwire.pixels import is_nodata

__all__ = ["read_layer"]

_CACHE_BYTES = 32 << 20
"""Of planes of chunks that are kept, whoever needed them."""

_IN_FLIGHT = 16
"""Pieces that are read at the same time in this process."""

_BYTES_IN_FLIGHT = 256 << 20
"""Of decoded pieces that are read at the same time; one alone may be larger."""

_MAX_RUN, _RUN_BYTES = 4, 8 << 20
"""Stored pieces, and their bytes, that are read by one call: each call has its costs."""

_ROWS_AHEAD = 3
"""Rows of chunks that are read ahead."""

_MAX_PIECE_BYTES = 512 << 20
"""Of a chunk, which is decoded as a whole."""

_MAX_CHUNKS = 1 << 16
"""Chunks under a rectangle that is read at once."""

Plane = npt.NDArray[Any]
_Key = tuple[str, str, int, int, int]
"""Address, version, layer, and row and column among the chunks."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Chunks of a layer that are stored together, and read by one call.

    Attributes:
        keys: of the chunks that are missing.
        rows, cols: of the rectangle around them, in pixels.
    """

    keys: tuple[_Key, ...]
    rows: slice
    cols: slice


class _Flight:
    """Counts the bytes of pieces that are being read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._changed = threading.Condition()

    def start(self, count: int) -> None:
        """Wait until there is room for so many bytes; at least one piece always may be read."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes or self._bytes + count <= self._limit)
            self._bytes += count

    def end(self, count: int) -> None:
        with self._changed:
            self._bytes -= count
            self._changed.notify_all()


class _Planes:
    """Planes of chunks by key. The first thread that needs one reads it; the others wait for it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._planes: OrderedDict[_Key, Plane] = OrderedDict()
        self._bytes = 0
        self._in_progress: dict[_Key, Future[Plane]] = {}

    def claim(self, keys: Sequence[_Key]) -> tuple[dict[_Key, Plane], dict[_Key, "Future[Plane]"], list[_Key]]:
        """Return the planes that are here, those that another thread reads, and the keys that the caller reads."""
        cached: dict[_Key, Plane] = {}
        in_progress: dict[_Key, Future[Plane]] = {}
        absent: list[_Key] = []
        with self._lock:
            for key in keys:
                if key in self._planes:
                    self._planes.move_to_end(key)
                    cached[key] = self._planes[key]
                elif key in self._in_progress:
                    in_progress[key] = self._in_progress[key]
                else:
                    self._in_progress[key] = Future()
                    absent.append(key)
        return cached, in_progress, absent

    def future(self, key: _Key) -> "Future[Plane]":
        with self._lock:
            return self._in_progress[key]

    def keep(self, key: _Key, plane: Plane) -> None:
        with self._lock:
            future = self._in_progress.pop(key)
            self._planes[key] = plane
            self._bytes += plane.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._planes.popitem(last=False)[1].nbytes
        future.set_result(plane)

    def fail(self, key: _Key, error: BaseException) -> None:
        with self._lock:
            future = self._in_progress.pop(key)
        future.set_exception(error)


_planes = _Planes(_CACHE_BYTES)
_flight = _Flight(_BYTES_IN_FLIGHT)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="chunks")


def read_layer(href: str, version: str, layer: Layer, rows: slice, cols: slice, until: int = 0) -> Plane:
    """Return the pixels of a rectangle of a layer, in the type and with the nodata value that are served.

    Args:
        href: of the file.
        version: of the file.
        layer: to read.
        rows: with both ends, inside of the layer.
        cols: likewise.
        until: first row that will not be read soon; the chunks of the next rows before it are read ahead.

    Raises:
        SourceUnavailable: a chunk cannot be read, or is too large.
    """
    height, width = _chunk_size(layer)
    columns = range(cols.start // width, -(-cols.stop // width))
    end = -(-rows.stop // height)
    if len(columns) * (end - rows.start // height) > _MAX_CHUNKS:
        raise SourceUnavailable.of_file(
            f"its chunks have {width} x {height} pixels, so that a block of pixels lies in more than {_MAX_CHUNKS};"
            " store it in larger chunks"
        )
    soon = range(end, min(end + _ROWS_AHEAD, -(-until // height)))
    keys = [(href, version, layer.number, row, col) for row in range(rows.start // height, end) for col in columns]
    if len(columns) * len(soon) * _chunk_bytes(layer) <= _CACHE_BYTES // 2:
        keys_ahead = [(href, version, layer.number, row, col) for row in soon for col in columns]
    else:
        keys_ahead = []
    out = np.empty((rows.stop - rows.start, cols.stop - cols.start), layer.source.dtype)
    for (*_, row, col), plane in _each(layer, keys, keys_ahead):
        top, left = row * height, col * width
        down = slice(max(rows.start, top), min(rows.stop, top + plane.shape[0]))
        across = slice(max(cols.start, left), min(cols.stop, left + plane.shape[1]))
        target = np.s_[
            down.start - rows.start : down.stop - rows.start, across.start - cols.start : across.stop - cols.start
        ]
        out[target] = plane[down.start - top : down.stop - top, across.start - left : across.stop - left]
    return out


def _chunk_size(layer: Layer) -> tuple[int, int]:
    chunk, axes = layer.source.variable.chunk, layer.source.axes
    return chunk[axes[0]], chunk[axes[1]]


def _chunk_bytes(layer: Layer) -> int:
    return layer.source.variable.dtype.itemsize * math.prod(layer.source.variable.chunk)


def _each(layer: Layer, keys: Sequence[_Key], keys_ahead: Sequence[_Key]) -> Iterator[tuple[_Key, Plane]]:
    """Yield each key with its plane; those that other threads read come last.

    The reads of ``keys_ahead`` begin too; nobody waits for them here.
    """
    size = _chunk_bytes(layer)
    if size > _MAX_PIECE_BYTES:
        raise SourceUnavailable.of_file(
            f"its chunks have {size} bytes, at most {_MAX_PIECE_BYTES} are decoded; store it in smaller chunks"
        )
    cached, in_progress, absent = _planes.claim(keys)
    futures_of_absent = {key: _planes.future(key) for key in absent}
    ahead = _planes.claim(keys_ahead)[2]
    unread = {*absent, *ahead}
    try:
        for piece in (*_pieces(layer, absent), *_pieces(layer, ahead)):
            _pool().submit(_read_piece, layer, piece, size)
            unread.difference_update(piece.keys)
    except BaseException as error:
        _fail(list(unread), error)  # others would wait for them for ever
        raise
    yield from cached.items()
    cached.clear()
    for futures in (futures_of_absent, in_progress):
        for key in list(futures):
            yield key, futures.pop(key).result()


def _pieces(layer: Layer, keys: Sequence[_Key]) -> list[_Piece]:
    """Group chunks by what stores them together; neighbours in a row of them are read by one call too."""
    variable, axes = layer.source.variable, layer.source.axes
    height, width = _chunk_size(layer)
    down, across = (variable.unit[axis] // variable.chunk[axis] or 1 for axis in axes)
    groups = defaultdict[tuple[int, int, int], list[_Key]](list)
    together = max(1, min(_MAX_RUN, _RUN_BYTES // (_chunk_bytes(layer) * down * across)))
    gaps = 0
    for key in keys:
        row, col = key[3] // down, key[4] // across
        run = (row, col // together, gaps)
        if groups[run] and groups[run][-1][4] // across < col - 1:  # what is here already is not read again
            gaps += 1
            run = (row, col // together, gaps)
        groups[run].append(key)
    pieces = []
    for group in groups.values():
        first_row, last_row = min(key[3] for key in group), max(key[3] for key in group)
        first_col, last_col = min(key[4] for key in group), max(key[4] for key in group)
        rows = slice(first_row * height, min((last_row + 1) * height, variable.shape[axes[0]]))
        cols = slice(first_col * width, min((last_col + 1) * width, variable.shape[axes[1]]))
        pieces.append(_Piece(tuple(group), rows, cols))
    return pieces


def _read_piece(layer: Layer, piece: _Piece, chunk_bytes: int) -> None:
    """Read chunks that are stored together, and hand their planes to those that wait for them."""
    count = chunk_bytes * len(piece.keys)
    pending = list(piece.keys)
    try:
        _flight.start(count)
        try:
            planes = _planes_of(layer, piece)
        finally:
            _flight.end(count)
        while pending:
            plane = planes[pending[-1]]
            _planes.keep(pending.pop(), plane)
    except SourceUnavailable as error:
        _fail(pending, error)
    except Exception as error:  # noqa: BLE001  the errors of codecs share no root
        problem = SourceUnavailable.of_file("the file is damaged, or cannot be read as it is")
        problem.__cause__ = error
        _fail(pending, problem)


def _planes_of(layer: Layer, piece: _Piece) -> dict[_Key, Plane]:
    """Return the planes of a piece, cut off where the array ends."""
    height, width = _chunk_size(layer)
    read_chunks = layer.source.variable.read_chunks
    if read_chunks is not None:
        chunks = read_chunks([_place(layer, key) for key in piece.keys])
        return {key: _plane_of_chunk(layer, key, chunk) for key, chunk in zip(piece.keys, chunks, strict=True)}
    rectangle = _stored(layer, piece.rows, piece.cols)
    planes = {}
    for key in piece.keys:
        top, left = key[3] * height - piece.rows.start, key[4] * width - piece.cols.start
        plane = rectangle[top : top + height, left : left + width]
        planes[key] = plane if len(piece.keys) == 1 else plane.copy()
    return planes


def _place(layer: Layer, key: _Key) -> Place:
    """Return the place of a chunk among those of the variable."""
    source, chunk = layer.source, layer.source.variable.chunk
    place = [0] * len(chunk)
    for axis, index in zip(source.leading, layer.places, strict=True):
        place[axis] = index // chunk[axis]
    place[source.axes[0]], place[source.axes[1]] = key[3], key[4]
    return tuple(place)


def _plane_of_chunk(layer: Layer, key: _Key, chunk: Plane) -> Plane:
    source, (height, width) = layer.source, _chunk_size(layer)
    indices = [place % source.variable.chunk[axis] for axis, place in zip(source.leading, layer.places, strict=True)]
    rows, cols = (
        slice(0, min(size, source.variable.shape[axis] - number * size))
        for axis, size, number in zip(source.axes, (height, width), key[3:], strict=True)
    )
    plane = _served(source, chunk[source.selection(indices, rows, cols)])
    return plane.copy() if plane.base is not None and plane.size < chunk.size else plane  # it would keep all of it


def _fail(keys: Sequence[_Key], error: BaseException) -> None:
    for key in keys:
        _planes.fail(key, error)


def _stored(layer: Layer, rows: slice, cols: slice) -> Plane:
    """Return values of a rectangle, see ``_served``."""
    source = layer.source
    values = source.variable.read(source.selection(layer.places, rows, cols))
    plane = _served(source, values)
    if plane.shape != (rows.stop - rows.start, cols.stop - cols.start):
        raise SourceUnavailable.of_file("a chunk of it has another size than its metadata say")
    return plane


def _served(source: GriddedVariable, values: Plane) -> Plane:
    """Return stored values as they are served: rows along y, one type, one nodata value."""
    if source.axes[0] > source.axes[1]:
        values = values.T
    if values.dtype.kind == "i" and np.dtype(source.dtype).kind == "u":
        values = values.astype(values.dtype.newbyteorder("="), copy=False).view(source.dtype)  # by _Unsigned
    plane = np.ascontiguousarray(values, source.dtype)
    for other in source.other_nodata:
        is_missing = is_nodata(plane, other)
        if is_missing.any():
            plane = np.where(is_missing, np.array(source.nodata, plane.dtype), plane)
    return plane
