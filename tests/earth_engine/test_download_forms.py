"""Every form of the parameters of getDownloadURL; grids and pixels against rasterio's.

Source of what each form shall give: the precedence of the client's own ``_prepare_for_export`` and
``apply_crs_and_affine``, and Earth Engine's guide to scale and projections.
"""

import json
import math
from typing import Any

import ee
import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from earth_engine.oracle import (
    AT_10,
    AT_20,
    REGION,
    SCENE,
    Catalog,
    Pixels,
    Raster,
    array,
    fetched,
    raster,
    rasters,
    within,
)

WEST, SOUTH, EAST, NORTH = REGION
RING = [[WEST, NORTH], [WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH]]
UTM = "EPSG:32610"
NATIVE_10 = [10, 0, 499980, 0, -10, 4200000]
DEGREE = math.pi * 6378137 / 180


def _url(bands: Any = None, **params: Any) -> str:
    request = {key: value for key, value in params.items() if value is not None}
    return str(ee.Image(SCENE).getDownloadURL(({"bands": bands} if bands else {}) | request))


def _tif(bands: Any = ("B3",), **params: Any) -> Raster:
    bands = list(bands) if isinstance(bands, tuple) else bands
    return raster(fetched(_url(bands, format="GEO_TIFF", **params)))


def _within_region(tif: Raster) -> Pixels:
    return within(tif, REGION)


def _outward(step: float, x: float, y: float) -> tuple[float, ...]:
    """Return width, height, west and north of the region's bounds in whole pixels of a grid through a place."""
    left, bottom, right, top = transform_bounds("EPSG:4326", UTM, *REGION, densify_pts=201)
    west, east = math.floor((left - x) / step), math.ceil((right - x) / step)
    south, north = math.floor((bottom - y) / step), math.ceil((top - y) / step)
    return east - west, north - south, x + west * step, y + north * step


def _region() -> Any:
    return ee.Geometry.BBox(*REGION)


@pytest.mark.parametrize(
    "region",
    [
        pytest.param(_region, id="geometry"),
        pytest.param(lambda: list(REGION), id="four numbers"),
        pytest.param(lambda: [[WEST, SOUTH], [EAST, NORTH]], id="two corners"),
        pytest.param(lambda: RING, id="points"),
        pytest.param(lambda: {"type": "Polygon", "coordinates": [RING]}, id="GeoJSON"),
        pytest.param(lambda: json.dumps({"type": "Polygon", "coordinates": [RING]}), id="text of GeoJSON"),
        pytest.param(lambda: json.dumps(RING), id="text of points"),
        pytest.param(lambda: ee.Geometry.Polygon([RING]), id="geodesic polygon"),
    ],
)
def test_a_region_with_a_scale_is_its_bounding_box_on_the_images_own_grid(catalog: Catalog, region: Any) -> None:
    tif = _tif(("B3", "B8"), region=region(), scale=10)
    assert (tif.size, tif.crs) == ((209, 170), UTM)
    assert tuple(tif.transform)[:6] == (10, 0, 581270, 0, -10, 4101790)
    np.testing.assert_array_equal(tif.data[0], catalog.read("B3", AT_10))
    np.testing.assert_array_equal(tif.data[1], catalog.read("B8", AT_10))


def test_a_region_alone_masks_what_lies_outside_of_it(catalog: Catalog) -> None:
    tif = _tif(region=_region())
    assert tuple(tif.transform)[:6] == (10, 0, 581270, 0, -10, 4101790)
    assert tif.nodata == 0
    inside = _within_region(tif)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(tif.data[0], np.where(inside, catalog.read("B3", AT_10), 0))


def test_without_parameters_the_whole_image_comes_on_its_own_grid(catalog: Catalog) -> None:
    tif = _tif(("QA60",))
    whole = raster(catalog.path("QA60").read_bytes())
    assert (tif.size, tif.transform, tif.crs) == (whole.size, whole.transform, whole.crs)
    np.testing.assert_array_equal(tif.data, whole.data)


def test_a_crs_with_a_scale_has_its_grid_at_the_origin_of_the_crs(catalog: Catalog) -> None:
    tif = _tif(("B11",), region=_region(), crs="EPSG:4326", scale=20)
    assert (tif.size, tif.crs) == ((131, 85), "EPSG:4326")
    size = 20 / DEGREE
    assert tuple(tif.transform)[:6] == pytest.approx(
        (size, 0, -122.08607767743402, 0, -size, 37.05873940495309), abs=1e-12
    )
    np.testing.assert_array_equal(tif.data[0], catalog.sample("B11", *tif.centres(), "EPSG:4326"))


@pytest.mark.parametrize("crs", [UTM, CRS.from_epsg(32610).to_wkt()], ids=["code", "WKT"])
def test_the_images_own_crs_with_a_scale_is_not_its_own_grid(catalog: Catalog, crs: str) -> None:
    tif = _tif(region=_region(), crs=crs, scale=25)
    assert (*tif.size, tif.transform[2], tif.transform[5]) == _outward(25, 0, 0)


def test_a_crs_and_a_transform_with_two_dimensions_are_exactly_that_grid(catalog: Catalog) -> None:
    grid = [10, 0, 581263, 0, -10, 4101797]
    tif = _tif(crs=UTM, crs_transform=grid, dimensions=[50, 40])
    assert (tif.size, list(tif.transform)[:6]) == ((50, 40), grid)
    np.testing.assert_array_equal(tif.data[0], catalog.sample("B3", *tif.centres(), UTM))


@pytest.mark.parametrize(
    "transform",
    [NATIVE_10, "10,0,499980,0,-10,4200000", "[10,0,499980,0,-10,4200000]"],
    ids=["list", "text", "brackets"],
)
def test_a_transform_may_be_a_list_or_a_text(catalog: Catalog, transform: Any) -> None:
    tif = _tif(crs=UTM, crs_transform=transform, region=_region())
    assert tuple(tif.transform)[:6] == (10, 0, 581270, 0, -10, 4101790)
    np.testing.assert_array_equal(tif.data[0], np.where(_within_region(tif), catalog.read("B3", AT_10), 0))


def test_a_transform_of_a_rotated_grid_is_kept(catalog: Catalog) -> None:
    cos, sin = 10 * math.cos(0.3), 10 * math.sin(0.3)
    grid = [cos, sin, 582000, -sin, cos, 4101000]
    tif = _tif(crs=UTM, crs_transform=grid, dimensions=[31, 17])
    assert tif.size == (31, 17)
    assert list(tif.transform)[:6] == pytest.approx(grid)
    np.testing.assert_array_equal(tif.data[0], catalog.sample("B3", *tif.centres(), UTM))


def test_a_transform_with_a_scale_is_rescaled_from_its_origin(catalog: Catalog) -> None:
    tif = _tif(("B11",), crs=UTM, crs_transform=[10, 0, 499985, 0, -10, 4200005], region=_region(), scale=20)
    assert (*tif.size, tif.transform[2], tif.transform[5]) == _outward(20, 499985, 4200005)
    assert tif.data.min() > 0


def test_a_transform_with_one_dimension_has_that_many_pixels_at_most() -> None:
    tif = _tif(("QA60",), crs=UTM, crs_transform=[60, 0, 499980, 0, -60, 4200000], dimensions=40)
    assert max(tif.size) == 40


def test_two_dimensions_are_stretched_over_the_bounds_of_the_region() -> None:
    tif = _tif(region=_region(), dimensions=[100, 60])
    assert tif.size == (100, 60)
    left, bottom, right, top = transform_bounds("EPSG:4326", UTM, *REGION, densify_pts=201)
    expected = ((right - left) / 100, 0, left, 0, (bottom - top) / 60, top)
    assert tuple(tif.transform)[:6] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("dimensions", [100, [100], "100"], ids=["number", "list of one", "text"])
def test_one_dimension_is_that_of_the_longer_side(dimensions: Any) -> None:
    tif = _tif(region=_region(), dimensions=dimensions)
    left, bottom, right, top = transform_bounds("EPSG:4326", UTM, *REGION, densify_pts=201)
    assert tif.size[0] == 100
    assert abs(tif.size[1] - 100 * (top - bottom) / (right - left)) <= 1


def test_a_text_of_dimensions_is_a_size() -> None:
    assert _tif(region=_region(), dimensions="40x30").size == (40, 30)


def test_dimensions_come_before_a_scale() -> None:
    assert _tif(("B1",), dimensions=[61, 47], scale=10).size == (61, 47)


@pytest.mark.parametrize("bands", [["B8", "B3"], "B8,B3", [{"id": "B8"}, {"id": "B3"}]], ids=["list", "text", "dicts"])
def test_bands_come_in_the_order_asked_for(catalog: Catalog, bands: Any) -> None:
    data = array(fetched(_url(bands, region=_region(), scale=10, format="NPY")))
    assert data.dtype.names == ("B8", "B3")
    np.testing.assert_array_equal(data["B3"], catalog.read("B3", AT_10))


def test_without_bands_all_come(catalog: Catalog) -> None:
    tif = _tif(None, region=_region(), scale=60)
    assert tif.names == tuple(ee.Image(SCENE).bandNames().getInfo())


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["download.B3.tif", "download.B11.tif"]),
        ({"filePerBand": True}, ["download.B3.tif", "download.B11.tif"]),
        ({"filePerBand": False}, ["download.tif"]),
        ({"filePerBand": False, "name": "mine"}, ["mine.tif"]),
        ({"name": "mine"}, ["mine.B3.tif", "mine.B11.tif"]),
        ({"format": "ZIPPED_GEO_TIFF"}, ["download.tif"]),
        ({"format": "zipped_geo_tiff_per_band"}, ["download.B3.tif", "download.B11.tif"]),
    ],
)
def test_a_zip_has_the_files_of_its_format(catalog: Catalog, params: dict[str, Any], names: list[str]) -> None:
    files = rasters(fetched(_url(["B3", "B11"], region=_region(), scale=20, **params)))
    scene = SCENE.rsplit("/", 1)[1]
    assert list(files) == [name.replace("download", scene) for name in names]
    last = list(files.values())[-1]
    assert last.size == (105, 86)
    np.testing.assert_array_equal(last.data[-1], catalog.read("B11", AT_20))


@pytest.mark.parametrize("format_", ["NPY", "npy", "NUMPY", "numpy"])
def test_numpy_has_several_names(format_: str) -> None:
    assert array(fetched(_url(["B11"], region=_region(), scale=20, format=format_))).shape == (86, 105)


@pytest.mark.parametrize("format_", ["GEO_TIFF", "GEOTIFF", "geo_tiff"])
def test_geotiff_has_several_names(format_: str) -> None:
    assert raster(fetched(_url(["B11"], region=_region(), scale=20, format=format_))).size == (105, 86)


def test_each_band_may_have_its_own_grid(catalog: Catalog) -> None:
    bands = [
        {"id": "B3", "scale": 10},
        {"id": "B8", "crs": "EPSG:4326", "scale": 20},
        {"id": "B11", "dimensions": [30, 20]},
        {"id": "B4", "crs": UTM, "crs_transform": [20, 0, 499990, 0, -20, 4200000]},
    ]
    files = rasters(fetched(_url(bands, name="own", region=_region())))
    assert [name.split(".")[1] for name in files] == ["B3", "B8", "B11", "B4"]
    assert files["own.B3.tif"].size == (209, 170)
    np.testing.assert_array_equal(files["own.B3.tif"].data[0], catalog.read("B3", AT_10))
    assert (files["own.B8.tif"].size, files["own.B8.tif"].crs) == ((131, 85), "EPSG:4326")
    assert files["own.B11.tif"].size == (30, 20)
    assert files["own.B4.tif"].transform[2] % 20 == 499990 % 20


def test_a_band_asked_for_twice_comes_twice() -> None:
    files = rasters(fetched(_url(["B3", "B3"], name="twice", region=_region(), scale=20)))
    assert len(files) == 2
