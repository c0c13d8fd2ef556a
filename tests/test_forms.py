"""One table of forms: what a request may be written as, and the message that it is, at every door."""

import http.client
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyproj
import pytest
import rasterio.crs
import shapely
from affine import Affine
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import every
from effort import HANG
from images import SCENE
from rasterwire.cli.options import to_params
from rasterwire.client import Client, InvalidParams
from rasterwire.client.params import read_params, to_message
from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.server.messages.convert import to_request
from rasterwire.server.messages.parsed_request import read_request
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, served

BOX = {"boundingBox": {"west": 1, "south": 2, "east": 3, "north": 4}}
POLYGON = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
GRAPH = {"result": "0", "values": {"0": {"constantValue": 1}}}
MATRIX = [10, 0, 500_000, 0, -10, 4_600_000, 0, 0, 1]

FORMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # the JSON of the schema itself, in either spelling
    ({"image": "a", "scale": 10}, {"image": "a", "scale": 10}),
    ({"crsTransform": MATRIX[:6], "filePerBand": False}, {"crsTransform": MATRIX[:6], "filePerBand": False}),
    ({"crs_transform": MATRIX[:6], "file_per_band": False}, {"crsTransform": MATRIX[:6], "filePerBand": False}),
    ({"id": "a"}, {"image": "a"}),
    ({"scale": None, "image": "a"}, {"image": "a"}),
    ({"scale": "1e1", "nodata": "NaN"}, {"scale": 10, "nodata": "NaN"}),
    # bands
    ({"bands": ["B3"]}, {"bands": [{"id": "B3"}]}),
    ({"bands": "B3, B4"}, {"bands": [{"id": "B3"}, {"id": "B4"}]}),
    ({"bands": ["B3", {"id": "B4", "scale": 5}]}, {"bands": [{"id": "B3"}, {"id": "B4", "scale": 5}]}),
    (
        {"bands": [{"id": "B3", "crs_transform": "1,0,0,0,1,0", "dimensions": "5x6", "resampling": "cubic"}]},
        {"bands": [{"id": "B3", "crsTransform": [1, 0, 0, 0, 1, 0], "dimensions": [5, 6], "resampling": 3}]},
    ),
    # grids
    ({"crsTransform": "[10, 0, 500000, 0, -10, 4600000]"}, {"crsTransform": MATRIX[:6]}),
    ({"crsTransform": MATRIX}, {"crsTransform": MATRIX[:6]}),
    ({"dimensions": 100}, {"dimensions": [100]}),
    ({"dimensions": [100, 50.0]}, {"dimensions": [100, 50]}),
    ({"dimensions": "100"}, {"dimensions": [100]}),
    ({"dimensions": "100x50"}, {"dimensions": [100, 50]}),
    # pictures
    ({"visualization": {}}, {"visualization": {}}),
    (
        {"visualization": {"bands": "B4, B3,B2", "min": 0, "max": "1000, 2000, 3000", "gamma": (1.5,)}},
        {"visualization": {"bands": ["B4", "B3", "B2"], "min": [0], "max": [1000, 2000, 3000], "gamma": [1.5]}},
    ),
    (
        {"visualization": {"palette": "red, #00f", "stretch": [1, 99]}},
        {"visualization": {"palette": ["red", "#00f"], "stretch": {"lowerPercent": 1, "upperPercent": 99}}},
    ),
    (
        {"visualization": {"stretch": {"lower_percent": 5}, "min": (1, 2, 3)}},
        {"visualization": {"stretch": {"lowerPercent": 5}, "min": [1, 2, 3]}},
    ),
    # regions
    ({"region": BOX}, {"region": BOX}),
    ({"region": {"bounding_box": [1, 2, 3, 4], "crs": "EPSG:3857"}}, {"region": {**BOX, "crs": "EPSG:3857"}}),
    ({"region": [1, 2, 3, 4]}, {"region": BOX}),
    ({"region": [1, 2, -50, 3, 4, 900]}, {"region": BOX}),
    ({"region": "1,2,3,4"}, {"region": BOX}),
    ({"region": "[1, 2, 3, 4]"}, {"region": BOX}),
    ({"region": [[1, 2], [3, 4]]}, {"region": BOX}),
    ({"region": [[0, 0], [1, 0], [1, 1]]}, {"region": {"geojson": POLYGON}}),
    ({"region": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}, {"region": {"geojson": POLYGON}}),
    ({"region": POLYGON}, {"region": {"geojson": POLYGON}}),
    ({"region": json.dumps(POLYGON)}, {"region": {"geojson": POLYGON}}),
    (
        {"region": {"geojson": POLYGON, "edges": "geodesic"}},
        {"region": {"geojson": POLYGON, "edges": "EDGES_GEODESIC"}},
    ),
    (
        {"region": {"type": "Feature", "geometry": POLYGON}},
        {"region": {"geojson": {"type": "Feature", "geometry": POLYGON}}},
    ),
    # enums
    ({"format": "GEO_TIFF"}, {"format": "FORMAT_GEO_TIFF"}),
    ({"format": "FORMAT_GEO_TIFF"}, {"format": "FORMAT_GEO_TIFF"}),
    ({"format": "geotiff"}, {"format": "FORMAT_GEO_TIFF"}),
    ({"format": "numpy"}, {"format": "FORMAT_NPY"}),
    ({"mask": "band", "resampling": 2}, {"mask": "MASK_BAND", "resampling": "RESAMPLING_BILINEAR"}),
    # images made of several, and computed ones
    (
        {"mosaic": {"images": ["a", "b"], "composite": "median"}},
        {"mosaic": {"images": {"ids": ["a", "b"]}, "composite": "COMPOSITE_MEDIAN"}},
    ),
    (
        {
            "mosaic": {
                "query": {
                    "collection": "c",
                    "bounds": [1, 2, 3, 4],
                    "start_time": "2021-01-03T00:00:00Z",
                    "filters": [{"property": "cloud", "comparison": "less", "number": 20}],
                }
            }
        },
        {
            "mosaic": {
                "query": {
                    "collection": "c",
                    "bounds": BOX,
                    "startTime": "2021-01-03T00:00:00Z",
                    "filters": [{"property": "cloud", "comparison": "COMPARISON_LESS", "number": 20}],
                }
            }
        },
    ),
    ({"expression": GRAPH}, {"expression": GRAPH}),
    ({"expression": json.dumps(GRAPH)}, {"expression": GRAPH}),
    # whole numbers that a double does not have
    ({"nodata": 2**64 - 1}, {"nodataText": "18446744073709551615"}),
    ({"nodata": 2**64 - 1, "nodataText": None}, {"nodataText": "18446744073709551615"}),
    ({"nodata": "-9223372036854775808"}, {"nodataText": "-9223372036854775808"}),
]
"""What is written, and the JSON of the message; GeoJSON of messages is text, which is compared by what it holds."""


class Shape:
    """A geometry of any library."""

    __geo_interface__ = POLYGON


class Graph:
    """An object of Earth Engine's library."""

    def serialize(self) -> str:
        return json.dumps(GRAPH)


OBJECTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"region": Shape()}, {"region": {"geojson": POLYGON}}),
    ({"region": {"geojson": shapely.geometry.shape(POLYGON)}}, {"region": {"geojson": POLYGON}}),
    ({"region": shapely.geometry.shape(POLYGON)}, {"region": {"geojson": POLYGON}}),
    ({"region": np.array([1.0, 2.0, 3.0, 4.0])}, {"region": BOX}),
    (
        {"region": download_pb2.Region(bounding_box=download_pb2.BoundingBox(west=1, south=2, east=3, north=4))},
        {"region": BOX},
    ),
    ({"mosaic": {"images": ("a",)}}, {"mosaic": {"images": {"ids": ["a"]}}}),
    (
        {"mosaic": {"query": {"collection": "c", "bounds": Shape(), "startTime": date(2021, 1, 3)}}},
        {"mosaic": {"query": {"collection": "c", "bounds": {"geojson": POLYGON}, "startTime": "2021-01-03T00:00:00Z"}}},
    ),
    (
        {"mosaic": {"query": {"collection": "c", "endTime": datetime(2021, 1, 3, 4, tzinfo=UTC)}}},
        {"mosaic": {"query": {"collection": "c", "endTime": "2021-01-03T04:00:00Z"}}},
    ),
    ({"crs": pyproj.CRS(32610)}, {"crs": "EPSG:32610"}),
    ({"crs": rasterio.crs.CRS.from_epsg(32610)}, {"crs": "EPSG:32610"}),
    ({"bands": [{"id": "B3", "crs": pyproj.CRS("OGC:CRS84")}]}, {"bands": [{"id": "B3", "crs": "OGC:CRS84"}]}),
    ({"region": {**BOX, "crs": pyproj.CRS(3857)}}, {"region": {**BOX, "crs": "EPSG:3857"}}),
    ({"crs_transform": Affine(*MATRIX[:6])}, {"crsTransform": MATRIX[:6]}),
    ({"crs_transform": tuple(MATRIX[:6])}, {"crsTransform": MATRIX[:6]}),
    ({"dimensions": np.array([100, 50])}, {"dimensions": [100, 50]}),
    ({"dimensions": np.int64(100), "scale": np.float32(10)}, {"dimensions": [100], "scale": 10}),
    ({"expression": Graph()}, {"expression": GRAPH}),
]
"""What only Python can write."""


def same(message: download_pb2.DownloadParams, expected: Mapping[str, Any]) -> None:
    """Compare a message with the JSON of another, read by protobuf itself, and GeoJSON by what it holds."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: json.loads(part) if key == "geojson" else plain(part) for key, part in value.items()}
        return [plain(part) for part in value] if isinstance(value, list) else value

    def text(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: json.dumps(part) if key == "geojson" else text(part) for key, part in value.items()}
        return [text(part) for part in value] if isinstance(value, list) else value

    other = json_format.ParseDict(text(dict(expected)), download_pb2.DownloadParams())
    assert plain(json_format.MessageToDict(message)) == plain(json_format.MessageToDict(other))


@every(("written", "expected"), FORMS)
def test_a_form_is_the_same_message_in_a_dictionary_and_in_a_body(
    written: dict[str, Any], expected: dict[str, Any]
) -> None:
    same(to_message(written), expected)
    request = read_request(json.loads(json.dumps(written)))
    assert request.misfits == ()
    same(request.message(), expected)


@every(("written", "expected"), OBJECTS)
def test_objects_of_python_are_forms_of_the_dictionary(written: dict[str, Any], expected: dict[str, Any]) -> None:
    same(to_message(written), expected)


@every(
    ("options", "written"),
    [
        ({"bands": ("B3", "B4:20")}, {"bands": ["B3", {"id": "B4", "scale": 20}]}),
        ({"region": "1,2,3,4"}, {"region": [1, 2, 3, 4]}),
        ({"dimensions": "100x50"}, {"dimensions": "100x50"}),
        (
            {"crs_transform": "10,0,500000,0,-10,4600000", "crs": "EPSG:32610"},
            {"crs": "EPSG:32610", "crsTransform": MATRIX},
        ),
        ({"format_": "GEO_TIFF", "mask": "BAND"}, {"format": "GEO_TIFF", "mask": "BAND"}),
        ({"nodata": 2**64 - 1}, {"nodata": 2**64 - 1}),
    ],
)
def test_options_of_the_command_line_are_forms_too(options: dict[str, Any], written: dict[str, Any]) -> None:
    assert to_message(to_params({"image": "a", **options})) == to_message({"image": "a", **written})


def test_a_crs_without_a_code_is_its_wkt() -> None:
    crs = pyproj.CRS("+proj=laea +lat_0=10 +lon_0=20")
    assert pyproj.CRS(to_message({"crs": crs}).crs) == crs


_MESSAGES = ("DownloadParams", "BandSpec", "Region", "BoundingBox", "Mosaic", "ImageIds", "CollectionQuery")
_FIELDS = [field for name in _MESSAGES for field in download_pb2.DESCRIPTOR.message_types_by_name[name].fields]
_NAMES = sorted({name for field in _FIELDS for name in (field.name, field.json_name)})
_TEXTS = [
    "1,2,3,4",
    "10x",
    "NPY",
    "median",
    "{",
    "[1,2]",
    "EPSG:4326",
    "1e400",
    "-1",
    "NaN",
    "9" * 17,
    "Polygon",
    "Point",
]
_KEYS = st.sampled_from([*_NAMES, "type", "coordinates", "geometry", "id", "unknown"])
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.sampled_from(_TEXTS)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(_KEYS, inner, max_size=5),
        st.lists(st.integers(-5, 5), min_size=2, max_size=9),
    ),
    max_leaves=25,
)


@settings(max_examples=200)
@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_any_document_is_read_or_refused_with_all_that_does_not_fit(document: dict[str, Any]) -> None:
    request = read_request(document)
    try:
        to_request(request.params, request.graph, request.misfits)
    except InvalidRequest as error:
        assert set(request.misfits) <= set(error.violations)
    except InvalidExpression:
        assert request.misfits == ()
    else:
        assert request.misfits == ()
    message, problems = read_params(document)
    assert download_pb2.DownloadParams.FromString(message.SerializeToString()) is not None
    if not problems and request.misfits == () and "expression" not in document:
        assert message.SerializeToString() == request.params.SerializeToString()


# -- what is wrong -----------------------------------------------------------------------------

WRONG: dict[str, Any] = {
    "image": SCENE,
    "bands": ["B3", "B99", 5],
    "region": [1, 2, 3],
    "scale": "x",
    "dimensions": "10x",
    "crs": 4326,
    "format": "TIFF",
    "regoin": 1,
    "name": "n" * 300,
    "compressionLevel": -1,
    "clipToRegion": True,
}
"""Forms that are none, values that the rules of the schema refuse, and a band that the image lacks."""

MISFITS = {
    "bands[2]": "has to be a name, or an object with id, crs, crs_transform, dimensions, scale, resampling, got 5",
    "region": "has to be [west, south, east, north], a list of points, GeoJSON, or an object with bounding_box, "
    "geojson, crs, edges, got a list of 3",
    "scale": "has to be a number, got 'x'",
    "dimensions": "has to be one whole number or two, width and height, such as 100 or 100x50, got '10x'",
    "crs": "has to be a code such as EPSG:32610, WKT or PROJJSON, got 4326",
    "format": "has to be one of FORMAT_ZIPPED_GEO_TIFF, FORMAT_ZIPPED_GEO_TIFF_PER_BAND, FORMAT_GEO_TIFF, FORMAT_NPY, "
    "FORMAT_PNG, FORMAT_JPEG, got 'TIFF'",
    "regoin": "there is no such field; did you mean region?",
}


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("forms")
    with served(Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=folder / "state")) as running:
        yield running


def post(server: Served, target: str, document: Mapping[str, Any]) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        connection.request("POST", target, json.dumps(document), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def violations(server: Served, document: Mapping[str, Any]) -> dict[str, str]:
    status, answer = post(server, "/v1/downloads:plan", document)
    assert status == 400
    return {violation["field"]: violation["description"] for violation in answer["error"]["violations"]}


def test_a_body_is_refused_for_all_that_is_wrong_at_once(server: Served) -> None:
    refused = violations(server, WRONG)
    assert {field: refused[field] for field in MISFITS} == MISFITS
    # the rules and the image refuse too; what lacks the region because it was not read is not told
    assert refused.keys() - MISFITS.keys() == {"name", "compression_level", "bands[1].id"}


def test_the_dictionary_is_refused_in_the_same_words(server: Served) -> None:
    with pytest.raises(InvalidParams) as caught:
        to_message(WRONG)
    assert {violation.field: violation.description for violation in caught.value.violations} == MISFITS


@every(
    ("document", "fields"),
    [
        # what is absent since it could not be read is not asked for
        ({"image": 5, "scale": -1}, {"image", "scale"}),
        ({"image": SCENE, "crs": 5, "crsTransform": MATRIX}, {"crs"}),
        ({"image": SCENE, "compression": "zst", "compressionLevel": 20}, {"compression"}),
        ({"image": SCENE, "clip_to_region": True, "regoin": [1, 2, 3, 4]}, {"regoin"}),
        (
            {"image": SCENE, "region": {"boundingBox": {"west": 1, "south": 2, "east": 3, "north": "x"}}, "scale": 0},
            {"region.bounding_box.north", "scale"},
        ),
        ({"expression": {"result": "0"}, "scale": 0}, {"expression", "scale"}),
        ({"expression": "{", "scale": 0}, {"expression", "scale"}),
        ({"expression": GRAPH, "scale": "x", "name": "n" * 300}, {"scale", "name"}),
        ({"mosaic": {"images": ["a"], "composite": "x"}, "scale": 0}, {"mosaic.composite", "scale"}),
        ({"image": SCENE, "bands": [{"id": 5, "crs": "nonsense"}]}, {"bands[0].id", "bands[0].crs"}),
        # and what is absent for another reason is
        ({"scale": "x"}, {"scale", "image"}),
        ({"image": SCENE, "scale": "x", "clip_to_region": True}, {"scale", "clip_to_region"}),
    ],
)
def test_a_field_that_could_not_be_read_is_told_of_once(
    server: Served, document: dict[str, Any], fields: set[str]
) -> None:
    assert violations(server, document).keys() == fields


def test_a_request_in_short_forms_is_planned_as_the_message_is(server: Served) -> None:
    short = {
        "image": SCENE,
        "bands": ["B3"],
        "region": [-122.08, 37.04, -122.07, 37.05],
        "dimensions": 100,
        "format": "npy",
    }
    status, answer = post(server, "/v1/downloads:plan", short)
    assert status == 200
    with Client(server.address) as client:
        assert answer["plan"] == json_format.MessageToDict(client.plan(short))
