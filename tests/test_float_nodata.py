"""Floats count as nodata where GDAL treats them so, on every path that reads or writes them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from rasterwire.catalog.header import read_header
from rasterwire.image import Band
from rasterwire.pixels import NodataPixels, Window, is_nodata
from rasterwire.plan.bands import plan_band
from rasterwire.render.band import render_band
from rasterwire.render.rounding import beside_nodata
from rasterwire.request import Resampling

NODATA = [0.0, -0.0, 1.0, 0.1, -9999.0, 1e-3, 16777217.0, -1.2676506e30, 3.4e38, 3.4028234663852886e38,
          -3.4028234663852886e38, -3.4028235e38, 1e-45, 1e-40, 1.2e-38, 1e-37, 5e-324, 1e-310, 2.3e-308,
          1.7976931348623157e308, -1.7976931348623157e308, np.inf, -np.inf, np.nan]  # fmt: skip


def neighbours(nodata: float, dtype: str) -> npt.NDArray[Any]:
    """Return values near a value, by relative steps and by steps of the type, and distant ones."""
    kind = np.dtype(dtype).type
    with np.errstate(all="ignore"):
        value = kind(nodata)
        values = [value * (kind(1) + kind(step)) for step in np.linspace(-6e-7, 6e-7, 121)]
        values += [value + kind(step) * np.finfo(dtype).smallest_subnormal for step in range(-40, 41)]
        for way in (np.inf, -np.inf):
            value_ = value
            for _ in range(12):
                value_ = np.nextafter(value_, kind(way))
                values.append(value_)
        distant = [0, np.inf, -np.inf, np.nan, 1e38, -1e38, 1e30, np.finfo(dtype).max, np.finfo(dtype).min]
        return np.array([*values, -value, *distant], dtype)[None]


def masks_by_gdal(values: npt.NDArray[Any], nodata: float) -> tuple[float, npt.NDArray[Any]]:
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        options = {"driver": "GTiff", "width": values.shape[1], "height": 1, "count": 1, "dtype": values.dtype}
        with memory.open(**options, nodata=nodata) as raster:
            raster.write(values, 1)
        with memory.open() as raster:
            return raster.nodata, raster.read_masks(1) > 0


def test_floats_close_to_nodata_are_nodata_as_for_gdal() -> None:
    for dtype in ("float32", "float64"):
        for nodata in NODATA:
            if dtype == "float32" and np.isfinite(nodata) and abs(nodata) > 3.5e38:
                continue
            values = neighbours(nodata, dtype)
            declared, expected = masks_by_gdal(values, nodata)
            assert np.array_equal(NodataPixels(values, declared).valid, expected), (dtype, nodata)


def test_means_close_to_nodata_stay_valid_for_every_reader() -> None:
    for dtype in ("float32", "float64", "int16", "uint8", "int64"):
        for nodata in NODATA if dtype.startswith("f") else [0, 5, np.iinfo(dtype).min, np.iinfo(dtype).max]:
            if np.isnan(nodata) or (dtype == "float32" and np.isfinite(nodata) and abs(nodata) > 3.5e38):
                continue
            values = neighbours(nodata, dtype) if dtype.startswith("f") else np.array([[nodata]], dtype)
            valid = np.ones(values.shape, bool)
            moved = beside_nodata(values.copy(), valid, nodata)
            assert not is_nodata(moved.data, nodata).any(), (dtype, nodata)
            declared, expected = masks_by_gdal(moved.data, nodata)
            assert expected.all(), (dtype, nodata, declared)


@pytest.mark.parametrize("compress", ["deflate", "packbits"])
def test_overviews_that_were_float32_have_the_nodata_of_their_tag(tmp_path: Path, compress: str) -> None:
    """Such a file has a tag with eight digits, pixels of that value, and overviews that were float32."""
    path = tmp_path / "a.tif"
    rng = np.random.default_rng(5)
    pixels = rng.normal(size=(512, 512))
    pixels[rng.random((512, 512)) < 0.3] = np.float32(-1.2676506e30)
    options = {"driver": "GTiff", "width": 512, "height": 512, "count": 1, "dtype": "float64", "compress": compress}
    georeference = {"crs": "EPSG:32633", "transform": from_origin(500000, 5000000, 10, 10)}
    with rasterio.open(path, "w", **options, **georeference, nodata=-1.2676506e30) as raster:
        raster.write(pixels, 1)
    with rasterio.open(path, "r+") as raster:
        raster.build_overviews([2], rasterio.enums.Resampling.nearest)
    header = read_header(str(path))
    stored = header.bands[0]
    band = Band("b", str(path), 1, header.grid, stored.dtype, stored.nodata, stored.masked, header.overviews,
                plain=header.plain, version=header.version)  # fmt: skip
    with rasterio.open(path) as raster, rasterio.open(path, overview_level=0) as half:
        full, coarse = raster.read_masks(1) > 0, half.read_masks(1) > 0
    assert [full.all(), coarse.all()] == [False, False]
    rendered = render_band(plan_band(band, band.grid, Resampling.NEAREST), band.grid, Window(0, 0, 512, 512))
    assert np.array_equal(rendered.valid, full)
    twice = band.grid.zoom_out(2)
    rendered = render_band(plan_band(band, twice, Resampling.NEAREST), twice, Window(0, 0, 256, 256))
    assert np.array_equal(rendered.valid, coarse)
    for kind in (Resampling.AVERAGE, Resampling.MIN, Resampling.BILINEAR, Resampling.LANCZOS):
        thrice = band.grid.zoom_out(3)
        height, width = (int(n) for n in thrice.shape)
        rendered = render_band(plan_band(band, thrice, kind), thrice, Window(0, 0, height, width))
        assert np.abs(rendered.data[rendered.valid]).max() < 100, kind
