"""Downloads through a real channel: the documentation's requests, every raster there is, bad input."""

import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import google_crc32c
import grpc
import numpy as np
import pytest
import rasterio
from google.protobuf import json_format
from rasterio.io import MemoryFile
from rasterio.windows import Window

from images import SCENE
from rasterwire.server import open_files
from rasterwire.server.settings import Settings
from rasterwire.v1 import catalog_service_pb2, download_pb2, download_service_pb2
from serving import Served, refusal, served

REGION = {"boundingBox": {"west": -122.0859, "south": 37.0436, "east": -122.0626, "north": 37.0586}}
THREE = [{"id": "B3"}, {"id": "B8"}, {"id": "B11"}]
STEM = SCENE.rsplit("/", 1)[1]


def params(**fields: object) -> download_pb2.DownloadParams:
    document = {"image": SCENE, "bands": THREE, "region": REGION} | fields
    values = {key: value for key, value in document.items() if value is not None}
    return json_format.ParseDict(values, download_pb2.DownloadParams())


@pytest.fixture(scope="session")
def server(demo_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the demo scene, with room for 8 MB outputs."""
    folder = tmp_path_factory.mktemp("demo")
    settings = Settings(
        demo_catalog, grpc_port=0, http_port=0, state_dir=folder / "state", max_side=2000, max_bytes=8_000_000
    )
    with served(settings) as service:
        yield service


# -- the documentation's requests on the real scene ---------------------------------------------


@pytest.fixture(scope="module")
def real_scene(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with real Sentinel-2 pixels under the documentation's asset id."""
    root = tmp_path_factory.mktemp("real")
    patch, classes = shared_data / "s2_majortom_T48QUE_20200223", next(shared_data.glob("s2_T29UNU*/*SCL_20m.jp2"))
    script = shared_data / "compose_scene.py"
    subprocess.run([sys.executable, script, patch, classes, root / SCENE], check=True, capture_output=True)
    return root


@pytest.fixture(scope="module")
def real(real_scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("state")
    with served(Settings(real_scene, grpc_port=0, http_port=0, state_dir=state)) as service:
        yield service


def stored(root: Path, band: str, metres: int, level: int | None = None) -> np.ndarray:
    """Return the example region of a band, read by rasterio at its native grid or an overview."""
    corner, size = {10: ((581270, 4101790), (209, 170)), 20: ((581260, 4101800), (105, 86))}[metres]
    with rasterio.open(root / SCENE / f"{band}.tif", overview_level=level) as source:
        assert source.res == (metres, metres)
        col, row = ~source.transform @ corner
        return np.asarray(source.read(1, window=Window(round(col), round(row), *size)))


@contextmanager
def opened(data: bytes) -> Iterator[rasterio.DatasetReader]:
    with MemoryFile(data) as memory, memory.open() as tiff:
        yield tiff


def test_the_example_as_npy(real: Served, real_scene: Path) -> None:
    download = real.create(params(scale=20, format="FORMAT_NPY"))
    data = real.read(download.download_id)
    array = np.load(io.BytesIO(data))
    assert array.dtype == np.dtype([("B3", "<u2"), ("B8", "<u2"), ("B11", "<u2")])
    assert array.shape == (86, 105)
    for band, level in (("B3", 0), ("B8", 0), ("B11", None)):
        assert np.array_equal(array[band], stored(real_scene, band, 20, level))
    assert len(data) == download.plan.estimated_bytes


def test_the_example_as_a_file_per_band(real: Served, real_scene: Path) -> None:
    data, _ = real.stream(params(name="single_band"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["single_band.B3.tif", "single_band.B8.tif", "single_band.B11.tif"]
        for band, metres in (("B3", 10), ("B8", 10), ("B11", 20)):
            with opened(archive.read(f"single_band.{band}.tif")) as tiff:
                assert np.array_equal(tiff.read(1), stored(real_scene, band, metres))
                assert (tiff.descriptions, tiff.nodata, tiff.dtypes, tiff.crs.to_epsg()) == (
                    (band,),
                    0,
                    ("uint16",),
                    32610,
                )


def test_the_example_as_one_file_in_a_zip(real: Served, real_scene: Path) -> None:
    data, plan = real.stream(params(name="multi_band", scale=20, filePerBand=False))
    assert plan.filename == "multi_band.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["multi_band.tif"]
        with opened(archive.read("multi_band.tif")) as tiff:
            assert tiff.descriptions == ("B3", "B8", "B11")
            assert tuple(tiff.transform)[:6] == (20, 0, 581260, 0, -20, 4101800)
            for index, (band, level) in enumerate((("B3", 0), ("B8", 0), ("B11", None)), start=1):
                assert np.array_equal(tiff.read(index), stored(real_scene, band, 20, level))


def test_the_example_with_a_scale_for_each_band(real: Served, real_scene: Path) -> None:
    bands = [{"id": "B3", "scale": 10}, {"id": "B8", "scale": 10}, {"id": "B11", "scale": 20}]
    data, _ = real.stream(params(name="custom_single_band", bands=bands))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for band, metres in (("B3", 10), ("B8", 10), ("B11", 20)):
            with opened(archive.read(f"custom_single_band.{band}.tif")) as tiff:
                assert np.array_equal(tiff.read(1), stored(real_scene, band, metres))


def test_the_example_as_a_bare_geotiff(real: Served, real_scene: Path) -> None:
    data, plan = real.stream(params(scale=20, format="FORMAT_GEO_TIFF"))
    assert (plan.filename, plan.mime_type) == (f"{STEM}.tif", "image/tiff")
    with opened(data) as tiff:
        assert (tiff.count, tiff.width, tiff.height) == (3, 105, 86)
        assert np.array_equal(tiff.read(3), stored(real_scene, "B11", 20))


# -- every raster there is ---------------------------------------------------------------------

_images = {
    "S2B_33TWL_20230810_0_L2A": "JPEG 2000 under .tif names, no crs in the files, an item that claims other sizes",
    "S2B_33TWM_20230810_0_L2A": "its neighbour",
    "antimeridian": "a grid over 180 degrees",
    "ee_export_modis_nbar": "fifteen named bands in a crs without a code",
    "eurosat_AnnualCrop_1": "thirteen bands, pixels that are not square",
    "l8_900m_stac": "small overviews",
    "l8_elkton_va": "a panchromatic band of half the pixel size",
    "landcover_ben_T33UUP_26_57": "classes with nodata 0",
    "landcover_palette_pr_5070": "a colour table",
    "mask_jpeg_noaa": "an internal mask, JPEG",
    "mosaic_l8": "two images of three bands in one folder",
    "mt_hood": "nodata 32767",
    "polar": "nodata -3.4e38, a pole inside",
    "rotated": "a rotated grid, NaN without a declared nodata",
    "s1_ben_33UUP_70_48": "float32",
    "s2_T29UNU_20221005_jp2": "native JPEG 2000, a whole tile and a preview of three bands",
    "s2_ben_T33UUP_75_43": "three resolutions",
    "s2_majortom_T48QUE_20200223": "an origin of fractional metres",
    "sao_miguel": "degrees, most of it nodata",
    "ssl4eo_s2a_20200604T054639_20200604T054831_T43RCP": "an export of Earth Engine in degrees",
    "storm_lake_mt": "four types of nodata",
}


@pytest.fixture(scope="module")
def all_rasters(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    state = tmp_path_factory.mktemp("state")
    with served(Settings(shared_data, grpc_port=0, http_port=0, state_dir=state)) as service:
        yield service


@pytest.mark.parametrize("image", _images)
def test_every_image_is_delivered_as_it_is_stored(all_rasters: Served, shared_data: Path, image: str) -> None:
    data, plan = all_rasters.stream(download_pb2.DownloadParams(image=image, name="x"))
    info = all_rasters.catalog.GetImage(catalog_service_pb2.GetImageRequest(id=image)).image
    assert [r.bands[0].id for r in plan.rasters] == [band.id for band in info.bands]
    originals = _originals(shared_data, image)
    assert len(originals) == len(info.bands)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        delivered = [_pixels(archive.read(name)) for name in archive.namelist()]
    for pixels in delivered:  # each equals another one of the originals
        index = next(
            i
            for i, original in enumerate(originals)
            if np.array_equal(pixels, original, equal_nan=original.dtype.kind == "f")
        )
        originals.pop(index)
    assert not originals


def _pixels(data: bytes) -> np.ndarray:
    with opened(data) as tiff:
        return np.asarray(tiff.read(1))


def _originals(root: Path, image: str) -> list[np.ndarray]:
    folders = [root / image, *(root / "stac_catalog_33T").glob(f"*/{image}"), *root.glob(f"{image}.tif")]
    files = [f for folder in folders for f in ([folder] if folder.is_file() else sorted(folder.glob("*.[tj][ip]*")))]
    arrays = []
    for file in files:
        with rasterio.open(file) as source:
            for index in source.indexes:
                data = source.read(index)
                # where a mask marks pixels, what lies beneath is replaced by the fill, 0 for bytes
                masked = source.mask_flag_enums[0] == [rasterio.enums.MaskFlags.per_dataset]
                arrays.append(np.where(source.read_masks(index) > 0, data, 0) if masked else data)
    return arrays


def test_types_that_no_format_holds_are_refused_by_name(all_rasters: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        all_rasters.stream(download_pb2.DownloadParams(image="dtype"))
    error = refusal(caught.value)
    assert error.fields == {"bands": "TYPE_NOT_SUPPORTED"}
    assert "complex64" in error.message
    for band in ("int64_20x20", "south_up_rain_rate"):
        request = download_pb2.DownloadParams(image="dtype", bands=[download_pb2.BandSpec(id=band)])
        assert all_rasters.stream(request)[0]


def test_an_item_whose_files_are_elsewhere_says_so(all_rasters: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        all_rasters.stream(download_pb2.DownloadParams(image="S2A_12RWT_20240106_0_L2A"))
    error = refusal(caught.value)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SOURCE_UNAVAILABLE")


# -- bad input ---------------------------------------------------------------------------------

BAD = [
    pytest.param({"image": "no/such"}, "NOT_FOUND", {}, id="unknown-image"),
    pytest.param({"image": None}, "INVALID_ARGUMENT", {"image": "REQUIRED"}, id="no-image"),
    pytest.param({"bands": [{"id": "B99"}]}, "INVALID_ARGUMENT", {"bands[0].id": "BAND_NOT_FOUND"}, id="unknown-band"),
    pytest.param({"bands": [{}]}, "INVALID_ARGUMENT", {"bands[0].id": "REQUIRED"}, id="band-without-id"),
    pytest.param({"crs": "EPSG:999999"}, "INVALID_ARGUMENT", {"crs": "CRS_UNKNOWN"}, id="unknown-crs"),
    pytest.param({"crs": "http://x.org"}, "INVALID_ARGUMENT", {"crs": "CRS_NOT_PLAIN"}, id="address-as-crs"),
    pytest.param(
        {"crs": "EPSG:32610", "crsTransform": [1, 1, 0, 1, 1, 0]},
        "INVALID_ARGUMENT",
        {"crs_transform": "TRANSFORM_SINGULAR"},
        id="singular",
    ),
    pytest.param(
        {"crs": "EPSG:32610", "crsTransform": [1, 1, "NaN", 1, 1, 0]},
        "INVALID_ARGUMENT",
        {"crs_transform[2]": "DOUBLE_FINITE", "crs_transform": "TRANSFORM_NOT_FINITE"},
        id="not-finite",
    ),
    pytest.param(
        {"crsTransform": [1, 0, 0, 0, -1, 0]},
        "INVALID_ARGUMENT",
        {"crs_transform": "CRS_TRANSFORM_NEEDS_CRS"},
        id="transform-without-crs",
    ),
    pytest.param(
        {"crs": "EPSG:32610", "crsTransform": [1, 2]},
        "INVALID_ARGUMENT",
        {"crs_transform": "CRS_TRANSFORM_SIX_NUMBERS"},
        id="two-numbers",
    ),
    pytest.param({"scale": 0}, "INVALID_ARGUMENT", {"scale": "DOUBLE_GT"}, id="zero-scale"),
    pytest.param({"scale": -10}, "INVALID_ARGUMENT", {"scale": "DOUBLE_GT"}, id="negative-scale"),
    pytest.param({"scale": 1e-300}, "INVALID_ARGUMENT", {"scale": "SCALE_OUT_OF_RANGE"}, id="scale-of-nothing"),
    pytest.param({"nodata": "NaN"}, "INVALID_ARGUMENT", {"nodata": "NODATA_NOT_OF_TYPE"}, id="nan-for-integers"),
    pytest.param({"dimensions": [0]}, "INVALID_ARGUMENT", {"dimensions[0]": "INT32_GT"}, id="zero-dimension"),
    pytest.param(
        {"dimensions": [1, 2, 3]}, "INVALID_ARGUMENT", {"dimensions": "REPEATED_MAX_ITEMS"}, id="three-dimensions"
    ),
    pytest.param(
        {"dimensions": [5, 5], "scale": 10},
        "INVALID_ARGUMENT",
        {"dimensions": "DIMENSIONS_WITH_REGION_AND_SCALE"},
        id="region-scale-dimensions",
    ),
    pytest.param(
        {"region": {"boundingBox": {"west": 1, "east": 1, "north": 1}}},
        "INVALID_ARGUMENT",
        {"region.bounding_box": "REGION_EMPTY"},
        id="empty-region",
    ),
    pytest.param(
        {"region": {"boundingBox": {"west": 1, "east": 2, "north": 1}}},
        "INVALID_ARGUMENT",
        {"region": "OUTSIDE_IMAGE"},
        id="region-elsewhere",
    ),
    pytest.param(
        {"region": {"boundingBox": {"west": 1, "east": 2, "north": 91}}},
        "INVALID_ARGUMENT",
        {"region.bounding_box": "LATITUDE_OUT_OF_RANGE"},
        id="latitude",
    ),
    pytest.param({"region": {}}, "INVALID_ARGUMENT", {"region.shape": "REQUIRED"}, id="region-without-shape"),
    pytest.param(
        {"scale": 0.5},
        "INVALID_ARGUMENT",
        {"scale": "GRID_TOO_LARGE", "dimensions": "OUTPUT_TOO_LARGE"},
        id="too-large",
    ),
    pytest.param(
        {"region": None, "clipToRegion": True},
        "INVALID_ARGUMENT",
        {"clip_to_region": "CLIP_TO_REGION_NEEDS_REGION"},
        id="clip-by-nothing",
    ),
    pytest.param({"nodata": -1}, "INVALID_ARGUMENT", {"nodata": "NODATA_NOT_OF_TYPE"}, id="nodata-of-another-type"),
    pytest.param({"compressionLevel": 12}, "INVALID_ARGUMENT", {"compression_level": "LEVEL_OUT_OF_RANGE"}, id="level"),
    pytest.param({"requestId": "abc"}, "INVALID_ARGUMENT", {"request_id": "STRING_UUID"}, id="request-id"),
    pytest.param(
        {"strict": True, "format": "FORMAT_NPY", "filePerBand": True},
        "INVALID_ARGUMENT",
        {"file_per_band": "FIELD_WITHOUT_EFFECT"},
        id="strict",
    ),
    pytest.param(
        {"image": None, "expression": {"result": "0", "values": {"0": {"constantValue": 1}}}},
        "INVALID_ARGUMENT",
        {},
        id="expression",
    ),
    pytest.param(
        {"scale": -1, "crs": "x", "bands": [{"id": "nope"}, {"id": "B3", "scale": -2}]},
        "INVALID_ARGUMENT",
        {"scale": "DOUBLE_GT", "crs": "CRS_NOT_PLAIN", "bands[0].id": "BAND_NOT_FOUND", "bands[1].scale": "DOUBLE_GT"},
        id="all-at-once",
    ),
]


@pytest.mark.parametrize(("fields", "code", "violations"), BAD)
def test_bad_requests_are_refused_by_every_call(
    server: Served,
    tmp_path_factory: pytest.TempPathFactory,
    fields: dict[str, object],
    code: str,
    violations: dict[str, str],
) -> None:
    request = params(**fields)
    calls: list[Callable[[], object]] = [
        lambda: server.create(request),
        lambda: server.downloads.PlanDownload(download_service_pb2.PlanDownloadRequest(params=request)),
        lambda: server.stream(request),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        error = refusal(caught.value)
        assert (error.code.name, error.fields) == (code, violations), error.message
        assert str(tmp_path_factory.getbasetemp()) not in error.message


# -- reading -----------------------------------------------------------------------------------


def test_any_part_of_a_file_is_read_by_offset_and_limit(server: Served) -> None:
    download = server.create(params(format="FORMAT_NPY", scale=10)).download_id
    whole = server.read(download)
    size = len(whole)
    for offset, limit in ((0, 0), (1, 0), (0, 1), (100, 7), (size - 1, 5), (size, 0)):
        end = size if limit == 0 else offset + limit
        assert server.read(download, offset, limit) == whole[offset:end]


@pytest.mark.parametrize("at_once", [open_files._AT_ONCE, None], ids=["by one thread", "by several"])
def test_chunks_carry_offsets_and_checksums(
    server: Served, monkeypatch: pytest.MonkeyPatch, at_once: int | None
) -> None:
    monkeypatch.setattr(open_files, "_AT_ONCE", at_once)
    download = server.create(params(region=None, dimensions=[900, 900], format="FORMAT_NPY")).download_id
    request = download_service_pb2.ReadDownloadRequest(name=download.name, token=download.token)
    data, file = b"", None
    answers = [answer for answer in server.downloads.ReadDownload(request) if answer.chunk.data]
    assert answers[0].chunk.HasField("file")
    for answer in answers:
        chunk = answer.chunk
        assert chunk.offset == len(data)
        assert chunk.crc32c == google_crc32c.value(chunk.data)
        assert len(chunk.data) <= 1 << 20
        data += chunk.data
        file = chunk.file if chunk.HasField("file") else None
    assert file is not None
    assert (file.size_bytes, file.crc32c) == (len(data), google_crc32c.value(data))
    assert len(data) > 3 << 20


def test_reading_past_the_end_is_out_of_range(server: Served) -> None:
    download = server.create(params(scale=20, format="FORMAT_NPY")).download_id
    with pytest.raises(grpc.RpcError) as caught:
        server.read(download, 10**9)
    error = refusal(caught.value)
    assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE")
    assert "54372" in error.message


def test_the_etag_of_another_file_is_a_conflict(server: Served) -> None:
    download = server.create(params(scale=20, format="FORMAT_NPY")).download_id
    with pytest.raises(grpc.RpcError) as caught:
        server.read(download, 10, 0, "0" * 32)
    assert refusal(caught.value).reason == "DOWNLOAD_CONFLICT"


def test_unknown_ids_and_wrong_tokens_look_the_same(server: Served) -> None:
    download = server.create(params(scale=20, format="FORMAT_NPY")).download_id
    errors = []
    for name, token in ((download.name, "x" * 32), ("downloads/" + "0" * 32, download.token), ("nonsense", "y")):
        with pytest.raises(grpc.RpcError) as caught:
            server.read(download_pb2.DownloadId(name=name, token=token))
        errors.append(refusal(caught.value))
    assert errors[0] == errors[1] == errors[2]
    assert errors[0].code is grpc.StatusCode.NOT_FOUND


def test_a_request_id_gives_the_same_download_again(server: Served) -> None:
    identifier = "0b1f6a4e-6f0e-4a1c-9a4e-3d2f5c6b7a81"
    first = server.create(params(scale=20, requestId=identifier)).download_id
    again = server.create(params(scale=20, requestId=identifier)).download_id
    assert first == again
    assert first != server.create(params(scale=20)).download_id
    with pytest.raises(grpc.RpcError) as caught:
        server.create(params(scale=10, requestId=identifier))
    assert refusal(caught.value).fields == {"request_id": "REQUEST_ID_REUSED"}


def test_ids_survive_a_restart_and_expire(demo_catalog: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_catalog, tmp_path / "catalog")
    settings = Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state")
    with served(settings) as service:
        download = service.create(params(scale=20, format="FORMAT_NPY"))
    with served(settings) as service:
        data = service.read(download.download_id)
    assert len(data) == 54372
    shutil.rmtree(tmp_path / "catalog" / "COPERNICUS")
    with served(settings) as service:  # the rendered file outlives the image
        assert service.read(download.download_id, etag=download.plan.etag) == data


def test_what_happens_to_rasters_between_plan_and_render(demo_catalog: Path, tmp_path: Path) -> None:
    scene = shutil.copytree(demo_catalog, tmp_path / "catalog") / SCENE
    band = next(tmp_path.glob("catalog/**/B3.tif"))
    whole = band.read_bytes()
    settings = Settings(tmp_path / "catalog", grpc_port=0, http_port=0, state_dir=tmp_path / "state")
    request = params(bands=[{"id": "B3"}])
    with served(settings) as service:
        download = service.create(request).download_id
        band.unlink()
        with pytest.raises(grpc.RpcError) as caught:
            service.read(download)
        missing = refusal(caught.value)
        band.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(grpc.RpcError) as caught:
            service.stream(request)
        cut = refusal(caught.value)
        band.write_bytes(b'<VRTDataset rasterXSize="1" rasterYSize="1"/>')
        with pytest.raises(grpc.RpcError) as caught:
            service.stream(request)
        disguised = refusal(caught.value)
        band.write_bytes(whole)
        assert service.stream(request)[0]  # the server still runs
    for error in (missing, cut, disguised):
        assert error.code in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT), error
        assert str(tmp_path) not in error.message
    assert scene is not None


# -- the catalog -------------------------------------------------------------------------------


def test_images_are_listed_in_pages(all_rasters: Served) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = all_rasters.catalog.ListImages(catalog_service_pb2.ListImagesRequest(page_size=7, page_token=token))
        names += [image.id for image in page.images]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted(set(names))
    assert set(_images) <= set(names)


def test_a_page_token_of_another_server_is_refused(server: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.catalog.ListImages(catalog_service_pb2.ListImagesRequest(page_token="\u00e9"))
    assert refusal(caught.value).fields == {"page_token": "PAGE_TOKEN_UNKNOWN"}


def test_limits_are_told(server: Served) -> None:
    limits = server.downloads.GetLimits(download_service_pb2.GetLimitsRequest())
    assert (limits.max_pixels_per_side, limits.max_uncompressed_bytes, limits.chunk_bytes) == (2000, 8_000_000, 1 << 20)
    assert limits.download_ttl.seconds == 6 * 3600
