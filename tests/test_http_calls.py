"""The calls of the schema over HTTP: the answers of gRPC as JSON, and a document that describes them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from asking import ask
from cases import every
from effort import HANG
from images import SCENE
from rasterwire.export.settings import DestinationSettings, ExportSettings
from rasterwire.server.http.routes import ROUTES, SERVICES
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2, download_pb2, download_service_pb2
from serving import Served, refusal, served

PARAMS: dict[str, Any] = {"image": SCENE, "bands": [{"id": "B3"}], "scale": 60, "format": "FORMAT_NPY"}
JSON = {"Content-Type": "application/json"}
COMPOSITE = "all of the spring"


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("calls")
    shutil.copytree(demo_catalog, folder / "catalog")
    source = next((folder / "catalog").rglob("*.tif"))
    (folder / "catalog" / f"{COMPOSITE}.tif").write_bytes(source.read_bytes())
    export = ExportSettings((DestinationSettings("results", str(folder / "results")),))
    settings = Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "state", export=export)
    with served(settings) as running:
        yield running


def get(server: Served, target: str) -> tuple[int, Any]:
    status, headers, body = ask(server, "GET", target)
    assert headers["Content-Type"].startswith("application/json")
    return status, json.loads(body)


def plain(message: Message) -> Any:
    """Return the JSON of a message, as protobuf itself makes it."""
    return json_format.MessageToDict(message)


def test_every_call_with_one_answer_has_a_route() -> None:
    calls = {call.name for service in SERVICES for call in service.methods if not call.server_streaming}
    assert {route.call for route in ROUTES} == calls


def test_limits_are_those_of_grpc(server: Served) -> None:
    expected = server.downloads.GetLimits(download_service_pb2.GetLimitsRequest(), timeout=HANG)
    assert get(server, "/v1/limits") == (200, plain(expected))


@every(
    ("query", "request_"),
    [
        ("", {}),
        ("?pageSize=1", {"page_size": 1}),
        ("?page_size=1&prefix=COPER", {"page_size": 1, "prefix": "COPER"}),
        ("?prefix=all%20of", {"prefix": "all of"}),
        ("?prefix=nothing", {"prefix": "nothing"}),
    ],
)
def test_images_are_listed_as_by_grpc(server: Served, query: str, request_: dict[str, Any]) -> None:
    expected = server.catalog.ListImages(catalog_service_pb2.ListImagesRequest(**request_), timeout=HANG)
    assert get(server, "/v1/images" + query) == (200, plain(expected))


def test_pages_lead_to_the_last_image(server: Served) -> None:
    ids, token = [], ""
    while True:
        status, page = get(server, f"/v1/images?pageSize=1&pageToken={quote(token)}")
        assert status == 200
        ids += [image["id"] for image in page["images"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert ids == sorted({SCENE, COMPOSITE})


@every("image", [SCENE, COMPOSITE])
def test_an_image_is_that_of_grpc_its_slashes_escaped_or_not(server: Served, image: str) -> None:
    expected = server.catalog.GetImage(catalog_service_pb2.GetImageRequest(id=image), timeout=HANG)
    for escaped in (quote(image), quote(image, safe="")):
        assert get(server, f"/v1/images/{escaped}") == (200, plain(expected))


def test_plans_are_those_of_grpc(server: Served) -> None:
    params = json_format.ParseDict(PARAMS, download_pb2.DownloadParams())
    expected = server.downloads.PlanDownload(download_service_pb2.PlanDownloadRequest(params=params), timeout=HANG)
    status, _, body = ask(server, "POST", "/v1/downloads:plan", json.dumps(PARAMS).encode(), JSON)
    assert (status, json.loads(body)) == (200, plain(expected))


def test_a_download_created_by_json_is_the_one_that_grpc_knows(server: Served) -> None:
    params = PARAMS | {"requestId": "a3b1d3d0-9a5f-4e56-8f8a-0c2f6f1b2c3d"}
    status, _, body = ask(server, "POST", "/v1/downloads", json.dumps(params).encode(), JSON)
    expected = server.create(json_format.ParseDict(params, download_pb2.DownloadParams()))
    assert (status, json.loads(body)) == (200, plain(expected))


@every(
    ("target", "fields"),
    [
        ("/v1/images?pageSize=x&prefx=a", {"page_size": "VALUE_UNFIT", "prefx": "FIELD_UNKNOWN"}),
        ("/v1/images?pageSize=-1&nope=1", {"page_size": "INT32_GTE_LTE", "nope": "FIELD_UNKNOWN"}),
        ("/v1/images?pageSize=1&pageSize=2", {"pageSize": "GIVEN_TWICE"}),
        ("/v1/images?pageSize=1&page_size=2", {"page_size": "GIVEN_TWICE"}),
        ("/v1/images?pageToken=!", {"page_token": "PAGE_TOKEN_UNKNOWN"}),
        ("/v1/images/a?id=b", {"id": "GIVEN_TWICE"}),
        ("/v1/images/a?view=full", {"view": "FIELD_UNKNOWN"}),
        ("/v1/images/" + "a" * 5000, {"id": "STRING_MAX_LEN"}),
        ("/v1/limits?pageSize=1", {"pageSize": "FIELD_UNKNOWN"}),
    ],
)
def test_an_address_is_refused_for_all_that_is_wrong_at_once(
    server: Served, target: str, fields: dict[str, str]
) -> None:
    status, answer = get(server, target)
    assert status == 400
    assert {violation["field"]: violation["reason"] for violation in answer["error"]["violations"]} == fields


def test_an_unknown_image_is_not_found_as_by_grpc(server: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.catalog.GetImage(catalog_service_pb2.GetImageRequest(id="no/such"), timeout=HANG)
    expected = refusal(caught.value)
    status, answer = get(server, "/v1/images/no/such")
    assert (status, answer["error"]["message"], answer["error"]["reason"]) == (404, expected.message, expected.reason)


# -- the document ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(server: Served) -> dict[str, Any]:
    status, document = get(server, "/openapi.json")
    assert status == 200
    assert isinstance(document, dict)
    return document


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_is_described(document: dict[str, Any]) -> None:
    operations = {
        (path, method): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {(route.path, route.method.lower()): route.call for route in ROUTES}.items() <= operations.items()
    assert operations["/v1/downloads/{id}:getPixels", "get"] == "GetPixels"
    assert operations["/v1/downloads/{id}/tiles/{z}/{x}/{y}", "get"] == "GetTile"


def test_all_messages_fields_and_values_have_a_description(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"DownloadParams", "DownloadPlan", "ImageInfo", "Format"} <= schemas.keys()
    for name, schema in schemas.items():
        assert schema["description"], name
        for member, field in schema.get("properties", {}).items():
            assert field["description"], (name, member)


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_every_answer_is_as_the_document_says(server: Served, document: dict[str, Any]) -> None:
    answers = {
        ("/v1/limits", "get"): get(server, "/v1/limits"),
        ("/v1/images", "get"): get(server, "/v1/images?pageSize=1"),
        ("/v1/images/{id}", "get"): get(server, f"/v1/images/{SCENE}"),
        ("/v1/images/{image}:histogram", "get"): get(server, f"/v1/images/{SCENE}:histogram?bands=B3,B4&buckets=5"),
    }
    for path in ("/v1/downloads", "/v1/downloads:plan"):
        status, _, body = ask(server, "POST", path, json.dumps(PARAMS).encode(), JSON)
        answers[path, "post"] = status, json.loads(body)
    name = answers["/v1/downloads", "post"][1]["downloadId"]["name"]
    target = f"/v1/{name}?token={answers['/v1/downloads', 'post'][1]['downloadId']['token']}"
    answers["/v1/downloads", "get"] = get(server, "/v1/downloads?pageSize=1")
    answers["/v1/downloads/{name}", "get"] = get(server, target)
    for path, method, asked in (
        ("/v1/downloads/{name}:prepare", "POST", target.replace("?", ":prepare?")),
        ("/v1/downloads/{name}", "DELETE", target),
    ):
        status, _, body = ask(server, method, asked)
        answers[path, method.lower()] = status, json.loads(body)
    body = json.dumps({"download": {"image": SCENE, "bands": ["B3"]}, "destination": "results"}).encode()
    status, _, begun = ask(server, "POST", "/v1/exports", body, JSON)
    answers["/v1/exports", "post"] = status, json.loads(begun)
    target = f"/v1/{json.loads(begun)['export']['name']}"
    answers["/v1/exports", "get"] = get(server, "/v1/exports")
    answers["/v1/exports/{name}", "get"] = get(server, target)
    status, _, body = ask(server, "POST", f"{target}:cancel")
    answers["/v1/exports/{name}:cancel", "post"] = status, json.loads(body)
    assert answers.keys() == {(route.path, route.method.lower()) for route in ROUTES}
    for (path, method), (status, answer) in answers.items():
        schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
        validator(document, schema).validate(answer)
        assert status == 200
        # and names every member of it, which a schema without bounds would not show
        name = schema["$ref"].rpartition("/")[2]
        assert answer.keys() <= document["components"]["schemas"][name]["properties"].keys()
    error = document["components"]["responses"]["Error"]["content"]["application/json"]["schema"]
    validator(document, error).validate(get(server, "/v1/images?pageSize=x")[1])


def test_forms_of_a_request_fit_the_document_and_others_do_not(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/downloads"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    valid = validator(document, body)
    valid.validate({"image": "a", "bands": ["B3", {"id": "B4"}], "region": [1, 2, 3, 4], "dimensions": 100})
    valid.validate({"image": "a", "bands": "B3,B4", "region": {"type": "Point"}, "format": "NPY", "scale": "1e1"})
    valid.validate({"mosaic": {"images": ["a"], "composite": "MEDIAN"}, "crsTransform": "1,0,0,0,1,0"})
    wrong: dict[str, Any]
    for wrong in ({"bands": 5}, {"bands": [5]}, {"region": 5}, {"format": "TIFF"}, {"scale": True}, {"dimensions": {}}):
        assert not valid.is_valid(wrong), wrong


def test_members_of_schemas_are_those_of_the_messages(document: dict[str, Any]) -> None:
    for service in SERVICES:
        for call in service.methods:
            if call.server_streaming:
                continue
            answer = document["components"]["schemas"][call.output_type.name]
            assert list(answer["properties"]) == [field.json_name for field in call.output_type.fields]
