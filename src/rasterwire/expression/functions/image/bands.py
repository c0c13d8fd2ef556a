"""Functions on the bands of images: their selection, order, names and types."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.arithmetic import cast_band
from rasterwire.expression.functions.image.assembly import (
    are_numbers,
    check_count,
    constant_image,
    of_bands,
    projection_and_extent,
    unique_name,
    with_name,
)
from rasterwire.expression.language.pattern import matches
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, CollectionValue, DateValue, ImageValue, World
from rasterwire.nodes import operations
from rasterwire.nodes.nodes import Applied
from rasterwire.nodes.pixel_type import DOUBLE, FLOAT, PixelType, floating
from rasterwire.units import plural_text


@table.listed("Image.load(id: String, version: Long = -1.0) -> Image", needs_world=True)
def load(world: World, image_id: str, version: int) -> ImageValue:
    """Returns the image of an id."""
    return world.image(image_id)


@table.listed("Image.constant(value: Object) -> Image")
def constant(value: Any) -> ImageValue:
    """Returns an image of one value everywhere; of a list, one band for each."""
    numbers = value if isinstance(value, list) else [value]
    if not are_numbers(numbers):
        raise InvalidExpression("'value' has to be a number or a list of numbers.")
    return constant_image(value)


@table.listed("Image.select(input: Image, bandSelectors: List<Object>, newNames: List<String> = null) -> Image")
def select(image: ImageValue, selectors: list[Any], names: list[str] | None) -> ImageValue:
    """Selects bands by name, regular expression or index, and renames them."""
    selected = select_bands(image, selectors)
    if names is not None and len(names) != len(selected):
        raise InvalidExpression(
            f"the selection has {plural_text(len(selected), 'band')}, and 'newNames' {plural_text(len(names), 'name')}."
        )
    new_names: set[str] = set()
    suffixes: dict[str, int] = {}
    bands = []
    for band, name in zip(selected, names or [band.name for band in selected], strict=True):
        name = unique_name(name, new_names, suffixes)
        new_names.add(name)
        bands.append(with_name(band, name))
    return image.with_bands(bands)


def select_bands(image: ImageValue, selectors: Sequence[Any]) -> list[BandValue]:
    """Return bands by name, regular expression (of the whole name) or index, in the order of the selectors.

    Raises:
        InvalidExpression: a selector matches no band.
        SourceUnavailable: some bands of the image cannot be read, and the selection may include one of them.
    """
    bands = image.bands_for(selectors)
    by_name = {band.name: band for band in bands}
    selected: list[BandValue] = []
    for selector in selectors:
        match selector:
            case str() if selector in by_name:
                selected.append(by_name[selector])
            case str():
                hits = [band for band in bands if matches(selector, band.name)]
                if not hits and not bands:
                    raise InvalidExpression(f"Band pattern '{selector[:100]}' was applied to an Image with no bands.")
                if not hits:
                    available = ", ".join(list(by_name)[:50])[:600]
                    raise InvalidExpression(
                        f"Band pattern '{selector[:100]}' did not match any bands. Available bands: [{available}]"
                    )
                selected.extend(hits)
            case float() if not math.isfinite(selector):
                raise InvalidExpression(f"there is no band {selector}, the image has {len(bands)}.")
            case bool():
                raise InvalidExpression("a band is selected by name or index, and not by a Boolean.")
            case int() | float() if math.isfinite(selector):
                index = int(selector)
                if not -len(bands) <= index < len(bands):
                    raise InvalidExpression(f"there is no band {index}, the image has {len(bands)}.")
                selected.append(bands[index])
            case _:
                raise InvalidExpression("bands are selected by names and indices.")
        check_count(selected)
    return selected


@table.listed(
    "Image.addBands(dstImg: Image, srcImg: Image, names: List<String> = null, overwrite: Boolean = false) -> Image"
)
def add_bands(image: ImageValue, source: ImageValue, names: list[str] | None, overwrite: bool) -> ImageValue:
    """Returns the first image with the bands of the second behind its own."""
    bands = list(image.bands)
    positions = {band.name: index for index, band in enumerate(bands)}
    suffixes: dict[str, int] = {}
    for band in select_bands(source, names) if names is not None else source.bands:
        if overwrite and band.name in positions:
            bands[positions[band.name]] = band
            continue
        name = unique_name(band.name, positions, suffixes)
        positions[name] = len(bands)
        bands.append(with_name(band, name))
    check_count(bands)
    return image.with_bands(bands)


@table.listed("Image.rename(input: Image, names: List<String>) -> Image")
def rename(image: ImageValue, names: list[str]) -> ImageValue:
    """Renames the bands of an image."""
    if len(names) != len(image.bands):
        raise InvalidExpression(
            f"the image has {plural_text(len(image.bands), 'band')}, and 'names' has {plural_text(len(names), 'name')}."
        )
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise InvalidExpression(f"band name '{twice[:100]}' is given twice.")
    return image.with_bands([with_name(band, name) for band, name in zip(image.bands, names, strict=True)])


@table.listed("Image.slice(image: Image, start: Integer, end: Integer = null) -> Image")
def slice_(image: ImageValue, start: int, end: int | None) -> ImageValue:
    """Selects the bands from one position to before another; negative ones count from the end."""
    return image.with_bands(image.bands[start:end])


@table.listed("Image.bandNames(image: Image) -> List<Object>")
def band_names(image: ImageValue) -> list[str]:
    """Returns the names of the bands."""
    return [band.name for band in image.bands]


@table.listed("Image.bandTypes(image: Image) -> Dictionary<Object>")
def band_types(image: ImageValue) -> dict[str, PixelType]:
    """Returns the types of the bands by name."""
    return {band.name: band.type for band in image.bands}


_types = {
    "int8": PixelType("int", -128, 127),
    "uint8": PixelType("int", 0, 255),
    "byte": PixelType("int", 0, 255),
    "int16": PixelType("int", -32768, 32767),
    "short": PixelType("int", -32768, 32767),
    "uint16": PixelType("int", 0, 65535),
    "int32": PixelType("int", -(1 << 31), (1 << 31) - 1),
    "int": PixelType("int", -(1 << 31), (1 << 31) - 1),
    "uint32": PixelType("int", 0, (1 << 32) - 1),
    "int64": PixelType("int", -(1 << 63), (1 << 63) - 1),
    "long": PixelType("int", -(1 << 63), (1 << 63) - 1),
    "float": FLOAT,
    "double": DOUBLE,
}


@table.listed("Image.cast(image: Image, bandTypes: Dictionary<Object>, bandOrder: List<String> = null) -> Image")
def cast(image: ImageValue, types: Mapping[str, Any], order: list[str] | None) -> ImageValue:
    """Casts bands to given types, and selects the bands in a given order."""
    names = {band.name for band in image.bands}
    if types and not names:
        raise InvalidExpression(NO_BANDS)
    for name in types:
        if name not in names:
            available = ", ".join(sorted(names))[:600]
            raise InvalidExpression(f"there is no band '{name[:100]}' to cast; the image has {available}.")
    bands = [cast_band(band, _type(types[band.name])) if band.name in types else band for band in image.bands]
    converted = image.with_bands(bands)
    return converted if order is None else image.with_bands(select_bands(converted, order))


def _type(name: Any) -> PixelType:
    if isinstance(name, PixelType):
        return name
    if isinstance(name, str) and name in _types:
        return _types[name]
    raise InvalidExpression(f"{str(name)[:60]!r} is no type of pixels; the types are {', '.join(_types)}.")


@table.listed("Image.metadata(image: Image, property: String, name: String = null) -> Image")
def metadata(image: ImageValue, key: str, name: str | None) -> ImageValue:
    """Returns an image whose pixels are the value of a property."""
    value = image.properties.get(key)
    if isinstance(value, DateValue):
        value = value.millis
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidExpression(f"property '{key[:100]}' is no number.")
    constants = constant_image(value)
    return constants.with_bands([with_name(constants.bands[0], name or key)])


@table.listed("ImageCollection.toBands(collection: ImageCollection) -> Image")
def to_bands(collection: CollectionValue) -> ImageValue:
    """Returns one image of all bands of a collection, named by the index of their image and their name."""
    names: set[str] = set()
    suffixes: dict[str, int] = {}
    bands = []
    for position, image in enumerate(collection.images()):
        index = image.properties.get("system:index", str(position))
        for band in image.bands:
            name = unique_name(f"{index}_{band.name}", names, suffixes)
            names.add(name)
            bands.append(with_name(band, name))
        check_count(bands)
    return ImageValue(bands)


@table.listed("Dictionary.toImage(dictionary: Dictionary<Object>, names: List<String> = null) -> Image")
def to_image(values: Mapping[str, Any], names: list[str] | None) -> ImageValue:
    """Returns an image of constants, one band for each entry."""
    keys = sorted(values) if names is None else names
    numbers = [values.get(key) for key in keys]
    if not all(isinstance(number, int | float) for number in numbers):
        raise InvalidExpression("every entry has to be a number.")
    image = constant_image(numbers)
    return image.with_bands([with_name(band, key) for band, key in zip(image.bands, keys, strict=True)])


@table.listed("Image.normalizedDifference(input: Image, bandNames: List<String> = null) -> Image")
def normalized_difference(image: ImageValue, names: list[str] | None) -> ImageValue:
    """Computes (first - second) / (first + second) of two bands as band nd; masks it where either is negative."""
    if names is not None and len(names) != 2:
        raise InvalidExpression(f"'bandNames' has to name two bands, and names {len(names)}.")
    pair = list(image.bands[:2]) if names is None else select_bands(image, names)
    if len(pair) != 2:
        raise InvalidExpression(f"the image needs two bands, and has {len(image.bands)}.")
    first, second = pair
    pixel_type = floating(first.type, second.type)
    node = Applied(operations.normalized_difference, (first.node, second.node), pixel_type.dtype)
    return of_bands([BandValue("nd", PixelType(pixel_type.precision, -1, 1), node, *projection_and_extent(pair))])
