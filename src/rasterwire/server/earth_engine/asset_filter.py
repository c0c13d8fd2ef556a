"""The filters of listings of assets: comparisons and intersects(), joined by AND."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rasterwire.errors import InvalidExpression, invalid
from rasterwire.expression.coerce import millis_of
from rasterwire.expression.functions.geometry.geometries import geometry_of_json
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import intersects
from rasterwire.image import Image

_MAX_FILTER = 1_000_000
"""Characters of the filter of a list of assets."""

_between = re.compile(r"\s*(?:AND\s+)?")

Test = Callable[[Image, Callable[[], Region | None]], bool]


_comparison = re.compile(r'([A-Za-z][\w.:\-]*)\s*(<=|>=|!=|=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|(-?[\d.][\w.+\-]*))')
_intersection = re.compile(r'intersects\(\s*"((?:[^"\\]|\\.)*)"\s*\)')
_signs: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def asset_tests(text: str) -> list[Test]:
    """Return the tests of a filter: comparisons and intersects(), joined by AND."""
    if len(text) > _MAX_FILTER:
        raise invalid("filter", "FILTER_TOO_LONG", f"has {len(text)} characters, at most {_MAX_FILTER}")
    tests: list[Test] = []
    text, end = text.rstrip(), 0
    while end < len(text):
        part = _between.match(text, end)
        end = part.end() if part else end
        if match := _comparison.match(text, end):
            tests.append(
                _comparison_test(
                    match[1], match[2], match[3] if match[3] is not None else match[4], match[3] is not None
                )
            )
        elif match := _intersection.match(text, end):
            tests.append(_intersection_test(match[1]))
        else:
            rest = text[end : end + 40]
            message = f"{rest!r} is no comparison of startTime, endTime or properties.NAME, and no intersects()"
            raise invalid("filter", "FILTER_UNKNOWN", message)
        end = match.end()
    return tests


def _comparison_test(field: str, sign: str, text: str, is_text: bool) -> Test:
    compare = _signs[sign]
    if field in {"startTime", "endTime"}:
        limit = millis_of(text)
        if limit is None:
            raise invalid("filter", "NOT_A_TIME", f"{text[:40]!r} is no time")

        def by_time(image: Image, _: Callable[[], Region | None]) -> bool:
            end = millis_of(image.properties.get("end_datetime")) if field == "endTime" else None
            time = end if end is not None or image.start_time is None else _millis(image.start_time)
            return time is not None and compare(time, limit)

        return by_time
    key = field.removeprefix("properties.")
    try:
        value: Any = text if is_text else float(text)
    except ValueError:
        raise invalid("filter", "NOT_A_NUMBER", f"{text[:40]!r} is neither a number nor a text in quotes") from None

    def by_property(image: Image, _: Callable[[], Region | None]) -> bool:
        own = image.properties.get(key)
        same = isinstance(own, str) if is_text else isinstance(own, int | float)
        return same and compare(own, value)

    return by_property


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _intersection_test(text: str) -> Test:
    try:
        document = json.loads(text.replace("'", '"').replace("True", "true").replace("False", "false"))
        area = geometry_of_json(document) if isinstance(document, dict) else None
    except (ValueError, RecursionError, InvalidExpression):
        area = None
    if area is None:
        raise invalid("filter", "NOT_A_GEOMETRY", "intersects() needs a GeoJSON geometry in quotes")

    def meets(_: Image, region: Callable[[], Region | None]) -> bool:
        footprint = region()
        return footprint is not None and intersects(footprint, area)

    return meets
