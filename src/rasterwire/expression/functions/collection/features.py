"""Functions on features that do to their geometries what those of Geometry do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import Owner
from rasterwire.expression.functions.geometry import measures, parts, relations  # noqa: F401  whose functions are wrapped below
from rasterwire.expression.functions.geometry.geometries import area_of
from rasterwire.expression.language.signature import Signature, table
from rasterwire.expression.language.values import FeatureValue
from rasterwire.geo.region import Region


def _place(element: Owner) -> Region:
    region = area_of(element)
    if region is None:
        raise InvalidExpression("the feature has no geometry.")
    return region


def _feature(element: Owner, geometry: Any) -> FeatureValue:
    """Return the properties of an element at another place."""
    return FeatureValue(geometry, dict(element.properties))


def _twin(call: Callable[..., Any], geometries: int, returns: str) -> Callable[..., Any]:
    """Return a function of features that calls one of geometries, and returns a feature where that returns a place."""

    def of_features(*arguments: Any) -> Any:
        elements = arguments[:geometries]
        made = call(*map(_place, elements), *arguments[geometries:])
        return _feature(elements[0], made) if returns in {"Feature", "Element"} else made

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
    known = table[f"Geometry.{name}"]
    assert known.call is not None
    places = [argument for argument in known.signature.arguments if argument.type == "Geometry"]
    named = [
        replace(argument, name="feature" if argument.name == "geometry" else argument.name, type="Element")
        for argument in places
    ]
    signature = Signature(
        listed or f"Feature.{name}",
        (*named, *known.signature.arguments[len(places) :]),
        returns or known.signature.returns,
    )
    call = _twin(known.call, len(places), signature.returns)
    table.enter(signature, known.description, call)


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
