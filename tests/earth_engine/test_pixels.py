"""computePixels, getPixels, pictures and tiles."""

import io
import math
from typing import Any

import ee
import numpy as np
import pytest
from PIL import Image as Picture
from rasterio.crs import CRS

from earth_engine.oracle import AT_10, AT_20, REGION, SCENE, Catalog, Pixels, array, fetched, raster

GRID_20 = {
    "dimensions": {"width": 105, "height": 86},
    "affineTransform": {
        "scaleX": 20,
        "shearX": 0,
        "translateX": 581260,
        "shearY": 0,
        "scaleY": -20,
        "translateY": 4101800,
    },
    "crsCode": "EPSG:32610",
}
HALF = 20037508.342789244


def _region() -> Any:
    return ee.Geometry.BBox(*REGION)


def _picture(content: bytes) -> Pixels:
    pixels: Pixels = np.asarray(Picture.open(io.BytesIO(content)))
    return pixels


def _stretched(values: Pixels, low: float, high: float) -> Pixels:
    """Return values as the bytes of a picture."""
    bytes_: Pixels = np.clip(np.floor((values - low) / (high - low) * 255 + 0.5), 0, 255)
    return bytes_


def test_compute_pixels_gives_an_expression_on_a_grid(catalog: Catalog) -> None:
    image = ee.Image(SCENE)
    sums = image.select("B11").add(image.select("B12"))
    data = ee.data.computePixels({"expression": sums, "fileFormat": "NUMPY_NDARRAY", "grid": GRID_20})
    assert data.shape == (86, 105)
    expected = catalog.read("B11", AT_20).astype(int) + catalog.read("B12", AT_20)
    np.testing.assert_array_equal(data["B11"], expected)


def test_compute_pixels_without_a_grid_is_the_expressions_own(catalog: Catalog) -> None:
    image = ee.Image(SCENE).select(["B3", "B8"])
    data = ee.data.computePixels(
        {"expression": image.clipToBoundsAndScale(_region(), scale=10), "fileFormat": "NPY", "bandIds": ["B8"]}
    )
    np.testing.assert_array_equal(array(data)["B8"], catalog.read("B8", AT_10))


def test_compute_pixels_makes_a_geotiff_in_a_crs_told_by_wkt() -> None:
    grid = {key: value for key, value in GRID_20.items() if key != "crsCode"} | {
        "crsWkt": CRS.from_epsg(32610).to_wkt()
    }
    params = {"expression": ee.Image(SCENE).select("B11"), "fileFormat": "GEO_TIFF", "grid": grid}
    tif = raster(ee.data.computePixels(params))
    assert (tif.size, tif.crs) == ((105, 86), "EPSG:32610")


def test_compute_pixels_can_draw_a_picture(catalog: Catalog) -> None:
    options = {"ranges": [{"min": 0, "max": 3000}]}
    content = ee.data.computePixels(
        {
            "expression": ee.Image(SCENE).select(["B11", "B5", "B12"]),
            "fileFormat": "PNG",
            "grid": GRID_20,
            "visualizationOptions": options,
        }
    )
    picture = _picture(content)[..., :3].astype(int)
    expected = np.stack([_stretched(catalog.read(name, AT_20), 0, 3000) for name in ("B11", "B5", "B12")], axis=-1)
    assert np.abs(picture - expected).max() <= 1


def test_get_pixels_takes_a_grid_and_gives_an_array(catalog: Catalog) -> None:
    data = ee.data.getPixels(
        {"assetId": SCENE, "bandIds": ["B5", "B11"], "grid": GRID_20, "fileFormat": "NUMPY_NDARRAY"}
    )
    assert data.dtype.names == ("B5", "B11")
    np.testing.assert_array_equal(data["B5"], catalog.read("B5", AT_20))


def test_get_pixels_takes_a_region(catalog: Catalog) -> None:
    west, south, east, north = REGION
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    region = {"type": "Polygon", "coordinates": [ring], "geodesic": False}
    tif = raster(ee.data.getPixels({"assetId": SCENE, "bandIds": ["B3"], "region": region, "fileFormat": "GEO_TIFF"}))
    assert tuple(tif.transform)[:6] == (10, 0, 581270, 0, -10, 4101790)
    np.testing.assert_array_equal(tif.data[0], catalog.read("B3", AT_10))


def test_get_pixels_scales_a_region_to_dimensions() -> None:
    region = _region().getInfo()
    params = {"assetId": SCENE, "bandIds": ["B3"], "region": region, "fileFormat": "GEO_TIFF"}
    tif = raster(ee.data.getPixels(params | {"grid": {"dimensions": {"width": 50, "height": 40}}}))
    assert tif.size == (50, 40)
    tif = raster(
        ee.data.getPixels(params | {"grid": {"dimensions": {"width": 50, "height": 40}, "crsCode": "EPSG:4326"}})
    )
    assert (tif.size, tif.crs) == ((50, 40), "EPSG:4326")
    left, top = tif.transform[2], tif.transform[5]
    assert (left, top) == pytest.approx((REGION[0], REGION[3]), abs=1e-4)


def test_a_thumbnail_is_a_picture_of_the_bands(catalog: Catalog) -> None:
    url = ee.Image(SCENE).getThumbURL(
        {
            "bands": ["B4", "B3", "B2"],
            "min": 0,
            "max": 3000,
            "region": _region(),
            "dimensions": "209x170",
            "format": "png",
        }
    )
    picture = _picture(fetched(url))
    assert picture.shape[:2] == (170, 209)
    expected = np.stack([_stretched(catalog.read(name, AT_10), 0, 3000) for name in ("B4", "B3", "B2")], axis=-1)
    # 209 x 170 pixels over the bounds of the region are not quite those of the file
    assert np.abs(picture[..., :3].mean((0, 1)) - expected.mean((0, 1))).max() < 2
    assert np.corrcoef(picture[..., 0].ravel(), expected[..., 0].ravel())[0, 1] > 0.8


def test_a_thumbnail_has_the_colours_of_a_palette(catalog: Catalog) -> None:
    image = ee.Image(SCENE).select("SCL")
    url = image.getThumbURL(
        {"min": 0, "max": 11, "palette": ["000000", "ff0000"], "region": _region(), "dimensions": 64, "format": "png"}
    )
    picture = _picture(fetched(url))
    assert max(picture.shape[:2]) == 64
    assert not picture[..., 1:3].any()
    classes = np.unique(catalog.read("SCL", AT_20))
    colours = np.unique(picture[..., 0]).astype(int)
    expected = _stretched(classes, 0, 11)
    assert all(np.abs(expected - red).min() <= 1 for red in colours)


def test_a_jpeg_is_one() -> None:
    url = ee.Image(SCENE).getThumbURL(
        {"bands": ["B4"], "max": 3000, "region": _region(), "dimensions": 64, "format": "jpg"}
    )
    with Picture.open(io.BytesIO(fetched(url))) as picture:
        assert (picture.format, max(picture.size)) == ("JPEG", 64)


@pytest.mark.parametrize("zoom", [13, 15])
def test_a_tile_of_a_map_shows_the_pixels_of_its_place(catalog: Catalog, zoom: int) -> None:
    lon, lat = -122.074, 37.051
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)
    map_id = ee.Image(SCENE).select("B3").getMapId({"min": 0, "max": 3000})
    assert map_id["tile_fetcher"].url_format.startswith("http://")
    picture = _picture(fetched(map_id["tile_fetcher"].format_tile_url(x, y, zoom)))
    assert picture.shape[:2] == (256, 256)
    step = 2 * HALF / 2**zoom / 256
    positions = np.arange(256) + 0.5
    east, south = np.meshgrid(x * 256 * step - HALF + positions * step, HALF - y * 256 * step - positions * step)
    if step > 10:
        return  # read from an overview
    expected = _stretched(catalog.sample("B3", east, south, "EPSG:3857"), 0, 3000)
    grey = picture if picture.ndim == 2 else picture[..., 0]
    assert np.mean(np.abs(grey.astype(int) - expected) <= 1) > 0.999


def test_a_tile_beyond_the_image_is_transparent() -> None:
    map_id = ee.Image(SCENE).select("B3").getMapId({"min": 0, "max": 3000})
    picture = _picture(fetched(map_id["tile_fetcher"].format_tile_url(0, 0, 5)))
    assert not picture[..., -1].any()
