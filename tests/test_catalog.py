"""The folder catalog with folders that the tests write."""

import json
import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.windows import Window

from rasterwire.catalog import Catalog
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.header import Header, read_header
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.files.raster_file import open_raster
from rasterwire.query import Query

_north_up = Affine(10, 0, 500000, 0, -10, 4000000)
_vrt = """<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


def write_raster(
    path: Path,
    names: tuple[str, ...] = ("",),
    dtype: str = "uint16",
    size: int = 8,
    overviews: tuple[int, ...] = (),
    **profile: object,
) -> Path:
    """Write a GeoTIFF of ``size`` x ``size`` pixels whose values differ, with a band per name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = {"crs": "EPSG:32610", "transform": _north_up, **profile}
    shape = {"driver": "GTiff", "height": size, "width": size, "count": len(names), "dtype": dtype}
    pixels = np.arange(size * size).reshape(size, size) % 100 + 1
    with rasterio.open(path, "w", **shape, **settings) as raster:
        for index, name in enumerate(names, start=1):
            raster.write(pixels.astype(dtype), index)
            if name:
                raster.set_band_description(index, name)
        if overviews:
            raster.build_overviews(overviews)
    return path


def write_item(path: Path, image_id: str, assets: Mapping[str, object], **properties: object) -> Path:
    """Write a STAC item."""
    path.parent.mkdir(parents=True, exist_ok=True)
    item: dict[str, object] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": image_id,
        "geometry": None,
        "links": [],
    }
    path.write_text(json.dumps({**item, "properties": properties, "assets": assets}))
    return path


def catalog_of(root: Path) -> FolderCatalog:
    """Return a catalog that scans the folder at every call."""
    return FolderCatalog(root, refresh_seconds=0)


def ids(catalog: Catalog) -> list[str]:
    return [image.id for image in catalog.find(Query()).images]


def band_names(catalog: Catalog, image_id: str) -> list[str]:
    return [band.name for band in catalog.get(image_id).bands]


def findings(catalog: FolderCatalog) -> set[tuple[str, str, str]]:
    return {(note.image_id, note.band, note.field) for note in catalog.check()}


# Plain folders


def test_files_of_the_root_are_images_and_deeper_folders_are_one_image_each(tmp_path: Path) -> None:
    write_raster(tmp_path / "dem.tif")
    write_raster(tmp_path / "rgb.tif", ("red", "green", "blue"))
    for name in ("B10", "B2", "B8A", "B1"):
        write_raster(tmp_path / "S2" / "tile" / f"{name}.tif")
    catalog = catalog_of(tmp_path)

    assert ids(catalog) == ["S2/tile", "dem", "rgb"]
    assert band_names(catalog, "S2/tile") == ["B1", "B2", "B8A", "B10"]
    assert band_names(catalog, "dem") == ["B1"]
    assert band_names(catalog, "rgb") == ["red", "green", "blue"]


def test_a_lone_file_in_a_folder_is_the_image_of_the_folder(tmp_path: Path) -> None:
    write_raster(tmp_path / "place" / "elevation.tif", ("Height",))

    assert band_names(catalog_of(tmp_path), "place") == ["elevation"]


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        pytest.param(("a", "b"), ["a", "b"], id="described"),
        pytest.param(("", ""), ["B1", "B2"], id="not-described"),
        pytest.param(("a", ""), ["a", "B2"], id="described-in-part"),
        pytest.param(("a", "a"), ["a", "a_2"], id="described-alike"),
    ],
)
def test_bands_of_one_file_are_named_by_their_descriptions(
    tmp_path: Path, described: tuple[str, ...], expected: list[str]
) -> None:
    write_raster(tmp_path / "file.tif", described)

    assert band_names(catalog_of(tmp_path), "file") == expected


def test_names_that_clash_in_a_folder_get_the_name_of_the_file(tmp_path: Path) -> None:
    write_raster(tmp_path / "i" / "east.tif", ("", ""))
    write_raster(tmp_path / "i" / "west.tif", ("", ""))
    write_raster(tmp_path / "i" / "mask.tif")
    write_raster(tmp_path / "i" / "mask.tiff")

    assert band_names(catalog_of(tmp_path), "i") == [
        "east_B1", "east_B2", "mask.tif", "mask.tiff", "west_B1", "west_B2",
    ]  # fmt: skip


def test_an_image_description_gives_id_order_time_and_properties(tmp_path: Path) -> None:
    for name in ("B2", "B3", "QA"):
        write_raster(tmp_path / "x" / f"{name}.tif")
    properties = {"system:time_start": 1610218671000, "CLOUDS": 3.5}
    bands = [{"id": "B3"}, {"id": "B2"}, {"id": "B9"}]
    (tmp_path / "x" / "asset.json").write_text(
        json.dumps({"type": "Image", "id": "COPERNICUS/S2/T10", "bands": bands, "properties": properties})
    )
    catalog = catalog_of(tmp_path)
    image = catalog.get("COPERNICUS/S2/T10")

    assert ids(catalog) == ["COPERNICUS/S2/T10"]
    assert [band.name for band in image.bands] == ["B3", "B2", "QA"]
    assert image.properties == properties
    assert image.start_time is not None
    assert image.start_time.isoformat() == "2021-01-09T18:57:51+00:00"
    assert findings(catalog) == {("COPERNICUS/S2/T10", "B9", "band")}


def test_hidden_and_unfinished_files_are_not_seen(tmp_path: Path) -> None:
    for name in ("a/.b.tif", "a/b.tif.part", ".hidden/c.tif", "a/b.tif.aux.xml", "a/notes.txt"):
        write_raster(tmp_path / name)

    assert ids(catalog_of(tmp_path)) == []


def test_the_listing_is_ordered_and_goes_on_after_an_id(tmp_path: Path) -> None:
    for name in ("b/2", "a/1", "b/1", "b/3", "c"):
        write_raster(tmp_path / name / "x.tif")
    catalog = catalog_of(tmp_path)

    assert [image.id for image in catalog.find(Query(prefix="b/"), size=2).images] == ["b/1", "b/2"]
    assert [image.id for image in catalog.find(Query(prefix="b/"), "b/2", 2).images] == ["b/3"]
    assert all(not image.bands for image in catalog.find(Query()).images)


def test_files_dropped_in_replaced_and_removed_are_noticed(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path)
    assert ids(catalog) == []

    path = write_raster(tmp_path / "i" / "a.tif")
    before = catalog.get("i").bands[0]
    write_raster(path, dtype="float32", size=9)
    after = catalog.get("i").bands[0]
    path.unlink()

    assert (before.dtype, after.dtype) == ("uint16", "float32")
    assert before.version != after.version
    with pytest.raises(ImageNotFound):
        catalog.get("i")


def test_within_the_refresh_time_the_folder_is_not_looked_at_again(tmp_path: Path) -> None:
    catalog = FolderCatalog(tmp_path, refresh_seconds=1000)
    assert ids(catalog) == []
    write_raster(tmp_path / "a.tif")

    assert ids(catalog) == []


def test_threads_may_ask_while_files_come(tmp_path: Path) -> None:
    write_raster(tmp_path / "first" / "a.tif")
    catalog = catalog_of(tmp_path)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(50):
                assert catalog.get("first").bands
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(5):
        write_raster(tmp_path / f"more{number}" / "a.tif")
    for thread in threads:
        thread.join()

    assert not errors
    assert len(ids(catalog)) == 6


def test_a_missing_folder_is_an_error_and_no_empty_catalog(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        catalog_of(tmp_path / "gone").find(Query())

    assert str(tmp_path) not in str(caught.value)


# Headers


def test_a_header_tells_grid_type_nodata_scale_and_overviews(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "i.tif", size=300, overviews=(2, 4), nodata=0, tiled=True)
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets, raster.units = (0.5,), (-1.0,), ("m",)
    band = catalog_of(tmp_path).get("i").bands[0]

    assert band.grid.shape == (300, 300)
    assert band.grid.affine == _north_up
    assert str(band.grid.crs) == "EPSG:32610"
    assert band.nodata == 0
    assert isinstance(band.nodata, int)
    assert band.overviews == ((150, 150), (75, 75))
    assert band.exact_overviews
    assert (band.value_scale, band.value_offset, band.unit) == (0.5, -1.0, "m")


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(Affine(10, 0, 5, 0, 10, 7), id="south-up"),
        pytest.param(Affine(8, 6, 5, 6, -8, 7), id="rotated"),
        pytest.param(Affine(10.5, 0, 5, 0, -9.5, 7), id="not-square"),
    ],
)
def test_any_transform_is_kept(tmp_path: Path, transform: Affine) -> None:
    write_raster(tmp_path / "i.tif", transform=transform)

    assert catalog_of(tmp_path).get("i").bands[0].grid.affine == transform


def test_nan_is_a_nodata_value_and_an_unreachable_one_is_none(tmp_path: Path) -> None:
    write_raster(tmp_path / "f.tif", dtype="float32", nodata=math.nan)
    write_raster(tmp_path / "i.tif", dtype="int16", nodata=-32768)
    catalog = catalog_of(tmp_path)

    nodata = catalog.get("f").bands[0].nodata
    assert nodata is not None
    assert math.isnan(nodata)
    assert catalog.get("i").bands[0].nodata == -32768


def test_an_image_placed_by_control_points_has_no_crs(tmp_path: Path) -> None:
    points = [GroundControlPoint(r, c, 500000 + 10 * c, 4000000 - 10 * r) for r, c in ((0, 0), (0, 8), (8, 0), (8, 8))]
    write_raster(tmp_path / "i.tif", gcps=points, transform=None)

    assert catalog_of(tmp_path).get("i").bands[0].grid.crs is None


def test_sidecar_files_change_nothing(tmp_path: Path) -> None:
    write_raster(tmp_path / "i.tif")
    (tmp_path / "i.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><Description>other</Description><NoDataValue>5</NoDataValue>"
        "</PAMRasterBand></PAMDataset>"
    )
    band = catalog_of(tmp_path).get("i").bands[0]

    assert (band.name, band.nodata) == ("B1", None)


def test_a_band_of_complex_numbers_is_listed_as_such(tmp_path: Path) -> None:
    write_raster(tmp_path / "i.tif", dtype="complex64")

    assert catalog_of(tmp_path).get("i").bands[0].dtype == "complex64"


# Files that must not be read


def test_a_vrt_named_tif_is_refused(tmp_path: Path) -> None:
    secret = write_raster(tmp_path / "outside" / "secret.tif")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "i.tif").write_text(_vrt.format(secret))

    with pytest.raises(SourceUnavailable, match="neither a GeoTIFF nor") as caught:
        catalog_of(tmp_path / "root").get("i")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("prefix", ["GTIFF_DIR:1:", "/vsizip/", "file://", "GTIFF_RAW:", "", "/vsimem/"])
def test_notations_of_gdal_are_no_paths(tmp_path: Path, prefix: str) -> None:
    path = write_raster(tmp_path / "i.tif")
    href = prefix + (str(path) if prefix else "i.tif")

    with pytest.raises(SourceUnavailable, match=r"not a plain file path|no source of this"), open_raster(href):
        pass


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "i.tif")

    assert ids(catalog_of(tmp_path)) == []
    with pytest.raises(SourceUnavailable, match="regular file"), open_raster(str(tmp_path / "i.tif")):
        pass


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("layout", ["strips", "tiles", "overviews"])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, layout: str, share: float) -> None:
    tiles: dict[str, Any] = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "lzw"}
    levels = (2,) if layout == "overviews" else ()
    path = write_raster(tmp_path / "i.tif", size=300, overviews=levels, **({} if layout == "strips" else tiles))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(SourceUnavailable) as caught:
        catalog_of(tmp_path).get("i")
    assert (caught.value.image_id, caught.value.band) == ("i", "i")
    assert str(tmp_path) not in str(caught.value)


def test_a_sparse_file_is_whole(tmp_path: Path) -> None:
    settings = {"crs": "EPSG:32610", "transform": _north_up, "sparse_ok": True, "tiled": True}
    with rasterio.open(
        tmp_path / "i.tif", "w", driver="GTiff", height=600, width=600, count=1, dtype="uint8", **settings
    ) as raster:
        raster.write(np.ones((256, 256), "uint8"), 1, window=Window(256, 0, 256, 256))

    assert catalog_of(tmp_path).get("i").bands[0].grid.shape == (600, 600)


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = write_raster(tmp_path / "outside" / "secret.tif")
    root = tmp_path / "root"
    inside = write_raster(root / "good" / "a.tif")
    (root / "bad").mkdir()
    (root / "bad" / "b.tif").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "good" / "same.tif").symlink_to(inside)
    catalog = catalog_of(root)

    assert ids(catalog) == ["good"]
    assert band_names(catalog, "good") == ["a", "same"]


@pytest.mark.parametrize(
    "href",
    [
        pytest.param("../outside/secret.tif", id="upwards"),
        pytest.param("..%2Foutside%2Fsecret.tif", id="upwards-encoded"),
        pytest.param("link.tif", id="link"),
        pytest.param("{outside}/secret.tif", id="absolute"),
        pytest.param("file://{outside}/secret.tif", id="file-scheme"),
        pytest.param("https://example.com/secret.tif", id="https"),
        pytest.param("s3://bucket/secret.tif", id="s3"),
        pytest.param("/vsicurl/https://example.com/secret.tif", id="vsi"),
        pytest.param("GTIFF_DIR:1:{outside}/secret.tif", id="gdal-prefix"),
        pytest.param("a\x00b.tif", id="nul"),
    ],
)
def test_an_asset_outside_of_the_folder_is_no_band(tmp_path: Path, href: str) -> None:
    outside = write_raster(tmp_path / "outside" / "secret.tif").parent
    item = write_item(tmp_path / "root" / "item.json", "it", {"B1": {"href": href.format(outside=outside)}})
    (item.parent / "link.tif").symlink_to(outside / "secret.tif")
    catalog = catalog_of(item.parent)

    assert ids(catalog) == ["it"]
    with pytest.raises(SourceUnavailable, match="none of its rasters is in the folder"):
        catalog.get("it")


def test_an_id_that_is_not_there_has_one_that_is_like_it(tmp_path: Path) -> None:
    for name in ("Rivers/elbe.tif", "Rivers/rhine.tif", "lake_2020.tif", "lake_2021.tif"):
        write_raster(tmp_path / name)
    write_raster(tmp_path / "S2" / "20210109T185751" / "B3.tif")
    catalog = catalog_of(tmp_path)
    wanted = {
        "lake_2022": "lake_2021",
        "LAKE_2020": "lake_2020",
        "20210109T185751": "S2/20210109T185751",
        "lake-2021": "lake_2021",
        "sea": "",
        "": "",
        "x" * 10_000: "",
    }
    assert {name: catalog.close_id(name) for name in wanted} == wanted


def test_an_id_that_holds_a_nul_moves_no_other(tmp_path: Path) -> None:
    write_raster(tmp_path / "zz.tif")
    write_raster(tmp_path / "b" / "band.tif")
    write_item(tmp_path / "b" / "item.json", "a\u0000b", {"B1": {"href": "band.tif"}})
    catalog = catalog_of(tmp_path)
    assert "a\u0000b" in [image.id for image in catalog.find(Query()).images]
    assert catalog.close_id("ZZ") == "zz"


# STAC


def test_an_asset_of_one_band_is_named_by_its_key(tmp_path: Path) -> None:
    write_raster(tmp_path / "data" / "x 1.tif")
    assets = {
        "B04": {"href": "./x%201.tif", "eo:bands": [{"name": "red"}]},
        "thumbnail": {"href": "preview.png"},
        "B05": {"href": "https://example.com/B05.tif"},
    }
    write_item(tmp_path / "data" / "i.json", "S2/a", assets, datetime="2021-01-09T18:57:51Z")
    catalog = catalog_of(tmp_path)
    image = catalog.get("S2/a")

    assert ids(catalog) == ["S2/a"]
    assert [band.name for band in image.bands] == ["B04"]
    assert image.start_time is not None
    assert image.start_time.isoformat() == "2021-01-09T18:57:51+00:00"


def test_assets_of_several_bands_are_named_by_their_bands_where_these_are_unique(tmp_path: Path) -> None:
    write_raster(tmp_path / "rgb.tif", ("", "", ""))
    write_raster(tmp_path / "qa.tif", ("", ""))
    write_raster(tmp_path / "pan.tif", ("p", "q"))
    assets = {
        "rgb": {"href": "rgb.tif", "bands": [{"name": "r"}, {"name": "g"}, {"name": "b"}]},
        "visual": {"href": "rgb.tif", "eo:bands": [{"name": "r"}, {"name": "x"}, {"name": "y"}]},
        "qa": {"href": "qa.tif"},
        "pan": {"href": "pan.tif"},
    }
    write_item(tmp_path / "i.json", "i", assets)

    assert band_names(catalog_of(tmp_path), "i") == [
        "rgb_1", "rgb_2", "rgb_3", "visual_1", "visual_2", "visual_3", "qa_1", "qa_2", "p", "q",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "asset",
    [
        pytest.param({"bands": [{"nodata": 7, "raster:scale": 0.1, "raster:offset": 2, "unit": "K"}]}, id="1.1"),
        pytest.param(
            {"nodata": 7, "raster:scale": 0.1, "raster:offset": 2, "unit": "K", "bands": [{}]}, id="1.1-asset"
        ),
        pytest.param({"raster:bands": [{"nodata": 7, "scale": 0.1, "offset": 2, "unit": "K"}]}, id="1.0"),
    ],
)
def test_an_item_fills_what_the_header_leaves_open(tmp_path: Path, asset: dict[str, object]) -> None:
    write_raster(tmp_path / "a.tif")
    write_raster(tmp_path / "b.tif", nodata=1)
    write_item(tmp_path / "i.json", "i", {name: {"href": f"{name}.tif", **asset} for name in ("a", "b")})
    first, second = catalog_of(tmp_path).get("i").bands

    assert (first.nodata, first.value_scale, first.value_offset, first.unit) == (7, 0.1, 2.0, "K")
    assert second.nodata == 1


_placed = {"proj:shape": [8, 8], "proj:transform": [10, 0, 100, 0, -10, 200]}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param({**_placed, "proj:code": "EPSG:32633"}, "EPSG:32633", id="code"),
        pytest.param({**_placed, "proj:epsg": 32633}, "EPSG:32633", id="epsg"),
        pytest.param({**_placed, "proj:code": "EPSG:32633", "proj:shape": [9, 8]}, None, id="other-shape"),
        pytest.param({"proj:code": "EPSG:32633", "proj:transform": _placed["proj:transform"]}, None, id="no-shape"),
        pytest.param({"proj:code": "EPSG:32633", "proj:shape": [8, 8]}, None, id="no-transform"),
        pytest.param({**_placed, "proj:code": "https://example.com/crs"}, None, id="address"),
        pytest.param({**_placed, "proj:code": "/etc/passwd"}, None, id="path"),
    ],
)
@pytest.mark.parametrize("level", ["item", "asset"])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_item_places_a_file_without_crs_only_if_it_knows_its_shape(
    tmp_path: Path, claims: dict[str, object], expected: str | None, level: str
) -> None:
    write_raster(tmp_path / "a.tif", crs=None, transform=None)
    asset = {"href": "a.tif", **(claims if level == "asset" else {})}
    write_item(tmp_path / "i.json", "i", {"a": asset}, **(claims if level == "item" else {}))
    grid = catalog_of(tmp_path).get("i").bands[0].grid

    assert (None if grid.crs is None else str(grid.crs)) == expected
    assert (grid.affine == Affine(10, 0, 100, 0, -10, 200)) == (expected is not None)


def test_the_header_decides_where_both_speak(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", nodata=3)
    claims = {"proj:code": "EPSG:4326", "proj:shape": [8, 8], "proj:transform": [1, 0, 0, 0, -1, 0]}
    bands = [{"data_type": "int16", "nodata": 9}]
    write_item(tmp_path / "i.json", "i", {"a": {"href": "a.tif", "bands": bands, **claims}})
    catalog = catalog_of(tmp_path)
    band = catalog.get("i").bands[0]

    assert (str(band.grid.crs), band.grid.affine, band.dtype, band.nodata) == (
        "EPSG:32610",
        _north_up,
        "uint16",
        3,
    )
    assert findings(catalog) == {("i", "a", field) for field in ("crs", "transform", "dtype", "nodata")}


def test_links_of_catalogs_are_followed_and_circles_end(tmp_path: Path) -> None:
    write_raster(tmp_path / "sub" / "a.tif")
    write_item(tmp_path / "sub" / "item.stac", "linked", {"a": {"href": "a.tif"}})
    child = {"rel": "child", "href": "sub/collection.json"}
    back = {"rel": "child", "href": "../catalog.json"}
    item = {"rel": "item", "href": "./item.stac"}
    broken_link = {"rel": "item", "href": "lost.json"}
    away = {"rel": "item", "href": "https://example.com/item.json"}
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "c", "links": [child]}))
    collection = {"type": "Collection", "id": "d", "links": [back, item, broken_link, away]}
    (tmp_path / "sub" / "collection.json").write_text(json.dumps(collection))
    catalog = catalog_of(tmp_path)

    assert ids(catalog) == ["linked"]
    assert findings(catalog) == {("sub/collection.json", "", "link")}


def test_feature_collections_hold_items_and_other_json_is_left_alone(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif")
    items = [
        {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": name,
            "properties": None,
            "assets": {"a": {"href": "a.tif"}},
        }
        for name in ("one", "two")
    ]
    broken = [{"type": "Feature"}, 7, {"type": "Feature", "stac_version": "1", "id": 5, "assets": []}]
    (tmp_path / "all.json").write_text(json.dumps({"type": "FeatureCollection", "features": items + broken}))
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "shape.geojson").write_text('{"type": "Feature", "id": "x", "properties": {}}')
    (tmp_path / "bad.json").write_text("{")
    catalog = catalog_of(tmp_path)

    assert ids(catalog) == ["one", "two"]
    assert findings(catalog) == {("bad.json", "", "document")}


def test_documents_of_wrong_types_spoil_nothing(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif")
    huge = 10**400
    values: list[Any] = [
        None,
        7,
        huge,
        float("inf"),
        float("nan"),
        "x",
        "\ud800",
        [],
        [huge, huge],
        [[]] * 6,
        {"a": 1},
        True,
    ]
    for number, value in enumerate(values):
        keys = (
            "proj:shape",
            "proj:transform",
            "proj:epsg",
            "proj:code",
            "bands",
            "raster:bands",
            "nodata",
            "data_type",
        )
        band = dict.fromkeys(("name", "nodata", "data_type", "scale", "raster:offset", "unit"), value)
        asset = {"href": "a.tif", **dict.fromkeys(keys, value), "eo:bands": [band, value]}
        variant = {**asset, "bands": [band]}
        assets = {"a": asset, "b": variant, "c": value, "d": {"href": value, "type": value}}
        write_item(tmp_path / f"{number}.json", f"i{number}", assets, datetime=value, start_datetime=value)
        write_item(tmp_path / f"{number}-id.json", value, {})
        links = [value, {"rel": value, "href": value}, {"rel": "item", "href": value}]
        (tmp_path / f"{number}-links.json").write_text(json.dumps({"type": "Catalog", "links": links}))
        (tmp_path / f"{number}-type.json").write_text(json.dumps({"type": value, "links": value, "features": value}))
        description = {"type": "Image", "id": f"d{number}", "bands": [band, value], "properties": value}
        write_raster(tmp_path / f"folder{number}" / "a.tif")
        (tmp_path / f"folder{number}" / "asset.json").write_text(json.dumps(description))
    catalog = catalog_of(tmp_path)

    for number in range(len(values)):
        assert band_names(catalog, f"i{number}") == ["a", "b"]
        assert band_names(catalog, f"d{number}") == ["a"]
    assert all(str(note).encode() for note in catalog.check())


def test_names_that_are_no_text_are_not_listed(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tif"))

    assert ids(catalog_of(tmp_path)) == []


def test_of_equal_ids_the_first_in_the_order_of_paths_wins_and_check_names_the_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_raster(tmp_path / name / "x.tif")
        write_item(tmp_path / name / "item.json", "same", {name: {"href": "x.tif"}})
    catalog = catalog_of(tmp_path)

    assert band_names(catalog, "same") == ["a"]
    assert [str(note) for note in catalog.check()] == [
        "same: id: the catalog says the id in b/item.json; found it is taken by a/item.json"
    ]


def test_a_raster_of_an_item_is_not_listed_with_its_folder(tmp_path: Path) -> None:
    write_raster(tmp_path / "f" / "used.tif")
    write_raster(tmp_path / "f" / "free.tif")
    write_item(tmp_path / "f" / "i.json", "item", {"B1": {"href": "used.tif"}})
    catalog = catalog_of(tmp_path)

    assert ids(catalog) == ["f", "item"]
    assert band_names(catalog, "f") == ["free"]


# What check tells


def test_check_tells_of_missing_damaged_and_misnamed_files(tmp_path: Path) -> None:
    write_raster(tmp_path / "whole.tif", ("", ""))
    (tmp_path / "damaged.tif").write_bytes(b"II*\x00 nothing more")
    write_raster(tmp_path / "misnamed.tif").rename(tmp_path / "misnamed.jp2")
    assets = {
        "gone": {"href": "gone.tif"},
        "damaged": {"href": "damaged.tif"},
        "misnamed": {"href": "misnamed.jp2"},
        "whole": {"href": "whole.tif", "proj:shape": [4, 8], "bands": [{}]},
    }
    write_item(tmp_path / "i.json", "i", assets)
    catalog = catalog_of(tmp_path)

    assert findings(catalog) == {
        ("i", "gone", "file"),
        ("i", "damaged", "file"),
        ("i", "misnamed", "driver"),
        ("i", "whole", "shape"),
        ("i", "whole", "band count"),
    }
    assert not any(str(tmp_path) in str(note) for note in catalog.check())
    assert "i, whole: shape: the catalog says 8 x 4 pixels; found 8 x 8 pixels" in map(str, catalog.check())


def test_headers_are_read_once_for_each_version_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "i.tif")
    reads: list[str] = []

    def counted(path: str, version: str) -> Header:
        reads.append(path)
        return read_header(path, version)

    monkeypatch.setattr("rasterwire.catalog.indexed.read_header", counted)
    catalog = catalog_of(tmp_path)

    catalog.get("i")
    catalog.get("i")
    assert len(reads) == 1
    os.utime(path, ns=(1, 1))
    catalog.get("i")
    assert len(reads) == 2
