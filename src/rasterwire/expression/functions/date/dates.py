"""Functions on dates, and the constructors of date ranges."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import describe, millis_of
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import DateRangeValue, DateValue

_MILLIS = {
    "second": 1000.0,
    "minute": 60_000.0,
    "hour": 3_600_000.0,
    "day": 86_400_000.0,
    "week": 7 * 86_400_000.0,
}
_MONTHS = {"month": 1, "year": 12}
_YEAR_MILLIS = 365.242199 * 86_400_000
_MONTH_MILLIS = _YEAR_MILLIS / 12

_offset = re.compile(r"T.*(Z|[+-]\d\d(:?\d\d)?)$")
"""The end of a text with a time zone of its own."""

FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999."""


def date_of(value: Any, zone: str | None = None) -> DateValue:
    """Convert a number, a text or a date to a date.

    Raises:
        InvalidExpression: the value is not a date.
    """
    millis = millis_of(value)
    if millis is None:
        raise InvalidExpression(
            f"{describe(value)} is no date; give milliseconds since 1970 or a text like 2021-01-09."
        )
    if not FIRST <= millis <= LAST:
        raise InvalidExpression("the date is not between the years 1 and 9999.")
    if zone and isinstance(value, str) and not _offset.search(value):
        local = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=zone_of(zone))
        millis = round(local.timestamp() * 1000)
    return DateValue(millis)


def zone_of(name: str | None) -> ZoneInfo:
    """Return the time zone of a name; UTC for None."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidExpression(
            f"'{(name or '')[:40]}' is no time zone; give a name such as America/New_York."
        ) from None


def moment(date: DateValue, zone: str | None = None) -> datetime:
    """Return a date as a datetime in a time zone."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=date.millis)).astimezone(zone_of(zone))


@table.listed("Date(value: Object, timeZone: String = null) -> Date")
def date(value: Any, zone: str | None) -> DateValue:
    """Returns a date of milliseconds since 1970, a text or a date."""
    return date_of(value, zone)


@table.listed("Date.fromYMD(year: Integer, month: Integer, day: Integer, timeZone: String = null) -> Date")
def from_ymd(year: int, month: int, day: int, zone: str | None) -> DateValue:
    """Returns the date of a year, a month and a day."""
    try:
        return DateValue(round(datetime(year, month, day, tzinfo=zone_of(zone)).timestamp() * 1000))
    except (ValueError, OverflowError):
        raise InvalidExpression(f"{year}-{month}-{day} is no date.") from None


@table.listed("Date.millis(date: Date) -> Long")
def millis(value: DateValue) -> int:
    """Returns the milliseconds since 1970."""
    return value.millis


@table.listed("Date.advance(date: Date, delta: Float, unit: String, timeZone: String = null) -> Date")
def advance(value: DateValue, delta: float, unit: str, zone: str | None) -> DateValue:
    """Returns a date that is later by a number of units: year, month, week, day, hour, minute or second."""
    unit = unit_of(unit)
    if abs(delta) > 1e12:
        raise InvalidExpression(f"'delta' is {delta:g}; it has to be between -1e12 and 1e12.")
    if unit in {"day", "week"} and zone:
        # days of the clock in the zone: one has 23 hours when summer time begins
        days = delta * (7 if unit == "week" else 1)
        try:
            later = moment(value, zone) + timedelta(days=int(days))
        except OverflowError:
            raise InvalidExpression("the date is not between the years 1 and 9999.") from None
        return checked_date(round(later.timestamp() * 1000 + (days - int(days)) * _MILLIS["day"]))
    if unit not in _MONTHS:
        return checked_date(value.millis + round(delta * _MILLIS[unit]))
    start = moment(value, zone)
    months = start.year * 12 + start.month - 1 + int(delta * _MONTHS[unit])
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise InvalidExpression("the date is not between the years 1 and 9999.")
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    shifted = start.replace(year=year, month=month + 1, day=day)
    fraction = (delta * _MONTHS[unit] - int(delta * _MONTHS[unit])) * _MONTH_MILLIS
    return checked_date(round(shifted.timestamp() * 1000 + fraction))


def checked_date(value: int) -> DateValue:
    """Return the date of milliseconds since 1970.

    Raises:
        InvalidExpression: it is not between the years 1 and 9999.
    """
    if not FIRST <= value <= LAST:
        raise InvalidExpression("the date is not between the years 1 and 9999.")
    return DateValue(value)


def unit_of(unit: str) -> str:
    """Return the canonical name of a unit, from year to second."""
    plain = unit.lower().removesuffix("s")
    if plain not in _MILLIS and plain not in _MONTHS:
        raise InvalidExpression(f"'{unit[:40]}' is no unit; there are {', '.join([*_MONTHS, *_MILLIS])}.")
    return plain


@table.listed("Date.difference(date: Date, start: Date, unit: String) -> Float")
def difference(value: DateValue, start: DateValue, unit: str) -> float:
    """Returns the difference of two dates in a unit; years and months of mean length."""
    return (value.millis - start.millis) / length_of(unit_of(unit))


def length_of(unit: str) -> float:
    """Return the milliseconds of a unit; years and months of mean length."""
    return _MILLIS.get(unit) or {"year": _YEAR_MILLIS, "month": _MONTH_MILLIS}[unit]


def part(value: DateValue, unit: str, zone: str | None = None) -> int:
    """Return a part of a date: year, month, day, hour, ... or day_of_year.

    Raises:
        InvalidExpression: there is no such part.
    """
    time = moment(value, zone)
    parts = {
        "year": time.year,
        "month": time.month,
        "week": time.isocalendar().week,
        "day": time.day,
        "day_of_year": time.timetuple().tm_yday,
        "day_of_month": time.day,
        "day_of_week": time.isoweekday(),
        "hour": time.hour,
        "minute": time.minute,
        "second": time.second,
    }
    if unit not in parts:
        raise InvalidExpression(f"'{unit[:40]}' is no part of a date; there are {', '.join(parts)}.")
    return parts[unit]


@table.listed("Date.get(date: Date, unit: String, timeZone: String = null) -> Long")
def get(value: DateValue, unit: str, zone: str | None) -> int:
    """Returns a part of a date, such as year."""
    return part(value, unit, zone)


@table.listed("Date.getRelative(date: Date, unit: String, inUnit: String, timeZone: String = null) -> Long")
def get_relative(value: DateValue, unit: str, in_unit: str, zone: str | None) -> int:
    """Returns the index of a unit within a larger one, from 0, such as the day of the year."""
    small, large = unit_of(unit), unit_of(in_unit)
    time = moment(value, zone)
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "year": midnight.replace(month=1, day=1),
        "month": midnight.replace(day=1),
        "week": midnight - timedelta(days=time.weekday()),
        "day": midnight,
        "hour": time.replace(minute=0, second=0, microsecond=0),
        "minute": time.replace(second=0, microsecond=0),
    }
    if small == "year" or large not in starts or _order.index(small) >= _order.index(large):
        raise InvalidExpression(f"'{unit[:20]}' is no part of '{in_unit[:20]}'.")
    if small == "month":
        return time.month - 1
    return int(
        (time.replace(tzinfo=None) - starts[large].replace(tzinfo=None)).total_seconds() * 1000 // _MILLIS[small]
    )


_order = ("second", "minute", "hour", "day", "week", "month", "year")


def _text(letter: str, length: int, time: datetime) -> str | None:
    """Format a date by a run of one letter in a pattern of Joda-Time; None for a letter without a meaning."""
    numbers = {
        "D": time.timetuple().tm_yday,
        "M": time.month,
        "d": time.day,
        "e": time.isoweekday(),
        "w": time.isocalendar().week,
        "H": time.hour,
        "K": time.hour % 12,
        "h": time.hour % 12 or 12,
        "k": time.hour or 24,
        "m": time.minute,
        "s": time.second,
    }
    if letter in "yYx":
        year = time.isocalendar().year if letter == "x" else time.year
        return f"{year % 100:02d}" if length == 2 else f"{year:0{length}d}"
    if letter == "M" and length > 2:
        return time.strftime("%b" if length == 3 else "%B")
    if letter in numbers:
        return f"{numbers[letter]:0{length}d}"
    if letter == "E":
        return time.strftime("%a" if length < 4 else "%A")
    if letter == "S":
        return f"{time.microsecond // 1000:03d}".ljust(length, "0")[:length]
    offset = time.strftime("%z")
    names = {"a": time.strftime("%p"), "G": "AD", "z": time.tzname() or ""}
    names["Z"] = offset if length == 1 else f"{offset[:3]}:{offset[3:5]}" if length == 2 else str(time.tzinfo)
    return names.get(letter)


@table.listed("Date.format(date: Date, format: String = null, timeZone: String = null) -> String")
def format_(value: DateValue, pattern: str | None, zone: str | None) -> str:
    """Returns a date as text, by a pattern of Joda-Time such as YYYY-MM-dd; ISO 8601 by default."""
    time = moment(value, zone)
    if pattern is None:
        return time.strftime("%Y-%m-%dT%H:%M:%S")
    text, remainder = "", pattern[:200]
    while remainder:
        if remainder[0] == "'":
            quoted, _, remainder = remainder[1:].partition("'")
            text += quoted or "'"
            continue
        length = len(remainder) - len(remainder.lstrip(remainder[0]))
        formatted = _text(remainder[0], length, time)
        if formatted is None and remainder[0].isalpha():
            raise InvalidExpression(f"'{remainder[0]}' is no letter of a pattern for dates; put texts in quotes.")
        text += remainder[:length] if formatted is None else formatted
        remainder = remainder[length:]
    return text


@table.listed("DateRange(start: Object, end: Object = null, timeZone: String = null) -> DateRange")
def date_range(start: Any, end: Any, zone: str | None) -> DateRangeValue:
    """Returns the date range from one date to before another; a millisecond by default."""
    if isinstance(start, DateRangeValue):
        return start
    start_millis = date_of(start, zone).millis
    end_millis = start_millis + 1 if end is None else date_of(end, zone).millis
    if end_millis < start_millis:
        raise InvalidExpression("the end of a DateRange has to be after its start.")
    return DateRangeValue(start_millis, end_millis)


@table.listed("DateRange.start(dateRange: DateRange) -> Date")
def start_of(span: DateRangeValue) -> DateValue:
    """Returns the start of a date range."""
    return DateValue(span.start)


@table.listed("DateRange.end(dateRange: DateRange) -> Date")
def end_of(span: DateRangeValue) -> DateValue:
    """Returns the end of a date range."""
    return DateValue(span.end)
