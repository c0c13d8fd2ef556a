"""Filters: tests of the properties and places of elements."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import millis_of
from rasterwire.expression.functions.collection.elements import property_of
from rasterwire.expression.functions.date import dates
from rasterwire.expression.functions.geometry.geometries import intersects, to_crs
from rasterwire.expression.functions.list.lists import order, same
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import (
    LONLAT,
    DateRangeValue,
    DateValue,
    Element,
    FeatureValue,
    FilterValue,
    ImageValue,
)
from rasterwire.geo.region import Region

_SIDES = "leftField: String = null, rightValue: Object = null, rightField: String = null, leftValue: Object = null"
_MARGIN = 'maxError: ErrorMargin = {"type": "ErrorMargin", "unit": "meters", "value": 0.1}'

Test = Callable[[Any, Any], bool]


def _comparison(test: Test, left: tuple[str | None, Any], right: tuple[str | None, Any]) -> FilterValue:
    """Return a test of two sides, each a property or a value; a join compares the properties of two elements."""

    def joins(first: Element, second: Element) -> bool:
        a = left[1] if left[0] is None else field_of(first, left[0])
        b = right[1] if right[0] is None else field_of(second, right[0])
        return test(a, b)

    return FilterValue(lambda element: joins(element, element), joins)


def field_of(element: Element, name: str) -> Any:
    """Return what a filter means by a field: a property, or with .all or .geo the geometry."""
    if name in {".all", ".geo"}:
        return element.footprint()
    return property_of(element, name)


def _of_sides(test: Test, left: str | None, right_value: Any, right: str | None, left_value: Any) -> FilterValue:
    if (left is None) == (left_value is None) or (right is None) == (right_value is None):
        raise InvalidExpression("each side needs a field or a value, and not both.")
    return _comparison(test, (left, left_value), (right, right_value))


def _listed(name: str, said: str, test: Test, more: str = "") -> None:
    def call(left: str | None, right_value: Any, right: str | None, left_value: Any, *_: Any) -> FilterValue:
        return _of_sides(test, left, right_value, right, left_value)

    call.__doc__ = said
    table.listed(f"Filter.{name}({_SIDES}{more}) -> Filter")(call)


def _comparable(a: Any, b: Any) -> tuple[Any, Any] | None:
    a, b = (value.millis if isinstance(value, DateValue) else value for value in (a, b))
    if a is None or b is None:
        return None
    left, right = order(a), order(b)
    return (left, right) if left[0] == right[0] else None


def _equal(a: Any, b: Any) -> bool:
    a, b = (value.millis if isinstance(value, DateValue) else value for value in (a, b))
    return a is not None and b is not None and same(a, b)


def _less(a: Any, b: Any) -> bool:
    pair = _comparable(a, b)
    return pair is not None and pair[0] < pair[1]


def _greater(a: Any, b: Any) -> bool:
    pair = _comparable(a, b)
    return pair is not None and pair[0] > pair[1]


def _in_range(span: Any, at: Any) -> bool:
    millis = millis_of(at)
    return isinstance(span, DateRangeValue) and millis is not None and span.start <= millis < span.end


def _contains_element(values: Any, value: Any) -> bool:
    return isinstance(values, list) and any(_equal(item, value) for item in values)


def _texts(test: Callable[[str, str], bool]) -> Test:
    return lambda a, b: isinstance(a, str) and isinstance(b, str) and test(a, b)


def _geometry(value: Any) -> Region | None:
    match value:
        case Region():
            return value
        case FeatureValue() | ImageValue():
            return value.footprint()
        case _:
            return None


def _meets(a: Any, b: Any) -> bool:
    left, right = _geometry(a), _geometry(b)
    if left is None or right is None:
        # an image without bounds is everywhere; a feature without a geometry is nowhere
        return isinstance(a, ImageValue) or isinstance(b, ImageValue)
    return intersects(left, right)


def _holds(a: Any, b: Any) -> bool:
    left, right = _geometry(a), _geometry(b)
    if left is None or right is None:
        return False
    return bool(to_crs(left, LONLAT).geometry.contains(to_crs(right, LONLAT).geometry))


_listed("equals", "Passes where both sides are equal.", _equal)
_listed("lessThan", "Passes where the left side is less.", _less)
_listed("greaterThan", "Passes where the left side is greater.", _greater)
_listed("dateRangeContains", "Passes where a span of time, the left side, holds the right side.", _in_range)
_listed("listContains", "Passes where a list, the left side, holds the right side.", _contains_element)
_listed("stringContains", "Passes where the left text contains the right one.", _texts(lambda a, b: b in a))
_listed("stringStartsWith", "Passes where the left text starts with the right one.", _texts(str.startswith))
_listed("stringEndsWith", "Passes where the left text ends with the right one.", _texts(str.endswith))
_listed("intersects", "Passes where the geometries of both sides share a point.", _meets, f", {_MARGIN}")
_listed("contains", "Passes where the left geometry contains the right one.", _holds, f", {_MARGIN}")


@table.listed(f"Filter.maxDifference(difference: Float, {_SIDES}) -> Filter")
def max_difference(most: float, left: str | None, right_value: Any, right: str | None, left_value: Any) -> FilterValue:
    """Passes where two numbers, or dates, differ by no more than so much."""

    def distance(a: Any, b: Any) -> float:
        a, b = (value.millis if isinstance(value, DateValue) else value for value in (a, b))
        return abs(a - b) if isinstance(a, int | float) and isinstance(b, int | float) else math.inf

    def measure(first: Element, second: Element) -> float:
        a = left_value if left is None else field_of(first, left)
        return distance(a, right_value if right is None else field_of(second, right))

    made = _of_sides(lambda a, b: distance(a, b) <= most, left, right_value, right, left_value)
    return FilterValue(made.accepts, made.joins, measure)


@table.listed("Filter.rangeContains(field: String, minValue: Object, maxValue: Object) -> Filter")
def range_contains(field: str, low: Any, high: Any) -> FilterValue:
    """Passes where a property lies between two values, both included."""

    def accepts(element: Element) -> bool:
        value = field_of(element, field)
        above, below = _comparable(value, low), _comparable(value, high)
        return above is not None and below is not None and above[0] >= above[1] and below[0] <= below[1]

    return FilterValue(accepts)


Joins = Callable[[Element, Element], bool]


def _made(test: Callable[[Element], bool], inner: list[FilterValue], joins: Joins | None) -> FilterValue:
    """Return a filter of other filters, which asks them once for each element however often it is asked itself."""
    deep = 1 + max((one.depth for one in inner), default=0)
    if deep > _MOST_NESTING:
        raise InvalidExpression(f"filters are nested more than {_MOST_NESTING} deep.")
    last: list[tuple[Element, bool]] = []

    def accepts(element: Element) -> bool:
        if not last or last[0][0] is not element:
            last[:] = [(element, test(element))]
        return last[0][1]

    return FilterValue(accepts, joins, depth=deep)


_MOST_NESTING = 100
"""Filters within each other."""


@table.listed("Filter.not(filter: Filter) -> Filter")
def not_(inner: FilterValue) -> FilterValue:
    """Passes where another filter does not."""
    joins = inner.joins
    opposite = None if joins is None else lambda first, second: not joins(first, second)
    return _made(lambda element: not inner.accepts(element), [inner], opposite)


@table.listed("Filter.and(filters: List<Filter>) -> Filter")
def and_(filters: list[FilterValue]) -> FilterValue:
    """Passes where all filters do."""
    distinct = list(dict.fromkeys(filters))
    joined = _joined(distinct, all)
    return _made(lambda element: all(one.accepts(element) for one in distinct), distinct, joined)


@table.listed("Filter.or(filters: List<Filter>) -> Filter")
def or_(filters: list[FilterValue]) -> FilterValue:
    """Passes where one of the filters does."""
    distinct = list(dict.fromkeys(filters))
    joined = _joined(distinct, any)
    return _made(lambda element: any(one.accepts(element) for one in distinct), distinct, joined)


def _joined(filters: list[FilterValue], holds: Callable[[Iterable[bool]], bool]) -> Joins | None:
    """Return the test of two elements that filters make together, None where one of them has none."""
    tests = [one.joins for one in filters if one.joins is not None]
    if len(tests) < len(filters):
        return None
    return lambda first, second: holds(test(first, second) for test in tests)


@table.listed("Filter.notNull(properties: List<String>) -> Filter")
def not_null(names: list[str]) -> FilterValue:
    """Passes where all of some properties are there."""
    return FilterValue(lambda element: all(property_of(element, name) is not None for name in names))


_fields = ("minute", "hour", "day_of_month", "day_of_year", "week", "month", "year", "day_of_week")


@table.listed('Filter.calendarRange(start: Integer, end: Integer = null, field: String = "day_of_year") -> Filter')
def calendar_range(start: int, end: int | None, field: str) -> FilterValue:
    """Passes where a part of an element's date lies between two numbers, both included, around the turn too."""
    if field not in _fields:
        raise InvalidExpression(f"'field' is '{field[:40]}'; there are {', '.join(_fields)}.")
    last = start if end is None else end

    def accepts(element: Element) -> bool:
        millis = element.properties.get("system:time_start")
        if not isinstance(millis, int | float):
            return False
        value = dates.part(DateValue(int(millis)), field)
        return start <= value <= last if start <= last else value >= start or value <= last

    return FilterValue(accepts)


@table.listed("Filter.dayOfYear(start: Integer, end: Integer) -> Filter")
def day_of_year(start: int, end: int) -> FilterValue:
    """Passes where an element's day of the year lies from one to before another, around the turn too."""
    after = calendar_range(start, (end - 2) % 366 + 1, "day_of_year")
    return FilterValue(lambda element: start != end and after.accepts(element))
