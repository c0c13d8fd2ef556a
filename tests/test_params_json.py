"""Parameters as JSON: errors name every field that does not fit the schema, and the expected form."""

from typing import Any

import pytest

from cases import every
from rasterwire.errors import InvalidExpression, InvalidRequest
from rasterwire.expression.language.graph import MAX_MEMBERS, read_graph
from rasterwire.server.messages.expression import write_graph
from rasterwire.server.messages.parsed_request import read_request
from rasterwire.server.web.body import read_json
from rasterwire.v1 import download_pb2, expression_pb2


def told(document: dict[str, Any]) -> list[str]:
    return [str(violation) for violation in read_request(document).misfits]


def read(document: dict[str, Any]) -> download_pb2.DownloadParams:
    request = read_request(document)
    assert request.misfits == ()
    return request.message()


def query(**fields: Any) -> dict[str, Any]:
    return {"mosaic": {"query": fields}}


@every(
    ("document", "message"),
    [
        ({"scale": "x"}, "scale: has to be a number, got 'x'"),
        ({"scale": True}, "scale: has to be a number, got true"),
        ({"strict": "yes"}, "strict: has to be true or false, got 'yes'"),
        ({"image": 5}, "image: has to be a text, got 5"),
        ({"dimensions": [1.5]}, "dimensions[0]: has to be a whole number of 32 bits, got 1.5"),
        ({"dimensions": [1 << 40]}, "dimensions[0]: has to be a whole number of 32 bits, got 1099511627776"),
        ({"dimensions": {}}, "dimensions: has to be one whole number or two, width and height, such as 100 or 100x50"),
        ({"dimensions": "10x"}, "dimensions: has to be one whole number or two, "),
        ({"dimensions": [1, 2, 3]}, "dimensions: has to be one whole number or two, "),
        ({"crsTransform": [1, 2]}, "crs_transform: has to be six numbers, row-major: [xScale, "),
        ({"crsTransform": "1,2,3,4,5,6" + "0" * 2000}, "crs_transform: has to be six numbers, row-major: "),
        ({"dimensions": "5" + " " * 2000 + "!"}, "dimensions: has to be one whole number or two, "),
        ({"bands": "a," * 10_000}, "bands: must contain no more than 10000 items, got 10001"),
        ({"mosaic": {"images": ["a"] * 10_001}}, "mosaic.images.ids: must contain no more than 10000 items, got 10001"),
        ({"region": "[" * 9000}, "region: has to be [west, south, east, north], "),
        ({"region": {"boundingBox": [1] * 9000}}, "region.bounding_box: has to be [west, south, east, north], or an "),
        ({"crs": 5}, "crs: has to be a code such as EPSG:32610, WKT or PROJJSON, got 5"),
        ({"scale": "1_0"}, "scale: has to be a number, got '1_0'"),
        ({"mask": 1 << 40}, "mask: has to be one of MASK_NODATA, "),
        ({"crsTransform": [1, None]}, "crs_transform[1]: has to be a number, got null"),
        ({"mask": "x"}, "mask: has to be one of MASK_NODATA, "),
        ({"scal": 5}, "scal: there is no such field; did you mean scale?"),
        ({"x" * 1000: 5}, f"{'x' * 60}: there is no such field; there are image, expression, mosaic, "),
        (
            {"scale": 1, "bands": [{"id": "a", "scale": 1, "crss": 5}]},
            "bands[0].crss: there is no such field; did you ",
        ),
        ({"crsTransform": [], "crs_transform": []}, "crs_transform: is given twice; give it once"),
        ({"image": "a", "mosaic": {}}, "mosaic: is given together with image; give one of image, expression, mosaic"),
        (
            {"region": [1, 2, 3]},
            "region: has to be [west, south, east, north], a list of points, GeoJSON, or an object with bounding_box, ",
        ),
        (
            {"bands": ["red", 5]},
            "bands[1]: has to be a name, or an object with id, crs, crs_transform, dimensions, scale, resampling, g",
        ),
        (
            query(startTime="2021-01-01"),
            "mosaic.query.start_time: has to be a time such as 2021-01-03T00:00:00Z, got '2",
        ),
        (query(filters=[{"number": "x"}]), "mosaic.query.filters[0].number: has to be a number, got 'x'"),
        (
            query(filters=[{"comparison": "lesser"}]),
            "mosaic.query.filters[0].comparison: has to be one of COMPARISON_EQ",
        ),
        ({"expression": 5}, "expression: an expression is an object with 'result' and 'values'"),
        ({"expression": {"result": "0", "values": {}}}, "expression: value '0' is referred to, but is not in 'values'"),
    ],
)
def test_a_field_that_does_not_fit_is_told_with_its_path(document: dict[str, Any], message: str) -> None:
    (only,) = told(document)
    assert only.startswith(message)


def test_all_of_them_are_told_at_once() -> None:
    wrong = {"image": 1, "scale": "x", "bands": [{"id": 2}, {"nope": 3}], "region": {"boundingBox": {"west": "w"}}}
    fields = [line.split(":")[0] for line in told(wrong)]
    assert fields == ["image", "scale", "bands[0].id", "bands[1].nope", "region.bounding_box.west"]


def test_of_very_many_the_first_hundred_are_told() -> None:
    assert len(told({"bands": [5] * 9000})) == 100
    assert len(told({f"field{index}": 5 for index in range(9000)})) == 100
    assert told({"bands": [5] * 100_000}) == ["bands: must contain no more than 10000 items, got 100000"]


def test_numbers_may_be_texts_as_json_of_protobuf_has_them() -> None:
    params = read({"scale": "1e1", "dimensions": ["5", 6.0], "nodata": "NaN", "image": None, "mask": 1})
    assert (params.scale, list(params.dimensions), params.nodata != params.nodata) == (10.0, [5, 6], True)


def test_an_expression_keeps_what_its_result_needs() -> None:
    expression = expression_pb2.Expression()
    document = {
        "result": "0",
        "values": {
            "0": {
                "constantValue": 1,
            },
            "1": {"nonsense": 5},
        },
    }
    write_graph(read_graph(document, as_message=True), expression)
    assert list(expression.values) == ["0"]
    params = read({"expression": document, "scale": 5})
    assert params.WhichOneof("source") == "expression"
    assert params.expression == expression


def test_values_that_nest_deeper_than_protobuf_reads_are_refused() -> None:
    deep: Any = {"constantValue": 1}
    for _ in range(60):
        deep = {"arrayValue": {"values": [deep]}}
    document = {"result": "0", "values": {"0": deep}}
    with pytest.raises(InvalidExpression, match="nested too deeply"):
        write_graph(read_graph(document, as_message=True), expression_pb2.Expression())


@every(
    ("body", "message"),
    [
        (b'{"image":"a0",', "at line 1, column 15: "),
        (b"", "at line 1, column 1: "),
        (b"\xff\xfe", "at line 1, column 1: "),
        (b'{"a": "\\ud800"}', "at line 1, column 8: "),
        (b'{"a": NaN}', "at line 1, column 7: "),
        (b'{"a": 1e999}', "at line 1, column 7: "),
        (b"[" * 100_000, "at line 1, column 1026: "),
    ],
)
def test_a_body_that_is_not_json_is_told_where(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_json(body)
    assert str(caught.value).startswith(f"the body is not JSON in UTF-8 {message}")


@every("member", [b"1", b"[]", b'{"a":1}'])
def test_a_body_has_a_limit_of_values(member: bytes) -> None:
    count = 1 if member == b"1" else 2  # its brackets count too
    fits = MAX_MEMBERS // count - 4
    assert len(read_json(b'{"a":[' + b",".join([member] * fits) + b"]}")["a"]) == fits
    with pytest.raises(InvalidRequest, match="a body of more than 320000 values is too large"):
        read_json(b'{"a":[' + b",".join([member] * (fits + 4)) + b"]}")


def test_a_body_is_an_object_in_any_form_that_json_has() -> None:
    with pytest.raises(InvalidRequest, match="the body is no JSON object"):
        read_json(b"[]")
    assert read_json(b'\xef\xbb\xbf{"a": 18446744073709551616}') == {"a": 2.0**64}


def test_a_message_of_the_schema_is_as_protobuf_reads_it() -> None:
    params = read({"mosaic": {"images": {"ids": ["a"]}, "composite": "COMPOSITE_MEDIAN"}})
    assert params.mosaic.composite == download_pb2.COMPOSITE_MEDIAN
