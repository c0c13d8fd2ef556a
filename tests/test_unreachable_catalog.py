"""One of several catalogs fails: what clients of each door are told, and what they get of the others."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
from click.testing import CliRunner

from effort import HANG
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.cli.main import cli
from rasterwire.client import Client, DownloadFailed
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2
from serving import Served, refusal, served
from test_refusals import write_item, write_tiff

REACH = "the server cannot reach their catalog now"
PROBLEM = "the root document of the catalog cannot be read"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("several")
    write_tiff(root / "good" / "a.tif")
    write_item(root / "good" / "i.json", {"B0": {"href": "gone.tif"}})
    (root / "bad.json").write_text("{")
    catalogs = (
        CatalogSettings(CatalogKind.FOLDER, str(root / "good"), "good"),
        CatalogSettings(CatalogKind.INDEX, str(root / "bad.json"), "bad"),
    )
    settings = Settings(grpc_port=0, http_port=0, state_dir=root / "state", catalogs=catalogs)
    with served(settings) as service:
        yield service


def test_the_images_of_the_others_are_listed_by_every_door_and_the_catalog_named(server: Served) -> None:
    page = server.catalog.ListImages(catalog_service_pb2.ListImagesRequest(), timeout=HANG)
    assert [(image.id, image.without_rasters) for image in page.images] == [("good/a", False), ("good/i", True)]
    assert list(page.unreachable) == ["bad/"]
    with urlopen(f"{server.http}/v1/images", timeout=HANG) as answer:
        document = json.load(answer)
    assert document["unreachable"] == ["bad/"]
    assert [image.get("withoutRasters", False) for image in document["images"]] == [False, True]
    with urlopen(f"{server.http}/v1/projects/p/assets:listAssets", timeout=HANG) as answer:
        document = json.load(answer)
    assert ([asset["id"] for asset in document["assets"]], document["unreachable"]) == (["good/a", "good/i"], ["bad/"])


def test_the_client_tells_once_of_a_catalog_that_fails(server: Served) -> None:
    with Client(server.address) as client:
        unreachable: list[str] = []
        assert len(list(client.list_images(on_unreachable=unreachable.append))) == 2
        assert unreachable == ["bad/"]
        with pytest.warns(UserWarning, match="images under bad/ are left out: the server cannot reach their catalog"):
            list(client.list_images())
        assert [image.id for image in client.list_images("good/i")] == ["good/i"]


def test_the_command_line_lists_the_others_and_says_why_for_a_prefix(server: Served) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli, ["images", *arguments, "--server", server.address])
        assert done.exception is None or isinstance(done.exception, DownloadFailed | SystemExit)
        return done.exit_code, done.stdout, str(done.exception or done.stderr)

    code, listed, said = run()
    assert (code, listed) == (0, "good/a\ngood/i\tno rasters\n")
    assert said.splitlines() == [
        f"images under bad/ are left out: {REACH}; rasterwire images --prefix bad/ tells why",
        "the server reaches no raster of 1 of these images",
    ]
    assert run("--prefix", "good/a")[:2] == (0, "good/a\n")
    assert "no image whose id begins with 'good/z'" in run("--prefix", "good/z")[2]
    assert run("x", "--prefix", "good/")[0] == 2
    code, listed, said = run("--prefix", "bad/")
    assert (code, listed) == (1, "")
    assert PROBLEM in said or "is being made" in said


def test_what_needs_the_catalog_is_refused_in_words_of_the_catalog(server: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.catalog.GetImage(catalog_service_pb2.GetImageRequest(id="bad/x"), timeout=HANG)
    told = refusal(caught.value)
    assert told.reason == "CATALOG_UNAVAILABLE"
    assert told.message.startswith("the index of this catalog ")
    assert told.message.endswith("(images under bad/)")
    assert "a raster" not in told.message


def test_a_part_of_a_folder_is_listed_by_its_prefix(tmp_path: Path) -> None:
    for name in ("a1", "a2", "b1"):
        write_tiff(tmp_path / f"{name}.tif")
    done = CliRunner().invoke(cli, ["images", str(tmp_path), "--prefix", "a"])
    assert done.stdout == "a1\na2\n"
    done = CliRunner().invoke(cli, ["images", str(tmp_path), "--prefix", "c"])
    assert done.stderr == f"no image in {tmp_path} has an id that begins with 'c'\n"
