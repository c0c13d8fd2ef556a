"""Dictionaries of parameters: how they are read, and the errors for invalid ones."""

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format

from cases import every
from rasterwire.client import InvalidParams
from rasterwire.client.params import to_message
from rasterwire.v1 import download_pb2

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        pytest.param({"dimensions": 99999999999}, "dimensions", id="too-many-pixels"),
        pytest.param({"dimensions": "axb"}, "dimensions", id="dimensions-of-letters"),
        pytest.param({"dimensions": "10x"}, "dimensions", id="width-without-height"),
        pytest.param({"scale": "1e999"}, "scale", id="beyond-doubles"),
        pytest.param({"dimensions": "x10"}, "dimensions", id="height-without-width"),
        pytest.param({"dimensions": ""}, "dimensions", id="dimensions-of-nothing"),
        pytest.param({"compressionLevel": 2**40}, "compression_level", id="level-beyond-32-bits"),
        pytest.param({"region": {"bounding_box": [1, 2, 3]}}, "region.bounding_box", id="box-of-three"),
        pytest.param({"region": {"bounding_box": {"left": 1}}}, "region.bounding_box.left", id="box-of-other-words"),
        pytest.param({"region": {"geojson": {}, "crs": 4326}}, "region.crs", id="crs-by-number"),
        pytest.param({"region": {"geojson": {}, "edge": "PLANAR"}}, "region.edge", id="unknown-part-of-a-region"),
        pytest.param({"region": {"geojson": {}, "edges": "ROUND"}}, "region.edges", id="unknown-edges"),
        pytest.param({"region": [[1], [2]]}, "region", id="points-of-one-number"),
        pytest.param({"region": 5}, "region", id="region-of-a-number"),
        pytest.param({"region": "{"}, "region", id="region-of-broken-json"),
        pytest.param(
            {"region": {"type": "Polygon", "coordinates": {1, 2}}}, "region.geojson", id="a-set-of-coordinates"
        ),
        pytest.param({"name": "\ud800"}, "name", id="half-a-surrogate-pair"),
        pytest.param({"image": "\ud800"}, "image", id="half-a-surrogate-pair-in-the-id"),
        pytest.param({"bands": ["\ud800"]}, "bands[0].id", id="half-a-surrogate-pair-in-a-band"),
        pytest.param({"bands": [{"id": "B1", "scale": "x"}]}, "bands[0].scale", id="scale-of-letters"),
        pytest.param({"expression": {"blob": 1}}, "expression", id="no-expression"),
        pytest.param({"expression": 5}, "expression", id="expression-of-a-number"),
        pytest.param({5: 1}, "5", id="a-number-for-a-key"),
    ],
)
def test_what_means_nothing_is_told_by_field(document: dict[Any, Any], field: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        to_message(document)
    assert [violation.field for violation in caught.value.violations] == [field]
    assert "unpack" not in str(caught.value)
    assert "could not convert" not in str(caught.value)


@every("given", ["10x5", "10 x 5", "10X5", " 10,5 ", "10 5", "10, 5"])
def test_two_dimensions_may_be_a_text(given: str) -> None:
    assert list(to_message({"dimensions": given}).dimensions) == [10, 5]


@every("document", [None, [], 5, "image"])
def test_other_things_than_dictionaries_are_refused(document: Any) -> None:
    with pytest.raises(InvalidParams, match="has to be a dictionary"):
        to_message(document)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        pytest.param(
            {"bounding_box": [1, 2, 3, 4], "crs": "EPSG:3857"},
            {"boundingBox": {"west": 1.0, "south": 2.0, "east": 3.0, "north": 4.0}, "crs": "EPSG:3857"},
            id="box-of-numbers",
        ),
        pytest.param(
            {"boundingBox": {"west": 1, "south": 2, "east": 3, "north": 4}, "edges": "GEODESIC"},
            {"boundingBox": {"west": 1.0, "south": 2.0, "east": 3.0, "north": 4.0}, "edges": "EDGES_GEODESIC"},
            id="box-by-name-with-edges",
        ),
        pytest.param(
            {"geojson": {"type": "Polygon", "coordinates": [RING]}},
            {"geojson": '{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}'},
            id="geojson-within",
        ),
    ],
)
def test_regions_may_be_in_the_words_of_the_schema(region: dict[str, Any], expected: dict[str, Any]) -> None:
    message = to_message({"image": "a", "region": region})
    assert json_format.MessageToDict(message.region) == expected


def test_an_expression_is_taken_as_the_library_writes_it() -> None:
    graph = {"result": "0", "values": {"0": {"constantValue": 1}}}
    message = to_message({"expression": graph})
    assert message.WhichOneof("source") == "expression"
    assert message.expression.result == "0"
    assert isinstance(message, download_pb2.DownloadParams)


def test_a_mosaic_is_read_with_short_names() -> None:
    message = to_message(
        {
            "mosaic": {
                "query": {
                    "collection": "c",
                    "bounds": [1, 2, 3, 4],
                    "filters": [{"property": "cloud", "comparison": "less", "number": 20}],
                },
                "composite": "median",
            }
        }
    )
    assert message.mosaic.composite == download_pb2.COMPOSITE_MEDIAN
    assert message.mosaic.query.filters[0].comparison == download_pb2.COMPARISON_LESS
    assert message.mosaic.query.bounds.HasField("bounding_box") or message.mosaic.query.bounds.geojson
    shortened = to_message({"mosaic": {"images": ["a", "b"], "composite": "COMPOSITE_LAST"}})
    assert list(shortened.mosaic.images.ids) == ["a", "b"]


@every(
    ("mosaic", "expected"),
    [
        (5, ["mosaic: has to be an object with images, query, composite, quality_band, got 5"]),
        ({"composite": "nope"}, ["mosaic.composite: has to be one of COMPOSITE_FIRST, "]),
        ({"query": {"filters": 5}}, ["mosaic.query.filters: has to be a list, got 5"]),
        (
            {"query": {"colection": "c", "limit": "many", "filters": [{"property": 3, "comparison": "about"}]}},
            [
                "mosaic.query.colection: there is no such field; did you mean collection?",
                "mosaic.query.limit: has to be a whole number of 32 bits, got 'many'",
                "mosaic.query.filters[0].property: has to be a text, got 3",
                "mosaic.query.filters[0].comparison: has to be one of COMPARISON_EQUAL, ",
            ],
        ),
    ],
)
def test_all_that_is_wrong_with_a_mosaic_is_told_by_field(mosaic: object, expected: list[str]) -> None:
    with pytest.raises(InvalidParams) as caught:
        to_message({"mosaic": mosaic})
    messages = [f"{item.field}: {item.description}" for item in caught.value.violations]
    assert [item[: len(start)] for item, start in zip(messages, expected, strict=True)] == expected


def test_times_of_a_query_may_be_dates_of_python() -> None:
    plus_two = timezone(timedelta(hours=2))
    query = {"startTime": date(2021, 1, 3), "endTime": datetime(2021, 1, 4, 5, tzinfo=plus_two)}
    message = to_message({"mosaic": {"query": {"collection": "c", **query}}}).mosaic.query
    assert message.start_time.ToJsonString() == "2021-01-03T00:00:00Z"
    assert message.end_time.ToJsonString() == "2021-01-04T03:00:00Z"
    naive = to_message({"mosaic": {"query": {"collection": "c", "start_time": datetime(2021, 1, 3, 4)}}})  # noqa: DTZ001
    assert naive.mosaic.query.start_time.ToJsonString() == "2021-01-03T04:00:00Z"


def test_half_a_surrogate_pair_in_a_mosaic_is_told_by_field() -> None:
    with pytest.raises(InvalidParams) as caught:
        to_message({"mosaic": {"images": ["a", "\ud800"]}})
    assert [violation.field for violation in caught.value.violations] == ["mosaic.images.ids[1]"]


def test_an_expression_may_be_what_earth_engine_s_library_makes() -> None:
    document = {"result": "0", "values": {"0": {"constantValue": 5}}}

    class Serializable:
        def serialize(self) -> str:
            return json.dumps(document)

    for expression in (document, json.dumps(document), Serializable()):
        assert to_message({"expression": expression}).expression.result == "0"
    for wrong in (5, "[]", "no JSON"):
        with pytest.raises(InvalidParams, match="expression: "):
            to_message({"expression": wrong})


def test_a_mosaic_of_nothing_is_for_the_server_to_refuse() -> None:
    assert to_message({"mosaic": {}}).WhichOneof("source") == "mosaic"


def test_an_image_comes_from_one_source() -> None:
    with pytest.raises(InvalidParams, match="mosaic: is given together with image"):
        to_message({"image": "a", "mosaic": {"images": ["a"]}})


def test_numbers_are_numbers_of_numpy_too() -> None:
    params = {"scale": np.float32(10), "nodata": np.int16(-1), "compression_level": np.int64(3)}
    message = to_message({"image": "a", **params})
    assert (message.scale, message.nodata, message.compression_level) == (10, -1, 3)


def test_a_name_that_is_no_text_is_refused_as_any_other() -> None:
    with pytest.raises(InvalidParams, match="there is no such field"):
        to_message({"image": "a", "\ud800": 1})
