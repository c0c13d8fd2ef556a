"""The function that parses dates by patterns of Joda-Time."""

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.date.dates import checked_date, zone_of
from rasterwire.expression.language.pattern import groups
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import DateValue

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = "yYMdDHhKkmsS"
_WORD = "[A-Za-z]{1,9}"
_MAX_CHARACTERS = 200
"""Characters of a date as text, and of the pattern that it is read or written by."""


def _pieces(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the letter of each run of letters in a pattern with the run, and '' with each plain text."""
    for part, quoted, letters, plain in re.findall(r"('((?:[^']|'')*)')|([A-Za-z]+)|([^A-Za-z']+|')", pattern):
        if part:
            yield "", quoted.replace("''", "'") or "'"
        elif letters:
            yield from ((letter, "".join(run)) for letter, run in itertools.groupby(letters))
        else:
            yield "", plain


def _expression(letter: str, run: str, *, followed: bool) -> str:
    """Return the regular expression of a run of a letter; a number followed by another has a fixed number of digits."""
    if letter in "MEa" and (letter != "M" or len(run) > 2):
        return _WORD
    if letter == "Z":
        return r"Z|[+-]\d\d:?\d\d" if len(run) < 3 else r"[\w/+-]{1,40}"
    if letter == "S":
        return f"\\d{{{len(run)}}}" if followed else r"\d{1,9}"
    if letter in _NUMBERS:
        if followed:
            return f"\\d{{{len(run)}}}"
        return r"\d{2}" if letter in "yY" and len(run) == 2 else r"\d{1,4}"
    raise InvalidExpression(f"'{letter}' is no letter of a pattern that dates are read by; put texts in quotes.")


@table.listed("Date.parse(format: String, date: String, timeZone: String = null) -> Date")
def parse(pattern: str, text: str, zone: str | None) -> DateValue:
    """Parses a text as a date by a pattern of Joda-Time such as YYYY-MM-dd."""
    if len(pattern) > _MAX_CHARACTERS or len(text) > _MAX_CHARACTERS:
        raise InvalidExpression(f"a pattern or a date of over {_MAX_CHARACTERS} characters is too long.")
    pieces = list(_pieces(pattern))
    expression, letters = "", []
    for index, (letter, run) in enumerate(pieces):
        if not letter:
            expression += re.escape(run)
            continue
        if letter in letters:
            raise InvalidExpression(f"'{letter}' appears twice in the pattern.")
        following = pieces[index + 1][0] if index + 1 < len(pieces) else ""
        expression += f"({_expression(letter, run, followed=bool(following) and following in _NUMBERS)})"
        letters.append(letter)
    parts = groups(expression, text)
    if parts is None:
        raise InvalidExpression(f"'{text[:60]}' is no date of the pattern '{pattern[:60]}'.")
    try:
        return checked_date(_date_of(dict(zip(letters, parts, strict=True)), zone_of(zone)))
    except (ValueError, OverflowError):
        raise InvalidExpression(f"'{text[:60]}' is no date.") from None


def _date_of(fields: dict[str, str], zone: tzinfo) -> int:
    """Return the milliseconds since 1970 of the fields by letter; a missing field is that of 1970-01-01T00:00:00."""
    year = int(fields.get("y") or fields.get("Y") or 1970)
    if len(fields.get("y") or fields.get("Y") or "1970") == 2:
        year += 2000 if year < 70 else 1900
    month = fields.get("M", "1")
    if not month.isdigit():
        month = str(_MONTHS.index(_abbreviated(month)) + 1)
    if "E" in fields and not any(day.startswith(fields["E"].lower()) for day in _DAYS):
        raise ValueError("no day of a week")
    time = datetime(year, int(month), int(fields.get("d", 1)), tzinfo=_zone_of_text(fields.get("Z"), zone))
    if "D" in fields:
        days = int(fields["D"])
        time = time.replace(month=1, day=1) + timedelta(days=days - 1)
        if days < 1 or time.year != year:
            raise ValueError("no day of the year")
    millis = int(fields.get("S", "0")[:3].ljust(3, "0"))
    time = time.replace(hour=_hour(fields), minute=int(fields.get("m", 0)), second=int(fields.get("s", 0)))
    return round(time.timestamp() * 1000) + millis


def _abbreviated(month: str) -> str:
    lower = month.lower()
    if lower not in {*_MONTHS, *_LONG_MONTHS, "november", "december"}:
        raise ValueError("no month")
    return lower[:3]


def _hour(fields: dict[str, str]) -> int:
    """Return the hour of the day from the field of one of its letters."""
    half = fields.get("a", "am").lower()
    if half not in {"am", "pm"}:
        raise ValueError("neither am nor pm")
    for letter, most in (("H", 23), ("k", 24), ("h", 12), ("K", 11)):
        if letter in fields:
            hour = int(fields[letter])
            if not (letter in "kh") <= hour <= most:
                raise ValueError("no hour")
            return hour % 24 if letter in "Hk" else hour % 12 + 12 * (half == "pm")
    return 12 * (half == "pm")


def _zone_of_text(text: str | None, zone: tzinfo) -> tzinfo:
    if text is None:
        return zone
    offset = re.fullmatch(r"([+-]\d\d):?(\d\d)", text)
    if offset is None:
        return zone_of("UTC" if text == "Z" else text)
    hours, minutes = int(offset[1]), int(offset[2])
    return timezone(timedelta(hours=hours, minutes=-minutes if offset[1][0] == "-" else minutes))
