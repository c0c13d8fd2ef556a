"""The filters of listings of assets: comparisons and intersects(), joined by AND."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from rasterwire.errors import InvalidExpression, invalid
from rasterwire.expression.coerce import millis_of
from rasterwire.expression.functions.geometry.geometries import geometry_of_json, intersects
from rasterwire.geo.region import Region
from rasterwire.image import Image

_MOST_FILTER = 1_000_000
"""Characters of the filter of a list of assets."""

_between = re.compile(r"\s*(?:AND\s+)?")

Test = Callable[[Image, Callable[[], Region | None]], bool]


_comparison = re.compile(r'([A-Za-z][\w.:\-]*)\s*(<=|>=|!=|=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|(-?[\d.][\w.+\-]*))')
_meets = re.compile(r'intersects\(\s*"((?:[^"\\]|\\.)*)"\s*\)')
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
    if len(text) > _MOST_FILTER:
        raise invalid("filter", "FILTER_TOO_LONG", f"has {len(text)} characters, at most {_MOST_FILTER}")
    tests: list[Test] = []
    text, at = text.rstrip(), 0
    while at < len(text):
        part = _between.match(text, at)
        at = part.end() if part else at
        if found := _comparison.match(text, at):
            tests.append(
                _compared(found[1], found[2], found[3] if found[3] is not None else found[4], found[3] is not None)
            )
        elif found := _meets.match(text, at):
            tests.append(_meeting(found[1]))
        else:
            said = (
                f"{text[at : at + 40]!r} is no comparison of startTime, endTime or properties.NAME, and no intersects()"
            )
            raise invalid("filter", "FILTER_UNKNOWN", said)
        at = found.end()
    return tests


def _compared(field: str, sign: str, said: str, is_text: bool) -> Test:
    compare = _signs[sign]
    if field in {"startTime", "endTime"}:
        wanted = millis_of(said)
        if wanted is None:
            raise invalid("filter", "NOT_A_TIME", f"{said[:40]!r} is no time")

        def by_time(image: Image, _: Callable[[], Region | None]) -> bool:
            end = millis_of(image.properties.get("end_datetime")) if field == "endTime" else None
            at = end if end is not None or image.start_time is None else _millis(image.start_time)
            return at is not None and compare(at, wanted)

        return by_time
    key = field.removeprefix("properties.")
    try:
        value: Any = said if is_text else float(said)
    except ValueError:
        raise invalid("filter", "NOT_A_NUMBER", f"{said[:40]!r} is neither a number nor a text in quotes") from None

    def by_property(image: Image, _: Callable[[], Region | None]) -> bool:
        found = image.properties.get(key)
        same = isinstance(found, str) if is_text else isinstance(found, int | float)
        return same and compare(found, value)

    return by_property


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _meeting(text: str) -> Test:
    try:
        document = json.loads(text.replace("'", '"').replace("True", "true").replace("False", "false"))
        area = geometry_of_json(document) if isinstance(document, dict) else None
    except (ValueError, RecursionError, InvalidExpression):
        area = None
    if area is None:
        raise invalid("filter", "NOT_A_GEOMETRY", "intersects() needs a GeoJSON geometry in quotes")

    def meets(_: Image, region: Callable[[], Region | None]) -> bool:
        found = region()
        return found is not None and intersects(found, area)

    return meets
