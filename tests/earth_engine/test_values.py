"""getInfo, assets and their listings."""

from typing import Any

import ee
import numpy as np
import pytest
from rasterio.warp import transform_bounds

from earth_engine.oracle import BANDS, COLLECTION, REGION, SCENE, SCENE_INDEX, Catalog, piece_index, raster

DAYS = ["2020-12-30", "2021-01-09", "2021-01-14", "2021-01-19", "2021-01-24", "2021-02-03"]
FEBRUARY = "2021-02-01"


def _index(day: str) -> str:
    return SCENE_INDEX if day == "2021-01-09" else piece_index(day)


def test_get_info_of_an_image_tells_its_bands_and_properties(catalog: Catalog) -> None:
    info = ee.Image(SCENE).getInfo()
    assert (info["type"], info["id"]) == ("Image", SCENE)
    assert sorted(band["id"] for band in info["bands"]) == sorted(BANDS)
    band = next(band for band in info["bands"] if band["id"] == "QA60")
    file = raster(catalog.path("QA60").read_bytes())
    assert band["crs"] == "EPSG:32610"
    assert band["crs_transform"] == list(file.transform)[:6]
    assert band["dimensions"] == list(file.size)
    assert band["data_type"] == {"type": "PixelType", "precision": "int", "min": 0, "max": 65535}
    properties = info["properties"]
    assert properties["system:index"] == SCENE_INDEX
    assert properties["CLOUDY_PIXEL_PERCENTAGE"] == 5
    assert properties["system:footprint"]["type"] in {"LinearRing", "Polygon"}


def test_get_info_of_a_collection_tells_its_images() -> None:
    info = ee.ImageCollection(COLLECTION).getInfo()
    assert (info["type"], info["id"]) == ("ImageCollection", COLLECTION)
    assert sorted(image["properties"]["system:index"] for image in info["features"]) == sorted(map(_index, DAYS))


def test_get_info_of_a_projection_a_geometry_and_more(catalog: Catalog) -> None:
    projection = ee.Image(SCENE).select("B11").projection()
    transform = list(raster(catalog.path("B11").read_bytes()).transform)[:6]
    assert projection.getInfo() == {"type": "Projection", "crs": "EPSG:32610", "transform": transform}
    assert projection.nominalScale().getInfo() == pytest.approx(20)
    box = ee.Geometry.BBox(*REGION).getInfo()
    assert box["type"] == "Polygon"
    west, south, east, north = REGION
    np.testing.assert_allclose(np.min(box["coordinates"][0], axis=0), (west, south))
    np.testing.assert_allclose(np.max(box["coordinates"][0], axis=0), (east, north))
    assert ee.Geometry.Point([1, 2]).getInfo() == {"type": "Point", "coordinates": [1, 2]}
    assert ee.Date("2021-01-09").getInfo() == {"type": "Date", "value": 1610150400000}
    assert ee.Image(SCENE).date().format("YYYY-MM-dd").getInfo() == "2021-01-09"
    assert ee.List([1, [2, "three"]]).getInfo() == [1, [2, "three"]]
    assert ee.Dictionary({"a": 1}).combine({"b": None}).getInfo().get("a") == 1
    assert ee.Feature(ee.Geometry.Point([1, 2]), {"a": 1}).getInfo()["properties"] == {"a": 1}


def test_the_footprint_is_that_of_the_file(catalog: Catalog) -> None:
    file = raster(catalog.path("SCL", piece_index("2021-01-14")).read_bytes())
    left, top = file.transform[2], file.transform[5]
    bounds = (left, top - 20 * file.size[1], left + 20 * file.size[0], top)
    expected = transform_bounds("EPSG:32610", "EPSG:4326", *bounds, densify_pts=101)
    image = ee.Image(
        ee.ImageCollection(COLLECTION).filter(ee.Filter.eq("system:index", piece_index("2021-01-14"))).first()
    )
    ring = np.array(image.geometry().bounds().getInfo()["coordinates"][0])
    np.testing.assert_allclose([*ring.min(0), *ring.max(0)], expected, atol=1e-5)


def test_collections_are_filtered_by_date_place_and_property() -> None:
    collection = ee.ImageCollection(COLLECTION)

    def found(images: Any) -> list[str]:
        return sorted(images.aggregate_array("system:index").getInfo())

    def of(*days: str) -> list[str]:
        return sorted(map(_index, days))

    assert found(collection.filterDate("2021-01-01", "2021-01-19")) == of("2021-01-09", "2021-01-14")
    assert found(collection.filterBounds(ee.Geometry.BBox(*REGION))) == of(*(d for d in DAYS if d != "2021-01-24"))
    assert found(collection.filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", 6))) == of("2021-01-09", "2021-01-24")
    assert found(collection.filter(ee.Filter.lte("CLOUDY_PIXEL_PERCENTAGE", 5))) == of("2021-01-09", "2021-01-24")
    assert found(collection.filter(ee.Filter.inList("system:index", of("2021-01-14")))) == of("2021-01-14")
    assert collection.size().getInfo() == len(DAYS)
    ordered = collection.sort("CLOUDY_PIXEL_PERCENTAGE", False).first()
    assert ordered.get("system:index").getInfo() == _index("2021-01-19")
    assert collection.aggregate_max("CLOUDY_PIXEL_PERCENTAGE").getInfo() == pytest.approx(80)


def test_list_images_filters_as_the_client_writes_it() -> None:
    images = ee.data.listImages(COLLECTION)["images"]
    assert len(images) == len(DAYS)
    west, south, east, north = REGION
    params = {
        "parent": f"projects/earthengine-public/assets/{COLLECTION}",
        "filter": f'startTime >= "2021-01-01T00:00:00Z" AND endTime < "{FEBRUARY}T00:00:00Z" AND '
        f"intersects(\"{{'type':'Point','coordinates':[{(west + east) / 2},{(south + north) / 2}]}}\") AND "
        "properties.CLOUDY_PIXEL_PERCENTAGE<20",
    }
    names = [image["id"].rsplit("/", 1)[-1] for image in ee.data.listImages(params)["images"]]
    assert sorted(names) == sorted([_index("2021-01-09"), _index("2021-01-14")])


def test_list_assets_comes_in_pages() -> None:
    parent = f"projects/earthengine-public/assets/{COLLECTION}"
    everything = [asset["id"] for asset in ee.data.listAssets({"parent": parent})["assets"]]
    assert len(everything) == len(DAYS)
    paged: list[str] = []
    token = None
    for _ in range(10):
        page = ee.data.listAssets({"parent": parent, "pageSize": 4} | ({"pageToken": token} if token else {}))
        assert len(page["assets"]) <= 4
        paged += [asset["id"] for asset in page["assets"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert paged == everything


def test_a_listed_image_can_be_opened_by_its_id_and_its_name() -> None:
    for asset in ee.data.listAssets(f"projects/earthengine-public/assets/{COLLECTION}")["assets"]:
        assert ee.Image(asset["id"]).bandNames().size().getInfo() == len(BANDS)
        assert ee.data.getAsset(asset["name"])["id"] == asset["id"]


def test_get_asset_tells_an_image_and_a_collection() -> None:
    asset = ee.data.getAsset(SCENE)
    assert (asset["type"], asset["id"]) == ("IMAGE", SCENE)
    assert asset["startTime"].startswith("2021-01-09T18:57")
    band = next(band for band in asset["bands"] if band["id"] == "B3")
    assert band["grid"]["crsCode"] == "EPSG:32610"
    assert band["grid"]["affineTransform"]["scaleX"] == 10
    assert ee.data.getAsset(COLLECTION)["type"] == "IMAGE_COLLECTION"


def test_compute_images_gives_pages_of_assets() -> None:
    images = ee.ImageCollection(COLLECTION).filterDate("2021-01-01", FEBRUARY).select(["B11"])
    first = ee.data.computeImages({"expression": images, "pageSize": 3})
    assert [band["id"] for image in first["images"] for band in image["bands"]] == ["B11"] * 3
    assert first["images"][0]["bands"][0]["dataType"] == {"precision": "INT", "range": {"min": 0, "max": 65535}}
    rest = ee.data.computeImages({"expression": images, "pageSize": 3, "pageToken": first["nextPageToken"]})
    assert len(rest["images"]) == 1
    assert "nextPageToken" not in rest
    names = {image["properties"]["system:index"] for image in first["images"] + rest["images"]}
    assert names == set(map(_index, DAYS[1:5]))


def test_regions_are_reduced_as_numpy_does(catalog: Catalog) -> None:
    left, bottom, right, top = 582000, 4100500, 582500, 4101000  # whole pixels of 10 m
    box = ee.Geometry.Rectangle([left, bottom, right, top], "EPSG:32610", False)
    pixels = catalog.read("B4", (left, bottom, right, top)).astype(float)
    image = ee.Image(SCENE).select("B4")
    reducer = ee.Reducer.mean().combine(ee.Reducer.minMax(), "", True).combine(ee.Reducer.count(), "", True)
    result = image.reduceRegion(reducer, box, 10).getInfo()
    assert result["B4_mean"] == pytest.approx(pixels.mean())
    assert (result["B4_min"], result["B4_max"], result["B4_count"]) == (pixels.min(), pixels.max(), pixels.size)
    deviation = image.reduceRegion(ee.Reducer.stdDev(), box, 10).getInfo()
    assert deviation["B4"] == pytest.approx(pixels.std())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ee.Image("COPERNICUS/nothing").select(0), r"^Image\.load: .*'COPERNICUS/nothing' not found"),
        (lambda: ee.ImageCollection("nothing").size(), r"^ImageCollection\.load: .*'nothing' not found"),
        (lambda: ee.Image(SCENE).select("B99"), r"^Image\.select: Band pattern 'B99' did not match any bands"),
        (
            lambda: ee.Image(SCENE).projection(),
            r"^Image\.projection: The bands of the specified image contains different",
        ),
        (lambda: ee.Image(SCENE).expression("B3 + + *", {}), r"^Image\.parseExpression: "),
        (lambda: ee.List([1]).get(5), r"^List\.get: "),
        (lambda: ee.Projection("EPSG:99999").nominalScale(), r"^Projection: "),
        (lambda: ee.Image(SCENE).rename(["only"]), r"^Image\.rename: "),
    ],
)
def test_errors_begin_with_the_name_of_their_function(make: Any, message: str) -> None:
    with pytest.raises(ee.EEException, match=message):
        make().getInfo()


def test_a_download_that_cannot_be_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(ee.EEException, match="must be bounded"):
        ee.Image(1).getDownloadURL({"scale": 10})
    with pytest.raises(ee.EEException, match=r"^Image\.load: "):
        ee.Image("COPERNICUS/nothing").getDownloadURL({"scale": 10})
    with pytest.raises(ee.EEException, match="B99"):
        ee.Image(SCENE).getDownloadURL({"bands": ["B99"], "format": "NPY"})


def test_a_missing_asset_is_not_found() -> None:
    assert ee.data.getInfo("COPERNICUS/nothing") is None
    with pytest.raises(ee.EEException, match="COPERNICUS/nothing"):
        ee.data.getAsset("COPERNICUS/nothing")
    with pytest.raises(ee.EEException, match="COPERNICUS/nothing"):
        ee.data.listAssets("projects/earthengine-public/assets/COPERNICUS/nothing")
