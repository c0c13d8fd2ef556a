"""geemap's exports."""

import io
from pathlib import Path
from typing import Any

import ee
import geemap
import numpy as np
import pytest
from PIL import Image as Picture

from earth_engine.oracle import (
    AT_10,
    AT_20,
    COLLECTION,
    REGION,
    SCENE,
    SCENE_INDEX,
    Catalog,
    piece_index,
    raster,
    within,
)

JANUARY = [SCENE_INDEX, piece_index("2021-01-14"), piece_index("2021-01-19")]


def _region() -> Any:
    return ee.Geometry.BBox(*REGION)


def test_an_image_is_exported_to_one_file(catalog: Catalog, tmp_path: Path) -> None:
    geemap.ee_export_image(
        ee.Image(SCENE).select(["B3", "B8"]), str(tmp_path / "image.tif"), scale=10, region=_region(), verbose=False
    )
    assert [file.name for file in tmp_path.iterdir()] == ["image.tif"]
    tif = raster((tmp_path / "image.tif").read_bytes())
    assert (tif.size, tif.crs) == ((209, 170), "EPSG:32610")
    np.testing.assert_array_equal(tif.data[0], catalog.read("B3", AT_10))
    np.testing.assert_array_equal(tif.data[1], catalog.read("B8", AT_10))


def test_an_image_is_exported_to_a_file_for_each_band(catalog: Catalog, tmp_path: Path) -> None:
    geemap.ee_export_image(
        ee.Image(SCENE).select(["B5", "B11"]),
        str(tmp_path / "image.tif"),
        scale=20,
        region=_region(),
        file_per_band=True,
        verbose=False,
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["image.B11.tif", "image.B5.tif"]
    for name in ("B5", "B11"):
        tif = raster((tmp_path / f"image.{name}.tif").read_bytes())
        np.testing.assert_array_equal(tif.data[0], catalog.read(name, AT_20))


def test_an_image_is_exported_on_a_grid(catalog: Catalog, tmp_path: Path) -> None:
    geemap.ee_export_image(
        ee.Image(SCENE).select("B11"),
        str(tmp_path / "image.tif"),
        crs="EPSG:32610",
        crs_transform=[20, 0, 499980, 0, -20, 4200000],
        region=ee.Geometry.Rectangle([582000, 4100500, 582500, 4101000], "EPSG:32610", False),
        verbose=False,
    )
    tif = raster((tmp_path / "image.tif").read_bytes())
    np.testing.assert_array_equal(tif.data[0], catalog.read("B11", (582000, 4100500, 582500, 4101000)))


def test_masked_pixels_are_exported_as_a_value(catalog: Catalog, tmp_path: Path) -> None:
    image = ee.Image(SCENE)
    masked = image.select("B11").updateMask(image.select("SCL").lt(6)).toInt32()
    geemap.ee_export_image(
        masked, str(tmp_path / "image.tif"), scale=20, region=_region(), unmask_value=-5, verbose=False
    )
    tif = raster((tmp_path / "image.tif").read_bytes())
    filled = np.where(catalog.read("SCL", AT_20) < 6, catalog.read("B11", AT_20).astype(int), -5)
    # it clips to the region after that
    np.testing.assert_array_equal(tif.data[0], np.where(within(tif, REGION), filled, tif.nodata))


def test_an_image_becomes_an_array(catalog: Catalog) -> None:
    array = geemap.ee_to_numpy(ee.Image(SCENE).select(["B5", "B11"]), region=_region(), scale=20)
    assert array.shape == (86, 105, 2)
    np.testing.assert_array_equal(array[..., 1], catalog.read("B11", AT_20))
    selected_band = geemap.ee_to_numpy(ee.Image(SCENE), region=_region(), scale=20, bands=["B12"])
    np.testing.assert_array_equal(selected_band[..., 0], catalog.read("B12", AT_20))


@pytest.mark.parametrize(("name", "kind"), [("thumb.jpg", "JPEG"), ("thumb.png", "PNG")])
def test_a_thumbnail_is_written(tmp_path: Path, name: str, kind: str) -> None:
    visualization = {"bands": ["B4", "B3", "B2"], "min": 0, "max": 3000}
    geemap.get_image_thumbnail(ee.Image(SCENE), str(tmp_path / name), visualization, dimensions=120, region=_region())
    with Picture.open(io.BytesIO((tmp_path / name).read_bytes())) as picture:
        assert (picture.format, max(picture.size)) == (kind, 120)
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels)) > 50


def test_a_collection_is_exported_to_a_file_for_each_image(catalog: Catalog, tmp_path: Path) -> None:
    images = ee.ImageCollection(COLLECTION).filterDate("2021-01-01", "2021-02-01").filterBounds(_region())
    geemap.ee_export_image_collection(images.select(["B11"]), str(tmp_path), scale=20, region=_region(), verbose=False)
    assert sorted(file.stem for file in tmp_path.iterdir()) == sorted(JANUARY)
    for index in JANUARY:
        tif = raster((tmp_path / f"{index}.tif").read_bytes())
        np.testing.assert_array_equal(tif.data[0], catalog.read("B11", AT_20, index))


def test_properties_and_statistics_of_an_image(catalog: Catalog) -> None:
    properties = geemap.image_props(ee.Image(SCENE).select("B11")).getInfo()
    assert properties["IMAGE_DATE"] == "2021-01-09"
    assert properties["NOMINAL_SCALE"] == pytest.approx(20)
    box = ee.Geometry.Rectangle([582000, 4100500, 582500, 4101000], "EPSG:32610", False)
    statistics = geemap.image_stats(ee.Image(SCENE).select("B11"), box, 20).getInfo()
    pixels = catalog.read("B11", (582000, 4100500, 582500, 4101000))
    assert (statistics["min"]["B11"], statistics["max"]["B11"]) == (pixels.min(), pixels.max())
    assert statistics["mean"]["B11"] == pytest.approx(pixels.mean())


def test_a_layer_of_a_map_has_tiles() -> None:
    layer = geemap.ee_tile_layer(ee.Image(SCENE), {"bands": ["B4", "B3", "B2"], "max": 3000}, "scene")
    assert layer.url.startswith("http://127.0.0.1")
