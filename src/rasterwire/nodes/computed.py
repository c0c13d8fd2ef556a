"""Computed images as plans have them."""

from dataclasses import dataclass

from odc.geo.geobox import GeoBox

from rasterwire.nodes.nodes import Node


@dataclass(frozen=True, slots=True)
class Computed:
    """A band that is computed, as plans and the renderer have it: like ``image.Band``, without a file.

    Attributes:
        name: unique in its image.
        grid: its own; of one pixel where it has no bounds.
        dtype: numpy name.
        node: that makes its pixels.
        is_bounded: whether it ends anywhere.
    """

    name: str
    grid: GeoBox
    dtype: str
    node: Node
    is_bounded: bool = True
    nodata: float | int | None = None
    masked: bool = False
    overviews: tuple[tuple[int, int], ...] = ()
    exact_overviews: bool = True
    value_scale: float = 1.0
    value_offset: float = 0.0
    unit: str = ""
    plain: bool = False

    @property
    def placed(self) -> GeoBox:
        """See ``Band.placed``."""
        return self.grid


@dataclass(frozen=True, slots=True)
class Product:
    """A computed image, ready to be planned.

    Attributes:
        id: of the catalog's image that it still is, or "".
        bands: in order; names differ.
    """

    id: str
    bands: tuple[Computed, ...]
