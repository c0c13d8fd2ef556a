"""What a query of the catalog can say of a filter.

A condition is true of an image exactly where the filter passes it, or, of a part of a filter, of more images.
"""

import math
from collections.abc import Sequence
from typing import Any

from rasterwire.expression.language.values import (
    DateRangeValue,
    DateValue,
    FeatureValue,
    FilterValue,
    Folded,
)
from rasterwire.geo.region import Region
from rasterwire.query import (
    MAX_CONDITIONS,
    START,
    AllOf,
    AnyOf,
    Compare,
    Comparison,
    Condition,
    Intersects,
    Not,
    Present,
    condition_count,
)

__all__ = [
    "COMPUTED",
    "GEOMETRIES",
    "all_of",
    "any_of",
    "compared",
    "in_range",
    "intersecting",
    "listed",
    "opposite",
    "present",
    "within",
]

COMPUTED = frozenset({".all", ".geo", "system:bands", "system:band_names", "system:footprint"})
"""Fields of images that are no properties of the catalog."""

GEOMETRIES = frozenset({".all", ".geo"})
"""Fields that mean the geometry of an element."""

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


def _exactly(condition: Condition | None) -> Folded | None:
    size = 0 if condition is None else condition_count(condition)
    return None if condition is None or size > MAX_CONDITIONS else Folded(condition, size)


def compared(
    comparison: Comparison, left: str | None, right_value: Any, right: str | None, left_value: Any
) -> Folded | None:
    """Return the comparison of a property with a value, in either order; None of two properties."""
    if left is not None and right is None:
        is_search = comparison not in _MIRRORED
        is_none = is_search and not isinstance(right_value, str)
        return None if is_none else _exactly(_compare(left, comparison, right_value))
    if left is None and comparison in _MIRRORED:
        return _exactly(_compare(right, _MIRRORED[comparison], left_value))
    return None


def listed(left: str | None, right_value: Any, right: str | None, left_value: Any) -> Folded | None:
    """Return that a property is one of a list; None of a property that is a list itself."""
    if left is not None or right is None or not isinstance(left_value, list) or len(left_value) > MAX_CONDITIONS:
        return None
    conditions = [_compare(right, Comparison.EQUAL, value) for value in left_value if value is not None]
    known = tuple(dict.fromkeys(condition for condition in conditions if condition is not None))
    return None if None in conditions else _exactly(AnyOf(known))


def within(left: str | None, right_value: Any, right: str | None, left_value: Any) -> Folded | None:
    """Return that the time of an image lies in a range of dates; None of other properties.

    Other properties may be dates as texts, which no query reads.
    """
    if left is not None or right != START or not isinstance(left_value, DateRangeValue):
        return None
    early = Not(Compare(START, Comparison.LESS, left_value.start))
    return _exactly(AllOf((early, Compare(START, Comparison.LESS, left_value.end))))


def in_range(field: str, low: Any, high: Any) -> Folded | None:
    """Return that a property lies between two values, both included."""
    conditions = [
        _compare(field, comparison, value)
        for value, side in ((low, Comparison.GREATER), (high, Comparison.LESS))
        for comparison in (side, Comparison.EQUAL)
    ]
    above, low_itself, below, high_itself = conditions
    if above is None or low_itself is None or below is None or high_itself is None:
        return None
    return _exactly(AllOf((AnyOf((above, low_itself)), AnyOf((below, high_itself)))))


def present(names: Sequence[str]) -> Folded | None:
    """Return that an image has some properties."""
    is_known = COMPUTED.isdisjoint(names) and len(names) <= MAX_CONDITIONS
    return _exactly(AllOf(tuple(Present(name) for name in names))) if is_known else None


def intersecting(left: str | None, right_value: Any, right: str | None, left_value: Any) -> Folded | None:
    """Return that the footprint of an image shares a point with a geometry."""
    field, place = (left, right_value) if right is None else (right, left_value)
    region = place.geometry if isinstance(place, FeatureValue) else place
    return _exactly(Intersects(region)) if field in GEOMETRIES and isinstance(region, Region) else None


def opposite(inner: FilterValue) -> Folded | None:
    """Return that a filter does not pass an image."""
    folded = inner.folded
    if folded is None or not folded.is_exact or folded.size >= MAX_CONDITIONS:
        return None
    return Folded(Not(folded.condition), 1 + folded.size)


def all_of(filters: Sequence[FilterValue]) -> Folded | None:
    """Return that all filters pass an image, or as many of them as a query has room for."""
    parts: list[Folded] = []
    size = 1
    for part in filters:
        if part.folded is not None and size + part.folded.size <= MAX_CONDITIONS:
            parts.append(part.folded)
            size += part.folded.size
    if filters and not parts:
        return None
    is_exact = len(parts) == len(filters) and all(part.is_exact for part in parts)
    return Folded(AllOf(tuple(part.condition for part in parts)), size, is_exact)


def any_of(filters: Sequence[FilterValue]) -> Folded | None:
    """Return that one of some filters passes an image; None where no query can say so of all of them."""
    parts = [part.folded for part in filters if part.folded is not None]
    size = 1 + sum(part.size for part in parts)
    if len(parts) < len(filters) or size > MAX_CONDITIONS:
        return None
    return Folded(AnyOf(tuple(part.condition for part in parts)), size, all(part.is_exact for part in parts))
