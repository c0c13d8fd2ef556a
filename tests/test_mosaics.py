"""Mosaics from typed fields: scenes of two UTM zones, compared with gdalwarp."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import pyproj
import pytest
import rasterio
from affine import Affine
from google.protobuf import json_format
from rasterio.io import MemoryFile

from effort import HANG
from graphs import call, graph
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2, download_service_pb2
from serving import Served, refusal, served

GDALWARP = shutil.which("gdalwarp")
NODATA = 0
SIZE = 300
DAYS = [f"2021-01-{day:02d}" for day in range(1, 13)]
TRANSFORM = (0.0005, 0.0, -120.2, 0.0, -0.0005, 37.15)
SHAPE = (800, 500)
GRID = {"crs": "EPSG:4326", "crsTransform": TRANSFORM, "dimensions": SHAPE}


@dataclass(frozen=True)
class Scenes:
    """Twelve scenes around 120 degrees west, where UTM zones 10 and 11 meet, in the order of their ids."""

    server: Served
    files: list[Path]


def write_scene(root: Path, number: int, rng: np.random.Generator) -> Path:
    zone = 10 + number % 2
    crs = f"EPSG:326{zone}"
    lon, lat = -120.15 + 0.06 * (number % 6), 37.12 - 0.07 * (number // 6)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    transform = Affine(30, 0, round(x / 30) * 30 - 3000, 0, -30, round(y / 30) * 30)
    pixels = rng.integers(1, 10_000, (2, SIZE, SIZE)).astype("uint16")
    pixels[:, rng.random((SIZE, SIZE)) < 0.3] = NODATA
    folder = root / f"scene-{number:02d}"
    folder.mkdir(parents=True)
    for name, band in zip(("red", "nir"), pixels, strict=True):
        profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "count": 1, "dtype": "uint16", "nodata": NODATA}
        with rasterio.open(folder / f"{name}.tif", "w", **profile, crs=crs, transform=transform) as file:
            file.write(band, 1)
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"scene-{number:02d}",
        "collection": "made/up",
        "properties": {"datetime": f"{DAYS[number]}T12:00:00Z", "cloud": (number * 5) % 12, "name": f"n{number}"},
        "assets": {name: {"href": f"./{name}.tif", "type": "image/tiff"} for name in ("red", "nir")},
    }
    (folder / "item.json").write_text(json.dumps(item))
    return folder


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    root = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(5)
    files = [write_scene(root / "catalog", number, rng) for number in range(12)]
    settings = Settings(root / "catalog", grpc_port=0, http_port=-1, state_dir=root / "state")
    with served(settings) as server:
        yield Scenes(server, files)


def params(mosaic: dict[str, Any], **fields: Any) -> download_pb2.DownloadParams:
    document = {"mosaic": mosaic, "format": "FORMAT_GEO_TIFF", "bands": [{"id": "red"}], **GRID, **fields}
    return json_format.ParseDict({k: v for k, v in document.items() if v is not None}, download_pb2.DownloadParams())


def pixels(server: Served, request: download_pb2.DownloadParams) -> tuple[npt.NDArray[Any], download_pb2.DownloadPlan]:
    data, plan = server.stream(request)
    with MemoryFile(data) as memory, memory.open() as file:
        return file.read(1), plan


def warped(files: list[Path], target: Path, band: str = "red") -> npt.NDArray[Any]:
    """Return the mosaic of gdalwarp, with the last file on top."""
    assert GDALWARP is not None
    a, _, x, _, e, y = TRANSFORM
    width, height = SHAPE
    box = [x, y + e * height, x + a * width, y]
    options = ["-q", "-et", "0", "-r", "near", "-t_srs", "EPSG:4326", "-ts", width, height, "-te", *box]
    sources = [str(folder / f"{band}.tif") for folder in files]
    subprocess.run([GDALWARP, *map(str, options), *sources, target], check=True)
    with rasterio.open(target) as file:
        array: npt.NDArray[Any] = file.read(1)
        return array


@pytest.fixture(scope="module")
def alone(scenes: Scenes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, npt.NDArray[Any]]:
    """By band, the pixels of each scene by itself, from gdalwarp: scenes x rows x columns."""
    folder = tmp_path_factory.mktemp("alone")
    return {
        band: np.stack([warped([scene], folder / f"{band}{n}.tif", band) for n, scene in enumerate(scenes.files)])
        for band in ("red", "nir")
    }


IDS = [f"scene-{number:02d}" for number in range(12)]
ALL_IMAGES = {"images": {"ids": IDS}}
QUERIED = {"query": {"collection": "made/up"}}

needs_gdalwarp = pytest.mark.skipif(GDALWARP is None, reason="gdalwarp is not installed")


@needs_gdalwarp
@pytest.mark.parametrize("mosaic", [ALL_IMAGES, QUERIED], ids=["listed", "queried"])
def test_twelve_scenes_of_two_zones_are_the_mosaic_of_gdalwarp(
    scenes: Scenes, mosaic: dict[str, Any], tmp_path: Path
) -> None:
    for composite, files in (("COMPOSITE_LAST", scenes.files), ("COMPOSITE_FIRST", scenes.files[::-1])):
        composite_pixels, plan = pixels(scenes.server, params({**mosaic, "composite": composite}))
        expected = warped(files, tmp_path / f"{composite}.tif")
        np.testing.assert_array_equal(composite_pixels, expected)
        assert (expected != NODATA).mean() > 0.4
        assert plan.scenes == 12
        assert 0 < plan.source_bytes <= 12 * SIZE * SIZE * 2


@needs_gdalwarp
@pytest.mark.parametrize("composite", ["MIN", "MAX", "MEAN", "MEDIAN", "COUNT"])
def test_composites_are_those_of_numpy_over_each_scene_warped_alone(
    scenes: Scenes, alone: dict[str, npt.NDArray[Any]], composite: str
) -> None:
    composite_pixels, _ = pixels(scenes.server, params({**ALL_IMAGES, "composite": f"COMPOSITE_{composite}"}))
    stack = alone["red"].astype(float)
    stack[stack == NODATA] = np.nan
    valid = ~np.isnan(stack).all(axis=0)
    if composite == "COUNT":
        np.testing.assert_array_equal(composite_pixels, (~np.isnan(stack)).sum(axis=0))
        return
    numpy_function = getattr(np, f"nan{composite.lower()}")
    np.testing.assert_allclose(composite_pixels[valid], numpy_function(stack[:, valid], axis=0), rtol=1e-12)
    assert (np.nan_to_num(composite_pixels[~valid]) == 0).all()


@needs_gdalwarp
def test_the_best_scene_by_a_band_gives_all_bands(scenes: Scenes, alone: dict[str, npt.NDArray[Any]]) -> None:
    request = params({**ALL_IMAGES, "composite": "COMPOSITE_QUALITY", "qualityBand": "nir"})
    composite_pixels, _ = pixels(scenes.server, request)
    best = alone["nir"].argmax(axis=0)
    np.testing.assert_array_equal(composite_pixels, np.take_along_axis(alone["red"], best[None], 0)[0])


def test_each_band_of_a_mosaic_is_resampled_as_it_asks(scenes: Scenes) -> None:
    kinds = ("NEAREST", "BILINEAR", "CUBIC")
    bands = [{"id": "red", "resampling": f"RESAMPLING_{kind}"} for kind in kinds]
    data, _ = scenes.server.stream(params(ALL_IMAGES, bands=bands))
    with MemoryFile(data) as memory, memory.open() as file:
        together = dict(zip(kinds, file.read(), strict=True))
    for kind, band in zip(kinds, bands, strict=True):
        alone, _ = pixels(scenes.server, params(ALL_IMAGES, bands=[band]))
        np.testing.assert_array_equal(together[kind], alone)
    assert (together["NEAREST"] != together["BILINEAR"]).any()
    assert (together["CUBIC"] != together["BILINEAR"]).any()


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"startTime": "2021-01-03T00:00:00Z", "endTime": "2021-01-05T00:00:00Z"}, [2, 3]),
        ({"filters": [{"property": "cloud", "comparison": "COMPARISON_LESS", "number": 2}]}, [0, 5]),
        ({"filters": [{"property": "cloud", "comparison": "COMPARISON_GREATER_OR_EQUAL", "number": 10}]}, [2, 7]),
        ({"filters": [{"property": "name", "comparison": "COMPARISON_EQUAL", "text": "n4"}]}, [4]),
        ({"sortBy": "cloud", "limit": 3}, [0, 5, 10]),
        ({"sortBy": "system:time_start", "descending": True, "limit": 1}, [11]),
        ({"bounds": {"boundingBox": {"west": -120.2, "south": 37.11, "east": -120.17, "north": 37.12}}}, [0]),
    ],
)
def test_a_query_chooses_scenes(scenes: Scenes, query: dict[str, Any], numbers: list[int]) -> None:
    wide = {"crsTransform": [0.002, 0, -120.6, 0, -0.002, 37.4], "dimensions": [600, 400]}
    request = params({"query": {"collection": "made/up", **query}, "composite": "COMPOSITE_COUNT"}, **wide)
    explicit = params({"images": {"ids": [IDS[n] for n in numbers]}, "composite": "COMPOSITE_COUNT"}, **wide)
    composite_pixels, plan = pixels(scenes.server, request)
    expected, _ = pixels(scenes.server, explicit)
    np.testing.assert_array_equal(composite_pixels, expected)
    assert plan.scenes == len(numbers)


def test_only_scenes_that_touch_the_output_count(scenes: Scenes) -> None:
    corner = {"crsTransform": [0.0005, 0, -120.19, 0, -0.0005, 37.119], "dimensions": [10, 10]}
    _, plan = pixels(scenes.server, params(ALL_IMAGES, **corner))
    assert plan.scenes == 1
    assert plan.source_bytes < 10 * 10 * 10 * 2


def test_by_default_a_mosaic_has_the_pixels_of_its_first_scene(scenes: Scenes) -> None:
    region = {"boundingBox": {"west": -120.1, "south": 37.0, "east": -120.0, "north": 37.1}}
    request = params(ALL_IMAGES, crs=None, crsTransform=None, dimensions=None, region=region)
    planned = scenes.server.downloads.PlanDownload(download_service_pb2.PlanDownloadRequest(params=request)).plan
    grid = planned.rasters[0].grid
    assert (grid.crs, grid.crs_transform[0], grid.crs_transform[4]) == ("EPSG:32610", 30.0, -30.0)


BOX = {"west": -121, "south": 36, "east": -119, "north": 38}


def bounded(**area: Any) -> dict[str, Any]:
    return {"query": {"collection": "made/up", "bounds": area}}


@pytest.mark.parametrize(
    ("mosaic", "fields", "message"),
    [
        ({"images": {"ids": ["scene-00", "nope"]}}, {}, "mosaic.images.ids[1]: no image 'nope' in this catalog"),
        (
            {"images": {"ids": ["Scene-01"]}},
            {},
            "mosaic.images.ids[0]: no image 'Scene-01' in this catalog; did you mean",
        ),
        ({"query": {"collection": "nope"}}, {}, "mosaic.query.collection: no collection 'nope' in this catalog"),
        (ALL_IMAGES, {"crs": None, "crsTransform": None, "dimensions": None}, "has no bounds; give a region"),
        (ALL_IMAGES, {"bands": [{"id": "blue"}]}, "bands[0].id: no band 'blue' in the image; it has "),
        ({**ALL_IMAGES, "composite": "COMPOSITE_QUALITY"}, {}, "mosaic.quality_band: counts with COMPOSITE_QUALITY"),
        (
            {**ALL_IMAGES, "composite": "COMPOSITE_QUALITY", "qualityBand": "x"},
            {},
            "mosaic.quality_band: Band pattern 'x' did not match",
        ),
        ({"images": {"ids": ["scene-00"]}, "composite": 99}, {}, "mosaic.composite: has to be one of COMPOSITE_FIRST,"),
        ({}, {}, "mosaic.scenes: is required; give one of images, query"),
        ({"query": {"collection": "made/up", "startTime": "2031-01-03T00:00:00Z"}}, {}, "no image passes the query"),
        (
            {
                "query": {
                    "collection": "made/up",
                    "startTime": "2021-01-03T00:00:00Z",
                    "endTime": "2021-01-02T00:00:00Z",
                }
            },
            {},
            "mosaic.query.end_time: has to be after start_time",
        ),
        (bounded(geojson="x"), {}, "mosaic.query.bounds.geojson: is not a GeoJSON geometry"),
        (bounded(geojson='{"type": "Polygon"}'), {}, "mosaic.query.bounds.geojson: is not a GeoJSON geometry"),
        (bounded(), {}, "mosaic.query.bounds.shape: is required; give one of bounding_box, geojson"),
        (bounded(boundingBox=BOX, crs="EPSG:0"), {}, "mosaic.query.bounds.crs: 'EPSG:0' is not a known"),
        (bounded(boundingBox={**BOX, "south": -100}), {}, "mosaic.query.bounds.bounding_box: latitude -100"),
        (bounded(boundingBox={**BOX, "south": 40}), {}, "mosaic.query.bounds.bounding_box: [-121, 40, -119, 38] is"),
        (
            bounded(boundingBox={"west": 1e11, "south": 1e11, "east": 2e11, "north": 2e11}, crs="EPSG:32610"),
            {},
            "mosaic.query.bounds: the geometry reaches beyond where EPSG:4326 is defined",
        ),
    ],
)
def test_mosaics_that_cannot_be_are_refused(
    scenes: Scenes, mosaic: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        scenes.server.create(params(mosaic, **fields))
    refused = refusal(caught.value)
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert message in refused.message


def told(server: Served, request: download_pb2.DownloadParams) -> dict[str, str]:
    """Return the reasons of a refusal, by field."""
    with pytest.raises(grpc.RpcError) as caught:
        server.create(request)
    refused = refusal(caught.value)
    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    return refused.fields


def test_all_that_is_wrong_with_a_mosaic_is_told_at_once(scenes: Scenes) -> None:
    query = {
        "collection": "made/up",
        "startTime": "2021-01-03T00:00:00Z",
        "endTime": "2021-01-02T00:00:00Z",
        "filters": [
            {"property": "cloud", "comparison": "COMPARISON_LESS", "number": 2},
            {"property": "cloud", "comparison": "COMPARISON_LESS", "number": "NaN"},
            {"property": "cloud", "number": 3},
            {"property": "cloud", "comparison": "COMPARISON_LESS"},
        ],
        "bounds": {"geojson": "x"},
        "limit": -1,
    }
    assert told(scenes.server, params({"query": query}, scale=-1)) == {
        "mosaic.query.end_time": "TIMES_SWAPPED",
        "mosaic.query.filters[1].number": "NOT_FINITE",
        "mosaic.query.filters[2].comparison": "ENUM_NOT_IN",
        "mosaic.query.filters[3].value": "REQUIRED",
        "mosaic.query.bounds.geojson": "REGION_NOT_GEOJSON",
        "mosaic.query.limit": "INT32_GTE",
        "scale": "DOUBLE_GT",
    }


def test_properties_that_no_image_has_are_told_by_name(scenes: Scenes) -> None:
    filters = [{"property": "cluod", "comparison": "COMPARISON_LESS", "number": 2}]
    request = params({"query": {"collection": "made/up", "filters": filters, "sortBy": "nothing"}})
    assert told(scenes.server, request) == {
        "mosaic.query.filters[0].property": "PROPERTY_UNKNOWN",
        "mosaic.query.sort_by": "PROPERTY_UNKNOWN",
    }
    filters[0]["property"] = "system:time_start"
    query = {"collection": "made/up", "filters": filters, "sortBy": "system:index"}
    assert told(scenes.server, params({"query": query})) == {"mosaic.query": "NO_SCENE"}


def test_all_images_that_are_not_there_are_told_at_once(scenes: Scenes) -> None:
    request = params({"images": {"ids": ["nope", "scene-00", "nix"]}})
    assert set(told(scenes.server, request)) == {"mosaic.images.ids[0]", "mosaic.images.ids[2]"}


def test_bands_that_a_mosaic_lacks_are_told_with_what_else_is_wrong(scenes: Scenes) -> None:
    request = params(ALL_IMAGES, bands=[{"id": "red"}, {"id": "blue"}], scale=-1)
    assert set(told(scenes.server, request)) == {"scale", "bands[1].id"}


def test_a_time_that_is_none_is_told_as_such(scenes: Scenes) -> None:
    request = params({"query": {"collection": "made/up"}})
    request.mosaic.query.start_time.seconds = 1 << 60
    request.mosaic.query.end_time.nanos = -5
    assert set(told(scenes.server, request)) == {"mosaic.query.start_time", "mosaic.query.end_time"}


def test_the_bounds_of_a_query_may_be_in_any_crs(scenes: Scenes) -> None:
    point = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32610", always_xy=True).transform(-120.18, 37.115)
    corner = {"type": "Point", "coordinates": point}
    _, plan = pixels(scenes.server, params(bounded(geojson=json.dumps(corner), crs="EPSG:32610")))
    assert plan.scenes == 1


def test_as_many_filters_as_the_schema_allows_are_taken(scenes: Scenes) -> None:
    filters = [{"property": "cloud", "comparison": "COMPARISON_NOT_EQUAL", "number": n} for n in range(1, 101)]
    _, plan = pixels(scenes.server, params({"query": {"collection": "made/up", "filters": filters}}))
    assert plan.scenes == 1


def planned(scenes: Scenes, document: dict[str, Any]) -> download_pb2.DownloadPlan:
    request = json_format.ParseDict(document, download_pb2.DownloadParams())
    message = download_service_pb2.PlanDownloadRequest(params=request)
    return scenes.server.downloads.PlanDownload(message, timeout=HANG).plan


def test_a_plan_says_how_a_box_was_read_whose_west_is_greater_than_its_east(scenes: Scenes) -> None:
    around = {"boundingBox": {"west": 10, "south": 36, "east": -119, "north": 38}}
    coarse = {"image": IDS[0], "bands": [{"id": "red"}], "crs": "EPSG:4326", "scale": 1000}
    (note,) = planned(scenes, coarse | {"region": around}).notes
    assert note.field == "region"
    assert note.text == (
        "its west, 10, is greater than its east, -119, so it was read as the 231 degrees over the antimeridian; "
        "swap the two, if it is not meant to go around most of the earth"
    )
    straight = {"boundingBox": {"west": -121, "south": 36, "east": 10, "north": 38}}
    assert not planned(scenes, coarse | {"region": straight}).notes
    unused = {"crsTransform": [0.01, 0, -121, 0, -0.01, 38], "dimensions": [100, 100], "scale": None}
    exact = {key: value for key, value in {**coarse, **unused, "region": around}.items() if value is not None}
    assert [item.field for item in planned(scenes, exact | {"dimensions": []}).ignored] == ["region"]
    assert not planned(scenes, exact | {"dimensions": []}).notes
    query = {"collection": "made/up", "bounds": around}
    mosaic = {"mosaic": {"query": query}, "bands": [{"id": "red"}], **GRID}
    assert [(note.field, "231" in note.text) for note in planned(scenes, mosaic).notes] == [
        ("mosaic.query.bounds", True)
    ]
    pacific = coarse | {"region": {"boundingBox": {"west": 170, "south": 36, "east": -119, "north": 38}}}
    (note,) = planned(scenes, pacific).notes
    assert note.text.endswith("so it was read as the 71 degrees over the antimeridian")


def test_a_plan_says_what_the_catalog_could_not_answer(scenes: Scenes) -> None:
    weekend = call("Filter.calendarRange", start=6, end=7, field="day_of_week")
    loaded = call("ImageCollection.load", id="made/up")
    result = call("reduce.min", collection=call("Collection.filter", collection=loaded, filter=weekend))
    plan = planned(scenes, {"expression": graph(result), "bands": [{"id": "red"}], **GRID})
    assert plan.images_tested == 12
    (note,) = plan.notes
    assert (note.field, "12 images, one by one" in note.text) == ("expression", True)
    plain = planned(scenes, {"mosaic": QUERIED, "bands": [{"id": "red"}], **GRID})
    assert (plain.images_tested, len(plain.notes)) == (0, 0)
