"""The demo scene."""

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform_bounds

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.demo.scene import IMAGE_ID, make_scene


@pytest.fixture(scope="module")
def root(demo_catalog: Path) -> Path:
    return demo_catalog


def pixels(root: Path, band: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    with rasterio.open(root / IMAGE_ID / f"{band}.tif") as raster:
        return np.asarray(raster.read(1), np.float64)


def test_the_scene_is_an_image_of_the_catalog_that_agrees_with_its_files(root: Path) -> None:
    catalog = FolderCatalog(root)
    image = catalog.get(IMAGE_ID)
    bands = {band.name: band for band in image.bands}

    assert list(bands) == ["B2", "B3", "B4", "B5", "B8", "B11", "B12", "SCL"]
    assert bands["B8"].grid.affine == Affine(10, 0, 576960, 0, -10, 4106280)
    assert bands["SCL"].grid.affine == Affine(20, 0, 576960, 0, -20, 4106280)
    assert {str(band.grid.crs) for band in image.bands} == {"EPSG:32610"}
    assert {band.nodata for band in image.bands} == {0}
    assert bands["B8"].overviews == ((534, 534), (267, 267))
    assert image.start_time is not None
    assert list(catalog.check()) == []


def test_every_pixel_of_the_documented_region_has_a_value(root: Path) -> None:
    bounds = transform_bounds("EPSG:4326", "EPSG:32610", -122.0859, 37.0436, -122.0626, 37.0586)
    west, south = (math.floor(metres / 10) for metres in bounds[:2])
    east, north = (math.ceil(metres / 10) for metres in bounds[2:])
    inside = pixels(root, "B3")[410628 - north : 410628 - south, west - 57696 : east - 57696]

    assert inside.shape == (170, 209)
    assert (inside > 0).all()


def test_the_bands_tell_plants_from_water(root: Path) -> None:
    red, infrared, classes = pixels(root, "B4"), pixels(root, "B8"), pixels(root, "SCL")
    index = ((infrared - red) / (infrared + red))[::2, ::2]

    assert set(np.unique(classes)) == {3, 4, 5, 6, 8, 9}
    assert np.median(index[classes == 4]) > 0.5
    assert np.median(index[classes == 6]) < 0
    assert np.median(pixels(root, "B2")[::2, ::2][classes == 9]) > 4000


def test_overviews_of_classes_hold_only_classes_that_exist(root: Path) -> None:
    with rasterio.open(root / IMAGE_ID / "SCL.tif", overview_level=0) as raster:
        assert set(np.unique(raster.read(1))) <= set(np.unique(pixels(root, "SCL")))


def test_the_scene_is_the_same_each_time(root: Path, tmp_path: Path) -> None:
    folder = make_scene(tmp_path)

    assert folder == tmp_path / IMAGE_ID
    for path in sorted(folder.iterdir()):
        assert path.read_bytes() == (root / IMAGE_ID / path.name).read_bytes(), path.name
