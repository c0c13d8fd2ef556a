"""What clients are told of expressions that cannot be evaluated: one sentence, with the function it is about."""

import re
from dataclasses import replace
from typing import Any

import pytest
from affine import Affine

from cases import every
from graphs import UTM, World, argument, call, function, image, refused, told
from rasterwire import budget
from rasterwire.errors import InvalidExpression
from rasterwire.expression.algorithms import TABLE
from rasterwire.expression.language.graph import read_graph
from rasterwire.expression.language.values import ImageValue, Projection

COARSE = Projection(UTM.crs, UTM.transform @ Affine.scale(2))
SCENE = image("B1", "B2", id="S")
MIXED = ImageValue([*image("B1").bands, *image("B2", projection=COARSE).bands])
WORLD = World({"S": SCENE, "mixed": MIXED, "bare": ImageValue(())}, {"c": [SCENE]})
LOADED = call("Image.load", id="S")
FEATURES = call("Collection", features=[call("Feature")])
NOTHING = call("Filter.and", filters=[])


@every(
    ("graph", "said"),
    [
        (call("Image.addBands", srcImg=LOADED), "Image.addBands: Parameter 'dstImg' is required."),
        (call("Image.addBands", dstImg=None, srcImg=LOADED), "Image.addBands: Parameter 'dstImg' is required."),
        (
            call("Image.select", input=LOADED, bandSelectors=["B9"]),
            "Image.select: Band pattern 'B9' did not match any bands. Available bands: [B1, B2]",
        ),
        (
            call("Image.select", input=call("Image.load", id="bare"), bandSelectors=["ndsi"]),
            "Image.select: Band pattern 'ndsi' was applied to an Image with no bands.",
        ),
        (
            call("Image.projection", image=call("Image.load", id="mixed")),
            (
                "Image.projection: The bands of the specified image contains different projections. "
                "Use 'select' to pick a single band."
            ),
        ),
        (call("Image.load", id="X"), "Image.load: Image asset 'X' not found."),
        (call("ImageCollection.load", id="X"), "ImageCollection.load: ImageCollection asset 'X' not found."),
        (
            call("Image.clipToBoundsAndScale", input=call("Image.constant", value=1), scale=10),
            "Image.clipToBoundsAndScale: The geometry for image clipping must be bounded.",
        ),
        (call("Image.nothing", image=LOADED), "Image.nothing: there is no such function; did you mean Image.not?"),
        (call("Image.gradient", input=LOADED), "Image.gradient: not implemented by this server"),
    ],
)
def test_errors_are_worded_as_those_of_earth_engine(graph: Any, said: str) -> None:
    assert refused(graph, WORLD) == said


@every(
    ("graph", "said"),
    [
        (call("List.get", list=5, index=0), "List.get: Parameter 'list' has to be of type List, and is a Number 5."),
        (
            call("List.get", list=[1], index="a"),
            "List.get: Parameter 'index' has to be of type Integer, and is a String",
        ),
        (call("List.get", list=[1], index=float("nan")), "List.get: Parameter 'index' has to be of type Integer"),
        (
            call("Number.add", left=[1], right=1),
            "Number.add: Parameter 'left' has to be of type Number, and is a List",
        ),
        (
            call("Number.add", left=LOADED, right=1),
            "Number.add: Parameter 'left' has to be of type Number, and is",
        ),
        (
            call("Image.bandNames", image={"a": 1}),
            "Image.bandNames: Parameter 'image' has to be of type Image, and",
        ),
        (
            call("Date.millis", date="soon"),
            "Date.millis: Parameter 'date' has to be of type Date, and is a Str",
        ),
        (call("Filter.not", filter=1), "Filter.not: Parameter 'filter' has to be of type Filter, and is a Number 1."),
        (
            call("Collection.size", collection=1),
            "Collection.size: Parameter 'collection' has to be of type Feat",
        ),
        (
            call("ImageCollection.mosaic", collection=call("Collection", features=[call("Feature")])),
            "ImageCollection.mosaic: ",
        ),
        (call("Reducer.unweighted", reducer={}), "Reducer.unweighted: Parameter 'reducer' has to be of type Reducer"),
        (call("Geometry.area", geometry="here"), "Geometry.area: Parameter 'geometry' has to be of type Geometry"),
        (call("Projection.nominalScale", proj="EPSG:0"), "Projection.nominalScale: "),
        (
            call("List.map", list=[1], baseAlgorithm="f"),
            "List.map: Parameter 'baseAlgorithm' has to be of type Algo",
        ),
        (call("Collection.filter", collection="c", filter=1), "Collection.filter: Parameter 'collection' has to be"),
        (
            call("Dictionary.fromLists", keys=[1], values=[1]),
            "Dictionary.fromLists: Parameter 'keys' has to be of",
        ),
        (call("Element.get", object=5, property="a"), "Element.get: Parameter 'object' has to be of type Element"),
        (
            call("Join.apply", join=1, primary=[], secondary=[], condition=NOTHING),
            "Join.apply: 'join'",
        ),
    ],
)
def test_a_wrong_type_is_said_with_the_parameter(graph: Any, said: str) -> None:
    assert refused(graph, WORLD).startswith(said)


def test_an_unknown_parameter_is_said_with_those_there_are() -> None:
    said = refused(call("List.size", list=[1], values=[2]))
    assert said == "List.size: there is no parameter 'values', but list."


def test_an_error_within_a_mapped_function_names_the_inner_function() -> None:
    inner = function("x", body=call("List.get", list=argument("x"), index=9))
    assert refused(call("List.map", list=[[1]], baseAlgorithm=inner)).startswith("List.get: List index must be")


@every("name", [name for name, known in TABLE.items() if known.call is None])
def test_a_function_that_is_known_but_not_built_says_so(name: str) -> None:
    assert refused(call(name)) == f"{name}: not implemented by this server"


_ODD: list[Any] = [
    None, 0, -1, 1.5, 1e308, float("nan"), float("inf"), 10**30, True, "", "x", [], [None], [[1, "a"]], {},
    {"type": "Point"}, {"type": "Polygon", "coordinates": [[[1e400, 0]]]}, LOADED,
    call("Feature"), call("Collection", features=[]),
    call("Reducer.mean"), function("x", body=argument("x")), call("Date", value=0), call("Filter.and", filters=[]),
]  # fmt: skip


@pytest.mark.slow
@every(
    "name", [name for name, known in sorted(TABLE.items()) if known.call and known.signature.arguments and name != "If"]
)
def test_no_argument_whatever_breaks_a_function(name: str) -> None:
    fitting: dict[str, Any] = {
        "Image": LOADED, "Number": 1, "Integer": 1, "Float": 1.5, "Long": 1, "String": "B1", "List": [1, 2],
        "Object": 1,
        "Dictionary": {"a": 1}, "Element": LOADED, "FeatureCollection": FEATURES,
        "ImageCollection": call("ImageCollection.load", id="c"), "Reducer": call("Reducer.mean"), "Date": 0,
        "Algorithm": function("x", body=argument("x")), "Filter": call("Filter.and", filters=[]), "Boolean": True,
        "Geometry": call("GeometryConstructors.Point", coordinates=[1, 2]), "Projection": "EPSG:4326",
        "DateRange": call("DateRange", start=0), "Kernel": call("Kernel.square", radius=1), "Feature": call("Feature"),
        "Join": call("Join.inner"),
    }  # fmt: skip
    arguments = TABLE[name].signature.arguments
    required = {a.name: fitting.get(a.type.split("<")[0]) for a in arguments if not a.optional}
    for one in arguments:
        for odd in _ODD:
            try:
                told(call(name, **{**required, one.name: odd}), WORLD)
            except InvalidExpression as error:
                assert str(error)
            except AssertionError as error:  # this world has no pixels
                assert "no pixel" in str(error)


def test_a_list_nested_by_a_loop_is_told_or_refused() -> None:
    wrap = function("x", "inner", body=call("List.add", list=[], element=argument("inner")))
    deep = call("List.iterate", list=call("List.sequence", start=1, end=20000), function=wrap, first=[])
    assert "deep" in refused(deep)
    for name in ("List.distinct", "List.sort", "List.flatten"):
        assert refused(call(name, list=deep)).startswith(f"{name}: ")


def test_functions_that_call_themselves_forever_are_no_graph() -> None:
    recursive = {
        "0": {"functionInvocationValue": {"functionReference": "1", "arguments": {"x": {"constantValue": 1}}}},
        "1": {"functionDefinitionValue": {"argumentNames": ["x"], "body": "0"}},
    }
    with pytest.raises(InvalidExpression, match="refers to itself"):
        read_graph({"result": "0", "values": recursive})


def test_too_many_calls_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_CALLS", 10_000)
    body: Any = [argument(f"x{depth}") for depth in range(4)]
    for depth in range(4):
        mapped = function(f"x{depth}", body=body)
        body = call("List.map", list=list(range(100)), baseAlgorithm=mapped)
    assert refused(body).endswith("the expression takes more than 10000 function calls")


def test_loops_within_loops_that_depend_on_nothing_cost_no_more_than_one() -> None:
    body: Any = argument("x0")
    for depth in range(8):
        mapped = function(f"x{depth}", body=body)
        body = call("List.map", list=list(range(100)), baseAlgorithm=mapped)
    for _ in range(8):
        body = call("List.get", list=body, index=99)
    assert told(body) == 99


def test_a_function_that_fails_is_told_by_an_id_of_the_log_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise KeyError("/secret/path")

    monkeypatch.setitem(TABLE, "Number.abs", replace(TABLE["Number.abs"], call=fail))
    said = refused(call("Number.abs", input=1))
    found = re.fullmatch(
        r"Number.abs: it cannot be computed of these arguments; the server's log says why under (\w{8})\.", said
    )
    assert found is not None
    assert f"unexpected error {found[1]} of Number.abs" in caplog.text
    assert "/secret/path" in caplog.text
