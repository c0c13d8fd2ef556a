"""Functions that join two collections by a condition on pairs of elements."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import property_of
from rasterwire.expression.functions.list.lists import check_length, sort_key
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import CollectionValue, Element, FeatureValue, FilterValue


@dataclass(frozen=True, slots=True, eq=False)
class JoinValue:
    """A join: a function of two collections and a condition."""

    apply: Callable[[CollectionValue, CollectionValue, FilterValue], CollectionValue]


def _fits(condition: FilterValue, left: Element, right: Element) -> bool:
    return condition.accepts_pair is not None and condition.accepts_pair(left, right)


def _measure(condition: FilterValue, key: str | None, left: Element, right: Element) -> dict[str, float]:
    """Return the measure of a pair by its key; empty without a key, or where the filter has no measure."""
    return {} if key is None or condition.measure is None else {key: condition.measure(left, right)}


@table.listed(
    "Join.saveFirst(matchKey: String, ordering: String = null, ascending: Boolean = true, measureKey: String = null, "
    "outer: Boolean = false) -> Join"
)
def save_first(key: str, ordering: str | None, ascending: bool, measure_key: str | None, outer: bool) -> JoinValue:
    """Adds the first matching element as a property."""

    def apply(primary: CollectionValue, secondary: CollectionValue, condition: FilterValue) -> CollectionValue:
        candidates = list(secondary)
        if ordering is not None:
            candidates.sort(key=lambda element: sort_key(property_of(element, ordering)), reverse=not ascending)
        elements: list[Element] = []
        for element in primary:
            match = next((candidate for candidate in candidates if _fits(condition, element, candidate)), None)
            if match is not None:
                match = match.with_properties({**match.properties, **_measure(condition, measure_key, element, match)})
                elements.append(element.with_properties({**element.properties, key: match}))
            elif outer:
                elements.append(element)
        return CollectionValue(tuple(elements), primary.of_images)

    return JoinValue(apply)


@table.listed(
    'Join.inner(primaryKey: String = "primary", secondaryKey: String = "secondary", measureKey: String = null) -> Join'
)
def inner(primary_key: str, secondary_key: str, measure_key: str | None) -> JoinValue:
    """Returns a feature for each matching pair."""

    def apply(primary: CollectionValue, secondary: CollectionValue, condition: FilterValue) -> CollectionValue:
        pairs: list[Element] = []
        for left in primary:
            for right in secondary:
                if _fits(condition, left, right):
                    measure = _measure(condition, measure_key, left, right)
                    pairs.append(FeatureValue(None, {primary_key: left, secondary_key: right, **measure}))
                    check_length(len(pairs))
        return CollectionValue(tuple(pairs), of_images=False)

    return JoinValue(apply)


@table.listed(
    "Join.apply(join: Join, primary: FeatureCollection, secondary: FeatureCollection, condition: Filter) "
    "-> FeatureCollection"
)
def apply(join: Any, primary: CollectionValue, secondary: CollectionValue, condition: FilterValue) -> CollectionValue:
    """Joins two collections by a condition on a field of each."""
    if not isinstance(join, JoinValue):
        raise InvalidExpression("'join' has to be a Join.")
    if condition.accepts_pair is None:
        raise InvalidExpression("a join needs a filter of a leftField and a rightField.")
    if len(primary) * len(secondary) > 10_000_000:
        raise InvalidExpression(f"{len(primary)} times {len(secondary)} elements are too many to join.")
    return join.apply(primary, secondary, condition)
