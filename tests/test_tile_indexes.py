"""Tile indexes of an operator (GTI), compared with GDAL's own driver, and those that are refused."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.settings import format_options
from rasterwire.errors import SourceUnavailable
from rasterwire.files import beside, raster_file, tile_mosaic, tile_table
from rasterwire.files.beside import FormatOptions
from rasterwire.files.byte_reader import ByteReader, reader_of
from rasterwire.files.sandbox import ReadLimits, in_children
from rasterwire.image import Band
from rasterwire.plan import Limits, make_plan
from rasterwire.query import Query
from rasterwire.render.source import read
from rasterwire.request import DownloadRequest
from rasterwire.server.process.sandboxed import prepare
from test_formats_by_choice import TRANSFORM, noise, pixels, settings_of, write
from tile_indexes import add_metadata, footprint, write_index

GTI = FormatOptions(gti=True)
SIZE = 64


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of a catalog that reads tile indexes."""
    inner = tmp_path / "images"
    inner.mkdir()
    beside.configure({str(inner): GTI})
    yield inner
    beside.configure({})


def place_of(col: float, row: float, step: float = 1.0) -> Affine:
    """Return the transform of a tile whose corner is at a pixel of the whole."""
    return TRANSFORM @ Affine.translation(col, row) @ Affine.scale(step)


def tile(
    folder: Path, name: str, col: float, row: float, seed: int, *, bands: int = 1, step: float = 1.0, **more: Any
) -> dict[str, Any]:
    """Write a tile and return its row of an index."""
    mask, nodata = more.pop("mask", None), more.pop("nodata", None)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(folder / name, noise(bands, seed, SIZE), **more)
        with rasterio.open(folder / name, "r+") as file:
            file.transform = place_of(col, row, step)
            if nodata is not None:
                file.nodata = nodata
            if mask is not None:
                file.write_mask(mask)
            box = tuple(file.bounds)
    return {"location": name, "box": box}


def assert_like_gdal(path: Path, image: str = "all") -> list[Band]:
    """Compare all bands with what GDAL's driver of tile indexes makes of the file."""
    bands = list(FolderCatalog(path.parent).get(image).bands)
    with rasterio.open(path, driver="GTI") as file:
        assert len(bands) == file.count
        for number, band in enumerate(bands, 1):
            assert (band.grid.affine, tuple(band.grid.shape)) == (file.transform, file.shape)
            assert band.dtype == file.dtypes[number - 1]
            found, valid = pixels(band), file.read_masks(number) > 0
            np.testing.assert_array_equal(found.valid, valid)
            np.testing.assert_array_equal(found.data[valid], file.read(number)[valid])
            part = read(band, None, 5, 7, (30, 35))
            np.testing.assert_array_equal(part.data[part.valid], found.data[7:37, 5:40][part.valid])
    return bands


def overlapping(folder: Path, **more: Any) -> list[dict[str, Any]]:
    """Write three tiles that overlap."""
    places = [(0, 0), (40, 10), (20, 30)]
    return [tile(folder, f"t{number}.tif", *place, number, **more) for number, place in enumerate(places)]


def test_a_tile_index_is_an_image_with_the_pixels_that_gdal_gives(folder: Path) -> None:
    path = write_index(folder / "all.gti.gpkg", overlapping(folder, nodata=7))
    catalog = FolderCatalog(folder)
    assert "all" in [image.id for image in catalog.find(Query()).images]
    assert catalog.unserved() == []
    (band,) = assert_like_gdal(path)
    assert (band.nodata, band.overviews, band.plain) == (7, (), False)
    assert band.grid.crs is not None
    assert band.grid.crs.epsg == 32632


def test_a_tile_that_lies_elsewhere_than_its_index_says_is_refused(folder: Path) -> None:
    """GDAL gives no pixels where the index says that it is, not even those of tiles beneath."""
    tiles = overlapping(folder)
    write_index(folder / "all.gti.gpkg", tiles)
    with rasterio.open(folder / "t1.tif", "r+") as file:
        file.transform = place_of(1000, 10)
    with pytest.raises(SourceUnavailable, match="lies elsewhere than the index says; make it again with gdaltindex"):
        FolderCatalog(folder).get("all")


SETTINGS: dict[str, dict[str, str]] = {
    "the first tile": {},
    "no extent": {},
    "resolution": {"RESX": "20", "RESY": "15"},
    "resolution, bilinear": {"RESX": "7", "RESY": "7", "RESAMPLING": "bilinear"},
    "bounds": {"RESX": "10", "RESY": "10", "MINX": "600111", "MINY": "5699203", "MAXX": "600777", "MAXY": "5699913"},
    "grid": {"XSIZE": "90", "YSIZE": "80", "GEOTRANSFORM": "600050,10,0,5699950,0,-10"},
    "all set": {"RESX": "10", "RESY": "10", "BAND_COUNT": "1", "DATA_TYPE": "Int16", "NODATA": "-3"},
    "bands alone": {"RESX": "10", "RESY": "10", "BAND_COUNT": "1"},
    "nodata": {"NODATA": "9"},
    "no nodata": {"NODATA": "None"},
    "fractions": {"DATA_TYPE": "Float32", "NODATA": "nan"},
    "mask": {"MASK_BAND": "YES"},
    "names": {"BAND_1_OFFSET": "3", "BAND_1_SCALE": "0.5", "BAND_1_UNITTYPE": "m"},
}


@pytest.mark.parametrize("nodata", [None, 7])
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_those_of_gdal(folder: Path, name: str, nodata: int | None) -> None:
    tiles = overlapping(folder, nodata=nodata)
    path = write_index(folder / "all.gti.gpkg", tiles, SETTINGS[name], has_extent=name != "no extent")
    (band,) = assert_like_gdal(path)
    if name == "names":
        assert (band.value_offset, band.value_scale, band.unit) == (3, 0.5, "m")


@pytest.mark.parametrize("ascending", ["YES", "NO"])
@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("INTEGER", (2, 10, 1)),
        ("REAL", (0.5, -1.5, 0.25)),
        ("TEXT", ("b", "B", "ä")),
        ("DATE", ("2024-02-01", "2023-12-31", "2024-01-31")),
        ("DATETIME", ("2024-02-01T00:00:00.000Z", "2024-01-31T23:00:00.000Z", "2024-02-01T00:00:01.000Z")),
        ("INTEGER", (1, 1, 1)),
    ],
)
def test_tiles_are_painted_in_the_order_of_the_sort_field(
    folder: Path, kind: str, places: tuple[Any, ...], ascending: str
) -> None:
    tiles = [each | {"rank": place} for each, place in zip(overlapping(folder), places, strict=True)]
    settings = {"SORT_FIELD": "rank", "SORT_FIELD_ASC": ascending}
    assert_like_gdal(write_index(folder / "all.gti.gpkg", tiles, settings, fields=f"location TEXT, rank {kind}"))


def test_masks_of_tiles_are_those_of_gdal(folder: Path) -> None:
    mask = np.full((SIZE, SIZE), 255, np.uint8)
    mask[10:40, 20:50] = 0
    tiles = [
        tile(folder, "t0.tif", 0, 0, 0, bands=3, mask=mask),
        tile(folder, "t1.tif", 30, 20, 1, bands=3, mask=np.ascontiguousarray(mask.T)),
    ]
    bands = assert_like_gdal(write_index(folder / "all.gti.gpkg", tiles))
    assert all(band.masked for band in bands)
    assert not pixels(bands[0]).valid.all()


def test_alpha_bands_of_tiles_are_those_of_gdal(folder: Path) -> None:
    tiles = [tile(folder, f"t{n}.tif", 30 * n, 20 * n, n, bands=4) for n in range(2)]
    for number in range(2):
        with rasterio.open(folder / f"t{number}.tif", "r+") as file:
            file.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
            alpha = np.full((SIZE, SIZE), 255, np.uint8)
            alpha[number * 10 : 30, 5:60] = 0
            file.write(alpha, 4)
    assert_like_gdal(write_index(folder / "all.gti.gpkg", tiles))


def test_fewer_bands_than_the_tiles_have(folder: Path) -> None:
    tiles = [tile(folder, f"t{n}.tif", 30 * n, 0, n, bands=3) for n in range(2)]
    settings = {"BAND_COUNT": "2", "DATA_TYPE": "Byte", "RESX": "10", "RESY": "10"}
    assert_like_gdal(write_index(folder / "all.gti.gpkg", tiles, settings))


def test_tiles_of_other_sizes_of_pixels(folder: Path) -> None:
    tiles = [tile(folder, "t0.tif", 0, 0, 0), tile(folder, "t1.tif", 30, 10, 1, step=2.5)]
    assert_like_gdal(write_index(folder / "all.gti.gpkg", tiles))


def test_rows_without_a_name_or_a_footprint_are_left_out(folder: Path) -> None:
    tiles = overlapping(folder)
    tiles[1] |= {"location": None}
    tiles[2] |= {"box": None}
    assert_like_gdal(write_index(folder / "all.gti.gpkg", tiles))


XML = {
    "as it is": "",
    "a field": "<LocationField>location</LocationField><SortField>rank</SortField><SortFieldAsc>false</SortFieldAsc>",
    "bands": (
        "<ResX>10</ResX><ResY>10</ResY><BandCount>1</BandCount>"
        '<Band band="1" dataType="Int16"><Description>depth</Description><NoDataValue>-1</NoDataValue></Band>'
    ),
    "a nodata value": "<NoDataValue>9</NoDataValue><MaskBand>true</MaskBand><Resampling>near</Resampling>",
    "a crs": "<SRS>EPSG:32632</SRS><BlockXSize>512</BlockXSize><BlockYSize>512</BlockYSize>",
}


@pytest.mark.parametrize("settings", [{}, {"NODATA": "5", "RESX": "20", "RESY": "20"}])
@pytest.mark.parametrize("name", XML)
def test_tile_indexes_in_xml(folder: Path, name: str, settings: dict[str, str]) -> None:
    tiles = [each | {"rank": -number} for number, each in enumerate(overlapping(folder))]
    table = write_index(folder / "table.gpkg", tiles, settings, fields="location TEXT, rank INTEGER")
    path = folder / "all.gti"
    path.write_text(f"<GDALTileIndexDataset><IndexDataset>{table}</IndexDataset>{XML[name]}</GDALTileIndexDataset>")
    (band,) = assert_like_gdal(path)
    assert band.name == ("depth" if name == "bands" else "B1")
    path.write_text(path.read_text().replace(str(table), "table.gpkg"))
    pixels(FolderCatalog(folder).get("all").bands[0])


def test_a_layer_of_several(folder: Path) -> None:
    path = write_index(folder / "all.gti.gpkg", overlapping(folder))
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('b', 'features', 'b', 32632)"
        )
        database.execute("INSERT INTO gpkg_geometry_columns VALUES ('b', 'geom', 'POLYGON', 32632, 0, 0)")
        database.execute("CREATE TABLE b (fid INTEGER PRIMARY KEY, geom POLYGON, location TEXT)")
        database.commit()
        with pytest.raises(SourceUnavailable, match="one of several"):
            FolderCatalog(folder).get("all")
        add_metadata(database, {"TILE_INDEX_LAYER": "index"}, "", "geopackage")
        database.commit()
    assert_like_gdal(path)


def test_tiles_that_are_not_under_a_window_are_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiles = [tile(folder, f"t{number}.tif", SIZE * number, 0, number) for number in range(4)]
    write_index(folder / "all.gti.gpkg", tiles)
    (band,) = FolderCatalog(folder).get("all").bands
    opened: list[str] = []

    def noting(href: str, version: str) -> ByteReader:
        opened.append(Path(href).name)
        return reader_of(href, version)

    monkeypatch.setattr(raster_file, "reader_of", noting)
    read(band, None, SIZE + 5, 0, (10, 10))
    assert set(opened) == {"t1.tif"}


def test_another_file_under_a_tile_index_is_another_version(folder: Path) -> None:
    tiles = overlapping(folder)
    table = write_index(folder / "table.gpkg", tiles)
    (folder / "all.gti").write_text(
        "<GDALTileIndexDataset><IndexDataset>table.gpkg</IndexDataset></GDALTileIndexDataset>"
    )
    catalog = FolderCatalog(folder, refresh_seconds=0)

    def etag() -> str:
        return make_plan(DownloadRequest("all"), catalog.get("all"), Limits()).etag

    before, first = catalog.get("all").bands[0], etag()
    tile(folder, "new.tif", 40, 10, 9)
    (folder / "new.tif").replace(folder / "t1.tif")
    with pytest.raises(SourceUnavailable, match="changed"):
        pixels(before)
    second = etag()
    assert second != first
    table.unlink()
    write_index(table, tiles[:2])
    assert etag() not in {first, second}


def test_children_read_a_tile_index(folder: Path) -> None:
    path = write_index(folder / "all.gti.gpkg", overlapping(folder))
    with in_children(1, ReadLimits(), partial(prepare, (), {str(folder): GTI})):
        assert_like_gdal(path)


def test_without_a_choice_no_tile_index_is_read(folder: Path) -> None:
    write_index(folder / "all.gti.gpkg", overlapping(folder))
    for name in ("b.gti.fgb", "c.gti.parquet"):
        (folder / name).write_bytes(b"")
    beside.configure({})
    reasons = {item.name: item.reason for item in FolderCatalog(folder).unserved()}
    assert 'formats = ["gti"]' in reasons["all.gti.gpkg"]
    assert "ogr2ogr" in reasons["b.gti.fgb"]
    assert "ogr2ogr" in reasons["c.gti.parquet"]


def test_a_catalog_chooses_tile_indexes_in_its_table(tmp_path: Path) -> None:
    catalogs, problems = settings_of(tmp_path, formats=["gti"])
    assert problems == []
    assert format_options(catalogs) == {str(tmp_path): GTI}


def named(name: str) -> Callable[[Path], None]:
    """Return what makes an index that names a file beside a tile."""

    def make(folder: Path) -> None:
        first = tile(folder, "a.tif", 0, 0, 1)
        write_index(folder / "v.gti.gpkg", [first, first | {"location": name}])

    return make


def elsewhere(folder: Path) -> None:
    row = tile(folder.parent, "secret.tif", 0, 0, 1)
    write_index(folder / "v.gti.gpkg", [row | {"location": str(folder.parent / "secret.tif")}])


def linked(folder: Path) -> None:
    row = tile(folder.parent, "secret.tif", 0, 0, 1)
    (folder / "link.tif").symlink_to(folder.parent / "secret.tif")
    write_index(folder / "v.gti.gpkg", [row | {"location": "link.tif"}])


def with_settings(**settings: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write_index(folder / "v.gti.gpkg", [tile(folder, "a.tif", 0, 0, 1)], settings)

    return make


def document(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write_index(folder / "table.gpkg", [tile(folder, "a.tif", 0, 0, 1)])
        (folder / "v.gti").write_text(text)

    return make


def wrapped(inner: str) -> str:
    return f"<GDALTileIndexDataset><IndexDataset>table.gpkg</IndexDataset>{inner}</GDALTileIndexDataset>"


def changed(*statements: str, **settings: str) -> Callable[[Path], None]:
    """Return what makes an index and changes it by SQL."""

    def make(folder: Path) -> None:
        path = write_index(folder / "v.gti.gpkg", [tile(folder, "a.tif", 0, 0, 1)], settings)
        with closing(sqlite3.connect(path)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return make


def table_elsewhere(folder: Path) -> None:
    write_index(folder.parent / "table.gpkg", [tile(folder, "a.tif", 0, 0, 1)])
    (folder / "v.gti").write_text(wrapped("").replace("table.gpkg", "../table.gpkg"))


def other_crs(folder: Path) -> None:
    rows = overlapping(folder)
    with rasterio.open(folder / "t1.tif", "r+") as file:
        file.crs = "EPSG:32633"
    write_index(folder / "v.gti.gpkg", rows)


def cut_off(folder: Path) -> None:
    path = write_index(folder / "v.gti.gpkg", [tile(folder, "a.tif", 0, 0, 1)])
    path.write_bytes(path.read_bytes()[:20_000])


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a file elsewhere": (elsewhere, "not in the folder"),
    "a path upwards": (named("../secret.tif"), "not in the folder"),
    "a link out of the folder": (linked, "not in the folder"),
    "a device": (named("/dev/zero"), "not in the folder"),
    "an address": (named("https://127.0.0.1:9/a.tif"), "not in the folder"),
    "a name of GDAL's": (named("/vsicurl/http://127.0.0.1:9/a.tif"), "not in the folder"),
    "a text as a name": (named("<VRTDataset/>"), "not in the folder"),
    "a prefix of GDAL's": (named("GTI:v.gti.gpkg"), "not in the folder"),
    "itself": (named("v.gti.gpkg"), "neither a GeoTIFF nor"),
    "SQL": (with_settings(SQL="SELECT * FROM index"), "with SQL, which"),
    "SQL for windows": (with_settings(SPATIAL_SQL="SELECT 1"), "with SPATIAL_SQL, which"),
    "a filter": (with_settings(Filter="1 = 1"), "with FILTER, which"),
    "no such field": (with_settings(LOCATION_FIELD='x"; DROP TABLE "index'), "without the field"),
    "no such sort field": (with_settings(SORT_FIELD="x"), "without the field"),
    "a crs from a file": (with_settings(SRS="/etc/passwd"), "neither a code nor WKT"),
    "a crs from an address": (with_settings(SRS="http://127.0.0.1:9/crs"), "neither a code nor WKT"),
    "a vast grid": (with_settings(RESX="1e-9", RESY="1e-9"), "too many"),
    "no grid": (with_settings(RESX="nan", RESY="1"), "RESX with this text"),
    "half a grid": (with_settings(RESX="10"), "no RESY"),
    "many bands": (with_settings(BAND_COUNT="60000", DATA_TYPE="Byte"), "BAND_COUNT"),
    "another type": (with_settings(DATA_TYPE="CFloat32"), "type of pixels"),
    "another crs": (other_crs, "another crs"),
    "a view": (
        changed('ALTER TABLE "index" RENAME TO t', 'CREATE VIEW "index" AS SELECT * FROM t'),
        "no table",
    ),
    "a view without an end": (
        changed("DROP TABLE gpkg_contents", f"CREATE VIEW gpkg_contents AS {ENDLESS} SELECT * FROM n"),
        "damaged",
    ),
    "a computed field": (
        changed('ALTER TABLE "index" ADD COLUMN x TEXT AS (hex(zeroblob(100000)))', LOCATION_FIELD="x"),
        "damaged|without the field",
    ),
    "a virtual table": (
        changed('DROP TABLE "index"', 'CREATE VIRTUAL TABLE "index" USING rtree(fid, a, b)'),
        "no table|damaged",
    ),
    "a long name": (changed('UPDATE "index" SET location = hex(zeroblob(1000000))'), "damaged"),
    "no name": (changed("UPDATE \"index\" SET location = x'00'"), "no text"),
    "no footprint": (changed("UPDATE \"index\" SET geom = x'4750'"), "damaged"),
    "entities in its metadata": (
        changed("UPDATE gpkg_metadata SET metadata = '<!DOCTYPE a [<!ENTITY x \"y\">]><a/>'", RESX="10", RESY="10"),
        "declarations",
    ),
    "a file that is cut off": (cut_off, "damaged"),
    "a table elsewhere": (table_elsewhere, "not in the folder"),
    "a table that is no table": (document(wrapped("").replace("table.gpkg", "a.tif")), "damaged"),
    "a table that is itself": (document(wrapped("").replace("table.gpkg", "v.gti")), "damaged"),
    "a device as a table": (document(wrapped("").replace("table.gpkg", "/dev/zero")), "not in the folder"),
    "an address as a table": (document(wrapped("").replace("table.gpkg", "PG:host=127.0.0.1")), "not in the folder"),
    "SQL in XML": (document(wrapped("<SQL>SELECT 1</SQL>")), "with SQL, which"),
    "a filter in XML": (document(wrapped("<Filter>1 = 1</Filter>")), "with Filter, which"),
    "an attribute": (document(wrapped("").replace("Dataset>", 'Dataset SQL="x">', 1)), "attribute SQL"),
    "an entity": (document('<!DOCTYPE a [<!ENTITY x "y">]>' + wrapped("")), "declarations"),
    "deep XML": (document("<GDALTileIndexDataset>" * 100_000), "more than 200000 elements"),
    "broken XML": (document("<GDALTileIndexDataset"), "damaged"),
    "other XML": (document("<VRTDataset/>"), "no tile index"),
    "no table": (document("<GDALTileIndexDataset/>"), "no IndexDataset"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tile_indexes_are_refused(folder: Path, name: str) -> None:
    make, problem = HOSTILE[name]
    make(folder)
    with pytest.raises(SourceUnavailable, match=problem) as caught:
        FolderCatalog(folder).get("v")
    assert str(folder.parent) not in str(caught.value)
    assert [image.id for image in FolderCatalog(folder).find(Query()).images]


def test_a_tile_index_with_changes_in_a_journal_is_refused_until_they_are_in_it(folder: Path) -> None:
    path = write_index(folder / "v.gti.gpkg", [tile(folder, "a.tif", 0, 0, 1), tile(folder, "b.tif", 64, 0, 2)])
    catalog = FolderCatalog(folder)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("DELETE FROM \"index\" WHERE location = 'b.tif'")
        with pytest.raises(SourceUnavailable, match="in a journal"):
            catalog.get("v")
    assert catalog.get("v").bands


def test_a_journal_of_a_tile_index_that_is_undone_is_not_remembered(folder: Path) -> None:
    path = write_index(folder / "v.gti.gpkg", [tile(folder, "a.tif", 0, 0, 1)])
    catalog = FolderCatalog(folder)
    journal = Path(f"{path}-journal")
    journal.write_bytes(bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(SourceUnavailable, match="in a journal"):
        catalog.get("v")
    journal.unlink()
    assert catalog.get("v").bands


def test_a_tile_index_of_many_rows_is_not_read_to_its_end(folder: Path) -> None:
    row = tile(folder, "a.tif", 0, 0, 1)
    path = write_index(folder / "v.gti.gpkg", [row])
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
            " INSERT INTO \"index\" (geom, location) SELECT ?, 'a.tif' FROM n",
            (footprint(row["box"]),),
        )
        database.commit()
    with pytest.raises(SourceUnavailable, match="more than 1000 tiles"):
        FolderCatalog(folder).get("v")


def test_large_tile_indexes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_index(folder / "v.gti.gpkg", overlapping(folder))
    for module, limit, count, problem in (
        (tile_table, "MAX_TILES", 2, "more than 2 tiles"),
        (tile_mosaic, "_MAX_PLACES", 2, "more than 2 tiles times bands"),
    ):
        path = folder / f"{limit}.gti.gpkg"
        path.write_bytes((folder / "v.gti.gpkg").read_bytes())
        with monkeypatch.context() as patch:
            patch.setattr(module, limit, count)
            with pytest.raises(SourceUnavailable, match=problem):
                FolderCatalog(folder).get(limit)
