"""xee's data sets."""

from typing import Any

import ee
import numpy as np
import pytest
import xarray
from xee import helpers

from earth_engine.oracle import AT_20, COLLECTION, REGION, SCENE_INDEX, Catalog, piece_index

JANUARY = [SCENE_INDEX, piece_index("2021-01-14"), piece_index("2021-01-19")]
GRID: dict[str, Any] = {"crs": "EPSG:32610", "crs_transform": (20, 0, 581260, 0, -20, 4101800), "shape_2d": (105, 86)}


def _months() -> Any:
    region = ee.Geometry.BBox(*REGION)
    images = ee.ImageCollection(COLLECTION).filterDate("2021-01-01", "2021-02-01").filterBounds(region)
    return images.select(["B11", "B12"]).sort("system:time_start")


@pytest.mark.parametrize(
    "options", [{}, {"fast_time_slicing": True}, {"io_chunks": -1}, {"io_chunks": {"time": 1, "x": 40, "y": 30}}]
)
def test_a_data_set_holds_the_pixels_of_the_files(catalog: Catalog, options: dict[str, Any]) -> None:
    dataset = xarray.open_dataset(_months(), engine="ee", **GRID, **options)
    assert dict(dataset.sizes) == {"time": 3, "y": 86, "x": 105}
    assert [str(day)[:10] for day in dataset.time.values] == ["2021-01-09", "2021-01-14", "2021-01-19"]
    np.testing.assert_allclose(dataset.x.values, AT_20[0] + 20 * np.arange(105) + 10)
    np.testing.assert_allclose(dataset.y.values, AT_20[3] - 20 * np.arange(86) - 10)
    for band in ("B11", "B12"):
        expected = np.stack([catalog.read(band, AT_20, index) for index in JANUARY])
        np.testing.assert_array_equal(dataset[band].values, expected)


def test_a_collection_is_opened_by_its_name(catalog: Catalog) -> None:
    dataset = xarray.open_dataset(f"ee://{COLLECTION}", engine="ee", **GRID)
    assert dataset.sizes["time"] == 6
    assert "B11" in dataset


def test_masked_pixels_are_missing(catalog: Catalog) -> None:
    images = ee.ImageCollection(COLLECTION).filterDate("2021-01-14", "2021-01-15")
    masked = images.map(lambda image: image.select("B11").updateMask(image.select("SCL").lt(8)))
    values = xarray.open_dataset(masked, engine="ee", **GRID)["B11"].values[0]
    index = piece_index("2021-01-14")
    clear = catalog.read("SCL", AT_20, index) < 8
    np.testing.assert_array_equal(values, np.where(clear, catalog.read("B11", AT_20, index), np.nan))
    assert 0 < clear.sum() < clear.size


def test_the_grid_of_an_image_is_told() -> None:
    grid = helpers.extract_grid_params(_months())
    assert grid["crs"] == "EPSG:32610"
    assert tuple(grid["crs_transform"])[:2] == (20, 0)
