"""Tasks of ``ee.batch``: the client, geemap and geedim start, follow, list and cancel exports."""

import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import ee
import geedim  # noqa: F401  registers the accessor ``gd``
import geemap
import numpy as np
import pytest

from earth_engine.initialized import PROJECT
from earth_engine.oracle import AT_10, AT_20, REGION, SCENE, Catalog, Raster, raster

_SECONDS = 800
"""A guard against hangs, which no slow machine meets; below the timeout of a test."""


def _image(*bands: str) -> Any:
    return ee.Image(SCENE).select(list(bands) or ["B3"])


def _region() -> Any:
    return ee.Geometry.BBox(*REGION)


def _task(prefix: str, image: Any | None = None, **options: Any) -> Any:
    values = {"bucket": "results", "scale": 10, "region": _region()} | options
    image = _image() if image is None else ee.Image(image)
    return ee.batch.Export.image.toCloudStorage(
        image=image, description=prefix.replace("/", "-"), fileNamePrefix=prefix, **values
    )


def _ended(task: Any) -> dict[str, Any]:
    """Wait until a task has ended, and return its status."""
    end = time.monotonic() + _SECONDS
    while task.active():
        assert time.monotonic() < end, task.status()
        time.sleep(0.1)
    status: dict[str, Any] = task.status()
    return status


_SQUARE = (577000.0, 4096000.0, 587000.0, 4106000.0)
"""West, south, east and north in EPSG:32610: 500 x 500 pixels of 20 m."""


def _large(prefix: str) -> Any:
    """Return a task that takes longer than a test."""
    return _task(prefix, scale=0.05, maxPixels=1e13)


def _written(path: Path) -> Raster:
    return raster(path.read_bytes())


def _prefix(name: str) -> str:
    return f"{name}/{uuid.uuid4().hex[:8]}"


def test_a_task_is_started_followed_and_its_file_is_the_source(catalog: Catalog, exports: Path) -> None:
    prefix = _prefix("whole")
    task = _task(prefix, _image("B3", "B8"), formatOptions={"cloudOptimized": True, "noData": 0}, priority=5)
    assert task.status()["state"] == "UNSUBMITTED"
    task.start()
    assert task.id
    status = _ended(task)
    assert status["state"] == "COMPLETED", status
    assert (status["task_type"], status["priority"], status["attempt"]) == ("EXPORT_IMAGE", 5, 1)
    assert status["description"] == prefix.replace("/", "-")
    assert status["creation_timestamp_ms"] <= status["start_timestamp_ms"] <= status["update_timestamp_ms"]
    assert f"results/{prefix}.tif" in status["destination_uris"]
    assert isinstance(status["batch_eecu_usage_seconds"], float)
    tif = _written(exports / "results" / f"{prefix}.tif")
    assert (tif.size, tif.crs, tif.nodata, tif.names) == ((209, 170), "EPSG:32610", 0, ("B3", "B8"))
    np.testing.assert_array_equal(tif.data[0], catalog.read("B3", AT_10))
    np.testing.assert_array_equal(tif.data[1], catalog.read("B8", AT_10))


def test_a_computed_image_on_a_grid_is_that_of_compute_pixels(exports: Path) -> None:
    grid = [20, 0, 581263.5, 0, -20, 4101797.25]
    image = ee.Image(SCENE).normalizedDifference(["B8", "B4"]).updateMask(ee.Image(SCENE).select("SCL").lt(6))
    prefix = _prefix("computed")
    task = _task(prefix, image, crs="EPSG:32611", crsTransform=grid, scale=None, dimensions="80x70", region=None)
    task.start()
    assert _ended(task)["state"] == "COMPLETED"
    tif = _written(exports / "results" / f"{prefix}.tif")
    keys = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    pixel_grid = {
        "dimensions": {"width": 80, "height": 70},
        "affineTransform": dict(zip(keys, list(tif.transform)[:6], strict=True)),
        "crsCode": "EPSG:32611",
    }
    pixels = ee.data.computePixels({"expression": image, "fileFormat": "GEO_TIFF", "grid": pixel_grid})
    assert tif.size == (80, 70)
    np.testing.assert_array_equal(tif.data, raster(pixels).data)


def test_files_of_some_pixels_are_cut_from_the_image(catalog: Catalog, exports: Path) -> None:
    prefix = _prefix("cut")
    task = _task(prefix, _image("B11"), scale=20, region=ee.Geometry.Rectangle(_SQUARE, "EPSG:32610", False))
    task.config["fileExportOptions"]["geoTiffOptions"] = {"tileDimensions": {"width": 256, "height": 256}}
    task.start()
    status = _ended(task)
    assert status["state"] == "COMPLETED", status
    paths = [exports / uri for uri in status["destination_uris"] if uri.endswith(".tif")]
    assert len(paths) == 4
    whole = catalog.read("B11", _SQUARE)
    left, top = _SQUARE[0], _SQUARE[3]
    for path in paths:
        tif = _written(path)
        column, row = round((tif.transform.c - left) / 20), round((top - tif.transform.f) / 20)
        np.testing.assert_array_equal(tif.data[0], whole[row : row + tif.size[1], column : column + tif.size[0]])


def test_a_task_that_is_started_again_is_the_same_one() -> None:
    task = _task(_prefix("again"), formatOptions={"cloudOptimized": True}, shardSize=128)
    request_id = ee.data.newTaskId()[0]
    first, second = (ee.data.exportImage(request_id, task.config) for _ in range(2))
    assert first["name"] == second["name"]
    (sentence,) = first["metadata"]["ignored"]
    assert sentence.startswith("fileExportOptions.geoTiffOptions.tileSize has no effect: ")
    names = [operation["name"] for operation in ee.data.listOperations()]
    assert names.count(first["name"]) == 1


def test_a_task_replaces_files_of_its_name(catalog: Catalog, exports: Path) -> None:
    prefix = _prefix("replaced")
    for band in ("B3", "B8"):
        task = _task(prefix, _image(band))
        task.start()
        assert _ended(task)["state"] == "COMPLETED"
    tif = _written(exports / "results" / f"{prefix}.tif")
    np.testing.assert_array_equal(tif.data[0], catalog.read("B8", AT_10))


def test_a_task_is_cancelled(exports: Path) -> None:
    prefix = _prefix("cancelled")
    task = _large(prefix)
    task.start()
    assert task.active()
    task.cancel()
    status = _ended(task)
    assert (status["state"], status["error_message"]) == ("CANCELLED", "Cancelled.")
    assert not list((exports / "results").glob(f"{prefix}*"))
    ee.data.cancelOperation(task.name)
    assert task.status()["state"] == "CANCELLED"


def test_a_task_of_a_broken_raster_fails_with_the_reason(catalog: Catalog) -> None:
    folder = catalog.path("B3").parents[3] / f"broken-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    shutil.copy(catalog.path("B3"), folder / "B3.tif")
    with (folder / "B3.tif").open("r+b") as file:
        file.seek((folder / "B3.tif").stat().st_size // 2)
        file.write(bytes(range(256)) * 64)
    try:
        task = _task(_prefix("broken"), _found(folder.name).select("B3"), region=None, maxPixels=1e9)
        task.start()
        status = _ended(task)
        assert status["state"] == "FAILED", status
        assert folder.name in status["error_message"]
        assert ee.data.getOperation(task.name)["error"]["code"] == 9
    finally:
        shutil.rmtree(folder)


def _found(image_id: str) -> Any:
    """Return an image once the server has found it."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            ee.data.getAsset(f"projects/{PROJECT}/assets/{image_id}")
        except ee.EEException:
            assert time.monotonic() < end
            time.sleep(0.2)
        else:
            return ee.Image(f"projects/{PROJECT}/assets/{image_id}")


def test_tasks_are_listed_with_their_states() -> None:
    first, second = (_task(_prefix("listed")) for _ in range(2))
    first.start()
    second.start()
    statuses = [_ended(task) for task in (first, second)]
    assert {status["state"] for status in statuses} == {"COMPLETED"}
    tasks = {task.id: task for task in ee.batch.Task.list()}
    assert list(tasks).index(second.id) < list(tasks).index(first.id)
    assert (tasks[first.id].state, tasks[first.id].task_type) == ("COMPLETED", "EXPORT_IMAGE")
    operations = {operation["name"]: operation for operation in ee.data.listOperations()}
    assert operations[second.name]["metadata"]["description"] == second.config["description"]
    assert operations[second.name]["done"] is True
    with pytest.warns(DeprecationWarning, match="listOperations"):
        assert second.id in {status["id"] for status in ee.data.getTaskList()}
    with pytest.warns(DeprecationWarning, match="getOperation"):
        known, unknown = ee.data.getTaskStatus([first.id, "NOPE"])
    assert (known["state"], known["id"]) == ("COMPLETED", first.id)
    assert unknown["state"] == "UNKNOWN"


def test_a_list_of_many_tasks_is_fetched_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ee.data, "_TASKLIST_PAGE_SIZE", 1)
    tasks = [_task(_prefix("pages")) for _ in range(3)]
    for task in tasks:
        task.start()
    names = [operation["name"] for operation in ee.data.listOperations()]
    assert [name for name in names if name in {task.name for task in tasks}] == [task.name for task in tasks[::-1]]
    assert {_ended(task)["state"] for task in tasks} == {"COMPLETED"}


def test_a_task_to_drive_goes_to_its_folder(catalog: Catalog, exports: Path) -> None:
    name = uuid.uuid4().hex
    task = ee.batch.Export.image.toDrive(
        _image("B11"), "to-drive", folder="maps", fileNamePrefix=name, scale=20, region=_region()
    )
    task.start()
    assert _ended(task)["state"] == "COMPLETED"
    tif = _written(exports / "drive" / "maps" / f"{name}.tif")
    np.testing.assert_array_equal(tif.data[0], catalog.read("B11", AT_20))


def test_a_task_to_an_asset_makes_an_image_of_the_catalog(catalog: Catalog) -> None:
    name = f"made/{uuid.uuid4().hex}"
    asset = f"projects/{PROJECT}/assets/{name}"
    values = {"image": _image("B3", "B8"), "assetId": asset, "scale": 10, "region": _region()}
    task = ee.batch.Export.image.toAsset(**values, pyramidingPolicy={".default": "sample"})
    task.start()
    assert _ended(task)["state"] == "COMPLETED"
    made = _found(name)
    assert made.bandNames().getInfo() == ["B3", "B8"]
    pixels = raster(ee.data.computePixels({"expression": made, "fileFormat": "GEO_TIFF"}))
    np.testing.assert_array_equal(pixels.data[1], catalog.read("B8", AT_10))
    again = ee.batch.Export.image.toAsset(**values)
    with pytest.raises(ee.EEException, match="is an image already"):
        again.start()
    again = ee.batch.Export.image.toAsset(**values, overwrite=True)
    again.start()
    assert _ended(again)["state"] == "COMPLETED"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bucket": "elsewhere"}, "no destination 'elsewhere'; there are results, drive, assets"),
        ({"fileFormat": "TFRecord"}, "'TF_RECORD_IMAGE' is not served; export as GEO_TIFF"),
        ({"maxPixels": 100}, "maxPixels: the export has 35530 pixels, more than 100"),
        ({"image": "no/such/image"}, "no/such/image"),
    ],
    ids=["bucket", "format", "pixels", "image"],
)
def test_what_is_not_served_is_refused_at_the_start(options: dict[str, Any], words: str) -> None:
    task = _task(_prefix("refused"), **options)
    with pytest.raises(ee.EEException) as raised:
        task.start()
    assert words in str(raised.value)


def test_exports_of_tables_and_videos_are_refused() -> None:
    points = ee.FeatureCollection([ee.Feature(ee.Geometry.Point([0, 0]), {})])
    table = ee.batch.Export.table.toCloudStorage(points, "table", "results", "table")
    video = ee.batch.Export.video.toCloudStorage(
        ee.ImageCollection([_image()]), "video", "results", "video", region=_region()
    )
    tiles = ee.batch.Export.map.toCloudStorage(_image(), "map", "results", "map", maxZoom=1)
    for task, kind in ((table, "table"), (video, "video"), (tiles, "map")):
        with pytest.raises(ee.EEException, match=f"{kind}:export: not implemented by this server; it exports images"):
            task.start()


def test_geemap_exports_to_a_bucket(catalog: Catalog, exports: Path) -> None:
    prefix = _prefix("geemap")
    description = prefix.replace("/", "-")
    geemap.ee_export_image_to_cloud_storage(_image("B11"), description, "results", prefix, scale=20, region=_region())
    (task,) = (task for task in ee.batch.Task.list() if task.config["description"] == description)
    assert _ended(task)["state"] == "COMPLETED"
    tif = _written(exports / "results" / f"{prefix}.tif")
    np.testing.assert_array_equal(tif.data[0], catalog.read("B11", AT_20))


def test_geedim_exports_and_waits(catalog: Catalog, exports: Path) -> None:
    image = ee.Image(SCENE).gd.prepareForExport(region=_region(), scale=20, bands=["B11"])
    name = uuid.uuid4().hex
    task = image.gd.toGoogleCloud(name, type="cloud", folder="results/geedim")
    assert ee.data.getOperation(task.name)["metadata"]["state"] == "SUCCEEDED"
    tif = _written(exports / "results" / "geedim" / f"{name}.tif")
    np.testing.assert_array_equal(tif.data[0], catalog.read("B11", AT_20))
    image.gd.toGoogleCloud(name, folder="geedim")
    assert (exports / "drive" / "geedim" / f"{name}.tif").is_file()
