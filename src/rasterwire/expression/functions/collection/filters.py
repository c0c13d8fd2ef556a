"""Functions that return filters, which test the properties and geometries of elements."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import millis_of
from rasterwire.expression.functions.collection import conditions
from rasterwire.expression.functions.collection.elements import property_of
from rasterwire.expression.functions.date import dates
from rasterwire.expression.functions.list.lists import are_equal, sort_key
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    LONLAT,
    DateRangeValue,
    DateValue,
    Element,
    FeatureValue,
    FilterValue,
    Folded,
    ImageValue,
)
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import intersects, to_crs
from rasterwire.query import Comparison

_SIDES = "leftField: String = null, rightValue: Object = null, rightField: String = null, leftValue: Object = null"
_MARGIN = 'maxError: ErrorMargin = {"type": "ErrorMargin", "unit": "meters", "value": 0.1}'

Test = Callable[[Any, Any], bool]

Sides = Callable[[str | None, Any, str | None, Any], Folded | None]
"""Returns what a query can say of a filter of two sides."""


def _comparison(
    test: Test, left: tuple[str | None, Any], right: tuple[str | None, Any], folded: Folded | None = None
) -> FilterValue:
    """Return a filter that compares two sides, each a property or a value; of two elements in a join."""

    def accepts_pair(a: Element, b: Element) -> bool:
        value_a = left[1] if left[0] is None else field_of(a, left[0])
        value_b = right[1] if right[0] is None else field_of(b, right[0])
        return test(value_a, value_b)

    return FilterValue(lambda element: accepts_pair(element, element), accepts_pair, folded=folded)


def field_of(element: Element, name: str) -> Any:
    """Return the field of an element that a filter names: a property, or for .all and .geo the geometry.

    That of an image of the catalog is the footprint that the catalog knows; an image without bounds stands for itself.
    """
    if name not in conditions.GEOMETRIES:
        return property_of(element, name)
    if isinstance(element, ImageValue):
        return element.outline or element.footprint() or element
    return element.footprint()


def _sided_filter(
    test: Test, left: str | None, right_value: Any, right: str | None, left_value: Any, fold: Sides | None = None
) -> FilterValue:
    if (left is None) == (left_value is None) or (right is None) == (right_value is None):
        raise InvalidExpression("each side needs either a field or a value.")
    folded = None if fold is None else fold(left, right_value, right, left_value)
    return _comparison(test, (left, left_value), (right, right_value), folded)


def _enter(name: str, description: str, test: Test, fold: Sides | None, more_arguments: str = "") -> None:
    def call(left: str | None, right_value: Any, right: str | None, left_value: Any, *margin: Any) -> FilterValue:
        return _sided_filter(test, left, right_value, right, left_value, fold)

    call.__doc__ = description
    table.listed(f"Filter.{name}({_SIDES}{more_arguments}) -> Filter")(call)


def _comparable(a: Any, b: Any) -> tuple[Any, Any] | None:
    a, b = (value.millis if isinstance(value, DateValue) else value for value in (a, b))
    if a is None or b is None:
        return None
    key_a, key_b = sort_key(a), sort_key(b)
    return (key_a, key_b) if key_a[0] == key_b[0] else None


def _is_equal(a: Any, b: Any) -> bool:
    a, b = (value.millis if isinstance(value, DateValue) else value for value in (a, b))
    return a is not None and b is not None and are_equal(a, b)


def _is_less(a: Any, b: Any) -> bool:
    pair = _comparable(a, b)
    return pair is not None and pair[0] < pair[1]


def _is_greater(a: Any, b: Any) -> bool:
    pair = _comparable(a, b)
    return pair is not None and pair[0] > pair[1]


def _in_range(span: Any, moment: Any) -> bool:
    millis = millis_of(moment)
    return isinstance(span, DateRangeValue) and millis is not None and span.start <= millis < span.end


def _contains_element(values: Any, value: Any) -> bool:
    return isinstance(values, list) and any(_is_equal(item, value) for item in values)


def _test_of_texts(test: Callable[[str, str], bool]) -> Test:
    return lambda a, b: isinstance(a, str) and isinstance(b, str) and test(a, b)


def _geometry(value: Any) -> Region | None:
    match value:
        case Region():
            return value
        case FeatureValue() | ImageValue():
            return value.footprint()
        case _:
            return None


def _intersects(a: Any, b: Any) -> bool:
    region_a, region_b = _geometry(a), _geometry(b)
    if region_a is None or region_b is None:
        # an image without bounds intersects everything; a feature without a geometry intersects nothing
        return isinstance(a, ImageValue) or isinstance(b, ImageValue)
    return intersects(region_a, region_b)


def _contains(a: Any, b: Any) -> bool:
    outer, inner = _geometry(a), _geometry(b)
    if outer is None or inner is None:
        return False
    return bool(to_crs(outer, LONLAT).geometry.contains(to_crs(inner, LONLAT).geometry))


def _fold(comparison: Comparison) -> Sides:
    return partial(conditions.compared, comparison)


_enter("equals", "Passes where both sides are equal.", _is_equal, _fold(Comparison.EQUAL))
_enter("lessThan", "Passes where the left side is less.", _is_less, _fold(Comparison.LESS))
_enter("greaterThan", "Passes where the left side is greater.", _is_greater, _fold(Comparison.GREATER))
_enter(
    "dateRangeContains",
    "Passes where the date range on the left contains the date on the right.",
    _in_range,
    conditions.within,
)
_enter(
    "listContains",
    "Passes where the list on the left contains the value on the right.",
    _contains_element,
    conditions.listed,
)
_enter(
    "stringContains",
    "Passes where the left text contains the right one.",
    _test_of_texts(lambda a, b: b in a),
    _fold(Comparison.CONTAINS),
)
_enter(
    "stringStartsWith",
    "Passes where the left text starts with the right one.",
    _test_of_texts(str.startswith),
    _fold(Comparison.STARTS_WITH),
)
_enter(
    "stringEndsWith",
    "Passes where the left text ends with the right one.",
    _test_of_texts(str.endswith),
    _fold(Comparison.ENDS_WITH),
)
_enter(
    "intersects",
    "Passes where the geometries of both sides share a point.",
    _intersects,
    conditions.intersecting,
    f", {_MARGIN}",
)
_enter("contains", "Passes where the left geometry contains the right one.", _contains, None, f", {_MARGIN}")


@table.listed(f"Filter.maxDifference(difference: Float, {_SIDES}) -> Filter")
def max_difference(most: float, left: str | None, right_value: Any, right: str | None, left_value: Any) -> FilterValue:
    """Passes where two numbers, or two dates, differ by no more than a limit."""

    def distance(a: Any, b: Any) -> float:
        a, b = (value.millis if isinstance(value, DateValue) else value for value in (a, b))
        return abs(a - b) if isinstance(a, int | float) and isinstance(b, int | float) else math.inf

    def measure(element_a: Element, element_b: Element) -> float:
        a = left_value if left is None else field_of(element_a, left)
        return distance(a, right_value if right is None else field_of(element_b, right))

    test = _sided_filter(lambda a, b: distance(a, b) <= most, left, right_value, right, left_value)
    return FilterValue(test.accepts, test.accepts_pair, measure)


@table.listed("Filter.rangeContains(field: String, minValue: Object, maxValue: Object) -> Filter")
def range_contains(field: str, low: Any, high: Any) -> FilterValue:
    """Passes where a property lies between two values, both included."""

    def accepts(element: Element) -> bool:
        value = field_of(element, field)
        above, below = _comparable(value, low), _comparable(value, high)
        return above is not None and below is not None and above[0] >= above[1] and below[0] <= below[1]

    return FilterValue(accepts, folded=conditions.in_range(field, low, high))


PairTest = Callable[[Element, Element], bool]


def _compound(
    test: Callable[[Element], bool], filters: list[FilterValue], accepts_pair: PairTest | None, folded: Folded | None
) -> FilterValue:
    """Return a filter of other filters; it keeps the result for the last element, which nested filters may repeat."""
    depth = 1 + max((part.depth for part in filters), default=0)
    if depth > _MAX_NESTING:
        raise InvalidExpression(f"filters are nested more than {_MAX_NESTING} deep.")
    cache: list[tuple[Element, bool]] = []

    def accepts(element: Element) -> bool:
        if not cache or cache[0][0] is not element:
            cache[:] = [(element, test(element))]
        return cache[0][1]

    return FilterValue(accepts, accepts_pair, depth=depth, folded=folded)


_MAX_NESTING = 100
"""Filters within each other."""


@table.listed("Filter.not(filter: Filter) -> Filter")
def not_(inner: FilterValue) -> FilterValue:
    """Passes where another filter does not."""
    accepts_pair = inner.accepts_pair
    opposite = None if accepts_pair is None else lambda a, b: not accepts_pair(a, b)
    return _compound(lambda element: not inner.accepts(element), [inner], opposite, conditions.opposite(inner))


@table.listed("Filter.and(filters: List<Filter>) -> Filter")
def and_(filters: list[FilterValue]) -> FilterValue:
    """Passes where all filters do."""
    distinct = list(dict.fromkeys(filters))
    pair_test = _pair_test(distinct, all)
    folded = conditions.all_of(distinct)
    return _compound(lambda element: all(part.accepts(element) for part in distinct), distinct, pair_test, folded)


@table.listed("Filter.or(filters: List<Filter>) -> Filter")
def or_(filters: list[FilterValue]) -> FilterValue:
    """Passes where one of the filters does."""
    distinct = list(dict.fromkeys(filters))
    pair_test = _pair_test(distinct, any)
    folded = conditions.any_of(distinct)
    return _compound(lambda element: any(part.accepts(element) for part in distinct), distinct, pair_test, folded)


def _pair_test(filters: list[FilterValue], holds: Callable[[Iterable[bool]], bool]) -> PairTest | None:
    """Combine the pair tests of filters; None where one of the filters has none."""
    tests = [condition.accepts_pair for condition in filters if condition.accepts_pair is not None]
    if len(tests) < len(filters):
        return None
    return lambda a, b: holds(test(a, b) for test in tests)


@table.listed("Filter.notNull(properties: List<String>) -> Filter")
def not_null(names: list[str]) -> FilterValue:
    """Passes where none of some properties is null."""
    folded = conditions.present(names)
    return FilterValue(lambda element: all(property_of(element, name) is not None for name in names), folded=folded)


_fields = ("minute", "hour", "day_of_month", "day_of_year", "week", "month", "year", "day_of_week")


@table.listed('Filter.calendarRange(start: Integer, end: Integer = null, field: String = "day_of_year") -> Filter')
def calendar_range(start: int, end: int | None, field: str) -> FilterValue:
    """Passes where a part of an element's date lies between two numbers, both included; a range may wrap around."""
    if field not in _fields:
        raise InvalidExpression(f"'field' is '{field[:40]}'; there are {', '.join(_fields)}.")
    final = start if end is None else end

    def accepts(element: Element) -> bool:
        millis = element.properties.get("system:time_start")
        if not isinstance(millis, int | float):
            return False
        value = dates.part(DateValue(int(millis)), field)
        return start <= value <= final if start <= final else value >= start or value <= final

    return FilterValue(accepts)


@table.listed("Filter.dayOfYear(start: Integer, end: Integer) -> Filter")
def day_of_year(start: int, end: int) -> FilterValue:
    """Passes where an element's day of the year lies from one to before another; the range may wrap around."""
    season = calendar_range(start, (end - 2) % 366 + 1, "day_of_year")
    return FilterValue(lambda element: start != end and season.accepts(element))
