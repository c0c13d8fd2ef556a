"""Computed images that are interpolated, against GDAL's warper on their pixels as a file."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling as GdalResampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from cases import every
from graphs import Value, call, load
from pixel_world import GRID, UTM, Array, PixelWorld, assert_same_in_pieces, random_mask
from rasterwire.pixels import Pixels
from rasterwire.render import interpolation

SHAPE = (24, 31)
DICE = np.random.default_rng(3)
DATA: Array = DICE.integers(-200, 200, SHAPE).astype("int16")
VALID = random_mask(41, 0.97)

GRIDS = {
    "own": GRID,
    "shifted": GeoBox(SHAPE, GRID.affine @ Affine.translation(0.3, -0.45), UTM),
    "finer": GeoBox((70, 90), Affine(3.7, 0, 499_990, 0, -3.7, 5_002_010), UTM),
    "degrees": GeoBox((41, 47), Affine(9.1e-5, 0, 14.9998, 0, -7.3e-5, 45.1718), CRS("EPSG:4326")),
    "turned": GeoBox((43, 37), Affine(6.1, 2.2, 500_010, 2.1, -6.3, 5_001_950), UTM),
    "coarser": GeoBox((10, 13), Affine(24, 0, 500_003, 0, -24, 5_001_998), UTM),
    "much-coarser": GeoBox((3, 3), Affine(110, 0, 499_990, 0, -110, 5_002_005), UTM),
}
MODES = {"bilinear": GdalResampling.bilinear, "bicubic": GdalResampling.cubic}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("resampling"))
    world.add("whole", {"v": DATA})
    world.add("holes", {"v": DATA}, VALID)
    return world


def computed(name: str) -> Value:
    """Return twice an image and 7, which is int32."""
    return call("Image.add", image1=call("Image.multiply", image1=load(name), image2=2), image2=7)


def doubled(name: str) -> Value:
    return call("Image.toDouble", value=computed(name))


def warped(folder: Path, source: Pixels, grid: GeoBox, mode: str) -> Pixels:
    """Return what GDAL makes of pixels on ``GRID``."""
    path = folder / "pixels.tif"
    place = {"crs": UTM.to_wkt(), "transform": GRID.affine, "height": SHAPE[0], "width": SHAPE[1]}
    has_holes = not source.valid.all()
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", driver="GTiff", count=1, dtype=source.data.dtype, **place) as file,
    ):
        file.write(source.data, 1)
        if has_holes:
            file.write_mask(source.valid)
    assert grid.crs is not None
    inverse = ~GRID.affine @ grid.affine if grid.crs == UTM else Affine.identity()
    across, down = np.hypot(inverse.a, inverse.d), np.hypot(inverse.b, inverse.e)
    scale = {"XSCALE": str(min(1.0, 1 / across)), "YSCALE": str(min(1.0, 1 / down))}
    with (
        rasterio.open(path) as file,
        WarpedVRT(
            file,
            crs=grid.crs.to_wkt(),
            transform=grid.affine,
            height=grid.shape[0],
            width=grid.shape[1],
            resampling=MODES[mode],
            tolerance=1e-9,
            add_alpha=True,
            **scale,
        ) as made,
    ):
        return Pixels(made.read(1), made.read(2) > 0)


@every("mode", MODES)
@every("name", ["whole", "holes"])
@every("grid", GRIDS)
def test_a_computed_image_is_interpolated_as_gdal_does(
    made: PixelWorld, tmp_path: Path, mode: str, name: str, grid: str
) -> None:
    whole, real = (call("Image.resample", image=i, mode=mode) for i in (computed(name), doubled(name)))
    expected = warped(tmp_path, made.only(doubled(name)), GRIDS[grid], mode)
    held = expected.valid
    assert held.any()
    for expression, most in ((real, 1e-5), (whole, 0.5 + 1e-5)):
        found = made.only(expression, GRIDS[grid])
        np.testing.assert_array_equal(found.valid, held)
        assert np.abs(found.data[held] - expected.data[held]).max() <= most


def test_a_cubic_between_pixels_is_keyss(made: PixelWorld) -> None:
    half = GeoBox((1, 10), GRID.affine @ Affine.translation(5.5, 6), UTM)
    found = made.only(
        call("Image.resample", image=call("Image.toDouble", value=computed("whole")), mode="bicubic"), half
    )
    row = 2.0 * DATA[6].astype(float) + 7
    expected = [np.dot([-1 / 16, 9 / 16, 9 / 16, -1 / 16], row[at - 1 : at + 3]) for at in range(5, 15)]
    np.testing.assert_allclose(found.data[0], expected, rtol=1e-12)


def test_whole_numbers_of_64_bits_are_interpolated_as_doubles(made: PixelWorld) -> None:
    wide = call("Image.toInt64", value=computed("whole"))
    for mode in MODES:
        image = made.image(call("Image.resample", image=wide, mode=mode))
        assert image.bands[0].type.dtype == "float64"
        found = made.only(image, GRIDS["shifted"])
        same = made.only(call("Image.resample", image=doubled("whole"), mode=mode), GRIDS["shifted"])
        np.testing.assert_array_equal(found.data[found.valid], same.data[same.valid])


@every("mode", MODES)
@every("name", ["whole", "holes"])
def test_a_pixel_of_very_many_is_read_in_strips(
    made: PixelWorld, monkeypatch: pytest.MonkeyPatch, mode: str, name: str
) -> None:
    image = made.image(call("Image.resample", image=computed(name), mode=mode))
    for grid in (GRIDS["much-coarser"], GRIDS["coarser"]):
        whole = made.only(image, grid)
        with monkeypatch.context() as changed:
            changed.setattr(interpolation, "_SOURCE_BUDGET", 40)
            strips = made.only(image, grid)
        np.testing.assert_array_equal(strips.valid, whole.valid)
        np.testing.assert_array_equal(strips.data, whole.data)


@every("grid", GRIDS)
def test_a_bicubic_has_the_same_pixels_in_pieces(made: PixelWorld, grid: str) -> None:
    image = made.image(call("Image.resample", image=call("Image.sqrt", value=computed("holes")), mode="bicubic"))
    assert_same_in_pieces(made, image, GRIDS[grid], [1, 2, 7, 16, 30])


@every("name", ["whole", "holes", "computed"])
def test_means_of_whole_numbers_have_fractions(made: PixelWorld, name: str) -> None:
    source = computed("holes") if name == "computed" else load(name)
    image = call("Image.reduceResolution", image=source, reducer=call("Reducer.mean"))
    coarse = GeoBox((4, 5), GRID.affine @ Affine.scale(6.0), UTM)
    found = made.only(image, coarse)
    assert found.data.dtype == "float64"
    values = 2.0 * DATA + 7 if name == "computed" else DATA.astype(float)
    there = np.ones(SHAPE, bool) if name == "whole" else VALID
    values[~there] = np.nan
    blocks = values[:24, :30].reshape(4, 6, 5, 6)
    np.testing.assert_allclose(found.data, np.nanmean(blocks, axis=(1, 3)), rtol=1e-12)


@every(("given", "shape"), [({"scale": 20}, None), ({"maxDimension": 40}, 40)])
def test_an_image_lies_where_it_did_in_a_crs_of_large_pixels(
    made: PixelWorld, given: dict[str, int], shape: int | None
) -> None:
    moved = call("Image.setDefaultProjection", image=load("whole"), crs="EPSG:4326", crsTransform=[1, 0, 0, 0, -1, 0])
    (band,) = made.image(call("Image.clipToBoundsAndScale", input=moved, **given)).bands
    assert band.grid is not None
    bounds = transform_bounds(UTM.to_wkt(), "EPSG:4326", *GRID.boundingbox)
    size = band.grid.affine.a, -band.grid.affine.e
    assert max(size) < 0.001
    np.testing.assert_allclose(band.grid.boundingbox, bounds, atol=max(size))
    assert shape is None or max(band.grid.shape) == shape
