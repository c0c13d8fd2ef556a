"""geedim's downloads in tiles.

``toGeoTIFF`` looks the image up in Google's STAC catalog, whatever server it talks to; that one call is answered
with nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import ee
import geedim  # noqa: F401  gives images and collections their accessor
import numpy as np
import pytest
from geedim.stac import STACClient

from earth_engine.oracle import (
    AT_10,
    AT_20,
    COLLECTION,
    REGION,
    SCENE,
    SCENE_INDEX,
    Catalog,
    Pixels,
    Raster,
    fetched,
    piece_index,
    raster,
)

JANUARY = [SCENE_INDEX, piece_index("2021-01-14"), piece_index("2021-01-19")]


@pytest.fixture(autouse=True)
def _no_catalog_of_google() -> Iterator[None]:
    with mock.patch.object(STACClient(), "get", return_value=None):
        yield


def _region() -> Any:
    return ee.Geometry.BBox(*REGION)


def _exported(image: Any, path: Path, **options: Any) -> Raster:
    image.gd.toGeoTIFF(str(path), overwrite=True, **options)
    return raster(path.read_bytes())


def _months() -> Any:
    return ee.ImageCollection(COLLECTION).filterDate("2021-01-01", "2021-02-01").filterBounds(_region())


def _stack(catalog: Catalog, band: str) -> Pixels:
    return np.stack([catalog.read(band, AT_20, index) for index in JANUARY])


def test_a_region_and_a_scale(catalog: Catalog, tmp_path: Path) -> None:
    image = ee.Image(SCENE).gd.prepareForExport(region=_region(), scale=10, bands=["B3", "B8"])
    tif = _exported(image, tmp_path / "a.tif")
    assert (tif.size, tif.crs, tif.nodata) == ((209, 170), "EPSG:32610", 0)
    np.testing.assert_array_equal(tif.data[0], catalog.read("B3", AT_10))
    np.testing.assert_array_equal(tif.data[1], catalog.read("B8", AT_10))


def test_a_transform_and_a_shape(catalog: Catalog, tmp_path: Path) -> None:
    grid = [10, 0, 581263.5, 0, -10, 4101797.25]
    image = ee.Image(SCENE).gd.prepareForExport(crs="EPSG:32610", crs_transform=grid, shape=(60, 70), bands=["B3"])
    tif = _exported(image, tmp_path / "a.tif")
    assert (tif.size, list(tif.transform)[:6]) == ((70, 60), grid)
    np.testing.assert_array_equal(tif.data[0], catalog.sample("B3", *tif.centres(), "EPSG:32610"))


def test_another_crs_with_a_scale(catalog: Catalog, tmp_path: Path) -> None:
    image = ee.Image(SCENE).gd.prepareForExport(crs="EPSG:4326", scale=20, region=_region(), bands=["B11"])
    tif = _exported(image, tmp_path / "a.tif")
    assert tif.crs == "EPSG:4326"
    np.testing.assert_array_equal(tif.data[0], catalog.sample("B11", *tif.centres(), "EPSG:4326"))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_masked_pixels_are_the_nodata_of_the_type(catalog: Catalog, tmp_path: Path, dtype: str) -> None:
    image = ee.Image(SCENE)
    masked = image.select("SCL").updateMask(image.select("SCL").lt(6))
    tif = _exported(masked.gd.prepareForExport(region=_region(), scale=20, dtype=dtype), tmp_path / "a.tif")
    scl = catalog.read("SCL", AT_20)
    assert tif.data.dtype == dtype
    np.testing.assert_array_equal(tif.data[0], np.where(scl < 6, scl, tif.nodata).astype(dtype))


@pytest.mark.parametrize("crs", [None, "EPSG:4326"])
def test_tiles_make_up_the_one_shot_download(tmp_path: Path, crs: str | None) -> None:
    whole = ee.Geometry.Rectangle([577000, 4096000, 587000, 4106000], "EPSG:32610", False)
    image = ee.Image(SCENE).gd.prepareForExport(region=whole, scale=10, crs=crs, bands=["B3", "B11"])
    tiled = _exported(image, tmp_path / "tiled.tif", max_tile_dim=512, max_tile_size=0.5)
    whole_image = _one_shot(image)
    assert tiled.size == whole_image.size
    np.testing.assert_array_equal(tiled.data, whole_image.data)
    np.testing.assert_allclose(list(tiled.transform), list(whole_image.transform), rtol=0, atol=1e-9)


def _one_shot(image: Any) -> Raster:
    return raster(fetched(image.getDownloadURL({"format": "GEO_TIFF"})))


def test_tiles_of_a_computed_image_make_up_the_one_shot_download(tmp_path: Path) -> None:
    whole = ee.Geometry.Rectangle([577000, 4096000, 587000, 4106000], "EPSG:32610", False)
    source = ee.Image(SCENE)
    index = source.normalizedDifference(["B8", "B4"]).focalMedian(2, "square", "pixels")
    image = index.gd.prepareForExport(crs="EPSG:32610", region=whole, scale=20)
    tiled = _exported(image, tmp_path / "tiled.tif", max_tile_dim=256, max_tile_size=0.3)
    whole_image = _one_shot(image)
    assert tiled.data.tobytes() == whole_image.data.tobytes()


def test_an_array_is_the_file(catalog: Catalog) -> None:
    image = ee.Image(SCENE).gd.prepareForExport(region=_region(), scale=20, bands=["B5", "B11"])
    array = image.gd.toNumPy(masked=True)
    assert array.shape == (86, 105, 2)
    np.testing.assert_array_equal(array[..., 1], catalog.read("B11", AT_20))


def test_a_xarray_is_the_file(catalog: Catalog) -> None:
    image = ee.Image(SCENE).gd.prepareForExport(region=_region(), scale=20, bands=["B11"])
    array = image.gd.toXarray(masked=True)
    np.testing.assert_array_equal(array.values.squeeze(), catalog.read("B11", AT_20))
    assert float(array.x[0]) == AT_20[0] + 10


def test_areas_are_averaged(catalog: Catalog, tmp_path: Path) -> None:
    left, bottom, right, top = 581280, 4100100, 583080, 4101780
    box = ee.Geometry.Rectangle([left, bottom, right, top], "EPSG:32610", False)
    image = ee.Image(SCENE).gd.prepareForExport(
        crs="EPSG:32610", region=box, scale=60, bands=["B11"], resampling="average"
    )
    tif = _exported(image, tmp_path / "a.tif")
    assert tif.size == (30, 28)
    fine = catalog.read("B11", (left, bottom, right, top)).reshape(28, 3, 30, 3).mean((1, 3))
    assert np.abs(tif.data[0] - fine).max() <= 1


def test_a_composite_of_a_collection(catalog: Catalog, tmp_path: Path) -> None:
    composite = _months().gd.composite(method="median", mask=False)
    image = composite.gd.prepareForExport(
        crs="EPSG:32610",
        crs_transform=[20, 0, 581260, 0, -20, 4101800],
        shape=(86, 105),
        bands=["B11"],
        dtype="float32",
    )
    tif = _exported(image, tmp_path / "a.tif", max_tile_dim=64)
    np.testing.assert_array_equal(tif.data[0], np.median(_stack(catalog, "B11"), axis=0))


def test_a_masked_composite_leaves_clouds_out(catalog: Catalog, tmp_path: Path) -> None:
    composite = _months().gd.composite(method="mosaic", mask=True)
    image = composite.gd.prepareForExport(
        crs="EPSG:32610", crs_transform=[20, 0, 581260, 0, -20, 4101800], shape=(86, 105), bands=["B11"], dtype="uint16"
    )
    tif = _exported(image, tmp_path / "a.tif")
    clear = _stack(catalog, "SCL") < 8
    stack = np.ma.masked_array(_stack(catalog, "B11"), ~clear)
    array = np.ma.masked_array(tif.data[0], tif.data[0] == 0)
    # clouds are masked with a margin, so fewer pixels are valid; each comes from one of the images
    assert array.count() > 0
    is_one = (stack == array[None]).filled(fill_value=False).any(axis=0)
    assert is_one[~np.ma.getmaskarray(array)].all()


def test_clouds_of_an_image_are_masked(catalog: Catalog) -> None:
    image = ee.Image(SCENE).gd.addMaskBands().gd.maskClouds()
    array = image.gd.prepareForExport(region=_region(), scale=20, bands=["B11"]).gd.toNumPy(masked=True)
    clear = catalog.read("SCL", AT_20) < 8
    valid = ~np.ma.getmaskarray(array)[..., 0]
    assert valid.any()
    assert not (valid & ~clear).any()
    np.testing.assert_array_equal(array[..., 0].data[valid], catalog.read("B11", AT_20)[valid])


def test_a_collection_is_searched_and_exported(catalog: Catalog, tmp_path: Path) -> None:
    matches = ee.ImageCollection(COLLECTION).gd.filter(
        "2021-01-01", "2021-02-01", region=_region(), cloudless_portion=60
    )
    portions = {key: properties["CLOUDLESS_PORTION"] for key, properties in matches.gd.properties.items()}
    clear = dict(zip(JANUARY, 100 * (_stack(catalog, "SCL") < 8).mean((1, 2)), strict=True))
    assert portions == {key: pytest.approx(share, abs=3) for key, share in clear.items() if share >= 60}
    images = _months().gd.prepareForExport(region=_region(), scale=20, crs="EPSG:32610", bands=["B11"])
    images.gd.toGeoTIFF(str(tmp_path), split="images")
    files = {file.stem: raster(file.read_bytes()) for file in tmp_path.glob("*.tif")}
    assert sorted(files) == sorted(JANUARY)
    for index, tif in files.items():
        np.testing.assert_array_equal(tif.data[0], catalog.read("B11", AT_20, index))
