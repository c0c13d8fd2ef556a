"""Graphs that doors make of mosaics and around expressions: those of written JSON, and the same in every version."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import shapely
from google.protobuf import json_format

from cases import every
from graphs import World, array_node, call_node, constant_node, image, node_graph, reference_node
from rasterwire.errors import InvalidExpression
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import MAX_VALUES, Graph, read_graph
from rasterwire.expression.language.values import ImageValue
from rasterwire.server.earth_engine.requests import parsed_request
from rasterwire.server.messages.convert import to_graph
from rasterwire.server.messages.expression import graph_of
from rasterwire.v1 import download_pb2

TIMES = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2021-01-01T00:00:00.5Z"}
BOX = {"boundingBox": {"west": -123.0, "south": 37.9, "east": -122.9, "north": 38.0}}
FILTERS = [
    {"property": "cloud", "comparison": f"COMPARISON_{name}", "number": number}
    for name, number in {"EQUAL": 1, "NOT_EQUAL": 2, "LESS": 3, "LESS_OR_EQUAL": 4, "GREATER": 0.5}.items()
]
TEXTS = [{"property": "kind", "comparison": "COMPARISON_GREATER_OR_EQUAL", "text": "a"}]

MOSAICS: dict[str, dict[str, Any]] = {
    "images": {"images": {"ids": ["c/a", "c/b", "c/a"]}},
    **{
        kind.lower(): {"query": {"collection": "c"}, "composite": f"COMPOSITE_{kind}"}
        for kind in ("FIRST", "LAST", "MIN", "MAX", "MEAN", "MEDIAN", "COUNT")
    },
    "quality": {"images": {"ids": ["c/b", "c/a"]}, "composite": "COMPOSITE_QUALITY", "qualityBand": "B2"},
    "times": {"query": {"collection": "c", **TIMES}},
    "start": {"query": {"collection": "c", "startTime": TIMES["startTime"]}},
    "bounds": {"query": {"collection": "c", "bounds": BOX}},
    "bounds and time": {"query": {"collection": "c", "bounds": BOX, "endTime": TIMES["endTime"]}},
    "filters": {"query": {"collection": "c", "filters": FILTERS}},
    "texts": {"query": {"collection": "c", "filters": TEXTS, "limit": 1}},
    "sorted": {"query": {"collection": "c", "sortBy": "cloud"}, "composite": "COMPOSITE_LAST"},
    "descending": {"query": {"collection": "c", "sortBy": "cloud", "descending": True, "limit": 2}},
}

SUM = node_graph(
    call_node("Image.add", image1=reference_node("around-0"), image2=constant_node(7)),
    unused=constant_node([1, 2]),
    **{"around-0": call_node("Image.load", id=constant_node("c/a"))},
)
GRID = {
    "crsCode": "EPSG:32610",
    "dimensions": {"width": 30, "height": "20"},
    "affineTransform": {"scaleX": 10, "translateX": 500_000, "scaleY": -10, "translateY": 4_200_000},
}
POINT = {"type": "Point", "coordinates": [-122.95, 37.94]}
SHOWN = {"ranges": [{"max": 2.5}], "paletteColors": ["000000", "ffffff"], "opacity": 1}
GAMMA = {"ranges": [{"min": 0, "max": 3000}], "gamma": {"value": 1.4}}

BODIES: dict[str, tuple[dict[str, Any], str | None]] = {
    "plain": ({"expression": SUM}, None),
    "bands": ({"expression": SUM, "bandIds": ["B2", "B1"], "grid": GRID}, None),
    "shown": ({"expression": SUM, "visualizationOptions": {"ranges": [{"min": 1, "max": 2}]}}, None),
    "shown bands": ({"expression": SUM, "bandIds": ["B2"], "visualizationOptions": SHOWN}, None),
    "asset": ({}, "c/a"),
    "within": ({"region": POINT, "grid": GRID}, "c/a"),
    "within, as text": ({"region": json.dumps(POINT)}, "c/a"),
    "within and shown": ({"region": POINT, "grid": {"crsCode": "EPSG:3857"}, "visualizationOptions": GAMMA}, "c/b"),
}


def world() -> World:
    images = [
        image("B1", "B2", id="c/a", cloud=5.0, kind="b", system__time_start=1_590_000_000_000, system__index="a"),
        image("B1", "B2", id="c/b", cloud=1.0, kind="c", system__time_start=1_600_000_000_000, system__index="b"),
    ]
    return World({str(scene.id): scene for scene in images}, {"c": images})


def mosaic(name: str) -> Graph:
    graph = to_graph(json_format.ParseDict({"mosaic": MOSAICS[name]}, download_pb2.DownloadParams()))
    assert graph is not None
    return graph


def typed(value: Any) -> Any:
    """Return the types and values of nodes, in the order of their names."""
    match value:
        case shapely.Geometry():
            return value.wkt
        case Mapping():
            return {key: typed(value[key]) for key in sorted(value)}
        case str() | bytes():
            return repr(value)
        case Sequence():
            return [typed(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            fields = [typed(getattr(value, field.name)) for field in dataclasses.fields(value)]
            return [type(value).__name__, *fields]
        case _:
            return f"{type(value).__name__} {value}"


def keys_of(graph: Graph) -> list[str]:
    """Return what identifies the pixels of a graph's result."""
    value = evaluate_graph(graph, world())
    assert isinstance(value, ImageValue)
    return [f"{band.name} {band.node.key.hex()}" for band in value.bands]


def digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


MOSAIC_DIGESTS = {
    "images": "3a86e7c6fa58dceb",
    "first": "a278725d4443c88e",
    "last": "97da6489ecd5a0fa",
    "min": "bcdb34c342f97508",
    "max": "fc8c94e1303848dd",
    "mean": "23003350b22020f9",
    "median": "b701a31e6b5fb69b",
    "count": "6afc18528def7ecb",
    "quality": "e6d17d673d23ffa2",
    "times": "75240f4caf19673b",
    "start": "488564b3857af795",
    "bounds": "c88bef5664335726",
    "bounds and time": "a67abcb0f1f90f4b",
    "filters": "e82454cc79d0c2a8",
    "texts": "6a4bbe13eaad0dad",
    "sorted": "7a2b2408940c09ff",
    "descending": "6d18deb26dee301a",
}
BODY_DIGESTS = {
    "plain": "a62733c5ba67fe72",
    "bands": "af33401e95a972d1",
    "shown": "aec90c3562f325ae",
    "shown bands": "9dee928cb3885ff2",
    "asset": "ab85795d5119b870",
    "within": "f73a6a2b9633d32a",
    "within, as text": "59768346b9215268",
    "within and shown": "7610bb8621188c07",
}
"""Taken before graphs were made without JSON between. Where one changes, cached files and registered ids are lost."""


@every("name", list(MOSAICS))
def test_mosaics_have_the_graphs_and_pixels_that_they_always_had(name: str) -> None:
    graph = mosaic(name)
    assert digest(graph.result, typed(graph.values), keys_of(graph)) == MOSAIC_DIGESTS[name]
    assert graph.free == dict.fromkeys(graph.values, frozenset())


@every("name", list(BODIES))
def test_requests_of_earth_engine_have_the_messages_and_pixels_that_they_always_had(name: str) -> None:
    request = parsed_request(*BODIES[name])
    message = request.message()
    assert request.graph is not None
    assert keys_of(request.graph) == keys_of(graph_of(message.expression))
    fields = json_format.MessageToDict(message)
    assert fields.pop("visualization") == {"min": [0.0], "max": [255.0]}  # as Earth Engine cuts values
    assert digest(typed(fields), keys_of(request.graph)) == BODY_DIGESTS[name]


def test_the_graph_of_a_mosaic_is_what_a_client_of_earth_engine_would_write() -> None:
    scenes = reference_node("scenes")
    time = constant_node("system:time_start")
    early = call_node("Filter.lessThan", leftField=time, rightValue=constant_node(1_577_836_800_000))
    conditions = [
        call_node("Filter.notNull", properties=constant_node(["system:time_start"])),
        call_node("Filter.not", filter=early),
        call_node("Filter.lessThan", leftField=time, rightValue=constant_node(1_609_459_200_500)),
    ]
    first = call_node("Collection.first", collection=scenes)
    own = call_node("Image.select", input=first, bandSelectors=constant_node([0]))
    images = call_node("Collection.toList", collection=scenes, count=constant_node(1_000_000))
    values = {
        "scenes": call_node(
            "Collection.filter",
            collection=call_node("ImageCollection.load", id=constant_node("c")),
            filter=call_node("Filter.and", filters=array_node(*conditions)),
        ),
        "composite": call_node(
            "ImageCollection.mosaic",
            collection=call_node("ImageCollection.fromImages", images=call_node("List.reverse", list=images)),
        ),
        "mosaic": call_node(
            "Image.setDefaultProjection",
            image=reference_node("composite"),
            crs=call_node("Image.projection", image=own),
        ),
    }
    expected = read_graph({"result": "mosaic", "values": values})
    graph = mosaic("times")
    assert (graph.result, typed(graph.values)) == (expected.result, typed(expected.values))
    assert graph.free == expected.free


def test_an_image_within_a_region_is_what_a_client_of_earth_engine_would_write() -> None:
    placed = call_node(
        "Image.setDefaultProjection",
        image=reference_node("0"),
        crs=constant_node("EPSG:32610"),
        crsTransform=constant_node([10, 0, 500_000, 0, -10, 4_200_000]),
    )
    sizes = {"width": constant_node(30), "height": constant_node(20)}
    clipped = call_node("Image.clipToBoundsAndScale", input=placed, geometry=constant_node(POINT), **sizes)
    loaded = call_node("Image.load", id=constant_node("c/a"))
    expected = read_graph({"result": "r", "values": {"r": clipped, "0": loaded}}, as_message=True)
    graph = parsed_request(*BODIES["within"]).graph
    assert graph is not None
    assert typed([graph.values[graph.result], graph.values["0"]]) == typed([*expected.values.values()])


def test_what_is_put_around_an_expression_counts_among_its_values() -> None:
    values = {"0": call_node("Image.load", id=constant_node("c/a"))}
    values["0"]["functionInvocationValue"]["arguments"] |= {f"a{n}": constant_node(n) for n in range(MAX_VALUES - 2)}
    body = {"expression": {"result": "0", "values": values}}
    assert parsed_request(body).graph is not None
    with pytest.raises(InvalidExpression, match=f"more than {MAX_VALUES} values is too large"):
        parsed_request({**body, "visualizationOptions": {"opacity": 1}})
