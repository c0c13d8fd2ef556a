"""Edge cases of encoders: unusual values, names and nodata, windows and threads, full disks, limits of formats."""

import contextlib
import errno
import io
import itertools
import json
import shutil
import subprocess
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import tifffile
from affine import Affine
from isal import isal_zlib
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioIOError
from rio_cogeo.cogeo import cog_validate

from effort import HANG
from images import UTM, BlockMaker, band, side_by_side
from rasterwire.encode import cog, geotiff, npy, tiles
from rasterwire.encode.container import write_zip
from rasterwire.encode.download import ENCODERS, count_blocks, encode_download
from rasterwire.encode.geotiff import needs_bigtiff
from rasterwire.errors import DownloadError
from rasterwire.image import Image
from rasterwire.pixels import Pixels, Window, smallest_value, type_names
from rasterwire.plan import BandPlan, Limits, RasterPlan, RenderPlan, make_plan
from rasterwire.render.engine import ThreadEngine
from rasterwire.request import Compression, DownloadRequest, Encoding, Format, GridSpec, MaskOutput, Resampling

NORTH_UP = Affine(10, 0, 500000, 0, -10, 4000000)
DEFLATE = Encoding()
GDAL_TRANSLATE, GDALINFO = shutil.which("gdal_translate"), shutil.which("gdalinfo")


def raster(
    width: int,
    height: int,
    *bands: BandPlan,
    mask: bool = False,
    affine: Affine = NORTH_UP,
    crs: CRS | None = UTM,
    path: str = "x.tif",
) -> RasterPlan:
    return RasterPlan(
        path, GeoBox((height, width), affine, crs), bands or (stored(),), MaskOutput.BAND if mask else None
    )


def stored(
    dtype: str = "uint16", nodata: float | None = 0, name: str = "a", resampling: Resampling | None = None
) -> BandPlan:
    fill = smallest_value(dtype) if nodata is None else nodata
    return BandPlan(name, band(name, dtype=dtype), dtype, nodata, fill, resampling)


def plan(format_: Format, *rasters: RasterPlan, encoding: Encoding = DEFLATE) -> RenderPlan:
    return RenderPlan("i", format_, "x", "m", rasters, encoding, (), 0, 0, "e")


def bits(window: Window, index: int) -> npt.NDArray[np.uint64]:
    """Return pseudo-random bits from absolute row, column and band."""
    row = np.arange(window.row, window.row + window.height, dtype=np.uint64)[:, None]
    col = np.arange(window.col, window.col + window.width, dtype=np.uint64)
    mixed = (row * np.uint64(0x9E3779B97F4A7C15)) ^ (col * np.uint64(0xC2B2AE3D27D4EB4F)) ^ np.uint64(index * 40503)
    return (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def block(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
    """Render every bit pattern of a type, with NaN and infinities. Each band has other invalid pixels."""
    values = []
    for index, planned in enumerate(raster.bands):
        mixed, dtype = bits(window, index), np.dtype(planned.dtype)
        data = (mixed >> np.uint64(7)).astype(f"u{dtype.itemsize}").view(dtype)
        if planned.nodata is not None:  # a valid pixel is never the nodata value: the plan sees to it
            single = np.array(1, dtype)
            if dtype == np.float32 and np.isfinite(planned.fill):
                data = np.where(np.abs(data) > 1e30, single, data)  # GDAL treats sums beyond the largest float as equal
            data = np.where(np.isnan(data) if planned.nodata != planned.nodata else data == planned.fill, single, data)
        values.append(Pixels(data, mixed % np.uint64(5) != 0))
    return tuple(values)


def formula(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
    return (block(raster, window) for window in windows)


def smooth(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
    """Render even numbers from 2 on in 8-pixel squares, all valid but a square of 100."""
    for window in windows:
        row = np.arange(window.row, window.row + window.height)[:, None]
        col = np.arange(window.col, window.col + window.width)
        data = 2 + 2 * ((row // 8 + col // 8) % 60)
        valid = (row >= 100) | (col >= 100)
        yield tuple(Pixels(data.astype(planned.dtype), valid) for planned in raster.bands)


def whole(raster: RasterPlan, render: BlockMaker = formula) -> tuple[Pixels, ...]:
    height, width = (int(n) for n in raster.grid.shape)
    return next(iter(render(raster, [Window(0, 0, height, width)])))


def filled(raster: RasterPlan, index: int = 0) -> bytes:
    """Return the little-endian bytes of a band that the file must have, with the bits of each NaN."""
    return whole(raster)[index].filled(raster.bands[index].fill).tobytes()


def encoded(render_plan: RenderPlan, folder: Path, render: BlockMaker = formula) -> bytes:
    out = io.BytesIO()
    encode_download(render_plan, side_by_side(render), out, folder)
    assert list(folder.iterdir()) == []
    return out.getvalue()


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[Any]:
    with rasterio.MemoryFile(data) as memory, memory.open() as file:
        yield file


def loaded(data: bytes) -> npt.NDArray[np.void]:
    array: npt.NDArray[np.void] = np.load(io.BytesIO(data), max_header_size=1 << 20)
    return array


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


# Values


@pytest.mark.parametrize("compression", Compression, ids=lambda c: c.value.lower())
@pytest.mark.parametrize("dtype", type_names)
def test_every_bit_pattern_comes_back(scratch: Path, dtype: str, compression: Compression) -> None:
    raster_plan = raster(300, 260, stored(dtype, None), stored(dtype, None, "b"), mask=True)
    with opened(encoded(plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(compression)), scratch)) as file:
        assert [file.read(index + 1).tobytes() for index in (0, 1)] == [filled(raster_plan, 0), filled(raster_plan, 1)]
        valid = whole(raster_plan)[0].valid & whole(raster_plan)[1].valid
        assert np.array_equal(file.dataset_mask() == 255, valid)
        assert (file.nodata, file.mask_flag_enums[0]) == (None, [MaskFlags.per_dataset])


@pytest.mark.skipif(GDAL_TRANSLATE is None, reason="gdal_translate is not installed")
@pytest.mark.parametrize("dtype", [name for name in type_names if name not in {"int8", "int64", "uint64"}])
def test_another_gdal_reads_the_same_bytes(tmp_path: Path, scratch: Path, dtype: str) -> None:
    raster_plan = raster(300, 260, stored(dtype, None))
    path = tmp_path / "x.tif"
    path.write_bytes(encoded(plan(Format.GEO_TIFF, raster_plan), scratch))
    command = [str(GDAL_TRANSLATE), "-q", "-of", "ENVI", str(path), str(tmp_path / "raw")]
    subprocess.run(command, check=True, timeout=HANG)
    assert (tmp_path / "raw").read_bytes() == filled(raster_plan)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("uint8", 255),
        ("int8", -128),
        ("int16", -32768),
        ("uint32", 2**32 - 1),
        ("int64", -(2**63)),
        ("int64", 2**53 + 1),
        ("uint64", 2**64 - 1),
        ("uint64", 0),
        ("float32", float("nan")),
        ("float32", float("-inf")),
        ("float32", -9999.5),
        ("float32", float(np.finfo("float32").min)),
        ("float32", 0.1),
        ("float64", float("nan")),
        ("float64", float("-inf")),
        ("float64", -1.7976931348623157e308),
    ],
)
@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_every_nodata_value_tells_invalid_pixels(
    scratch: Path, dtype: str, nodata: float, cloud_optimized: bool
) -> None:
    raster_plan = raster(70, 40, stored(dtype, nodata))
    encoding = Encoding(cloud_optimized=cloud_optimized)
    data = encoded(plan(Format.GEO_TIFF, raster_plan, encoding=encoding), scratch)
    with opened(data) as file:
        assert file.mask_flag_enums[0] == [MaskFlags.nodata]
        assert np.array_equal(file.read_masks(1) == 255, whole(raster_plan)[0].valid)
        assert file.read(1).tobytes() == filled(raster_plan)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages.first.tags[42113].value
    same = np.array(int(tag) if dtype[-2:] == "64" and "int" in dtype else float(tag), dtype)
    assert same.tobytes() == np.array(nodata, dtype).tobytes()


@pytest.mark.skipif(GDALINFO is None, reason="gdalinfo is not installed")
@pytest.mark.parametrize(
    ("nodata", "expected"), [(float("nan"), "NaN"), (float("-inf"), "-Infinity"), (-9999.0, -9999.0)]
)
def test_gdalinfo_tells_the_nodata_value(tmp_path: Path, scratch: Path, nodata: float, expected: object) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(encoded(plan(Format.GEO_TIFF, raster(9, 9, stored("float32", nodata))), scratch))
    process = subprocess.run(
        [str(GDALINFO), "-json", str(path)], check=True, capture_output=True, text=True, timeout=HANG
    )
    answer = json.loads(process.stdout)["bands"][0]["noDataValue"]
    assert str(answer).lower() in {str(expected).lower(), str(nodata)}
    assert process.stderr == ""


# Names and places

NAMES = ["B 1", "größe µm²", "日本語", "a:b", "<&\"'>", "n" * 300, "B1 ", "x/y\\z", "%s {0}", "mask?", "🛰"]


@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_any_band_name_is_kept_in_a_geotiff(scratch: Path, cloud_optimized: bool) -> None:
    raster_plan = raster(5, 4, *(stored(name=name) for name in NAMES))
    encoding = Encoding(cloud_optimized=cloud_optimized)
    with opened(encoded(plan(Format.GEO_TIFF, raster_plan, encoding=encoding), scratch)) as file:
        assert list(file.descriptions) == NAMES


@pytest.mark.parametrize("names", [*([name] for name in NAMES), NAMES], ids=len)
def test_any_band_name_is_kept_in_an_npy(scratch: Path, names: list[str]) -> None:
    raster_plan = raster(5, 4, *(stored(name=name) for name in names), mask=True)
    array = loaded(encoded(plan(Format.NPY, raster_plan), scratch))
    assert array.dtype.names == (*names, "mask")
    everywhere = np.logical_and.reduce([pixels.valid for pixels in whole(raster_plan)])
    assert np.array_equal(array["mask"], np.where(everywhere, 255, 0))
    for index, name in enumerate(names):
        assert array[name].tobytes() == filled(raster_plan, index)


@pytest.mark.parametrize(
    ("name", "length", "version"),
    [("a{}", 10, 1), ("{:0>200}", 1000, 2), ("µ{}", 10, 1), ("日本{}", 10, 3), ("日本{:0>200}", 1000, 3)],
)
def test_the_version_of_an_npy_is_the_first_that_holds_the_names(
    scratch: Path, name: str, length: int, version: int
) -> None:
    raster_plan = raster(3, 2, *(stored("uint8", name=name.format(index)) for index in range(length)))
    data = encoded(plan(Format.NPY, raster_plan), scratch)
    assert data[:8] == b"\x93NUMPY" + bytes([version, 0])
    array = loaded(data)
    assert array.dtype.names == tuple(planned.name for planned in raster_plan.bands)
    assert array.tobytes() == data[-array.nbytes :]
    assert (len(data) - array.nbytes) % 64 == 0


@pytest.mark.parametrize("names", [["a"], ["größe", "日本語"], ["mask", "b"], ["B" * 200 + str(i) for i in range(500)]])
@pytest.mark.parametrize("mask", MaskOutput)
def test_the_plan_tells_the_exact_size_of_an_npy_whatever_its_names(
    scratch: Path, names: list[str], mask: MaskOutput
) -> None:
    request = DownloadRequest("i", format=Format.NPY, mask=mask, grid=GridSpec(dimensions=(7,)))
    render_plan = make_plan(request, Image("i", tuple(band(name) for name in names)), Limits())
    data = encoded(render_plan, scratch)
    assert len(data) == render_plan.estimated_bytes
    fields = loaded(data).dtype.names
    assert fields is not None
    if mask is not MaskOutput.NODATA:
        assert fields == (*("mask_1" if name == "mask" else name for name in names), "mask")
    else:
        assert fields == tuple(names)


def test_npy_bands_of_one_type_are_one_array_without_copying(scratch: Path) -> None:
    raster_plan = raster(30, 20, *(stored("float32", name=name) for name in "abc"))
    raw = loaded(encoded(plan(Format.NPY, raster_plan), scratch))
    cube = raw.view(raw.dtype[0]).reshape(20, 30, 3)
    assert [cube[..., index].tobytes() for index in range(3)] == [filled(raster_plan, index) for index in range(3)]


def test_a_zip_keeps_the_names_of_its_entries(scratch: Path) -> None:
    paths = ["b.größe.tif", "a.日本.tif", "z/y.tif", "B 1.tif"]
    data = encoded(plan(Format.ZIPPED_GEO_TIFF_PER_BAND, *(raster(9, 9, path=path) for path in paths)), scratch)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == paths
        assert {archive.read(path) for path in paths} == {encoded(plan(Format.GEO_TIFF, raster(9, 9)), scratch)}


@pytest.mark.parametrize(
    ("affine", "crs"),
    [
        pytest.param(Affine(10, 0, 500000.123456789, 0, 10, 4000000.7), UTM, id="south-up"),
        pytest.param(Affine(9.9, 2.1, 500000, 2.3, -10.2, 4000000), UTM, id="rotated"),
        pytest.param(Affine(-10, 0, 500000, 0, -10, 4000000), UTM, id="mirrored"),
        pytest.param(Affine(1 / 3600, 0, -180, 0, -1 / 3600, 90), CRS("EPSG:4326"), id="degrees"),
        pytest.param(NORTH_UP, CRS("EPSG:32661"), id="north-before-east"),
        pytest.param(NORTH_UP, CRS("EPSG:2263"), id="feet"),
        pytest.param(NORTH_UP, CRS("ESRI:54009"), id="mollweide"),
        pytest.param(NORTH_UP, CRS("+proj=sinu +R=6371007.181 +units=m +type=crs"), id="modis"),
        pytest.param(NORTH_UP, CRS("+proj=laea +lat_0=12 +lon_0=34 +ellps=WGS84 +type=crs"), id="laea"),
        pytest.param(Affine(2, 0, 0, 0, -2, 0), None, id="no-crs"),
        pytest.param(Affine(1, 0, 0, 0, 1, 0), None, id="not-placed"),
    ],
)
@pytest.mark.parametrize("cloud_optimized", [False, True])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_the_place_on_earth_is_kept(scratch: Path, affine: Affine, crs: CRS | None, cloud_optimized: bool) -> None:
    raster_plan = raster(6, 5, affine=affine, crs=crs)
    with opened(
        encoded(plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(cloud_optimized=cloud_optimized)), scratch)
    ) as f:
        assert tuple(f.transform) == pytest.approx(tuple(affine), rel=1e-12, abs=1e-12)
        if crs is None:
            assert f.crs is None
        else:
            assert f.crs.to_epsg() == crs.to_epsg()
            again = CRS(f.crs.to_wkt()).proj
            assert again.is_exact_same(crs.proj) or again.equals(crs.proj, ignore_axis_order=True)


# Cuts, order, padding


@pytest.mark.parametrize("format_", [Format.GEO_TIFF, Format.NPY])
@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_bytes_depend_neither_on_threads_nor_on_the_cut(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, format_: Format, cloud_optimized: bool
) -> None:
    raster_plan = raster(1100, 600, stored("int16", -32768), stored("int16", -32768, "b"), mask=True)
    render_plan = plan(format_, raster_plan, encoding=Encoding(cloud_optimized=cloud_optimized))
    first = encoded(render_plan, scratch)
    blocks = count_blocks(render_plan)
    with contextlib.closing(ThreadEngine(3)) as engine:

        def late(raster: RasterPlan, window: Window) -> tuple[Pixels, ...]:
            time.sleep(0.01 * ((window.row + window.col) % 3))  # so that later blocks are ready before earlier ones
            return block(raster, window)

        def threads(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
            return engine.map(partial(late, raster), windows)

        assert encoded(render_plan, scratch, threads) == first
    monkeypatch.setattr(tiles, "_BLOCK_BYTES", 1)
    monkeypatch.setattr(npy, "_STRIP_BYTES", 1)
    assert count_blocks(render_plan) > blocks
    assert encoded(render_plan, scratch) == first


def test_a_row_too_large_for_memory_is_rendered_in_parts(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster_plan = raster(300, 7, *(stored("uint16", name=str(index)) for index in range(5)))
    render_plan = plan(Format.NPY, raster_plan)
    at_once = encoded(render_plan, scratch)
    monkeypatch.setattr(npy, "_ROW_BYTES", 1000)
    monkeypatch.setattr(npy, "_STRIP_BYTES", 1000)
    windows = list(npy.npy_windows(raster_plan))
    assert max(window.width for window in windows) == 100
    assert count_blocks(render_plan) == len(windows) == 21
    assert encoded(render_plan, scratch) == at_once


@pytest.mark.parametrize("size", [(1, 1), (255, 256), (257, 256), (256, 257), (300, 700), (5000, 3), (3, 5000)])
@pytest.mark.parametrize(("windows", "format_"), [(tiles.tile_windows, Format.GEO_TIFF), (npy.npy_windows, Format.NPY)])
def test_windows_cover_every_pixel_once_and_are_counted(windows: Any, format_: Format, size: tuple[int, int]) -> None:
    raster_plan = raster(*size, *(stored("float64", name=str(index)) for index in range(8)))
    counts = np.zeros(size[::-1], int)
    for window in windows(raster_plan):
        counts[window.row : window.row + window.height, window.col : window.col + window.width] += 1
        assert window.row + window.height <= size[1]
        assert window.col + window.width <= size[0]
    assert (counts == 1).all()
    assert count_blocks(plan(format_, raster_plan, raster_plan)) == 2 * len(list(windows(raster_plan)))


def test_tiles_are_zero_and_masks_valid_beyond_the_edge(scratch: Path) -> None:
    raster_plan = raster(300, 260, stored("int16", None), stored("int16", None, "b"), mask=True)
    data = encoded(plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(Compression.NONE)), scratch)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        image, mask = (page.aspage() for page in file.pages)
        assert (image.tilelength, image.tilewidth, len(image.dataoffsets), len(mask.dataoffsets)) == (256, 256, 4, 4)
        assert (int(mask.subfiletype), int(mask.photometric), mask.bitspersample) == (4, 4, 1)
        assert set(image.databytecounts) == {256 * 256 * 2 * 2}
        pieces = [
            np.frombuffer(data, "<i2", 256 * 256 * 2, offset).reshape(256, 256, 2) for offset in image.dataoffsets
        ]
        masks = [
            np.unpackbits(np.frombuffer(zlib.decompress(data[offset : offset + count]), "u1")).reshape(256, 256)
            for offset, count in zip(mask.dataoffsets, mask.databytecounts, strict=True)
        ]
    for (row, col), piece, mask_piece in zip(itertools.product((0, 256), repeat=2), pieces, masks, strict=True):
        height, width = min(256, 260 - row), min(256, 300 - col)
        assert not piece[height:].any()
        assert not piece[:, width:].any()
        assert mask_piece[height:].all()
        assert mask_piece[:, width:].all()
        a, b = block(raster_plan, Window(row, col, height, width))
        assert np.array_equal(piece[:height, :width, 1], b.filled(-32768))
        assert np.array_equal(mask_piece[:height, :width], a.valid & b.valid)


# Cloud-optimized


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 0), ("int8", -128), ("int64", -(2**63)), ("uint64", 0), ("float32", float("-inf")), ("float64", np.nan)],
)
def test_cloud_optimized_files_of_any_type_are_valid(tmp_path: Path, scratch: Path, dtype: str, nodata: float) -> None:
    raster_plan = raster(1100, 600, stored(dtype, nodata))
    path = tmp_path / "x.tif"
    path.write_bytes(encoded(plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(cloud_optimized=True)), scratch))
    assert cog_validate(path, strict=True, quiet=True) == (True, [], [])
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2, 4]
        assert file.read(1).tobytes() == filled(raster_plan)


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize(
    ("resampling", "averaged"),
    [(None, False), (Resampling.NEAREST, False), (Resampling.MODE, False), (Resampling.CUBIC, True)],
)
def test_overviews_are_averaged_only_where_the_request_interpolates(
    tmp_path: Path, scratch: Path, mask: bool, resampling: Resampling | None, averaged: bool
) -> None:
    raster_plan = raster(1024, 1024, stored("uint16", None if mask else 0, resampling=resampling), mask=mask)
    path = tmp_path / "x.tif"

    def rough(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        for window in windows:
            row = np.arange(window.row, window.row + window.height)[:, None]
            data = (bits(window, 0) >> np.uint64(50)).astype("u2") + np.uint16(1)
            yield (Pixels(data, np.broadcast_to(row >= 100, data.shape)),)

    render_plan = plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(cloud_optimized=True))
    path.write_bytes(encoded(render_plan, scratch, rough))
    with rasterio.open(path, overview_level=0) as file:
        values, valid = file.read(1).astype(float), file.read_masks(1) == 255
    assert not valid[:50].any()
    assert valid[50:].all()
    fours = whole(raster_plan, rough)[0].data.astype(float).reshape(512, 2, 512, 2)[50:]
    if averaged:
        assert np.abs(values[50:] - fours.mean(axis=(1, 3))).max() <= 0.5
    else:
        assert (values[50:, None, :, None] == fours).any(axis=(1, 3)).all()


@pytest.mark.parametrize("compression", Compression, ids=lambda c: c.value.lower())
def test_the_predictor_is_the_one_for_the_type(scratch: Path, compression: Compression) -> None:
    predictors = {}
    for dtype in type_names:
        data = encoded(plan(Format.GEO_TIFF, raster(9, 9, stored(dtype)), encoding=Encoding(compression)), scratch)
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            predictors[dtype] = int(file.pages.first.predictor)
    if compression is Compression.NONE:
        assert set(predictors.values()) == {1}
    else:
        assert {dtype for dtype in predictors if predictors[dtype] == 3} == {"float32", "float64"}
        assert {dtype for dtype in predictors if predictors[dtype] == 1} == {"int64", "uint64"}


@pytest.mark.parametrize("compression", [Compression.DEFLATE, Compression.ZSTD])
@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_a_higher_level_makes_a_smaller_file_of_the_same_pixels(
    scratch: Path, compression: Compression, cloud_optimized: bool
) -> None:
    raster_plan = raster(600, 600, stored("uint16", None))
    files = [
        encoded(
            plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(compression, level, cloud_optimized)), scratch, smooth
        )
        for level in (1, 9)
    ]
    assert len(files[1]) < len(files[0])
    for data in files:
        with opened(data) as file:
            assert file.read(1).tobytes() == whole(raster_plan, smooth)[0].filled(0).tobytes()


def test_a_failure_of_the_server_is_not_told_as_one_of_the_source(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise RasterioIOError("no space left")

    monkeypatch.setattr(cog, "gdal_copy", no_space)
    with pytest.raises(RasterioIOError) as raised:
        encoded(plan(Format.GEO_TIFF, raster(9, 9), encoding=Encoding(cloud_optimized=True)), scratch)
    assert not isinstance(raised.value, DownloadError)
    assert list(scratch.iterdir()) == []


# Failures


class Stop(BaseException):
    """An error that nothing else raises."""


@pytest.mark.parametrize("format_", list(ENCODERS))
@pytest.mark.parametrize("cloud_optimized", [False, True])
@pytest.mark.parametrize("after", [0, 2])
def test_an_error_of_the_render_is_the_same_object_and_leaves_nothing(
    scratch: Path, format_: Format, cloud_optimized: bool, after: int
) -> None:
    error = Stop()

    def failing(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        yield from itertools.islice(formula(raster, windows), after)
        raise error

    render_plan = plan(format_, raster(900, 2500, mask=True), encoding=Encoding(cloud_optimized=cloud_optimized))
    with pytest.raises(Stop) as raised:
        encode_download(render_plan, side_by_side(failing), io.BytesIO(), scratch)
    assert raised.value is error
    assert list(scratch.iterdir()) == []


class FullDisk(io.BytesIO):
    """A file that accepts 100 kB."""

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > 100_000:
            raise OSError(errno.ENOSPC, "no space left on device")
        return super().write(data)

    def writelines(self, lines: Iterable[Any]) -> None:
        for line in lines:
            self.write(line)


@pytest.mark.parametrize("format_", list(ENCODERS))
@pytest.mark.parametrize("cloud_optimized", [False, True])
def test_a_full_disk_is_told_and_leaves_nothing(scratch: Path, format_: Format, cloud_optimized: bool) -> None:
    render_plan = plan(format_, raster(900, 900, mask=True), encoding=Encoding(cloud_optimized=cloud_optimized))
    with pytest.raises(OSError, match="no space left") as raised:
        encode_download(render_plan, side_by_side(formula), FullDisk(), scratch)
    assert raised.value.errno == errno.ENOSPC
    assert list(scratch.iterdir()) == []


def test_an_error_of_the_compression_comes_through(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(isal_zlib, "compressobj", broken)
    with pytest.raises(MemoryError):
        encode_download(plan(Format.GEO_TIFF, raster(900, 900)), side_by_side(formula), io.BytesIO(), scratch)


# Limits of formats


def test_few_blocks_are_asked_for_ahead_of_what_is_written(scratch: Path) -> None:
    ahead = []
    out = io.BytesIO()

    def counting(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        for count, window in enumerate(windows):
            yield block(raster, window)
            ahead.append((count + 1) * 256 * 256 * 8 - out.tell())

    raster_plan = raster(256, 256 * 40, stored("float64", None))
    encode_download(
        plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(Compression.NONE)), side_by_side(counting), out, scratch
    )
    assert max(ahead) <= 8 * 256 * 256 * 8


def test_a_bigtiff_is_one_where_it_may_not_fit(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raster_plan, render_plan = raster(600, 600), plan(Format.GEO_TIFF, raster(600, 600))
    assert encoded(render_plan, scratch)[:4] == b"II*\x00"
    monkeypatch.setattr(geotiff, "_CLASSIC_BYTES", 1000)
    big = encoded(render_plan, scratch)
    assert big[:4] == b"II+\x00"
    with opened(big) as file:
        assert file.read(1).tobytes() == filled(raster_plan)


def test_a_raster_is_judged_by_whole_tiles_and_with_its_mask() -> None:
    side = 256 * 241  # 3.81e9 bytes
    assert not needs_bigtiff(raster(side, side, stored("uint8")), DEFLATE)
    assert needs_bigtiff(raster(side, side, stored("uint8"), mask=True), DEFLATE)
    assert not needs_bigtiff(raster(1, side * 241, stored("uint8")), DEFLATE)
    assert needs_bigtiff(raster(1, side * 256, stored("uint8")), DEFLATE)


@pytest.mark.parametrize("compression", Compression, ids=lambda c: c.value.lower())
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_what_cannot_be_compressed_still_fits(scratch: Path, dtype: str, compression: Compression) -> None:
    encoding = Encoding(compression)
    raster_plan = raster(1024, 1024, stored(dtype, None))
    length = len(encoded(plan(Format.GEO_TIFF, raster_plan, encoding=encoding), scratch))
    growth = length / (1024 * 1024 * np.dtype(dtype).itemsize)
    side = next(
        n * 256 for n in range(250, 0, -1) if not needs_bigtiff(raster(n * 256, n * 256, stored(dtype)), encoding)
    )
    assert side * side * np.dtype(dtype).itemsize * growth < 2**32 - 1_000_000


def test_a_large_entry_of_a_zip_is_announced_as_zip64(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10_000)
    out = io.BytesIO()
    entries = [("small", lambda file: file.write(b"s" * 9_000)), ("large", lambda file: file.write(b"l" * 10_001))]
    write_zip(entries, out, scratch)
    assert list(scratch.iterdir()) == []
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert {info.filename: info.file_size for info in archive.infolist()} == {"small": 9_000, "large": 10_001}
        needed = {info.filename: info.extract_version for info in archive.infolist()}
    assert needed == {"small": 20, "large": 45}
