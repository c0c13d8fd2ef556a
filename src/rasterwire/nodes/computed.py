"""Computed images, as plans take them."""

from collections.abc import Callable
from dataclasses import dataclass

from odc.geo.geobox import GeoBox

from rasterwire.nodes.nodes import Node
from rasterwire.nodes.run import in_order


@dataclass(frozen=True, slots=True)
class Computed:
    """A band that is computed: a ``plan.types.Source`` without a file.

    Attributes:
        name: unique in its image.
        grid: its own; of one pixel where it has no bounds.
        dtype: numpy name.
        node: computes its pixels.
        is_bounded: whether it ends anywhere.
    """

    name: str
    grid: GeoBox
    dtype: str
    node: Node
    is_bounded: bool = True

    def __reduce__(self) -> tuple[Callable[..., "Computed"], tuple[object, ...]]:
        # each node after its inputs, which pickle has written by then: trees may be deeper than its stack
        return _without_order, (in_order(self.node), self.name, self.grid, self.dtype, self.node, self.is_bounded)

    @property
    def placed(self) -> GeoBox:
        """See ``Band.placed``."""
        return self.grid

    @property
    def nodata(self) -> None:
        """None: no value marks its invalid pixels."""
        return

    @property
    def stored(self) -> None:
        """None: it is not a band of a file."""
        return


def _without_order(_: tuple[Node, ...], name: str, grid: GeoBox, dtype: str, node: Node, is_bounded: bool) -> Computed:
    return Computed(name, grid, dtype, node, is_bounded)


@dataclass(frozen=True, slots=True)
class Product:
    """A computed image, ready for a plan.

    Attributes:
        id: of the image of the catalog that it was made from, where it still has that id; else "".
        bands: in order; names differ.
    """

    id: str
    bands: tuple[Computed, ...]
