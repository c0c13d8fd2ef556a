"""What becomes of a window of a raster, as a value that another process can call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from rasterwire.encode import Block
from rasterwire.encode.tiles import Tiles
from rasterwire.pixels import Window
from rasterwire.plan import RasterPlan
from rasterwire.render.block import render_block
from rasterwire.render.stored import stored_tiles
from rasterwire.spans import span

__all__ = ["BlockTask"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BlockTask(Generic[T]):
    """Renders and encodes blocks of a raster.

    Attributes:
        raster: the plan of it.
        encode: a value as well; see ``BlockSource``.
    """

    raster: RasterPlan
    encode: Callable[[Block], T]

    def __call__(self, window: Window) -> T:
        """Return the encoded block of a window; of a raster with a tiling, its stored ``Tiles``.

        Raises:
            SourceUnavailable: a file cannot be read.
        """
        with span("block"):
            if self.raster.tiling is not None:
                return cast(T, Tiles(stored_tiles(self.raster, window), []))  # what encode would make of pixels
            block = render_block(self.raster, window)
        with span("encode"):
            return self.encode(block)
