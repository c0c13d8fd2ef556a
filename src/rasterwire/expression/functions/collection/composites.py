"""Functions that composite the images of a collection to one image."""

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.assembly import of_bands
from rasterwire.expression.functions.image.bands import select_bands
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import UNPROJECTED, BandValue, CollectionValue, ImageValue
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.per_pixel import Selected, reduced_node
from rasterwire.nodes.pixel_type import union


def _by_name(collection: CollectionValue) -> dict[str, list[BandValue]]:
    """Group the bands of all images by name, in the order of their first appearance."""
    groups: dict[str, list[BandValue]] = {}
    for image in collection.images():
        for band in image.bands:
            groups.setdefault(band.name, []).append(band)
    return groups


def composite(collection: CollectionValue, reducer: Reducer, *, keeps_names: bool) -> ImageValue:
    """Reduce all images of a collection at each pixel, band by band.

    A composite has no projection of its own and no bounds: its inputs are read on the grid of the
    request. Source: Earth Engine's guide on compositing.
    """
    bands = []
    for name, group in _by_name(collection).items():
        for part in reducer.simple_parts():
            pixel_type, node = reduced_node(part, [band.node for band in group], [band.type for band in group])
            bands.append(BandValue(name, pixel_type, node, UNPROJECTED))
    if keeps_names:
        return of_bands(bands)
    names = [f"{name}_{output}" for name in _by_name(collection) for output in reducer.outputs]
    return of_bands([BandValue(n, b.type, b.node, b.projection) for n, b in zip(names, bands, strict=True)])


@table.listed(
    "ImageCollection.reduce(collection: ImageCollection, reducer: Reducer, parallelScale: Float = 1.0) -> Image"
)
def reduce_collection(collection: CollectionValue, reducer: Reducer, parallel_scale: float) -> ImageValue:
    """Applies a reducer to all images of a collection, pixel by pixel; bands are named by band and output."""
    return composite(collection, reducer, keeps_names=False)


def _enter(name: str, kind: str, description: str) -> None:
    def call(collection: CollectionValue) -> ImageValue:
        return composite(collection, Reducer(kind, outputs=(name,)), keeps_names=True)

    call.__doc__ = description
    table.listed(f"reduce.{name}(collection: ImageCollection) -> Image")(call)


for _name, _kind, _description in [
    ("median", "median", "The median of all images at each pixel."),
    ("mean", "mean", "The mean of all images at each pixel."),
    ("min", "min", "The least value of all images at each pixel."),
    ("max", "max", "The greatest value of all images at each pixel."),
    ("sum", "sum", "The sum of all images at each pixel."),
    ("mode", "mode", "The most frequent value of all images at each pixel."),
    ("product", "product", "The product of all images at each pixel."),
    ("count", "count", "The number of images that are valid at each pixel."),
    ("and", "allNonZero", "1 where all images are not 0."),
    ("or", "anyNonZero", "1 where one image is not 0."),
]:
    _enter(_name, _kind, _description)


@table.listed("ImageCollection.mosaic(collection: ImageCollection) -> Image")
def mosaic(collection: CollectionValue) -> ImageValue:
    """Overlays all images: each pixel is that of the last image of the collection that is valid there."""
    return composite(collection, Reducer("mosaic", outputs=("mosaic",)), keeps_names=True)


@table.listed("ImageCollection.qualityMosaic(collection: ImageCollection, qualityBand: String) -> Image")
def quality_mosaic(collection: CollectionValue, name: str) -> ImageValue:
    """Returns each pixel of the image whose quality band is greatest there."""
    images = collection.images()
    if not images:
        raise InvalidExpression("the collection is empty.")
    first = images[0]
    qualities = [select_bands(image, [name])[0] for image in images]
    bands = []
    for index, band in enumerate(first.bands):
        group = [_same_band(image, index, band.name) for image in images]
        pixel_type = band.type
        for candidate in group:
            pixel_type = union(pixel_type, candidate.type)
        node = Selected(
            [quality.node for quality in qualities], [candidate.node for candidate in group], pixel_type.dtype
        )
        bands.append(BandValue(band.name, pixel_type, node, UNPROJECTED))
    return of_bands(bands)


def _same_band(image: ImageValue, index: int, name: str) -> BandValue:
    for band in image.bands:
        if band.name == name:
            return band
    if index < len(image.bands):
        return image.bands[index]
    raise InvalidExpression(f"the images have different bands: one has no '{name}'.")
