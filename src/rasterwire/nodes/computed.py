"""Computed images, as plans take them."""

from dataclasses import dataclass

from odc.geo.geobox import GeoBox

from rasterwire.nodes.nodes import Node


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


@dataclass(frozen=True, slots=True)
class Product:
    """A computed image, ready for a plan.

    Attributes:
        id: of the image of the catalog that it was made from, where it still has that id; else "".
        bands: in order; names differ.
    """

    id: str
    bands: tuple[Computed, ...]
