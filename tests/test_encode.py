"""Files read back by others: rasterio, GDAL's command line, NumPy, zipfile."""

import io
import json
import shutil
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags
from rio_cogeo.cogeo import cog_validate

from cases import every
from images import UTM, band, side_by_side
from rasterwire.encode.download import ENCODERS, count_blocks, encode_download
from rasterwire.encode.geotiff import needs_bigtiff
from rasterwire.pixels import Pixels, Window, smallest_value, type_names
from rasterwire.plan import BandPlan, RasterPlan, RenderPlan
from rasterwire.request import Compression, Encoding, Format, MaskOutput

NORTH_UP = Affine(10, 0, 500000, 0, -10, 4000000)


def raster(
    width: int, height: int, dtype: str = "uint16", names: tuple[str, ...] = ("a",), mask: bool = False, **grid: object
) -> RasterPlan:
    box = GeoBox((height, width), grid.get("affine", NORTH_UP), grid.get("crs", UTM))  # type: ignore[arg-type]
    fill = smallest_value(dtype)
    bands = tuple(BandPlan(name, band(name, dtype=dtype), dtype, fill, fill, None) for name in names)
    return RasterPlan("x.tif", box, bands, MaskOutput.BAND if mask else None)


DEFLATE = Encoding()


def plan(format_: Format, *rasters: RasterPlan, encoding: Encoding = DEFLATE) -> RenderPlan:
    return RenderPlan("i", format_, "x", "m", rasters, encoding, (), 0, 0, "e")


def made_up(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
    """Render values that tell row, column and band; every seventh diagonal is invalid."""
    for window in windows:
        row = np.arange(window.row, window.row + window.height)[:, None]
        col = np.arange(window.col, window.col + window.width)
        valid = (row + col) % 7 != 3
        yield tuple(
            Pixels((row * 3 + col + 5 * index + 1).astype(b.dtype), valid) for index, b in enumerate(raster.bands)
        )


def expected(raster: RasterPlan, index: int = 0) -> np.ndarray:
    height, width = (int(n) for n in raster.grid.shape)
    (blocks,) = made_up(raster, [Window(0, 0, height, width)])
    return blocks[index].filled(raster.bands[index].fill)


def encoded(render_plan: RenderPlan, folder: Path) -> bytes:
    out = io.BytesIO()
    encode_download(render_plan, side_by_side(made_up), out, folder)
    assert list(folder.iterdir()) == []
    return out.getvalue()


@every("mask", [False, True])
@every("compression", Compression)
@every("dtype", type_names)
def test_every_type_and_compression_is_read_back(
    tmp_path: Path, dtype: str, compression: Compression, mask: bool
) -> None:
    raster_plan = raster(300, 270, dtype, ("a", "b"), mask)
    if mask:
        raster_plan = replace(raster_plan, bands=tuple(replace(b, nodata=None) for b in raster_plan.bands))
    data = encoded(plan(Format.GEO_TIFF, raster_plan, encoding=Encoding(compression)), tmp_path)
    with rasterio.MemoryFile(data) as memory, memory.open() as tiff:
        assert tiff.dtypes == (dtype, dtype)
        assert tiff.descriptions == ("a", "b")
        assert (tiff.crs.to_epsg(), tiff.transform) == (32610, NORTH_UP)
        for index in (0, 1):
            assert np.array_equal(tiff.read(index + 1), expected(raster_plan, index))
        rows, cols = np.indices((270, 300))
        valid = (rows + cols) % 7 != 3
        if not mask:  # values that wrap around to the fill cannot be distinguished from it
            valid &= expected(raster_plan) != raster_plan.bands[0].fill
        assert np.array_equal(tiff.read_masks(1) > 0, valid)
        assert tiff.mask_flag_enums[0] == ([MaskFlags.per_dataset] if mask else [MaskFlags.nodata])


@every("mask", [False, True])
def test_very_many_bands_are_stored_one_after_the_other(tmp_path: Path, mask: bool) -> None:
    names = tuple(f"band {number} \u00b5" for number in range(300))
    raster_plan = raster(300, 270, "uint16", names, mask)
    rows, cols = np.indices((270, 300))

    def by_name(render_plan: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        for window in windows:
            part = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
            values = (rows * 3 + cols)[part]
            assert len(render_plan.bands) == 1  # never all of them in memory
            (number,) = (int(band.name.split()[1]) for band in render_plan.bands)
            yield (Pixels((values + number).astype("uint16"), values % 300 != number),)

    with io.BytesIO() as out:
        encode_download(plan(Format.GEO_TIFF, raster_plan), side_by_side(by_name), out, tmp_path)
        with rasterio.MemoryFile(out.getvalue()) as memory, memory.open() as tiff:
            assert tiff.profile["interleave"] == "band"
            assert tiff.descriptions == names
            for index in (0, 7, 299):
                valid = (rows * 3 + cols) % 300 != index
                assert np.array_equal(tiff.read(index + 1), np.where(valid, rows * 3 + cols + index, 0))
            if mask:  # a pixel is valid where all its bands are; with these bands none is
                assert not tiff.read_masks(1).any()


@every("size", [(1, 1), (255, 255), (256, 256), (257, 1), (1, 257), (700, 300)])
def test_every_size_is_read_back(tmp_path: Path, size: tuple[int, int]) -> None:
    raster_plan = raster(*size, mask=True)
    data = encoded(plan(Format.GEO_TIFF, raster_plan), tmp_path)
    with rasterio.MemoryFile(data) as memory, memory.open() as tiff:
        assert np.array_equal(tiff.read(1), expected(raster_plan))


@pytest.mark.parametrize(
    ("affine", "crs"),
    [
        pytest.param(Affine(10, 0, 0, 0, 10, 0), UTM, id="south-up"),
        pytest.param(Affine(10, 2, 0, 3, -10, 0), UTM, id="rotated"),
        pytest.param(NORTH_UP, None, id="no-crs"),
        pytest.param(NORTH_UP, CRS("+proj=laea +lat_0=12 +lon_0=34 +type=crs"), id="crs-without-a-code"),
    ],
)
def test_every_grid_is_read_back(tmp_path: Path, affine: Affine, crs: CRS | None) -> None:
    raster_plan = raster(20, 30, affine=affine, crs=crs)
    data = encoded(plan(Format.GEO_TIFF, raster_plan), tmp_path)
    with rasterio.MemoryFile(data) as memory, memory.open() as tiff:
        assert tiff.transform.almost_equals(affine)
        assert (tiff.crs is None) == (crs is None)
        if crs is not None:
            assert CRS(tiff.crs.to_wkt()) == crs


def test_scale_offset_and_unit_are_kept(tmp_path: Path) -> None:
    raster_plan = raster(20, 30)
    source = replace(raster_plan.bands[0].stored, value_scale=2.75e-5, value_offset=-0.2, unit="1")
    raster_plan = replace(raster_plan, bands=(replace(raster_plan.bands[0], source=source),))
    data = encoded(plan(Format.GEO_TIFF, raster_plan), tmp_path)
    with rasterio.MemoryFile(data) as memory, memory.open() as tiff:
        assert (tiff.scales, tiff.offsets, tiff.units) == ((2.75e-5,), (-0.2,), ("1",))


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="gdalinfo is not installed")
def test_gdals_command_line_reads_it_too(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    raster_plan = raster(300, 270, mask=True)
    path.write_bytes(encoded(plan(Format.GEO_TIFF, raster_plan), _empty(tmp_path)))
    process = subprocess.run(["gdalinfo", "-json", "-checksum", path], check=True, capture_output=True, text=True)
    info = json.loads(process.stdout)
    assert (info["size"], info["bands"][0]["description"], info["bands"][0]["noDataValue"]) == ([300, 270], "a", 0)
    assert info["bands"][0]["mask"]["flags"] == ["PER_DATASET"]
    assert "WARNING" not in process.stderr.upper()


def _empty(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@every("mask", [False, True])
@every("compression", Compression)
def test_cloud_optimized_files_are_valid(tmp_path: Path, compression: Compression, mask: bool) -> None:
    raster_plan = raster(1300, 1100, names=("a", "b"), mask=mask)
    encoding = Encoding(compression, cloud_optimized=True)
    path = tmp_path / "x.tif"
    path.write_bytes(encoded(plan(Format.GEO_TIFF, raster_plan, encoding=encoding), _empty(tmp_path)))
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as tiff:
        assert tiff.overviews(1)
        assert tiff.descriptions == ("a", "b")
        assert np.array_equal(tiff.read(2), expected(raster_plan, 1))


def test_an_npy_is_packed_and_structured_even_for_one_band(tmp_path: Path) -> None:
    raster_plan = raster(50, 40)
    array = np.load(io.BytesIO(encoded(plan(Format.NPY, raster_plan), tmp_path)))
    assert (array.dtype, array.shape) == (np.dtype([("a", "<u2")]), (40, 50))
    assert np.array_equal(array["a"], expected(raster_plan))
    assert array.view(array.dtype[0]).shape == (40, 50)


def test_an_npy_keeps_a_type_for_each_band_and_a_mask(tmp_path: Path) -> None:
    raster_plan = raster(50, 40, names=("a", "b"), mask=True)
    raster_plan = replace(
        raster_plan, bands=(raster_plan.bands[0], replace(raster_plan.bands[1], dtype="float32", fill=float("-inf")))
    )
    array = np.load(io.BytesIO(encoded(plan(Format.NPY, raster_plan), tmp_path)))
    assert array.dtype == np.dtype([("a", "<u2"), ("b", "<f4"), ("mask", "u1")])
    rows, cols = np.indices((40, 50))
    assert np.array_equal(array["mask"], np.where((rows + cols) % 7 != 3, 255, 0))
    assert np.isneginf(array["b"][array["mask"] == 0]).all()


def test_an_npy_of_very_many_bands_has_a_longer_header(tmp_path: Path) -> None:
    raster_plan = raster(2, 2, "uint8", tuple(f"{'x' * 100}{i}" for i in range(1000)))
    data = encoded(plan(Format.NPY, raster_plan), tmp_path)
    assert data[6] == 2
    assert len(np.load(io.BytesIO(data), max_header_size=1 << 20).dtype) == 1000


@every("format_", [Format.ZIPPED_GEO_TIFF, Format.ZIPPED_GEO_TIFF_PER_BAND])
def test_zips_are_whole_stored_and_dateless(tmp_path: Path, format_: Format) -> None:
    rasters = [replace(raster(30, 20, dtype), path=f"n.{dtype}.tif") for dtype in ("uint8", "float32")]
    with zipfile.ZipFile(io.BytesIO(encoded(plan(format_, *rasters), tmp_path))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["n.uint8.tif", "n.float32.tif"]
        for info in archive.infolist():
            assert (info.date_time, info.compress_type) == ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)
            assert info.external_attr >> 16 == 0o100644


@every("format_", list(ENCODERS))
@every("cloud_optimized", [False, True])
def test_equal_plans_give_equal_bytes(tmp_path: Path, format_: Format, cloud_optimized: bool) -> None:
    render_plan = plan(format_, raster(700, 600, mask=True), encoding=Encoding(cloud_optimized=cloud_optimized))
    assert encoded(render_plan, tmp_path) == encoded(render_plan, tmp_path)


def test_every_format_has_an_encoder() -> None:
    assert set(ENCODERS) == set(Format) - {Format.ZARR}  # which exports alone write


@every("format_", list(ENCODERS))
def test_the_blocks_are_counted_before(tmp_path: Path, format_: Format) -> None:
    render_plan = plan(format_, raster(3000, 700, "float64", tuple("abc")))
    calls = 0

    def counting(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        nonlocal calls
        for window in windows:
            calls += 1
            yield from made_up(raster, [window])

    encode_download(render_plan, side_by_side(counting), io.BytesIO(), tmp_path)
    assert calls == count_blocks(render_plan)


@every("format_", list(ENCODERS))
def test_errors_of_a_render_come_through_and_leave_nothing(tmp_path: Path, format_: Format) -> None:
    class Stop(Exception):
        pass

    def failing(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        yield next(made_up(raster, [next(iter(windows))]))
        raise Stop

    with pytest.raises(Stop):
        encode_download(plan(format_, raster(3000, 3000, mask=True)), side_by_side(failing), io.BytesIO(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@every("format_", [Format.GEO_TIFF, Format.NPY])
def test_memory_does_not_grow_with_the_raster(tmp_path: Path, format_: Format) -> None:
    raster_plan = raster(20_000, 3_000, "uint8", mask=True)

    def flat(raster: RasterPlan, windows: Iterable[Window]) -> Iterator[tuple[Pixels, ...]]:
        for window in windows:
            shape = (window.height, window.width)
            yield (Pixels(np.full(shape, 7, "uint8"), np.ones(shape, bool)),)

    with (tmp_path / "out").open("w+b") as out:
        tracemalloc.start()
        encode_download(plan(format_, raster_plan), side_by_side(flat), out, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 << 20


def test_large_rasters_are_bigtiffs() -> None:
    assert not needs_bigtiff(raster(40_000, 40_000), DEFLATE)
    assert needs_bigtiff(raster(50_000, 50_000), DEFLATE)
