"""Files in an object store are fetched from there, and no byte of them goes through the server."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import rasterio
from affine import Affine

from asking import ask
from effort import HANG
from rasterwire.errors import Violations
from rasterwire.server.settings import Settings
from rasterwire.store.settings import StoreSettings, read_store
from rasterwire.v1 import download_pb2
from seaweed import Seaweed
from serving import Served, served

SIDE = 700


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, object_server: Seaweed) -> Settings:
    folder = tmp_path_factory.mktemp("redirected")
    (folder / "catalog").mkdir()
    keys = folder / "keys"
    keys.write_text(
        f"[default]\naws_access_key_id = {object_server.key}\naws_secret_access_key = {object_server.secret}\n"
    )
    profile = {"width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with rasterio.open(
        folder / "catalog" / "a.tif", "w", "GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **profile
    ) as a:
        a.write(np.random.default_rng(5).integers(1, 60_000, (1, SIDE, SIDE)).astype("uint16"))
    store = StoreSettings(
        objects="s3://shared/redirected", endpoint=object_server.endpoint, region="us-east-1", credentials=str(keys)
    )
    return Settings(folder / "catalog", grpc_port=0, http_port=0, state_dir=folder / "first", store=store)


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[Served]:
    with served(settings) as running:
        yield running


def created(server: Served, name: str) -> tuple[download_pb2.DownloadId, str]:
    """Return a download that no other test has, and the path and query of its address."""
    params = download_pb2.DownloadParams(image="a", name=name, format=download_pb2.FORMAT_GEO_TIFF)
    download = server.create(params).download_id
    return download, download.url.removeprefix(server.http)


def fetch(address: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(address)
    with closing(http.client.HTTPConnection(parts.netloc, timeout=HANG)) as connection:
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def test_no_byte_of_a_file_goes_through_the_server(server: Served, object_server: Seaweed) -> None:
    download, target = created(server, "größe")
    through_server = 0
    for _ in range(3):  # the first one waits for the render
        status, headers, body = ask(server, "GET", target)
        through_server += len(body)
        assert (status, headers["Cache-Control"]) == (307, "no-store")
        assert headers["Location"].startswith(object_server.endpoint)
        code, told, data = fetch(headers["Location"])
        assert code == 200
        assert told["Content-Type"] == "image/tiff"
        assert "filename*=UTF-8''gr%C3%B6%C3%9Fe.tif" in told["Content-Disposition"]
        assert data == server.read(download)
    assert through_server == 0
    assert len(data) > SIDE * SIDE


def test_parts_are_those_of_the_file_and_an_address_is_for_it_alone(server: Served) -> None:
    download, target = created(server, "parts")
    address = ask(server, "GET", target, headers={"Range": "bytes=1000-"})[1]["Location"]
    status, headers, part = fetch(address, {"Range": "bytes=1000-300000"})
    data = server.read(download)
    assert (status, part) == (206, data[1000:300_001])
    assert headers["Content-Range"] == f"bytes 1000-300000/{len(data)}"
    assert 0 < int(parse_qs(urlsplit(address).query)["X-Amz-Expires"][0]) <= 300
    path = urlsplit(address).path
    assert fetch(address.replace(path, path[:-1] + ("0" if path[-1] != "0" else "1")))[0] in {403, 404}
    assert fetch(address.partition("?")[0])[0] == 403


@pytest.mark.parametrize("header", ["Authorization", "If-Match", "If-Range", "Origin"])
def test_what_the_object_store_could_not_answer_comes_from_the_server(server: Served, header: str) -> None:
    download, target = created(server, "from here")
    data, etag = server.read(download), ask(server, "HEAD", target)[1]["ETag"]
    value = {"If-Match": etag, "If-Range": etag}.get(header, "https://maps.example.org")
    status, headers, body = ask(server, "GET", target, headers={header: value, "Range": "bytes=5-9"})
    assert (status, body, headers["ETag"]) == (206, data[5:10], etag)
    assert ask(server, "GET", target, headers={"If-None-Match": etag})[0] == 304


def test_where_clients_do_not_reach_the_object_store_the_server_sends_the_bytes(
    settings: Settings, tmp_path: Path
) -> None:
    apart = replace(settings, state_dir=tmp_path, store=replace(settings.store, client_endpoint="none"))
    with served(apart) as other:
        download, target = created(other, "apart")
        status, _, body = ask(other, "GET", target)
        assert (status, body) == (200, other.read(download))


def test_addresses_are_signed_for_the_endpoint_of_clients(settings: Settings, tmp_path: Path) -> None:
    store = replace(settings.store, client_endpoint="https://files.example.org")
    with served(replace(settings, state_dir=tmp_path, store=store)) as other:
        assert ask(other, "GET", created(other, "outside")[1])[1]["Location"].startswith("https://files.example.org/")


@pytest.mark.parametrize(
    ("value", "is_right"), [("none", True), ("https://a.example.org", True), ("a", False), (1, False)]
)
def test_the_setting_is_an_address_or_none(value: object, is_right: bool) -> None:
    violations = Violations()
    read_store({"objects": "s3://bucket", "client_endpoint": value}, violations)
    assert (not violations.items) is is_right
