"""Moments and spans of time, held against Python's datetime."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from cases import every
from graphs import Value, call, refused, told

NOON = datetime(2021, 1, 9, 18, 57, 51, 123000, UTC)


def millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def date(moment: datetime) -> Value:
    return call("Date", value=millis(moment))


@every(
    ("text", "moment"),
    [
        ("2021", datetime(2021, 1, 1, tzinfo=UTC)),
        ("2021-03", datetime(2021, 3, 1, tzinfo=UTC)),
        ("2021-03-04", datetime(2021, 3, 4, tzinfo=UTC)),
        ("1996-001", datetime(1996, 1, 1, tzinfo=UTC)),
        ("1996-366", datetime(1996, 12, 31, tzinfo=UTC)),
        ("2021-01-09T18:57", datetime(2021, 1, 9, 18, 57, tzinfo=UTC)),
        ("2021-01-09T18:57:51.123Z", NOON),
        ("2021-01-09T10:57:51.123-08:00", NOON),
        ("1950-06-01", datetime(1950, 6, 1, tzinfo=UTC)),
    ],
)
def test_texts_are_read_as_dates(text: str, moment: datetime) -> None:
    assert told(call("Date", value=text)) == {"type": "Date", "value": millis(moment)}
    assert told(call("Date.millis", date=text)) == millis(moment)


@every("text", ["", "yesterday", "2021-13-01", "2021-02-30", "2021-000", "20", "1e5"])
def test_texts_that_are_no_dates_are_refused(text: str) -> None:
    assert refused(call("Date", value=text)).startswith(f"Date: a String {text!r} is no date")


@every("value", [1e18, -1e18, float("inf"), float("nan"), [1], True])
def test_numbers_beyond_the_calendar_are_refused(value: Any) -> None:
    assert refused(call("Date", value=value)).startswith("Date: ")


def test_a_text_is_read_in_a_time_zone_unless_it_has_its_own() -> None:
    zone = "America/Los_Angeles"
    local = datetime(2021, 7, 1, 8, tzinfo=ZoneInfo(zone))
    assert told(call("Date.millis", date=call("Date", value="2021-07-01T08:00", timeZone=zone))) == millis(local)
    assert told(call("Date.millis", date=call("Date", value="2021-07-01T15:00Z", timeZone=zone))) == millis(local)
    assert told(call("Date.millis", date=call("Date", value=5, timeZone=zone))) == 5
    assert "is no time zone" in refused(call("Date", value="2021", timeZone="Mars/Olympus"))


def test_a_date_is_made_of_year_month_and_day() -> None:
    made = call("Date.fromYMD", year=2020, month=2, day=29)
    assert told(made)["value"] == millis(datetime(2020, 2, 29, tzinfo=UTC))
    assert refused(call("Date.fromYMD", year=2021, month=2, day=29)) == "Date.fromYMD: 2021-2-29 is no date."


@every("unit", ["year", "month", "week", "day", "hour", "minute", "second"])
@every("delta", [1, -1, 14, -30])
@every("start", [NOON, datetime(2020, 2, 29, tzinfo=UTC), datetime(2021, 12, 31, 23, tzinfo=UTC)])
def test_dates_advance_by_units_of_the_calendar(start: datetime, delta: int, unit: str) -> None:
    # pandas moves to the last day of a month where the day is not there
    later = pd.Timestamp(start) + pd.DateOffset(**{f"{unit}s": delta})
    assert told(call("Date.advance", date=date(start), delta=delta, unit=unit))["value"] == millis(later)


def test_a_part_of_a_day_is_advanced_too() -> None:
    later = call("Date.advance", date=date(NOON), delta=0.5, unit="days")
    assert told(later)["value"] == millis(NOON + timedelta(hours=12))


def test_days_are_those_of_the_clock_in_a_time_zone() -> None:
    start = datetime(2021, 3, 13, 12, tzinfo=ZoneInfo("America/New_York"))
    moved = call("Date.advance", date=date(start), delta=1, unit="day", timeZone="America/New_York")
    assert told(moved)["value"] == millis(start) + 23 * 3_600_000


@every(("delta", "unit"), [(1e6, "year"), (1e9, "week"), (1e300, "day"), (1, "fortnight")])
def test_an_advance_out_of_the_calendar_is_refused(delta: float, unit: str) -> None:
    assert refused(call("Date.advance", date=0, delta=delta, unit=unit)).startswith("Date.advance: ")
    zoned = call("Date.advance", date=0, delta=delta, unit=unit, timeZone="Asia/Tokyo")
    assert refused(zoned).startswith("Date.advance: ")


@every(("unit", "seconds"), [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400)])
def test_differences_are_fractions_of_units(unit: str, seconds: int) -> None:
    earlier = NOON - timedelta(days=3, minutes=7)
    made = told(call("Date.difference", date=date(NOON), start=date(earlier), unit=unit))
    assert made == pytest.approx((NOON - earlier).total_seconds() / seconds)


def test_differences_in_years_and_months_use_their_mean_length() -> None:
    days = told(call("Date.difference", date="2022-01-01", start="2021-01-01", unit="year")) * 365.2422
    assert days == pytest.approx(365, abs=0.01)
    assert told(call("Date.difference", date="2021-01-01", start="2022-01-01", unit="month")) == pytest.approx(
        -12, 1e-3
    )


@every("zone", [None, "America/Los_Angeles", "Asia/Kolkata"])
def test_parts_of_a_date_are_told_in_a_time_zone(zone: str | None) -> None:
    local = NOON.astimezone(ZoneInfo(zone or "UTC"))
    parts = {name: getattr(local, name) for name in ("year", "month", "day", "hour", "minute", "second")}
    parts["week"] = local.isocalendar().week
    for unit, value in parts.items():
        assert told(call("Date.get", date=date(NOON), unit=unit, timeZone=zone)) == value, unit


def test_parts_relative_to_larger_ones_count_from_zero() -> None:
    at = date(NOON)  # a Saturday
    year, month = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    monday = datetime(2021, 1, 4, tzinfo=UTC)
    for unit, within, value in [
        ("day", "year", (NOON - year).days),
        ("hour", "year", (NOON - year) // timedelta(hours=1)),
        ("month", "year", 0),
        ("week", "year", (NOON - year).days // 7),
        ("day", "month", (NOON - month).days),
        ("day", "week", (NOON - monday).days),
        ("minute", "day", 18 * 60 + 57),
        ("second", "hour", 57 * 60 + 51),
    ]:
        assert told(call("Date.getRelative", date=at, unit=unit, inUnit=within)) == value, (unit, within)
    assert "is no part of" in refused(call("Date.getRelative", date=at, unit="year", inUnit="month"))


@every(
    ("pattern", "text"),
    [
        (None, "2021-01-09T18:57:51"),
        ("YYYY-MM-dd", "2021-01-09"),
        ("yyyyMMdd'T'HHmmss", "20210109T185751"),
        ("yy D DDD", "21 9 009"),
        ("d MMM y", "9 Jan 2021"),
        ("MMMM, EEEE (E)", "January, Saturday (Sat)"),
        ("h:mm a", "6:57 PM"),
        ("ss.SSS Z ZZ", "51.123 +0000 +00:00"),
        ("H''m", "18'57"),
        ("w e", "1 6"),
        ("'year' YYYY", "year 2021"),
    ],
)
def test_dates_are_formatted_by_patterns_of_joda_time(pattern: str | None, text: str) -> None:
    assert told(call("Date.format", date=date(NOON), format=pattern)) == text


def test_a_date_is_formatted_in_a_time_zone_and_unknown_letters_are_refused() -> None:
    zoned = call("Date.format", date=date(NOON), format="yyyy-MM-dd HH ZZ", timeZone="Asia/Tokyo")
    assert told(zoned) == "2021-01-10 03 +09:00"
    assert refused(call("Date.format", date=date(NOON), format="b")).startswith("Date.format: 'b' is no letter")


def test_a_range_has_a_start_and_an_end() -> None:
    span = call("DateRange", start="2021-01-01", end="2021-02-01")
    first, last = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 2, 1, tzinfo=UTC)
    assert told(span) == {"type": "DateRange", "dates": [millis(first), millis(last)]}
    assert told(call("DateRange.start", dateRange=span))["value"] == millis(first)
    assert told(call("DateRange.end", dateRange=span))["value"] == millis(last)
    assert told(call("DateRange", start=span)) == told(span)


def test_a_range_without_an_end_is_a_millisecond() -> None:
    assert told(call("DateRange", start=5))["dates"] == [5, 6]


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    assert refused(call("DateRange", start="2021", end="2020")).startswith("DateRange: the end")


# -- units and spans ---------------------------------------------------------------------------


@every("zone", [None, "America/New_York"])
@every("start", [NOON, datetime(2020, 2, 29, tzinfo=UTC), datetime(2021, 3, 14, 9, tzinfo=UTC)])
@every(
    ("unit", "period"),
    [("year", "Y"), ("month", "M"), ("week", "W"), ("day", "D"), ("hour", "h"), ("minute", "min"), ("second", "s")],
)
def test_a_date_lies_in_units_of_the_clock(unit: str, period: str, start: datetime, zone: str | None) -> None:
    local = pd.Timestamp(start).tz_convert(zone or "UTC")
    around = local.tz_localize(None).to_period(period)
    first, last = (pd.Timestamp(at).tz_localize(zone or "UTC") for at in (around.start_time, (around + 1).start_time))
    span = told(call("Date.getRange", date=date(start), unit=unit, timeZone=zone))
    assert span["dates"] == [millis(first), millis(last)]
    share = told(call("Date.getFraction", date=date(start), unit=unit, timeZone=zone))
    assert share == pytest.approx((local - first) / (last - first), abs=1e-9)


def test_the_last_year_ends_with_the_calendar() -> None:
    for unit in ("year", "month", "week", "day", "second"):
        last = call("Date.getRange", date=call("Date", value="9999-12-31T23:59:59.5"), unit=unit)
        assert told(call("DateRange.contains", dateRange=last, other="9999-12-31T23:59:59.999"))
    assert "is no unit" in refused(call("Date.getRange", date=0, unit="fortnight"))


def test_ratios_of_units() -> None:
    assert told(call("Date.unitRatio", numerator="day", denominator="minute")) == 1440
    assert told(call("Date.unitRatio", numerator="year", denominator="month")) == 12
    assert told(call("Date.unitRatio", numerator="week", denominator="days")) == 7


@every("given", [{"year": 2024}, {"month": 3, "day": 31}, {"hour": 0, "minute": 5}, {"second": 1.5}])
@every("zone", [None, "Asia/Kolkata"])
def test_units_of_a_date_are_set(given: dict[str, Any], zone: str | None) -> None:
    local = NOON.astimezone(ZoneInfo(zone or "UTC"))
    expected = local.replace(**({"second": 1, "microsecond": 500_000} if "second" in given else given))
    assert told(call("Date.update", date=date(NOON), timeZone=zone, **given))["value"] == millis(expected)


@every("given", [{"month": 13}, {"month": 2, "day": 30}, {"year": 0}, {"second": 60}, {"hour": 1e18}])
def test_units_that_no_date_has_are_refused(given: dict[str, Any]) -> None:
    assert refused(call("Date.update", date=date(NOON), **given)).startswith("Date.update: ")


@every(
    ("pattern", "text", "format"),
    [
        ("YYYY-MM-dd", "2021-03-04", "%Y-%m-%d"),
        ("yyyyMMddHHmmss", "20210304050607", "%Y%m%d%H%M%S"),
        ("yyyy-D", "2020-366", "%Y-%j"),
        ("d MMM yy", "4 Mar 21", "%d %b %y"),
        ("MMMM d, yyyy", "september 14, 1999", "%B %d, %Y"),
        ("EEE h:mm a, d/M/y", "Thu 12:05 PM, 4/3/2021", "%a %I:%M %p, %d/%m/%Y"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2021-03-04T05:06:07.089", "%Y-%m-%dT%H:%M:%S.%f"),
        ("yyyy-MM-dd HH:mm Z", "2021-03-04 05:06 -0330", "%Y-%m-%d %H:%M %z"),
        ("'day' dd''MM.yyyy", "day 04'03.2021", "day %d'%m.%Y"),
    ],
)
def test_texts_are_read_by_patterns_of_joda_time(pattern: str, text: str, format: str) -> None:  # noqa: A002
    expected = datetime.strptime(text, format)  # noqa: DTZ007  most have none
    expected = expected if expected.tzinfo else expected.replace(tzinfo=UTC)
    assert told(call("Date.parse", format=pattern, date=text))["value"] == millis(expected)


def test_a_text_is_read_by_a_pattern_in_a_time_zone() -> None:
    zone = ZoneInfo("Asia/Tokyo")
    made = call("Date.parse", format="yyyy-MM-dd", date="2021-03-04", timeZone="Asia/Tokyo")
    assert told(made)["value"] == millis(datetime(2021, 3, 4, tzinfo=zone))
    made = call("Date.parse", format="yyyy-MM-dd ZZZ", date="2021-03-04 Asia/Tokyo")
    assert told(made)["value"] == millis(datetime(2021, 3, 4, tzinfo=zone))


@every(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd", "2021-13-01"),
        ("yyyy-MM-dd", "2021-3"),
        ("yyyy-D", "2021-366"),
        ("d MMM y", "1 Foo 2021"),
        ("hh a", "13 PM"),
        ("h", "0"),
        ("E", "Foo"),
        ("a", "xm"),
        ("q", "1"),
        ("dd dd", "01 01"),
        ("y Z", "2021 -9999"),
        ("ZZZ", "Mars/Olympus"),
        ("y" * 300, "1"),
        ("", "1"),
    ],
)
def test_texts_that_are_no_dates_of_a_pattern_are_refused(pattern: str, text: str) -> None:
    assert refused(call("Date.parse", format=pattern, date=text)).startswith("Date.parse: ")


def _span(start: int, end: int) -> Value:
    return call("DateRange", start=start, end=end)


@every("other", [(0, 5), (5, 10), (7, 8), (9, 20), (10, 20), (0, 30), (7, 7)])
def test_spans_are_sets_of_moments(other: tuple[int, int]) -> None:
    one, two = set(range(5, 10)), set(range(*other))
    given = {"dateRange": _span(5, 10), "other": _span(*other)}
    assert told(call("DateRange.intersects", **given)) is bool(one & two)
    shared = told(call("DateRange.intersection", **given))["dates"]
    assert set(range(*shared)) == one & two
    both = told(call("DateRange.union", **given))["dates"]
    assert both == [min(one | two), max(one | two) + 1]
    if two:
        assert told(call("DateRange.contains", **given)) is (two <= one)
    assert told(call("DateRange.isEmpty", dateRange=_span(*other))) is (not two)


def test_moments_lie_within_spans() -> None:
    for at, within in ((4, False), (5, True), (9, True), (10, False)):
        assert told(call("DateRange.contains", dateRange=_span(5, 10), other=call("Date", value=at))) is within
    assert "is no date" in refused(call("DateRange.contains", dateRange=_span(5, 10), other="soon"))
    assert told(call("DateRange.isEmpty", dateRange=_span(5, 5)))
    assert not told(call("DateRange.isEmpty", dateRange=_span(5, 6)))


def test_an_unbounded_span_has_all_dates() -> None:
    always = call("DateRange.unbounded")
    assert told(call("DateRange.isUnbounded", dateRange=always))
    assert not told(call("DateRange.isUnbounded", dateRange=_span(0, 5)))
    for at in ("0001-01-01", "9999-12-31T23:59:59.999"):
        assert told(call("DateRange.contains", dateRange=always, other=at))
