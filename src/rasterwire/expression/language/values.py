"""What expressions are made of: images, collections and the like, as values without a pixel."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression
from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import footprint, shifted
from rasterwire.geo.region import Region
from rasterwire.nodes.nodes import Node
from rasterwire.nodes.pixel_type import PixelType
from rasterwire.pixels import Pixels, Window

LONLAT = CRS("EPSG:4326")


@dataclass(frozen=True, slots=True)
class Projection:
    """A crs with the transform from pixels to it.

    Attributes:
        crs: None for rasters that name none.
        transform: pixel (col, row) to crs.
    """

    crs: CRS | None
    transform: Affine

    def as_json(self) -> dict[str, Any]:
        """Return what clients are told."""
        name = crs_name(self.crs)
        said = {"crs": name} if ":" in name[:12] or not name else {"wkt": name}
        return {"type": "Projection", **said, "transform": list(self.transform)[:6]}


UNPROJECTED = Projection(LONLAT, Affine.identity())
"""Of what has no pixels of its own, constants and composites: a degree a pixel. Source: Earth Engine's guide."""

Extent = tuple[int, int, int, int]
"""Column, row, width and height in pixels of a projection."""


@dataclass(frozen=True, slots=True)
class BandValue:
    """A band of an image.

    Attributes:
        name: unique in its image.
        type: of its pixels.
        node: that makes them.
        projection: its own.
        extent: in pixels of the projection; None where it has no bounds.
        outline: where it lies, if the pixels of the projection are not those it had; see ``place``.
    """

    name: str
    type: PixelType
    node: Node
    projection: Projection
    extent: Extent | None = None
    outline: Region | None = None

    @property
    def place(self) -> Region | None:
        """Where the band lies; None where it has no bounds, or no crs."""
        grid = self.grid
        return self.outline or (None if grid is None or grid.crs is None else footprint(grid))

    @property
    def grid(self) -> GeoBox | None:
        """The band's own grid; None where it has no bounds."""
        if self.extent is None:
            return None
        col, row, width, height = self.extent
        return GeoBox((height, width), shifted(self.projection.transform, col, row), self.projection.crs)


class ImageValue:
    """Bands with properties.

    The bands of an image of the catalog are only looked up when somebody asks for them, so that
    thousands of images can be sorted and filtered by what documents say. Where some cannot be read, the
    others can be had by their names alone: nothing that takes all of an image goes on without them.

    Attributes:
        properties: JSON values, dates as milliseconds; ``system:index`` and the like included.
        id: of the catalog's image that this still is, or None.
        region: that an image was clipped to, where it is not simply the extent of its bands.
    """

    __slots__ = ("_bands", "_make", "_make_readable", "id", "properties", "region")

    def __init__(
        self,
        bands: "Sequence[BandValue] | Callable[[], Sequence[BandValue]]",
        properties: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002  the word of the field
        region: Region | None = None,
        readable: "Callable[[], Sequence[BandValue]] | None" = None,
    ) -> None:
        self._make = bands if callable(bands) else None
        self._make_readable = readable
        self._bands = None if callable(bands) else tuple(bands)
        self.properties = dict(properties or {})
        self.id = id
        self.region = region

    @property
    def bands(self) -> tuple[BandValue, ...]:
        """The bands in order."""
        if self._bands is None:
            assert self._make is not None
            self._bands = tuple(self._make())
        return self._bands

    def bands_for(self, names: Sequence[Any]) -> tuple[BandValue, ...]:
        """Return bands to select from: those that can be read where they have all of some names, else all."""
        if self._bands is None and self._make_readable is not None and all(isinstance(name, str) for name in names):
            readable = tuple(self._make_readable())
            if {band.name for band in readable}.issuperset(names):
                return readable
        return self.bands

    @property
    def known_bands(self) -> int:
        """The number of bands as far as they were looked up."""
        return 0 if self._bands is None else len(self._bands)

    def with_bands(self, bands: Sequence[BandValue]) -> "ImageValue":
        """Return the same image with other bands."""
        return ImageValue(bands, self.properties, self.id, self.region)

    def with_properties(self, properties: Mapping[str, Any]) -> "ImageValue":
        """Return the same image with other properties."""
        return ImageValue(self._make or self.bands, properties, self.id, self.region, self._make_readable)

    def footprint(self) -> Region | None:
        """Return the outline of the first band, or what the image was clipped to; None for no bounds."""
        if self.region is not None:
            return self.region
        return next((band.place for band in self.bands if band.place is not None), None)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureValue:
    """A geometry with properties.

    Attributes:
        geometry: None where it has none.
        properties: JSON values.
    """

    geometry: Region | None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def footprint(self) -> Region | None:
        """Return the geometry, None for none: what an image's outline is to it."""
        return self.geometry

    def with_properties(self, properties: Mapping[str, Any]) -> "FeatureValue":
        """Return the same feature with other properties."""
        return replace(self, properties=properties)


Element = ImageValue | FeatureValue


@dataclass(frozen=True, slots=True, eq=False)
class CollectionValue:
    """Images or features in order.

    Attributes:
        elements: of one kind.
        of_images: which kind; told where there is no element.
        id: of the catalog's collection that this still is, or None.
        properties: of the collection itself.
    """

    elements: tuple[Element, ...]
    of_images: bool
    id: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements)

    def __len__(self) -> int:
        return len(self.elements)

    def images(self) -> list[ImageValue]:
        """Return the elements as images.

        Raises:
            InvalidExpression: one is none.
        """
        images = [element for element in self.elements if isinstance(element, ImageValue)]
        if len(images) < len(self.elements):
            raise InvalidExpression("a collection of features was given where one of images is needed")
        return images


@dataclass(frozen=True, slots=True)
class DateValue:
    """A moment, in milliseconds since 1970 in UTC."""

    millis: int


@dataclass(frozen=True, slots=True)
class DateRangeValue:
    """The moments from ``start`` to before ``end``, both in milliseconds since 1970."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class FunctionValue:
    """A function that can be called or passed on.

    Attributes:
        names: of its arguments, in calling order; () for functions of the server, called by name.
        call: takes the arguments by name.
    """

    names: tuple[str, ...]
    call: Callable[[Mapping[str, Any]], Any]

    def __call__(self, *arguments: Any) -> Any:
        """Call with arguments in order; more than it has names for are left out."""
        return self.call(dict(zip(self.names, arguments, strict=False)))


@dataclass(frozen=True, slots=True, eq=False)
class FilterValue:
    """A test of elements.

    Attributes:
        accepts: one element.
        joins: two elements, where the test compares properties of each; else None.
        measure: how far two elements are from each other, where the test is about that; else None.
        depth: of filters within it.
    """

    accepts: Callable[[Element], bool]
    joins: Callable[[Element, Element], bool] | None = None
    measure: Callable[[Element, Element], float] | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class ErrorMarginValue:
    """How much a result may be off."""

    value: float
    unit: str = "meters"


@dataclass(frozen=True, slots=True)
class KernelValue:
    """Weights around a pixel.

    Attributes:
        weights: rows of numbers, the middle one of the pixel itself.
        units: of the radius it was made of, ``pixels`` or ``meters``.
    """

    weights: tuple[tuple[float, ...], ...]
    units: str = "pixels"


class World(Protocol):
    """What functions need that is not in the graph."""

    def image(self, image_id: str) -> ImageValue:
        """Return an image of the catalog.

        Raises:
            InvalidExpression: there is none.
        """
        ...

    def collection(self, collection_id: str) -> CollectionValue:
        """Return the images of a collection, in the order of their ids.

        Raises:
            InvalidExpression: there is none.
        """
        ...

    def pixels(self, nodes: Sequence[Node], grid: GeoBox, windows: Sequence[Window]) -> Iterator[list[Pixels]]:
        """Yield the pixels of nodes for each window of a grid, in order.

        Raises:
            SourceUnavailable: a file cannot be read.
        """
        ...
