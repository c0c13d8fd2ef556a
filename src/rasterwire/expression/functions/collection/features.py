"""Functions on features that apply the functions of Geometry to their geometries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import Owner
from rasterwire.expression.functions.geometry import measures, parts, relations  # noqa: F401  their functions are wrapped below
from rasterwire.expression.functions.geometry.geometries import area_of
from rasterwire.expression.language.signature import Signature, table
from rasterwire.expression.language.values import FeatureValue
from rasterwire.geo.region import Region


def _geometry_of(element: Owner) -> Region:
    region = area_of(element)
    if region is None:
        raise InvalidExpression("the feature has no geometry.")
    return region


def _feature(element: Owner, geometry: Any) -> FeatureValue:
    """Return a feature with the properties of an element and another geometry."""
    return FeatureValue(geometry, dict(element.properties))


def _twin(call: Callable[..., Any], geometries: int, returns: str) -> Callable[..., Any]:
    """Return a function of features that calls a function of geometries; a geometry as result becomes a feature."""

    def of_features(*arguments: Any) -> Any:
        elements = arguments[:geometries]
        result = call(*map(_geometry_of, elements), *arguments[geometries:])
        return _feature(elements[0], result) if returns in {"Feature", "Element"} else result

    return of_features


_RETURN_FEATURES = {
    "bounds", "buffer", "centroid", "convexHull", "difference", "intersection", "simplify", "symmetricDifference",
    "transform", "union",
}  # fmt: skip
_RETURN_VALUES = {
    "area", "closestPoint", "closestPoints", "containedIn", "contains", "disjoint", "distance", "intersects", "length",
    "perimeter", "withinDistance",
}  # fmt: skip


def _enter(name: str, returns: str | None, listed: str | None = None) -> None:
    function = table[f"Geometry.{name}"]
    assert function.call is not None
    geometries = [argument for argument in function.signature.arguments if argument.type == "Geometry"]
    arguments = [
        replace(argument, name="feature" if argument.name == "geometry" else argument.name, type="Element")
        for argument in geometries
    ]
    signature = Signature(
        listed or f"Feature.{name}",
        (*arguments, *function.signature.arguments[len(geometries) :]),
        returns or function.signature.returns,
    )
    call = _twin(function.call, len(geometries), signature.returns)
    table.enter(signature, function.description, call)


for _name in sorted(_RETURN_FEATURES):
    _enter(_name, "Feature")
for _name in sorted(_RETURN_VALUES):
    _enter(_name, None)
_enter("dissolve", "Element")
_enter("transform", "Feature", "ProjectionTransform")


@table.listed("Feature.id(element: Element) -> String")
def id_(element: Owner) -> Any:
    """Returns the index of a feature within its collection."""
    return element.properties.get("system:index")


@table.listed("Feature.setGeometry(feature: Element, geometry: Geometry = null) -> Element")
def set_geometry(element: Owner, geometry: Region | None) -> Owner:
    """Returns a feature with another geometry, or without one."""
    if not isinstance(element, FeatureValue):
        raise InvalidExpression("only features have a geometry that can be set.")
    return _feature(element, geometry)
