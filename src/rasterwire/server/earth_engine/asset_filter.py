"""The filters of listings of assets: comparisons and intersects(), joined by AND."""

import json
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rasterwire.errors import InvalidExpression, invalid
from rasterwire.expression.coerce import millis_of
from rasterwire.expression.functions.geometry.geometries import geometry_of_json
from rasterwire.image import Image
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
    Query,
    condition_count,
    holds,
)

_MAX_FILTER = 1_000_000
"""Characters of the filter of a list of assets."""

_between = re.compile(r"\s*(?:AND\s+)?")

_comparison = re.compile(r'([A-Za-z][\w.:\-]*)\s*(<=|>=|!=|=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|(-?[\d.][\w.+\-]*))')
_intersection = re.compile(r'intersects\(\s*"((?:[^"\\]|\\.)*)"\s*\)')
_signs: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_EITHER = {
    "<": (Comparison.LESS,),
    "<=": (Comparison.LESS, Comparison.EQUAL),
    ">": (Comparison.GREATER,),
    ">=": (Comparison.GREATER, Comparison.EQUAL),
    "=": (Comparison.EQUAL,),
    "!=": (Comparison.LESS, Comparison.GREATER),
}
"""The comparisons one of which is true; none is true of a missing property, or of one of another kind."""


@dataclass(frozen=True, slots=True)
class EndTime:
    """A comparison of the end of an image's time, a text in its properties; else of its start.

    Attributes:
        sign: of the comparison.
        limit: milliseconds since 1970 in UTC.
    """

    sign: str
    limit: int

    def accepts(self, image: Image) -> bool:
        """Tell whether it is true of an image."""
        end = millis_of(image.properties.get("end_datetime"))
        time = end if end is not None or image.start_time is None else _millis(image.start_time)
        return time is not None and _signs[self.sign](time, self.limit)


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """A filter of a list of assets.

    Attributes:
        conditions: that a catalog answers.
        end_times: that no catalog answers.
    """

    conditions: tuple[Condition, ...]
    end_times: tuple[EndTime, ...]

    def fold(self, query: Query) -> tuple[Query, "AssetFilter"]:
        """Return a query for as much of the filter as a catalog answers, and the rest."""
        room, rest = MAX_CONDITIONS, []
        conditions = list(self.conditions)
        # an image ends after it begins, so that those that begin too late need no look at their ends
        conditions += [_either(START, end.sign, end.limit) for end in self.end_times if end.sign in {"<", "<="}]
        for condition in dict.fromkeys(conditions):
            room -= condition_count(condition)
            if room >= 0:
                query = query.narrowed(condition)
            else:
                rest.append(condition)
        return query, AssetFilter(tuple(rest), self.end_times)

    @property
    def is_empty(self) -> bool:
        """Whether it accepts all images."""
        return not self.conditions and not self.end_times

    def accepts(self, image: Image) -> bool:
        """Tell whether an image passes; one with its footprint, where a condition is about it."""
        return all(end.accepts(image) for end in self.end_times) and all(holds(c, image) for c in self.conditions)


def asset_filter(text: str) -> AssetFilter:
    """Return a filter: comparisons and intersects(), joined by AND.

    Raises:
        InvalidRequest: the text is none.
    """
    if len(text) > _MAX_FILTER:
        raise invalid("filter", "FILTER_TOO_LONG", f"has {len(text)} characters, at most {_MAX_FILTER}")
    parts: list[Condition | EndTime] = []
    text, end = text.rstrip(), 0
    while end < len(text):
        part = _between.match(text, end)
        end = part.end() if part else end
        if match := _comparison.match(text, end):
            is_text = match[3] is not None
            parts.append(_compared(match[1], match[2], match[3] if is_text else match[4], is_text))
        elif match := _intersection.match(text, end):
            parts.append(_within(match[1]))
        else:
            rest = text[end : end + 40]
            message = f"{rest!r} is no comparison of startTime, endTime or properties.NAME, and no intersects()"
            raise invalid("filter", "FILTER_UNKNOWN", message)
        end = match.end()
    end_times = tuple(dict.fromkeys(part for part in parts if isinstance(part, EndTime)))
    return AssetFilter(tuple(part for part in parts if not isinstance(part, EndTime)), end_times)


def _compared(field: str, sign: str, text: str, is_text: bool) -> Condition | EndTime:
    if field in {"startTime", "endTime"}:
        limit = millis_of(text)
        if limit is None:
            raise invalid("filter", "NOT_A_TIME", f"{text[:40]!r} is no time")
        if field == "endTime":
            return EndTime(sign, limit)
        if sign == ">=":  # which a query says by its start
            return AllOf((Present(START), Not(Compare(START, Comparison.LESS, limit))))
        return _either(START, sign, limit)
    try:
        value: str | float = text if is_text else float(text)
    except ValueError:
        value = math.nan
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid("filter", "NOT_A_NUMBER", f"{text[:40]!r} is neither a finite number nor a text in quotes")
    return _either(field.removeprefix("properties."), sign, value)


def _either(field: str, sign: str, value: str | float) -> Condition:
    comparisons = tuple(Compare(field, comparison, value) for comparison in _EITHER[sign])
    return comparisons[0] if len(comparisons) == 1 else AnyOf(comparisons)


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _within(text: str) -> Condition:
    try:
        document = json.loads(text.replace("'", '"').replace("True", "true").replace("False", "false"))
        area = geometry_of_json(document) if isinstance(document, dict) else None
    except (ValueError, RecursionError, InvalidExpression):
        area = None
    if area is None:
        raise invalid("filter", "NOT_A_GEOMETRY", "intersects() needs a GeoJSON geometry in quotes")
    return Intersects(area)
