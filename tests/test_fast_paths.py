"""Every fast path gives the same pixels as the general one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from gdal_warper import warped
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.errors import SourceUnavailable
from rasterwire.image import Band
from rasterwire.pixels import Window
from rasterwire.plan.types import BandPlan
from rasterwire.render import kernels
from rasterwire.render.block import path_of
from rasterwire.render.interpolation import interpolation
from rasterwire.render.nearest import nearest
from rasterwire.render.positions import Lattice, Positions, exact, positions
from rasterwire.render.sampling import Sampling, sampling_of
from rasterwire.render.source import read
from rasterwire.render.warp import warp
from rasterwire.request import Resampling

UTM = Affine(10, 0, 499980, 0, -10, 4200000)
DEGREES = Affine(0.0001, 0, -123.01, 0, -0.0001, 37.95)


def stored(folder: Path, dtype: str = "uint16", nodata: float | None = 0, bands: int = 1, **profile: Any) -> list[Band]:
    """Return the bands of a raster of noise with pixels of 10 m; a third of them are 0."""
    rng = np.random.default_rng(7)
    data = rng.integers(0, 120, (bands, 700, 611))
    data[:, 200:400, 100:300] = 0
    options = {"transform": UTM, "crs": "EPSG:32610", "nodata": nodata, "dtype": dtype, "count": bands} | profile
    with rasterio.open(folder / "noise.tif", "w", driver="GTiff", width=611, height=700, **options) as file:
        file.write(data.astype(dtype) / (7 if dtype.startswith("f") else 1))
        if options.get("tiled"):
            file.build_overviews([2, 4])
    return list(FolderCatalog(folder).get("noise").bands)


def plan(band: Band, resampling: Resampling = Resampling.NEAREST) -> BandPlan:
    return BandPlan("a", band, band.dtype, band.nodata, 0, resampling)


TILED: dict[str, Any] = {"tiled": True, "blockxsize": 128, "blockysize": 64}


CODED = [
    (dtype, compress, predictor)
    for dtype in ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
    for compress in ["none", "deflate", "lzw", "zstd"]
    for predictor in ([1] if compress == "none" else [1, 2, 3] if dtype.startswith("f") else [1, 2])
]


@pytest.mark.parametrize(("dtype", "compress", "predictor"), CODED)
def test_tiles_are_decoded_as_gdal_does(tmp_path: Path, dtype: str, compress: str, predictor: int) -> None:
    (band,) = stored(tmp_path, dtype, compress=compress, predictor=predictor, **TILED)
    same_as_gdal(band)


@pytest.mark.parametrize(
    "profile",
    [
        {},
        {"compress": "deflate", "blockysize": 37},
        {"compress": "deflate", "interleave": "band", **TILED},
        {"compress": "deflate", "interleave": "pixel", "predictor": 2, **TILED},
        {"compress": "deflate", "interleave": "pixel"},
        {"compress": "lzw", "endianness": "BIG", "predictor": 2, **TILED},
        {"endianness": "BIG", **TILED},
        {"sparse_ok": True, "compress": "deflate", **TILED},
        {"bigtiff": "YES", "compress": "zstd", **TILED},
        {"photometric": "minisblack", "alpha": "no", **TILED},
    ],
    ids=str,
)
def test_every_layout_is_read_as_gdal_does(tmp_path: Path, profile: dict[str, Any]) -> None:
    for band in stored(tmp_path, bands=3, **profile):
        same_as_gdal(band)


@pytest.mark.parametrize("nodata", [None, 0.0, float("nan"), 3.0, -9999.0])
def test_validity_of_floats_is_gdals(tmp_path: Path, nodata: float | None) -> None:
    (band,) = stored(tmp_path, "float32", nodata, compress="deflate", **TILED)
    same_as_gdal(band)


def same_as_gdal(band: Band) -> None:
    assert band.plain
    slow = replace(band, plain=False)
    for overview in [None, *range(len(band.overviews))]:
        for col, row, size in [(0, 0, (700, 611)), (-5, 60, (9, 700)), (127, 63, (130, 2)), (600, 690, (40, 40))]:
            pixels, expected = (
                read(band, overview=overview, col=col, row=row, size=size),
                read(slow, overview=overview, col=col, row=row, size=size),
            )
            assert pixels.data.dtype == expected.data.dtype
            assert pixels.data.tobytes() == expected.data.tobytes()
            assert np.array_equal(pixels.valid, expected.valid)


@pytest.mark.parametrize(
    "profile",
    [
        {"compress": "jpeg", "dtype": "uint8", "nodata": None},
        {"nbits": 12},
        {"bands": 4, "photometric": "rgb", "alpha": "yes", "nodata": None},
    ],
    ids=str,
)
def test_what_is_not_plain_is_left_to_gdal(tmp_path: Path, profile: dict[str, Any]) -> None:
    bands = stored(tmp_path, **profile, **TILED)
    assert not any(band.plain for band in bands)
    assert read(bands[0], overview=None, col=0, row=0, size=(700, 611)).valid.any()


def test_a_damaged_tile_is_told_without_a_place(tmp_path: Path) -> None:
    (band,) = stored(tmp_path, compress="deflate", **TILED)
    path = Path(band.href)
    with rasterio.open(path) as file:
        start = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    damaged = bytearray(path.read_bytes())
    damaged[start : start + 40] = b"\xff" * 40
    path.write_bytes(damaged)
    (again,) = FolderCatalog(tmp_path).get("noise").bands
    with pytest.raises(SourceUnavailable, match="damaged") as raised:
        read(again, overview=None, col=0, row=0, size=(9, 9))
    assert str(tmp_path) not in str(raised.value)
    assert read(again, overview=None, col=400, row=400, size=(9, 9)).valid.any()


def test_a_file_that_changed_is_not_read(tmp_path: Path) -> None:
    (band,) = stored(tmp_path, compress="deflate", **TILED)
    read(band, overview=None, col=0, row=0, size=(9, 9))
    stored(tmp_path, "uint8")
    with pytest.raises(SourceUnavailable, match="changed"):
        read(band, overview=None, col=0, row=0, size=(9, 9))


GRIDS = {
    "degrees": GeoBox((500, 600), DEGREES, CRS("EPSG:4326")),
    "mercator": GeoBox((500, 600), Affine(8, 1, -13693000, 1, -9, 4571000), CRS("EPSG:3857")),
    "wider": GeoBox((400, 400), Affine(0.00014, 0, -123.01, 0, -0.00013, 37.95), CRS("EPSG:4326")),
    "rotated": GeoBox((500, 600), UTM @ Affine.rotation(30) @ Affine.scale(0.7), CRS("EPSG:32610")),
    "far away": GeoBox((300, 300), Affine(1e5, 0, -4e6, 0, -1e5, 4e6), CRS("EPSG:3995")),
}
WINDOW = Window(37, 65, 290, 205)


@pytest.mark.parametrize("name", GRIDS)
def test_positions_are_as_near_as_they_say(tmp_path: Path, name: str) -> None:
    (band,) = stored(tmp_path)
    place = positions(sampling_of(plan(band), GRIDS[name]), WINDOW)
    if isinstance(place, Lattice):
        shape = WINDOW.height, WINDOW.width
        buffers = Positions(np.empty(shape), np.empty(shape), np.empty(shape))
        kernels.interpolate(place.as_tuple(), buffers.x, buffers.y, buffers.slack)
        left, top, right, bottom = place.bounds()
        assert left <= buffers.x.min() <= buffers.x.max() <= right
        assert top <= buffers.y.min() <= buffers.y.max() <= bottom
    else:
        buffers = place
    x, y = truth(band, GRIDS[name])
    finite = np.isfinite(x) & np.isfinite(y)
    assert np.array_equal(np.isfinite(buffers.x), finite)
    assert (np.hypot(buffers.x - x, buffers.y - y)[finite] <= buffers.slack[finite] + 1e-9 * np.abs(x[finite])).all()


def truth(band: Band, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    col = np.arange(WINDOW.col, WINDOW.col + WINDOW.width)
    row = np.arange(WINDOW.row, WINDOW.row + WINDOW.height)[:, None]
    x, y = np.broadcast_arrays(*exact(sampling_of(plan(band), grid), col, row))
    return x, y


@pytest.mark.parametrize("name", GRIDS)
def test_nearest_is_what_exact_positions_give(tmp_path: Path, name: str) -> None:
    (band,) = stored(tmp_path)
    x, y = truth(band, GRIDS[name])
    with np.errstate(invalid="ignore"):
        inside = (np.floor(x) >= 0) & (np.floor(x) < 611) & (np.floor(y) >= 0) & (np.floor(y) < 700)
    index = np.where(inside, y, 0).astype(int), np.where(inside, x, 0).astype(int)
    with rasterio.open(band.href) as file:
        expected = np.where(inside, file.read(1)[index], 0)
    pixels = nearest(sampling_of(plan(band), GRIDS[name]), WINDOW)
    assert np.array_equal(pixels.valid, expected != 0)
    assert np.array_equal(pixels.filled(0), expected)


INTERPOLATING = [Resampling.BILINEAR, Resampling.CUBIC, Resampling.CUBIC_SPLINE, Resampling.LANCZOS]
SHRUNKEN = {
    "half": GeoBox((350, 300), UTM @ Affine.scale(1.99), CRS("EPSG:32610")),
    "tenth": GeoBox((80, 90), UTM @ Affine.translation(-31, 7) @ Affine.scale(9.7), CRS("EPSG:32610")),
    "in one direction": GeoBox((350, 600), UTM @ Affine.scale(0.97, 3.3), CRS("EPSG:32610")),
    "of degrees": GeoBox((170, 190), Affine(0.0006, 0, -123.01, 0, -0.0005, 37.95), CRS("EPSG:4326")),
}


def same_as_warper(band: Band, sampling: Sampling, window: Window, case: object) -> None:
    pixels, (expected, valid) = interpolation(sampling, window), warped(band.href, band.index, sampling, window)
    assert np.array_equal(pixels.valid, valid), case
    assert valid.any(), case
    values, expected = (a[valid].astype(float) for a in (pixels.data, expected))
    if np.dtype(band.dtype).kind == "f":
        # GDAL leaves weights that add up to nearly 1 as they are
        assert np.allclose(values, expected, rtol=2e-5, atol=2e-4), case
    else:
        differ = values != expected
        # halves may fall to either side, by the last bit of a sum
        assert differ.mean() < 1e-4, (case, differ.sum())
        assert np.abs(values - expected).max() <= 1, case


@pytest.mark.parametrize("kind", INTERPOLATING)
@pytest.mark.parametrize("nodata", [0, None, 119])
def test_interpolation_is_gdals(tmp_path: Path, kind: Resampling, nodata: float | None) -> None:
    for dtype in ("uint8", "int16", "uint16", "int32", "float32", "float64"):
        (band,) = stored(tmp_path, dtype, nodata)
        for name in list(GRIDS)[:-1]:
            same_as_warper(band, sampling_of(plan(band, kind), GRIDS[name]), WINDOW, (dtype, name))
        for name, grid in SHRUNKEN.items():
            window = Window(3, 5, int(grid.shape[0]) - 3, int(grid.shape[1]) - 5)
            same_as_warper(band, sampling_of(plan(band, kind), grid), window, (dtype, name))


@pytest.mark.parametrize("kind", INTERPOLATING)
def test_interpolation_of_masked_pixels_is_gdals(tmp_path: Path, kind: Resampling) -> None:
    (tmp_path / "alpha").mkdir()
    stored(tmp_path / "alpha", "uint8", None, 4, photometric="rgb", alpha="yes")
    with rasterio.open(tmp_path / "alpha" / "noise.tif", "r+") as file:
        file.write(np.where(file.read(4) < 12, 0, 255).astype("uint8"), 4)  # GDAL interpolates the values between
    bands = FolderCatalog(tmp_path / "alpha").get("noise").bands
    (tmp_path / "mask").mkdir()
    stored(tmp_path / "mask", "int16", None)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
        rasterio.open(tmp_path / "mask" / "noise.tif", "r+") as file,
    ):
        file.write_mask(np.random.default_rng(8).random((700, 611)) < 0.9)
    (masked,) = FolderCatalog(tmp_path / "mask").get("noise").bands
    assert masked.masked
    for band in (bands[0], masked):
        for name in ("degrees", "rotated"):
            same_as_warper(band, sampling_of(plan(band, kind), GRIDS[name]), WINDOW, name)
        for name in ("half", "tenth"):
            grid = SHRUNKEN[name]
            window = Window(0, 0, int(grid.shape[0]), int(grid.shape[1]))
            same_as_warper(band, sampling_of(plan(band, kind), grid), window, name)


def test_a_sum_of_a_band_does_not_depend_on_the_others_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "three").mkdir()
    (tmp_path / "one").mkdir()
    bands = stored(tmp_path / "three", bands=3)
    (alone,) = stored(tmp_path / "one")  # the first of the three
    together, single = (
        warp(sampling_of(plan(band, Resampling.SUM), GRIDS["degrees"]), WINDOW) for band in (bands[0], alone)
    )
    assert np.array_equal(together.valid, single.valid)
    assert np.array_equal(together.filled(0), single.filled(0))


KINDS = Resampling.NEAREST, *INTERPOLATING, Resampling.AVERAGE, Resampling.SUM


def test_the_path_of_each_band_is_told(tmp_path: Path) -> None:
    (band,) = stored(tmp_path)
    strange = replace(band, plain=False)
    paths = {path_of(replace(plan(source), resampling=kind)) for source in (band, strange) for kind in (None, *KINDS)}
    kinds = {kind.value.lower() for kind in KINDS} - {"sum"}
    methods = {"copy"} | {f"compiled {kind}" for kind in kinds}
    assert paths == {f"{how} from {origin}" for how in methods for origin in ("tiles", "gdal")} | {
        "gdal warp from gdal"
    }
