"""Expressions under attack: a value or a sentence comes out, soon, and memory stays as it was."""

import json
import logging
import math
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
import rasterio.warp
from affine import Affine
from google.protobuf import json_format, struct_pb2
from odc.geo.geobox import GeoBox

from effort import effort
from graphs import argument_node, array_node, call_node, constant_node, function_node, node_graph, reference_node
from rasterwire import budget
from rasterwire.budget import Budget, spending
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.download.image_source import CatalogWorld, product_of
from rasterwire.errors import InvalidExpression, InvalidRequest, RenderCancelled, SourceUnavailable
from rasterwire.expression.algorithms import TABLE
from rasterwire.expression.answer import answer
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import Call, Graph, Literal, read_graph
from rasterwire.expression.language.values import (
    UNPROJECTED,
    CollectionValue,
    DateRangeValue,
    DateValue,
    ErrorMarginValue,
    FeatureValue,
    FunctionValue,
    ImageValue,
    Projection,
)
from rasterwire.pixels import Window
from rasterwire.render.computed import compute
from rasterwire.render.engine import ThreadEngine
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, refusal, served

pytestmark = pytest.mark.slow

REFUSALS = (InvalidExpression, InvalidRequest, SourceUnavailable)
Json = dict[str, Any]


def make_catalog(folder: Path) -> Path:
    for index in range(3):
        path = folder / "coll" / f"a{index}" / "b.tif"
        path.parent.mkdir(parents=True)
        profile = {"width": 40, "height": 30, "count": 2, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0}
        place = Affine(10, 0, 500_000 + 100 * index, 0, -10, 4_600_000)
        with rasterio.open(path, "w", "GTiff", transform=place, **profile) as file:
            file.write(np.arange(1, 2401, dtype="uint16").reshape(2, 30, 40))
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogWorld]:
    engine = ThreadEngine(2)
    yield CatalogWorld(FolderCatalog(make_catalog(tmp_path_factory.mktemp("attacks"))), engine)
    engine.close()


GRID = GeoBox((64, 64), Affine(10, 0, 500_000, 0, -10, 4_600_000), "EPSG:32633")


def chain(start: Json, step: Callable[[Json], Json], count: int, last: Callable[[Json], Json] | None = None) -> Json:
    """Return a graph in which each value refers to the one before."""
    values = {"0": start, **{str(at): step(reference_node(at - 1)) for at in range(1, count + 1)}}
    values["result"] = reference_node(count) if last is None else last(reference_node(count))
    return {"result": "result", "values": values}


def told(document: object, world: CatalogWorld) -> Any:
    """Return what a client is told of the value of a graph."""
    return json.loads(json.dumps(answer(evaluate_graph(read_graph(document), world)), allow_nan=False))


def refused(document: object, world: CatalogWorld, calls: int = 600_000) -> str:
    """Return the sentence that a graph is refused with, for little work: twenty calls for each of the most values."""
    with effort() as counted, pytest.raises(InvalidExpression) as caught:
        told(document, world)
    assert counted.calls < calls
    return str(caught.value)


IMAGE = call_node("Image.load", id=constant_node("coll/a0"))
COLLECTION = call_node("ImageCollection.load", id=constant_node("coll"))
SQUARE = call_node("GeometryConstructors.Rectangle", coordinates=constant_node([15.0, 41.54, 15.003, 41.55]))


# -- graphs that are none ----------------------------------------------------------------------

ADD = {"functionName": "Number.add", "arguments": {"left": reference_node("a"), "right": constant_node(1)}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "an object"),
        ([], "an object"),
        ({"result": "0"}, "an object"),
        ({"result": 0, "values": {}}, "names its 'result'"),
        ({"result": "0", "values": {}}, "not in 'values'"),
        (node_graph(reference_node("gone")), "'gone' is referred to"),
        (node_graph(reference_node("result")), "refers to itself"),
        (node_graph(reference_node("a"), a={"functionInvocationValue": ADD}), "refers to itself"),
        (
            node_graph(reference_node("a"), a=array_node(reference_node("b")), b=array_node(reference_node("a"))),
            "refers to itself",
        ),
        (node_graph(function_node([], "result")), "refers to itself"),
        (
            node_graph(
                reference_node("a"),
                a=function_node(["x"], "b"),
                b=call_node("List.map", list=constant_node([1]), baseAlgorithm=reference_node("a")),
            ),
            "refers",
        ),
        (node_graph({"functionInvocationValue": {"functionReference": "result", "arguments": {}}}), "refers to itself"),
        (
            node_graph({"functionInvocationValue": {"functionReference": "n", "arguments": {}}}, n=constant_node(1)),
            "no function",
        ),
        (node_graph({"functionInvocationValue": {}}), "a call has either a"),
        (
            node_graph({"functionInvocationValue": {"functionName": "a", "functionReference": "b"}}),
            "a call has either a",
        ),
        (
            node_graph({"functionInvocationValue": {"functionName": "a", "functionReference": {}}}),
            "a call has either a",
        ),
        (node_graph({"functionInvocationValue": {"functionName": {}, "functionReference": []}}), "a call has either a"),
        (node_graph({"functionInvocationValue": {"functionReference": 5, "arguments": 5}}), "a call has either a"),
        (
            node_graph({"functionInvocationValue": {"functionName": "a", "arguments": 5}}),
            "values by name are an object",
        ),
        (node_graph({"functionDefinitionValue": {"argumentNames": [{}], "body": "a"}}), "no kind of value"),
        (node_graph({"functionDefinitionValue": {"argumentNames": ["a"], "body": {}}}), "no kind of value"),
        (node_graph({"bytesValue": 5}), "bytesValue is not base64"),
        (node_graph({"constantValue": 1, "valueReference": "a"}), "exactly one kind"),
        (node_graph({"integerValue": "9" * 5000}), "whole number"),
        (node_graph({"integerValue": str(1 << 63)}), "whole number of 64 bits"),
        (node_graph({"bytesValue": "?"}), "base64"),
        (node_graph(argument_node("x")), "outside of a function"),
        (node_graph({"nothing": 1}), "no kind"),
        (node_graph(call_node("No.such")), "No.such: there is no such function."),
        (node_graph(call_node("Image.add")), "Image.add: Parameter 'image1' is required."),
        (
            node_graph(call_node("Image.add", image1=IMAGE, image2=IMAGE, image3=IMAGE)),
            "Image.add: there is no parameter 'image3'",
        ),
        (node_graph(call_node("Image.pixelLonLat")), "Image.pixelLonLat"),
        (
            node_graph(call_node("Image.select", input=IMAGE, bandSelectors=constant_node(["B9"]))),
            "Image.select: Band pattern 'B9'",
        ),
        (
            node_graph(
                call_node("Image.clipToBoundsAndScale", input=call_node("Image.constant", value=constant_node(1)))
            ),
            "must be bounded",
        ),
        (
            node_graph(call_node("Image.load", id=constant_node("../../etc/passwd"))),
            "Image.load: Image asset '../../etc/passwd' not found",
        ),
        (node_graph(call_node("Image.load", id=constant_node("coll/a0\0"))), "not found"),
        (node_graph(call_node("Image.load", id=constant_node("x" * 1_000_000))), "not found"),
        (node_graph(call_node("ImageCollection.load", id=constant_node("../.."))), "not found"),
    ],
)
def test_a_graph_that_is_none_is_refused_at_once(world: CatalogWorld, document: object, said: str) -> None:
    if "pixelLonLat" in said and TABLE["Image.pixelLonLat"].call is not None:
        pytest.skip("it is built by now")
    assert said in refused(document, world)


NUMBERS = [float(at) for at in range(1_000_000)]
DIGITS = "9" * 5_000_000


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            call_node("Number.abs", input=constant_node(NUMBERS)),
            "Number.abs: Parameter 'input' has to be of type Number",
        ),
        (
            call_node("Image.abs", value=constant_node(NUMBERS)),
            "Image.abs: an image of 1000000 bands is too large, at most 10000.",
        ),
        (
            call_node("Image.constant", value=constant_node(NUMBERS)),
            "Image.constant: an image of 1000000 bands is too large",
        ),
        (
            call_node("Filter.and", filters=constant_node(NUMBERS)),
            "Filter.and: Parameter 'filters' has to be of type Filter",
        ),
        (
            call_node(
                "Image.reproject", image=IMAGE, crs=constant_node("EPSG:4326"), crsTransform=constant_node(NUMBERS)
            ),
            "six numbers",
        ),
        (
            call_node("GeometryConstructors.Point", coordinates=constant_node(NUMBERS)),
            "the geometry has too many vertices",
        ),
        (
            call_node("GeometryConstructors.MultiPoint", coordinates=constant_node(NUMBERS)),
            "the geometry has too many vertices",
        ),
        (
            call_node("GeometryConstructors.Polygon", coordinates=constant_node(NUMBERS)),
            "the geometry has too many vertices",
        ),
        (
            call_node("GeometryConstructors.Polygon", coordinates=constant_node([[[0, 0], [1, DIGITS]]])),
            "not those of a Polygon",
        ),
        (
            call_node("GeometryConstructors.Polygon", coordinates=constant_node([[[0, 0], DIGITS]])),
            "not those of a Polygon",
        ),
        (call_node("GeometryConstructors.Polygon", coordinates=constant_node(DIGITS)), "not those of a Polygon"),
        (
            call_node("GeometryConstructors.Rectangle", coordinates=constant_node([[1.0, 2.0]] * 300_000)),
            "has to be four numbers",
        ),
        (call_node("Date", value=constant_node(DIGITS)), "is no date"),
        (call_node("Projection", crs=constant_node(DIGITS)), "is too long"),
    ],
)
def test_values_of_any_size_are_refused_at_once(world: CatalogWorld, value: Json, said: str) -> None:
    assert said in refused(node_graph(value), world)


def nested(depth: int) -> Json:
    value = constant_node(1)
    for _ in range(depth):
        value = array_node(value)
    return value


def test_values_are_written_a_hundred_deep_at_most(world: CatalogWorld) -> None:
    assert "more than 100 deep" in refused(node_graph(nested(100)), world)
    assert "100 deep" in refused(node_graph(constant_node(json.loads("[" * 500 + "]" * 500))), world)
    assert told(node_graph(call_node("List.size", list=nested(50))), world) == 1


def test_a_value_depends_on_few_arguments_around_it(world: CatalogWorld) -> None:
    document = chain(constant_node(0), array_node, 9000)
    for at in range(1, 9001):
        document["values"][str(at)] = array_node(reference_node(at - 1), argument_node(f"a{at}"))
    assert "depends on more than 60 arguments" in refused(document, world)


def test_many_arguments_and_references_of_one_value_are_counted_at_once(world: CatalogWorld) -> None:
    many = array_node(*[argument_node(f"a{at}") for at in range(14_500)], *[reference_node("one")] * 14_500)
    assert "depends on more than 60 arguments" in refused(node_graph(many, one=argument_node("x")), world)


def test_references_within_a_hundred_layers_are_followed_once(world: CatalogWorld) -> None:
    inner = array_node(*[reference_node("one")] * 29_000)
    for _ in range(90):
        inner = array_node(inner)
    with effort() as counted:
        graph = read_graph(node_graph(inner, one=constant_node(1)))
    assert counted.calls < 600_000
    assert set(graph.values) == {"result", "one"}


@pytest.mark.parametrize(
    "document",
    [
        node_graph(array_node(*[constant_node(1)] * 400_000)),
        node_graph(call_node("Image.add", **{f"a{at}": constant_node(1) for at in range(200_000)})),
        node_graph({"dictionaryValue": {"values": {f"a{at}": constant_node(1) for at in range(200_000)}}}),
        node_graph(reference_node("0"), **{str(at): reference_node(str((at + 1) % 200_000)) for at in range(200_000)}),
        node_graph(array_node(*[array_node(*[constant_node(1)] * 1000)] * 300)),
    ],
    ids=["a list", "arguments", "a dictionary", "a cycle", "lists of lists"],
)
def test_an_expression_of_very_many_values_is_refused_at_once(world: CatalogWorld, document: Json) -> None:
    assert refused(document, world) == "an expression of more than 30000 values is too large"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            node_graph(reference_node("0"), **{str(at): reference_node(str(at + 1)) for at in range(29_900)}),
            "'29900' is referred to, but is not",
        ),
        (
            node_graph(
                reference_node("0"), **{str(at): reference_node(str((at + 1) % 29_900)) for at in range(29_900)}
            ),
            "refers to itself",
        ),
        (node_graph(array_node(*[constant_node(1)] * 29_900, {"x": 1})), "'x' is no kind of value"),
        (
            node_graph(array_node(*[call_node("Foo", a=call_node("Foo", b=reference_node("result")))] * 7000)),
            "refers to itself",
        ),
    ],
    ids=["a missing one", "a cycle", "no value", "calls"],
)
def test_one_that_is_wrong_of_the_most_values_is_told_at_once(world: CatalogWorld, document: Json, said: str) -> None:
    assert said in refused(document, world)


# -- graphs that are larger than they look -----------------------------------------------------


def add(x: Json) -> Json:
    return call_node("Image.add", image1=x, image2=x)


@pytest.mark.parametrize("count", [30, 3000])
def test_a_sum_of_itself_many_times_over_costs_its_size(world: CatalogWorld, count: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = call_node("Image.double", value=call_node("Image.constant", value=constant_node(1)))
    with effort() as counted:
        image = evaluate_graph(read_graph(chain(start, add, count)), world)
        (pixels,) = compute([image.bands[0].node], GeoBox((256, 256), GRID.affine, GRID.crs), Window(0, 0, 256, 256))
    assert counted.calls < 1000 * count + 10_000
    assert pixels.data[0, 0] == (2.0**count if count < 1000 else math.inf)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # 3000 blocks would take 1.5 GB


NUMBER = constant_node(1)
DOUBLING = {
    "addBands": (IMAGE, lambda x: call_node("Image.addBands", dstImg=x, srcImg=x), None, "bands"),
    "merge": (COLLECTION, lambda x: call_node("ImageCollection.merge", collection1=x, collection2=x), None, "elements"),
    "List.cat": (constant_node([1]), lambda x: call_node("List.cat", list=x, other=x), None, "elements"),
    "String.cat": (constant_node("ab"), lambda x: call_node("String.cat", string1=x, string2=x), None, "characters"),
    "result": (NUMBER, lambda x: array_node(x, x), None, "values"),
    "String": (NUMBER, lambda x: array_node(x, x), lambda x: call_node("String", input=x), "too large"),
    "sort": (NUMBER, lambda x: array_node(x, x), lambda x: call_node("List.sort", list=x), "too large"),
    "distinct": (NUMBER, lambda x: array_node(x, x), lambda x: call_node("List.distinct", list=x), "too large"),
    "flatten": (
        constant_node([]),
        lambda x: array_node(x, x),
        lambda x: call_node("List.flatten", list=x),
        "too large",
    ),
    "same": (NUMBER, lambda x: array_node(x, x), lambda x: call_node("List.contains", list=x, element=x), "too large"),
    "kernel": (NUMBER, lambda x: array_node(x, x), lambda x: call_node("Kernel.fixed", weights=x), "too large"),
    "rectangle": (
        NUMBER,
        lambda x: array_node(x, x),
        lambda x: call_node("GeometryConstructors.Rectangle", coordinates=x),
        "large",
    ),
    "palette": (
        NUMBER,
        lambda x: array_node(x, x),
        lambda x: call_node("Image.visualize", image=IMAGE, palette=x),
        "too large",
    ),
    "properties": (
        call_node("Feature"),
        lambda x: call_node("Feature", metadata={"dictionaryValue": {"values": {"a": x, "b": x}}}),
        None,
        "values",
    ),
    "combine": (
        call_node("Reducer.mean"),
        lambda x: call_node(
            "Reducer.combine", reducer1=x, reducer2=x, outputPrefix=constant_node("p"), sharedInputs=constant_node(True)
        ),
        None,
        "outputs",
    ),
}


@pytest.mark.parametrize("name", DOUBLING)
def test_what_doubles_thirty_times_is_refused(world: CatalogWorld, name: str) -> None:
    start, step, last, said = DOUBLING[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert said in refused(chain(start, step, 40, last), world, 12_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


SAME = call_node("Filter.equals", leftField=constant_node("system:index"), rightValue=constant_node("a0"))


@pytest.mark.parametrize(
    ("step", "count"),
    [
        (lambda f: call_node("Filter.and", filters=array_node(f, f)), 1),
        (lambda f: call_node("Filter.or", filters=array_node(f, call_node("Filter.and", filters=array_node(f, f)))), 1),
        (
            lambda f: call_node(
                "Filter.and", filters=array_node(f, call_node("Filter.not", filter=call_node("Filter.not", filter=f)))
            ),
            1,
        ),
    ],
)
def test_filters_of_filters_ask_each_once(world: CatalogWorld, step: Callable[[Json], Json], count: int) -> None:
    document = chain(
        SAME,
        step,
        30,
        lambda f: call_node(
            "Collection.size", collection=call_node("Collection.filter", collection=COLLECTION, filter=f)
        ),
    )
    with effort() as counted:
        assert told(document, world) == count
    assert counted.calls < 20_000


def test_a_union_with_itself_is_itself(world: CatalogWorld) -> None:
    union = chain(
        SQUARE,
        lambda x: call_node("Geometry.union", left=x, right=x),
        60,
        lambda x: call_node("Geometry.area", geometry=x),
    )
    assert told(union, world) == pytest.approx(
        told(node_graph(call_node("Geometry.area", geometry=SQUARE)), world), rel=1e-6
    )


def counting(count: int) -> Json:
    return call_node("List.sequence", start=constant_node(1), end=constant_node(count))


def test_a_list_is_iterated_a_hundred_thousand_times(world: CatalogWorld) -> None:
    body = call_node("Number.add", left=argument_node("a"), right=argument_node("p"))
    iterated = call_node(
        "List.iterate", list=counting(100_000), function=function_node(["a", "p"], "body"), first=constant_node(0)
    )
    assert told(node_graph(iterated, body=body), world) == 5_000_050_000


def test_maps_within_maps_end_by_the_number_of_calls(world: CatalogWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_CALLS", 10_000)
    maps = {
        f"m{at}": call_node("List.map", list=counting(1000), baseAlgorithm=function_node([f"x{at}"], f"m{at + 1}"))
        for at in range(3)
    }
    document = {
        "result": "m0",
        "values": {**maps, "m3": call_node("Number.add", left=argument_node("x0"), right=argument_node("x2"))},
    }
    assert refused(document, world) == "List.map: the expression takes more than 10000 function calls"


def test_functions_within_functions_are_limited(world: CatalogWorld) -> None:
    maps = {
        f"m{at}": call_node("List.map", list=constant_node([1]), baseAlgorithm=function_node([f"x{at}"], f"m{at + 1}"))
        for at in range(100)
    }
    assert "more than 60 deep" in refused({"result": "m0", "values": {**maps, "m100": constant_node(1)}}, world)


def test_values_that_pile_up_end_by_their_memory(world: CatalogWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_BYTES", 20 << 20)
    body = call_node("List.sequence", start=argument_node("x"), count=constant_node(100_000))
    document = node_graph(
        call_node("List.map", list=counting(1000), baseAlgorithm=function_node(["x"], "body")), body=body
    )
    assert refused(document, world, 4_000_000).startswith("List.sequence: User memory limit exceeded")


def test_an_evaluation_ends_by_its_time_and_when_it_is_stopped(world: CatalogWorld) -> None:
    graph = read_graph(chain(constant_node(1), lambda x: call_node("Number.add", left=x, right=constant_node(1)), 1000))
    with spending(Budget(-1.0)), pytest.raises(InvalidExpression, match="Computation timed out"):
        evaluate_graph(graph, world)
    stopped = Budget()
    stopped.stop()
    with spending(stopped), pytest.raises(RenderCancelled):
        evaluate_graph(graph, world)
    image = evaluate_graph(read_graph(node_graph(IMAGE)), world)
    with spending(Budget(-1.0)), pytest.raises(InvalidExpression, match="Computation timed out"):
        compute([image.bands[0].node], GRID, Window(0, 0, 64, 64))


# -- arguments without measure -----------------------------------------------------------------

CIRCLE = [[10 + 5 * math.cos(at * math.tau / 200_000), 5 * math.sin(at * math.tau / 200_000)] for at in range(200_001)]
STAR = np.random.default_rng(1).random((3000, 2)).tolist()
BARS = [[[[0, y], [9, y], [9, y + 1e-3], [0, y + 1e-3], [0, y]]] for y in np.arange(0, 9, 9 / 1500).tolist()]
GRATING = BARS + [[[[y, x] for x, y in ring] for ring in bar] for bar in BARS]
EARTH = call_node(
    "GeometryConstructors.BBox",
    west=constant_node(-180),
    south=constant_node(-90),
    east=constant_node(180),
    north=constant_node(90),
)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("Number.pow", {"left": constant_node(1e308), "right": constant_node(1e308)}, "has no value"),
        ("List.sequence", {"start": constant_node(0), "end": constant_node(1e300)}, "too long"),
        (
            "List.sequence",
            {"start": constant_node(0), "end": constant_node(1), "step": constant_node(1e-300)},
            "too long",
        ),
        ("List.sequence", {"start": constant_node(0), "count": constant_node(1e18)}, "too long"),
        ("Kernel.circle", {"radius": constant_node(1e9)}, "between 0 and 50"),
        ("Image.focalMean", {"image": IMAGE, "radius": constant_node(1e9)}, "between 0 and 50"),
        (
            "Image.clipToBoundsAndScale",
            {"input": IMAGE, "width": constant_node(1e12), "height": constant_node(1)},
            "not possible",
        ),
        (
            "Image.reduceRegion",
            {
                "image": IMAGE,
                "reducer": constant_node("mean"),
                "geometry": SQUARE,
                "scale": constant_node(1e-9),
                "maxPixels": constant_node(1e18),
            },
            "Too many pixels",
        ),
        (
            "Image.reduceRegion",
            {
                "image": IMAGE,
                "reducer": constant_node("mean"),
                "geometry": EARTH,
                "scale": constant_node(10),
                "maxPixels": constant_node(1e18),
            },
            "Too many pixels",
        ),
        ("Image.select", {"input": IMAGE, "bandSelectors": constant_node([".*"] * 100_000)}, "too large"),
        ("Image.select", {"input": IMAGE, "bandSelectors": constant_node(["((a+)+)+$"])}, "did not match"),
        ("Image.rename", {"input": IMAGE, "names": constant_node(["x" * 1_000_000, "y"])}, "1 to 1000 characters"),
        (
            "String.replace",
            {
                "input": constant_node("a" * 1_000_000),
                "regex": constant_node("a"),
                "replacement": constant_node("b" * 1000_000),
                "flags": constant_node("g"),
            },
            "too long",
        ),
        (
            "String.replace",
            {
                "input": constant_node("a"),
                "regex": constant_node("((a{1,100}){1,100}){1,100}"),
                "replacement": constant_node(""),
            },
            "no regular expression",
        ),
        ("Reducer.percentile", {"percentiles": constant_node([1] * 100_000)}, "at most 1000"),
        ("Geometry.buffer", {"geometry": SQUARE, "distance": constant_node(1e12)}, "not possible"),
        (
            "Geometry.buffer",
            {
                "geometry": call_node("GeometryConstructors.MultiPoint", coordinates=constant_node(CIRCLE[::10])),
                "distance": constant_node(10),
            },
            "too large for a buffer",
        ),
        ("GeometryConstructors.Polygon", {"coordinates": constant_node([CIRCLE])}, "vertices"),
        ("GeometryConstructors.Polygon", {"coordinates": constant_node([STAR])}, "cross each other too often"),
        ("GeometryConstructors.MultiPolygon", {"coordinates": constant_node(GRATING)}, "cross each other too often"),
        ("Projection", {"crs": constant_node("{" * 60_000)}, "is not a known"),
        ("Projection", {"crs": constant_node("{" * 100_000)}, "is too long"),
        (
            "GeometryConstructors.MultiPolygon",
            {
                "coordinates": constant_node(
                    [[[[0, 0], [1 + k / 1e4, 0], [1, 1 + k / 1e4], [0, 0]]] for k in range(5000)]
                )
            },
            "cross each other too often",
        ),
        ("Projection", {"crs": constant_node("/etc/passwd")}, "is not an authority code"),
        ("Date.format", {"date": constant_node(0), "timeZone": constant_node("../../etc/passwd")}, "no time zone"),
        ("Number.format", {"number": constant_node(1), "pattern": constant_node("%" * 100_000)}, "no pattern"),
    ],
)
def test_an_argument_without_measure_is_refused_in_a_sentence(
    world: CatalogWorld, name: str, arguments: dict[str, Json], said: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refused(node_graph(call_node(name, **arguments)), world, 4_000_000)
    assert said in message
    assert message.startswith(f"{name}: ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_images_are_reprojected_and_blurred_again_only_so_often(world: CatalogWorld) -> None:
    again = chain(
        IMAGE,
        lambda x: call_node("Image.reproject", image=x, crs=constant_node("EPSG:3857"), scale=constant_node(10)),
        1000,
    )
    assert "more than 10 deep" in refused(again, world)
    blurred = chain(IMAGE, lambda x: call_node("Image.focalMean", image=x, radius=constant_node(50)), 40)
    assert "at most 1024" in refused(blurred, world)


FORMULAS = pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("+".join(["D"] * 5000), None),
        ("**".join(["D"] * 3000), "nested more than 60 deep"),
        ("(" * 500 + "D" + ")" * 500, "nested more than 60 deep"),
        ("D" + "[0]" * 3000, "more than 60"),
        ("D + 1e999", "too large"),
        ("D + 0x" + "f" * 900, "too large"),
        ("b('nothing')", "did not match"),
        ("X", "no variable"),
        ("__import__('os')", "no function"),
        ("D.__class__", "did not match"),
        ("D +" * 8000, "too long"),
    ],
)


def test_formulas_take_hexadecimal_numbers(world: CatalogWorld) -> None:
    parsed = call_node(
        "Image.parseExpression",
        expression=constant_node("0x1F + D * 0"),
        argName=constant_node("D"),
        vars=constant_node(["D"]),
    )
    applied = {"functionInvocationValue": {"functionReference": "f", "arguments": {"D": IMAGE}}}
    image = evaluate_graph(read_graph(node_graph(applied, f=parsed)), world)
    (pixels,) = compute([image.bands[0].node], GRID, Window(0, 0, 30, 40))
    assert set(pixels.data[pixels.valid].tolist()) == {31}


@FORMULAS
def test_formulas_end_in_an_image_or_a_sentence(world: CatalogWorld, formula: str, said: str | None) -> None:
    parsed = call_node(
        "Image.parseExpression",
        expression=constant_node(formula),
        argName=constant_node("D"),
        vars=constant_node(["D"]),
    )
    applied = {"functionInvocationValue": {"functionReference": "f", "arguments": {"D": IMAGE}}}
    if said is None:
        assert len(told(node_graph(applied, f=parsed), world)["bands"]) == 2
    else:
        message = refused(node_graph(applied, f=parsed), world)
        assert message.startswith("Image.parseExpression: ")
        assert said in message


# -- any argument for any function -------------------------------------------------------------


def values_of_kinds(world: CatalogWorld) -> dict[str, list[Any]]:
    """Return values of each kind, strange ones among them."""

    def made(name: str, **arguments: Any) -> Any:
        return called(world, name, arguments)

    image, images = world.image("coll/a0"), world.collection("coll")
    region = made("GeometryConstructors.Rectangle", coordinates=[15.0, 41.54, 15.003, 41.55])
    feature = FeatureValue(region, {"a": 1, "b": "x", "system:time_start": 0})
    texts = [
        "",
        "B1",
        "b1",
        "x" * 100_000,
        "a\0b",
        "../../etc/passwd",
        "(a+)+$",
        "(",
        ".*",
        "2020-01-01",
        "EPSG:4326",
        "mean",
        "pixels",
        "meters",
        "year",
        "int",
        "é" * 50,
        "%s",
        "{",
        "coll/a0",
        "coll",
        "%99.99f",
        "PROJCS[",
        "UTC",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999+00:00",
    ]
    reducers = [
        "mean",
        "minMax",
        "toList",
        "linearFit",
        "histogram",
        "median",
        "count",
        "stdDev",
        "frequencyHistogram",
        "mode",
        "first",
        "countDistinct",
        "sum",
    ]
    ring = [[0, 0], [1, 0], [1, 1], [0, 0]]
    return {
        "number": [
            0,
            1,
            -1,
            2,
            3.5,
            math.nan,
            math.inf,
            -math.inf,
            1e308,
            -1e308,
            1e-308,
            1 << 63,
            -(1 << 63),
            10**30,
            10**400,
            30,
            1e9,
        ],
        "text": texts,
        "list": [
            [],
            [1],
            [1, 2, 3],
            [1, 2, 3, 4],
            [1] * 6,
            [0] * 6,
            ["B1"],
            ["B1", "B2"],
            [None],
            [[]],
            [[1, 2], [3, 4]],
            [[ring]],
            [math.nan],
            [1e308] * 6,
            ["x"],
            [image],
            [feature],
            [region],
            [{}],
            list(range(1000)),
            [True],
            [math.inf, 0],
            [[1, "a"], [None, 2]],
        ],
        "dictionary": [
            {},
            {"a": 1},
            {"type": "Point", "coordinates": [0, 0]},
            {"type": "Polygon", "coordinates": [ring]},
            {"type": "Polygon", "coordinates": "x"},
            {"type": "Date", "value": 1},
            {"type": []},
            {"type": "Projection", "crs": "EPSG:4326", "transform": [1]},
            {"type": "ErrorMargin", "value": "x"},
            {"type": "Feature", "geometry": None},
            {"type": "GeometryCollection", "geometries": [1, 2]},
            {"type": "LinearRing"},
            {"B1": "int8"},
            {"B1": image},
            {"z": math.inf},
        ],
        "image": [
            image,
            made("Image.constant", value=[1, 2.5, 3]),
            image.with_bands([]),
            made("Image.constant", value=1),
        ],
        "collection": [
            images,
            CollectionValue((), of_images=True),
            CollectionValue((), of_images=False),
            CollectionValue((feature, feature), of_images=False),
            CollectionValue((FeatureValue(None),), of_images=False),
        ],
        "geometry": [
            region,
            made("GeometryConstructors.Point", coordinates=[15.001, 41.545]),
            made("GeometryConstructors.LineString", coordinates=[[15.0, 41.54], [15.01, 41.55]]),
            made("GeometryConstructors.BBox", west=-180, south=-90, east=180, north=90),
        ],
        "feature": [feature, FeatureValue(None)],
        "function": [
            FunctionValue(("a",), lambda a: a.get("a")),
            FunctionValue((), lambda a: 1),
            FunctionValue(("a", "b"), lambda a: a.get("b")),
            FunctionValue(("a",), lambda a: None),
        ],
        "reducer": [made(f"Reducer.{name}") for name in reducers]
        + [
            made("Reducer.repeat", reducer=made("Reducer.mean"), count=2),
            made("Reducer.max", numInputs=2),
            made("Reducer.percentile", percentiles=[5, 50]),
            made("Reducer.toList", tupleSize=2),
        ],
        "projection": [UNPROJECTED, image.bands[0].projection, Projection(None, Affine.identity())],
        "date": [DateValue(0), DateValue(10**18), DateValue(-(10**18)), DateRangeValue(0, 10)],
        "filter": [made("Filter.equals", leftField="a", rightValue=1)],
        "kernel": [made("Kernel.square", radius=1), made("Kernel.circle", radius=1, units="meters")],
        "other": [
            None,
            True,
            False,
            b"abc",
            made("PixelType", precision="int"),
            made("Join.inner"),
            ErrorMarginValue(1.0),
        ],
    }


LIKELY = {
    "Image": "image",
    "ImageCollection": "collection",
    "FeatureCollection": "collection",
    "Element": "feature",
    "Geometry": "geometry",
    "Number": "number",
    "Float": "number",
    "Integer": "number",
    "Long": "number",
    "String": "text",
    "List": "list",
    "Dictionary": "dictionary",
    "Reducer": "reducer",
    "Projection": "projection",
    "Date": "date",
    "Filter": "filter",
    "Kernel": "kernel",
    "Algorithm": "function",
    "Feature": "feature",
}


def called(world: CatalogWorld, name: str, arguments: dict[str, Any]) -> Any:
    given = {key: Literal(value) for key, value in arguments.items()}
    return evaluate_graph(Graph("0", {"0": Call(name, None, given)}, {"0": frozenset()}), world)


def looked_at(value: Any) -> None:
    """Do with a value what a client may want of it: be told of it, and see its pixels."""
    if not isinstance(value, FunctionValue):
        json.dumps(answer(value), allow_nan=False)
    if isinstance(value, CollectionValue) and len(value):
        value = value.elements[0]
    if isinstance(value, ImageValue) and len(value.bands) < 20:
        small = GeoBox((5, 5), GRID.affine, GRID.crs)
        compute([band.node for band in product_of(value).bands], small, Window(0, 0, 5, 5))


def families() -> list[str]:
    return sorted({name.split(".")[0] for name, known in TABLE.items() if known.call is not None})


@pytest.mark.parametrize("family", families())
def test_a_function_of_any_arguments_has_a_value_or_a_sentence(
    world: CatalogWorld, caplog: pytest.LogCaptureFixture, family: str
) -> None:
    kinds = values_of_kinds(world)
    everything = [value for values in kinds.values() for value in values]
    chance = random.Random(family)
    for name, known in sorted(TABLE.items()):
        # samples of the pixels of the whole earth are legitimate, and take their time
        if known.call is None or name.split(".")[0] != family or name in {"Image.sample", "Image.sampleRegions"}:
            continue
        for _ in range(12):
            arguments = {}
            for one in known.signature.arguments:
                likely = kinds.get(LIKELY.get(one.type.split("<")[0], ""), everything)
                if not one.optional or chance.random() < 0.6:
                    arguments[one.name] = chance.choice(likely if chance.random() < 0.8 else everything)
            try:
                looked_at(called(world, name, arguments))
            except REFUSALS as error:
                assert str(error)
                assert "/b.tif" not in str(error)
        assert not [r for r in caplog.records if r.levelno >= logging.ERROR], (name, caplog.text)


# -- the gRPC door -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("doors")
    make_catalog(folder / "catalog")
    with served(Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state")) as running:
        yield running


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (node_graph(reference_node("gone")), "'gone' is referred to, but is not in 'values'"),
        (node_graph(reference_node("result")), "refers to itself"),
        (node_graph(call_node("Image.add")), "Image.add: Parameter 'image1' is required."),
        (node_graph(call_node("No.such")), "No.such: there is no such function."),
        (node_graph(constant_node(1)), "no image"),
        (
            node_graph(call_node("Image.select", input=IMAGE, bandSelectors=constant_node(["B9"]))),
            "Image.select: Band pattern 'B9'",
        ),
        (chain(IMAGE, DOUBLING["addBands"][1], 40), "Image.addBands: an image of 16384 bands is too large"),
        (node_graph(call_node("Image.load", id=constant_node("../../etc/passwd"))), "not found"),
    ],
)
def test_bad_graphs_are_refused_by_grpc_with_the_same_sentence(server: Served, document: Json, said: str) -> None:
    params = download_pb2.DownloadParams(format=download_pb2.FORMAT_NPY)
    json_format.ParseDict(document, params.expression)
    for ask in (server.create, server.stream):
        with pytest.raises(grpc.RpcError) as caught:
            ask(params)
        told_of = refusal(caught.value)
        assert told_of.code is grpc.StatusCode.INVALID_ARGUMENT
        assert said in told_of.message


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused_by_grpc(server: Served, number: float) -> None:
    params = download_pb2.DownloadParams(format=download_pb2.FORMAT_NPY)
    params.expression.result = "0"
    params.expression.values["0"].constant_value.CopyFrom(struct_pb2.Value(number_value=number))
    with pytest.raises(grpc.RpcError) as caught:
        server.create(params)
    assert refusal(caught.value).code is grpc.StatusCode.INVALID_ARGUMENT


def test_samples_of_a_number_are_that_many_of_the_pixels(world: CatalogWorld) -> None:
    sampled = call_node("Image.sample", image=IMAGE, numPixels=constant_node(50), geometries=constant_node(True))
    features = told(node_graph(sampled), world)["features"]
    found = {(f["properties"]["B1"], f["properties"]["B2"]) for f in features}
    assert len(features) == len(found) == 50
    assert all(b2 - b1 == 1200 for b1, b2 in found)
    lon, lat = features[0]["geometry"]["coordinates"]
    ((x,), (y,)) = rasterio.warp.transform("EPSG:4326", "EPSG:32633", [lon], [lat])
    col, row = (x - 500_000) / 10 - 0.5, (4_600_000 - y) / 10 - 0.5
    assert features[0]["properties"]["B1"] == 1 + round(row) * 40 + round(col)
