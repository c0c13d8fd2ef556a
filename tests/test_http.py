"""The HTTP door: the same bytes and errors as gRPC, and ranges as in RFC 9110."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.protobuf import json_format

from effort import HANG
from images import SCENE
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import Served, served

PARAMS = {
    "image": SCENE,
    "bands": [{"id": "B3"}, {"id": "B8"}, {"id": "B11"}],
    "region": {"boundingBox": {"west": -122.0859, "south": 37.0436, "east": -122.0626, "north": 37.0586}},
    "scale": 20,
    "format": "FORMAT_NPY",
}


@pytest.fixture(scope="module")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("http")
    with served(Settings(demo_catalog, grpc_port=0, http_port=0, state_dir=folder / "state")) as service:
        yield service


Answer = tuple[int, dict[str, str], bytes]


def ask(
    server: Served, method: str, target: str, headers: dict[str, str] | None = None, body: str | None = None
) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, target, body, kind | (headers or {}))
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def made(server: Served, **fields: object) -> tuple[str, bytes]:
    """Return the path of a new download's url, and its bytes as gRPC gives them."""
    answer = server.create(json_format.ParseDict(PARAMS | fields, download_pb2.DownloadParams()))
    parts = urlsplit(answer.download_id.url)
    return f"{parts.path}?{parts.query}", server.read(answer.download_id)


def test_the_url_gives_the_same_bytes(server: Served) -> None:
    path, data = made(server)
    status, headers, body = ask(server, "GET", path)
    assert (status, body) == (200, data)
    assert headers["Content-Length"] == str(len(data))
    assert headers["Content-Type"] == "application/octet-stream"
    assert "20210109T185751_20210109T185931_T10SEG.npy" in headers["Content-Disposition"]
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"].startswith('"')


def test_the_first_get_renders(server: Served) -> None:
    answer = server.create(json_format.ParseDict(PARAMS | {"scale": 33}, download_pb2.DownloadParams()))
    parts = urlsplit(answer.download_id.url)
    path = f"{parts.path}?{parts.query}"
    status, headers, body = ask(server, "HEAD", path)
    assert (status, body, headers.get("Content-Length")) == (200, b"", None)  # not known yet
    assert ask(server, "GET", path)[2] == server.read(answer.download_id)
    assert ask(server, "HEAD", path)[1]["Content-Length"] == str(answer.plan.estimated_bytes)


@pytest.mark.parametrize(
    ("byte_range", "first", "end"),
    [
        pytest.param("bytes=0-9", 0, 10, id="first-ten"),
        pytest.param("bytes=100-", 100, None, id="from-100"),
        pytest.param("bytes=-7", -7, None, id="last-seven"),
        pytest.param("bytes=5-99999999", 5, None, id="beyond-the-end"),
        pytest.param("bytes=-99999999", 0, None, id="more-than-all"),
        pytest.param("BYTES=0-0", 0, 1, id="upper-case"),
    ],
)
def test_a_range_is_answered_with_its_part(server: Served, byte_range: str, first: int, end: int | None) -> None:
    path, data = made(server)
    status, headers, body = ask(server, "GET", path, {"Range": byte_range})
    assert (status, body) == (206, data[first:end])
    start = first % len(data)
    assert headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(data)}"


@pytest.mark.parametrize("byte_range", ["bytes=54372-", "bytes=99999999-", "bytes=-0"])
def test_a_range_outside_the_file_is_refused_with_its_size(server: Served, byte_range: str) -> None:
    path, data = made(server)
    status, headers, body = ask(server, "GET", path, {"Range": byte_range})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    assert json.loads(body)["error"]["status"] == "OUT_OF_RANGE"


@pytest.mark.parametrize("byte_range", ["lines=0-9", "bytes=a-b", "bytes=-", "bytes=5-1", "bytes=0-1,3-4", ""])
def test_a_range_that_is_none_is_answered_with_all(server: Served, byte_range: str) -> None:
    path, data = made(server)
    assert ask(server, "GET", path, {"Range": byte_range})[::2] == (200, data)


def test_conditions_on_the_etag(server: Served) -> None:
    path, data = made(server)
    etag = ask(server, "HEAD", path)[1]["ETag"]
    assert ask(server, "GET", path, {"If-None-Match": etag})[::2] == (304, b"")
    assert ask(server, "GET", path, {"Range": "bytes=0-4", "If-Range": etag})[0] == 206
    assert ask(server, "GET", path, {"Range": "bytes=0-4", "If-Range": '"other"'})[::2] == (200, data)


def test_another_etag_than_the_one_that_is_meant_is_refused(server: Served) -> None:
    target, data = made(server)
    etag = ask(server, "HEAD", target)[1]["ETag"]
    assert ask(server, "GET", target, {"If-Match": f'"x", {etag}'})[::2] == (200, data)
    status, _, body = ask(server, "GET", target, {"If-Match": '"x"', "Range": "bytes=10-"})
    assert status == 412
    assert json.loads(body)["error"]["status"] == "FAILED_PRECONDITION"
    assert etag in json.loads(body)["error"]["message"]


def test_unknown_ids_and_wrong_tokens_look_the_same(server: Served) -> None:
    path, _ = made(server)
    answers = [
        ask(server, "GET", target, {"X-Request-Id": "a"})
        for target in (path + "x", path.split("?")[0], "/v1/downloads/ab:getPixels?token=x")
    ]
    assert {status for status, _, _ in answers} == {404}
    assert len({body for _, _, body in answers}) == 1
    assert json.loads(answers[0][2])["error"]["reason"] == "DOWNLOAD_NOT_FOUND"


def test_requests_are_taken_as_json(server: Served) -> None:
    status, _, body = ask(server, "POST", "/v1/downloads", body=json.dumps(PARAMS))
    assert status == 200
    parts = urlsplit(json.loads(body)["downloadId"]["url"])
    assert ask(server, "GET", f"{parts.path}?{parts.query}")[2] == made(server)[1]
    status, _, body = ask(server, "POST", "/v1/downloads:plan", body=json.dumps(PARAMS))
    assert json.loads(body)["plan"]["rasters"][0]["grid"]["width"] == "105"


def test_refusals_are_the_same_as_json(server: Served) -> None:
    bad = PARAMS | {"scale": -1, "bands": [{"id": "nope"}]}
    status, headers, body = ask(server, "POST", "/v1/downloads", body=json.dumps(bad))
    error = json.loads(body)["error"]
    assert (status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert headers["Content-Type"].startswith("application/json")
    assert {v["field"]: v["reason"] for v in error["violations"]} == {
        "scale": "DOUBLE_GT",
        "bands[0].id": "BAND_NOT_FOUND",
    }


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"image": 5}', '{"nope": 1}', "[" * 5000, '{"scale": "x"}'])
def test_bodies_that_are_no_params_are_refused(server: Served, body: str) -> None:
    status, _, answer = ask(server, "POST", "/v1/downloads", body=body)
    assert (status, json.loads(answer)["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [("GET", "/nope", 404), ("DELETE", "/v1/downloads", 405), ("GET", "/v1/downloads/..%2f:getPixels", 404)],
)
def test_other_paths_and_methods_are_refused_as_json(server: Served, method: str, target: str, code: int) -> None:
    status, _, body = ask(server, method, target)
    assert (status, json.loads(body)["error"]["code"]) == (code, code)


def test_health(server: Served, tmp_path: Path) -> None:
    assert ask(server, "GET", "/healthz")[0] == 200
