"""The doors of Earth Engine's API under attack: whatever comes in, JSON comes out, and the server never fails."""

import contextlib
import gzip
import http.client
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
import orjson
import pytest
import rasterio
from affine import Affine

from effort import HANG, Effort, effort, effort_of_new_threads
from graphs import argument, call, call_node, constant_node, function, graph, load
from rasterwire import budget
from rasterwire.budget import Budget
from rasterwire.errors import RenderCancelled
from rasterwire.server import evaluations
from rasterwire.server.earth_engine.asset_filter import asset_filter
from rasterwire.server.settings import Settings
from rasterwire.server.web import body
from serving import Served, served

pytestmark = pytest.mark.slow

P = "/v1/projects/my-project"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("doors")
    for index in range(3):
        path = folder / "coll" / f"a{index}" / "b.tif"
        path.parent.mkdir(parents=True)
        profile = {"width": 40, "height": 30, "count": 2, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0}
        place = Affine(10, 0, 500_000 + 100 * index, 0, -10, 4_600_000)
        with rasterio.open(path, "w", "GTiff", transform=place, **profile) as file:
            file.write(np.arange(1, 2401, dtype="uint16").reshape(2, 30, 40))
    return folder


@pytest.fixture(scope="module")
def server(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("state")
    with served(Settings(catalog, grpc_port=0, http_port=0, state_dir=state)) as service:
        yield service


@pytest.fixture(scope="module")
def counted_server(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Effort]]:
    """A server of the same catalog, whose work is counted."""
    with effort_of_new_threads() as counted:
        settings = Settings(catalog, grpc_port=0, http_port=0, state_dir=tmp_path_factory.mktemp("state"))
        with served(settings) as service:
            yield service, counted


Answer = tuple[int, dict[str, str], bytes]


def ask(
    server: Served, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(server.http).netloc, timeout=HANG)
    try:
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, target, body, kind | (headers or {}))
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def post(server: Served, target: str, document: Any) -> tuple[int, Any]:
    status, headers, body = ask(server, "POST", P + target, json.dumps(document).encode())
    if headers["Content-Type"].startswith("application/json"):
        return status, json.loads(body)
    return status, body


def refused(answer: Answer, status: int) -> str:
    """Return the message of an error, which has to be one sentence of JSON."""
    answer_status, headers, body = answer
    assert answer_status == status, body[:300]
    assert headers["Content-Type"].startswith("application/json")
    error = json.loads(body)["error"]
    assert error["code"] == status
    assert error["status"].isupper()
    message = error["message"]
    assert isinstance(message, str)
    assert message
    assert len(message) <= 1000
    assert "/tmp" not in message
    assert "Traceback" not in message
    return message


LOADED = graph(load("coll/a0"))
GRID = {
    "dimensions": {"width": 4, "height": 3},
    "crsCode": "EPSG:32633",
    "affineTransform": {"scaleX": 10, "translateX": 500_000, "scaleY": -10, "translateY": 4_600_000},
}
BODY = {"expression": LOADED, "fileFormat": "NPY", "grid": GRID}
MEMBERS = ["expression", "fileFormat", "grid", "bandIds", "visualizationOptions", "filenamePrefix", "region"]
WRONG: list[Any] = [
    0,
    1,
    -1,
    1e308,
    True,
    False,
    "",
    "x",
    "\x00",
    [],
    [[]],
    [1],
    [None],
    {},
    {"a": 1},
    {"values": []},
    {"values": {}},
    {"result": 1, "values": {}},
    {"dimensions": [1, 2]},
    {"dimensions": {"width": "a"}},
    {"dimensions": {"width": -1, "height": 5}},
    {"dimensions": {"width": True, "height": 5}},
    {"dimensions": {"width": 2.5, "height": 5}},
    {"dimensions": {"width": "\uff11\uff12", "height": 5}},
    {"dimensions": [4, 3]},
    {"dimensions": {"width": 10**400, "height": 1e308}},
    {"affineTransform": 1},
    {"affineTransform": {"scaleX": {}}},
    {"affineTransform": {"scaleX": 10**400}},
    {"affineTransform": {}},
    {"crsCode": 5},
    {"crsCode": {"a": []}},
    {"crsWkt": "PROJCS["},
    {"ranges": 1},
    {"ranges": [1]},
    {"ranges": [{"min": "a"}]},
    {"ranges": {"min": 1}},
    {"paletteColors": 5},
    {"paletteColors": [{}]},
    {"gamma": 0},
    {"gamma": {"value": -1}},
    {"gamma": {"value": []}},
    {"opacity": "x"},
    {"type": "Polygon"},
    {"type": "Polygon", "coordinates": [[["a"]]]},
    {"type": []},
    [[[[[[[[]]]]]]]],
    "x" * 100_000,
]


def test_the_body_that_the_others_are_made_of_is_served(server: Served) -> None:
    assert post(server, "/image:computePixels", BODY)[0] == 200


@pytest.mark.parametrize(
    "door", ["/thumbnails", "/image:computePixels", "/maps", "/assets/coll/a0:getPixels", "/value:compute"]
)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_of_any_shape_is_served_or_refused(server: Served, door: str, member: str) -> None:
    for value in WRONG:
        status, headers, body = ask(server, "POST", P + door, json.dumps(BODY | {member: value}).encode())
        if status != 200:
            refused((status, headers, body), status)
            assert status in {400, 404}, (value, body[:300])


@pytest.mark.parametrize("door", ["/thumbnails", "/image:computePixels", "/maps", "/value:compute"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"null",
        b"1",
        b'"a"',
        b"{",
        b"\xff\xfe{}",
        b'{"expression": NaN}',
        b"[" * 100_000,
        b'{"expression": "\\ud800"}',
        b'{"expression":' + b'{"a":' * 5000,
        b"\x1f\x8b\x08",
        b'{"expression":null}',
        b'{"expression": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_body_that_is_no_request_is_refused(server: Served, door: str, body: bytes) -> None:
    refused(ask(server, "POST", P + door, body), 400)


def test_half_a_surrogate_is_no_text(server: Served) -> None:
    body = json.dumps({"expression": graph(call("String.length", string="\ud83d"))}).encode()
    assert "not JSON" in refused(ask(server, "POST", P + "/value:compute", body), 400)
    whole = json.dumps({"expression": graph(call("String.length", string="\U0001f600"))}).encode()
    assert json.loads(ask(server, "POST", P + "/value:compute", whole)[2]) == {"result": 1}


@pytest.mark.parametrize("door", ["/thumbnails", "/value:compute"])
@pytest.mark.parametrize("size", [(10 << 20) + 1, (11 << 20) + 1, 14 << 20])
def test_a_body_over_the_limit_is_refused_in_the_words_of_earth_engine(server: Served, door: str, size: int) -> None:
    message = refused(ask(server, "POST", P + door, b" " * size), 400)
    assert message == "Request payload size exceeds the limit: 10485760 bytes."


def test_a_body_that_is_large_once_it_is_inflated_is_refused(server: Served) -> None:
    body = gzip.compress(b" " * (30 << 20))
    answer = ask(server, "POST", P + "/value:compute", body, {"Content-Encoding": "gzip"})
    assert "exceeds the limit" in refused(answer, 400)


@pytest.mark.parametrize("door", [P + "/value:compute", "/v1/downloads"])
def test_a_body_in_a_coding_that_it_is_not_in_is_refused(server: Served, door: str) -> None:
    answer = ask(server, "POST", door, b'{"image": "a"}', {"Content-Encoding": "gzip"})
    assert refused(answer, 400) == "the body cannot be read as its headers say"


class Gate:
    """Holds up who calls a function until it is opened.

    Attributes:
        reached: set as soon as somebody is held up.
        open: lets all go on.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        owner: object,
        name: str,
        condition: Callable[..., bool] = lambda *_: True,
    ) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        original = getattr(owner, name)

        def gated(*arguments: Any) -> Any:
            if condition(*arguments):
                self.reached.set()
                assert self.open.wait(HANG)
            return original(*arguments)

        monkeypatch.setattr(owner, name, gated)


def test_ten_megabytes_of_a_graph_are_read_while_others_are_answered(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {str(index): {"constantValue": "x" * 300} for index in range(29_000)}
    expression = {"result": "0", "values": values | {"0": {"valueReference": "1"}}}
    body = json.dumps({"expression": expression}).encode()
    assert 8 << 20 < len(body) < 10 << 20
    answers: list[Answer] = []
    gates = [
        Gate(monkeypatch, orjson, "loads", lambda data: len(data) > 1 << 20),
        Gate(monkeypatch, evaluations, "read_graph"),
    ]
    sender = threading.Thread(target=lambda: answers.append(ask(server, "POST", P + "/value:compute", body)))
    sender.start()
    for gate in gates:  # each blocks its reader until the others have their answers
        assert gate.reached.wait(HANG)
        assert ask(server, "GET", "/healthz")[0] == 200
        gate.open.set()
    sender.join(HANG)
    assert json.loads(answers[0][2]) == {"result": "x" * 300}


LARGE_LIST = constant_node([[0]] * 150_000)
MEGABYTES: dict[str, tuple[Any, str]] = {
    "no JSON": (b"[" * (10 << 20), "a body of more than 320000 values is too large"),
    "a number list": ({"0": constant_node([1] * 3_000_000)}, "a body of more than 320000 values is too large"),
    "a long text": ({"0": constant_node("x" * 10_000_000)}, "The result"),
    "a cycle": (
        {str(index): {"valueReference": str((index + 1) % 29_000)} for index in range(29_000)},
        "refers to itself",
    ),
    "a missing one": (
        {str(index): {"valueReference": str(index + 1)} for index in range(29_000)},
        "is referred to, but is not",
    ),
    "nested lists": (
        {"0": call_node("Image.abs", value=LARGE_LIST)},
        "Image.abs: Parameter 'value' has to be of type Image",
    ),
    "many arguments": (
        {
            "0": {
                "functionInvocationValue": {
                    "functionName": "Image.abs",
                    "arguments": {f"a{index}": {"constantValue": 1} for index in range(29_000)},
                }
            }
        },
        "Image.abs: there is no parameter 'a0'",
    ),
}


@pytest.mark.parametrize("wrong", MEGABYTES)
@pytest.mark.parametrize("door", ["projects/p/value:compute", "projects/p/image:computePixels", "downloads"])
def test_megabytes_that_are_wrong_are_refused_soon_at_every_door(
    counted_server: tuple[Served, Effort], door: str, wrong: str
) -> None:
    server, counted = counted_server
    values, message = MEGABYTES[wrong]
    body = (
        values if isinstance(values, bytes) else json.dumps({"expression": {"result": "0", "values": values}}).encode()
    )
    before = counted.calls
    status, _, answer = ask(server, "POST", f"/v1/{door}", body)
    if wrong == "a long text" and door.endswith("value:compute"):
        assert status == 200
        return
    assert status == 400
    assert message.lower() in json.loads(answer)["error"]["message"].lower()
    assert counted.calls - before < 600_000  # twenty calls for each value of the largest body


# -- addresses and methods ---------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/", "//", "/a/proxy", "//a//b"])
def test_prefixes_and_double_slashes_lead_to_the_same_doors(server: Served, prefix: str) -> None:
    assert ask(server, "GET", f"{prefix}/v1/projects/my-project/algorithms")[0] == 200
    status, _, body = ask(server, "GET", f"{prefix}/$discovery/rest?version=v1")
    assert status == 200
    assert json.loads(body)["name"] == "earthengine"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/thumbnails", 405),
        ("GET", "/thumbnails", 405),
        ("GET", "/value:compute", 405),
        ("DELETE", "/assets/coll/a0", 405),
        ("PATCH", "/assets/coll/a0", 405),
        ("POST", "/algorithms", 405),
        ("POST", "/nothing", 404),
        ("GET", "/nothing/at/all", 404),
        ("GET", "/%00%0a%0d", 404),
        ("GET", "/assets/none", 404),
        ("GET", "/assets/none:listAssets", 404),
        ("GET", "/assets/col:listImages?pageSize=1&view=BASIC", 404),
        ("GET", "/assets/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/assets/../../../../etc/passwd", 404),
        ("GET", "/assets/a%00b", 404),
        ("GET", "/assets/coll/a0%0a", 404),
        ("GET", "/assets/" + "a" * 5000, 404),
    ],
)
def test_wrong_methods_and_addresses_are_refused(server: Served, method: str, path: str, status: int) -> None:
    answer = ask(server, method, P + path)
    refused(answer, status)
    if status == 405:
        assert answer[1]["Allow"]


def test_wrong_keys_of_thumbnails_look_all_alike(server: Served) -> None:
    status, answer = post(server, "/thumbnails", BODY)
    assert status == 200
    key, token = answer["name"].rsplit("/", 1)[1].split("-")
    assert ask(server, "GET", f"{P}/thumbnails/{key}-{token}:getPixels")[0] == 200
    unknown = "0" * 32
    wrong = [
        f"{key}-{unknown}",
        f"{unknown}-{token}",
        f"{unknown}-{unknown}",
        key,
        f"{key}-",
        f"-{token}",
        "",
        "x",
        f"{key}-{token}x",
        f"{key}-{token.upper() if token != token.upper() else unknown}",
        "%00",
        "é" * 3,
        f"{key}-{token}-{token}",
    ]
    assert len({refused(ask(server, "GET", f"{P}/thumbnails/{quote(k)}:getPixels"), 404) for k in wrong}) == 1
    assert len({refused(ask(server, "GET", f"{P}/maps/{quote(k)}/tiles/0/0/0"), 404) for k in wrong}) == 1


@pytest.mark.parametrize("tile", ["29/0/0", "0/0/1", "0/0/-1", "1/0/2", "99/1/1"])
def test_tiles_that_are_not_there_are_refused(server: Served, tile: str) -> None:
    status, answer = post(server, "/maps", {"expression": graph(call("Image.constant", value=7)), "fileFormat": "PNG"})
    assert status == 200
    refused(ask(server, "GET", f"/v1/{answer['name']}/tiles/{tile}"), 400)
    assert ask(server, "GET", f"/v1/{answer['name']}/tiles/1/-5/0")[0] == 200  # x goes around the earth


@pytest.mark.parametrize(
    "name",
    ['a"b', "a\r\nSet-Cookie: x=1", "../../etc/passwd", "a\x00b", "é" * 50, "x" * 500, "a;b=c", "a\\b", "\u202e", " "],
)
def test_a_filename_cannot_leave_its_header(server: Served, name: str) -> None:
    status, answer = post(server, "/thumbnails", BODY | {"filenamePrefix": name})
    if status != 200:
        assert status == 400
        return
    status, headers, _ = ask(server, "GET", f"/v1/{answer['name']}:getPixels")
    assert status == 200
    assert "Set-Cookie" not in headers
    disposition = headers["Content-Disposition"]
    assert disposition.count('"') == 2
    assert "/" not in disposition.split('"')[1]


# -- listings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "(",
        "a=",
        'startTime > "x"',
        "startTime > 5x",
        'intersects("")',
        "intersects(\"{'type':'Point'}\")",
        "intersects(\"{'type':'Polygon','coordinates':[]}\")",
        'intersects("[")',
        "AND",
        "AND AND",
        "a=1 OR b=2",
        "properties.X<1e",
        "properties.X<..",
        '"' * 1000,
        "\\" * 1000,
        "\x00",
        "a<" + "9" * 5000 + "..",
        'intersects("' + "[" * 50_000 + '")',
        "((((((",
        "é=1",
        "properties.\ufffd=1",
        "a=1 " * 30 + ";",
        "intersects(\"{'type':'GeometryCollection','geometries':[1]}\")",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(server: Served, text: str) -> None:
    body = urlencode({"filter": text}).encode()
    override = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    target = "/v1/projects/earthengine-public/assets/coll:listAssets"
    refused(ask(server, "POST", target, body, override), 400)
    if len(text) < 2000:
        refused(ask(server, "GET", f"{target}?{urlencode({'filter': text})}"), 400)


def test_a_filter_of_twenty_thousand_terms_takes_time_by_its_length(server: Served) -> None:
    text = " AND ".join(['properties.X<"1"'] * 20_000)
    override = {"X-HTTP-Method-Override": "get", "Content-Type": "application/x-www-form-urlencoded"}
    with effort() as counted:
        assert len(asset_filter(text).conditions) == 20_000
    assert counted.calls < 20_000 * 20
    target = "/v1/projects/earthengine-public/assets/coll:listAssets"
    status, _, body = ask(server, "POST", target, urlencode({"filter": text}).encode(), override)
    assert (status, json.loads(body)) == (200, {"assets": []})
    refused(ask(server, "POST", target, b"filter=" + b"a" * (2 << 20), override), 400)


@pytest.mark.parametrize(
    "query", ["pageSize=x", "pageSize=" + "9" * 5000, "pageSize=1.5", "pageSize=%00", "filter=%ff%fe", "filter=%"]
)
def test_a_listing_with_a_wrong_query_is_refused(server: Served, query: str) -> None:
    refused(ask(server, "GET", f"{P}/assets/coll:listAssets?{query}"), 400)


@pytest.mark.parametrize("query", ["pageSize=-5", "pageSize=0", "pageToken=%00", "pageToken=zzz", "view=x", "a=b"])
def test_a_listing_takes_what_it_can_of_a_query(server: Served, query: str) -> None:
    target = f"/v1/projects/earthengine-public/assets/coll:listAssets?{query}"
    assert ask(server, "GET", target)[0] == 200


# -- time --------------------------------------------------------------------------------------


def many_calls(count: int) -> dict[str, Any]:
    """Return a graph that calls a function ``count`` times, which takes a while."""
    increment = function("x", body=call("Number.add", left=argument("x"), right=1))
    numbers = call("List.sequence", start=1, end=count)
    return graph(call("List.size", list=call("List.map", list=numbers, baseAlgorithm=increment)))


def test_long_evaluations_hold_up_neither_downloads_nor_health(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, Budget, "call")
    senders = [
        threading.Thread(target=lambda door=door: post(server, door, {"expression": many_calls(300)}))
        for door in ["/value:compute", "/thumbnails"] * 6
    ]
    for sender in senders:
        sender.start()
    assert gate.reached.wait(HANG)
    for _ in range(5):
        assert ask(server, "GET", "/healthz")[0] == 200
        assert ask(server, "GET", P + "/assets/coll/a0")[0] == 200
    gate.open.set()
    for sender in senders:
        sender.join(HANG)
        assert not sender.is_alive()


def test_a_client_that_leaves_ends_its_evaluation(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()
    original = Budget.stop

    def stop(budget: Budget) -> None:
        original(budget)
        stopped.set()

    monkeypatch.setattr(Budget, "stop", stop)
    body = json.dumps({"expression": many_calls(400_000)}).encode()
    parts = urlsplit(server.http)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=HANG) as client:
        head = f"POST {P}/value:compute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        ask(server, "GET", "/healthz")
    assert stopped.wait(HANG)
    assert ask(server, "GET", "/healthz")[0] == 200


def test_a_list_that_looks_through_many_images_holds_up_no_other_and_ends_with_its_client(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = threading.Event()
    refusals: list[Exception] = []

    def list_for_ever(*_: object) -> None:
        listing.set()
        try:
            while True:
                budget.check()
        except Exception as error:
            refusals.append(error)
            raise
        finally:
            ended.release()

    ended = threading.Semaphore(0)
    monkeypatch.setattr("rasterwire.server.earth_engine.front.list_assets", list_for_ever)
    parts = urlsplit(server.http)
    places = (str(parts.hostname), int(parts.port or 0))
    with contextlib.ExitStack() as clients:
        for _ in range(9):  # more than there are threads for files
            client = clients.enter_context(socket.create_connection(places, timeout=HANG))
            client.sendall(f"GET {P}/assets/coll:listAssets HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert listing.wait(HANG)
        assert ask(server, "GET", P + "/assets/coll/a0")[0] == 200
    assert ended.acquire(timeout=HANG)
    assert isinstance(refusals[0], RenderCancelled)


def test_a_body_that_does_not_come_is_given_up(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "_SECONDS", 0.2)
    parts = urlsplit(server.http)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=HANG) as client:
        head = f"POST {P}/thumbnails HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        answer = client.recv(65536)
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            answer += client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["status"] == "DEADLINE_EXCEEDED"


def test_pixels_of_an_asset_are_shown_by_named_bands_within_a_region(server: Served) -> None:
    west, north = 15.0, 41.55
    ring = [[west, 41.5], [west + 0.01, 41.5], [west + 0.01, north], [west, north], [west, 41.5]]
    body = {
        "fileFormat": "PNG",
        "bandIds": band_names(server)[1:],
        "region": {"type": "Polygon", "coordinates": [ring]},
        "visualizationOptions": {"ranges": [{"min": 1201, "max": 2400}]},
    }
    status, picture = post(server, "/assets/coll/a0:getPixels", body)
    assert status == 200, picture
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_picture_without_options_is_of_values_that_are_cut_to_bytes(server: Served) -> None:
    values = call("Image.constant", value=[-3, 70.6, 9000])
    grid = {
        "dimensions": {"width": 2, "height": 3},
        "crsCode": "EPSG:4326",
        "affineTransform": {"scaleX": 1, "scaleY": 1},
    }
    body = {"expression": graph(values), "fileFormat": "PNG", "grid": grid}
    status, picture = post(server, "/image:computePixels", body)
    assert status == 200, picture
    with rasterio.open(io.BytesIO(picture)) as png:
        assert png.read()[:, 0, 0].tolist() == [0, 71, 255]


def band_names(server: Served) -> list[str]:
    asset = json.loads(ask(server, "GET", P + "/assets/coll/a0")[2])
    return [band["id"] for band in asset["bands"]]


def test_a_prefix_may_hold_a_version_of_its_own(server: Served) -> None:
    assert ask(server, "GET", f"/api/v1/rw{P}/algorithms")[0] == 200


@pytest.mark.parametrize("depth", [40, 49, 60, 150])
def test_a_constant_that_is_nested_deeply_is_served_or_refused(server: Served, depth: int) -> None:
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    image = graph(call("Element.set", object=load("coll/a0"), key="k", value=deep))
    status, answer = post(server, "/thumbnails", {"expression": image, "fileFormat": "NPY"})
    if depth > 40:
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert "nested too deeply" in answer["error"]["message"]
    else:
        assert ask(server, "GET", f"/v1/{answer['name']}:getPixels")[0] == 200


@pytest.mark.parametrize("door", ["/value:compute", "/image:computePixels", "/thumbnails"])
def test_a_graph_of_megabytes_is_refused_in_a_time_of_its_size(
    counted_server: tuple[Served, Effort], door: str
) -> None:
    server, counted = counted_server
    body = {"expression": graph(call("Image.abs", value={"a": [1.5] * 300_000})), "fileFormat": "NPY"}
    before = counted.calls
    status, answer = post(server, door, body)
    assert (status, counted.calls - before < 600_000) == (400, True)
    assert "has to be of type Image, and is a Dictionary." in answer["error"]["message"]
