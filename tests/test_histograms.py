"""Histograms of bands, beside NumPy's over what rasterio reads."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.features import geometry_mask

from asking import ask
from cases import every
from pictured import SIDE, TRANSFORM, read_picture, reflectance, write_raster, write_scene
from rasterwire import Client
from rasterwire.client.errors import DownloadFailed, InvalidParams
from rasterwire.download.band_values import MAX_PIXELS, _spread_windows
from rasterwire.download.histograms import _counts
from rasterwire.pixels import Window
from rasterwire.server.settings import Settings
from serving import Served, served

LARGEST = np.finfo("float64").max

FEW = {
    "narrow": np.array([1, np.nextafter(1, 2)]),
    "large": np.array([1 << 60, (1 << 60) + 256], "int64"),
    "wide": np.array([-LARGEST, 0, 0, LARGEST]),
    "subnormal": np.array([0, 5e-324]),
    "equal": np.array([7], "uint8"),
}
"""Values of bands that are few floating-point numbers apart, or more than the largest one."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("histograms")
    write_scene(folder)
    write_raster(folder / "bare.tif", reflectance(2, 2000), nodata=0)
    write_raster(folder / "nothing.tif", np.zeros((1, 30, 30), "uint16"), nodata=0)
    ratio = np.linspace(-1, 3, 2500, dtype="float32").reshape(1, 50, 50)
    ratio[0, 0, :3] = np.nan, np.inf, -np.inf
    write_raster(folder / "ratio.tif", ratio)
    for name, few in FEW.items():
        write_raster(folder / f"{name}.tif", np.resize(few, (1, 20, 20)))
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


def overview(folder: Path, name: str, level: int | None = 0) -> tuple[np.ndarray, np.ndarray]:
    options = {} if level is None else {"overview_level": level}
    with rasterio.open(folder / f"{name}.tif", **options) as file:
        return file.read(1), file.read_masks(1) > 0


def test_a_histogram_is_that_of_an_overview(folder: Path, client: Client) -> None:
    (band,) = client.histogram({"image": "scene", "bands": "B04", "buckets": 64, "percents": [2, 50, 98]}).bands
    data, valid = overview(folder, "B04")
    values = data[valid].astype("float64")
    assert (band.id, band.min, band.max) == ("B04", values.min(), values.max())
    assert list(band.counts) == np.histogram(values, 64)[0].tolist()
    assert list(band.percentiles) == np.percentile(values, [2, 50, 98]).tolist()
    assert (band.valid_count, band.pixel_count) == (values.size, data.size)
    assert (band.overview, band.is_exact) == (2, False)


def test_the_bands_of_a_picture_are_the_default(client: Client) -> None:
    bands = client.histogram({"image": "scene"}).bands
    assert [band.id for band in bands] == ["B04", "B03", "B02"]
    assert [len(band.counts) for band in bands] == [256] * 3
    shown = client.plan({"image": "scene", "format": "PNG"}).visualization.bands
    assert [[*band.percentiles] for band in bands] == [[band.min, band.max] for band in shown]


def test_a_region_is_looked_at_as_finely_as_it_fits(folder: Path, client: Client) -> None:
    x, y = TRANSFORM.c, TRANSFORM.f
    corners = [[x + 1000, y - 1000], [x + 9000, y - 1000], [x + 1000, y - 7000], [x + 1000, y - 1000]]
    shape = {"type": "Polygon", "coordinates": [corners]}
    region = {"geojson": shape, "crs": "EPSG:32632"}
    (band,) = client.histogram({"image": "scene", "bands": ["B08"], "region": region}).bands
    data, valid = overview(folder, "B08", None)
    inside = geometry_mask([shape], data.shape, TRANSFORM, invert=True)
    values = data[valid & inside].astype("float64")
    assert abs(band.valid_count - values.size) <= 0.001 * values.size  # of centres on the very edge
    assert list(band.percentiles) == pytest.approx(np.percentile(values, [2, 98]), abs=1)
    assert (band.overview, band.is_exact) == (1, True)
    assert band.pixel_count == pytest.approx(inside.sum(), rel=0.001)


def test_a_raster_without_overviews_is_looked_at_in_windows(folder: Path, client: Client) -> None:
    (band,) = client.histogram({"image": "bare", "buckets": 16}).bands
    data, valid = overview(folder, "bare", None)
    assert band.pixel_count <= MAX_PIXELS < data.size
    assert not band.is_exact
    assert sum(band.counts) == band.valid_count
    low, high = np.percentile(data[valid].astype("float64"), [2, 98])
    assert list(band.percentiles) == pytest.approx([low, high], abs=0.02 * (high - low))


def test_what_is_no_number_is_not_counted(folder: Path, client: Client) -> None:
    (band,) = client.histogram({"image": "ratio"}).bands
    data, _ = overview(folder, "ratio", None)
    assert (band.valid_count, band.pixel_count, band.is_exact) == (2497, 2500, True)
    assert (band.min, band.max) == (data[np.isfinite(data)].min(), 3)
    (empty,) = client.histogram({"image": "nothing"}).bands
    assert (empty.valid_count, list(empty.counts), list(empty.percentiles)) == (0, [], [])
    assert not empty.HasField("min")


@every(
    ("name", "counts"),
    [
        ("narrow", [200, 0, 0, 200]),
        ("large", [200, 0, 0, 200]),
        ("wide", [100, 0, 200, 100]),
        ("subnormal", [200, 0, 0, 200]),
        ("equal", [400, 0, 0, 0]),
    ],
)
def test_values_may_lie_as_near_or_as_far_as_they_can(client: Client, name: str, counts: list[int]) -> None:
    request_ = {"image": name, "buckets": 4, "percents": [0, 10, 40, 90, 100]}
    (band,) = client.histogram(request_).bands
    assert list(band.counts) == counts
    values = np.sort(np.resize(FEW[name], 400).astype("float64"))
    assert list(band.percentiles) == [values[0], *(values[index] for index in (40, 160, 360)), values[-1]]
    shown = read_picture(client.stream({"image": name, "format": "PNG", "visualization": {"gamma": [1]}}))
    assert set(np.unique(shown[0])) <= {0, 128, 255}
    assert 0 in shown[0]
    assert (255 in shown[0]) == (name != "equal")


@every(("seed", "buckets"), [(seed, buckets) for seed in range(8) for buckets in (1, 7, 64, 256, 1024)])
def test_counts_of_ordinary_values_are_those_of_numpy(seed: int, buckets: int) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.integers(-3000, 12000, 50_000).astype("float64")
    for values in (whole, rng.normal(0.3, 0.1, 50_000)):
        low, high = values.min(), values.max()
        assert _counts(values, low, high, buckets) == np.histogram(values, buckets)[0].tolist()


def test_http_answers_as_grpc_does(server: Served, client: Client) -> None:
    target = "/v1/images/scene:histogram?bands=B04,B03&buckets=4&percents=5,95&region=7.0,51.0,12.0,52.0"
    status, _, body = ask(server, "GET", target)
    assert status == 200, body
    bands = json.loads(body)["bands"]
    request = {"image": "scene", "bands": ["B04", "B03"], "buckets": 4, "percents": [5, 95], "region": [7, 51, 12, 52]}
    assert [band["counts"] for band in bands] == [list(band.counts) for band in client.histogram(request).bands]
    assert bands[0].keys() == {
        *("id", "min", "max", "percentiles", "counts", "validCount", "pixelCount", "overview", "isExact")
    } - ({"isExact"} if not bands[0].get("isExact") else set())


@every(
    ("request_", "message"),
    [
        ({"image": "scene", "bands": ["B99"]}, "bands[0]: no band 'B99'"),
        ({"image": "scene", "region": [0, 0, 1, 1]}, "region: does not touch band 'B04'"),
        ({"image": "scene", "buckets": 5000}, "buckets: "),
        ({"image": "scene", "percents": [101]}, "percents[0]: "),
        ({"image": "none"}, "none"),
    ],
)
def test_what_cannot_be_counted_is_refused(client: Client, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(DownloadFailed) as error:
        client.histogram(request_)
    assert message in str(error.value)


def test_all_that_is_no_request_is_told_at_once(client: Client) -> None:
    with pytest.raises(InvalidParams) as error:
        client.histogram({"image": 5, "bands": 7, "percents": "a"})
    assert {violation.field for violation in error.value.violations} == {"image", "bands", "percents[0]"}


@every(("width", "count"), [(2, 16), (1, 8), (8, 64), (5000, 64)])
def test_no_pixel_is_looked_at_twice(width: int, count: int) -> None:
    windows = _spread_windows(Window(3, 5, 2_000_000, width))
    assert len(windows) == len(set(windows)) == count
    spans = sorted({(window.col, window.col + window.width) for window in windows})
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert spans[0][0] >= 5
    assert spans[-1][1] <= 5 + width


def test_no_more_than_the_limit_is_looked_at() -> None:
    assert SIDE * SIDE > MAX_PIXELS  # so that the tests above tell an overview from the whole
