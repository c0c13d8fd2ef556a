"""Mosaics of typed fields as the graphs that clients of Earth Engine would write."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from rasterwire.errors import ImageNotFound, InvalidExpression, InvalidRequest, Violation, Violations, invalid
from rasterwire.server.messages.graph_json import Node
from rasterwire.server.messages.graph_json import call as _call
from rasterwire.server.messages.graph_json import constant as _constant
from rasterwire.server.messages.region import read_region
from rasterwire.v1 import download_pb2

_COMPOSITES = {
    download_pb2.COMPOSITE_MIN: "reduce.min",
    download_pb2.COMPOSITE_MAX: "reduce.max",
    download_pb2.COMPOSITE_MEAN: "reduce.mean",
    download_pb2.COMPOSITE_MEDIAN: "reduce.median",
    download_pb2.COMPOSITE_COUNT: "reduce.count",
}
_COMPARISONS = {
    download_pb2.COMPARISON_EQUAL: ("Filter.equals", False),
    download_pb2.COMPARISON_NOT_EQUAL: ("Filter.equals", True),
    download_pb2.COMPARISON_LESS: ("Filter.lessThan", False),
    download_pb2.COMPARISON_GREATER_OR_EQUAL: ("Filter.lessThan", True),
    download_pb2.COMPARISON_GREATER: ("Filter.greaterThan", False),
    download_pb2.COMPARISON_LESS_OR_EQUAL: ("Filter.greaterThan", True),
}
"""The filter of each comparison, and whether it is of the opposite."""

_MAX_SCENES = 1_000_000
_MAX_VIOLATIONS = 100


def mosaic_graph(mosaic: download_pb2.Mosaic) -> Node:
    """Return the graph of a mosaic: its scenes, composed, on the projection of the first of them.

    Raises:
        InvalidRequest: with every area, time and number that means nothing.
    """
    if mosaic.WhichOneof("scenes") == "images":
        loaded = {"arrayValue": {"values": [_call("Image.load", id=_constant(i)) for i in mosaic.images.ids]}}
        scenes = _call("ImageCollection.fromImages", images=loaded)
    else:
        scenes = _query_scenes(mosaic.query)
    values = {"scenes": scenes, "composite": _composite(mosaic)}
    first = _call("Image.select", input=_call("Collection.first", collection=_SCENES), bandSelectors=_constant([0]))
    own = _call("Image.projection", image=first)
    values["mosaic"] = _call("Image.setDefaultProjection", image={"valueReference": "composite"}, crs=own)
    return {"result": "mosaic", "values": values}


_SCENES: Node = {"valueReference": "scenes"}


def _composite(mosaic: download_pb2.Mosaic) -> Node:
    match mosaic.composite:
        case download_pb2.COMPOSITE_LAST:
            return _call("ImageCollection.mosaic", collection=_SCENES)
        case download_pb2.COMPOSITE_QUALITY:
            best = _constant(mosaic.quality_band)
            return _call("ImageCollection.qualityMosaic", collection=_SCENES, qualityBand=best)
        case kind if kind in _COMPOSITES:
            return _call(_COMPOSITES[kind], collection=_SCENES)
        case _:  # the first: the last of the reverse order
            listed = _call("Collection.toList", collection=_SCENES, count=_constant(_MAX_SCENES))
            turned = _call("ImageCollection.fromImages", images=_call("List.reverse", list=listed))
            return _call("ImageCollection.mosaic", collection=turned)


def needed_bands(params: download_pb2.DownloadParams) -> list[str]:
    """Return the names of the bands that a mosaic needs of its scenes, in the order of the request; none for all."""
    names = [band.id for band in params.bands]
    if params.WhichOneof("source") != "mosaic" or not all(names):
        return []
    quality = params.mosaic.quality_band
    return [*names, quality] if names and quality else names


def _query_scenes(query: download_pb2.CollectionQuery) -> Node:
    problems = Violations()
    conditions: list[Node] = []
    with problems.catching():
        conditions += _times(query)
    for index, filter_ in enumerate(query.filters):
        with problems.catching():
            conditions.append(_comparison(filter_, f"mosaic.query.filters[{index}]"))
    if query.HasField("bounds"):
        with problems.catching():
            area = _call("Feature", geometry=_constant(read_region(query.bounds, "mosaic.query.bounds")))
            conditions.append(_call("Filter.intersects", leftField=_constant(".all"), rightValue=area))
    problems.raise_if_any()
    scenes = _call("ImageCollection.load", id=_constant(query.collection))
    if conditions:
        scenes = _call("Collection.filter", collection=scenes, filter=_all(conditions))
    arguments = {}
    if query.limit:
        arguments["limit"] = _constant(query.limit)
    if query.sort_by:
        arguments |= {"key": _constant(query.sort_by), "ascending": _constant(not query.descending)}
    return _call("Collection.limit", collection=scenes, **arguments) if arguments else scenes


def _all(conditions: list[Node]) -> Node:
    return _call("Filter.and", filters={"arrayValue": {"values": conditions}})


def _times(query: download_pb2.CollectionQuery) -> list[Node]:
    """Return the conditions of the time of an image, which one without a time does not fulfil."""
    problems = Violations()
    start = end = None
    with problems.catching():
        start = _millis(query.start_time, "mosaic.query.start_time") if query.HasField("start_time") else None
    with problems.catching():
        end = _millis(query.end_time, "mosaic.query.end_time") if query.HasField("end_time") else None
    problems.raise_if_any()
    if start is not None and end is not None and end <= start:
        message = "has to be after start_time, or no image passes; swap them, or leave one out"
        raise invalid("mosaic.query.end_time", "TIMES_SWAPPED", message)
    time = _constant("system:time_start")
    conditions = []
    if start is not None:
        early = _call("Filter.lessThan", leftField=time, rightValue=_constant(start))
        conditions = [_call("Filter.notNull", properties=_constant(["system:time_start"]))]
        conditions.append(_call("Filter.not", filter=early))
    if end is not None:
        conditions.append(_call("Filter.lessThan", leftField=time, rightValue=_constant(end)))
    return conditions


def _millis(time: Timestamp, field: str) -> int:
    try:
        time.ToJsonString()  # which only times have that can be
        return time.ToMilliseconds()
    except (ValueError, OverflowError):
        message = f"{time.seconds} seconds and {time.nanos} nanoseconds are no time of the years 1 to 9999"
        raise invalid(field, "TIME_OUT_OF_RANGE", message) from None


def _comparison(filter_: download_pb2.PropertyFilter, field: str) -> Node:
    value: Any = filter_.text if filter_.WhichOneof("value") == "text" else filter_.number
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"{field}.number", "NOT_FINITE", f"has to be a finite number, got {value:g}")
    name, is_opposite = _COMPARISONS.get(filter_.comparison, ("", False))
    test = _call(name, leftField=_constant(filter_.property), rightValue=_constant(value))
    if not is_opposite:
        return test
    has_value = _call("Filter.notNull", properties=_constant([filter_.property]))
    return _all([has_value, _call("Filter.not", filter=test)])


# -- refusals ----------------------------------------------------------------------------------

_FIELDS = {
    "ImageCollection.load": "mosaic.query.collection",
    "Collection.filter": "mosaic.query.bounds",  # the only condition that can fail, by a crs
    "Collection.limit": "mosaic.query.sort_by",
    "ImageCollection": "mosaic.query",  # of too many images
    "ImageCollection.qualityMosaic": "mosaic.quality_band",
    **dict.fromkeys(_COMPOSITES.values(), "mosaic.composite"),
}
"""What the caller wrote of a function that the graph calls."""


def check_properties(
    query: download_pb2.CollectionQuery, find_unknown: Callable[[str, list[str]], Mapping[str, str]]
) -> None:
    """Refuse a query by properties that no image has, of which nothing would be told otherwise.

    Args:
        query: as the caller wrote it.
        find_unknown: returns those of some properties that no image of a collection has, each with one that may be
            meant, or "".

    Raises:
        InvalidRequest: with every such property.
    """
    uses = [(f"filters[{index}].property", filter_.property) for index, filter_ in enumerate(query.filters)]
    uses += [("sort_by", query.sort_by)] if query.sort_by else []
    unknown = find_unknown(query.collection, [name for _, name in uses]) if uses else {}
    problems = Violations()
    for field, name in uses:
        if name in unknown:
            hint = f"; did you mean {unknown[name]}?" if unknown[name] else ""
            message = f"no image of {query.collection!r} has a property {name!r}{hint}"
            problems.add(Violation(f"mosaic.query.{field}", "PROPERTY_UNKNOWN", message))
    problems.raise_if_any()


def mosaic_refusal(
    mosaic: download_pb2.Mosaic, error: InvalidExpression, missing_image: Callable[[str], ImageNotFound | None]
) -> InvalidRequest:
    """Return an error of the graph of a mosaic in terms of the fields of the mosaic.

    Args:
        mosaic: as the caller wrote it.
        error: of its graph, which the caller never saw.
        missing_image: returns the error of an id of no image, else None.
    """
    if error.is_of_null:
        message = "no image passes the query; widen its times, bounds or filters"
        return invalid("mosaic.query", "NO_SCENE", message)
    if error.function == "ImageCollection.load":
        message = f"no collection {mosaic.query.collection!r} in this catalog; list the images to see which there are"
        return invalid("mosaic.query.collection", "COLLECTION_NOT_FOUND", message)
    missing = (
        Violation(f"mosaic.images.ids[{index}]", not_found.reason, not_found.problem)
        for index, image in enumerate(mosaic.images.ids)
        if (not_found := missing_image(image)) is not None
    )
    if violations := tuple(itertools.islice(missing, _MAX_VIOLATIONS)):
        return InvalidRequest(violations)
    return invalid(_FIELDS.get(error.function, "mosaic"), "MOSAIC_IMPOSSIBLE", error.problem.removesuffix("."))
