"""The values of expressions: images, collections, features, dates and others, without pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.selection import Selection
from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import footprint, shifted
from rasterwire.geo.region import Region
from rasterwire.nodes.nodes import Node
from rasterwire.nodes.pixel_type import PixelType
from rasterwire.pixels import Pixels, Window
from rasterwire.query import Condition

LONLAT = CRS("EPSG:4326")


@dataclass(frozen=True, slots=True)
class Projection:
    """A crs with the transform from pixels to it.

    Attributes:
        crs: None for rasters without one.
        transform: from pixels (col, row) to the crs.
    """

    crs: CRS | None
    transform: Affine

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of an answer."""
        name = crs_name(self.crs)
        crs_member = {"crs": name} if ":" in name[:12] or not name else {"wkt": name}
        return {"type": "Projection", **crs_member, "transform": list(self.transform)[:6]}


UNPROJECTED = Projection(LONLAT, Affine.identity())
"""The projection of constants and composites, which have no pixels of their own: one degree a pixel.

Source: Earth Engine's guide.
"""

Extent = tuple[int, int, int, int]
"""Column, row, width and height in pixels of a projection."""


@dataclass(frozen=True, slots=True)
class BandValue:
    """A band of an image.

    Attributes:
        name: unique in its image.
        type: of its pixels.
        node: computes its pixels.
        projection: its default projection.
        extent: in pixels of the projection; None for a band without bounds.
        outline: the footprint of a band whose projection was changed; see ``footprint``.
    """

    name: str
    type: PixelType
    node: Node
    projection: Projection
    extent: Extent | None = None
    outline: Region | None = None

    @property
    def footprint(self) -> Region | None:
        """The outline of the band on the ground; None for a band without bounds or crs."""
        grid = self.grid
        return self.outline or (None if grid is None or grid.crs is None else footprint(grid))

    @property
    def grid(self) -> GeoBox | None:
        """The band's own grid; None for a band without bounds."""
        if self.extent is None:
            return None
        col, row, width, height = self.extent
        return GeoBox((height, width), shifted(self.projection.transform, col, row), self.projection.crs)


class ImageValue:
    """Bands with properties.

    The bands of an image of the catalog are looked up on first use, so that thousands of images can be
    sorted and filtered by their properties alone. Where some bands cannot be read, the others are
    available by name; everything that needs all bands of the image fails.

    Attributes:
        properties: JSON values, dates as milliseconds; includes ``system:index`` and the like.
        id: of the image of the catalog; None for a computed image.
        region: the region of a clip; None where the footprint is that of the bands.
        outline: the footprint that the catalog knows of its image, by which it is filtered; None for other images.
    """

    __slots__ = ("_bands", "_make", "_make_readable", "id", "outline", "properties", "region")

    def __init__(
        self,
        bands: "Sequence[BandValue] | Callable[[], Sequence[BandValue]]",
        properties: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002  the word of the field
        region: Region | None = None,
        readable: "Callable[[], Sequence[BandValue]] | None" = None,
        outline: Region | None = None,
    ) -> None:
        self._make = bands if callable(bands) else None
        self._make_readable = readable
        self._bands = None if callable(bands) else tuple(bands)
        self.properties = dict(properties or {})
        self.id = id
        self.region = region
        self.outline = outline

    @property
    def bands(self) -> tuple[BandValue, ...]:
        """The bands in order."""
        if self._bands is None:
            assert self._make is not None
            self._bands = tuple(self._make())
        return self._bands

    def bands_for(self, names: Sequence[Any]) -> tuple[BandValue, ...]:
        """Return the bands to select from: only the readable bands where they have all of the names, else all bands."""
        if self._bands is None and self._make_readable is not None and all(isinstance(name, str) for name in names):
            readable = tuple(self._make_readable())
            if {band.name for band in readable}.issuperset(names):
                return readable
        return self.bands

    @property
    def resolved_band_count(self) -> int:
        """The number of bands; 0 where they were not looked up yet."""
        return 0 if self._bands is None else len(self._bands)

    def with_bands(self, bands: Sequence[BandValue]) -> "ImageValue":
        """Return the same image with other bands."""
        return ImageValue(bands, self.properties, self.id, self.region)

    def with_properties(self, properties: Mapping[str, Any]) -> "ImageValue":
        """Return the same image with other properties."""
        return ImageValue(self._make or self.bands, properties, self.id, self.region, self._make_readable, self.outline)

    def footprint(self) -> Region | None:
        """Return the region of the clip, else the footprint of the first band that has one; None for no bounds."""
        if self.region is not None:
            return self.region
        return next((band.footprint for band in self.bands if band.footprint is not None), None)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureValue:
    """A geometry with properties.

    Attributes:
        geometry: None for a feature without one.
        properties: JSON values.
    """

    geometry: Region | None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def footprint(self) -> Region | None:
        """Return the geometry, or None; the counterpart of ``ImageValue.footprint``."""
        return self.geometry

    def with_properties(self, properties: Mapping[str, Any]) -> "FeatureValue":
        """Return the same feature with other properties."""
        return replace(self, properties=properties)


Element = ImageValue | FeatureValue


class CollectionValue:
    """Images or features in order. Images of the catalog are looked up on first use.

    Attributes:
        of_images: whether the elements are images; also set for an empty collection.
        id: of the collection of the catalog; None for a computed collection.
        properties: of the collection itself.
        selection: what finds the elements in the catalog; None where they are not of it.
    """

    __slots__ = ("_elements", "id", "of_images", "properties", "selection")

    def __init__(
        self,
        elements: tuple[Element, ...] | Selection,
        of_images: bool,
        id: str | None = None,  # noqa: A002  the word of the field
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Set all images, or all features, or what finds images in the catalog."""
        self.selection = elements if isinstance(elements, Selection) else None
        self._elements = None if isinstance(elements, Selection) else elements
        self.of_images = of_images
        self.id = id
        self.properties = dict(properties or {})

    @property
    def elements(self) -> tuple[Element, ...]:
        """All images, or all features.

        Raises:
            InvalidExpression, SourceUnavailable: see ``Selection.part``.
        """
        if self._elements is None:
            assert self.selection is not None
            self._elements = self.selection.part()
        return self._elements

    @property
    def resolved_count(self) -> int:
        """The number of elements; 0 where they were not looked up yet."""
        return 0 if self._elements is None else len(self._elements)

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements)

    def __len__(self) -> int:
        return self.selection.count() if self._elements is None and self.selection else len(self.elements)

    def part(self, start: int, count: int) -> tuple[Element, ...]:
        """Return the elements from a position on, at most a number of them; no others are looked up.

        Raises:
            InvalidExpression, SourceUnavailable: see ``Selection.part``.
        """
        if self._elements is not None or self.selection is None:
            return self.elements[start : start + count]
        images = self.selection.part(start, count)
        if start == 0 and len(images) < count:
            self._elements = images
        return images

    def each(self) -> Iterator[Element]:
        """Yield the elements one after another, without keeping those that are looked up for it."""
        return self.selection.images() if self._elements is None and self.selection else iter(self.elements)

    def renewed(self, elements: Sequence[Element] | Selection) -> "CollectionValue":
        """Return a collection of other elements, with the same id and properties."""
        content = elements if isinstance(elements, Selection) else tuple(elements)
        return CollectionValue(content, self.of_images, self.id, self.properties)

    def with_properties(self, properties: Mapping[str, Any]) -> "CollectionValue":
        """Return the same elements in a collection with other properties."""
        content = self.selection if self._elements is None and self.selection else self.elements
        return CollectionValue(content, self.of_images, self.id, properties)

    def images(self) -> list[ImageValue]:
        """Return the elements as images.

        Raises:
            InvalidExpression: an element is a feature.
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
        """Call with arguments in order; arguments beyond the names are ignored."""
        return self.call(dict(zip(self.names, arguments, strict=False)))


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """What a query can say of a filter.

    Attributes:
        condition: that an image of the catalog fulfils if it passes the filter.
        size: conditions that it consists of; of ``MAX_CONDITIONS`` at most.
        is_exact: whether each image that fulfils it passes the filter.
    """

    condition: Condition
    size: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class FilterValue:
    """A test of elements.

    Attributes:
        accepts: tests one element.
        accepts_pair: tests two elements for a join; None for a filter that compares no fields.
        measure: returns the difference of two elements; None for a filter without a measure.
        depth: levels of filters within it.
        folded: what a query can say of it; None for nothing.
    """

    accepts: Callable[[Element], bool]
    accepts_pair: Callable[[Element, Element], bool] | None = None
    measure: Callable[[Element, Element], float] | None = None
    depth: int = 0
    folded: Folded | None = None


@dataclass(frozen=True, slots=True)
class ErrorMarginValue:
    """The error that a result may have."""

    value: float
    unit: str = "meters"


@dataclass(frozen=True, slots=True)
class KernelValue:
    """Weights around a pixel.

    Attributes:
        weights: rows of numbers; the middle one is for the pixel itself.
        units: of the radius, ``pixels`` or ``meters``.
    """

    weights: tuple[tuple[float, ...], ...]
    units: str = "pixels"


class World(Protocol):
    """The images and pixels that functions need beside the graph."""

    def image(self, image_id: str) -> ImageValue:
        """Return an image of the catalog.

        Raises:
            InvalidExpression: there is no such image.
        """
        ...

    def collection(self, collection_id: str) -> CollectionValue:
        """Return the images of a collection, in the order of their ids; they are looked up when they are needed.

        Raises:
            InvalidExpression: there is no such collection.
        """
        ...

    def pixels(self, nodes: Sequence[Node], grid: GeoBox, windows: Sequence[Window]) -> Iterator[list[Pixels]]:
        """Yield the pixels of nodes for each window of a grid, in order.

        Raises:
            SourceUnavailable: a file cannot be read.
        """
        ...
