"""Joins: elements of one collection with those of another that fit them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import property_of
from rasterwire.expression.functions.list.lists import check_length, order
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import CollectionValue, Element, FeatureValue, FilterValue


@dataclass(frozen=True, slots=True, eq=False)
class JoinValue:
    """A way to join: what becomes of an element and those that fit it."""

    apply: Callable[[CollectionValue, CollectionValue, FilterValue], CollectionValue]


def _fits(condition: FilterValue, one: Element, two: Element) -> bool:
    return condition.joins is not None and condition.joins(one, two)


def _measured(condition: FilterValue, key: str | None, one: Element, two: Element) -> dict[str, float]:
    """Return the measure of a match under its name, nothing where none is asked for or the filter has none."""
    return {} if key is None or condition.measure is None else {key: condition.measure(one, two)}


@table.listed(
    "Join.saveFirst(matchKey: String, ordering: String = null, ascending: Boolean = true, measureKey: String = null, "
    "outer: Boolean = false) -> Join"
)
def save_first(key: str, ordering: str | None, ascending: bool, measure_key: str | None, outer: bool) -> JoinValue:
    """Keeps the first element that fits as a property."""

    def apply(primary: CollectionValue, secondary: CollectionValue, condition: FilterValue) -> CollectionValue:
        others = list(secondary)
        if ordering is not None:
            others.sort(key=lambda element: order(property_of(element, ordering)), reverse=not ascending)
        made: list[Element] = []
        for element in primary:
            match = next((other for other in others if _fits(condition, element, other)), None)
            if match is not None:
                match = match.with_properties({**match.properties, **_measured(condition, measure_key, element, match)})
                made.append(element.with_properties({**element.properties, key: match}))
            elif outer:
                made.append(element)
        return CollectionValue(tuple(made), primary.of_images)

    return JoinValue(apply)


@table.listed(
    'Join.inner(primaryKey: String = "primary", secondaryKey: String = "secondary", measureKey: String = null) -> Join'
)
def inner(primary_key: str, secondary_key: str, measure_key: str | None) -> JoinValue:
    """Makes a feature of each pair that fits."""

    def apply(primary: CollectionValue, secondary: CollectionValue, condition: FilterValue) -> CollectionValue:
        made: list[Element] = []
        for one in primary:
            for two in secondary:
                if _fits(condition, one, two):
                    measured = _measured(condition, measure_key, one, two)
                    made.append(FeatureValue(None, {primary_key: one, secondary_key: two, **measured}))
                    check_length(len(made))
        return CollectionValue(tuple(made), of_images=False)

    return JoinValue(apply)


@table.listed(
    "Join.apply(join: Join, primary: FeatureCollection, secondary: FeatureCollection, condition: Filter) "
    "-> FeatureCollection"
)
def apply(join: Any, primary: CollectionValue, secondary: CollectionValue, condition: FilterValue) -> CollectionValue:
    """Joins two collections by a condition on a field of each."""
    if not isinstance(join, JoinValue):
        raise InvalidExpression("'join' has to be a Join.")
    if condition.joins is None:
        raise InvalidExpression("a join needs a filter of a leftField and a rightField.")
    if len(primary) * len(secondary) > 10_000_000:
        raise InvalidExpression(f"{len(primary)} times {len(secondary)} elements are too many to join.")
    return join.apply(primary, secondary, condition)
