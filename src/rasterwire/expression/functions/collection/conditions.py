"""What filters say of the images of a catalog, as conditions of its queries.

A condition is given only where every catalog answers it exactly as the filter does.
"""

import math
from collections.abc import Sequence
from typing import Any

from rasterwire.expression.language.values import DateRangeValue, DateValue, FeatureValue
from rasterwire.geo.region import Region
from rasterwire.query import START, AllOf, AnyOf, Compare, Comparison, Condition, Intersects, Not, Present

__all__ = ["COMPUTED", "compared", "in_range", "intersecting", "listed", "present", "within"]

COMPUTED = frozenset({".all", ".geo", "system:bands", "system:band_names", "system:footprint"})
"""Fields of images that are no properties of the catalog."""

GEOMETRIES = frozenset({".all", ".geo"})
"""Fields that mean the geometry of an element."""

_MAX_LISTED = 500
"""Values of a list in a condition."""

_MIRRORED = {
    Comparison.LESS: Comparison.GREATER,
    Comparison.GREATER: Comparison.LESS,
    Comparison.EQUAL: Comparison.EQUAL,
}
"""The comparison of two sides that are swapped; texts are not searched for in a property."""


def _constant(value: Any) -> str | float | bool | None:
    """Return a value that properties can be compared with; None of any other."""
    match value:
        case DateValue(millis):
            return millis
        case int() if -(1 << 63) <= value < 1 << 63:
            return value
        case float() if math.isfinite(value):
            return value
        case str():
            return value
        case _:
            return None


def _compare(field: str | None, comparison: Comparison, value: Any) -> Condition | None:
    constant = _constant(value)
    return None if field is None or field in COMPUTED or constant is None else Compare(field, comparison, constant)


def compared(
    comparison: Comparison, left: str | None, right_value: Any, right: str | None, left_value: Any
) -> Condition | None:
    """Return the condition of a comparison of a property with a value, in either order; None of two properties."""
    if left is not None and right is None:
        is_search = comparison not in _MIRRORED
        return None if is_search and not isinstance(right_value, str) else _compare(left, comparison, right_value)
    if left is None and comparison in _MIRRORED:
        return _compare(right, _MIRRORED[comparison], left_value)
    return None


def listed(left: str | None, right_value: Any, right: str | None, left_value: Any) -> Condition | None:
    """Return the condition that a property is one of a list; None of a property that is a list itself."""
    if left is not None or right is None or not isinstance(left_value, list) or len(left_value) > _MAX_LISTED:
        return None
    conditions = [_compare(right, Comparison.EQUAL, value) for value in left_value if value is not None]
    return AnyOf(tuple(dict.fromkeys(c for c in conditions if c is not None))) if None not in conditions else None


def within(left: str | None, right_value: Any, right: str | None, left_value: Any) -> Condition | None:
    """Return the condition that the time of an image lies in a range of dates; None of other properties.

    Other properties may be dates as texts, which no query reads.
    """
    if left is not None or right != START or not isinstance(left_value, DateRangeValue):
        return None
    early = Not(Compare(START, Comparison.LESS, left_value.start))
    return AllOf((Present(START), early, Compare(START, Comparison.LESS, left_value.end)))


def in_range(field: str, low: Any, high: Any) -> Condition | None:
    """Return the condition that a property lies between two values, both included."""
    conditions = [
        _compare(field, comparison, value)
        for value, side in ((low, Comparison.GREATER), (high, Comparison.LESS))
        for comparison in (side, Comparison.EQUAL)
    ]
    above, low_itself, below, high_itself = conditions
    if above is None or low_itself is None or below is None or high_itself is None:
        return None
    return AllOf((AnyOf((above, low_itself)), AnyOf((below, high_itself))))


def present(names: Sequence[str]) -> Condition | None:
    """Return the condition that an image has some properties."""
    return None if COMPUTED & set(names) else AllOf(tuple(Present(name) for name in names))


def intersecting(left: str | None, right_value: Any, right: str | None, left_value: Any) -> Condition | None:
    """Return the condition that the footprint of an image shares a point with a geometry."""
    field, place = (left, right_value) if right is None else (right, left_value)
    region = place.geometry if isinstance(place, FeatureValue) else place
    return Intersects(region) if field in GEOMETRIES and isinstance(region, Region) else None
