"""Functions that make one image of a collection."""

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.assembly import of_bands
from rasterwire.expression.functions.image.bands import find_bands
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import UNPROJECTED, BandValue, CollectionValue, ImageValue
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.per_pixel import Selected, reduced_node
from rasterwire.nodes.pixel_type import union


def _by_name(collection: CollectionValue) -> dict[str, list[BandValue]]:
    """Return the bands of all images by name, in the order of the first image that has them."""
    found: dict[str, list[BandValue]] = {}
    for image in collection.images():
        for band in image.bands:
            found.setdefault(band.name, []).append(band)
    return found


def composite(collection: CollectionValue, reducer: Reducer, *, keeps_names: bool) -> ImageValue:
    """Return an image of what a reducer makes, band by band, of all images at each pixel.

    Composites have no projection of their own, and no bounds: their inputs are read wherever and
    however fine the output is asked for. Source: Earth Engine's guide on compositing.
    """
    bands = []
    for name, group in _by_name(collection).items():
        for part in reducer.simple_parts():
            kind, node = reduced_node(part, [band.node for band in group], [band.type for band in group])
            bands.append(BandValue(name, kind, node, UNPROJECTED))
    if keeps_names:
        return of_bands(bands)
    names = [f"{name}_{output}" for name in _by_name(collection) for output in reducer.outputs]
    return of_bands([BandValue(n, b.type, b.node, b.projection) for n, b in zip(names, bands, strict=True)])


@table.listed(
    "ImageCollection.reduce(collection: ImageCollection, reducer: Reducer, parallelScale: Float = 1.0) -> Image"
)
def reduce_collection(collection: CollectionValue, reducer: Reducer, _: float) -> ImageValue:
    """Applies a reducer to all images of a collection, pixel by pixel; bands are named by band and output."""
    return composite(collection, reducer, keeps_names=False)


def _sugar(name: str, kind: str, said: str) -> None:
    def call(collection: CollectionValue) -> ImageValue:
        return composite(collection, Reducer(kind, outputs=(name,)), keeps_names=True)

    call.__doc__ = said
    table.listed(f"reduce.{name}(collection: ImageCollection) -> Image")(call)


for _name, _kind, _said in [
    ("median", "median", "The median of all images at each pixel."),
    ("mean", "mean", "The mean of all images at each pixel."),
    ("min", "min", "The least value of all images at each pixel."),
    ("max", "max", "The greatest value of all images at each pixel."),
    ("sum", "sum", "The sum of all images at each pixel."),
    ("mode", "mode", "The commonest value of all images at each pixel."),
    ("product", "product", "The product of all images at each pixel."),
    ("count", "count", "How many images are valid at each pixel."),
    ("and", "allNonZero", "1 where all images are not 0."),
    ("or", "anyNonZero", "1 where one image is not 0."),
]:
    _sugar(_name, _kind, _said)


@table.listed("ImageCollection.mosaic(collection: ImageCollection) -> Image")
def mosaic(collection: CollectionValue) -> ImageValue:
    """Lays all images over each other: the last valid one of the collection is seen."""
    return composite(collection, Reducer("mosaic", outputs=("mosaic",)), keeps_names=True)


@table.listed("ImageCollection.qualityMosaic(collection: ImageCollection, qualityBand: String) -> Image")
def quality_mosaic(collection: CollectionValue, name: str) -> ImageValue:
    """Takes each pixel from the image whose quality band is greatest there."""
    images = collection.images()
    if not images:
        raise InvalidExpression("the collection is empty.")
    first = images[0]
    qualities = [find_bands(image, [name])[0] for image in images]
    bands = []
    for at, band in enumerate(first.bands):
        group = [_same_band(image, at, band.name) for image in images]
        kind = band.type
        for other in group:
            kind = union(kind, other.type)
        node = Selected([quality.node for quality in qualities], [other.node for other in group], kind.dtype)
        bands.append(BandValue(band.name, kind, node, UNPROJECTED))
    return of_bands(bands)


def _same_band(image: ImageValue, at: int, name: str) -> BandValue:
    for band in image.bands:
        if band.name == name:
            return band
    if at < len(image.bands):
        return image.bands[at]
    raise InvalidExpression(f"the images have different bands: one has no '{name}'.")
