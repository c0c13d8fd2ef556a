"""Functions on the properties of images, features and collections."""

from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import as_geojson
from rasterwire.expression.language.pattern import matches
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.sizes import check_characters, check_size
from rasterwire.expression.language.values import (
    CollectionValue,
    DateValue,
    FeatureValue,
    FunctionValue,
    ImageValue,
    Projection,
)
from rasterwire.geo.region import Region
from rasterwire.units import plural_text

Owner = ImageValue | FeatureValue | CollectionValue


def plain_property(value: Any) -> Any:
    """Return a value as a property stores it: a date as milliseconds."""
    return value.millis if isinstance(value, DateValue) else value


def property_of(element: Owner, key: str) -> Any:
    """Return a property, stored or computed; None where the element has none of the name."""
    if key in element.properties:
        return element.properties[key]
    match key, element:
        case "system:id", ImageValue() | CollectionValue():
            return element.id
        case "system:footprint", ImageValue():
            region = element.footprint()
            return None if region is None else region
        case "system:bands" | "system:band_names", ImageValue():
            return [band.name for band in element.bands]
        case ".geo", FeatureValue():
            return element.geometry
        case _:
            return None


def with_properties(element: Owner, properties: Mapping[str, Any]) -> Owner:
    """Return an element with other properties."""
    return element.with_properties(properties)


@table.listed("Element.get(object: Element, property: String) -> <any>")
def get(element: Owner, key: str) -> Any:
    """Returns a property, or null."""
    return property_of(element, key)


@table.listed("Element.set(object: Element, key: String, value: Object = null) -> Element")
def set_(element: Owner, key: str, value: Any) -> Owner:
    """Sets a property; null removes it."""
    properties = {name: item for name, item in element.properties.items() if name != key}
    if value is not None:
        properties[key] = plain_property(value)
    return with_properties(element, properties)


@table.listed("Element.setMulti(object: Element, properties: Dictionary<Object>) -> Element")
def set_multi(element: Owner, values: Mapping[str, Any]) -> Owner:
    """Sets several properties."""
    return with_properties(
        element, {**element.properties, **{key: plain_property(value) for key, value in values.items()}}
    )


@table.listed("Element.propertyNames(element: Element) -> List<Object>")
def property_names(element: Owner) -> list[str]:
    """Returns the names of the properties."""
    names = list(element.properties)
    if isinstance(element, ImageValue):
        names += ["system:bands", "system:band_names"]
        names += ["system:id"] if element.id is not None else []
        names += [] if "system:footprint" in names else ["system:footprint"]
    return names


@table.listed("Element.toDictionary(element: Element, properties: List<String> = null) -> Dictionary<Object>")
def to_dictionary(element: Owner, names: list[str] | None) -> dict[str, Any]:
    """Returns properties by name: the named ones, or all except those of the system."""
    if names is None:
        return {key: value for key, value in element.properties.items() if not key.startswith("system:")}
    return {name: property_of(element, name) for name in names}


@table.listed(
    "Element.copyProperties(destination: Element = null, source: Element = null, properties: List<String> = null, "
    "exclude: List<String> = null) -> Element",
    "Image.copyProperties",
)
def copy_properties(
    destination: Owner | None, source: Owner | None, names: list[str] | None, exclude: list[str] | None
) -> Owner:
    """Copies properties from one element to another; properties of the system only where they are named."""
    if destination is None or source is None:
        raise InvalidExpression("'destination' and 'source' are both required.")
    if names is not None and exclude is not None:
        raise InvalidExpression("'properties' and 'exclude' cannot be given together.")
    if names is None:
        copied = {key: value for key, value in source.properties.items() if not key.startswith("system:")}
    else:
        copied = {name: property_of(source, name) for name in names if property_of(source, name) is not None}
    selected = {key: value for key, value in copied.items() if key not in (exclude or [])}
    return with_properties(destination, {**destination.properties, **selected})


@table.listed("Image.date(image: Image) -> Date")
def date(image: ImageValue) -> DateValue:
    """Returns the acquisition time of an image, its property system:time_start."""
    millis = image.properties.get("system:time_start")
    if not isinstance(millis, int | float):
        raise InvalidExpression("the image has no property 'system:time_start'.")
    return DateValue(int(millis))


@table.listed("Image.id(element: Element) -> String")
def id_(element: Owner) -> Any:
    """Returns the index of an image within its collection."""
    return element.properties.get("system:index")


@table.listed(
    "Feature.select(input: Element, propertySelectors: List<String>, newProperties: List<String> = null, "
    "retainGeometry: Boolean = true) -> Element"
)
def select(element: Owner, selectors: list[str], names: list[str] | None, retain: bool) -> Owner:
    """Selects properties by name or regular expression, and renames them."""
    keys: list[str] = []
    for selector in selectors:
        hits = [key for key in element.properties if key == selector] or [
            key for key in element.properties if matches(selector, key)
        ]
        keys += [key for key in hits if key not in keys]
    if names is not None and len(names) != len(keys):
        raise InvalidExpression(
            f"'propertySelectors' selects {plural_text(len(keys), 'name')}, "
            f"and 'newProperties' {plural_text(len(names), 'name')}."
        )
    properties = {new: element.properties[old] for old, new in zip(keys, names or keys, strict=True)}
    if isinstance(element, FeatureValue):
        return FeatureValue(element.geometry if retain else None, properties)
    return with_properties(element, properties)


def as_text(value: Any) -> str:
    """Return the text of a value, as String() returns it."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if abs(value) < 1e15 and value == int(value):
            return str(int(value))
        case list() | Mapping():
            check_size(value)
            check_characters(value)  # the value may contain one long text many times
            return str(value)
        case ImageValue() | FeatureValue() | CollectionValue() | FunctionValue():
            raise InvalidExpression(f"a {type(value).__name__.removesuffix('Value')} has no text.")
        case Region():
            return str(as_geojson(value))
        case Projection():
            return str(value.as_json())
        case _:
            return str(value)
