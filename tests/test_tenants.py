"""A tenant knows of its own images and downloads alone, by every door."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from google.protobuf import json_format
from google.protobuf.message import Message

from asking import ask
from effort import HANG
from graphs import call, graph, load
from rasterwire.cli.refusals import refusal_lines
from rasterwire.client import Client
from rasterwire.client.errors import DownloadFailed
from rasterwire.expression.language.graph import read_graph
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings
from rasterwire.server.messages.parsed_request import with_graph
from rasterwire.server.process import app
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2, download_pb2, download_service_pb2
from serving import Served, refusal, served

P = "/v1/projects/p"
OWN, FOREIGN, UNKNOWN = "mine/one", "them/one", "them/nil"
"""Images by their ids: of the first tenant, of the second, of nobody. A collection is what stands before the slash."""


@dataclass(frozen=True, slots=True)
class World:
    """A server of two tenants.

    Attributes:
        server: that runs.
        keys: API keys by tenant.
        keys_file: of them.
    """

    server: Served
    keys: dict[str, str]
    keys_file: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("tenants")
    for number, name in enumerate(("mine/one", "mine/two", "them/one", "them/two")):
        path = folder / "catalog" / name / "b.tif"
        path.parent.mkdir(parents=True)
        profile = {"width": 8, "height": 6, "count": 1, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0}
        with rasterio.open(path, "w", "GTiff", transform=Affine(10, 0, 5e5, 0, -10, 4.6e6), **profile) as file:
            file.write(np.full((1, 6, 8), number + 1, dtype="uint16"))
    keys_file = folder / "keys"
    keys = {name: add_key(keys_file, name) for name in ("mine", "them", "gone")}
    settings = Settings(
        folder / "catalog",
        grpc_port=0,
        http_port=0,
        state_dir=folder / "state",
        auth=AuthSettings(keys_file),
        tenants=(TenantSettings("mine", ("mine",)), TenantSettings("them", ("them",))),
    )
    with served(settings) as server:
        yield World(server, keys, keys_file)


# -- calls, each answered by a text that can be compared ------------------------------------------


Call = Callable[[World, str, str], str]
"""Takes the world, a tenant and an image, and returns the answer, which begins with its status."""


def over_http(method: str, target: str, body: Callable[[str], Any] | None = None) -> Call:
    def made(world: World, tenant: str, image: str) -> str:
        headers = {"Authorization": f"Bearer {world.keys[tenant]}", "Content-Type": "application/json"}
        headers["X-Request-Id"] = "a"  # which is in the answer
        collection = image.partition("/")[0]
        sent = None if body is None else json.dumps(body(image)).encode()
        target_of = target.format(image=image, collection=collection)
        status, _, answer = ask(world.server, method, target_of, sent, headers)
        return f"{status} {answer.decode('latin-1')}"

    return made


def metadata(world: World, tenant: str) -> tuple[tuple[str, str]]:
    return (("authorization", f"Bearer {world.keys[tenant]}"),)


def over_grpc(method: str, request: Callable[[str], Message]) -> Call:
    def made(world: World, tenant: str, image: str) -> str:
        stub = world.server.downloads if hasattr(world.server.downloads, method) else world.server.catalog
        try:
            answer = getattr(stub, method)(request(image), metadata=metadata(world, tenant), timeout=HANG)
            answers = [answer] if isinstance(answer, Message) else list(answer)
        except grpc.RpcError as error:
            told = refusal(error)
            return f"{told.code.name} {told}"
        return f"OK {answers}"

    return made


def params(image: str) -> download_pb2.DownloadParams:
    return json_format.ParseDict({"image": image, "format": "FORMAT_NPY"}, download_pb2.DownloadParams())


def of_ids(image: str) -> dict[str, Any]:
    images = {"ids": [image]}
    return {"mosaic": {"images": images, "composite": "COMPOSITE_FIRST"}, "format": "FORMAT_NPY", **GRID}


def of_query(image: str) -> dict[str, Any]:
    query = {"collection": image.partition("/")[0]}
    return {"mosaic": {"query": query, "composite": "COMPOSITE_FIRST"}, "format": "FORMAT_NPY", **GRID}


def message(document: dict[str, Any]) -> download_pb2.DownloadParams:
    return json_format.ParseDict(document, download_pb2.DownloadParams())


def computed(result: Any) -> download_pb2.DownloadParams:
    return with_graph(message({"format": "FORMAT_NPY", **GRID}), read_graph(graph(result), as_message=True)).message()


def median(image: str) -> Any:
    return call("reduce.median", collection=collection(image))


def collection(image: str) -> Any:
    return call("ImageCollection.load", id=image.partition("/")[0])


def list_of_both(image: str) -> Any:
    return call("ImageCollection.fromImages", images=[load(image), load(image)])


GRID: dict[str, Any] = {
    "crs": "EPSG:32633",
    "crsTransform": [10, 0, 500_000, 0, -10, 4_600_000],
    "dimensions": [8, 6],
}
EE_GRID = {
    "dimensions": {"width": 8, "height": 6},
    "crsCode": "EPSG:32633",
    "affineTransform": {"scaleX": 10, "translateX": 500_000, "scaleY": -10, "translateY": 4_600_000},
}

create, plan, stream = (
    download_service_pb2.CreateDownloadRequest,
    download_service_pb2.PlanDownloadRequest,
    download_service_pb2.StreamDownloadRequest,
)


def pixels(result: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda image: {"expression": graph(result(image)), "fileFormat": "NPY", "grid": EE_GRID}


CALLS: dict[str, Call] = {
    "gRPC GetImage": over_grpc("GetImage", lambda image: catalog_service_pb2.GetImageRequest(id=image)),
    "gRPC ListImages": over_grpc("ListImages", lambda image: catalog_service_pb2.ListImagesRequest(prefix=image)),
    "HTTP images/ID": over_http("GET", "/v1/images/{image}"),
    "HTTP images": over_http("GET", "/v1/images?prefix={image}"),
    "HTTP plan": over_http("POST", "/v1/downloads:plan", lambda image: {"image": image}),
    "HTTP create": over_http("POST", "/v1/downloads", lambda image: {"image": image, "format": "NPY"}),
    "HTTP mosaic of ids": over_http("POST", "/v1/downloads:plan", of_ids),
    "HTTP mosaic of a query": over_http("POST", "/v1/downloads:plan", of_query),
    "ee asset": over_http("GET", P + "/assets/{image}"),
    "ee collection": over_http("GET", P + "/assets/{collection}"),
    "ee listAssets": over_http("GET", P + "/assets/{collection}:listAssets"),
    "ee listImages": over_http("GET", P + "/assets/{collection}:listImages?view=BASIC"),
    "ee getPixels": over_http("POST", P + "/assets/{image}:getPixels", lambda _: {"fileFormat": "NPY"}),
    "ee computePixels": over_http("POST", P + "/image:computePixels", pixels(load)),
    "ee computePixels of a collection": over_http("POST", P + "/image:computePixels", pixels(median)),
    "ee thumbnails": over_http("POST", P + "/thumbnails", pixels(load)),
    "ee maps": over_http("POST", P + "/maps", pixels(load)),
    "ee value of an image": over_http(
        "POST", P + "/value:compute", lambda image: {"expression": graph(call("Image.bandNames", image=load(image)))}
    ),
    "ee value of a collection": over_http(
        "POST",
        P + "/value:compute",
        lambda image: {"expression": graph(call("Collection.size", collection=collection(image)))},
    ),
    "ee value of images": over_http(
        "POST",
        P + "/value:compute",
        lambda image: {"expression": graph(call("Collection.size", collection=list_of_both(image)))},
    ),
    "ee computeImages": over_http(
        "POST", P + "/imageCollection:computeImages", lambda image: {"expression": graph(collection(image))}
    ),
}
KINDS: dict[str, Callable[[str], download_pb2.DownloadParams]] = {
    "an image": params,
    "ids": lambda image: message(of_ids(image)),
    "a query": lambda image: message(of_query(image)),
    "an expression": lambda image: computed(load(image)),
    "a collection": lambda image: computed(median(image)),
}


def of_kind(method: str, kind: str) -> Call:
    request = {"CreateDownload": create, "PlanDownload": plan, "StreamDownload": stream}[method]
    return over_grpc(method, lambda image: request(params=KINDS[kind](image)))


for method in ("CreateDownload", "PlanDownload", "StreamDownload"):
    CALLS |= {f"gRPC {method} of {kind}": of_kind(method, kind) for kind in KINDS}

OF_COLLECTIONS = {name for name in CALLS if re.search("collection|query|list|computeImages", name)}

SERVED = "OK", "200"


@pytest.mark.parametrize("name", CALLS)
def test_what_belongs_to_others_is_answered_as_what_nobody_has(world: World, name: str) -> None:
    ask_for = CALLS[name]
    assert ask_for(world, "them", FOREIGN).startswith(SERVED)
    assert ask_for(world, "mine", OWN).startswith(SERVED)
    nobodys = "none/nil" if name in OF_COLLECTIONS else UNKNOWN
    assert plain(ask_for(world, "mine", FOREIGN)) == plain(ask_for(world, "mine", nobodys))


def plain(answer: str) -> str:
    """Return an answer without the names that it was asked by."""
    return re.sub(r"them/one|them/nil|none/nil|\b(them|none|one|nil)\b", "NAME", answer)


def test_lists_of_all_have_the_own_images_alone(world: World) -> None:
    for call_of in (
        over_grpc("ListImages", lambda _: catalog_service_pb2.ListImagesRequest()),
        over_http("GET", "/v1/images"),
        over_http("GET", P + ":listAssets"),
        over_http("GET", P + "/assets"),
        over_http("GET", P + "/assets:listAssets"),
    ):
        answer = call_of(world, "mine", "")
        assert answer.startswith(SERVED)
        assert "mine/one" in answer
        assert "mine/two" in answer
        assert "them" not in answer


def test_a_request_that_is_wrong_besides_tells_nothing_of_images_of_others(world: World) -> None:
    wrong = over_http("POST", "/v1/downloads:plan", lambda i: {"image": i, "bands": ["zz"], "scale": -1})
    assert "zz" in wrong(world, "them", FOREIGN)
    assert plain(wrong(world, "mine", FOREIGN)) == plain(wrong(world, "mine", UNKNOWN))


# -- downloads -------------------------------------------------------------------------------------


def created(world: World, tenant: str, image: str, request_id: str = "") -> download_pb2.DownloadId:
    asked = params(image)
    asked.request_id = request_id
    answer = world.server.downloads.CreateDownload(create(params=asked), metadata=metadata(world, tenant), timeout=HANG)
    return answer.download_id


def read(world: World, tenant: str, download: download_pb2.DownloadId) -> str:
    request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
    return over_grpc("ReadDownload", lambda _: request)(world, tenant, "")


def test_a_download_of_another_tenant_is_not_found_whether_it_was_rendered_or_not(world: World) -> None:
    download = created(world, "them", FOREIGN)
    unknown = download_pb2.DownloadId(name=f"downloads/{32 * 'f'}", token=download.token)
    for _ in range(2):
        for path in ("/v1/{name}:getPixels?token={token}", P + "/thumbnails/{key}:getPixels"):
            key = f"{download.name.partition('/')[2]}-{download.token}"
            target = path.format(name=download.name, token=download.token, key=key)
            assert over_http("GET", target)(world, "mine", "").startswith("404")
            assert over_http("HEAD", target)(world, "mine", "").startswith("404")
        assert read(world, "mine", download).startswith("NOT_FOUND")
        assert read(world, "mine", download) == read(world, "mine", unknown)
        assert read(world, "them", download).startswith("OK")  # it is rendered by now


def test_the_tiles_of_a_map_are_for_its_tenant_and_for_who_has_their_address(world: World) -> None:
    made = CALLS["ee maps"](world, "them", FOREIGN)
    name = json.loads(made.partition(" ")[2])["name"]
    target = f"/v1/{name}/tiles/0/0/0"
    assert over_http("GET", target)(world, "them", "").startswith("200")
    assert over_http("GET", target)(world, "mine", "").startswith("404")
    assert ask(world.server, "GET", target)[0] == 200
    assert ask(world.server, "GET", target[: -len("tiles/0/0/0") - 33] + 32 * "0" + "/tiles/0/0/0")[0] == 404


def test_the_address_of_a_download_needs_nothing_else(world: World) -> None:
    download = created(world, "them", "them/two")
    target = download.url.removeprefix(world.server.http)
    status, _, body = ask(world.server, "GET", target)
    assert status == 200
    assert body[:6] == b"\x93NUMPY"
    assert ask(world.server, "GET", target[:-1] + ("0" if target[-1] != "0" else "1"))[0] == 404


def test_two_tenants_with_one_request_id_have_two_downloads(world: World) -> None:
    request_id = "0d6a7b3c-5a1f-4d6b-8a5e-2f6d0c1b9a11"
    download = created(world, "them", FOREIGN, request_id)
    assert created(world, "them", FOREIGN, request_id) == download
    other = created(world, "mine", OWN, request_id)
    assert other.name != download.name
    assert read(world, "mine", other).startswith("OK")


def test_a_tenant_with_a_request_of_another_gets_a_download_of_its_own(tmp_path: Path, world: World) -> None:
    """Of an image that both see, the same params and request id would be the same download."""
    settings = Settings(
        tmp_path.parent / "shared-catalog",
        grpc_port=0,
        http_port=-1,
        state_dir=tmp_path / "state",
        auth=AuthSettings(world.keys_file),
        tenants=(TenantSettings("mine", ("*",)), TenantSettings("them", ("*",))),
    )
    path = tmp_path.parent / "shared-catalog" / "both" / "b.tif"
    path.parent.mkdir(parents=True)
    with rasterio.open(
        path,
        "w",
        "GTiff",
        width=2,
        height=2,
        count=1,
        dtype="uint8",
        crs="EPSG:32633",
        transform=Affine(1, 0, 0, 0, -1, 0),
    ) as file:
        file.write(np.ones((1, 2, 2), "uint8"))
    with served(settings) as server:
        both = World(server, world.keys, world.keys_file)
        request_id = "0d6a7b3c-5a1f-4d6b-8a5e-2f6d0c1b9a12"
        first, second = (created(both, tenant, "both", request_id) for tenant in ("mine", "them"))
        assert first.name != second.name
        assert first.token != second.token
        assert read(both, "them", first).startswith("NOT_FOUND")


def named(verb: str, download: download_pb2.DownloadId, token: str) -> dict[str, Call]:
    request = getattr(download_service_pb2, f"{verb}DownloadRequest")(name=download.name, token=token)
    method, suffix = {"Get": ("GET", ""), "Prepare": ("POST", ":prepare"), "Delete": ("DELETE", "")}[verb]
    return {
        "gRPC": over_grpc(f"{verb}Download", lambda _: request),
        "HTTP": over_http(method, f"/v1/{download.name}{suffix}?token={token}"),
    }


@pytest.mark.parametrize("door", ["gRPC", "HTTP"])
@pytest.mark.parametrize("verb", ["Get", "Prepare", "Delete"])
@pytest.mark.parametrize("shows_token", [False, True])
def test_downloads_of_others_are_not_found_by_any_verb(world: World, verb: str, door: str, shows_token: bool) -> None:
    download = created(world, "them", FOREIGN)
    token = download.token if shows_token else ""
    unknown = download_pb2.DownloadId(name=f"downloads/{32 * 'f'}")
    call_of, call_of_none = named(verb, download, token)[door], named(verb, unknown, token)[door]
    refused = call_of(world, "mine", "")
    assert refused.startswith(("NOT_FOUND", "404"))
    assert refused == call_of_none(world, "mine", "")
    assert call_of(world, "them", "").startswith(SERVED), "its own tenant needs no token"


def test_lists_of_downloads_have_those_of_the_tenant_alone(world: World) -> None:
    downloads = {tenant: created(world, tenant, image).name for tenant, image in (("mine", OWN), ("them", FOREIGN))}
    for call_of in (
        over_grpc("ListDownloads", lambda _: download_service_pb2.ListDownloadsRequest(page_size=100)),
        over_http("GET", "/v1/downloads?pageSize=100"),
    ):
        for tenant, other in (("mine", "them"), ("them", "mine")):
            listed = call_of(world, tenant, "")
            assert downloads[tenant] in listed
            assert downloads[other] not in listed
            assert "token" not in listed.replace("next_page_token", "").replace("nextPageToken", "")


# -- who calls -------------------------------------------------------------------------------------


def limits(world: World, *authorization: str) -> str:
    shown = tuple(("authorization", text) for text in authorization)
    try:
        world.server.downloads.GetLimits(download_service_pb2.GetLimitsRequest(), metadata=shown, timeout=HANG)
    except grpc.RpcError as error:
        told = refusal(error)
        return f"{told.code.name} {told.reason}"
    return "OK"


def http_limits(world: World, *authorization: str) -> tuple[int, str, str]:
    headers = {"Authorization": authorization[0]} if authorization else {}
    status, told, body = ask(world.server, "GET", "/v1/limits", headers=headers)
    return status, json.loads(body).get("error", {}).get("reason", ""), told.get("WWW-Authenticate", "")


def test_callers_are_refused_with_reasons(world: World) -> None:
    key = world.keys["mine"]
    assert limits(world, f"Bearer {key}") == "OK"
    assert limits(world, f"bearer  {key}") == "OK"
    assert limits(world) == "UNAUTHENTICATED CREDENTIALS_MISSING"
    other = world.keys["them"]
    for wrong in (key[:-1], key + "A", key[:15] + other[15:], other[:15] + key[15:], "", "rw_", 3000 * "k"):
        assert limits(world, f"Bearer {wrong}") == "UNAUTHENTICATED CREDENTIALS_INVALID"
    assert limits(world, f"Basic {key}") == "UNAUTHENTICATED CREDENTIALS_INVALID"
    assert limits(world, key) == "UNAUTHENTICATED CREDENTIALS_INVALID"
    assert limits(world, f"Bearer {world.keys['gone']}") == "PERMISSION_DENIED TENANT_UNKNOWN"
    assert http_limits(world, f"Bearer {key}") == (200, "", "")
    assert http_limits(world) == (401, "CREDENTIALS_MISSING", 'Bearer realm="rasterwire"')
    challenge = 'Bearer realm="rasterwire", error="invalid_token"'
    assert http_limits(world, f"Bearer {key}x") == (401, "CREDENTIALS_INVALID", challenge)
    assert http_limits(world, f"Bearer {world.keys['gone']}") == (403, "TENANT_UNKNOWN", "")


def test_the_command_line_names_its_option_for_a_key(world: World) -> None:
    def said(key: str) -> str:
        with Client(world.server.address, api_key=key) as client, pytest.raises(DownloadFailed) as error:
            client.limits()
        (line,) = refusal_lines(error.value)
        return line

    assert said("").endswith("give an API key or a token by --api-key or RASTERWIRE_API_KEY")
    assert said("wrong").startswith("--api-key: ")


def test_every_call_of_the_schema_needs_a_caller(world: World) -> None:
    for stub in (world.server.downloads, world.server.catalog):
        for name, method in vars(stub).items():
            request = getattr(catalog_service_pb2, f"{name}Request", None) or getattr(
                download_service_pb2, f"{name}Request"
            )
            with pytest.raises(grpc.RpcError) as error:
                list([answer] if isinstance(answer := method(request(), timeout=HANG), Message) else answer)
            assert refusal(error.value).reason == "CREDENTIALS_MISSING", name


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/limits"),
        ("GET", "/v1/images"),
        ("GET", "/v1/images/mine/one"),
        ("POST", "/v1/downloads"),
        ("POST", "/v1/downloads:plan"),
        ("GET", "/v1/downloads"),
        ("GET", "/v1/downloads/x"),
        ("DELETE", "/v1/downloads/x"),
        ("POST", "/v1/downloads/x:prepare"),
        ("GET", P + "/algorithms"),
        ("GET", P + "/assets"),
        ("GET", P + "/assets/mine/one"),
        ("GET", P + ":listAssets"),
        ("GET", P + "/operations"),
        ("GET", P + "/config"),
        ("POST", P + "/assets/mine/one:getPixels"),
        ("POST", P + "/thumbnails"),
        ("POST", P + "/maps"),
        ("POST", P + "/value:compute"),
        ("POST", P + "/image:computePixels"),
        ("POST", P + "/imageCollection:computeImages"),
        ("GET", P + "/nothing/of/the/kind"),
        ("POST", P + "/thumbnails/x:getPixels"),
    ],
)
def test_addresses_need_a_caller_before_a_body_is_read(world: World, method: str, target: str) -> None:
    status, headers, body = ask(world.server, method, target, b"no JSON" if method == "POST" else None)
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer realm="rasterwire"'
    assert json.loads(body)["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("target", ["/livez", "/healthz", "/readyz", "/openapi.json", "/$discovery/rest"])
def test_probes_and_descriptions_are_open(world: World, target: str) -> None:
    assert ask(world.server, "GET", target)[0] in {200, 503}
    if target in {"/livez", "/healthz", "/readyz"}:  # even to who shows a key that was revoked
        assert ask(world.server, "GET", target, headers={"Authorization": "Bearer old"})[0] in {200, 503}


def test_requests_by_one_connection_are_of_whom_each_shows(world: World) -> None:
    download = created(world, "them", "them/two")
    address = urlsplit(world.server.http).netloc
    with closing(http.client.HTTPConnection(address, timeout=HANG)) as connection:

        def status(target: str, tenant: str = "") -> int:
            connection.request(
                "GET", target, headers={"Authorization": f"Bearer {world.keys[tenant]}"} if tenant else {}
            )
            response = connection.getresponse()
            response.read()
            return response.status

        assert status("/v1/images/them/two", "them") == 200
        assert status("/v1/images/them/two", "mine") == 404
        assert status("/v1/images/them/two") == 401
        assert status(download.url.removeprefix(world.server.http)) == 200
        assert status("/v1/images/them/two") == 401, "an address speaks for its own download alone"


def test_a_server_that_others_may_reach_asks_who_they_are_or_says_that_it_does_not(world: World) -> None:
    tenants = (TenantSettings("mine", ("*",)),)
    for host in ("0.0.0.0", "::", "10.1.2.3", "rasters.example.org"):
        assert Settings(host=host).is_open_to_others
        assert not Settings(host=host, auth=AuthSettings(world.keys_file), tenants=tenants).is_open_to_others
    assert not any(Settings(host=host).is_open_to_others for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"))


@pytest.mark.parametrize(("host", "lines"), [("0.0.0.0", 1), ("127.0.0.1", 0)])
def test_it_is_said_at_the_start(
    host: str, lines: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "_serve_alone", lambda _settings: None)
    monkeypatch.setattr(app, "log_to_stderr", lambda _: None)
    (tmp_path / "catalog").mkdir()
    app.serve(Settings(tmp_path / "catalog", host=host, state_dir=tmp_path / "state"))
    warnings = [record.getMessage() for record in caplog.records if "ANYONE" in record.getMessage()]
    assert len(warnings) == lines
    assert all(f"ANYONE who reaches {host} may list and download every image" in warning for warning in warnings)


def test_health_by_grpc_is_open(world: World) -> None:
    with grpc.insecure_channel(world.server.address) as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"", timeout=HANG) in {b"\x08\x01", b"\x08\x02"}


def test_a_page_of_another_origin_may_ask_without_credentials_whether_it_may(world: World) -> None:
    assert ask(world.server, "OPTIONS", P + "/value:compute")[0] == 204
