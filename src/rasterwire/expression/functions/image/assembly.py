"""Building images of bands: which bands of two images meet, where the result lies, what it is called."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.values import UNPROJECTED, BandValue, Extent, ImageValue, Projection
from rasterwire.nodes.nodes import Applied, Constant, Node, Operation
from rasterwire.nodes.pixel_type import PixelType, constant_type

MAX_BANDS = 10_000
"""Bands of an image in an expression; a download has a limit of its own."""

MAX_NAME = 1000
"""Characters of the name of a band."""

TypeRule = Callable[[PixelType, PixelType], PixelType]


def constant_image(value: Any) -> ImageValue:
    """Return an image of one value everywhere, or of a band for each of several.

    Raises:
        InvalidExpression: more values than one image may have bands.

    >>> [band.name for band in constant_image([1, 2.5]).bands]
    ['constant', 'constant_1']
    """
    numbers = value if isinstance(value, list) else [value]
    check_count(numbers)
    bands = []
    for index, number in enumerate(numbers):
        number = int(number) if isinstance(number, bool) else number
        kind = constant_type(number)
        name = "constant" if index == 0 else f"constant_{index}"
        bands.append(BandValue(name, kind, Constant(number, kind.dtype), UNPROJECTED))
    return ImageValue(bands)


def are_numbers(values: list[Any]) -> bool:
    """Tell whether there are values, and numbers all of them."""
    return bool(values) and all(issubclass(kind, int | float) for kind in set(map(type, values)))


def of_bands(bands: Sequence[BandValue]) -> ImageValue:
    """Return a computed image: it has no id, and no properties.

    Raises:
        InvalidExpression: more bands than one image may have.
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
        InvalidExpression: no text, or a very long one.
    """
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidExpression(f"the name of a band has to be a text of 1 to {MAX_NAME} characters.")
    return BandValue(name, band.type, band.node, band.projection, band.extent)


def renewed(band: BandValue, kind: PixelType, node: Node) -> BandValue:
    """Return a band in the same place with other pixels."""
    return BandValue(band.name, kind, node, band.projection, band.extent)


def each_band(image: ImageValue, make: Callable[[BandValue], BandValue]) -> list[BandValue]:
    """Return what becomes of each band."""
    return [make(band) for band in image.bands]


def paired(first: ImageValue, second: ImageValue) -> list[tuple[str, BandValue, BandValue]]:
    """Return the bands of two images that meet, with the name of the result.

    An only band meets all bands of the other image; bands of the same names meet by name, others in
    order. Source: the description of Earth Engine's Image.add.

    Raises:
        InvalidExpression: the numbers of bands do not fit.
    """
    one, two = first.bands, second.bands
    if len(two) == 1 and one:
        return [(a.name, a, two[0]) for a in one]
    if len(one) == 1 and two:
        return [(b.name, one[0], b) for b in two]
    if len(one) != len(two):
        raise InvalidExpression(
            f"Images must contain the same number of bands, or one of them a single band; "
            f"they have {len(one)} and {len(two)}{'.' if one and two else '; is a collection empty?'}"
        )
    by_name = {band.name: band for band in two}
    if by_name.keys() == {band.name for band in one}:
        return [(a.name, a, by_name[a.name]) for a in one]
    return [(a.name, a, b) for a, b in zip(one, two, strict=True)]


def place_of(bands: Iterable[BandValue]) -> tuple[Projection, Extent | None]:
    """Return projection and extent of what is computed from bands.

    The projection is that of the first band that has one of its own; the extent is what the bands of
    this projection have in common.
    """
    own = [band for band in bands if band.extent is not None or band.projection != UNPROJECTED]
    if not own:
        return UNPROJECTED, None
    projection = own[0].projection
    extents = [band.extent for band in own if band.extent is not None and band.projection == projection]
    if not extents:
        return projection, own[0].extent
    extent = extents[0]
    for other in extents[1:]:
        extent = common(extent, other) or extent
    return projection, extent


def common(first: Extent, second: Extent) -> Extent | None:
    """Return the pixels in both of two extents of one projection, None for none.

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
    """Return what an operation makes of the bands of two images that meet.

    Args:
        first: gives names, and the place.
        second: likewise where the first has none.
        operation: of the pixels.
        rule: type of the result, of the types of two bands.
        parameters: of the operation.
    """
    bands = []
    for name, a, b in paired(first, second):
        kind = rule(a.type, b.type)
        node = Applied(operation, (a.node, b.node), kind.dtype, parameters)
        projection, extent = place_of((a, b))
        bands.append(BandValue(name, kind, node, projection, extent))
    return of_bands(bands)


def changed(
    image: ImageValue, operation: Operation, rule: Callable[[PixelType], PixelType], *parameters: object
) -> list[BandValue]:
    """Return what an operation makes of each band of an image."""

    def make(band: BandValue) -> BandValue:
        kind = rule(band.type)
        return renewed(band, kind, Applied(operation, (band.node,), kind.dtype, parameters))

    return each_band(image, make)


def unique_name(name: str, taken: Collection[str], begun: dict[str, int] | None = None) -> str:
    """Return a name, or with a number behind it one that is not taken.

    Args:
        name: wanted.
        taken: names that there are.
        begun: the number that a name had last, where many are asked for; changed.

    >>> unique_name("B1", {"B1", "B1_1"})
    'B1_2'
    """
    if name not in taken:
        return name
    number = 1 if begun is None else begun.get(name, 0) + 1
    while f"{name}_{number}" in taken:
        number += 1
    if begun is not None:
        begun[name] = number
    return f"{name}_{number}"


def only_band(image: ImageValue, what: str) -> BandValue:
    """Return the first band of an image.

    Raises:
        InvalidExpression: it has none.
    """
    if not image.bands:
        raise InvalidExpression(f"{what} has no bands; is the collection that it was made of empty?")
    return image.bands[0]
