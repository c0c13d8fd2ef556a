"""Functions on date ranges, and on the units of time around a date."""

from datetime import datetime, timedelta
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.date.dates import FIRST, LAST, checked_date, date_of, length_of, moment, unit_of
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import DateRangeValue, DateValue

_UNBOUNDED = DateRangeValue(FIRST, LAST + 1)


def _unit_around(value: DateValue, unit: str, zone: str | None) -> tuple[int, int]:
    """Return the start and the end of the year, month, ... that contains a date, in milliseconds since 1970."""
    unit = unit_of(unit)
    time = moment(value, zone)
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    first, months, days = midnight, 0, 1
    match unit:
        case "year":
            first, months = midnight.replace(month=1, day=1), 12
        case "month":
            first, months = midnight.replace(day=1), 1
        case "week":
            first, days = midnight - timedelta(days=time.weekday()), 7
        case "day":
            pass
        case _:
            minute, second = (0 if unit == "hour" else time.minute), (time.second if unit == "second" else 0)
            start = _millis(time.replace(minute=minute, second=second, microsecond=0))
            return start, start + round(length_of(unit))
    if months:
        year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
        if year > 9999:
            return _millis(first), LAST + 1
        return _millis(first), _millis(first.replace(year=year, month=month + 1))
    # days of the clock in the zone: one has 23 hours when summer time begins
    try:
        return _millis(first), _millis(first + timedelta(days=days))
    except OverflowError:
        return _millis(first), LAST + 1


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


@table.listed("Date.getRange(date: Date, unit: String, timeZone: String = null) -> DateRange")
def get_range(value: DateValue, unit: str, zone: str | None) -> DateRangeValue:
    """Returns the year, month, week, day, hour, minute or second that contains a date."""
    return DateRangeValue(*_unit_around(value, unit, zone))


@table.listed("Date.getFraction(date: Date, unit: String, timeZone: String = null) -> Float")
def get_fraction(value: DateValue, unit: str, zone: str | None) -> float:
    """Returns the part of the year, month, week, day, ... that has passed at a date, from 0 to 1."""
    start, end = _unit_around(value, unit, zone)
    return (value.millis - start) / (end - start)


@table.listed("Date.unitRatio(numerator: String, denominator: String) -> Float")
def unit_ratio(numerator: str, denominator: str) -> float:
    """Returns the ratio of the lengths of two units; years and months have their mean length."""
    return length_of(unit_of(numerator)) / length_of(unit_of(denominator))


@table.listed(
    "Date.update(date: Date, year: Integer = null, month: Integer = null, day: Integer = null, hour: Integer = null, "
    "minute: Integer = null, second: Number = null, timeZone: String = null) -> Date"
)
def update(
    value: DateValue,
    year: int | None,
    month: int | None,
    day: int | None,
    hour: int | None,
    minute: int | None,
    second: float | None,
    zone: str | None,
) -> DateValue:
    """Returns a date with other values of some of its units."""
    time = moment(value, zone)
    if second is not None:
        if not 0 <= second < 60:
            raise InvalidExpression(f"'second' is {second:g}; it has to be from 0 to below 60.")
        time = time.replace(second=0, microsecond=0)
    try:
        time = time.replace(
            year=time.year if year is None else year,
            month=time.month if month is None else month,
            day=time.day if day is None else day,
            hour=time.hour if hour is None else hour,
            minute=time.minute if minute is None else minute,
        )
    except (ValueError, OverflowError):
        units = {"year": year, "month": month, "day": day, "hour": hour, "minute": minute}
        units_text = ", ".join(f"{unit} {number}" for unit, number in units.items() if number is not None)
        raise InvalidExpression(f"there is no such date, of {units_text[:100]}.") from None
    return checked_date(_millis(time) + round(1000 * (second or 0)))


# -- spans -------------------------------------------------------------------------------------


@table.listed("DateRange.unbounded() -> DateRange")
def unbounded() -> DateRangeValue:
    """Returns the range of all dates, of the years 1 to 9999."""
    return _UNBOUNDED


@table.listed("DateRange.isUnbounded(dateRange: DateRange) -> Boolean")
def is_unbounded(span: DateRangeValue) -> bool:
    """Tells whether a range has all dates."""
    return span.start <= _UNBOUNDED.start and span.end >= _UNBOUNDED.end


@table.listed("DateRange.isEmpty(dateRange: DateRange) -> Boolean")
def is_empty(span: DateRangeValue) -> bool:
    """Tells whether a range has no date."""
    return span.start >= span.end


@table.listed("DateRange.contains(dateRange: DateRange, other: Object) -> Boolean")
def contains(span: DateRangeValue, other: Any) -> bool:
    """Tells whether a range contains a date or another range."""
    if isinstance(other, DateRangeValue):
        return span.start <= other.start and other.end <= span.end
    return span.start <= date_of(other).millis < span.end


@table.listed("DateRange.intersects(dateRange: DateRange, other: DateRange) -> Boolean")
def intersects(span: DateRangeValue, other: DateRangeValue) -> bool:
    """Tells whether two ranges share a date."""
    return not is_empty(intersection(span, other))


@table.listed("DateRange.intersection(dateRange: DateRange, other: DateRange) -> DateRange")
def intersection(span: DateRangeValue, other: DateRangeValue) -> DateRangeValue:
    """Returns the range of the dates that two ranges share; an empty range where there are none."""
    start = max(span.start, other.start)
    return DateRangeValue(start, max(start, min(span.end, other.end)))


@table.listed("DateRange.union(dateRange: DateRange, other: DateRange) -> DateRange")
def union(span: DateRangeValue, other: DateRangeValue) -> DateRangeValue:
    """Returns the range from the start of the earlier range to the end of the later one."""
    if is_empty(span) or is_empty(other):
        return other if is_empty(span) else span
    return DateRangeValue(min(span.start, other.start), max(span.end, other.end))
