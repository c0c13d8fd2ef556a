"""The JSON that clients are told of values."""

import json
from typing import Any

import pytest
from affine import Affine

from graphs import UTM, World, argument, call, function, image, refused, told
from rasterwire.expression.language.values import BandValue, ImageValue, Projection
from rasterwire.nodes.nodes import Constant
from rasterwire.nodes.pixel_type import DOUBLE, FLOAT, PixelType

SCENE = ImageValue(
    [
        BandValue("B1", PixelType("int", 0, 65535), Constant(1, "uint16"), UTM, (0, 0, 100, 50)),
        BandValue("nd", FLOAT, Constant(1, "float32"), UTM, (10, 20, 30, 40)),
        BandValue("far", DOUBLE, Constant(1, "float64"), Projection(UTM.crs, Affine(20, 0, 5, 0, -20, 7))),
    ],
    {"system:index": "s", "system:time_start": 5, "system:version": 77, "cloud": 0.5, "words": ["a", 1]},
    id="C/s",
)
WORLD = World({"C/s": SCENE}, {"C": [SCENE, SCENE], "large": [image(n=at) for at in range(5001)]})
LOADED = call("Image.load", id="C/s")


def test_an_image_is_told_with_its_bands_and_properties() -> None:
    answer = told(LOADED, WORLD)
    footprint = answer["properties"].pop("system:footprint")
    assert footprint["type"] == "LinearRing"
    assert footprint["coordinates"][0] == footprint["coordinates"][-1]
    place = {"crs": "EPSG:32610", "crs_transform": [10, 0, 500000, 0, -10, 4200000]}
    assert answer == {
        "type": "Image",
        "bands": [
            {
                "id": "B1",
                "data_type": {"type": "PixelType", "precision": "int", "min": 0, "max": 65535},
                "dimensions": [100, 50],
                **place,
            },
            {
                "id": "nd",
                "data_type": {"type": "PixelType", "precision": "float"},
                "dimensions": [30, 40],
                "origin": [10, 20],
                **place,
            },
            {
                "id": "far",
                "data_type": {"type": "PixelType", "precision": "double"},
                "crs": "EPSG:32610",
                "crs_transform": [20, 0, 5, 0, -20, 7],
            },
        ],
        "id": "C/s",
        "version": 77,
        "properties": {"system:index": "s", "system:time_start": 5, "cloud": 0.5, "words": ["a", 1]},
    }


def test_a_constant_has_the_projection_of_a_composite_and_no_bounds() -> None:
    (band,) = told(call("Image.constant", value=20))["bands"]
    assert band == {
        "id": "constant",
        "data_type": {"type": "PixelType", "precision": "int", "min": 20, "max": 20},
        "crs": "EPSG:4326",
        "crs_transform": [1, 0, 0, 0, 1, 0],
    }
    assert "properties" not in told(call("Image.constant", value=20))


def test_a_clipped_image_is_told_with_its_new_footprint() -> None:
    box = call("GeometryConstructors.Rectangle", coordinates=[500100, 4199800, 500200, 4199900], crs="EPSG:32610")
    band = told(call("Image.clip", input=LOADED, geometry=box), WORLD)["bands"][0]
    assert (band["origin"], band["dimensions"]) == ([10, 10], [10, 10])
    assert band["crs_transform"] == [10, 0, 500000, 0, -10, 4200000]


def test_collections_are_told_with_their_elements() -> None:
    answer = told(call("ImageCollection.load", id="C"), WORLD)
    assert {key: answer[key] for key in ("type", "id", "bands")} == {"type": "ImageCollection", "id": "C", "bands": []}
    assert [element["id"] for element in answer["features"]] == ["C/s", "C/s"]
    empty = told(call("Collection", features=[]))
    assert (empty["type"], empty["features"]) == ("FeatureCollection", [])


def test_a_feature_is_told_with_its_index_as_id_alone() -> None:
    point = call("GeometryConstructors.Point", coordinates=[1, 2])
    given = [call("Feature", geometry=point, metadata={"a": 1}), call("Feature")]
    assert told(call("Collection", features=given))["features"] == [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "id": "0", "properties": {"a": 1}},
        {"type": "Feature", "geometry": None, "id": "1", "properties": {}},
    ]


@pytest.mark.parametrize("geodesic", [True, False])
def test_a_geometry_is_told_as_geojson_with_the_kind_of_its_edges(geodesic: bool) -> None:
    ring = [[0, 0], [2, 0], [2, 1], [0, 0]]
    polygon = call("GeometryConstructors.Polygon", coordinates=[ring], geodesic=geodesic)
    assert told(polygon) == {"type": "Polygon", "coordinates": [ring], "geodesic": geodesic}


def test_projections_dates_and_ranges_are_told_by_their_type() -> None:
    projection = told(call("Image.projection", image=call("Image.select", input=LOADED, bandSelectors=[0])), WORLD)
    assert projection == {
        "type": "Projection",
        "crs": "EPSG:32610",
        "transform": [10, 0, 500000, 0, -10, 4200000],
    }
    assert told(call("Image.date", image=LOADED), WORLD) == {"type": "Date", "value": 5}
    assert told(call("DateRange", start=1, end=9)) == {"type": "DateRange", "dates": [1, 9]}
    assert told(call("PixelType.float")) == {"type": "PixelType", "precision": "float"}
    assert told(call("ErrorMargin", value=3)) == {"type": "ErrorMargin", "unit": "meters", "value": 3}


def test_values_of_all_kinds_are_told_within_each_other() -> None:
    collection = call("ImageCollection.load", id="C")
    lists = call(
        "Collection.reduceColumns",
        collection=collection,
        reducer=call("Reducer.repeat", reducer=call("Reducer.toList"), count=2),
        selectors=["system:index", "system:time_start"],
    )
    # what xee asks for when it opens a collection
    answer = told(
        [
            call("Collection.size", collection=collection),
            call("Element.toDictionary", element=collection),
            call("Collection.first", collection=collection),
            call("Dictionary.get", dictionary=lists, key="list"),
        ],
        WORLD,
    )
    assert answer[0] == 2
    assert answer[1] == {}
    assert answer[2]["bands"][0]["id"] == "B1"
    assert answer[3] == [["s", "s"], [5, 5]]


@pytest.mark.parametrize("value", [None, True, 5, 2.5, "Ä", [], [[1, [None]]], {"a": {"b": [1]}}])
def test_plain_values_are_told_as_they_are(value: Any) -> None:
    assert told(value) == value


def test_numbers_that_json_has_not_are_null() -> None:
    assert json.dumps(told([float("inf"), float("nan"), 1.0])) == "[null, null, 1.0]"


def test_more_than_5000_elements_are_not_told_at_once() -> None:
    large = call("ImageCollection.load", id="large")
    assert refused(large, WORLD) == "Collection query aborted after accumulating over 5000 elements."
    assert told(call("Collection.size", collection=large), WORLD) == 5001
    assert len(told(call("Collection.limit", collection=large, limit=5000), WORLD)["features"]) == 5000


def test_what_is_no_value_for_clients_is_refused() -> None:
    assert refused(function("x", body=argument("x"))) == "the result is a function, which has no value of its own."
    assert refused(call("Reducer.mean")) == "the result is a Reducer, which cannot be told."
    assert refused(call("Filter.and", filters=[])) == "the result is a Filter, which cannot be told."
