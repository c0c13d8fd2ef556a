"""Queries as searches of a STAC API."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from odc.geo.crs import CRS

from rasterwire.catalog.stac_api.connection import Capabilities
from rasterwire.catalog.stac_api.cql2 import ID_NAMES, Filter, Searchable, all_of, filter_of, is_said, like_pattern
from rasterwire.geo.region import Region
from rasterwire.geo.region.relations import to_crs
from rasterwire.query import AnyOf, Compare, Comparison, Condition, Query

__all__ = ["after_filter", "is_answered", "search_body"]

_lonlat = CRS("EPSG:4326")

_MARGIN = 1e-7
"""Degrees around the box of a region."""

_MAX_IDS = 500
"""Ids of one search."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def search_body(
    collection: str, query: Query, can: Capabilities, numbers: frozenset[str], after: str = ""
) -> dict[str, Any]:
    """Return the body of a search that finds all items of a query, and maybe others.

    Args:
        collection: of the API.
        query: about the images of that collection; its order is not looked at.
        can: what the API can do.
        numbers: properties that it declares as numbers.
        after: only items whose id is greater, where the API can filter.
    """
    body: dict[str, Any] = {"collections": [collection]}
    if interval := _interval(query):
        body["datetime"] = interval
    boxes = min((_boxes(region) for region in query.regions), key=_width, default=[])
    if len(boxes) == 1:
        body["bbox"] = boxes[0]
    elif boxes:
        body["intersects"] = {"type": "MultiPolygon", "coordinates": [[_ring(box)] for box in boxes]}
    ids = next((ids for condition in query.conditions if (ids := _ids(condition)) is not None), None)
    if ids is not None:
        body["ids"] = ids
    if can.fields:
        body["fields"] = {"exclude": ["links"]}
    if can.filters:
        condition_filter = all_of([*_filters(query, can, numbers), _after(after)])
        if condition_filter is not None:
            body |= {"filter-lang": "cql2-json", "filter": condition_filter}
    return body


def is_answered(query: Query, can: Capabilities, numbers: frozenset[str]) -> bool:
    """Tell whether a search says all conditions of a query, so that few others are found; see ``search_body``."""
    searchable = Searchable(like=can.like, numbers=numbers)
    if not can.filters:
        return not query.prefix and all(_ids(condition) is not None for condition in query.conditions)
    return (can.like or not query.prefix) and all(
        is_said(condition, searchable) or _ids(condition) is not None for condition in query.conditions
    )


def after_filter(item_id: str) -> dict[str, Any]:
    """Return the part of a search that finds only items whose id is greater than another."""
    return {"filter-lang": "cql2-json", "filter": _after(item_id)}


def _filters(query: Query, can: Capabilities, numbers: frozenset[str]) -> Iterator[Filter | None]:
    searchable = Searchable(like=can.like, numbers=numbers)
    if query.prefix and can.like:
        yield {"op": "like", "args": [{"property": "id"}, f"{like_pattern(query.prefix)}%"]}
    for condition in query.conditions:
        yield filter_of(condition, searchable)


def _after(item_id: str) -> Filter | None:
    return {"op": ">", "args": [{"property": "id"}, item_id]} if item_id else None


def _ids(condition: Condition) -> list[str] | None:
    """Return the ids of a condition that holds for no others; None where it may."""
    match condition:
        case Compare(name, Comparison.EQUAL, str() as value) if name in ID_NAMES:
            return [value]
        case AnyOf(conditions) if conditions:
            parts = [_ids(part) for part in conditions]
            ids = [value for part in parts if part is not None for value in part]
            return ids if None not in parts and len(ids) <= _MAX_IDS else None
        case _:
            return None


def _interval(query: Query) -> str:
    """Return the interval of times, closed, with a millisecond more at each end: times of images are rounded to it."""
    if query.start is None and query.end is None:
        return ""
    return f"{_time(query.start, -1)}/{_time(query.end, 1)}"


def _time(millis: int | None, margin: int) -> str:
    """Return a time of RFC 3339; ".." for none, or one that no calendar has."""
    try:
        time = None if millis is None else _EPOCH + timedelta(milliseconds=millis + margin)
    except OverflowError:
        time = None
    return ".." if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _boxes(region: Region) -> list[list[float]]:
    """Return boxes that hold a region, in longitudes from -180 to 180; none where they would be all of the earth."""
    west, south, east, north = to_crs(region, _lonlat).geometry.bounds
    west, east = west - _MARGIN, east + _MARGIN
    south, north = max(-90.0, south - _MARGIN), min(90.0, north + _MARGIN)
    if east - west >= 360.0:
        return [] if (south, north) == (-90.0, 90.0) else [[-180.0, south, 180.0, north]]
    turn = 360.0 * math.floor((west + 180.0) / 360.0)
    west, east = west - turn, east - turn
    if east <= 180.0:
        return [[west, south, east, north]]
    return [[west, south, 180.0, north], [-180.0, south, east - 360.0, north]]


def _width(boxes: Sequence[Sequence[float]]) -> float:
    return sum((east - west) * (north - south) for west, south, east, north in boxes) if boxes else math.inf


def _ring(box: Sequence[float]) -> list[list[float]]:
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]
