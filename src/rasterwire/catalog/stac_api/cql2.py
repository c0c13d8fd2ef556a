"""Conditions in CQL2-JSON, as a STAC API can search by them.

CQL2 knows three truth values, and a server may convert types and order texts by its own rules. So a filter here finds
all images that fulfil a condition, and maybe others: what it finds has to be tested. A part of a condition that has no
such filter is left out.

Source: OGC 21-065r2, Common Query Language (CQL2), annex B.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rasterwire.query import AllOf, AnyOf, Compare, Comparison, Condition, Not, Present, condition_count

__all__ = ["ID_NAMES", "Filter", "Searchable", "all_of", "filter_of", "is_said", "like_pattern"]

Filter = Mapping[str, Any]
"""A filter in CQL2-JSON."""

_MAX_PARTS = 100
"""Conditions of a filter with those within others; what is beyond them is tested here."""

_item_fields = {"id", "collection", "geometry", "bbox", "links", "assets", "type", "stac_version", "stac_extensions"}
"""Names that mean a field of the item and not one of its properties."""

_times = {"datetime", "start_datetime", "end_datetime", "created", "updated"}
"""Properties that a server compares as times, and a query as texts."""

_plain_name = re.compile(r"[A-Za-z_][A-Za-z0-9_:-]*", re.ASCII)
"""Names that no server reads as a path."""

ID_NAMES = ("system:id", "system:index")
"""The properties that are the id of an item; it has no slash."""


@dataclass(frozen=True, slots=True)
class Searchable:
    """What a server can search by.

    Attributes:
        like: whether it knows the operator ``like``.
        numbers: the properties that it declares as numbers; they are taken to hold nothing else.
    """

    like: bool = False
    numbers: frozenset[str] = frozenset()


def filter_of(condition: Condition, searchable: Searchable) -> Filter | None:
    """Return a filter that finds every image for which a condition holds; None where there is none but all.

    A property that some images have as a text and others as a number is compared by a server in its own way, or not at
    all; it may refuse the filter.
    """
    if condition_count(condition) > _MAX_PARTS:
        return None
    return _filter(condition, searchable)


def _filter(condition: Condition, searchable: Searchable) -> Filter | None:
    match condition:
        case AllOf(conditions):
            return all_of([_filter(part, searchable) for part in conditions])
        case AnyOf(conditions):
            filters = [_filter(part, searchable) for part in conditions]
            return _joined("or", [part for part in filters if part is not None]) if all(filters) else None
        case Compare(name, comparison, value):
            return _comparison(name, comparison, value, searchable)
        case Present(name):
            is_property = _is_property(name) and name not in _times
            return {"op": "not", "args": [{"op": "isNull", "args": [_property(name)]}]} if is_property else None
        case Not(Compare(name, Comparison.LESS | Comparison.GREATER as comparison, int() | float() as value)) if (
            name in searchable.numbers and _is_property(name) and not isinstance(value, bool)
        ):
            # true of an image without the property as well
            operator = ">=" if comparison is Comparison.LESS else "<="
            missing = {"op": "isNull", "args": [_property(name)]}
            return _joined("or", [{"op": operator, "args": [_property(name), value]}, missing])
        case _:
            return None


def is_said(condition: Condition, searchable: Searchable) -> bool:
    """Tell whether ``filter_of`` has a part for each part of a condition."""
    if condition_count(condition) > _MAX_PARTS:
        return False
    match condition:
        case AllOf(conditions) | AnyOf(conditions):
            return all(is_said(part, searchable) for part in conditions)
        case _:
            return _filter(condition, searchable) is not None


def _comparison(name: str, comparison: Comparison, value: object, searchable: Searchable) -> Filter | None:
    if name in ID_NAMES:
        return _of_text(_property("id"), comparison, value, searchable) if isinstance(value, str) else None
    if not _is_property(name) or name in _times or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        # true equals 1, and a server does not say so
        if comparison is Comparison.EQUAL and value in {0, 1} and name not in searchable.numbers:
            return None
        operator = {Comparison.EQUAL: "=", Comparison.LESS: "<", Comparison.GREATER: ">"}.get(comparison)
        return None if operator is None else {"op": operator, "args": [_property(name), value]}
    if name in searchable.numbers or not isinstance(value, str):
        return None
    return _of_text(_property(name), comparison, value, searchable)


def _of_text(operand: Filter, comparison: Comparison, value: str, searchable: Searchable) -> Filter | None:
    """Return the filter of a comparison of texts. The order of texts is each server's own, so there is none by it."""
    if comparison is Comparison.EQUAL:
        return {"op": "=", "args": [operand, value]}
    if not searchable.like:
        return None
    part = like_pattern(value)
    patterns = {
        Comparison.STARTS_WITH: f"{part}%",
        Comparison.ENDS_WITH: f"%{part}",
        Comparison.CONTAINS: f"%{part}%",
    }
    pattern = patterns.get(comparison)
    return None if pattern is None else {"op": "like", "args": [operand, pattern]}


def like_pattern(text: str) -> str:
    r"""Return a pattern for ``like`` that fits a text; others fit as well, since servers escape differently.

    >>> like_pattern("100%_a")
    '100__a'
    """
    return re.sub(r"[%\\]", "_", text)


def all_of(filters: Sequence[Filter | None]) -> Filter | None:
    """Return a filter by all of those that are there."""
    return _joined("and", [part for part in filters if part is not None])


def _joined(operator: str, filters: Sequence[Filter]) -> Filter | None:
    if len(filters) < 2:
        return filters[0] if filters else None
    return {"op": operator, "args": list(filters)}


def _property(name: str) -> Filter:
    return {"property": name}


def _is_property(name: str) -> bool:
    return not name.startswith("system:") and name not in _item_fields and _plain_name.fullmatch(name) is not None
