"""Reductions, compared with GDAL's warper and with numpy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling as GdalResampling
from rasterio.vrt import WarpedVRT

from cases import every
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.image import Band
from rasterwire.pixels import Window
from rasterwire.plan import BandPlan
from rasterwire.render import reduction as module
from rasterwire.render.reduction import REDUCTIONS, reduction
from rasterwire.render.sampling import sampling_of
from rasterwire.request import Resampling

UTM = CRS("EPSG:32633")
SIDE = 211
_gdal = {Resampling.MEDIAN: "med"}
REDUCED = [resampling for resampling in Resampling if resampling in REDUCTIONS]

GRIDS = {  # smaller than the source: at its edge GDAL also weights pixels outside of it
    "same-crs": GeoBox((50, 60), Affine(31.7, 0, 500_103, 0, -27.3, 5_001_900), UTM),
    "half-pixels": GeoBox((120, 130), Affine(4.9, 0, 500_501, 0, -4.9, 5_001_500), UTM),
    "degrees": GeoBox((40, 50), Affine(4.1e-4, 0, 15.0022, 0, -2.9e-4, 45.1682), CRS("EPSG:4326")),
    "mercator": GeoBox((30, 40), Affine(51, 0, 1_670_100, 0, -47, 5_648_000), CRS("EPSG:3857")),
}


def stored(folder: Path, dtype: str = "uint16", nodata: float | None = 0) -> Band:
    """Return a band of 211 x 211 pixels of 10 m with few values and invalid pixels."""
    dice = np.random.default_rng(7)
    data = dice.integers(1, 90, (SIDE, SIDE)).astype(dtype)
    data[dice.random((SIDE, SIDE)) < 0.3] = 0
    data[90:140, 20:70] = 0
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 1, "dtype": dtype, "nodata": nodata}
    with rasterio.open(
        folder / "few.tif", "w", crs=UTM.to_wkt(), transform=Affine(10, 0, 500_000, 0, -10, 5_002_000), **profile
    ) as file:
        file.write(data, 1)
    return FolderCatalog(folder).get("few").bands[0]


def plan(band: Band, resampling: Resampling) -> BandPlan:
    return BandPlan("a", band, band.dtype, band.nodata, 0, resampling)


def gdals(band: Band, grid: GeoBox, resampling: Resampling) -> npt.NDArray[Any]:
    height, width = (int(n) for n in grid.shape)
    assert grid.crs is not None
    with (
        rasterio.open(band.href) as source,
        WarpedVRT(
            source,
            crs=grid.crs.to_wkt(),
            transform=grid.affine,
            width=width,
            height=height,
            tolerance=1e-9,
            resampling=GdalResampling[_gdal.get(resampling, resampling.value.lower())],
        ) as warped,
    ):
        return np.asarray(warped.read(1))


def commonest(values: npt.NDArray[Any], box: tuple[float, float, float, float]) -> set[int]:
    """Return the values other than 0 with the largest area in a box of left, top, right and bottom; {0} for none.

    GDAL treats floats otherwise than integers, and does not weight pixels before 3.11.
    """
    left, top, right, bottom = box
    much: dict[int, float] = {}
    for row in range(int(top), int(np.ceil(bottom - 1e-9))):
        for col in range(int(left), int(np.ceil(right - 1e-9))):
            share = (min(col + 1, right) - max(col, left)) * (min(row + 1, bottom) - max(row, top))
            much[int(values[row, col])] = much.get(int(values[row, col]), 0.0) + share
    much.pop(0, None)
    return {value for value, share in much.items() if share > max(much.values()) - 1e-9} or {0}


@every("dtype", ["uint8", "float32"])
@every("name", ["same-crs", "half-pixels"])
def test_the_mode_is_what_most_of_the_box_is(tmp_path: Path, name: str, dtype: str) -> None:
    band, grid = stored(tmp_path, dtype), GRIDS[name]
    height, width = (int(n) for n in grid.shape)
    pixels = reduction(sampling_of(plan(band, Resampling.MODE), grid), Window(0, 0, height, width)).filled(0)
    with rasterio.open(band.href) as file:
        values = file.read(1)
    step = ~Affine(10, 0, 500_000, 0, -10, 5_002_000) @ grid.affine
    for row in range(height):
        for col in range(width):
            corners = step @ (col, row), step @ (col + 1, row + 1)
            assert int(pixels[row, col]) in commonest(values, (*corners[0], *corners[1]))


@every("resampling", [r for r in REDUCED if r is not Resampling.MODE])
@every("dtype", ["uint8", "uint16", "int16", "float32"])
@every("name", GRIDS)
def test_values_are_gdals(tmp_path: Path, name: str, dtype: str, resampling: Resampling) -> None:
    band = stored(tmp_path, dtype)
    height, width = (int(n) for n in GRIDS[name].shape)
    pixels = reduction(sampling_of(plan(band, resampling), GRIDS[name]), Window(0, 0, height, width))
    expected = gdals(band, GRIDS[name], resampling)
    assert 0.5 < pixels.valid.mean() < 1
    assert np.array_equal(pixels.valid, expected != 0)
    if dtype == "float32":
        assert np.allclose(pixels.filled(0).astype(float), expected.astype(float), rtol=1e-6)
    elif resampling is Resampling.AVERAGE and name == "half-pixels":
        apart = pixels.filled(0).astype(int) - expected
        assert np.abs(apart).max() <= 1  # halves may fall to either side, by the last bit of a sum
        assert np.count_nonzero(apart) < 0.01 * apart.size
    else:
        assert np.array_equal(pixels.filled(0), expected)


_numpy: dict[Resampling, Callable[[npt.NDArray[Any]], Any]] = {
    Resampling.AVERAGE: lambda v: np.floor(v.mean() + 0.5),
    Resampling.RMS: lambda v: np.floor(np.sqrt((v.astype(float) ** 2).mean()) + 0.5),
    Resampling.MIN: lambda v: v.min(),
    Resampling.MAX: lambda v: v.max(),
    Resampling.MODE: lambda v: np.bincount(v).argmax(),
    Resampling.Q1: lambda v: np.sort(v)[int(np.ceil(0.25 * v.size - 1))],
    Resampling.MEDIAN: lambda v: np.sort(v)[int(np.ceil(0.5 * v.size - 1))],
    Resampling.Q3: lambda v: np.sort(v)[int(np.ceil(0.75 * v.size - 1))],
}


@every("dtype", ["int16", "int32"])
@every("budget", [1_500_000, 7_000, 500])
@every("resampling", _numpy)
def test_one_pixel_of_all_is_numpys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resampling: Resampling, budget: int, dtype: str
) -> None:
    monkeypatch.setattr(module, "_SOURCE_BUDGET", budget)
    band = stored(tmp_path, dtype)
    with rasterio.open(band.href) as file:
        values = file.read(1)
    counts = np.sort(np.bincount(values[values != 0]))
    assert counts[-1] > counts[-2]  # only one value is the most common
    whole = GeoBox((1, 1), Affine(10 * SIDE, 0, 500_000, 0, -10 * SIDE, 5_002_000), UTM)
    pixels = reduction(sampling_of(plan(band, resampling), whole), Window(0, 0, 1, 1))
    assert pixels.valid.all()
    assert pixels.data[0, 0] == _numpy[resampling](values[values != 0])


@every("resampling", REDUCED)
def test_of_nothing_valid_there_is_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resampling: Resampling
) -> None:
    band = stored(tmp_path)
    hole = GeoBox((1, 1), Affine(400, 0, 500_250, 0, -400, 5_001_050), UTM)
    beyond = GeoBox((1, 1), Affine(400, 0, 499_000, 0, -400, 5_001_050), UTM)
    for budget in (1_500_000, 300):
        monkeypatch.setattr(module, "_SOURCE_BUDGET", budget)
        for grid in (hole, beyond):
            assert not reduction(sampling_of(plan(band, resampling), grid), Window(0, 0, 1, 1)).valid.any()


def test_a_mean_that_equals_nodata_is_moved_beside_it(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "uint8", "nodata": 5}
    place = Affine(10, 0, 500_000, 0, -10, 5_002_000)
    with rasterio.open(tmp_path / "x.tif", "w", crs=UTM.to_wkt(), transform=place, **profile) as file:
        file.write(np.array([[[4, 6], [6, 4]]], "uint8"))
    (band,) = FolderCatalog(tmp_path).get("x").bands
    whole = GeoBox((1, 1), place @ Affine.scale(2), UTM)
    pixels = reduction(sampling_of(plan(band, Resampling.AVERAGE), whole), Window(0, 0, 1, 1))
    assert (pixels.data.item(), pixels.valid.item()) == (4, True)  # as GDAL does it
