"""Exports of Zarr stores, as zarr-python, xarray and rioxarray read them, beside GeoTIFFs of the same requests."""

import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import google_crc32c
import grpc
import numpy as np
import numpy.typing as npt
import pystac
import pytest
import rasterio
import rioxarray  # noqa: F401  the accessor ``rio``
import xarray as xr
import zarr
from affine import Affine

from effort import HANG
from exporting import Exporter, exporter, make_catalog, warped
from rasterwire.client import Client
from rasterwire.export import zarr_layout
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import UnknownUpload
from rasterwire.request import MaskOutput
from rasterwire.store.jobs import PartRecord
from rasterwire.v1 import download_pb2, export_service_pb2
from rasterwire.v1.export_service_pb2 import Export, ExportParams
from serving import refusal

Params = download_pb2.DownloadParams

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
HEIGHT, WIDTH = 700, 1030
TRANSFORM = Affine(10, 0, 500_000, 0, -10, 4_100_000)


def write(path: Path, dtype: str, values: npt.NDArray[Any], **profile: Any) -> None:
    bands, height, width = values.shape
    options = {"crs": "EPSG:32610", "transform": TRANSFORM} | profile
    scales, offsets, units = (options.pop(key, None) for key in ("scales", "offsets", "units"))
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype=dtype, **options
    ) as raster:
        raster.write(values.astype(dtype))
        if scales:
            raster.scales, raster.offsets, raster.units = scales, offsets, units


def values_of(dtype: str, shape: tuple[int, ...], seed: int = 0) -> npt.NDArray[Any]:
    random = np.random.default_rng(seed)
    if dtype.startswith("float"):
        values = random.normal(0, 1e6, shape).astype(dtype)
        values[..., :40, :40] = -0.0
        values[..., 100:140, :40] = np.nan
        return values
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape, dtype, endpoint=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("zarr")
    catalog = make_catalog(folder / "catalog")
    (catalog / "types").mkdir()
    for seed, dtype in enumerate(TYPES):
        write(catalog / "types" / f"{dtype}.tif", dtype, values_of(dtype, (1, HEIGHT, WIDTH), seed))
    scaled = values_of("int16", (2, 300, 200))
    details = {"scales": (0.5, 0.5), "offsets": (-3.0, -3.0), "units": ("K", "K"), "nodata": -32768}
    write(catalog / "scaled.tif", "int16", scaled, **details)
    with rasterio.open(catalog / "scaled.tif", "r+") as raster:
        raster.update_tags(mission="x", units="of nothing", AREA_OR_POINT="Point")
        raster.update_tags(2, grid_mapping="elsewhere", wavelength="842")
    write(catalog / "turned.tif", "uint8", scaled[:1] % 100, transform=Affine(8, 6, 500_000, 6, -8, 4_100_000))
    write(catalog / "lonlat.tif", "uint8", scaled[:1] % 100, crs="EPSG:4326", transform=Affine(0.1, 0, 5, 0, -0.1, 60))
    write(catalog / "plan.tif", "uint8", scaled[:1] % 100, crs='LOCAL_CS["of a plan",UNIT["metre",1]]')
    write(catalog / "nowhere.tif", "uint8", scaled[:1] % 100, crs=None)
    with exporter(folder) as running_exporter:
        yield running_exporter


@pytest.fixture
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr_layout, "_LEAST_BYTES", 1)
    monkeypatch.setattr(zarr_layout, "_CHUNK", 256)


def as_format(params: Params, format_: Any) -> Params:
    copy = Params()
    copy.CopyFrom(params)
    copy.format = format_
    return copy


def stored(running: Exporter, params: Params) -> tuple[Path, Export]:
    """Export a request as a Zarr store, and return where it is."""
    prefix = f"stores/{uuid.uuid4().hex}"
    ended = running.ended(running.create(as_format(params, download_pb2.FORMAT_ZARR), prefix=prefix).name)
    assert ended.state == Export.STATE_SUCCEEDED, ended
    assert ended.parts_done == ended.parts_total == len(ended.files)
    names = sorted(name for name in running.files() if name.startswith(prefix))
    assert names == [file.key for file in ended.files]
    for file in ended.files:
        data = (running.folder / file.key).read_bytes()
        assert (len(data), f"{google_crc32c.value(data):08x}") == (file.size_bytes, file.crc32c)
    return running.folder / f"{prefix}.zarr", ended


def group_of(store: Path) -> Any:
    """Open a store as zarr-python does by itself."""
    return zarr.open_group(store, mode="r", zarr_format=3)


def opened(store: Path, **options: Any) -> xr.Dataset:
    """Open a store with one request for metadata, and by default with the values as they are stored."""
    dataset: xr.Dataset = xr.open_zarr(store, consolidated=True, **({"mask_and_scale": False} | options))
    return dataset


def geotiffs(running: Exporter, params: Params, path: Path) -> Mapping[str, rasterio.DatasetReader]:
    """Return a GeoTIFF of each band of a request, as a download gives them, by the names of bands."""
    path.write_bytes(running.server.stream(as_format(params, download_pb2.FORMAT_ZIPPED_GEO_TIFF_PER_BAND))[0])
    files = [rasterio.open(f"zip://{path}!{name}") for name in zipfile.ZipFile(path).namelist()]
    return {str(file.descriptions[0]): file for file in files}


def same(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> bool:
    """Tell whether arrays have the same type and the same bits."""
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


@pytest.mark.parametrize("mask", [None, download_pb2.MASK_NODATA, download_pb2.MASK_BAND, download_pb2.MASK_EACH_BAND])
@pytest.mark.usefixtures("_many_parts")
def test_arrays_have_the_pixels_masks_and_places_of_a_geotiff(running: Exporter, tmp_path: Path, mask: Any) -> None:
    params = warped(mask=mask)
    path = tmp_path / "whole.tif"
    path.write_bytes(running.server.stream(params)[0])
    store, _ = stored(running, params)
    with rasterio.open(path) as expected, opened(store) as cube:
        masks = {download_pb2.MASK_BAND: ["mask"], download_pb2.MASK_EACH_BAND: ["red_mask", "nir_mask"]}.get(mask, [])
        assert list(cube.data_vars) == ["red", "nir", *masks]
        for index, name in enumerate(("red", "nir"), 1):
            array = cube[name]
            assert array.dims == ("y", "x")
            assert same(array.values, expected.read(index))
            assert (array.rio.nodata, array.rio.crs) == (expected.nodata, expected.crs)
            assert array.rio.transform() == expected.transform
            assert array.rio.transform(recalc=True).almost_equals(expected.transform)
            if masks:
                of = cube[array.attrs["ancillary_variables"]]
                assert np.array_equal(of.values * 255, expected.read_masks(index))
                assert not of.values.all()
        assert len(list((store / "red" / "c").rglob("*"))) > 4
    stored_array = group_of(store)["red"]
    assert (stored_array.chunks, stored_array.shards) == ((256, 256), (256, 256))


@pytest.mark.usefixtures("_many_parts")
@pytest.mark.parametrize("most_bytes", [1 << 26, 1 << 21])
@pytest.mark.parametrize("mask", [None, download_pb2.MASK_BAND, download_pb2.MASK_EACH_BAND])
def test_every_type_keeps_every_bit(
    running: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int, mask: Any
) -> None:
    monkeypatch.setattr(zarr_layout, "_MOST_BYTES", most_bytes)  # with the smaller one, some bands are rendered at once
    region = download_pb2.Region(
        bounding_box=download_pb2.BoundingBox(west=499_000, south=4_094_000, east=512_000, north=4_099_900),
        crs="EPSG:32610",
    )
    params = Params(image="types", mask=mask, region=None if mask is None else region)
    store, _ = stored(running, params)
    files = geotiffs(running, params, tmp_path / "bands.zip")
    assert len(files) == len(TYPES)
    with opened(store) as cube:
        assert list(cube.data_vars)[: len(files)] == list(files)
        every = np.logical_and.reduce([file.read_masks(1) > 0 for file in files.values()])
        assert every.all() == (mask is None)
        for name, file in files.items():
            of_band = file.read_masks(1) > 0
            assert same(cube[name].values[of_band], file.read(1)[of_band]), name
            if mask is not None:
                expected = every if mask == download_pb2.MASK_BAND else of_band
                assert np.array_equal(cube[cube[name].attrs["ancillary_variables"]].values, expected)


@pytest.mark.parametrize(
    ("compression", "level", "codecs"),
    [
        (None, None, ["bytes", "zstd"]),
        (download_pb2.COMPRESSION_ZSTD, 7, ["bytes", "zstd"]),
        (download_pb2.COMPRESSION_DEFLATE, None, ["bytes", "gzip"]),
        (download_pb2.COMPRESSION_NONE, None, ["bytes"]),
    ],
)
def test_chunks_are_compressed_as_asked_and_lie_in_shards(
    running: Exporter, compression: Any, level: int | None, codecs: list[str]
) -> None:
    store, _ = stored(running, Params(image="a", compression=compression, compression_level=level))
    array = group_of(store)["nir"]
    assert (array.shape, array.chunks, array.shards) == ((900, 1300), (512, 512), (1024, 1536))
    (shard,) = json.loads((store / "nir" / "zarr.json").read_text())["codecs"]
    assert [codec["name"] for codec in shard["configuration"]["codecs"]] == codecs
    assert [codec["configuration"].get("level") for codec in shard["configuration"]["codecs"][1:]] in ([level or 1], [])
    assert [path for path in (store / "nir" / "c").rglob("*") if path.is_file()] == [store / "nir" / "c" / "0" / "0"]
    with rasterio.open(running.catalog / "a.tif") as expected:
        assert same(array[:], expected.read(2))


@pytest.mark.usefixtures("_many_parts")
@pytest.mark.parametrize("composite", [download_pb2.COMPOSITE_MEDIAN, download_pb2.COMPOSITE_FIRST])
def test_computed_images_have_the_pixels_of_one_whole_render(running: Exporter, tmp_path: Path, composite: Any) -> None:
    params = warped()
    params.ClearField("image")
    params.mosaic.images.ids.extend(["a", "c"])
    params.mosaic.composite = composite
    store, _ = stored(running, params)
    path = tmp_path / "whole.tif"
    path.write_bytes(running.server.stream(params)[0])
    with rasterio.open(path) as expected, opened(store) as cube, opened(store, mask_and_scale=True) as decoded:
        for index, name in enumerate(("red", "nir"), 1):
            valid = expected.read_masks(index) > 0
            assert not valid.all()
            assert same(cube[name].values[valid], expected.read(index)[valid])
            if composite == download_pb2.COMPOSITE_MEDIAN:  # floats, of which NaN is no value
                assert cube[name].dtype.kind == "f"
                assert np.array_equal(np.isnan(decoded[name].values), ~valid)
            else:  # whole numbers, of which each may be one
                assert cube[name].dtype == "uint16"
                assert np.array_equal(cube[cube[name].attrs["ancillary_variables"]].values, valid)


def test_scale_offset_unit_and_nodata_are_those_of_cf(running: Exporter) -> None:
    store, _ = stored(running, Params(image="scaled"))
    with (
        rasterio.open(running.catalog / "scaled.tif") as source,
        opened(store) as cube,
        opened(store, mask_and_scale=True) as decoded,
    ):
        for index, name in enumerate(decoded.data_vars, 1):
            raw, valid = source.read(index), source.read_masks(index) > 0
            assert same(cube[name].values, raw)
            assert np.array_equal(decoded[name].values[valid], raw[valid] * 0.5 - 3)
            assert np.array_equal(np.isnan(decoded[name].values), ~valid)
            assert decoded[name].attrs["units"] == "K"
            assert decoded[name].rio.encoded_nodata == -32768


def test_items_of_the_source_are_attributes_and_what_has_no_place_is_told(running: Exporter) -> None:
    params = as_format(Params(image="scaled"), download_pb2.FORMAT_ZARR)
    dry = ExportParams(download=params, destination="results", validate_only=True)
    plan = running.stub.CreateExport(export_service_pb2.CreateExportRequest(params=dry), timeout=HANG).plan
    assert {left.item for left in plan.left_out} == {"AREA_OR_POINT"}
    store, _ = stored(running, params)
    group = group_of(store)
    assert group.attrs["mission"] == "x"
    assert "units" not in group.attrs
    second = dict(group["B2"].attrs)
    assert (second["wavelength"], second["grid_mapping"], second["units"]) == ("842", "spatial_ref", "K")
    assert "wavelength" not in group["B1"].attrs


@pytest.mark.parametrize("image", ["turned", "lonlat", "plan", "nowhere"])
def test_every_grid_is_that_of_the_source(running: Exporter, image: str) -> None:
    store, _ = stored(running, Params(image=image))
    with rasterio.open(running.catalog / f"{image}.tif") as source, opened(store) as cube:
        (name,) = cube.data_vars
        assert same(cube[name].values, source.read(1))
        assert cube[name].rio.transform() == source.transform
        if image in {"turned", "lonlat"}:
            assert cube[name].rio.crs == source.crs
        if image == "turned":
            assert set(cube.coords) == {"spatial_ref"}
            return
        assert np.allclose(cube["x"], source.transform.c + source.transform.a * (np.arange(source.width) + 0.5))
        assert np.allclose(cube["y"], source.transform.f + source.transform.e * (np.arange(source.height) + 0.5))
        if image == "lonlat":
            assert cube["y"].attrs["standard_name"] == "latitude"
            assert cube["x"].attrs["units"] == "degrees_east"


@pytest.mark.parametrize("has_item", [False, True])
def test_a_store_in_a_folder_of_images_is_an_image_of_the_same_pixels(
    running: Exporter, tmp_path: Path, has_item: bool
) -> None:
    params = warped(mask=download_pb2.MASK_NODATA)
    path = tmp_path / "whole.tif"
    path.write_bytes(running.server.stream(params)[0])
    store, ended = stored(running, params)
    images = tmp_path / "images"
    images.mkdir()
    if has_item:
        store.with_suffix(".stac.json").rename(images / f"{store.stem}.stac.json")
    store.rename(images / store.name)
    image = ended.prefix if has_item else store.stem
    (tmp_path / "second").mkdir()
    with exporter(tmp_path / "second", catalog=images) as second:
        bands = [download_pb2.BandSpec(id=name) for name in ("red", "nir")]
        again = second.server.stream(Params(image=image, bands=bands, format=download_pb2.FORMAT_GEO_TIFF))[0]
        (tmp_path / "again.tif").write_bytes(again)
    with rasterio.open(path) as expected, rasterio.open(tmp_path / "again.tif") as served:
        assert served.descriptions == expected.descriptions
        assert (served.crs, served.transform, served.nodata) == (expected.crs, expected.transform, expected.nodata)
        assert same(served.read(), expected.read())


def test_what_stands_beside_a_store_says_what_it_is(running: Exporter) -> None:
    store, ended = stored(running, warped())
    item = pystac.Item.from_file(store.with_suffix(".stac.json"))
    item.stac_extensions = []  # their schemas are on the network
    item.validate()
    asset = item.assets["data"]
    assert (asset.href, asset.media_type) == (f"./{store.name}", "application/vnd.zarr; version=3")
    assert [entry.href for entry in item.assets.values()] == [f"./{store.name}", f"./{store.stem}.provenance.json"]
    provenance = json.loads(store.with_suffix(".provenance.json").read_text())
    keys = [file["key"] for file in provenance["files"]]
    assert sorted(keys) == sorted(file.key for file in ended.files if ".zarr/" in file.key)
    attributes = group_of(store).attrs
    assert attributes["rasterwire"]["export"] == ended.name
    assert (attributes["rasterwire"]["etag"], attributes["rasterwire"]["images"]) == (ended.etag, ["a"])


def test_a_dry_run_counts_the_objects(running: Exporter) -> None:
    params = as_format(warped(mask=download_pb2.MASK_BAND), download_pb2.FORMAT_ZARR)
    dry = ExportParams(download=params, destination="results", validate_only=True)
    answer = running.stub.CreateExport(export_service_pb2.CreateExportRequest(params=dry), timeout=HANG)
    assert answer.export.parts_total == 3 + 3 + 4 + 4
    assert answer.plan.mime_type == "application/vnd.zarr; version=3"


def test_a_dry_run_tells_of_objects_that_are_there(running: Exporter) -> None:
    params = as_format(warped(), download_pb2.FORMAT_ZARR)
    store, ended = stored(running, warped())
    (running.folder / f"{ended.prefix}.tif").write_bytes(b"in no way")
    dry = ExportParams(download=params, destination="results", prefix=ended.prefix, validate_only=True)
    answer = running.stub.CreateExport(export_service_pb2.CreateExportRequest(params=dry), timeout=HANG)
    objects = {f"{path.relative_to(running.folder)}" for path in store.rglob("*") if path.is_file()}
    beside = {f"{ended.prefix}.provenance.json", f"{ended.prefix}.stac.json"}
    assert len(objects) < 16
    assert {*answer.existing_files} == objects | beside


def test_what_a_store_cannot_be_is_refused_all_at_once(running: Exporter) -> None:
    download = Params(
        image="a",
        format=download_pb2.FORMAT_ZARR,
        compression=download_pb2.COMPRESSION_LZW,
        bands=[download_pb2.BandSpec(id="red", scale=20), download_pb2.BandSpec(id="nir")],
    )
    with pytest.raises(grpc.RpcError) as caught:
        running.create(download, file_side=512, overwrite=True, prefix="p" * 152)
    assert refusal(caught.value).fields == {
        "file_side": "FILE_SIDE_UNSUPPORTED",
        "overwrite": "OVERWRITE_UNSUPPORTED",
        "download.compression": "COMPRESSION_UNSUPPORTED",
        "download.bands[0].scale": "BAND_GRID_UNSUPPORTED",
    }


def test_a_download_of_a_store_is_refused_with_the_remedy(running: Exporter) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        running.server.stream(as_format(warped(), download_pb2.FORMAT_ZARR))
    assert refusal(caught.value).fields == {"format": "FORMAT_UNSUPPORTED"}
    assert "ask for an export" in refusal(caught.value).message


@pytest.mark.parametrize("name", ["zarr.json", "red/c/0/0", "y/c/0", "red/zarr.json"])
def test_objects_of_others_are_neither_replaced_nor_removed(running: Exporter, name: str) -> None:
    prefix = uuid.uuid4().hex
    path = running.folder / f"{prefix}.zarr" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"of another")
    ended = running.ended(running.create(as_format(warped(), download_pb2.FORMAT_ZARR), prefix=prefix).name)
    assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, "FILE_EXISTS")
    assert [file for file in running.files() if prefix in file] == [f"{prefix}.zarr/{name}"]
    assert path.read_bytes() == b"of another"


def test_an_export_that_fails_before_it_stores_an_object_leaves_that_of_another(
    running: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UnknownUpload("x")

    monkeypatch.setattr("rasterwire.export.zarr_export._StoringTask.__call__", fail)
    prefix = uuid.uuid4().hex
    path = running.folder / f"{prefix}.zarr" / "nir" / "c" / "0" / "0"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"of another")
    ended = running.ended(running.create(as_format(warped(), download_pb2.FORMAT_ZARR), prefix=prefix).name)
    assert ended.state == Export.STATE_FAILED
    assert [file for file in running.files() if prefix in file] == [f"{prefix}.zarr/nir/c/0/0"]


def test_an_object_that_comes_while_the_export_runs_is_left(running: Exporter, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = uuid.uuid4().hex
    save = Attempt.save

    def save_before_another(attempt: Attempt, part: PartRecord) -> None:
        save(attempt, part)
        path = running.folder / part.key
        if part.key == f"{prefix}.zarr/x/c/0" and not part.is_done and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"of another")

    monkeypatch.setattr(Attempt, "save", save_before_another)
    ended = running.ended(running.create(as_format(warped(), download_pb2.FORMAT_ZARR), prefix=prefix).name)
    assert (ended.state, ended.failure.reason) == (Export.STATE_FAILED, "FILE_EXISTS")
    assert [file for file in running.files() if prefix in file] == [f"{prefix}.zarr/x/c/0"]


def test_a_second_export_leaves_the_store_of_the_first(running: Exporter) -> None:
    store, ended = stored(running, warped())
    again = running.create(as_format(warped(), download_pb2.FORMAT_ZARR), prefix=ended.prefix)
    assert running.ended(again.name).failure.reason == "FILE_EXISTS"
    for file in ended.files:
        assert f"{google_crc32c.value((running.folder / file.key).read_bytes()):08x}" == file.crc32c
    assert store.is_dir()


def test_the_client_and_the_command_line_export_stores(running: Exporter) -> None:
    with Client(running.server.address) as client:
        export = client.export({"image": "a", "format": "ZARR"}, "results/by-client", progress=False)
    assert "by-client.zarr/zarr.json" in {file.key for file in export.files}
    command = [sys.executable, "-m", "rasterwire.cli", "export", "a", "--format", "zarr", "--to", "results/by-cli"]
    command += ["--watch", "--server", running.server.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done
    with rasterio.open(running.catalog / "a.tif") as image:
        for name in ("by-client", "by-cli"):
            with opened(running.folder / f"{name}.zarr") as cube:
                assert same(cube["red"].values, image.read(1))


def raster_of(side: int, types: Sequence[str], mask: MaskOutput | None = None, names: Sequence[str] = ()) -> Any:
    """Return what a layout has to know of a raster."""
    names = names or [f"B{number}" for number in range(len(types))]
    bands = [SimpleNamespace(name=name, dtype=dtype, fill=0) for name, dtype in zip(names, types, strict=True)]
    return SimpleNamespace(grid=SimpleNamespace(shape=(side, side)), bands=bands, mask=mask)


@pytest.mark.parametrize("mask", [None, MaskOutput.BAND, MaskOutput.EACH_BAND])
@pytest.mark.parametrize(
    ("side", "types"),
    [
        (1, ["uint8"]),
        (257, ["float64"] * 3),
        (20_000, ["uint8"]),
        (100_000, ["uint16"] * 12),
        (60_000, ["float32", "uint8"]),
        (5_000, ["uint16"] * 60),
    ],
)
def test_parts_cover_each_array_once_and_stay_within_memory(side: int, types: list[str], mask: Any) -> None:
    layout = zarr_layout.lay_out(raster_of(side, types, mask))
    keys, numbers = set[str](), list[int]()
    area = 0
    for part in layout.parts():
        size = layout.shard[0] * layout.shard[1]
        sizes = [np.dtype(layout.arrays[index].dtype).itemsize * size for _, index in part.shards]
        assert max(sizes) <= 128 << 20
        assert part.bands[1] - part.bands[0] == 1 or len(sizes) == 1 or sum(sizes) <= 64 << 20
        assert part.window.row % layout.shard[0] == part.window.col % layout.shard[1] == 0
        area += part.window.height * part.window.width * len(part.shards)
        keys |= {layout.key(part, index) for _, index in part.shards}
        numbers += [number for number, _ in part.shards]
    assert numbers == [*range(1, layout.shards + 1)]
    assert len(keys) == len(numbers) <= 10_000
    assert area == side * side * len(layout.arrays)


@pytest.mark.parametrize(
    ("raster", "remedy"),
    [
        (raster_of(1_500_000, ["uint16"]), "smaller region"),
        (raster_of(2_000, ["float64"] * 100, MaskOutput.BAND), "EACH_BAND"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(raster: Any, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        zarr_layout.lay_out(raster)


def test_names_of_arrays_are_names_of_folders_and_none_of_zarr() -> None:
    names = ["a/b", "A_B", "x", "..", "__c", "zarr.json", "mask", "wärme"]
    layout = zarr_layout.lay_out(raster_of(300, ["uint8"] * len(names), MaskOutput.BAND, names))
    expected = ["a_b", "A_B_1", "x_1", "download", "_c", "zarr.json_1", "mask", "wärme", "mask_1"]
    assert [array.name for array in layout.arrays] == expected
    assert {array.mask for array in layout.arrays[:-1]} == {"mask_1"}
