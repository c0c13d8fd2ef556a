"""Times of array files: numbers since a moment, by the conventions of CF."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from rasterwire.files.arrays.attributes import as_text
from rasterwire.files.arrays.variables import Variable

__all__ = ["is_time", "times_of"]

_seconds = {
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "msec": 1e-3,
    "ms": 1e-3,
    "second": 1.0,
    "sec": 1.0,
    "s": 1.0,
    "minute": 60.0,
    "min": 60.0,
    "hour": 3600.0,
    "hr": 3600.0,
    "h": 3600.0,
    "day": 86400.0,
    "d": 86400.0,
}

_since = re.compile(
    r"\s*(\w+)\s+since\s+(\d{1,4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]+(\d{1,2})(?::(\d{1,2}))?(?::(\d{1,2})(?:\.(\d*))?)?)?\s*(?:Z|UTC|([+-]\d{1,2}):?(\d{2})?)?\s*",
    re.IGNORECASE,
)

_plain_calendars = {"", "standard", "gregorian", "proleptic_gregorian"}

_GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)
"""Before this, the standard calendar is the Julian one."""


def is_time(variable: Variable) -> bool:
    """Tell whether a coordinate holds times."""
    attributes = variable.attributes
    has_units = _since.fullmatch(as_text(attributes.get("units"))) is not None
    return variable.dtype.kind == "M" or has_units or as_text(attributes.get("standard_name")) == "time"


def times_of(variable: Variable, values: npt.NDArray[Any]) -> list[datetime | None]:
    """Return the time of each value of a coordinate, None for those that no date of this calendar can be."""
    flat = values.reshape(-1)
    if flat.dtype.kind == "M":
        numbers = flat.astype("datetime64[us]").astype(np.int64)
        return [_after(datetime(1970, 1, 1, tzinfo=UTC), int(number)) for number in numbers]
    calendar = as_text(variable.attributes.get("calendar")).lower()
    match = _since.fullmatch(as_text(variable.attributes.get("units")))
    unit = None if match is None else _seconds.get(match[1].lower(), _seconds.get(match[1].lower().removesuffix("s")))
    start = None if match is None else _start(match)
    if calendar not in _plain_calendars or unit is None or start is None or flat.dtype.kind not in "iuf":
        return [None] * len(flat)
    if start < _GREGORIAN and calendar != "proleptic_gregorian":
        return [None] * len(flat)
    return [_after(start, _microseconds(value, unit)) for value in flat.tolist()]


def _microseconds(value: float | int, unit: float) -> int | None:
    if isinstance(value, int) and unit >= 1:
        return value * int(unit) * 1_000_000
    try:
        return round(value * unit * 1e6)
    except (OverflowError, ValueError):  # not finite
        return None


def _after(start: datetime, microseconds: int | None) -> datetime | None:
    try:
        return None if microseconds is None else start + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _start(match: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second = (int(match[group] or 0) for group in range(2, 8))
    micros = int((match[8] or "0").ljust(6, "0")[:6])
    try:
        shift = timedelta(
            hours=int(match[9] or 0), minutes=int(match[10] or 0) * (-1 if "-" in (match[9] or "") else 1)
        )
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC) - shift
    except (ValueError, OverflowError):
        return None
