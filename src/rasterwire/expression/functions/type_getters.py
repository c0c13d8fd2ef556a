"""Functions that return a value of a required type, and that compare and name types."""

from collections.abc import Callable, Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import describe
from rasterwire.expression.functions import dictionaries
from rasterwire.expression.functions.collection import elements
from rasterwire.expression.functions.collection.elements import Owner
from rasterwire.expression.functions.geometry.geometries import geometry_of_json
from rasterwire.expression.functions.list import lists
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import CollectionValue, FeatureValue, FilterValue, FunctionValue, ImageValue
from rasterwire.geo.region import Region


def _number(value: Any) -> float | None:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _geometry(value: Any) -> Region | None:
    if isinstance(value, Mapping):
        return geometry_of_json(value)
    return value if isinstance(value, Region) else None


_TYPES: dict[str, Callable[[Any], Any]] = {"Number": _number, "String": _string, "Geometry": _geometry}


def _getters(name: str, of_type: Callable[[Any], Any]) -> None:
    description = f"Returns a {name}, and fails for a value of another type."

    def require(value: Any) -> Any:
        typed = of_type(value)
        if typed is None:
            raise InvalidExpression(f"the value is {describe(value)}, and no {name}.")
        return typed

    def of_list(values: list[Any], index: int) -> Any:
        return require(lists.get(values, index))

    def of_dictionary(values: Mapping[str, Any], key: str) -> Any:
        return require(dictionaries.value_of(values, key, default=None))

    def of_element(element: Owner, key: str) -> Any:
        value = elements.get(element, key)
        return None if value is None else require(value)

    of_list.__doc__ = of_dictionary.__doc__ = of_element.__doc__ = description
    table.listed(f"List.get{name}(list: List<Object>, index: Integer) -> {name}")(of_list)
    table.listed(f"Dictionary.get{name}(dictionary: Dictionary<Object>, key: String) -> {name}")(of_dictionary)
    if name != "Geometry":  # Earth Engine has no Element.getGeometry
        table.listed(f"Element.get{name}(object: Element, property: String) -> {name}")(of_element)


for _name, _of_type in _TYPES.items():
    _getters(_name, _of_type)


@table.listed("IsEqual(left: Object = null, right: Object = null) -> Boolean")
def is_equal(left: Any, right: Any) -> bool:
    """Tells whether two values are equal; null is equal to null."""
    opaque = ImageValue | CollectionValue | FilterValue | FunctionValue
    if left is right or isinstance(left, opaque) or isinstance(right, opaque):
        return left is right
    return lists.are_equal(_parts(left), _parts(right))


def _parts(value: Any) -> Any:
    return [value.geometry, dict(value.properties)] if isinstance(value, FeatureValue) else value


@table.listed("ObjectType(value: Object = null) -> String")
def object_type(value: Any) -> str:
    """Returns the name of the type of a value."""
    match value:
        case bool():
            return "Boolean"
        case int() | float():
            is_whole = isinstance(number(value), int)
            return "Float" if not is_whole else "Integer" if -(1 << 31) <= value < 1 << 31 else "Long"
        case Region():
            return str(value.geometry.geom_type)
        case None:
            return "Null"
        case _:
            return describe(value).split(" ")[1]
