"""Functions on moments and spans of time."""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rasterwire.errors import InvalidExpression
from rasterwire.expression.coerce import described, millis_of
from rasterwire.expression.signature import table
from rasterwire.expression.values import DateRangeValue, DateValue

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

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999."""


def date_of(value: Any, zone: str | None = None) -> DateValue:
    """Return a date of a number, a text or a date.

    Raises:
        InvalidExpression: it is none.
    """
    millis = millis_of(value)
    if millis is None:
        raise InvalidExpression(
            f"{described(value)} is no date; give milliseconds since 1970 or a text like 2021-01-09."
        )
    if not _FIRST <= millis <= _LAST:
        raise InvalidExpression("the date is not between the years 1 and 9999.")
    if zone and isinstance(value, str):
        local = datetime.fromtimestamp(millis / 1000, UTC).replace(tzinfo=_zone(zone))
        millis = round(local.timestamp() * 1000)
    return DateValue(millis)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidExpression(
            f"'{(name or '')[:40]}' is no time zone; give a name such as America/New_York."
        ) from None


def moment(date: DateValue, zone: str | None = None) -> datetime:
    """Return a date as a datetime in a time zone."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=date.millis)).astimezone(_zone(zone))


@table.listed("Date(value: Object, timeZone: String = null) -> Date")
def date(value: Any, zone: str | None) -> DateValue:
    """Returns a date of milliseconds since 1970, a text or a date."""
    return date_of(value, zone)


@table.listed("Date.fromYMD(year: Integer, month: Integer, day: Integer, timeZone: String = null) -> Date")
def from_ymd(year: int, month: int, day: int, zone: str | None) -> DateValue:
    """Returns the date of a year, a month and a day."""
    try:
        return DateValue(round(datetime(year, month, day, tzinfo=_zone(zone)).timestamp() * 1000))
    except (ValueError, OverflowError):
        raise InvalidExpression(f"{year}-{month}-{day} is no date.") from None


@table.listed("Date.millis(date: Date) -> Long")
def millis(value: DateValue) -> int:
    """Returns the milliseconds since 1970."""
    return value.millis


@table.listed("Date.advance(date: Date, delta: Float, unit: String, timeZone: String = null) -> Date")
def advance(value: DateValue, delta: float, unit: str, zone: str | None) -> DateValue:
    """Returns a date so many units later: year, month, week, day, hour, minute or second."""
    unit = _unit(unit)
    if abs(delta) > 1e12:
        raise InvalidExpression(f"'delta' is {delta:g}, which is too much.")
    if unit not in _MONTHS:
        return _checked(value.millis + round(delta * _MILLIS[unit]))
    start = moment(value, zone)
    months = start.year * 12 + start.month - 1 + int(delta * _MONTHS[unit])
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise InvalidExpression("the date is not between the years 1 and 9999.")
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    moved = start.replace(year=year, month=month + 1, day=day)
    rest = (delta * _MONTHS[unit] - int(delta * _MONTHS[unit])) * _MONTH_MILLIS
    return _checked(round(moved.timestamp() * 1000 + rest))


def _checked(value: int) -> DateValue:
    if not _FIRST <= value <= _LAST:
        raise InvalidExpression("the date is not between the years 1 and 9999.")
    return DateValue(value)


def _unit(unit: str) -> str:
    plain = unit.lower().removesuffix("s")
    if plain not in _MILLIS and plain not in _MONTHS:
        raise InvalidExpression(f"'{unit[:40]}' is no unit; there are {', '.join([*_MONTHS, *_MILLIS])}.")
    return plain


@table.listed("Date.difference(date: Date, start: Date, unit: String) -> Float")
def difference(value: DateValue, start: DateValue, unit: str) -> float:
    """Returns the difference of two dates in a unit; years and months of mean length."""
    unit = _unit(unit)
    length = _MILLIS.get(unit) or {"year": _YEAR_MILLIS, "month": _MONTH_MILLIS}[unit]
    return (value.millis - start.millis) / length


def part(value: DateValue, unit: str, zone: str | None = None) -> int:
    """Return a part of a date: year, month, day, hour, ... or day_of_year.

    Raises:
        InvalidExpression: an unknown part.
    """
    at = moment(value, zone)
    parts = {
        "year": at.year,
        "month": at.month,
        "week": at.isocalendar().week,
        "day": at.day,
        "day_of_year": at.timetuple().tm_yday,
        "day_of_month": at.day,
        "day_of_week": at.isoweekday(),
        "hour": at.hour,
        "minute": at.minute,
        "second": at.second,
    }
    if unit not in parts:
        raise InvalidExpression(f"'{unit[:40]}' is no part of a date; there are {', '.join(parts)}.")
    return parts[unit]


@table.listed("Date.get(date: Date, unit: String, timeZone: String = null) -> Long")
def get(value: DateValue, unit: str, zone: str | None) -> int:
    """Returns a part of a date, such as year."""
    return part(value, unit, zone)


@table.listed("Date.getRelative(date: Date, unit: String, inUnit: String, timeZone: String = null) -> Long")
def get_relative(value: DateValue, unit: str, within: str, zone: str | None) -> int:
    """Returns the number of a unit within a larger one, from 0: the day of the year."""
    if (unit, within) == ("day", "year"):
        return part(value, "day_of_year", zone) - 1
    if (unit, within) in {("month", "year"), ("day", "month")}:
        return part(value, unit, zone) - 1
    if (unit, within) in {("hour", "day"), ("minute", "hour"), ("second", "minute")}:
        return part(value, unit, zone)
    raise InvalidExpression(f"{unit[:20]} in {within[:20]}: not implemented by this server.")


_PARTS = [
    ("YYYY", "%Y"),
    ("yyyy", "%Y"),
    ("YY", "%y"),
    ("yy", "%y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("DDD", "%j"),
    ("DD", "%j"),
    ("D", "%j"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("EEEE", "%A"),
    ("EEE", "%a"),
    ("E", "%a"),
    ("ww", "%V"),
    ("xxxx", "%G"),
    ("a", "%p"),
]


@table.listed("Date.format(date: Date, format: String = null, timeZone: String = null) -> String")
def format_(value: DateValue, pattern: str | None, zone: str | None) -> str:
    """Returns a date as text, by a pattern of Joda-Time such as YYYY-MM-dd; ISO 8601 by default."""
    at = moment(value, zone)
    if pattern is None:
        return at.strftime("%Y-%m-%dT%H:%M:%S")
    made, rest = "", pattern[:200]
    while rest:
        if rest[0] == "'":
            quoted, _, rest = rest[1:].partition("'")
            made += quoted or "'"
            continue
        for said, meant in _PARTS:
            if rest.startswith(said):
                made += f"{at.year:04d}" if meant == "%Y" else at.strftime(meant)
                rest = rest[len(said) :]
                break
        else:
            run = len(rest) - len(rest.lstrip(rest[0]))
            single = {"M": at.month, "d": at.day, "H": at.hour, "h": at.hour % 12 or 12, "m": at.minute, "s": at.second}
            if rest[0] in single:
                made += f"{single[rest[0]]:0{run}d}"
            elif rest[0] == "S":
                made += f"{at.microsecond // 1000:03d}"[:run]
            elif rest[0] == "Z":
                made += at.strftime("%z")
            else:
                made += rest[:run]
            rest = rest[run:]
    return made


@table.listed("DateRange(start: Object, end: Object = null, timeZone: String = null) -> DateRange")
def date_range(start: Any, end: Any, zone: str | None) -> DateRangeValue:
    """Returns the time from a date to before another; to a day later by default."""
    if isinstance(start, DateRangeValue):
        return start
    first = date_of(start, zone).millis
    last = first + 86_400_000 if end is None else date_of(end, zone).millis
    if last < first:
        raise InvalidExpression("the end of a DateRange has to be after its start.")
    return DateRangeValue(first, last)


@table.listed("DateRange.start(dateRange: DateRange) -> Date")
def start_of(span: DateRangeValue) -> DateValue:
    """Returns the begin of a span of time."""
    return DateValue(span.start)


@table.listed("DateRange.end(dateRange: DateRange) -> Date")
def end_of(span: DateRangeValue) -> DateValue:
    """Returns the end of a span of time."""
    return DateValue(span.end)
