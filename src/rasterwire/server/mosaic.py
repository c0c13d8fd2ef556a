"""Mosaics of typed fields as the graphs that clients of Earth Engine would write."""

import json
import math
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from rasterwire.errors import invalid
from rasterwire.server.graph_json import Node
from rasterwire.server.graph_json import call as _call
from rasterwire.server.graph_json import constant as _constant
from rasterwire.v1 import download_pb2

_COMPOSITES = {
    download_pb2.COMPOSITE_MIN: "reduce.min",
    download_pb2.COMPOSITE_MAX: "reduce.max",
    download_pb2.COMPOSITE_MEAN: "reduce.mean",
    download_pb2.COMPOSITE_MEDIAN: "reduce.median",
    download_pb2.COMPOSITE_COUNT: "reduce.count",
}
_MOST = 1_000_000


def mosaic_graph(mosaic: download_pb2.Mosaic) -> Node:
    """Return the graph of a mosaic: its scenes, composed, on the projection of the first of them.

    Raises:
        InvalidRequest: an area or a number that means nothing.
    """
    if mosaic.WhichOneof("scenes") == "images":
        loaded = {"arrayValue": {"values": [_call("Image.load", id=_constant(i)) for i in mosaic.images.ids]}}
        scenes = _call("ImageCollection.fromImages", images=loaded)
    else:
        scenes = _queried(mosaic.query)
    values = {"scenes": scenes, "composite": _composed(mosaic)}
    first = _call("Image.select", input=_call("Collection.first", collection=_SCENES), bandSelectors=_constant([0]))
    own = _call("Image.projection", image=first)
    values["mosaic"] = _call("Image.setDefaultProjection", image={"valueReference": "composite"}, crs=own)
    return {"result": "mosaic", "values": values}


_SCENES: Node = {"valueReference": "scenes"}


def _composed(mosaic: download_pb2.Mosaic) -> Node:
    match mosaic.composite:
        case download_pb2.COMPOSITE_LAST:
            return _call("ImageCollection.mosaic", collection=_SCENES)
        case download_pb2.COMPOSITE_QUALITY:
            best = _constant(mosaic.quality_band)
            return _call("ImageCollection.qualityMosaic", collection=_SCENES, qualityBand=best)
        case kind if kind in _COMPOSITES:
            return _call(_COMPOSITES[kind], collection=_SCENES)
        case _:  # the first: the last of the reverse order
            listed = _call("Collection.toList", collection=_SCENES, count=_constant(_MOST))
            turned = _call("ImageCollection.fromImages", images=_call("List.reverse", list=listed))
            return _call("ImageCollection.mosaic", collection=turned)


def _queried(query: download_pb2.CollectionQuery) -> Node:
    scenes = _call("ImageCollection.load", id=_constant(query.collection))
    time = _constant("system:time_start")
    if query.HasField("start_time"):
        if query.HasField("end_time") and _millis(query.end_time) <= _millis(query.start_time):
            said = "has to be after start_time, or no image passes; swap them, or leave one out"
            raise invalid("mosaic.query.end_time", "TIMES_SWAPPED", said)
        early = _call("Filter.lessThan", leftField=time, rightValue=_constant(_millis(query.start_time)))
        scenes = _filtered(scenes, _call("Filter.notNull", properties=_constant(["system:time_start"])))
        scenes = _filtered(scenes, _call("Filter.not", filter=early))
    if query.HasField("end_time"):
        before = _call("Filter.lessThan", leftField=time, rightValue=_constant(_millis(query.end_time)))
        scenes = _filtered(scenes, before)
    for at, wanted in enumerate(query.filters):
        scenes = _filtered(scenes, _compared(wanted, f"mosaic.query.filters[{at}].number"))
    if query.HasField("bounds"):
        area = _call("Feature", geometry=_geometry(query.bounds))
        scenes = _filtered(scenes, _call("Filter.intersects", leftField=_constant(".all"), rightValue=area))
    arguments = {}
    if query.limit:
        arguments["limit"] = _constant(query.limit)
    if query.sort_by:
        arguments |= {"key": _constant(query.sort_by), "ascending": _constant(not query.descending)}
    return _call("Collection.limit", collection=scenes, **arguments) if arguments else scenes


def _filtered(scenes: Node, condition: Node) -> Node:
    return _call("Collection.filter", collection=scenes, filter=condition)


def _millis(time: Timestamp) -> int:
    return time.ToMilliseconds()


def _compared(wanted: download_pb2.PropertyFilter, field: str) -> Node:
    value: Any = wanted.text if wanted.WhichOneof("value") == "text" else wanted.number
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(field, "NOT_FINITE", "is not a finite number")
    sides = {"leftField": _constant(wanted.property), "rightValue": _constant(value)}
    there = _call("Filter.notNull", properties=_constant([wanted.property]))
    simple = {
        download_pb2.COMPARISON_EQUAL: ("Filter.equals", False),
        download_pb2.COMPARISON_NOT_EQUAL: ("Filter.equals", True),
        download_pb2.COMPARISON_LESS: ("Filter.lessThan", False),
        download_pb2.COMPARISON_GREATER_OR_EQUAL: ("Filter.lessThan", True),
        download_pb2.COMPARISON_GREATER: ("Filter.greaterThan", False),
        download_pb2.COMPARISON_LESS_OR_EQUAL: ("Filter.greaterThan", True),
    }
    name, is_opposite = simple[wanted.comparison]
    test = _call(name, **sides)
    if not is_opposite:
        return test
    both = {"arrayValue": {"values": [there, _call("Filter.not", filter=test)]}}
    return _call("Filter.and", filters=both)


def _geometry(region: download_pb2.Region) -> Node:
    crs = _constant(region.crs) if region.crs else None
    geodesic = _constant(region.edges == download_pb2.EDGES_GEODESIC)
    if region.WhichOneof("shape") == "bounding_box":
        box = region.bounding_box
        corners = _constant([box.west, box.south, box.east, box.north])
        arguments = {"coordinates": corners, "geodesic": geodesic}
        return _call("GeometryConstructors.Rectangle", **arguments, **({"crs": crs} if crs else {}))
    try:
        document = json.loads(region.geojson)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise invalid("mosaic.query.bounds.geojson", "REGION_NOT_GEOJSON", "is not a GeoJSON geometry")
    if crs is not None:
        raise invalid("mosaic.query.bounds.crs", "CRS_NOT_TAKEN", "GeoJSON of a query is in longitudes and latitudes")
    inner = document.get("geometry") if document.get("type") == "Feature" else document
    if isinstance(inner, dict) and "geodesic" not in inner:
        inner = {**inner, "geodesic": region.edges == download_pb2.EDGES_GEODESIC}
    return _constant(inner)
