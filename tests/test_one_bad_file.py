"""A problem of one item, property or asset does not affect the rest of the catalog, and is reported."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf import json_format

from effort import HANG
from graphs import Value, call, graph, load
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.cli.main import cli
from rasterwire.client import Client
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.query import Query
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2, download_pb2
from serving import Served, refusal, served
from test_refusals import write_item, write_tiff

FORMAT = download_pb2.FORMAT_NPY


def nested(depth: int, *, lists: bool = False) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if lists else {"k": value}
    return value


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("bad")
    folder = root / "catalog"
    for name in ("good", "one", "two", "plain/B1", "plain/B2"):
        write_tiff(folder / "f" / f"{name}.tif")
    (folder / "f" / "cut.tif").write_bytes(b"II*\x00 nothing more")
    (folder / "f" / "plain" / "B3.tif").write_bytes(b"II*\x00 nothing more")
    for depth in (19, 20, 33, 200, 900):
        write_item(folder / f"deep{depth}.json", {"a": {"href": "f/good.tif"}}, deep=nested(depth), fine="yes")
    write_item(folder / "deeplists.json", {"a": {"href": "f/good.tif"}}, deep=nested(60, lists=True), fine="yes")
    write_item(folder / "huge.json", {"a": {"href": "f/good.tif"}}, huge="x" * 5_000_000, fine="yes")
    for number in range(8):
        write_item(folder / f"long{number}.json", {"a": {"href": "f/good.tif"}}, long="y" * 900_000)
    assets = {name: {"href": f"f/{name}.tif", "type": "image/tiff"} for name in ("one", "cut", "two", "gone")}
    write_item(folder / "mixed.json", assets)
    with served(Settings(folder, grpc_port=0, http_port=0, state_dir=root / "state")) as service:
        yield service


def listed(server: Served) -> dict[str, catalog_service_pb2.ImageInfo]:
    images: dict[str, catalog_service_pb2.ImageInfo] = {}
    token = ""
    while True:
        request = catalog_service_pb2.ListImagesRequest(page_size=1000, page_token=token)
        page = server.catalog.ListImages(request, timeout=HANG)
        assert page.images
        images |= {image.id: image for image in page.images}
        token = page.next_page_token
        if not token:
            return images


def test_a_property_that_no_message_can_carry_is_left_out_and_its_item_is_listed(server: Served) -> None:
    images = listed(server)
    items = {"deep19", "deep20", "deep33", "deep200", "deep900", "deeplists", "huge", "mixed"}
    assert items | {f"long{number}" for number in range(8)} <= set(images)
    for name in items - {"mixed"}:
        assert images[name].properties["fine"] == "yes", name
        is_expected = name in {"deep19", "deep20"}
        assert ("deep" in images[name].properties or "huge" in images[name].properties) == is_expected, name
    value: Any = images["deep20"].properties["deep"]
    for _ in range(20):
        value = value["k"]
    assert value == 1
    with urlopen(f"{server.http}/v1/projects/p/assets:listAssets", timeout=HANG) as answer:
        body = json.load(answer)
    assert items <= {asset["id"] for asset in body["assets"]}


def test_check_tells_of_properties_that_are_left_out(tmp_path: Path) -> None:
    write_tiff(tmp_path / "f" / "good.tif")
    write_item(tmp_path / "deep.json", {"a": {"href": "f/good.tif"}}, deep=nested(33), fine=nested(20))
    text = json.dumps({"type": "Image", "id": "d", "bands": [], "properties": {"odd": nested(40), "ok": 1}})
    write_tiff(tmp_path / "d" / "B1.tif")
    (tmp_path / "d" / "asset.json").write_text(text)
    notes = {(note.image_id, note.field) for note in FolderCatalog(tmp_path).check()}
    assert notes == {("deep", "property 'deep'"), ("d", "property 'odd'")}
    assert dict(FolderCatalog(tmp_path).get("d").properties) == {"ok": 1}


def test_one_bad_asset_leaves_the_others_and_is_named_where_it_is_missed(server: Served) -> None:
    for image, readable, broken in (("mixed", ["one", "two"], "cut"), ("f/plain", ["B1", "B2"], "B3")):
        info = server.catalog.GetImage(catalog_service_pb2.GetImageRequest(id=image), timeout=HANG).image
        assert [band.id for band in info.bands] == readable
        assert broken in [asset.id for asset in info.unreadable_assets]
        assert all(asset.reason for asset in info.unreadable_assets)
        params = download_pb2.DownloadParams(image=image, format=FORMAT)
        _, plan = server.stream(params)
        assert [band.id for band in plan.rasters[0].bands] == readable
        reasons = [item.reason for item in plan.ignored if item.field == "bands"]
        assert len(reasons) == (2 if image == "mixed" else 1)
        assert repr(broken) in reasons[-1]
        assert image != "mixed" or ("'gone'" in reasons[0] and "no such file" in reasons[0])
        params.bands.add(id=readable[0])
        data, plan = server.stream(params)
        assert data
        assert not plan.ignored
        params.bands.add(id=broken)
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(params)
        assert refusal(caught.value).reason == "SOURCE_UNAVAILABLE"
        assert broken in refusal(caught.value).message
        strict = download_pb2.DownloadParams(image=image, format=FORMAT, strict=True)
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(strict)
        assert refusal(caught.value).fields == {"bands": "FIELD_WITHOUT_EFFECT"}


def computed(result: Value) -> download_pb2.DownloadParams:
    grid = {"crs": "EPSG:32633", "crsTransform": [10, 0, 500000, 0, -10, 5000000], "dimensions": [4, 4]}
    document = {"expression": graph(result), "format": "FORMAT_NPY", **grid}
    return json_format.ParseDict(document, download_pb2.DownloadParams())


def test_what_is_computed_of_an_image_takes_all_of_it_or_names_what_cannot_be_read(server: Served) -> None:
    mixed = load("mixed")

    def selection(*bands: Any) -> Value:
        return call("Image.select", input=mixed, bandSelectors=list(bands))

    def reduced(image: Value) -> Value:
        images = call("ImageCollection.fromImages", images=[image, image])
        return call("ImageCollection.mosaic", collection=images)

    for whole in (mixed, reduced(mixed), call("Image.add", image1=mixed, image2=mixed)):
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(computed(whole))
        assert refusal(caught.value).reason == "SOURCE_UNAVAILABLE"
    for selectors in ([".*"], [0], ["one", "cut"]):
        with pytest.raises(grpc.RpcError) as caught:
            server.stream(computed(selection(*selectors)))
        assert refusal(caught.value).reason == "SOURCE_UNAVAILABLE"
        assert "gone" in refusal(caught.value).message
    for some in (selection("two", "one"), reduced(selection("two", "one"))):
        _, plan = server.stream(computed(some))
        assert [band.id for band in plan.rasters[0].bands] == ["two", "one"]
    with pytest.raises(grpc.RpcError) as caught:
        server.stream(json_format.ParseDict({"mosaic": {"images": {"ids": ["mixed"]}}}, download_pb2.DownloadParams()))
    assert refusal(caught.value).reason == "SOURCE_UNAVAILABLE"


def test_a_mosaic_needs_the_bands_that_are_asked_for_and_no_others(server: Served) -> None:
    mosaic: dict[str, Any] = {"images": {"ids": ["mixed", "mixed"]}}
    grid = {"crs": "EPSG:32633", "dimensions": [4, 4], "crsTransform": [10, 0, 500000, 0, -10, 5000000]}

    def plan(bands: list[str], **more: Any) -> download_pb2.DownloadPlan:
        document = {"mosaic": mosaic | more, "bands": [{"id": band} for band in bands], "format": "FORMAT_NPY", **grid}
        return server.stream(json_format.ParseDict(document, download_pb2.DownloadParams()))[1]

    for composite in ("FIRST", "MEDIAN"):
        found = plan(["two", "one"], composite=f"COMPOSITE_{composite}")
        assert [band.id for band in found.rasters[0].bands] == ["two", "one"]
    assert plan(["two"], composite="COMPOSITE_QUALITY", qualityBand="one").rasters[0].bands[0].id == "two"
    wrong_bands: list[list[str]] = [["cut"], ["one", "gone"], []]
    for wrong in wrong_bands:
        with pytest.raises(grpc.RpcError) as caught:
            plan(wrong)
        assert refusal(caught.value).reason == "SOURCE_UNAVAILABLE", wrong
    with pytest.raises(grpc.RpcError) as caught:
        plan(["two"], composite="COMPOSITE_QUALITY", qualityBand="cut")
    assert refusal(caught.value).reason == "SOURCE_UNAVAILABLE"


def test_a_download_of_all_bands_tells_of_those_that_cannot_be_read(server: Served, tmp_path: Path) -> None:
    arguments = ["download", "mixed", "-o", str(tmp_path / "x.npy"), "--server", server.address, "-q"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("left out: 'cut' of the image cannot be read: ")
    with Client(server.address) as client:
        done_plan = client.download({"image": "mixed", "format": "NPY"}, tmp_path / "y.npy").plan
    assert [item.field for item in done_plan.ignored] == ["bands", "bands"]
    shown = CliRunner().invoke(cli, ["images", "mixed", "--server", server.address])
    assert "left out: 'gone' cannot be read: no such file in the catalog's folder" in shown.stderr


def test_a_file_that_cannot_be_read_gives_its_name_to_no_other(tmp_path: Path) -> None:
    write_tiff(tmp_path / "f" / "a.tif")
    write_tiff(tmp_path / "f" / "a.tiff")
    whole = [band.name for band in FolderCatalog(tmp_path).get("f").bands]
    (tmp_path / "f" / "a.tif").write_bytes(b"II*\x00 nothing more")
    remaining = [band.name for band in FolderCatalog(tmp_path).get("f").bands]
    assert remaining == [name for name in whole if name == "a.tiff"]
    assert remaining


@pytest.mark.parametrize("href", ["https://[bad/a.tif", "https://a\u2100b/a.tif", "s3://[/a.tif"])
def test_an_address_that_cannot_be_read_hides_no_other_image(tmp_path: Path, href: str) -> None:
    write_tiff(tmp_path / "f" / "good.tif")
    write_item(tmp_path / "odd.json", {"a": {"href": "f/good.tif"}, "b": {"href": href}})
    # such an address is under the prefix of a scheme alone
    configure(make_sources([SourceSettings("https://"), SourceSettings("s3://")]))
    try:
        catalog = FolderCatalog(tmp_path)
        assert [image.id for image in catalog.find(Query()).images] == ["odd"]
        assert [band.name for band in catalog.get("odd").bands] == ["a"]
        assert [note.band for note in catalog.check()] == ["b"]
    finally:
        configure({})


def test_a_crs_nested_without_end_hides_no_other_image(tmp_path: Path) -> None:
    write_tiff(tmp_path / "f" / "good.tif")
    for depth in range(880, 990):
        path = write_item(tmp_path / f"deep{depth}.json", {"a": {"href": "f/good.tif", "proj:projjson": "deep"}})
        path.write_text(path.read_text().replace('"deep"', '{"k":' * depth + "1" + "}" * depth))
    write_item(tmp_path / "plain.json", {"a": {"href": "f/good.tif"}})
    ids = [image.id for image in FolderCatalog(tmp_path).find(Query()).images]
    assert "plain" in ids
    assert "deep880" in ids
