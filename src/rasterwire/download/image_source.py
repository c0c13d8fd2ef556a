"""What expressions see of this server: the images of its catalog, and their pixels."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from typing import Any

from odc.geo.geobox import GeoBox

from rasterwire.catalog import Catalog
from rasterwire.download.finder import CatalogFinder
from rasterwire.download.image_values import image_value
from rasterwire.download.read_ahead import ReadAhead
from rasterwire.errors import NO_BANDS, ImageNotFound, InvalidExpression
from rasterwire.expression.coerce import describe
from rasterwire.expression.language.graph import Array, Call, Graph, Literal, Record
from rasterwire.expression.language.selection import Selection
from rasterwire.expression.language.values import CollectionValue, ImageValue
from rasterwire.image import Image, properties_of
from rasterwire.nodes.computed import Computed, Product
from rasterwire.nodes.nodes import Node
from rasterwire.pixels import Pixels, Window
from rasterwire.query import Present, Query
from rasterwire.render import Engine
from rasterwire.render.computed import compute

_MISSING = "not found (does not exist or caller does not have access)."
"""Earth Engine's words."""

_SAMPLE = 100
"""Images of a collection whose properties are looked at first."""


class CatalogWorld:
    """Images of a catalog as values; see ``expression.values.World``."""

    def __init__(
        self, catalog: Catalog, engine: Engine, graph: Graph | None = None, needed: Sequence[str] = ()
    ) -> None:
        """Set where images come from.

        Args:
            catalog: of the images.
            engine: computes pixels.
            graph: that is evaluated, which names images that may be read together.
            needed: see ``image_value``.
        """
        self._catalog = catalog
        self._needed = needed
        self._engine = engine
        ahead = ReadAhead(catalog)
        names = [] if graph is None else _image_names(graph)
        self._readers = {name: ahead.add(plain_id(name)) for name in names} if len(names) > 1 else {}

    def image(self, image_id: str) -> ImageValue:
        """See ``World.image``."""
        try:
            image = self._find(image_id)
        except ImageNotFound:
            raise InvalidExpression(f"Image asset '{image_id[:200]}' {_MISSING}", "Image.load") from None
        return image_value(image, lambda: image, self._needed)

    def _find(self, name: str) -> Image:
        if name in self._readers:
            with suppress(ImageNotFound):
                return self._readers[name]()
        return find_image(self._catalog, name)

    def collection(self, collection_id: str) -> CollectionValue:
        """See ``World.collection``."""
        name = plain_id(collection_id)
        if not name or not self._catalog.exists(name):
            message = f"ImageCollection asset '{collection_id[:200]}' {_MISSING}"
            raise InvalidExpression(message, "ImageCollection.load")
        selection = Selection(CatalogFinder(self._catalog, self._needed), Query(collection=name))
        return CollectionValue(selection, of_images=True, id=collection_id)

    def pixels(self, nodes: Sequence[Node], grid: GeoBox, windows: Sequence[Window]) -> Iterator[list[Pixels]]:
        """See ``World.pixels``."""
        return self._engine.map(
            partial(compute, nodes, grid), windows, lambda window: len(nodes) * window.height * window.width
        )


def _image_names(graph: Graph) -> list[str]:
    """Return the names of the images that a graph loads, in its order, each once."""
    names: dict[str, None] = {}
    nodes = list(graph.values.values())[::-1]
    while nodes:
        match nodes.pop():
            case Call(name="Image.load", arguments={"id": Literal(value=str() as name)}):
                names[name] = None
            case Call(arguments=fields) | Record(fields):
                nodes.extend(list(fields.values())[::-1])
            case Array(items):
                nodes.extend(items[::-1])
            case _:
                pass
    return list(names)


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
        # of the ids that begin with it, it is the first
        found = catalog.find(Query(collection=collection, prefix=last), size=1).images if collection and last else ()
        if found and found[0].id == last:
            return catalog.get(last)
        raise


def unknown_properties(catalog: Catalog, collection_id: str, names: Sequence[str]) -> dict[str, str]:
    """Return those of some properties that no image of a collection has, each with one that may be meant, or "".

    Most properties are found in some images of the collection; the catalog searches it for the others only.
    """
    collection = Query(collection=plain_id(collection_id))
    sample = catalog.find(collection, size=_SAMPLE).images
    known: set[str] = set().union(*map(properties_of, sample))
    unknown = {}
    for name in dict.fromkeys(names):
        is_rare = name not in known and bool(sample)
        if is_rare and not catalog.find(collection.narrowed(Present(name)), size=1).images:
            unknown[name] = next(iter(get_close_matches(name, known, 1)), "")
    return unknown


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
