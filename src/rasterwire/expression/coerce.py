"""Conversion of arguments to the types of their signatures, such as a number to a constant image."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from affine import Affine

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.geometry.geometries import area_of
from rasterwire.expression.functions.image.assembly import are_numbers, constant_image
from rasterwire.expression.functions.image.projections import affine_of
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    CollectionValue,
    DateRangeValue,
    DateValue,
    ErrorMarginValue,
    FeatureValue,
    FilterValue,
    FunctionValue,
    ImageValue,
    KernelValue,
    Projection,
    World,
)
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.geo.crs import parse_crs
from rasterwire.geo.region import Region
from rasterwire.nodes.pixel_type import PixelType


def coerce(value: Any, kind: str, name: str, world: World) -> Any:
    """Convert a value to the type of an argument.

    Args:
        value: not None.
        kind: type of the argument, such as ``List<String>``.
        name: of the argument.
        world: finds the images that are named by ids.

    Raises:
        InvalidExpression: the value cannot be converted to the type.
    """
    base = kind.split("<", 1)[0]
    convert = _conversions.get(base)
    if convert is None:
        return value
    converted = convert(value, world)
    if converted is None:
        raise InvalidExpression(f"Parameter '{name}' has to be of type {base}, and is {describe(value)}.")
    if base == "List" and kind.endswith(">"):
        inner = kind[5:-1]
        if inner in _CONVERTED_ITEMS and not _are_of_type(converted, inner):
            return [coerce(item, inner, name, world) for item in converted]
    return converted


_CONVERTED_ITEMS = {"Image", "Number", "Float", "Integer", "Geometry", "Filter", "String"}
"""Types of the items of lists that are converted one by one."""


def _are_of_type(items: list[Any], kind: str) -> bool:
    """Tell whether all items are of a type already; saves the conversion of each item of a long list."""
    kinds = set(map(type, items))
    if kind not in {"Number", "Float"}:
        return kinds == {str} and kind == "String"
    return kinds == {float} or (kinds == {int} and min(items) >= -(1 << 63) and max(items) < 1 << 63)


def describe(value: Any) -> str:
    """Name the type of a value, for messages; plain values are quoted after it."""
    names: dict[type, str] = {
        str: "a String",
        bool: "a Boolean",
        int: "a Number",
        float: "a Number",
        list: "a List",
        dict: "a Dictionary",
        ImageValue: "an Image",
        FeatureValue: "a Feature",
        Region: "a Geometry",
        Projection: "a Projection",
        DateValue: "a Date",
        Reducer: "a Reducer",
        FilterValue: "a Filter",
        FunctionValue: "a Function",
    }
    if isinstance(value, CollectionValue):
        return "an ImageCollection" if value.of_images else "a FeatureCollection"
    noun = names.get(type(value), f"a {type(value).__name__.removesuffix('Value')}")
    text = ""
    if isinstance(value, str | bool | float):
        text = repr(value[:60] if isinstance(value, str) else value)
    elif isinstance(value, int):
        text = repr(value if abs(value) < 1 << 63 else float(value))
    return f"{noun} {text[:60]}".rstrip() if value is not None else "null"


def millis_of(value: Any) -> int | None:
    """Return the milliseconds since 1970 of a date, a number or a text, or None."""
    if isinstance(value, DateValue):
        return value.millis
    if isinstance(value, Mapping) and value.get("type") == "Date":
        value = value.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(_full_date(value))
        except ValueError:
            return None
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    return None


def _full_date(text: str) -> str:
    """Complete a year, or a year and a month, to a date; convert a year and its day, 2021-009, to a date."""
    parts = text.split("-")
    if len(parts) == 2 and len(parts[0]) == 4 and len(parts[1]) == 3 and (parts[0] + parts[1]).isdigit():
        return f"{datetime.strptime(text, '%Y-%j'):%Y-%m-%d}"  # noqa: DTZ007  a day has no zone
    if all(part.isdigit() for part in parts) and len(parts) < 3:
        return "-".join([*parts, "01", "01"][:3])
    return text


def _image(value: Any, world: World) -> ImageValue | None:
    if isinstance(value, ImageValue):
        return value
    if isinstance(value, str):
        return world.image(value)
    return constant_image(value) if are_numbers(value if isinstance(value, list) else [value]) else None


def _projection(value: Any, world: World) -> Projection | None:
    match value:
        case Projection():
            return value
        case str():
            return Projection(parse_crs(value, "crs"), Affine.identity())
        case Mapping() if value.get("type") == "Projection":
            crs = value.get("crs", value.get("wkt"))  # the latter where Earth Engine knows no code
            transform = value.get("transform") or [1, 0, 0, 0, 1, 0]
            if not isinstance(crs, str):
                return None
            return Projection(parse_crs(crs, "crs"), affine_of(transform if isinstance(transform, list) else []))
        case _:
            return None


def _number(value: Any, world: World) -> float | int | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return float(value)  # as a number of JSON would be
    return value if isinstance(value, int | float) else None


def _integer(value: Any, world: World) -> int | None:
    number = _number(value, world)
    return None if number is None or not math.isfinite(number) else int(number)


def _boolean(value: Any, world: World) -> bool | None:
    return bool(value) if isinstance(value, bool | int | float) else None


def _list(value: Any, world: World) -> list[Any] | None:
    if isinstance(value, CollectionValue):
        return list(value)
    return value if isinstance(value, list) else [value] if isinstance(value, str) else None


def _collection(value: Any, world: World) -> CollectionValue | None:
    match value:
        case CollectionValue():
            return value
        case FeatureValue():
            return CollectionValue((value,), of_images=False)
        case ImageValue():
            return CollectionValue((value,), of_images=True)
        case Region():
            return CollectionValue((FeatureValue(value),), of_images=False)
        case list() if all(isinstance(item, ImageValue) for item in value):
            return CollectionValue(tuple(value), of_images=True)
        case list() if all(isinstance(item, FeatureValue) for item in value):
            return CollectionValue(tuple(value), of_images=False)
        case _:
            return None


def _image_collection(value: Any, world: World) -> CollectionValue | None:
    if isinstance(value, str):
        return world.collection(value)
    collection = _collection(value, world)
    return collection if collection is not None and (collection.of_images or not len(collection)) else None


def _date(value: Any, world: World) -> DateValue | None:
    millis = millis_of(value)
    return None if millis is None else DateValue(millis)


def _feature(value: Any, world: World) -> FeatureValue | None:
    return FeatureValue(value) if isinstance(value, Region) else value if isinstance(value, FeatureValue) else None


def _dictionary(value: Any, world: World) -> Mapping[str, Any] | None:
    if isinstance(value, ImageValue | FeatureValue):
        return dict(value.properties)
    return value if isinstance(value, Mapping) else None


def _error_margin(value: Any, world: World) -> ErrorMarginValue | None:
    if isinstance(value, ErrorMarginValue):
        return value
    if isinstance(value, Mapping):
        margin = _number(value.get("value") or 0.0, world)
        return None if margin is None else ErrorMarginValue(float(margin), str(value.get("unit") or "meters")[:60])
    number = _number(value, world)
    return None if number is None else ErrorMarginValue(float(number))


def _instance(*kinds: type) -> Callable[[Any, World], Any]:
    return lambda value, _: value if isinstance(value, kinds) else None


def _reducer(value: Any, world: World) -> Reducer | None:
    if isinstance(value, str):
        function = table.get(f"Reducer.{value}")
        if function is None or function.call is None:
            return None
        reducer = function.call(*(argument.default for argument in function.signature.arguments))
        return reducer if isinstance(reducer, Reducer) else None
    return value if isinstance(value, Reducer) else None


_conversions: dict[str, Callable[[Any, World], Any]] = {
    "Algorithm": _instance(FunctionValue),
    "Boolean": _boolean,
    "Date": _date,
    "DateRange": _instance(DateRangeValue),
    "Dictionary": _dictionary,
    "Element": _instance(ImageValue, FeatureValue, CollectionValue),
    "ErrorMargin": _error_margin,
    "Feature": _feature,
    "FeatureCollection": _collection,
    "Filter": _instance(FilterValue),
    "Float": _number,
    "Geometry": lambda value, _: area_of(value),
    "Image": _image,
    "ImageCollection": _image_collection,
    "Integer": _integer,
    "Kernel": _instance(KernelValue),
    "List": _list,
    "Long": _integer,
    "Number": _number,
    "PixelType": _instance(PixelType),
    "Projection": _projection,
    "Reducer": _reducer,
    "String": _instance(str),
}
