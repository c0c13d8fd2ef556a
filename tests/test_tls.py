"""Encrypted connections, and tenants by their client certificates."""

import asyncio
import http.client
import json
import shutil
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from asking import ask
from certificates import Pair, authority, signed
from effort import HANG
from rasterwire.cli.main import cli
from rasterwire.client import Client, DownloadFailed, Interrupted, NotFound, tls
from rasterwire.server.identity.key_file import add_key
from rasterwire.server.identity.settings import AuthSettings, TenantSettings, TlsSettings
from rasterwire.server.process.app import running
from rasterwire.server.process.tls import Certificates
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.v1 import catalog_service_pb2, catalog_service_pb2_grpc
from serving import Served, served

LOCAL = "IP:127.0.0.1,DNS:localhost"


@dataclass(frozen=True, slots=True)
class World:
    """A server that asks for certificates.

    Attributes:
        server: that runs.
        ca: that signed all certificates but those of ``stranger``.
        pairs: certificates of clients by name.
        key: an API key of the tenant ``one``.
    """

    server: Served
    ca: Path
    pairs: dict[str, Pair]
    key: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("tls")
    for name in ("one", "two"):
        path = folder / "catalog" / name / "image" / "b.tif"
        path.parent.mkdir(parents=True)
        profile = {"width": 8, "height": 6, "count": 1, "dtype": "uint16", "crs": "EPSG:32633", "nodata": 0}
        with rasterio.open(path, "w", "GTiff", transform=Affine(10, 0, 5e5, 0, -10, 4.6e6), **profile) as file:
            file.write(np.ones((1, 6, 8), dtype="uint16"))
    ca, other = authority(folder, "ca"), authority(folder, "other")
    pairs = {name: signed(folder, name, ca) for name in ("one", "nobody")}
    pairs["by-uri"] = signed(folder, "by-uri", ca, "URI:spiffe://example.org/two")
    pairs["both"] = signed(folder, "both", ca, "URI:spiffe://example.org/two", common="one")
    pairs["stranger"] = signed(folder, "stranger", other, "DNS:one")
    own = signed(folder, "server", ca, LOCAL)
    key = add_key(folder / "keys", "one")
    settings = Settings(
        folder / "catalog",
        grpc_port=0,
        http_port=0,
        state_dir=folder / "state",
        auth=AuthSettings(folder / "keys"),
        tls=TlsSettings(own.certificate, own.key, ca.certificate),
        tenants=(
            TenantSettings("one", ("one",), ("one",)),
            TenantSettings("two", ("two",), ("spiffe://example.org/two",)),
        ),
    )
    with served(settings) as server:
        yield World(server, ca.certificate, pairs, key)


def by_grpc(world: World, name: str = "", *, key: str = "") -> str:
    """Return the ids of the images that a client with a certificate sees, or the code of its refusal."""
    pair = world.pairs[name] if name else None
    shown = () if pair is None else (pair.key.read_bytes(), pair.certificate.read_bytes())
    metadata = (("authorization", f"Bearer {key}"),) if key else ()
    with grpc.secure_channel(
        world.server.address, grpc.ssl_channel_credentials(world.ca.read_bytes(), *shown)
    ) as channel:
        stub = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        try:
            answer = stub.ListImages(catalog_service_pb2.ListImagesRequest(), metadata=metadata, timeout=HANG)
        except grpc.RpcError as error:
            return str(error.code().name)
    return " ".join(image.id for image in answer.images)


def by_http(world: World, name: str = "", *, key: str = "", target: str = "/v1/images") -> str:
    context = ssl.create_default_context(cafile=world.ca)
    if name:
        context.load_cert_chain(world.pairs[name].certificate, world.pairs[name].key)
    connection = http.client.HTTPSConnection(urlsplit(world.server.http).netloc, context=context, timeout=HANG)
    try:
        connection.request("GET", target, headers={"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        body = response.read()
    except (ssl.SSLError, ConnectionError):
        return "NO CONNECTION"
    finally:
        connection.close()
    if target != "/v1/images" or response.status != 200:
        return str(response.status)
    return " ".join(image["id"] for image in json.loads(body)["images"])


def test_a_tenant_is_recognised_by_a_name_of_its_certificate(world: World) -> None:
    for see in (by_grpc, by_http):
        assert see(world, "one") == "one/image"
        assert see(world, "by-uri") == "two/image"
        assert see(world, "by-uri", key=world.key) == "one/image", "a key that is shown as well decides"
        for nobody in ("nobody", "both"):
            assert see(world, nobody) in {"PERMISSION_DENIED", "403"}
        assert see(world, "stranger") in {"UNAVAILABLE", "NO CONNECTION"}


def test_over_http_a_key_will_do_and_probes_need_nothing(world: World) -> None:
    assert by_http(world, key=world.key) == "one/image"
    assert by_http(world) == "401"
    assert by_http(world, target="/livez") == "200"
    assert by_grpc(world, key=world.key) == "UNAVAILABLE", "gRPC cannot ask for a certificate without requiring it"


def test_nothing_is_answered_in_plain(world: World) -> None:
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(world.server, "GET", "/livez")
    with pytest.raises(grpc.RpcError) as error:
        world.server.catalog.ListImages(catalog_service_pb2.ListImagesRequest(), timeout=HANG)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_the_client_says_what_to_do_where_the_sides_do_not_agree_on_tls(world: World) -> None:
    plain = grpc.server(ThreadPoolExecutor(1))
    port = plain.add_insecure_port("127.0.0.1:0")
    plain.start()
    cases = (
        (world.server.address, None, "if it uses TLS, add --tls, or credentials=tls"),
        (world.server.address, tls(), "name the file of the one that signed it: --ca-file, or credentials=tls"),
        (f"127.0.0.1:{port}", tls(world.ca), "the server does not use TLS there; leave out --tls"),
    )
    try:
        for address, credentials, said in cases:
            with Client(address, credentials=credentials) as client, pytest.raises(Interrupted) as error:
                client.limits()
            assert said in str(error.value)
            assert "50051" not in str(error.value)
    finally:
        plain.stop(None).wait(HANG)


def test_the_client_and_the_command_line_show_a_certificate_and_a_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = world.pairs["by-uri"]
    credentials = tls(world.ca, pair.certificate, pair.key)
    with Client(world.server.address, credentials=credentials) as client:
        assert [image.id for image in client.list_images()] == ["two/image"]
        assert client.stream({"image": "two/image", "format": "NPY"})[:6] == b"\x93NUMPY"
    keys = iter(["wrong", world.key, world.key])
    with Client(world.server.address, credentials=credentials, api_key=lambda: next(keys)) as client:
        with pytest.raises(DownloadFailed) as error:
            client.limits()
        assert error.value.reason == "CREDENTIALS_INVALID"
        assert [image.id for image in client.list_images()] == ["one/image"]
        with pytest.raises(NotFound):
            client.plan({"image": "two/image"})
    for name, value in (("SERVER", world.server.address), ("CA_FILE", world.ca), ("KEY_FILE", pair.key)):
        monkeypatch.setenv(f"RASTERWIRE_{name}", str(value))
    half = CliRunner().invoke(cli, ["images"])
    assert half.exit_code == 2
    assert "name both files" in half.output
    monkeypatch.setenv("RASTERWIRE_CERTIFICATE_FILE", str(pair.certificate))
    assert "two/image" in CliRunner().invoke(cli, ["images"]).output
    monkeypatch.setenv("RASTERWIRE_API_KEY", world.key)
    assert "one/image" in CliRunner().invoke(cli, ["images"]).output
    assert "serving" in CliRunner().invoke(cli, ["health"]).output


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes:
    """Return the certificate that a server shows a client, without a network."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return one.getpeercert(binary_form=True) or b""


def test_certificates_that_were_replaced_are_for_connections_that_begin(tmp_path: Path) -> None:
    ca = authority(tmp_path, "ca")
    first, second = (signed(tmp_path, name, ca, LOCAL) for name in ("first", "second"))
    used = Pair(tmp_path / "used.crt", tmp_path / "used.key")

    def put(pair: Pair) -> bytes:
        shutil.copy(pair.certificate, used.certificate)
        shutil.copy(pair.key, used.key)
        return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())

    before = put(first)
    certificates = Certificates(used.certificate, used.key, None)
    client = ssl.create_default_context(cafile=ca.certificate)
    assert handshake(certificates.ssl_context, client) == before
    after = put(second)
    assert handshake(certificates.ssl_context, client) == before
    certificates.reload()
    assert handshake(certificates.ssl_context, client) == after
    shutil.copy(first.certificate, used.certificate)  # which the key is not of
    certificates.reload()
    assert handshake(certificates.ssl_context, client) == after


def test_a_grpc_port_shows_the_certificate_that_was_read_last(tmp_path: Path) -> None:
    ca = authority(tmp_path, "ca")
    own = signed(tmp_path, "server", ca, LOCAL)
    (tmp_path / "catalog").mkdir()
    certificates = Certificates(own.certificate, own.key, None)
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_secure_port("127.0.0.1:0", certificates.grpc_credentials())
    server.start()

    def shown() -> bytes:
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port), timeout=HANG))

    try:
        before = shown()
        new = signed(tmp_path, "server", ca, LOCAL)
        assert shown() == before
        certificates.reload()
        assert shown() == ssl.PEM_cert_to_DER_cert(new.certificate.read_text()) != before
    finally:
        server.stop(None)


def test_files_that_do_not_belong_together_stop_the_start(tmp_path: Path) -> None:
    ca = authority(tmp_path, "ca")
    one, two = (signed(tmp_path, name, ca) for name in ("one", "two"))
    (tmp_path / "catalog").mkdir()
    empty = tmp_path / "empty"
    empty.write_text("")
    for files in (
        TlsSettings(one.certificate, two.key),
        TlsSettings(empty, one.key),
        TlsSettings(one.certificate, empty),
    ):
        settings = Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state", tls=files)
        with pytest.raises(BadSettings, match=r"^tls: .*do they belong together\?"):
            asyncio.run(start(settings))


async def start(settings: Settings) -> None:
    async with running(settings):
        pass
