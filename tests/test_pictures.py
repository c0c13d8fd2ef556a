"""Pictures: what a PNG of ordinary values looks like, and how a request says otherwise."""

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from odc.geo.geobox import GeoBox

import images
from asking import ask
from cases import every
from effort import HANG
from graphs import call, graph, load
from pictured import TRANSFORM, overview_percentiles, read_picture, reflectance, shades, write_raster, write_scene
from rasterwire import Client
from rasterwire.budget import Budget, current, spending
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.cli.main import cli
from rasterwire.client.preview import picture_params
from rasterwire.download import band_values, picture_ranges
from rasterwire.download.band_values import BandValues, stored_values
from rasterwire.errors import RenderCancelled
from rasterwire.geo.region import Region
from rasterwire.image import Band, BandMetadata, Image
from rasterwire.pixels import Window
from rasterwire.plan import Limits, RenderPlan, make_plan
from rasterwire.plan.pictures import default_bands
from rasterwire.plan.types import ShownBand
from rasterwire.request import DownloadRequest, Format, GridSpec
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, refusal, served

RGB = ("B04", "B03", "B02")
MAP = np.arange(40 * 60).reshape(1, 40, 60) % 5
COLOURS = {0: (0, 0, 0), 1: (255, 0, 0), 2: (0, 128, 0), 3: (12, 34, 56), 4: (250, 250, 210)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_scene(folder)
    photo = np.stack([np.full((64, 64), value, "uint8") for value in (10, 20, 30)])
    write_raster(folder / "photo.tif", photo, photometric="rgb")
    write_raster(folder / "classes.tif", MAP.astype("uint8"))
    with rasterio.open(folder / "classes.tif", "r+") as file:
        file.write_colormap(1, COLOURS)
    grey = np.linspace(-1, 3, 50 * 50, dtype="float32").reshape(1, 50, 50)
    grey[0, :10, :10] = np.nan
    write_raster(folder / "ratio.tif", grey)
    write_raster(folder / "flat.tif", np.full((1, 30, 30), 700, "int16"))
    write_raster(folder / "flags.tif", (np.arange(10_000).reshape(1, 100, 100) % 200 == 0).astype("uint8"))
    write_raster(folder / "nothing.tif", np.zeros((1, 30, 30), "uint16"), nodata=0)
    write_raster(folder / "mixed.tif", np.stack([MAP[0], MAP[0] * 100]).astype("uint16"))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("state")
    with served(Settings(folder, grpc_port=0, http_port=0, state_dir=state)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[Client]:
    with Client(server.address) as client:
        yield client


def stored(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    with rasterio.open(folder / f"{name}.tif") as file:
        return file.read(1), file.read_masks(1) > 0


def test_a_png_of_reflectance_is_in_true_colour_from_percentile_2_to_98_of_an_overview(
    folder: Path, client: Client
) -> None:
    params = {"image": "scene", "format": "PNG"}
    shown = client.plan(params).visualization
    assert [band.id for band in shown.bands] == list(RGB)
    expected = {name: overview_percentiles(folder / f"{name}.tif", level=0) for name in RGB}
    assert [[band.min, band.max] for band in shown.bands] == [expected[name] for name in RGB]
    assert {band.reason for band in shown.bands} == {"percentiles 2 and 98 of 600 x 600 pixels of an overview"}
    assert shown.reason == "red, green and blue by the common names of the catalog"

    red, green, blue, alpha = read_picture(client.stream(params))
    for layer, name in zip((red, green, blue), RGB, strict=True):
        values, valid = stored(folder, name)
        np.testing.assert_array_equal(layer[valid], shades(values[valid], *expected[name]))
        assert 90 < layer[valid].mean() < 165  # and not white
    np.testing.assert_array_equal(alpha > 0, valid)


def test_every_region_of_an_image_looks_alike(client: Client) -> None:
    whole = read_picture(client.stream({"image": "scene", "format": "PNG"}))
    x, y = TRANSFORM.c, TRANSFORM.f
    for col, row, size in ((0, 0, 64), (300, 700, 257), (1100, 1150, 50)):
        box = [x + col * 10, y - (row + size) * 10, x + (col + size) * 10, y - row * 10]
        sides = dict(zip(("west", "south", "east", "north"), box, strict=True))
        region = {"boundingBox": sides, "crs": "EPSG:32632"}
        part = read_picture(client.stream({"image": "scene", "format": "PNG", "region": region}))
        np.testing.assert_array_equal(part[:3], whole[:3, row : row + size, col : col + size])


def test_a_coarse_jpeg_is_stretched_by_the_same_numbers(client: Client) -> None:
    fine = client.plan({"image": "scene", "format": "PNG"}).visualization
    coarse = {"image": "scene", "format": "JPEG", "dimensions": 100}
    assert client.plan(coarse).visualization == fine
    picture = read_picture(client.stream(coarse))
    assert picture.shape == (3, 100, 100)
    assert 90 < picture.mean() < 165


def test_minimum_maximum_and_gamma_are_those_of_the_request(folder: Path, client: Client) -> None:
    shown: dict[str, Any] = {
        "bands": ["B08", "B04", "B03"],
        "min": [1000, 500, 400],
        "max": 3000,
        "gamma": [1, 1.5, 0.7],
    }
    params = {"image": "scene", "format": "PNG", "visualization": shown}
    plan = client.plan(params).visualization
    assert [(b.id, b.min, b.max, b.gamma, b.reason) for b in plan.bands] == [
        (name, low, 3000, gamma, "min and max given by the request")
        for name, low, gamma in zip(shown["bands"], shown["min"], shown["gamma"], strict=True)
    ]
    layers = read_picture(client.stream(params))
    for layer, band in zip(layers, plan.bands, strict=False):
        values, valid = stored(folder, band.id)
        np.testing.assert_array_equal(layer[valid], shades(values[valid], band.min, band.max, band.gamma))


def test_percentiles_are_those_of_the_request_and_fill_what_it_does_not_give(folder: Path, client: Client) -> None:
    shown = {"bands": "B08", "stretch": [10, 75], "max": 2500}
    (band,) = client.plan({"image": "scene", "format": "PNG", "visualization": shown}).visualization.bands
    (low,) = overview_percentiles(folder / "B08.tif", 0, [10])
    assert (band.min, band.max) == (low, 2500)
    assert band.reason == "max given by the request; min is percentile 10 of 600 x 600 pixels of an overview"
    whole = {"bands": "B08", "stretch": {"lowerPercent": 10, "upperPercent": 75}}
    (band,) = client.plan({"image": "scene", "format": "PNG", "visualization": whole}).visualization.bands
    assert [band.min, band.max] == overview_percentiles(folder / "B08.tif", 0, [10, 75])


@every(("given", "limits"), [({"max": 5}, (4, 5)), ({"min": 60000}, (60000, 60001))])
def test_a_percentile_on_the_wrong_side_of_what_is_given_is_moved(
    client: Client, given: dict[str, int], limits: tuple[float, float]
) -> None:
    shown = {"bands": "B08", **given}
    (band,) = client.plan({"image": "scene", "format": "PNG", "visualization": shown}).visualization.bands
    assert (band.min, band.max) == limits
    assert band.reason.endswith("which is on the wrong side of what is given, so that it is moved")


def test_a_palette_paints_one_band(folder: Path, client: Client) -> None:
    shown = {"bands": ["B08"], "min": 1000, "max": 3000, "palette": ["navy", "#ff0", "FF0000"]}
    params = {"image": "scene", "format": "PNG", "visualization": shown}
    assert client.plan(params).visualization.palette == ["000080", "FFFF00", "FF0000"]
    values, valid = stored(folder, "B08")
    part = np.clip((values.astype("float64") - 1000) / 2000, 0, 1) * 2
    for layer, channel in zip(
        read_picture(client.stream(params)), ((0, 255, 255), (0, 255, 0), (128, 0, 0)), strict=False
    ):
        expected = np.floor(np.interp(part, [0, 1, 2], channel) + 0.5)
        np.testing.assert_array_equal(layer[valid], expected[valid])


def test_pictures_stay_as_they_are(folder: Path, client: Client) -> None:
    assert not client.plan({"image": "photo", "format": "PNG"}).HasField("visualization")
    picture = read_picture(client.stream({"image": "photo", "format": "PNG"}))
    assert picture[:, 0, 0].tolist() == [10, 20, 30]


def test_classes_are_in_the_colours_of_their_table(client: Client) -> None:
    params = {"image": "classes", "format": "PNG"}
    picture = read_picture(client.stream(params))
    np.testing.assert_array_equal(picture.transpose(1, 2, 0), np.array([COLOURS[v] for v in range(5)], "uint8")[MAP[0]])
    shown = client.plan(params).visualization
    assert shown.bands[0].reason == "the table of colours of the band"
    assert shown.palette[:5] == [bytes(colour).hex().upper() for colour in COLOURS.values()]
    grey = read_picture(client.stream({**params, "visualization": {"min": 0, "max": 4}}))
    np.testing.assert_array_equal(grey[0], shades(MAP[0], 0, 4))


def test_a_pixel_that_is_no_number_is_transparent(folder: Path, client: Client) -> None:
    values, _ = stored(folder, "ratio")
    grey, alpha = read_picture(client.stream({"image": "ratio", "format": "PNG"}))
    is_number = np.isfinite(values)
    np.testing.assert_array_equal(alpha > 0, is_number)
    low, high = np.percentile(values[is_number].astype("float64"), [2, 98])
    np.testing.assert_array_equal(grey[is_number], shades(values[is_number], low, high))


@every(
    ("image", "limits", "reason"),
    [
        ("flat", (700, 701), "which are all equal"),
        ("flags", (0, 1), "which are equal, so that it is the least and the greatest value"),
        ("nothing", (0, 1), "none of which is valid, so that it is 0 to 1"),
    ],
)
def test_what_has_no_percentiles_to_stretch_is_shown_all_the_same(
    client: Client, image: str, limits: tuple[float, float], reason: str
) -> None:
    (band,) = client.plan({"image": image, "format": "PNG"}).visualization.bands
    assert (band.min, band.max) == limits
    assert band.reason == f"percentiles 2 and 98 of all its pixels, {reason}"
    client.stream({"image": image, "format": "PNG"})


def test_a_geotiff_of_a_picture_holds_bytes_in_red_green_and_blue(folder: Path, client: Client, tmp_path: Path) -> None:
    params = {"image": "scene", "format": "GEO_TIFF", "visualization": {}}
    client.download(params, tmp_path / "picture.tif")
    picture = read_picture(client.stream({"image": "scene", "format": "PNG"}))
    with rasterio.open(tmp_path / "picture.tif") as file:
        assert file.dtypes == ("uint8",) * 3
        assert [color.name for color in file.colorinterp] == ["red", "green", "blue"]
        valid = file.dataset_mask() > 0
        np.testing.assert_array_equal(valid, picture[3] > 0)
        np.testing.assert_array_equal(file.read()[:, valid], picture[:3, valid])
    values = client.plan({"image": "scene", "format": "GEO_TIFF"})
    assert not values.HasField("visualization")
    zipped = client.plan({"image": "scene", "visualization": {"palette": "red,blue"}})
    assert [raster.bands[0].id for raster in zipped.rasters] == ["vis-red", "vis-green", "vis-blue"]


def test_a_geotiff_of_a_picture_has_one_mask_where_a_pixel_may_be_invalid(client: Client, tmp_path: Path) -> None:
    params = {"image": "scene", "format": "GEO_TIFF", "cloud_optimized": True, "visualization": {}}
    (raster,) = client.plan(params).rasters
    assert raster.mask == download_pb2.MASK_BAND
    assert raster.mask_reason == "every byte may be a valid one, and a pixel is shown where all bands are valid"
    client.download(params, tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as file:
        assert [flags[0].name for flags in file.mask_flag_enums] == ["per_dataset"] * 3
        assert file.overviews(1)
    (raster,) = client.plan({"image": "mixed", "format": "GEO_TIFF", "visualization": {"bands": "B1"}}).rasters
    assert (raster.mask, raster.mask_reason) == (download_pb2.MASK_UNSPECIFIED, "no pixel can be invalid")


def test_the_plan_over_http_has_the_names_of_the_schema(server: Served, folder: Path) -> None:
    shown = {"bands": ["B04"], "stretch": {"lowerPercent": 5, "upperPercent": 95}, "gamma": [1.2]}
    body = json.dumps({"image": "scene", "format": "FORMAT_PNG", "visualization": shown}).encode()
    status, _, text = ask(server, "POST", "/v1/downloads:plan", body, {"Content-Type": "application/json"})
    assert status == 200
    low, high = overview_percentiles(folder / "B04.tif", 0, [5, 95])
    assert json.loads(text)["plan"]["visualization"] == {
        "bands": [
            {
                "id": "B04",
                "min": low,
                "max": high,
                "gamma": 1.2,
                "reason": "percentiles 5 and 95 of 600 x 600 pixels of an overview",
            }
        ],
        "reason": "named by the request",
    }


def test_all_that_is_wrong_with_a_visualization_is_told_at_once(server: Served) -> None:
    shown: dict[str, Any] = {
        "bands": ["B04", "B99"],
        "min": [5],
        "max": [1],
        "gamma": [0],
        "stretch": {"lower_percent": 99},
    }
    params = download_pb2.DownloadParams(image="scene", format=download_pb2.FORMAT_PNG)
    params.visualization.MergeFrom(download_pb2.Visualization(**shown))
    with pytest.raises(grpc.RpcError) as error:
        server.stream(params)
    assert set(refusal(error.value).fields) == {
        "visualization.bands",
        "visualization.bands[1]",
        "visualization.min",
        "visualization.gamma[0]",
        "visualization.stretch.lower_percent",
    }


@every(
    ("image", "shown", "field", "reason"),
    [
        ("scene", {"bands": ["B04"], "min": [1, 2, 3]}, "visualization.min", "NOT_ONE_FOR_EACH_BAND"),
        ("scene", {"palette": ["reddish"]}, "visualization.palette[0]", "COLOUR_UNKNOWN"),
        ("scene", {"bands": ["B99"]}, "visualization.bands[0]", "BAND_NOT_FOUND"),
        ("scene", {"bands": ["B04", "B03"]}, "visualization.bands", "VISUALIZATION_ONE_BAND_OR_THREE"),
    ],
)
def test_what_fits_no_band_is_refused(
    server: Served, image: str, shown: dict[str, Any], field: str, reason: str
) -> None:
    params = download_pb2.DownloadParams(image=image, format=download_pb2.FORMAT_PNG)
    params.visualization.MergeFrom(download_pb2.Visualization(**shown))
    with pytest.raises(grpc.RpcError) as error:
        server.stream(params)
    assert refusal(error.value).fields == {field: reason}


def test_a_stretch_without_use_is_ignored_with_its_reason(client: Client) -> None:
    shown = {"bands": "B04", "min": 0, "max": 3000, "stretch": [2, 98]}
    plan = client.plan({"image": "scene", "format": "PNG", "visualization": shown})
    assert [(item.field, item.reason) for item in plan.ignored] == [("visualization.stretch", "min and max are given")]


def test_a_mosaic_is_stretched_by_the_pixels_that_are_asked_for(client: Client) -> None:
    x, y = TRANSFORM.c, TRANSFORM.f
    sides = {"west": x, "south": y - 2000, "east": x + 2000, "north": y}
    region = {"boundingBox": sides, "crs": "EPSG:32632"}
    params = {"mosaic": {"images": ["scene"]}, "bands": ["B04"], "format": "PNG", "region": region}
    (band,) = client.plan(params).visualization.bands
    values = reflectance(3)[0, :200, :200].astype("float64")
    assert [band.min, band.max] == np.percentile(values, [2, 98]).tolist()
    assert band.reason == "percentiles 2 and 98 of 200 x 200 computed pixels"
    np.testing.assert_array_equal(read_picture(client.stream(params))[0], shades(values, band.min, band.max))


def test_a_preview_shows_what_was_downloaded(server: Served, client: Client, folder: Path, tmp_path: Path) -> None:
    target, preview = tmp_path / "piece.npy", tmp_path / "look.png"
    options = [*("-b", "B04", "-b", "B03", "-b", "B02", "-b", "B08"), *("-o", target), *("--preview", preview)]
    result = CliRunner().invoke(
        cli, [str(part) for part in ("download", "scene", *options, "--server", server.address)]
    )
    assert result.exit_code == 0, result.output
    picture = read_picture(preview.read_bytes())
    assert picture.shape == (4, 512, 512)
    whole = read_picture(client.stream({"image": "scene", "format": "PNG", "dimensions": 512}))
    np.testing.assert_array_equal(picture, whole)


@every(
    ("params", "size"),
    [
        ({"image": "scene", "scale": 100}, (120, 120)),
        ({"image": "scene", "bands": [{"id": "B08", "scale": 40}]}, (300, 300)),
        ({"image": "scene", "crs": "EPSG:4326", "dimensions": [900, 600]}, (512, 341)),
        ({"image": "ratio", "format": "NPY"}, (50, 50)),
        ({"image": "mixed", "compression": "ZSTD"}, (60, 40)),
    ],
)
def test_a_preview_lies_on_the_grid_of_the_download(
    client: Client, params: dict[str, Any], size: tuple[int, int]
) -> None:
    plan = client.plan(params)
    picture = client.plan(picture_params(params, plan))
    (raster,), downloaded = picture.rasters, plan.rasters[0]
    assert (raster.grid.width, raster.grid.height) == size
    corners = [
        Affine(*grid.crs_transform) * corner
        for grid in (raster.grid, downloaded.grid)
        for corner in ((0, 0), (grid.width, grid.height))
    ]
    np.testing.assert_allclose(corners[:2], corners[2:])
    assert raster.grid.crs == downloaded.grid.crs


def names_and_reason(*bands: Band) -> tuple[tuple[str, ...], str]:
    default = default_bands(Image("i", bands))
    return default.names, default.reason


def test_red_green_and_blue_are_of_one_type_and_known_by_the_catalog_before_the_file() -> None:
    infrared, green, red, blue = (
        images.band(name, common_name=common_name)
        for name, common_name in (("a", "nir"), ("b", "green"), ("c", "red"), ("d", "blue"))
    )
    drawn = [
        images.band(f"visual_{colour}", dtype="uint8", common_name=colour, metadata=BandMetadata(color=colour))
        for colour in ("red", "green", "blue")
    ]
    by_catalog = "red, green and blue by the common names of the catalog"
    assert names_and_reason(infrared, green, red, blue, *drawn) == (("c", "b", "d"), by_catalog)
    assert names_and_reason(infrared, green, red, *drawn) == (("visual_red", "visual_green", "visual_blue"), by_catalog)
    unnamed = [replace(part, common_name="") for part in drawn]
    by_file = "red, green and blue by the colours of the file"
    assert names_and_reason(infrared, *unnamed[::-1]) == (("visual_red", "visual_green", "visual_blue"), by_file)
    by_name = "red, green and blue by the names of the bands"
    assert names_and_reason(images.band("Blue"), images.band("Green"), images.band("Red")) == (
        ("Red", "Green", "Blue"),
        by_name,
    )


def test_other_bands_are_the_first_three_of_one_type_or_the_first() -> None:
    three, first = ("a", "b", "c"), ("a",)
    why_three = "the first three bands, since none are known to be red, green and blue"
    why_first = "the first band, since no three are known to be red, green and blue"
    assert names_and_reason(*map(images.band, "abcd")) == (three, why_three)
    assert names_and_reason(images.band("a"), images.band("b"), images.band("c", dtype="uint8")) == (first, why_first)
    assert names_and_reason(images.band("a"), images.band("b")) == (first, why_first)
    classes = images.band("a", dtype="uint8", metadata=BandMetadata(color="palette", palette=bytes(9)))
    assert names_and_reason(classes, images.band("b", dtype="uint8"), images.band("c", dtype="uint8")) == (
        first,
        why_first,
    )


def test_a_band_is_measured_once_for_each_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def counted(source: Band) -> BandValues:
        looked_at.append(source.name)
        return stored_values(source)

    monkeypatch.setattr(picture_ranges, "stored_values", counted)
    ranges = picture_ranges.PictureRanges()

    def limits(params: DownloadRequest) -> list[tuple[float, float]]:
        catalog = FolderCatalog(tmp_path)
        plan = ranges.measured(make_plan(params, catalog.get("a"), Limits()))
        assert plan.picture is not None
        return [shown.spread for shown in plan.picture.bands]

    write_raster(tmp_path / "a.tif", reflectance(1, 300))
    before = limits(DownloadRequest("a", format=Format.PNG))
    coarse = DownloadRequest("a", format=Format.JPEG, grid=GridSpec(dimensions=(10,)))
    assert limits(coarse) == before
    assert len(looked_at) == 1
    write_raster(tmp_path / "a.tif", reflectance(3, 300))
    assert limits(coarse) != before
    assert len(looked_at) == 2


@every("has_left", [False, True])
def test_who_asks_for_a_band_that_is_measured_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_left: bool
) -> None:
    begun, waits, go = threading.Event(), threading.Event(), threading.Event()
    looked_at: list[str] = []

    class Noted(Budget):
        def check(self) -> None:
            waits.set()
            super().check()

    def gated(source: Band) -> BandValues:
        looked_at.append(source.name)
        (waits if begun.is_set() else begun).set()
        assert go.wait(HANG)
        if has_left and len(looked_at) == 1:
            raise RenderCancelled
        return stored_values(source)

    monkeypatch.setattr(picture_ranges, "stored_values", gated)
    write_raster(tmp_path / "a.tif", reflectance(1, 300))
    ranges = picture_ranges.PictureRanges()
    plan = make_plan(DownloadRequest("a", format=Format.PNG), FolderCatalog(tmp_path).get("a"), Limits())

    def measure() -> RenderPlan:
        with spending(Noted()):
            return ranges.measured(plan)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(measure)
        assert begun.wait(HANG)
        second = threads.submit(measure)
        assert waits.wait(HANG)
        go.set()
        picture = second.result(HANG).picture
        if has_left:
            assert isinstance(first.exception(HANG), RenderCancelled)
        else:
            assert first.result(HANG).picture == picture
    assert picture is not None
    assert picture.is_measured
    assert len(looked_at) == (2 if has_left else 1)


def test_pixels_of_a_plan_are_read_beside_other_plans_and_no_longer_than_somebody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped, ended, go = (threading.Event() for _ in range(4))
    windows: list[tuple[Budget, Window]] = []
    errors: list[BaseException] = []
    read, stop, measure = band_values._pixels, Budget.stop, picture_ranges._range

    def gated(band: Band, level: int | None, window: Window, region: Region | None) -> Any:
        windows.append((current(), window))
        begun.set()
        assert go.wait(HANG)
        return read(band, level, window, region)

    def noted_stop(budget: Budget) -> None:
        stop(budget)
        if windows and budget is windows[0][0]:
            stopped.set()

    def noted_range(band: ShownBand, grid: GeoBox) -> Any:
        try:
            return measure(band, grid)
        except BaseException as error:
            errors.append(error)
            raise
        finally:
            ended.set()

    monkeypatch.setattr(band_values, "_pixels", gated)
    monkeypatch.setattr(Budget, "stop", noted_stop)
    monkeypatch.setattr(picture_ranges, "_range", noted_range)
    (tmp_path / "catalog").mkdir()
    write_raster(tmp_path / "catalog" / "a.tif", reflectance(1))  # which is looked at in windows
    settings = Settings(tmp_path / "catalog", grpc_port=0, http_port=-1, state_dir=tmp_path / "state")
    with served(settings) as server, contextlib.ExitStack() as stack:
        stack.callback(go.set)
        ask_plan = server.downloads.PlanDownload
        params = download_pb2.DownloadParams(image="a", format=download_pb2.FORMAT_PNG)
        request_ = download_service_pb2.PlanDownloadRequest(params=params)
        calls = [ask_plan.future(request_, timeout=HANG) for _ in range(6)]  # more than there are threads for plans
        assert begun.wait(HANG)
        request_.params.format = download_pb2.FORMAT_NPY
        assert ask_plan(request_, timeout=HANG).plan.rasters
        for call_ in calls:
            call_.cancel()
        assert stopped.wait(HANG)
        go.set()
        assert ended.wait(HANG)
    assert [budget for budget, _ in windows].count(windows[0][0]) == 1
    assert isinstance(errors[0], RenderCancelled)


@every(
    ("image", "look"),
    [
        ("photo", {}),
        ("photo", {"bands": ["B1", "B2", "B3"]}),
        ("classes", {}),
        ("classes", {"bands": ["B1"]}),
        ("scene", {}),
        ("scene", {"bands": list(RGB)}),
        ("ratio", {}),
    ],
)
def test_a_visualization_that_says_nothing_of_values_is_the_default(
    client: Client, image: str, look: dict[str, Any]
) -> None:
    for format_ in ("PNG", "JPEG"):
        plain = {"image": image, "format": format_, "dimensions": 40}
        assert client.stream({**plain, "visualization": look}) == client.stream(plain)
    if image == "photo":
        data = client.stream({"image": image, "format": "GEO_TIFF", "visualization": look})
        with rasterio.open(io.BytesIO(data)) as file:
            assert [list(np.unique(layer)) for layer in file.read()] == [[10], [20], [30]]
            assert [colour.name for colour in file.colorinterp] == ["red", "green", "blue"]


def test_what_an_expression_computes_as_bytes_stays_and_other_values_are_stretched(
    folder: Path, client: Client
) -> None:
    image = call("Image.select", input=load("scene"), bandSelectors=["B04"])
    region = {"bounding_box": [600000, 5699000, 601000, 5700000], "crs": "EPSG:32632"}
    params = {"format": "PNG", "region": region}
    as_bytes = call("Image.toUint8", value=call("Image.divide", image1=image, image2=call("Image.constant", value=100)))
    plan = client.plan({"expression": graph(as_bytes), **params})
    assert not plan.HasField("visualization")
    values, _ = stored(folder, "B04")
    picture = read_picture(client.stream({"expression": graph(as_bytes), **params}))
    np.testing.assert_array_equal(picture[0], np.floor(values[:100, :100] / 100).astype("uint8"))

    doubled = call("Image.multiply", image1=image, image2=call("Image.constant", value=2))
    (band,) = client.plan({"expression": graph(doubled), **params}).visualization.bands
    elsewhere = {**params, "region": {**region, "bounding_box": [605000, 5695000, 606000, 5696000]}}
    assert client.plan({"expression": graph(doubled), **elsewhere}).visualization.bands[0] == band
    assert band.reason == "percentiles 2 and 98 of 240 x 240 computed pixels"
    low, high = overview_percentiles(folder / "B04.tif", 1)
    assert (band.min, band.max) == pytest.approx((2 * low, 2 * high), rel=0.05)


def test_the_command_line_says_how_a_picture_looks_and_tells_it(server: Served, client: Client, tmp_path: Path) -> None:
    look = ["-b", "B08", "--min", "1000", "--max", "3000", "--palette", "navy,#ff0,FF0000"]
    target = ["--server", server.address]
    result = CliRunner().invoke(cli, ["download", "scene", *look, "-o", str(tmp_path / "a.png"), *target])
    assert result.exit_code == 0, result.output
    shown = {"min": 1000, "max": 3000, "palette": ["000080", "FFFF00", "FF0000"]}
    params = {"image": "scene", "format": "PNG", "bands": ["B08"], "visualization": shown}
    assert (tmp_path / "a.png").read_bytes() == client.stream(params)

    picture = ["--format", "GEO_TIFF", "--visualize", "--gamma", "1,2,1", "--stretch", "0,100"]
    lines = CliRunner().invoke(cli, ["plan", "scene", *picture, *target]).output.splitlines()
    assert "shows B04, B03, B02: red, green and blue by the common names of the catalog" in lines
    (green,) = [line for line in lines if line.startswith("  B03 from ")]
    assert green.endswith("gamma 2: percentiles 0 and 100 of 600 x 600 pixels of an overview")
    refused = CliRunner().invoke(cli, ["plan", "scene", "--max", "x", "--stretch", "5", *target])
    assert refused.exit_code != 0
