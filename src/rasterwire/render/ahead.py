"""Fetches tiles of remote files before they are needed, so that a render does not wait for each of them in turn."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache, partial

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.files.sandbox import is_apart
from rasterwire.files.sources import is_local
from rasterwire.files.tiff_file import opened_level
from rasterwire.geo.grid import pixel_offset
from rasterwire.image import Band
from rasterwire.nodes.nodes import Node, Resampled, Stored
from rasterwire.pixels import Window
from rasterwire.plan.bands import plan_band
from rasterwire.plan.types import BandPlan, RasterPlan
from rasterwire.render.positions import unwrapped
from rasterwire.render.sampling import Rectangle, sampling_of
from rasterwire.render.source import decode_ahead
from rasterwire.request import Resampling

__all__ = ["LeavesAhead", "SharedFetches", "fetch_ahead", "remote_leaves"]

_THREADS = 16
_MAX_WAITING = 64
"""Fetches that wait for a thread. More are left out: whoever needs the tiles fetches them."""

_MAX_ROW = 1 << 13
"""Columns of a raster up to which its rows are fetched in whole."""

_AHEAD_BYTES = 8 << 20
"""Of pixels of the output, whose tiles are fetched before the blocks of these pixels are rendered. With more in flight
at once, those of the first block arrive last, and nothing is decoded meanwhile."""

_BANDS_AHEAD = 16
"""Stored bands of a computation whose tiles are fetched before they are read."""

_POINTS = 9
"""A side, from which the part of a source under a window is estimated."""

_slots = threading.Semaphore(_MAX_WAITING)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="fetch")


def _submit(fetch: Callable[[], None]) -> "Future[None] | None":
    if not _slots.acquire(blocking=False):
        return None

    def run() -> None:
        try:
            fetch()
        finally:
            _slots.release()

    return _pool().submit(run)


def fetch_ahead(raster: RasterPlan, window: Window) -> None:
    """Fetch the tiles under a block and its row of blocks, and have those of the next rows fetched meanwhile.

    Bands that are computed are left out, and files of this machine, and files that GDAL reads.

    Args:
        raster: whose blocks are rendered from left to right and top to bottom.
        window: the next block.
    """
    bands = [band for band in raster.bands if band.node is None and _is_fetched(band)]
    if not bands or is_apart():  # other processes read the files, and keep tiles of their own
        return
    height, width = (int(n) for n in raster.grid.shape)
    row = Window(window.row, 0, window.height, width) if width <= _MAX_ROW else window
    fetches = [partial(_fetch, band, raster.grid, row) for band in bands]
    pending = [_submit(fetch) for fetch in fetches]
    step = row.height * row.width * sum(np.dtype(band.dtype).itemsize for band in bands)
    for count in range(1, _AHEAD_BYTES // step + 1):
        first = row.row + count * row.height
        if first >= height:
            break
        below = Window(first, row.col, min(row.height, height - first), row.width)
        for band in bands:
            _submit(partial(_fetch, band, raster.grid, below))
    for fetch, future in zip(fetches, pending, strict=True):
        if future is None:
            fetch()
        else:
            future.result()


def _is_fetched(band: BandPlan) -> bool:
    stored = band.source.stored
    return stored is not None and stored.plain and not is_local(stored.href)


def _fetch(band: BandPlan, grid: GeoBox, window: Window, is_decoded: Callable[[], bool] = lambda: False) -> None:
    """Fetch the tiles of a band under a window of a grid, so that they are at hand when they are read."""
    try:
        rectangle = _source_rectangle(band, grid, window)
        if rectangle is not None:
            stored = band.stored
            level = opened_level(
                stored.href, stored.version, None if band.overview is None else stored.overviews[band.overview]
            )
            level.stored(level.tiles_under(stored.index, rectangle))
            if band.resampling is None and is_decoded():
                _decode(stored, grid, rectangle)
    except Exception:  # noqa: BLE001  whoever reads the tiles meets the error and tells it
        pass


def _decode(band: Band, grid: GeoBox, rectangle: Rectangle) -> None:
    left, top, right, bottom = max(rectangle[0], 0), max(rectangle[1], 0), *rectangle[2:]
    offset = pixel_offset(grid, band.grid)
    if offset is not None and left < right and top < bottom:
        decode_ahead(band, Window(top, left, bottom - top, right - left), until=offset[1] + int(grid.shape[0]))


def _source_rectangle(band: BandPlan, grid: GeoBox, window: Window) -> Rectangle | None:
    """Return roughly which pixels of a source lie under a window; None where it is not known, or none do."""
    if band.resampling is None:
        offset = pixel_offset(grid, band.source.grid)
        if offset is None:
            return None
        col, row = offset[0] + window.col, offset[1] + window.row
        return col, row, col + window.width, row + window.height
    cols = np.linspace(window.col, window.col + window.width, _POINTS)
    rows = np.linspace(window.row, window.row + window.height, _POINTS)
    x, y = np.broadcast_arrays(*unwrapped(sampling_of(band, grid), cols, rows[:, None]))
    is_placed = np.isfinite(x) & np.isfinite(y)
    if not is_placed.any():
        return None
    margin = 0 if band.resampling is Resampling.NEAREST else 1
    left, top = int(np.floor(x[is_placed].min())) - margin, int(np.floor(y[is_placed].min())) - margin
    return left, top, int(np.ceil(x[is_placed].max())) + margin, int(np.ceil(y[is_placed].max())) + margin


@lru_cache(maxsize=256)
def remote_leaves(nodes: tuple[Node, ...]) -> tuple[Stored, ...]:
    """Return the stored bands of remote files below nodes, roughly in the order in which they are read.

    Those below a grid of its own are left out.
    """
    leaves: list[Stored] = []
    visited: set[bytes] = set()
    pending = list(reversed(nodes))
    while pending:
        node = pending.pop()
        if node.key in visited:
            continue
        visited.add(node.key)
        if isinstance(node, Stored):
            if node.band.plain and not is_local(node.band.href):
                leaves.append(node)
        elif not isinstance(node, Resampled):
            pending.extend(reversed(node.inputs))
    return tuple(leaves)


class SharedFetches:
    """Which bands have had their tiles under a window asked for, by all who compute a part of the window.

    Attributes:
        window: of the output.
        decodes: whether tiles are decoded as well: where several parts of the window need the same tiles at the same
            time, they would wait for each other.
        following: those of the window that is computed next.
    """

    def __init__(self, window: Window, *, decodes: bool = False) -> None:
        self.window, self.decodes = window, decodes
        self.following: SharedFetches | None = None
        self._lock = threading.Lock()
        self._begun: set[bytes] = set()
        self._reached: set[bytes] = set()

    def reach(self, leaf: Stored) -> None:
        """Tell that a band is read; its tiles need not be decoded ahead any more."""
        self._reached.add(leaf.key)

    def is_decoded(self, leaf: Stored) -> bool:
        """Tell whether the tiles of a band are still to be decoded ahead."""
        return self.decodes and leaf.key not in self._reached

    def begin(self, leaf: Stored) -> bool:
        """Tell whether the tiles of a band have still to be asked for; the caller does it."""
        with self._lock:
            is_new = leaf.key not in self._begun
            self._begun.add(leaf.key)
        return is_new


class LeavesAhead:
    """Has the tiles of the next stored bands of a computation fetched while it reads a band.

    Behind the last band come the first ones of the window that follows.
    """

    def __init__(self, leaves: Sequence[Stored], resampling: Resampling, grid: GeoBox, fetches: SharedFetches) -> None:
        self._leaves, self._resampling, self._grid, self._fetches = leaves, resampling, grid, fetches
        self._places = {leaf.key: place for place, leaf in enumerate(leaves)}
        self._begun = 0

    def reach(self, leaf: Stored) -> None:
        """Tell that a band is read next."""
        place = self._places.get(leaf.key)
        if place is None or is_apart():
            return
        until = place + 1 + _BANDS_AHEAD
        self._fetches.reach(leaf)
        for number in range(max(self._begun, place), until):
            turn, index = divmod(number, len(self._leaves))
            fetches = self._fetches if turn == 0 else self._fetches.following
            if turn > 1 or fetches is None:
                break
            following = self._leaves[index]
            if fetches.begin(following):
                plan = plan_band(following.band, self._grid, following.resampling or self._resampling)
                is_decoded = partial(fetches.is_decoded, following)
                _submit(partial(_fetch, plan, self._grid, fetches.window, is_decoded))
        self._begun = max(self._begun, until)
