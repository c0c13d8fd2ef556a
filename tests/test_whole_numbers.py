"""Integers of 64 bits are exact: nodata as in the text of the tag, and pixels as stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import tifffile
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.header import read_header
from rasterwire.files.nodata_text import nodata_pixel
from rasterwire.image import Band
from rasterwire.pixels import Window, fits
from rasterwire.plan import Limits, make_plan
from rasterwire.plan.bands import plan_band
from rasterwire.render.band import render_band
from rasterwire.request import BandRequest, DownloadRequest, Format, Resampling

Pixels = npt.NDArray[Any]
UTM = CRS("EPSG:32633")
NODATA = [("int64", 2**53 + 1), ("int64", 2**63 - 1), ("int64", -(2**63)), ("uint64", 2**64 - 1), ("uint64", 2**53 + 1)]


def write(path: Path, pixels: Pixels, text: str | None, **options: Any) -> Path:
    """Write a GeoTIFF whose nodata tag has a text, without GDAL, which would write a number."""
    tags: list[Any] = [
        (33550, 12, 3, (10.0, 10.0, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0), True),
        (34735, 3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633), True),
    ]
    tags += [(42113, 2, 0, text, True)] if text is not None else []
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None, software=False, extratags=tags, **options)
    return path


def band_of(path: Path) -> Band:
    header = read_header(str(path))
    band_header = header.bands[0]
    return Band(
        "b", str(path), 1, header.grid, band_header.dtype, band_header.nodata, band_header.masked, header.overviews,
        plain=header.plain, tiling=header.tiling, version=header.version,
    )  # fmt: skip


def pixels_of(dtype: str, nodata: int) -> Pixels:
    """Return 32 x 32 pixels: nodata, its neighbours, zeros, and a ramp."""
    info = np.iinfo(dtype)
    neighbours = [v for v in (nodata, nodata - 1, nodata + 1, nodata - 2) if info.min <= v <= info.max]
    values = [*neighbours, 0, 1, 7, *range(9)]
    return np.array([values[i % len(values)] for i in range(32 * 32)], dtype).reshape(32, 32)


def test_nodata_of_64_bits_is_that_of_the_tag(tmp_path: Path) -> None:
    ways: list[dict[str, Any]] = [{}, {"compression": "packbits"}, {"tile": (16, 16), "compression": "deflate"}]
    for number, (dtype, nodata) in enumerate(NODATA):
        for options in ways:
            pixels = pixels_of(dtype, nodata)
            band = band_of(write(tmp_path / f"{number}{len(options)}.tif", pixels, str(nodata), **options))
            assert repr(band.nodata) == str(nodata), (dtype, nodata, options)
            rendered = render_band(plan_band(band, band.grid, Resampling.NEAREST), band.grid, Window(0, 0, 32, 32))
            assert np.array_equal(rendered.data, pixels), (dtype, nodata, options)
            assert np.array_equal(rendered.valid, pixels != pixels.dtype.type(nodata)), (dtype, nodata, options)


def test_tags_mean_what_gdal_reads_in_them(tmp_path: Path) -> None:
    texts = ["", " 7 ", "0.5", "-9999", "-9999.5", "256", "255.0", "nan", "abc", "1,5", "1e3", "-1", "1.5", "inf"]
    texts += ["-inf", "9007199254740993", "18446744073709551615", "99999999999999999999999", "1e300"]
    texts += ["-99999999999999999999999", "-3.4028235e+38", "-3.40282306074e+38", "1e39", "-1.#IND", "2147483648"]
    for dtype in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        kind = np.dtype(dtype)
        limits: Any = np.iinfo(dtype) if kind.kind in "iu" else np.finfo(dtype)
        values: list[Any] = [limits.min, limits.max, 0, 1, 2, 7]
        values += [v for v in (1000, -9999, -10000, 2**53, 2**53 + 1, 255) if limits.min <= v <= limits.max]
        values += [np.nan, np.inf, -np.inf, 0.5, -9999.5, -3.4028235e38, -3.402823e38, 1.5] if kind.kind == "f" else []
        pixels = np.resize(np.array(values, kind), (16, 16))
        for text in texts:
            path = write(tmp_path / "a.tif", pixels, text)
            band = band_of(path)
            rendered = render_band(plan_band(band, band.grid, Resampling.NEAREST), band.grid, Window(0, 0, 16, 16))
            with rasterio.open(path) as raster:
                assert np.array_equal(rendered.valid, raster.read_masks(1) > 0), (dtype, text, band.nodata)


def test_a_tile_never_written_holds_what_gdal_fills_in(tmp_path: Path) -> None:
    texts = ["9007199254740993", "9223372036854775807", "18446744073709551615", "-9999", "0.5", "-0.5", "254.5", "300"]
    texts += ["nan", "-3.4028235e+38", "7", "-1"]
    for dtype in ("uint8", "int16", "uint16", "int32", "int64", "uint64", "float32", "float64"):
        for text in texts:
            path = write(tmp_path / "a.tif", np.ones((32, 32), dtype), text, tile=(16, 16), compression="deflate")
            with tifffile.TiffFile(path, mode="r+") as file:
                page = file.pages.first
                for code in (324, 325):
                    tag = page.tags[code]
                    tag.overwrite([0, *tag.value[1:]])
            with rasterio.open(path) as raster:
                expected, valid = raster.read(1), raster.read_masks(1) > 0
            band = band_of(path)
            pixels = render_band(plan_band(band, band.grid, Resampling.NEAREST), band.grid, Window(0, 0, 32, 32))
            assert np.array_equal(pixels.data, expected, equal_nan=dtype.startswith("f")), (dtype, text, band.plain)
            assert np.array_equal(pixels.valid, valid), (dtype, text, band.plain)


def test_nodata_of_64_bits_is_never_mixed_into_data(tmp_path: Path) -> None:
    """Where only small values are valid, results are small; where all pixels are nodata, there is no result."""
    for number, (dtype, nodata) in enumerate(NODATA):
        pixels = np.full((32, 32), 100, dtype)
        pixels[:, 16:] = nodata
        pixels[8, 8] = nodata
        band = band_of(write(tmp_path / f"{number}.tif", pixels, str(nodata)))
        for kind in (r for r in Resampling if r is not Resampling.NEAREST):
            for factor in (0.5, 2, 8):
                side, case = round(32 / factor), (dtype, nodata, kind, factor)
                grid = GeoBox((side, side), band.grid.affine * Affine.scale(factor), UTM)
                rendered = render_band(plan_band(band, grid, kind), grid, Window(0, 0, side, side))
                values = set(rendered.data[rendered.valid].tolist())
                assert values == {100} or (kind is Resampling.SUM and max(values) <= 6400), case
                assert rendered.valid[:, : side // 4].any(), case
                assert not rendered.valid[:, -(side // 4) :].any(), case


def test_reductions_that_choose_a_pixel_keep_all_its_bits(tmp_path: Path) -> None:
    for dtype, most in (("int64", 2**63 - 1), ("uint64", 2**64 - 1), ("int64", 2**53 + 5)):
        pixels = np.full((16, 16), most - 3, dtype)
        pixels[::2, ::2], pixels[1::2, ::2], pixels[::2, 1::2] = most, most - 2, most - 2
        band = band_of(write(tmp_path / f"{most}.tif", pixels, "5"))
        grid = GeoBox((8, 8), band.grid.affine * Affine.scale(2), UTM)
        for kind, expected in (
            (Resampling.MIN, most - 3),
            (Resampling.MAX, most),
            (Resampling.MODE, most - 2),
            (Resampling.MEDIAN, most - 2),
        ):
            rendered = render_band(plan_band(band, grid, kind), grid, Window(0, 0, 8, 8))
            assert set(rendered.data.ravel().tolist()) == {expected}, (dtype, kind)


def test_a_float_type_does_not_fit_a_whole_number_it_would_round() -> None:
    results = [fits(*case) for case in ((2**53, "float64"), (2**53 + 1, "float64"), (2**24 + 1, "float32"))]
    assert results == [True, False, False]
    assert nodata_pixel(json.loads("9007199254740993"), "int64") == 2**53 + 1


def test_a_type_that_rounds_whole_numbers_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    for dtype in ("int64", "uint64", "uint32", "float32"):
        write(folder / f"{dtype}.tif", np.ones((8, 8), dtype), None)
    image = FolderCatalog(tmp_path).get("a")
    for names, expected_names in (
        (("int64", "uint64"), ["int64", "uint64"]),
        (("int64", "float32"), ["int64"]),
        (("int64", "uint32"), []),
        (("uint32", "float32"), []),
    ):
        bands = tuple(BandRequest(name) for name in names)
        for format_, expected in (
            (Format.GEO_TIFF, expected_names),
            (Format.NPY, []),
            (Format.ZIPPED_GEO_TIFF_PER_BAND, []),
        ):
            left_out = make_plan(DownloadRequest("a", bands=bands, format=format_), image, Limits()).left_out
            assert [name for item in left_out if "2^53" in item.item for name in item.bands] == expected, names
