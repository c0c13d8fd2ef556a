"""Plans and blocks of pixels in, bytes of files out. Equal plans give equal bytes."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from rasterwire.pixels import Pixels, Window
from rasterwire.plan.types import RasterPlan

__all__ = ["BlockSource"]


class BlockSource(Protocol):
    """Renders the blocks of a raster."""

    def __call__(self, raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        """Yield for each window, in order, one Pixels a band, of the planned dtype."""
        ...
