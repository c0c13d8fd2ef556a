"""Tile indexes of tests: GeoPackages, as GDAL reads them."""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import rasterio
import shapely

_SCHEMA = """
PRAGMA application_id = 1196444487;
PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT '2026-01-01T00:00:00.000Z',
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL);
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL,
  definition TEXT NOT NULL, scope TEXT NOT NULL);
CREATE TABLE gpkg_metadata (id INTEGER PRIMARY KEY, md_scope TEXT NOT NULL, md_standard_uri TEXT NOT NULL,
  mime_type TEXT NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE gpkg_metadata_reference (reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT,
  row_id_value INTEGER, timestamp DATETIME NOT NULL DEFAULT '2026-01-01T00:00:00.000Z', md_file_id INTEGER NOT NULL,
  md_parent_id INTEGER);
INSERT INTO gpkg_extensions VALUES
  ('gpkg_metadata', NULL, 'gpkg_metadata', 'http://www.geopackage.org/spec120/#extension_metadata', 'read-write'),
  ('gpkg_metadata_reference', NULL, 'gpkg_metadata', 'http://www.geopackage.org/spec120/#extension_metadata',
   'read-write');
"""


def write_index(
    path: Path,
    tiles: Sequence[Mapping[str, Any]],
    settings: Mapping[str, str] | None = None,
    *,
    fields: str = "location TEXT",
    layer: str = "index",
    has_extent: bool = True,
    epsg: int = 32632,
) -> Path:
    """Write a tile index.

    Args:
        path: of the file.
        tiles: values of the fields of each; ``box`` is its extent, None for a tile without one.
        settings: items of metadata of the layer.
        fields: of the layer, as SQL.
        layer: its name.
        has_extent: whether the file tells the extent of the layer.
        epsg: code of the crs.
    """
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)
        wkt = rasterio.crs.CRS.from_epsg(epsg).to_wkt()
        database.execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, 'EPSG', ?, ?, NULL)", (f"EPSG {epsg}", epsg, epsg, wkt)
        )
        boxes = [tile["box"] for tile in tiles if tile["box"] is not None]
        extent = shapely.union_all([shapely.box(*box) for box in boxes]).bounds if boxes and has_extent else [None] * 4
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id)"
            " VALUES (?, 'features', ?, ?, ?, ?, ?, ?)",
            (layer, layer, *extent, epsg),
        )
        database.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', ?, 0, 0)", (layer, epsg))
        database.execute(f'CREATE TABLE "{layer}" (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom POLYGON, {fields})')
        for tile in tiles:
            names = [name for name in tile if name != "box"]
            marks = ", ".join("?" * (len(names) + 1))
            database.execute(
                f'INSERT INTO "{layer}" (geom{"".join(f", {name}" for name in names)}) VALUES ({marks})',
                (footprint(tile["box"], epsg), *(tile[name] for name in names)),
            )
        if settings:
            add_metadata(database, settings, layer)
        database.commit()
    return path


def add_metadata(database: sqlite3.Connection, settings: Mapping[str, str], layer: str, scope: str = "table") -> None:
    """Add items of metadata of a layer, or of the file."""
    items = "".join(f"<MDI key={quoteattr(name)}>{escape(text)}</MDI>" for name, text in settings.items())
    added = database.execute(
        "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata)"
        " VALUES ('dataset', 'http://gdal.org', 'text/xml', ?)",
        (f"<GDALMultiDomainMetadata><Metadata>{items}</Metadata></GDALMultiDomainMetadata>",),
    )
    database.execute(
        "INSERT INTO gpkg_metadata_reference (reference_scope, table_name, md_file_id) VALUES (?, ?, ?)",
        (scope, layer if scope == "table" else None, added.lastrowid),
    )


def footprint(box: Sequence[float] | None, epsg: int = 32632, *, has_envelope: bool = True) -> bytes | None:
    """Return the footprint of a tile as a GeoPackage has it."""
    if box is None:
        return None
    west, south, east, north = box
    envelope = struct.pack("<4d", west, east, south, north) if has_envelope else b""
    head = struct.pack("<2sBBi", b"GP", 0, 3 if has_envelope else 1, epsg)
    wkb: bytes = shapely.to_wkb(shapely.box(*box), byte_order=1)
    return head + envelope + wkb
