"""From plans and blocks of pixels to the bytes of files. Equal plans give equal bytes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import RasterPlan

__all__ = ["Block", "BlockSource"]

Block = tuple[Pixels, ...]
"""The pixels of each band, of the planned dtype."""

T = TypeVar("T")


class BlockSource(Protocol):
    """Renders the blocks of a raster."""

    def __call__(self, raster: RasterPlan, windows: Iterable[Window], encode: Callable[[Block], T]) -> Iterator[T]:
        """Yield ``encode(block)`` for each window, in order; blocks are rendered and encoded in parallel.

        ``encode`` is a value: it can be pickled, for another process. For a raster with a tiling the stored ``Tiles``
        are yielded.
        """
        ...
