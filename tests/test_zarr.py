"""Zarr stores, compared with what xarray and rioxarray read of them."""

import io
import itertools
import json
import shutil
import sys
import threading
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
import zarr
from affine import Affine
from click.testing import CliRunner
from odc.geo.crs import CRS
from zarr.codecs import BloscCodec, Crc32cCodec, GzipCodec, ZstdCodec

from array_files import TIME_IDS, TIMES, band_of, coordinates, dataset, pixels, rendered
from rasterwire.catalog import array_images
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.tree import scan
from rasterwire.cli.main import cli
from rasterwire.errors import SourceUnavailable
from rasterwire.files import arrays
from rasterwire.files.arrays import chunks, object_reader, opened
from rasterwire.files.arrays.layers import Moment
from rasterwire.files.arrays.times import times_of
from rasterwire.files.arrays.variables import Variable
from rasterwire.geo.region import box_region
from rasterwire.query import Query
from rasterwire.request import GridSpec, Resampling
from rasterwire.server.settings import Settings
from rasterwire.v1 import download_pb2
from serving import served

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata:zarr.errors.ZarrUserWarning")

ROWS, COLS = 130, 170
KINDS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64", "float32", "float64")


def write(path: Path, data: xr.Dataset, version: int = 3, consolidated: bool = True, **encoding: Any) -> Path:
    """Write a store in chunks of 50 x 60."""
    chunked = {
        name: {**data[name].encoding, "chunks": (*(1,) * (len(data[name].dims) - 2), 50, 60), **encoding}
        for name in data.data_vars
        if len(data[name].dims) >= 2
    }
    data.to_zarr(path, zarr_format=version, consolidated=consolidated, encoding=chunked)
    return path


def test_every_type_in_both_versions_has_the_values_and_the_grid_of_xarray(tmp_path: Path) -> None:
    for version, up in itertools.product((2, 3), (False, True)):
        variables = {kind: (("y", "x"), pixels((ROWS, COLS), kind)) for kind in KINDS}
        write(tmp_path / f"v{version}{up}.zarr", dataset(variables, **coordinates(ROWS, COLS, up)), version)
    catalog = FolderCatalog(tmp_path)
    for version, up in itertools.product((2, 3), (False, True)):
        image = catalog.get(f"v{version}{up}")
        stored = xr.open_dataset(
            tmp_path / f"v{version}{up}.zarr", engine="zarr", mask_and_scale=False, decode_coords="all"
        )
        assert [band.name for band in image.bands] == sorted(KINDS)
        for kind in KINDS:
            got, grid = rendered(image, kind)
            assert got.data.dtype == kind
            assert np.array_equal(got.data, stored[kind].values), kind
            assert grid.affine.almost_equals(stored[kind].rio.transform(), 1e-9), kind
            assert (grid.affine.e > 0) is up
            assert grid.crs == CRS("EPSG:32610")


ENCODINGS: dict[str, dict[str, Any]] = {
    "blosc": {"compressors": [BloscCodec(cname="lz4", shuffle="shuffle")]},
    "gzip": {"compressors": [GzipCodec(level=3)]},
    "zstd with crc": {"compressors": [ZstdCodec(), Crc32cCodec()]},
    "none": {"compressors": None},
    "shards": {"shards": (100, 120)},
}


def test_every_codec_and_shards_give_the_values_of_xarray(tmp_path: Path) -> None:
    data = dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS))
    for name, encoding in ENCODINGS.items():
        write(tmp_path / f"{name}.zarr", data, consolidated=name != "gzip", **encoding)
    catalog = FolderCatalog(tmp_path)
    for name in ENCODINGS:
        got, _ = rendered(catalog.get(name), "v")
        assert np.array_equal(got.data, data["v"].values)


def test_other_orders_of_dimensions_and_bytes_are_read_as_rows_of_y(tmp_path: Path) -> None:
    values = pixels((COLS, 3, ROWS))
    data = dataset({"v": (("x", "z", "y"), values)}, z=[10.0, 20.5, -3.0], **coordinates(ROWS, COLS))
    data.to_zarr(tmp_path / "turned.zarr", zarr_format=2, encoding={"v": {"chunks": (40, 2, 50), "dtype": ">i4"}})
    image = FolderCatalog(tmp_path).get("turned")
    assert [band.name for band in image.bands] == ["v_10", "v_20.5", "v_-3"]
    for place, band in enumerate(image.bands):
        got, _ = rendered(image, band.name)
        assert np.array_equal(got.data, values[:, place, :].T)


def cube() -> xr.Dataset:
    """Write a store with times and levels, and with a band that has neither."""
    data = dataset(
        {
            "height": (("y", "x"), pixels((ROWS, COLS), "int16")),
            "temperature": (("time", "level", "y", "x"), pixels((3, 2, ROWS, COLS), "float32")),
            "rain": (("time", "y", "x"), pixels((3, ROWS, COLS), "float32", 2)),
        },
        time=np.array(TIMES, "M8[ns]"),
        level=np.array([850, 500]),
        **coordinates(ROWS, COLS),
    )
    data["rain"].attrs = {"units": "mm", "long_name": "rain of a day"}
    data["rain"].encoding = {"scale_factor": 0.1, "add_offset": 5.0, "_FillValue": -1, "dtype": "int16"}
    return data


def test_times_are_images_and_levels_are_bands(tmp_path: Path) -> None:
    for version in (2, 3):
        write(tmp_path / "sub" / f"cube{version}.zarr", cube(), version)
    catalog = FolderCatalog(tmp_path)
    for version in (2, 3):
        name = f"sub/cube{version}"
        images = [image.id for image in catalog.find(Query(prefix=name)).images]
        assert images == [name, *(f"{name}/{moment}" for moment in TIME_IDS)]
        assert [band.name for band in catalog.get(name).bands] == ["height"]
        stored = xr.open_dataset(tmp_path / f"{name}.zarr", engine="zarr", mask_and_scale=False)
        for place, moment in enumerate(TIME_IDS):
            image = catalog.get(f"{name}/{moment}")
            assert image.start_time is not None
            assert np.datetime64(image.start_time.replace(tzinfo=None), "ns") == np.datetime64(TIMES[place], "ns")
            assert [band.name for band in image.bands] == ["rain", "temperature_850", "temperature_500"]
            for level in (0, 1):
                got, _ = rendered(image, f"temperature_{(850, 500)[level]}")
                assert np.array_equal(got.data, stored["temperature"].values[place, level])
            rain = band_of(image, "rain")
            assert (rain.value_scale, rain.value_offset, rain.nodata, rain.unit) == (0.1, 5.0, -1, "mm")
            assert ("long_name", "rain of a day") in rain.metadata.items
            assert np.array_equal(rendered(image, "rain")[0].data, stored["rain"].values[place])


def test_items_name_stores_by_their_extension_or_type(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", cube())
    write(tmp_path / "b.zarr", dataset({"B02": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    for image_id, time in (("known", "2021-01-10T12:30:00Z"), ("unknown", "2022-01-10T12:30:00Z")):
        assets = {
            "cube": {"href": "./a.zarr/", "type": "application/vnd+zarr"},
            "blue": {"href": "b.zarr", "type": "application/vnd.zarr; version=3"},
        }
        item: dict[str, Any] = {
            "type": "Feature",
            "stac_version": "1.1.0",
            "id": image_id,
            "geometry": None,
            "links": [],
        }
        item |= {"properties": {"datetime": time}, "assets": assets}
        (tmp_path / f"{image_id}.json").write_text(json.dumps(item))
    catalog = FolderCatalog(tmp_path)
    assert [image.id for image in catalog.find(Query()).images] == ["known", "unknown"]
    known = catalog.get("known")
    assert [band.name for band in known.bands] == ["rain", "temperature_850", "temperature_500", "blue"]
    stored = xr.open_dataset(tmp_path / "a.zarr", engine="zarr", mask_and_scale=False)
    assert np.array_equal(rendered(known, "temperature_500")[0].data, stored["temperature"].values[1, 1])
    other = catalog.get("unknown")
    assert [band.name for band in other.bands] == ["blue"]
    assert other.unreadable == (
        ("cube", "it has 3 times, and the image has none of them; give its document the datetime of one"),
    )


def test_a_service_delivers_the_values_of_a_store_as_geotiff_and_npy(tmp_path: Path) -> None:
    data = cube()
    write(tmp_path / "catalog" / "cube.zarr", data)
    stored = xr.open_dataset(tmp_path / "catalog" / "cube.zarr", engine="zarr", mask_and_scale=False)
    params = download_pb2.DownloadParams(
        image=f"cube/{TIME_IDS[1]}", bands=[download_pb2.BandSpec(id="temperature_500")]
    )
    box = download_pb2.BoundingBox(west=500_215, south=3_999_000, east=501_105, north=3_999_905)
    params.region.CopyFrom(download_pb2.Region(bounding_box=box, crs="EPSG:32610"))
    want = stored["temperature"].values[1, 1][9:100, 21:111]
    with served(Settings(tmp_path / "catalog", grpc_port=0, http_port=-1, state_dir=tmp_path / "state")) as server:
        params.format = download_pb2.FORMAT_GEO_TIFF
        body, _ = server.stream(params)
        with rasterio.MemoryFile(body) as memory, memory.open() as raster:
            assert raster.transform == Affine(10, 0, 500_210, 0, -10, 3_999_910)
            assert raster.descriptions == ("temperature_500",)
            assert np.array_equal(raster.read(1), want)
        params.format = download_pb2.FORMAT_NPY
        body, _ = server.stream(params)
        assert np.array_equal(np.load(io.BytesIO(body))["temperature_500"], want)


GRIDS: dict[str, dict[str, Any]] = {
    "coarser": {"scale": 31.3},
    "degrees": {"crs": CRS("EPSG:4326"), "scale": 8.3},
    "rotated": {"crs": CRS("EPSG:32610"), "transform": Affine(3.1, 1.3, 500_100.1, 1.3, -3.1, 3_999_800.7)},
}


def test_all_resamplings_give_what_they_give_of_a_geotiff_with_the_same_pixels(tmp_path: Path) -> None:
    box = box_region(500_110.0, 3_999_010.0, 501_290.0, 3_999_890.0, CRS("EPSG:32610"))
    for dtype, fill in (("uint16", 0), ("float32", np.nan), ("int64", 77)):
        values = pixels((ROWS, COLS), dtype)
        values[30:60, 20:50] = fill
        data = dataset({"v": (("y", "x"), values)}, **coordinates(ROWS, COLS))
        write(tmp_path / f"zarr-{dtype}.zarr", data, _FillValue=fill)
        profile = {"driver": "GTiff", "height": ROWS, "width": COLS, "count": 1, "dtype": dtype, "nodata": fill}
        place = {"crs": "EPSG:32610", "transform": Affine(10, 0, 500_000, 0, -10, 4_000_000)}
        with rasterio.open(tmp_path / f"tiff-{dtype}.tif", "w", **profile, **place) as raster:
            raster.write(values, 1)
    catalog = FolderCatalog(tmp_path)
    for dtype in ("uint16", "float32", "int64"):
        array, tiff = catalog.get(f"zarr-{dtype}"), catalog.get(f"tiff-{dtype}")
        for grid, resampling in itertools.product(GRIDS, Resampling):
            fields = {"grid": GridSpec(**GRIDS[grid]), "region": box, "resampling": resampling}
            got, _ = rendered(array, array.bands[0].name, **fields)
            want, _ = rendered(tiff, tiff.bands[0].name, **fields)
            case = dtype, grid, resampling
            assert np.array_equal(got.valid, want.valid), case
            assert np.array_equal(got.data[got.valid], want.data[want.valid]), case


def test_nearest_takes_the_pixel_under_each_exact_position_in_a_grid_with_y_upwards(tmp_path: Path) -> None:
    values = pixels((ROWS, COLS), "int32")
    write(tmp_path / "up.zarr", dataset({"v": (("y", "x"), values)}, **coordinates(ROWS, COLS, up=True)))
    box = box_region(-123.001, 36.13, -122.99, 36.14)
    got, grid = rendered(
        FolderCatalog(tmp_path).get("up"), "v", grid=GridSpec(crs=CRS("EPSG:4326"), scale=4.1), region=box
    )
    height, width = got.data.shape
    col, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    lon, lat = grid.affine * (col, row)
    x, y = pyproj.Transformer.from_crs(4326, 32610, always_xy=True).transform(lon, lat)
    source_col = np.floor((x - 500_000) / 10).astype(int)
    source_row = np.floor((y - (4_000_000 - 10 * ROWS)) / 10).astype(int)  # the first row is the southernmost
    inside = (source_col >= 0) & (source_col < COLS) & (source_row >= 0) & (source_row < ROWS)
    assert inside.sum() > 1000
    assert np.array_equal(got.valid, inside)
    assert np.array_equal(got.data[inside], values[source_row[inside], source_col[inside]])


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> "Counter[str]":
    """Count the objects that are read."""
    counter: Counter[str] = Counter()
    read = object_reader.FolderReader._read
    lock = threading.Lock()

    def counted(self: object_reader.FolderReader, key: str, part: object_reader.Range | None) -> bytes | None:
        with lock:
            counter[key] += 1
        return read(self, key, part)

    monkeypatch.setattr(object_reader.FolderReader, "_read", counted)
    return counter


def test_only_the_chunks_under_a_window_are_read_and_each_once(tmp_path: Path, reads: "Counter[str]") -> None:
    values = pixels((4, 500, 600))
    data = dataset(
        {"v": (("time", "y", "x"), values)}, time=np.arange(4).astype("M8[D]").astype("M8[ns]"), **coordinates(500, 600)
    )
    write(tmp_path / "a.zarr", data)
    catalog = FolderCatalog(tmp_path)
    image = catalog.get("a/19700103T000000Z")
    assert not [key for key in reads if key.startswith("v/c/")]
    box = box_region(500_610.0, 3_998_010.0, 501_190.0, 3_998_490.0, CRS("EPSG:32610"))
    reads.clear()
    got, _ = rendered(image, "v", region=box)
    assert np.array_equal(got.data, values[2, 151:199, 61:119])
    assert reads == {"v/c/2/3/1": 1}
    reads.clear()
    assert np.array_equal(rendered(image, "v")[0].data, values[2])
    assert reads == {f"v/c/2/{row}/{col}": 1 for row in range(10) for col in range(10) if (row, col) != (3, 1)}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "irregular": ({"y": 4_000_000 - np.array([0, 10, 20, 35.0]), "x": np.arange(5.0)}, "are not regular"),
    "falling back": ({"y": np.array([3.0, 2, 2, 3]), "x": np.arange(5.0)}, "do not grow or fall"),
    "no coordinates": ({"x": np.arange(5.0)}, "'y' has no coordinates"),
    "texts": ({"y": np.array(["a", "b", "c", "d"]), "x": np.arange(5.0)}, "or not numbers"),
}


def test_what_has_no_regular_grid_is_refused_with_the_reason(tmp_path: Path) -> None:
    for name, (coords, _) in REFUSED.items():
        dataset({"v": (("y", "x"), pixels((4, 5)))}, **coords).to_zarr(tmp_path / f"{name}.zarr", zarr_format=2)
    dataset({"v": (("a", "b"), pixels((4, 5)))}).to_zarr(tmp_path / "no plane.zarr", zarr_format=2)
    dataset({"v": (("y", "x"), pixels((1, 5)))}, y=[5.0], x=np.arange(5.0)).to_zarr(
        tmp_path / "one.zarr", zarr_format=2
    )
    (tmp_path / "empty.zarr").mkdir()
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": 5}')
    catalog = FolderCatalog(tmp_path)
    problems = {name: problem for name, (_, problem) in REFUSED.items()}
    problems |= {"no plane": "no variable with numbers along y and x", "one": "one coordinate", "bad": "damaged"}
    for name, problem in problems.items():
        with pytest.raises(SourceUnavailable, match=problem):
            catalog.get(name)
    result = CliRunner().invoke(cli, ["images", str(tmp_path), "--check"])
    for name, problem in problems.items():
        assert any(line.startswith(name) and problem in line for line in result.output.splitlines()), name


def test_a_variable_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    data = dataset(
        {"good": (("y", "x"), pixels((4, 5))), "bad": (("lat", "lon"), pixels((3, 5)))},
        lat=[1.0, 2.0, 4.0],
        lon=np.arange(5.0),
        **coordinates(4, 5),
    )
    data.to_zarr(tmp_path / "a.zarr", zarr_format=2)
    catalog = FolderCatalog(tmp_path)
    image = catalog.get("a")
    assert [band.name for band in image.bands] == ["good"]
    assert [name for name, problem in image.unreadable if "not regular" in problem] == ["bad"]
    assert [note.band for note in catalog.check()] == ["bad"]


def test_codecs_that_run_code_are_refused_before_a_chunk_is_read(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)), 2, False)
    document = tmp_path / "a.zarr" / "v" / ".zarray"
    metadata = json.loads(document.read_text())
    for field, value in (("filters", [{"id": "pickle"}]), ("compressor", {"id": "pickle"})):
        document.write_text(json.dumps(metadata | {field: value}))
        with pytest.raises(SourceUnavailable, match=r"codec 'pickle'|no Zarr group"):
            FolderCatalog(tmp_path).get("a")


def test_links_out_of_a_store_are_not_followed(tmp_path: Path) -> None:
    store = write(
        tmp_path / "c" / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS))
    )
    chunk = store / "v" / "c" / "0" / "0"
    shutil.move(chunk, tmp_path / "outside")
    chunk.symlink_to(tmp_path / "outside")
    image = FolderCatalog(tmp_path / "c").get("a")
    with pytest.raises(SourceUnavailable, match="a link to another folder"):
        rendered(image, "v")
    (tmp_path / "c" / "b.zarr").symlink_to(tmp_path / "elsewhere.zarr")
    shutil.move(store, tmp_path / "elsewhere.zarr")
    assert not FolderCatalog(tmp_path / "c").find(Query()).images


def test_chunks_that_are_not_there_have_the_fill_value_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    values = pixels((ROWS, COLS), "float32")
    store = write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), values)}, **coordinates(ROWS, COLS)))
    (store / "v" / "c" / "1" / "1").unlink()
    image = FolderCatalog(tmp_path).get("a")
    stored = xr.open_dataset(store, engine="zarr", mask_and_scale=False)["v"].values
    got, _ = rendered(image, "v")
    assert np.array_equal(got.data, stored, equal_nan=True)
    (store / "v" / "c" / "2" / "2").write_bytes(b"damaged")
    fresh = chunks._Planes(1 << 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_planes", fresh)
        for _ in range(2):
            with pytest.raises(SourceUnavailable, match="damaged"):
                rendered(image, "v")
    assert not fresh._in_progress


def test_nobody_waits_for_chunks_whose_reader_never_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    image = FolderCatalog(tmp_path).get("a")
    fresh = chunks._Planes(1 << 20)
    monkeypatch.setattr(chunks, "_planes", fresh)
    with monkeypatch.context() as patch:
        patch.setattr(chunks, "_pieces", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            rendered(image, "v")
    assert not fresh._in_progress
    rendered(image, "v")


@pytest.mark.parametrize(
    ("unit", "seconds"), [("ms", 0.001), ("s", 1), ("secs", 1), ("h", 3600), ("hrs", 3600), ("Days", 86400)]
)
def test_units_of_time_are_known_in_their_short_forms(unit: str, seconds: float) -> None:
    attributes = {"units": f"{unit} since 2020-01-01"}
    values = np.array([0, 1000])
    variable = Variable("t", ("t",), (2,), values.dtype, attributes, (2,), (2,), None, lambda _: values)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    assert times_of(variable, values) == [start, start + timedelta(seconds=1000 * seconds)]


def test_a_dimension_that_is_only_claimed_costs_no_memory(tmp_path: Path) -> None:
    store = write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    zarr.open_group(store).create_array(
        "deep", shape=(10**6, ROWS, COLS), chunks=(1, ROWS, COLS), dtype="uint8", dimension_names=("z", "y", "x")
    )
    zarr.consolidate_metadata(store)
    FolderCatalog(tmp_path).get("a")  # loads the libraries
    array_files = opened.opened_layers(str(store), "another version")
    tracemalloc.start()
    try:
        assert opened.opened_layers(str(store), "yet another version").left_out == array_files.left_out
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [path for path, _ in array_files.left_out] == ["deep"]
    assert peak < 20e6


def test_documents_of_metadata_that_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    monkeypatch.setattr(object_reader, "_MAX_DOCUMENT_BYTES", 1000)
    with pytest.raises(SourceUnavailable, match="more than 1000 bytes"):
        FolderCatalog(tmp_path).get("a")


def test_images_of_a_store_do_not_each_tell_of_thousands_of_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "zarr.json").touch()
    moments = tuple(Moment(f"time_{number}", None, {"t": number}) for number in range(3))
    left_out = tuple((f"v{number}", "its codec is not read") for number in range(1000))
    monkeypatch.setattr(array_images, "_contents", lambda *_: (moments, left_out))
    entries = array_images.array_images(scan(tmp_path), "a.zarr")
    assert [len(entry.missing_assets) for entry in entries] == [20, 20, 20]
    assert [len(entry.notes) for entry in entries] == [1000, 0, 0]


def test_chunks_that_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    monkeypatch.setattr(chunks, "_MAX_PIECE_BYTES", 5000)
    with pytest.raises(SourceUnavailable, match="6000 bytes, at most 5000"):
        rendered(FolderCatalog(tmp_path).get("a"), "v")


def test_a_store_that_was_written_again_is_another_version(tmp_path: Path) -> None:
    first, second = (
        dataset({"v": (("y", "x"), pixels((ROWS, COLS), seed=n))}, **coordinates(ROWS, COLS)) for n in (1, 2)
    )
    write(tmp_path / "a.zarr", first)
    catalog = FolderCatalog(tmp_path, refresh_seconds=0)
    before = catalog.get("a")
    rendered(before, "v")
    shutil.rmtree(tmp_path / "a.zarr")
    with pytest.raises(SourceUnavailable, match="gone"):
        rendered(before, "v")
    write(tmp_path / "a.zarr", second)
    with pytest.raises(SourceUnavailable, match="changed since"):
        rendered(before, "v")
    assert np.array_equal(rendered(catalog.get("a"), "v")[0].data, second["v"].values)


def test_geozarr_conventions_place_arrays_without_coordinates(tmp_path: Path) -> None:
    transform = [10.0, 0.0, 500_000.0, 0.0, -10.0, 4_000_000.0]
    base = {"spatial:dimensions": ["Y", "X"], "proj:code": "EPSG:32610"}
    cases: dict[str, tuple[dict[str, Any], Affine | str]] = {
        "pixel": ({"spatial:transform": transform}, Affine(*transform)),
        "node": (
            {"spatial:transform": transform, "spatial:registration": "node"},
            Affine(10, 0, 499_995, 0, -10, 4_000_005),
        ),
        "shape": ({"spatial:transform": transform, "spatial:shape": [4, 6]}, "spatial:shape"),
        "kind": ({"spatial:transform": transform, "spatial:transform_type": "rpc"}, "only affine"),
        "short": ({"spatial:transform": transform[:3]}, "six are needed"),
        "none": ({}, "no coordinates"),
        "crs": ({"spatial:transform": transform, "proj:code": "EPSG:999999"}, "coordinate reference system"),
    }
    values = pixels((4, 5))
    for name, (attributes, _) in cases.items():
        group = zarr.open_group(tmp_path / f"{name}.zarr", mode="w", zarr_format=3, attributes=base | attributes)
        array = group.create_array("v", shape=(4, 5), dtype="uint16", chunks=(2, 3), dimension_names=["Y", "X"])
        array[:] = values
    catalog = FolderCatalog(tmp_path)
    for name, (_, expected) in cases.items():
        if isinstance(expected, str):
            with pytest.raises(SourceUnavailable, match=expected):
                catalog.get(name)
            continue
        got, grid = rendered(catalog.get(name), "v")
        assert (grid.affine, grid.crs) == (expected, CRS("EPSG:32610")), name
        assert np.array_equal(got.data, values)


def test_a_server_without_the_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.zarr", dataset({"v": (("y", "x"), pixels((ROWS, COLS)))}, **coordinates(ROWS, COLS)))
    (tmp_path / "b.nc").write_bytes(bytes(10))
    catalog = FolderCatalog(tmp_path)
    monkeypatch.delitem(sys.modules, "rasterwire.files.arrays.zarr_store", raising=False)
    monkeypatch.delitem(sys.modules, "rasterwire.files.arrays.hdf5_file", raising=False)
    monkeypatch.delattr(arrays, "zarr_store", raising=False)
    monkeypatch.delattr(arrays, "hdf5_file", raising=False)
    monkeypatch.setitem(sys.modules, "zarr", None)
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    for name, extra in (("a", "extra zarr"), ("b", "extra netcdf")):
        with pytest.raises(SourceUnavailable, match=extra):
            catalog.get(name)
