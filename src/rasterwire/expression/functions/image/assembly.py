"""Assembly of images from bands: the pairs of bands of two images, and their names, projections and extents."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.values import UNPROJECTED, BandValue, Extent, ImageValue, Projection
from rasterwire.nodes.nodes import Applied, Constant, Node, Operation
from rasterwire.nodes.pixel_type import PixelType, constant_type

MAX_BANDS = 10_000
"""Bands of an image in an expression; a download has a limit of its own."""

MAX_NAME = 1000
"""The most characters of the name of a band."""

TypeRule = Callable[[PixelType, PixelType], PixelType]


def constant_image(value: Any) -> ImageValue:
    """Return an image of one value everywhere; of a list, one band for each value.

    Raises:
        InvalidExpression: there are more values than an image may have bands.

    >>> [band.name for band in constant_image([1, 2.5]).bands]
    ['constant', 'constant_1']
    """
    numbers = value if isinstance(value, list) else [value]
    check_count(numbers)
    bands = []
    for index, number in enumerate(numbers):
        number = int(number) if isinstance(number, bool) else number
        pixel_type = constant_type(number)
        name = "constant" if index == 0 else f"constant_{index}"
        bands.append(BandValue(name, pixel_type, Constant(number, pixel_type.dtype), UNPROJECTED))
    return ImageValue(bands)


def are_numbers(values: list[Any]) -> bool:
    """Tell whether a list is not empty and has only numbers."""
    return bool(values) and all(issubclass(kind, int | float) for kind in set(map(type, values)))


def of_bands(bands: Sequence[BandValue]) -> ImageValue:
    """Return a computed image, which has no id and no properties.

    Raises:
        InvalidExpression: there are more bands than an image may have.
    """
    check_count(bands)
    return ImageValue(bands)


def check_count(bands: Sequence[object]) -> None:
    """Raise InvalidExpression for more bands than one image may have."""
    if len(bands) > MAX_BANDS:
        raise InvalidExpression(f"an image of {len(bands)} bands is too large, at most {MAX_BANDS}.")


def with_name(band: BandValue, name: str) -> BandValue:
    """Return a band under another name.

    Raises:
        InvalidExpression: the name is empty or too long.
    """
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidExpression(f"the name of a band has to be a text of 1 to {MAX_NAME} characters.")
    return BandValue(name, band.type, band.node, band.projection, band.extent)


def renewed(band: BandValue, pixel_type: PixelType, node: Node) -> BandValue:
    """Return a band of the same name, projection and extent with other pixels."""
    return BandValue(band.name, pixel_type, node, band.projection, band.extent)


def each_band(image: ImageValue, make: Callable[[BandValue], BandValue]) -> list[BandValue]:
    """Apply a function to each band."""
    return [make(band) for band in image.bands]


def paired(first: ImageValue, second: ImageValue) -> list[tuple[str, BandValue, BandValue]]:
    """Pair the bands of two images; each pair has the name of its result.

    A single band is paired with all bands of the other image. Bands of the same names are paired by
    name, other bands in order. Source: the description of Earth Engine's Image.add.

    Raises:
        InvalidExpression: the numbers of bands differ, and neither is 1.
    """
    own, partners = first.bands, second.bands
    if len(partners) == 1 and own:
        return [(a.name, a, partners[0]) for a in own]
    if len(own) == 1 and partners:
        return [(b.name, own[0], b) for b in partners]
    if len(own) != len(partners):
        raise InvalidExpression(
            f"Images must contain the same number of bands, or one of them a single band; "
            f"they have {len(own)} and {len(partners)}{'.' if own and partners else '; is a collection empty?'}"
        )
    by_name = {band.name: band for band in partners}
    if by_name.keys() == {band.name for band in own}:
        return [(a.name, a, by_name[a.name]) for a in own]
    return [(a.name, a, b) for a, b in zip(own, partners, strict=True)]


def projection_and_extent(bands: Iterable[BandValue]) -> tuple[Projection, Extent | None]:
    """Return the projection and the extent of a band that is computed from several bands.

    The projection is that of the first band with a projection of its own; the extent is the
    intersection of the extents in this projection.
    """
    located = [band for band in bands if band.extent is not None or band.projection != UNPROJECTED]
    if not located:
        return UNPROJECTED, None
    projection = located[0].projection
    extents = [band.extent for band in located if band.extent is not None and band.projection == projection]
    if not extents:
        return projection, located[0].extent
    extent = extents[0]
    for band_extent in extents[1:]:
        extent = common(extent, band_extent) or extent
    return projection, extent


def common(first: Extent, second: Extent) -> Extent | None:
    """Return the intersection of two extents in one projection, None where they share no pixel.

    >>> common((0, 0, 10, 10), (5, -5, 10, 10))
    (5, 0, 5, 5)
    """
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right = min(first[0] + first[2], second[0] + second[2])
    bottom = min(first[1] + first[3], second[1] + second[3])
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def combined(
    first: ImageValue, second: ImageValue, operation: Operation, rule: TypeRule, *parameters: object
) -> ImageValue:
    """Apply an operation to each pair of bands of two images.

    Args:
        first: gives the names, the projection and the extent.
        second: gives these where the first has none.
        operation: on the pixels.
        rule: returns the type of the result from the types of the two bands.
        parameters: of the operation.
    """
    bands = []
    for name, a, b in paired(first, second):
        pixel_type = rule(a.type, b.type)
        node = Applied(operation, (a.node, b.node), pixel_type.dtype, parameters)
        projection, extent = projection_and_extent((a, b))
        bands.append(BandValue(name, pixel_type, node, projection, extent))
    return of_bands(bands)


def changed(
    image: ImageValue, operation: Operation, rule: Callable[[PixelType], PixelType], *parameters: object
) -> list[BandValue]:
    """Apply an operation to each band of an image."""

    def make(band: BandValue) -> BandValue:
        pixel_type = rule(band.type)
        return renewed(band, pixel_type, Applied(operation, (band.node,), pixel_type.dtype, parameters))

    return each_band(image, make)


def unique_name(name: str, existing: Collection[str], suffixes: dict[str, int] | None = None) -> str:
    """Return a name that is not used yet, with a number appended where it has to be.

    Args:
        name: the preferred name.
        existing: names in use.
        suffixes: the last number of each name, which saves a search where many names are made; is changed.

    >>> unique_name("B1", {"B1", "B1_1"})
    'B1_2'
    """
    if name not in existing:
        return name
    number = 1 if suffixes is None else suffixes.get(name, 0) + 1
    while f"{name}_{number}" in existing:
        number += 1
    if suffixes is not None:
        suffixes[name] = number
    return f"{name}_{number}"


def only_band(image: ImageValue, subject: str) -> BandValue:
    """Return the first band of an image.

    Raises:
        InvalidExpression: the image has no bands.
    """
    if not image.bands:
        raise InvalidExpression(f"{subject} has no bands; is the collection that it was made of empty?")
    return image.bands[0]
