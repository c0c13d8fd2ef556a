"""Computed images and composites of a collection, against numpy."""

from typing import Any

import ee
import numpy as np
import pytest

from earth_engine.oracle import (
    AT_20,
    COLLECTION,
    REGION,
    SCENE,
    SCENE_INDEX,
    Catalog,
    Pixels,
    array,
    fetched,
    piece_index,
    raster,
)

GRID = {"crs": "EPSG:32610", "crs_transform": [20, 0, 581260, 0, -20, 4101800], "dimensions": [105, 86]}
JANUARY = [SCENE_INDEX, piece_index("2021-01-14"), piece_index("2021-01-19")]


def _pixels(image: Any, **params: Any) -> Pixels:
    return array(fetched(image.getDownloadURL({"format": "NPY", **(GRID | params)})))


def _january() -> Any:
    return ee.ImageCollection(COLLECTION).filterDate("2021-01-01", "2021-02-01").filterBounds(ee.Geometry.BBox(*REGION))


def _stack(catalog: Catalog, band: str) -> Pixels:
    return np.stack([catalog.read(band, AT_20, index) for index in JANUARY])


def _clear(catalog: Catalog) -> Pixels:
    return np.asarray(_stack(catalog, "SCL") < 8)


def test_normalized_difference_and_expression_give_the_same_index(catalog: Catalog) -> None:
    image = ee.Image(SCENE)
    a, b = catalog.read("B11", AT_20).astype(float), catalog.read("B12", AT_20).astype(float)
    expected = (a - b) / (a + b)
    pixels = _pixels(image.normalizedDifference(["B11", "B12"]))
    assert pixels.dtype.names == ("nd",)
    np.testing.assert_allclose(pixels["nd"], expected, rtol=1e-6)
    by_formula = image.expression("(a - b('B12')) / (a + b('B12'))", {"a": image.select("B11")}).rename("index")
    np.testing.assert_allclose(_pixels(by_formula)["index"], expected, rtol=1e-6)


def test_an_expression_of_constants_and_functions(catalog: Catalog) -> None:
    image = ee.Image(SCENE)
    bands = {"NIR": image.select("B5"), "RED": image.select("B11"), "BLUE": image.select("B12")}
    pixels = _pixels(image.expression("2.5 * (NIR - RED) / (NIR + 6 * RED - 7.5 * BLUE + 1)", bands).rename("evi"))
    nir, red, blue = (catalog.read(name, AT_20).astype(float) for name in ("B5", "B11", "B12"))
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = 2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)
    usual = np.isfinite(expected)
    np.testing.assert_allclose(pixels["evi"][usual], expected[usual], rtol=1e-6)


def test_a_cloud_masked_median_of_a_month(catalog: Catalog) -> None:
    composite = (
        _january().map(lambda image: image.updateMask(image.select("SCL").lt(8))).median().select(["B11", "B12"])
    )
    pixels = _pixels(composite.unmask(-1))
    clear = _clear(catalog)
    for band in ("B11", "B12"):
        values = np.ma.masked_array(_stack(catalog, band), ~clear)
        np.testing.assert_array_equal(pixels[band], np.ma.median(values, axis=0).filled(-1))  # type: ignore[no-untyped-call]
    assert 0 < clear.all(0).sum() < clear[0].size


def test_masked_pixels_of_a_composite_are_nodata_in_a_file(catalog: Catalog) -> None:
    composite = _january().map(lambda image: image.updateMask(image.select("SCL").lt(6))).mean().select("B11").toFloat()
    tif = raster(fetched(composite.getDownloadURL({"format": "GEO_TIFF", **GRID})))
    values = np.ma.masked_array(_stack(catalog, "B11").astype(float), _stack(catalog, "SCL") >= 6)
    mean = values.mean(axis=0)
    assert tif.data.dtype == np.float32
    assert tif.nodata is not None
    np.testing.assert_array_equal(tif.data[0] == tif.nodata, np.ma.getmaskarray(mean))
    valid = ~np.ma.getmaskarray(mean)
    np.testing.assert_allclose(tif.data[0][valid], mean.data[valid], rtol=1e-6)


@pytest.mark.parametrize("name", ["min", "max", "sum", "count"])
def test_collections_are_reduced_as_numpy_does(catalog: Catalog, name: str) -> None:
    masked = _january().select(["B11", "SCL"]).map(lambda image: image.updateMask(image.select("SCL").lt(8)))
    pixels = _pixels(getattr(masked, name)().select(["B11"]).unmask(0))["B11"]
    values = np.ma.masked_array(_stack(catalog, "B11").astype(np.int64), ~_clear(catalog))
    np.testing.assert_array_equal(pixels, np.ma.filled(getattr(values, name)(axis=0), 0))


def test_a_mosaic_shows_the_last_that_is_there(catalog: Catalog) -> None:
    ordered = _january().sort("system:time_start").map(lambda image: image.updateMask(image.select("SCL").lt(8)))
    pixels = _pixels(ordered.mosaic().select("B11").unmask(0))["B11"]
    expected = np.zeros((86, 105), int)
    for values, clear in zip(_stack(catalog, "B11"), _clear(catalog), strict=True):
        expected = np.where(clear, values, expected)
    np.testing.assert_array_equal(pixels, expected)


def test_a_quality_mosaic_takes_all_bands_of_the_best_image(catalog: Catalog) -> None:
    def scored(image: Any) -> Any:
        return image.addBands(image.normalizedDifference(["B11", "B12"]).rename("score"))

    pixels = _pixels(_january().map(scored).qualityMosaic("score").select(["B5", "score"]))
    a, b = _stack(catalog, "B11").astype(float), _stack(catalog, "B12").astype(float)
    score = ((a - b) / (a + b)).astype(np.float32)
    np.testing.assert_allclose(pixels["score"], score.max(0), rtol=1e-6)
    # of images with the same score, the clouds, either may be taken
    is_best = (score == score.max(0)) & (_stack(catalog, "B5") == pixels["B5"])
    assert is_best.any(0).all()


def test_a_composite_is_read_at_the_scale_that_is_asked_for() -> None:
    composite = _january().median().select("B11")
    tif = raster(fetched(composite.getDownloadURL({"format": "GEO_TIFF", "region": list(REGION), "scale": 100})))
    assert tif.crs == "EPSG:4326"
    assert max(tif.size) < 30
    assert tif.data.min() > 0


def test_bands_of_several_images_are_stacked(catalog: Catalog) -> None:
    image = ee.Image(SCENE)
    stacked = ee.Image.cat([image.select("B11"), image.select("B12").multiply(2).rename("twice"), ee.Image(7)])
    pixels = _pixels(stacked)
    assert pixels.dtype.names == ("B11", "twice", "constant")
    np.testing.assert_array_equal(pixels["twice"], catalog.read("B12", AT_20).astype(int) * 2)
    assert (pixels["constant"] == 7).all()


def test_conditions_choose_pixels(catalog: Catalog) -> None:
    image = ee.Image(SCENE)
    bright = image.select("B11").gt(2000)
    pixels = _pixels(
        image.select("B11").where(bright, 0).addBands(bright.And(image.select("B12").lt(1500)).rename("both"))
    )
    b11, b12 = catalog.read("B11", AT_20), catalog.read("B12", AT_20)
    np.testing.assert_array_equal(pixels["B11"], np.where(b11 > 2000, 0, b11))
    np.testing.assert_array_equal(pixels["both"], (b11 > 2000) & (b12 < 1500))
