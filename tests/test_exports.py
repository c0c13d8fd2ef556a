"""Exports through a running server: their files, beside those of one whole render."""

import json
import re
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import grpc
import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine

from effort import HANG
from exporting import Exporter, exporter, warped
from rasterwire.export.cog_export import CogExport
from rasterwire.export.settings import ExportSettings
from rasterwire.v1 import download_pb2, export_service_pb2
from rasterwire.v1.export_service_pb2 import Export, ExportParams
from serving import Served, refusal

Params = download_pb2.DownloadParams


@pytest.fixture(scope="module")
def running_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    with exporter(tmp_path_factory.mktemp("exports")) as running:
        yield running


def whole(server: Served, params: Params, path: Path) -> Path:
    """Write one render of all of a request."""
    path.write_bytes(server.stream(params)[0])
    return path


@pytest.mark.parametrize("mask", [download_pb2.MASK_NODATA, download_pb2.MASK_BAND, download_pb2.MASK_EACH_BAND])
def test_files_of_an_export_have_the_pixels_of_one_whole_render_there(
    running_exporter: Exporter, tmp_path: Path, mask: Any
) -> None:
    params = warped(mask=mask)
    prefix = f"tiles/{uuid.uuid4().hex}"
    export = running_exporter.create(params, prefix=prefix, file_side=256)
    ended = running_exporter.ended(export.name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    assert ended.parts_done == ended.parts_total == len(ended.files)
    with rasterio.open(whole(running_exporter.server, params, tmp_path / "whole.tif")) as expected:
        pixels, masks = expected.read(), expected.read_masks()
        assert min(expected.shape) > 256
        tiles = [file for file in ended.files if file.key.endswith(".tif")]
        assert len(tiles) == -(-expected.width // 256) * -(-expected.height // 256)
        for file in tiles:
            row, col = (int(digits) for digits in file.key.removesuffix(".tif").split("-")[-2:])
            with rasterio.open(running_exporter.folder / file.key) as part:
                here = np.s_[:, row : row + part.height, col : col + part.width]
                assert np.array_equal(part.read(), pixels[here])
                assert np.array_equal(part.read_masks(), masks[here])
                assert part.crs == expected.crs
                assert part.xy(0, 0) == pytest.approx(expected.xy(row, col), abs=1e-6)
                assert (part.nodata, part.dtypes) == (expected.nodata, expected.dtypes)
        with rasterio.open(running_exporter.folder / f"{prefix}.vrt") as mosaic:
            assert (mosaic.shape, mosaic.crs, mosaic.dtypes) == (expected.shape, expected.crs, expected.dtypes)
            assert mosaic.transform.almost_equals(expected.transform)
            assert mosaic.descriptions == expected.descriptions
            assert np.array_equal(mosaic.read(), pixels)
            assert np.array_equal(mosaic.read_masks(), masks)


@pytest.mark.parametrize("side", [0, 512])
def test_what_stands_beside_the_pixels_says_what_they_are(running_exporter: Exporter, side: int) -> None:
    prefix = f"beside/{uuid.uuid4().hex}"
    export = running_exporter.create(warped(), prefix=prefix, file_side=side, description="of a test")
    ended = running_exporter.ended(export.name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    assert (ended.description, ended.prefix, ended.destination) == ("of a test", prefix, "results")
    for file in ended.files:
        data = (running_exporter.folder / file.key).read_bytes()
        assert len(data) == file.size_bytes
        assert f"{google_crc32c.value(data):08x}" == file.crc32c
    names = [file.key for file in ended.files]
    assert names == sorted(name for name in running_exporter.files() if name.startswith(prefix))
    provenance = json.loads((running_exporter.folder / f"{prefix}.provenance.json").read_text())
    assert provenance["sources"]["images"] == ["a"]
    assert provenance["etag"] == ended.etag
    assert provenance["request"]["download"]["crs"] == "EPSG:32611"
    item = pystac.Item.from_file(running_exporter.folder / f"{prefix}.stac.json")
    rasters = {
        Path(asset.href).name: asset.extra_fields for asset in item.assets.values() if "data" in (asset.roles or ())
    }
    assert rasters.keys() == {Path(name).name for name in names if name.endswith((".tif", ".vrt"))}
    for name, fields in rasters.items():
        with rasterio.open((running_exporter.folder / prefix).with_name(name)) as raster:
            assert [band["name"] for band in fields["bands"]] == list(raster.descriptions)
            assert [band["data_type"] for band in fields["bands"]] == list(raster.dtypes)
            assert [band["nodata"] for band in fields["bands"]] == list(raster.nodatavals)
            if side and name.endswith(".tif"):
                assert fields["proj:shape"] == list(raster.shape)
                assert fields["proj:transform"] == pytest.approx(list(raster.transform)[:6])
    item.stac_extensions = []  # their schemas are on the network
    item.validate()
    assets = {Path(asset.href).name for asset in item.assets.values()}
    assert assets == {Path(name).name for name in names} - {f"{Path(prefix).name}.stac.json"}
    west, south, east, north = item.bbox or []
    assert -123.01 < west < east < -122.8
    assert 36.9 < south < north < 37.1


def test_one_file_is_a_cloud_optimized_geotiff_with_the_pixels_of_the_download(
    running_exporter: Exporter, tmp_path: Path
) -> None:
    prefix = uuid.uuid4().hex
    params = warped(mask=download_pb2.MASK_BAND)
    ended = running_exporter.ended(running_exporter.create(params, prefix=prefix).name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    assert ended.parts_done == ended.parts_total
    with (
        rasterio.open(whole(running_exporter.server, params, tmp_path / "whole.tif")) as expected,
        rasterio.open(running_exporter.folder / f"{prefix}.tif") as file,
    ):
        assert file.overviews(1)[0] == 2
        assert np.array_equal(file.read(), expected.read())
        assert np.array_equal(file.read_masks(), expected.read_masks())


@pytest.mark.parametrize("count", [2, 40])
def test_files_of_a_computed_image_have_the_pixels_of_one_whole_render(
    running_exporter: Exporter, tmp_path: Path, count: int
) -> None:
    params = warped()
    params.ClearField("image")
    params.mosaic.images.ids.extend(["a", "c"] * (count // 2))
    params.mosaic.composite = download_pb2.COMPOSITE_MEDIAN
    prefix = uuid.uuid4().hex
    ended = running_exporter.ended(running_exporter.create(params, prefix=prefix, file_side=512).name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    with (
        rasterio.open(whole(running_exporter.server, params, tmp_path / "whole.tif")) as expected,
        rasterio.open(running_exporter.folder / f"{prefix}.vrt") as mosaic,
    ):
        assert np.array_equal(mosaic.read(), expected.read(), equal_nan=True)
    provenance = json.loads((running_exporter.folder / f"{prefix}.provenance.json").read_text())
    assert provenance["sources"] == {"images": ["a", "c"], "count": 2, "bytes": ended.source_bytes}


@pytest.mark.parametrize("side", [0, 256])
@pytest.mark.parametrize("crs", ["IAU_2015:49910", 'LOCAL_CS["of a plan",UNIT["metre",1]]'])
def test_an_image_that_lies_nowhere_on_earth_is_exported(tmp_path: Path, crs: str, side: int) -> None:
    with exporter(tmp_path) as running:
        profile = {"driver": "GTiff", "width": 300, "height": 300, "count": 1, "dtype": "uint8", "crs": crs}
        transform = Affine(10, 0, 0, 0, -10, 0)
        with rasterio.open(running.catalog / "far.tif", "w", transform=transform, **profile) as raster:
            raster.write(np.ones((1, 300, 300), "uint8"))
        ended = running.ended(running.create(Params(image="far"), prefix="far", file_side=side).name)
        assert ended.state == Export.STATE_SUCCEEDED, ended
        item = json.loads((running.folder / "far.stac.json").read_text())
        assert item["geometry"] is None
        assert "bbox" not in item
        assert item["properties"]["proj:shape"] == [300, 300]


def test_a_dry_run_tells_what_comes_and_begins_nothing(running_exporter: Exporter) -> None:
    before = running_exporter.files()
    request = export_service_pb2.CreateExportRequest(
        params=ExportParams(download=warped(), destination="results", file_side=256, validate_only=True)
    )
    answer = running_exporter.stub.CreateExport(request, timeout=HANG)
    grid = answer.plan.rasters[0].grid
    assert answer.export.pixels == 2 * grid.width * grid.height
    assert answer.export.parts_total == -(-grid.width // 256) * -(-grid.height // 256) + 3
    assert answer.export.source_bytes == answer.plan.source_bytes > 0
    assert (answer.export.name, answer.export.state) == ("", Export.STATE_UNSPECIFIED)
    listed = running_exporter.stub.ListExports(export_service_pb2.ListExportsRequest(page_size=500), timeout=HANG)
    assert answer.export.create_time.seconds == 0
    assert not any(export.state in {Export.STATE_PENDING, Export.STATE_RUNNING} for export in listed.exports)
    assert running_exporter.files() == before


def test_the_estimate_of_a_dry_run_is_told_once_something_was_measured(tmp_path: Path) -> None:
    with exporter(tmp_path) as running:
        dry = ExportParams(download=warped(), destination="results", file_side=512, validate_only=True)
        request = export_service_pb2.CreateExportRequest(params=dry)
        assert not running.stub.CreateExport(request, timeout=HANG).export.HasField("estimated_duration")
        assert running.ended(running.create(warped(), file_side=512).name).state == Export.STATE_SUCCEEDED
        assert running.stub.CreateExport(request, timeout=HANG).export.HasField("estimated_duration")


def test_all_that_is_wrong_is_told_at_once(running_exporter: Exporter) -> None:
    download = Params(image="a", bands=[download_pb2.BandSpec(id="Z")], format=download_pb2.FORMAT_NPY)
    params = ExportParams(download=download, destination="elsewhere", prefix="../up", file_side=300, request_id="x")
    with pytest.raises(grpc.RpcError) as caught:
        running_exporter.stub.CreateExport(export_service_pb2.CreateExportRequest(params=params), timeout=HANG)
    refused = refusal(caught.value)
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(refused.fields) == {
        "destination",
        "prefix",
        "file_side",
        "request_id",
        "download.format",
        "download.bands[0].id",
    }
    assert "results" in refused.message


@pytest.mark.parametrize("side", [0, 512])
def test_the_longest_prefix_has_an_export_and_a_longer_one_has_none(running_exporter: Exporter, side: int) -> None:
    prefix = f"{'d' * 200}/{uuid.uuid4().hex}{'p' * 120}"
    ended = running_exporter.ended(running_exporter.create(warped(), prefix=prefix, file_side=side).name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    for longer in (f"{prefix}p", f"{'d' * 201}/p"):
        with pytest.raises(grpc.RpcError) as caught:
            running_exporter.create(warped(), prefix=longer, file_side=side)
        assert refusal(caught.value).fields == {"prefix": "PREFIX_TOO_LONG"}


@pytest.mark.parametrize("side", [0, 512])
def test_the_longest_name_of_a_download_makes_names_of_files(running_exporter: Exporter, side: int) -> None:
    params = warped(name="i" * 200)
    ended = running_exporter.ended(running_exporter.create(params, file_side=side).name)
    assert ended.state == Export.STATE_SUCCEEDED, ended


def test_more_pixels_than_were_meant_are_refused(running_exporter: Exporter) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        running_exporter.create(warped(), max_pixels=1000)
    assert refusal(caught.value).fields == {"max_pixels": "TOO_MANY_PIXELS"}


def test_a_repeated_request_id_returns_the_first_export(running_exporter: Exporter) -> None:
    key = str(uuid.uuid4())
    first = running_exporter.create(warped(), file_side=512, request_id=key)
    assert running_exporter.create(warped(), file_side=512, request_id=key.upper()).name == first.name
    with pytest.raises(grpc.RpcError) as caught:
        running_exporter.create(warped(), file_side=256, request_id=key)
    assert refusal(caught.value).fields == {"request_id": "REQUEST_ID_REUSED"}
    running_exporter.ended(first.name)


@pytest.mark.parametrize("side", [0, 512])
def test_files_of_others_are_neither_replaced_nor_removed(running_exporter: Exporter, side: int) -> None:
    prefix = uuid.uuid4().hex
    name = f"{prefix}-0000000000-0000000000.tif" if side else f"{prefix}.tif"
    running_exporter.folder.mkdir(exist_ok=True)
    (running_exporter.folder / name).write_bytes(b"of another")
    ended = running_exporter.ended(running_exporter.create(warped(), prefix=prefix, file_side=side).name)
    assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, "FILE_EXISTS")
    assert [path for path in running_exporter.files() if prefix in path] == [name]
    assert (running_exporter.folder / name).read_bytes() == b"of another"
    again = running_exporter.create(warped(), prefix=prefix, file_side=side, overwrite=True)
    assert running_exporter.ended(again.name).state == Export.STATE_SUCCEEDED
    assert (running_exporter.folder / name).read_bytes() != b"of another"


def test_an_unreadable_image_fails_the_export_by_its_name_and_leaves_nothing(tmp_path: Path) -> None:
    with exporter(tmp_path) as running:
        with rasterio.open(running.catalog / "a.tif") as raster:
            profile = raster.profile | {"compress": "deflate", "tiled": True, "blockxsize": 256, "blockysize": 256}
            with rasterio.open(running.catalog / "b.tif", "w", **profile) as damaged:
                damaged.write(raster.read())
        with (running.catalog / "b.tif").open("r+b") as file:
            file.seek(-50_000, 2)
            file.write(b"\xff" * 40_000)
        export = running.create(Params(image="b"), file_side=256)
        ended = running.ended(export.name)
        assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, "SOURCE_UNAVAILABLE")
        assert [scene.image for scene in ended.failure.scenes] == ["b"]
        assert str(tmp_path) not in f"{ended.failure}"
        assert running.files() == []


def test_lists_are_paged_with_the_newest_first(tmp_path: Path) -> None:
    with exporter(tmp_path) as running:
        names = [running.create(warped(), file_side=512).name for _ in range(3)]
        first = running.stub.ListExports(export_service_pb2.ListExportsRequest(page_size=2), timeout=HANG)
        assert [export.name for export in first.exports] == names[:0:-1]
        more = export_service_pb2.ListExportsRequest(page_token=first.next_page_token)
        second = running.stub.ListExports(more, timeout=HANG)
        assert [export.name for export in second.exports] == names[:1]
        assert not second.next_page_token
        for name in names:
            assert running.ended(name).state == Export.STATE_SUCCEEDED


def test_without_a_destination_the_remedy_is_told(tmp_path: Path) -> None:
    with exporter(tmp_path, export=ExportSettings()) as running:
        with pytest.raises(grpc.RpcError) as caught:
            running.create(warped())
        refused = refusal(caught.value)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EXPORTS_NOT_SET")
        assert "[[export.destinations]]" in refused.message
        assert not (tmp_path / "state" / "exports.sqlite").exists()


def test_an_unknown_name_is_not_found(running_exporter: Exporter) -> None:
    for name in ("exports/" + "0" * 32, "x"):
        with pytest.raises(grpc.RpcError) as caught:
            running_exporter.get(name)
        assert refusal(caught.value).code is grpc.StatusCode.NOT_FOUND


def ask(method: str, url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=HANG) as answer:
        return json.load(answer)


def test_the_calls_are_served_over_http_in_the_forms_of_requests(running_exporter: Exporter) -> None:
    base = f"{running_exporter.server.http}/v1/exports"
    download = {"image": "a", "region": [-122.99, 37.0, -122.95, 37.03], "scale": 10}
    params = {"download": download, "destination": "results", "fileSide": 256, "maxPixels": "1000000", "priority": 7}
    created = ask("POST", base, params)["export"]
    assert created["priority"] == 7
    ended = running_exporter.ended(created["name"])
    assert ended.state == Export.STATE_SUCCEEDED
    name = created["name"].removeprefix("exports/")
    assert ask("GET", f"{base}/{name}")["export"]["files"][0]["key"] == ended.files[0].key
    assert ask("GET", f"{base}?pageSize=1")["exports"][0]["name"] == created["name"]
    assert ask("POST", f"{base}/{name}:cancel", {})["export"]["state"] == "STATE_SUCCEEDED"
    assert "CreateExport" in json.dumps(ask("GET", f"{running_exporter.server.http}/openapi.json"))
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("POST", base, {"download": {"image": "a", "scale": "x"}, "destination": "results", "maxPixels": 1.5})
    fields = {violation["field"] for violation in json.load(caught.value)["error"]["violations"]}
    assert fields == {"download.scale", "max_pixels"}


@pytest.mark.parametrize("side", [0, 256])
def test_all_images_that_cannot_be_read_are_told_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    monkeypatch.setattr("rasterwire.export.failures.MAX_TOLD", 3)
    monkeypatch.setattr("rasterwire.export.driver._SOURCE_PAUSES", (0.0,))
    names = [f"bad{number}" for number in range(5)]
    with exporter(tmp_path) as running:
        with rasterio.open(running.catalog / "a.tif") as raster:
            profile = raster.profile | {"compress": "deflate", "tiled": True, "blockxsize": 256, "blockysize": 256}
            for name in names:
                with rasterio.open(running.catalog / f"{name}.tif", "w", **profile) as image:
                    image.write(raster.read())
        for name in names:
            with (running.catalog / f"{name}.tif").open("r+b") as file:
                size = file.seek(0, 2)
                file.seek(20_000)
                file.write(b"\xff" * (size - 40_000))
        params = warped(mask=download_pb2.MASK_BAND)
        params.ClearField("image")
        params.mosaic.images.ids.extend(["a", *names])
        params.mosaic.composite = download_pb2.COMPOSITE_MEDIAN
        ended = running.ended(running.create(params, prefix="x", file_side=side).name)
        assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, "SOURCE_UNAVAILABLE")
        assert ended.failure.scene_count == 5
        assert len(ended.failure.scenes) == 3
        assert {scene.image for scene in ended.failure.scenes} < {*names}
        assert all(scene.image in scene.problem for scene in ended.failure.scenes)
        assert ended.failure.message.startswith("5 images cannot be read; ")
        assert str(tmp_path) not in f"{ended.failure}"
        assert running.files() == []


def test_a_dry_run_tells_of_files_that_are_there(running_exporter: Exporter) -> None:
    prefix = uuid.uuid4().hex
    assert running_exporter.ended(running_exporter.create(warped(), prefix=prefix).name).state == Export.STATE_SUCCEEDED
    (running_exporter.folder / f"{prefix}-0000000000-0000000512.tif").write_bytes(b"of another")
    for side, name in ((0, ".tif"), (512, "-0000000000-0000000512.tif")):
        params = ExportParams(download=warped(), destination="results", prefix=prefix, file_side=side)
        params.validate_only = True
        answer = running_exporter.stub.CreateExport(export_service_pb2.CreateExportRequest(params=params), timeout=HANG)
        beside = [f"{prefix}.provenance.json", f"{prefix}.stac.json"]
        assert [*answer.existing_files] == [f"{prefix}{name}", *beside]


def test_a_prefix_that_is_none_is_told_in_words(running_exporter: Exporter) -> None:
    for prefix in ("a b", "../up", "/a", "a/", "a//b", ".a", "a/.b"):
        with pytest.raises(grpc.RpcError) as caught:
            running_exporter.create(warped(), prefix=prefix)
        refused = refusal(caught.value)
        assert refused.fields == {"prefix": "PREFIX_FORM"}
        assert "has to be names of letters, digits, ., _ and -, with / between them" in refused.message
        assert "regex" not in refused.message


def test_a_field_that_is_missing_is_named_over_http(running_exporter: Exporter) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask("POST", f"{running_exporter.server.http}/v1/exports", {"destination": "results"})
    violations = json.loads(caught.value.read())["error"]["violations"]
    assert {"field": "download", "reason": "REQUIRED", "description": "is required, and not given"} in violations
    assert all(re.fullmatch(r"[a-z_.]+", violation["field"]) for violation in violations)


def test_an_export_that_runs_tells_no_file_that_is_not_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, goes_on = threading.Event(), threading.Event()
    join = CogExport._join

    def join_late(*arguments: Any) -> None:
        looked.set()
        assert goes_on.wait(HANG)
        join(*arguments)

    monkeypatch.setattr(CogExport, "_join", join_late)
    with exporter(tmp_path) as running:
        export = running.create(warped(), prefix="x")
        assert looked.wait(HANG)
        assert running.get(export.name).parts_done > 0
        assert not running.get(export.name).files
        goes_on.set()
        assert len(running.ended(export.name).files) == 3
