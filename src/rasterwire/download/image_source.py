"""What expressions see of this server: the images of its catalog, and their pixels."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from odc.geo.geobox import GeoBox

from rasterwire.catalog import Catalog
from rasterwire.errors import NO_BANDS, ImageNotFound, InvalidExpression, SourceUnavailable
from rasterwire.expression.coerce import describe
from rasterwire.expression.language.values import BandValue, CollectionValue, ImageValue, Projection
from rasterwire.image import Image
from rasterwire.image import properties_of as image_properties
from rasterwire.nodes.computed import Computed, Product
from rasterwire.nodes.nodes import Node, Stored
from rasterwire.nodes.pixel_type import type_of
from rasterwire.pixels import Pixels, Window, type_names
from rasterwire.render import Engine
from rasterwire.render.computed import compute

_MISSING = "not found (does not exist or caller does not have access)."
"""Earth Engine's words."""


class CatalogWorld:
    """Images of a catalog as values; see ``expression.values.World``."""

    def __init__(self, catalog: Catalog, engine: Engine) -> None:
        self._catalog = catalog
        self._engine = engine

    def image(self, image_id: str) -> ImageValue:
        """See ``World.image``."""
        try:
            image = find_image(self._catalog, image_id)
        except ImageNotFound:
            raise InvalidExpression(f"Image asset '{image_id[:200]}' {_MISSING}", "Image.load") from None
        return image_value(image, lambda: image)

    def collection(self, collection_id: str) -> CollectionValue:
        """See ``World.collection``."""
        images = self._catalog.collection(plain_id(collection_id))
        if not images:
            message = f"ImageCollection asset '{collection_id[:200]}' {_MISSING}"
            raise InvalidExpression(message, "ImageCollection.load")
        elements = tuple(image_value(image, partial(self._catalog.get, image.id)) for image in images)
        return CollectionValue(elements, of_images=True, id=collection_id)

    def pixels(self, nodes: Sequence[Node], grid: GeoBox, windows: Sequence[Window]) -> Iterator[list[Pixels]]:
        """See ``World.pixels``."""
        return self._engine.map(partial(compute, nodes, grid), windows)


def plain_id(asset: str) -> str:
    """Return the id of the catalog's image that the name of an asset means.

    >>> plain_id("projects/earthengine-public/assets/COPERNICUS/S2/A"), plain_id("a/b")
    ('COPERNICUS/S2/A', 'a/b')
    """
    parts = asset.split("/", 3)
    return parts[3] if len(parts) == 4 and parts[0] == "projects" and parts[2] == "assets" else asset.strip("/")


def find_image(catalog: Catalog, asset: str) -> Image:
    """Return the image that the name of an asset means: by its id, or by its collection and its id behind that.

    Raises:
        ImageNotFound: there is none.
    """
    name = plain_id(asset)
    try:
        return catalog.get(name)
    except ImageNotFound:
        collection, _, last = name.rpartition("/")
        if collection and any(image.id == last for image in catalog.collection(collection)):
            return catalog.get(last)
        raise


def image_value(image: Image, complete: Callable[[], Image] | None = None) -> ImageValue:
    """Return an image of the catalog as a value.

    Args:
        image: of the catalog.
        complete: returns it with its bands, where it has none so far.
    """
    if complete is None:
        return ImageValue(_bands(image), image_properties(image), image.id)
    return ImageValue(
        lambda: _bands(_whole(complete())),
        image_properties(image),
        image.id,
        readable=lambda: _bands(complete()),
    )


def _whole(image: Image) -> Image:
    """Return an image with all its bands.

    Raises:
        SourceUnavailable: some of its bands cannot be read, for want of which what is computed would be another.
    """
    for file, why in image.unreadable:
        raise SourceUnavailable(image.id, file, why)
    return image


def _bands(image: Image) -> list[BandValue]:
    return [
        BandValue(
            band.name,
            type_of(band.dtype),
            Stored(band, image.id),
            Projection(band.placed.crs, band.placed.affine),
            (0, 0, int(band.placed.shape[1]), int(band.placed.shape[0])),
        )
        for band in image.bands
        if band.dtype in type_names
    ]


def properties_of(catalog: Catalog, collection_id: str) -> set[str]:
    """Return the names of the properties of all images of a collection; of one that is not there, none."""
    names: set[str] = set()
    for image in catalog.collection(plain_id(collection_id)):
        names |= image_properties(image).keys()
    return names


def product_of(value: Any, function: str = "") -> Product:
    """Return the image of an expression's result as what can be planned.

    Args:
        value: the result.
        function: the function whose call is the result, for messages.

    Raises:
        InvalidExpression: the result is no image, or has no bands.
    """
    if not isinstance(value, ImageValue):
        match value:
            case None:
                hint = "is a collection empty?"
            case CollectionValue(of_images=True):
                hint = "make one of them, as by mosaic or median."
            case _:
                hint = "call a function that makes one."
        raise InvalidExpression(f"the result is no image but {describe(value)}; {hint}", function)
    bands = []
    for band in value.bands:
        grid = band.grid
        projection = band.projection
        bounded = grid if grid is not None else GeoBox((1, 1), projection.transform, projection.crs)
        bands.append(Computed(band.name, bounded, band.type.dtype, band.node, is_bounded=grid is not None))
    if not bands:
        raise InvalidExpression(NO_BANDS, function)
    return Product(value.id or "", tuple(bands))
