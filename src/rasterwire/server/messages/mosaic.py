"""Mosaics of typed fields as the graphs that clients of Earth Engine would write."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rasterwire.errors import ImageNotFound, InvalidExpression, InvalidRequest, Violation, Violations, invalid
from rasterwire.expression.language.graph import Array, Call, Graph, GraphNode, Literal, Reference
from rasterwire.server.messages.graphs import call, closed_graph
from rasterwire.server.messages.region import read_region
from rasterwire.server.messages.times import read_times
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


def mosaic_graph(mosaic: download_pb2.Mosaic) -> Graph:
    """Return the graph of a mosaic: its scenes, composed, on the projection of the first of them.

    Raises:
        InvalidRequest: with every area, time and number that means nothing.
    """
    if mosaic.WhichOneof("scenes") == "images":
        loaded = Array(tuple(call("Image.load", {"id": Literal(name)}) for name in mosaic.images.ids))
        scenes = call("ImageCollection.fromImages", {"images": loaded})
    else:
        scenes = _query_scenes(mosaic.query)
    first = call("Collection.first", {"collection": _SCENES})
    own = call("Image.projection", {"image": call("Image.select", {"input": first, "bandSelectors": Literal([0])})})
    placed = call("Image.setDefaultProjection", {"image": Reference("composite"), "crs": own})
    return closed_graph("mosaic", {"mosaic": placed, "scenes": scenes, "composite": _composite(mosaic)})


_SCENES = Reference("scenes")


def _composite(mosaic: download_pb2.Mosaic) -> Call:
    match mosaic.composite:
        case download_pb2.COMPOSITE_LAST:
            return call("ImageCollection.mosaic", {"collection": _SCENES})
        case download_pb2.COMPOSITE_QUALITY:
            best = Literal(mosaic.quality_band)
            return call("ImageCollection.qualityMosaic", {"collection": _SCENES, "qualityBand": best})
        case kind if kind in _COMPOSITES:
            return call(_COMPOSITES[kind], {"collection": _SCENES})
        case _:  # the first: the last of the reverse order
            images = call("Collection.toList", {"collection": _SCENES, "count": Literal(_MAX_SCENES)})
            turned = call("ImageCollection.fromImages", {"images": call("List.reverse", {"list": images})})
            return call("ImageCollection.mosaic", {"collection": turned})


def needed_bands(params: download_pb2.DownloadParams) -> list[str]:
    """Return the names of the bands that a mosaic needs of its scenes, in the order of the request; none for all."""
    names = [band.id for band in params.bands] or [*params.visualization.bands]
    if params.WhichOneof("source") != "mosaic" or not all(names):
        return []
    quality = params.mosaic.quality_band
    return [*names, quality] if names and quality else names


def _query_scenes(query: download_pb2.CollectionQuery) -> Call:
    problems = Violations()
    conditions: list[Call] = []
    with problems.catching():
        conditions += _times(query)
    for index, filter_ in enumerate(query.filters):
        with problems.catching():
            conditions.append(_comparison(filter_, f"mosaic.query.filters[{index}]"))
    if query.HasField("bounds"):
        with problems.catching():
            area = call("Feature", {"geometry": Literal(read_region(query.bounds, "mosaic.query.bounds"))})
            conditions.append(call("Filter.intersects", {"leftField": Literal(".all"), "rightValue": area}))
    problems.raise_if_any()
    scenes = call("ImageCollection.load", {"id": Literal(query.collection)})
    if conditions:
        scenes = call("Collection.filter", {"collection": scenes, "filter": _all(conditions)})
    arguments: dict[str, GraphNode] = {}
    if query.limit:
        arguments["limit"] = Literal(query.limit)
    if query.sort_by:
        arguments |= {"key": Literal(query.sort_by), "ascending": Literal(not query.descending)}
    return call("Collection.limit", {"collection": scenes, **arguments}) if arguments else scenes


def _all(conditions: Sequence[Call]) -> Call:
    return call("Filter.and", {"filters": Array(tuple(conditions))})


def _times(query: download_pb2.CollectionQuery) -> list[Call]:
    """Return the conditions of the time of an image, which one without a time does not fulfil."""
    start, end = read_times(query, "mosaic.query.")
    time = Literal("system:time_start")
    conditions = []
    if start is not None:
        early = call("Filter.lessThan", {"leftField": time, "rightValue": Literal(start)})
        conditions = [call("Filter.notNull", {"properties": Literal(["system:time_start"])})]
        conditions.append(call("Filter.not", {"filter": early}))
    if end is not None:
        conditions.append(call("Filter.lessThan", {"leftField": time, "rightValue": Literal(end)}))
    return conditions


def _comparison(filter_: download_pb2.PropertyFilter, field: str) -> Call:
    value: Any = filter_.text if filter_.WhichOneof("value") == "text" else filter_.number
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"{field}.number", "NOT_FINITE", f"has to be a finite number, got {value:g}")
    name, is_opposite = _COMPARISONS.get(filter_.comparison, ("", False))
    test = call(name, {"leftField": Literal(filter_.property), "rightValue": Literal(value)})
    if not is_opposite:
        return test
    has_value = call("Filter.notNull", {"properties": Literal([filter_.property])})
    return _all([has_value, call("Filter.not", {"filter": test})])


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
