"""``deploy/compose``: its three parts run together, and a download goes through all of them."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, Request, build_opener

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from compose import FOLDER, Composition, composed, read_compose
from containers import status_of
from effort import HANG
from rasterwire import Client
from replica_servers import write_image


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(tmp_path_factory.mktemp("composed") / "catalog", 300)


@pytest.fixture(scope="module")
def parts(image: Path) -> Iterator[Composition]:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    with composed(image.parent) as running:
        yield running


class _Unfollowed(HTTPErrorProcessor):
    """Gives redirects to the caller."""

    def http_response(self, request: Request, response: object) -> object:
        return response


def test_a_download_is_kept_in_the_database_and_fetched_from_the_object_store(parts: Composition, image: Path) -> None:
    import psycopg

    with Client(parts.address) as client:
        answer = client.create_download({"image": "a", "format": "GEO_TIFF"})
        streamed = client.stream({"image": "a", "format": "GEO_TIFF"})
    assert answer.download_id.url.startswith(f"{parts.http}/")
    with build_opener(_Unfollowed).open(answer.download_id.url, timeout=HANG) as redirect:
        assert (redirect.status, redirect.read()) == (307, b"")
        location = redirect.headers["Location"]
    assert location.startswith(f"{parts.objects}/rasterwire/files/")
    with build_opener().open(location, timeout=HANG) as file:
        data = file.read()
    assert data == streamed
    with MemoryFile(data) as memory, memory.open() as made, rasterio.open(image) as source:
        assert np.array_equal(made.read(), source.read())
    assert status_of(location.partition("?")[0]) == 403, "only signed addresses are answered"
    with psycopg.connect(parts.database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM rasterwire.downloads").fetchone() or (0,)
    assert count == 1


def test_metrics_are_answered_at_their_port_alone(parts: Composition) -> None:
    assert status_of(f"{parts.metrics}/metrics") == 200
    assert status_of(f"{parts.http}/metrics") == 404


def test_the_health_check_of_the_object_store_is_one_that_it_answers(parts: Composition) -> None:
    test = read_compose({})["services"]["objects"]["healthcheck"]["test"]
    address = re.search(r"http://\S+", test[-1])
    assert address
    assert urlsplit(address[0]).port == 8333
    assert status_of(f"{parts.objects}{urlsplit(address[0]).path}") == 200


def test_what_the_file_refers_to_is_there(tmp_path: Path) -> None:
    document = read_compose({})
    subprocess.run([FOLDER / "make-secrets", tmp_path / "secrets"], check=True)
    secrets = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in document["secrets"].values()} == secrets == set(document["secrets"])
    for name, service in document["services"].items():
        assert set(service.get("secrets", [])) <= secrets, name
        assert set(service.get("depends_on", {})) <= set(document["services"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in document["volumes"] or source == "./images" or (FOLDER / source).is_file(), volume
    config = tomllib.loads((FOLDER / "rasterwire.toml").read_text())
    for key in ("database_file", "credentials"):
        assert Path(config["store"][key]).name in document["services"]["rasterwire"]["secrets"]


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    def made(folder: Path) -> dict[str, str]:
        subprocess.run([FOLDER / "make-secrets", folder], check=True, stderr=subprocess.DEVNULL)
        return {path.name: path.read_text() for path in folder.iterdir()}

    first = made(tmp_path / "first")
    assert made(tmp_path / "first") == first
    assert not set(made(tmp_path / "second").values()) & set(first.values())
    assert (tmp_path / "first").stat().st_mode & 0o777 == 0o700
    assert first["database-password"] in first["database"]
    (user,) = json.loads(first["object-users"])["identities"]
    assert all(key in first["object-keys"] for key in user["credentials"][0].values())


def test_the_server_has_what_it_needs_and_no_more() -> None:
    services = read_compose({})["services"]
    for name in ("rasterwire", "migration"):
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
    variables = services["rasterwire"]["environment"]
    stop = sum(float(variables[f"RASTERWIRE_{name}_SECONDS"]) for name in ("LAME_DUCK", "DRAIN"))
    assert int(services["rasterwire"]["stop_grace_period"].removesuffix("s")) == stop + 10
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
