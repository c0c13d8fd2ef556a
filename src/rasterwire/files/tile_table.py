"""The table of a tile index in a GeoPackage, which is a file of SQLite. Nobody vouches for it.

It is read through the open file that was checked, without its journal, by statements of this module alone. They may
call no function, take a limited number of steps, and read tables but no views.
"""

import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from urllib.parse import quote
from xml.etree import ElementTree as ET

import shapely

from rasterwire.errors import SourceUnavailable
from rasterwire.files.bounded_xml import parse_xml
from rasterwire.files.regular_file import name_of, open_regular

__all__ = ["MAX_TILES", "UNFINISHED", "TileTable", "is_unfinished", "opened_table"]

UNFINISHED = "it is a tile index with changes in a journal beside it; close it in the program that writes it"

MAX_TILES = 1000
"""Of a tile index; each is looked at with every block of pixels."""

_MAX_CELL_BYTES = 1 << 20
"""Of a name, a footprint or other metadata in a tile index."""

_MAX_STEPS = 5_000
"""Of ``_STEP`` instructions, for a whole tile index."""

_STEP = 10_000

_LAYER_OF_FILE = "TILE_INDEX_LAYER"

_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
"""Of a footprint in a GeoPackage, by the kind of its envelope."""

Extent = tuple[float, float, float, float]
"""Least x and y, greatest x and y."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    declared: str

    @property
    def quoted(self) -> str:
        return _quoted(self.name)


class TileTable:
    """The layer of a GeoPackage whose rows are tiles.

    Attributes:
        settings: of the layer, in its metadata, by their names in capitals.
        crs: code or WKT; "" where it has none.
    """

    def __init__(self, database: sqlite3.Connection, layer: str) -> None:
        """Look up a layer; "" for the one that the file names, or the only one.

        Raises:
            SourceUnavailable: there is none.
            sqlite3.Error: the file is damaged.
        """
        self._database = database
        layer = layer or self._metadata("geopackage", "").get(_LAYER_OF_FILE, "")
        layers = database.execute(
            "SELECT table_name, srs_id, min_x, min_y, max_x, max_y FROM gpkg_contents WHERE data_type = 'features'"
            " AND (? = '' OR table_name = ? COLLATE NOCASE) LIMIT 2",
            (layer, layer),
        ).fetchall()
        if len(layers) != 1:
            raise SourceUnavailable.of_file(
                "it is a tile index whose layer is not there, or one of several; name it as TILE_INDEX_LAYER, or as"
                " IndexLayer in XML"
            )
        self._name, srs, *self._extent = layers[0]
        if not database.execute(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name = ?", (self._name,)
        ).fetchall():
            raise SourceUnavailable.of_file("it is a tile index whose layer is no table; write it again")
        self._geometry = database.execute(
            "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ? COLLATE NOCASE LIMIT 1", (self._name,)
        ).fetchone()[0]
        self._columns = [
            _Column(str(row[1]), str(row[2]).upper())
            for row in database.execute(f"PRAGMA table_info({_quoted(self._name)})")
        ]
        self.settings = self._metadata("table", self._name)
        self.crs = self._crs_of(srs)

    def extent(self) -> Extent:
        """Return the extent of the layer, by its entry in the file, else by its footprints."""
        if all(isinstance(side, (int, float)) for side in self._extent):
            west, south, east, north = map(float, self._extent)
            return west, south, east, north
        column = self._column(self._geometry)
        rows = self._rows(f"{column.quoted}", f"{column.quoted} IS NOT NULL")
        bounds = [bound for (blob,) in rows if (bound := _bounds_of(blob)) is not None]
        if not bounds:
            raise SourceUnavailable.of_file("it is a tile index without tiles; write it again")
        return (
            min(bound[0] for bound in bounds),
            min(bound[1] for bound in bounds),
            max(bound[2] for bound in bounds),
            max(bound[3] for bound in bounds),
        )

    def tiles(self, location: str, sort: str) -> list[tuple[str, object]]:
        """Return name and place in the order of painting of each tile, in the order of the rows.

        Args:
            location: name of the field of the names.
            sort: name of the field of the places; "" for none, and all are None.

        Raises:
            SourceUnavailable: there are too many tiles, no such field, or rows without a value to sort by.
        """
        names, footprints = self._column(location), self._column(self._geometry)
        sorted_by = self._column(sort).quoted if sort else "NULL"
        condition = f"{names.quoted} IS NOT NULL"
        rows = self._rows(f"{names.quoted}, {footprints.quoted}, {sorted_by}", condition)
        tiles = [(name, place) for name, blob, place in rows if blob is not None and _bounds_of(blob) is not None]
        if any(not isinstance(name, str) for name, _ in tiles):
            raise SourceUnavailable.of_file("it is a tile index whose location field is no text; write it again")
        if sort and len({type(place) for _, place in tiles} | ({str} if not tiles else set())) > 1:
            raise SourceUnavailable.of_file(
                "it is a tile index whose sort field has no value for some tile, or values of several types; fill it"
            )
        if sort and any(place is None or isinstance(place, bytes) for _, place in tiles):
            raise SourceUnavailable.of_file("it is a tile index whose sort field has no value for its tiles; fill it")
        return [(str(name), place) for name, place in tiles]

    def first(self, location: str) -> str:
        """Return the name of the first tile, "" where there is none; GDAL takes from it what is not set."""
        column = self._column(location)
        row = self._database.execute(
            f"SELECT {column.quoted} FROM {_quoted(self._name)} ORDER BY rowid LIMIT 1"
        ).fetchone()
        return row[0] if row is not None and isinstance(row[0], str) else ""

    def _rows(self, columns: str, condition: str) -> list[Sequence[object]]:
        rows = self._database.execute(
            f"SELECT {columns} FROM {_quoted(self._name)} WHERE {condition} ORDER BY rowid LIMIT {MAX_TILES + 1}"
        ).fetchall()
        if len(rows) > MAX_TILES:
            raise SourceUnavailable.of_file(
                f"it is a tile index of more than {MAX_TILES} tiles; make several, or ask for a mosaic of the files"
            )
        return rows

    def _column(self, name: str) -> _Column:
        column = next((candidate for candidate in self._columns if candidate.name.lower() == name.lower()), None)
        if column is None:
            raise SourceUnavailable.of_file(f"it is a tile index without the field {name[:60]!r}; write it again")
        return column

    def _metadata(self, scope: str, table: str) -> dict[str, str]:
        """Return what GDAL keeps for the file, or for a table, by names in capitals."""
        names = {row[0] for row in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"gpkg_metadata", "gpkg_metadata_reference"} <= names:
            return {}
        texts = self._database.execute(
            "SELECT metadata FROM gpkg_metadata_reference JOIN gpkg_metadata ON md_file_id = gpkg_metadata.id"
            " WHERE md_standard_uri = 'http://gdal.org' AND reference_scope = ?"
            " AND (? = '' OR table_name = ? COLLATE NOCASE) LIMIT 10",
            (scope, table, table),
        )
        entries: dict[str, str] = {}
        for (text,) in texts.fetchall():
            for domain in parse_xml(str(text).encode(), "tile index").iter("Metadata"):
                if domain.get("domain") == "xml:GTI":
                    raise SourceUnavailable.of_file(
                        "it is a tile index with settings in the domain xml:GTI; write them as items of metadata"
                    )
                if not domain.get("domain"):
                    entries |= {item.get("key", "").upper(): item.text or "" for item in domain.iter("MDI")}
        return entries

    def _crs_of(self, srs: object) -> str:
        row = self._database.execute(
            "SELECT organization, organization_coordsys_id, definition, srs_name FROM gpkg_spatial_ref_sys"
            " WHERE srs_id = ? LIMIT 1",
            (srs,),
        ).fetchone()
        if row is None or str(row[3]).startswith("Undefined ") or str(row[2]).lower() == "undefined":
            return ""
        return f"EPSG:{row[1]}" if str(row[0]).upper() == "EPSG" else str(row[2])


@contextmanager
def opened_table(path: str, layer: str) -> Iterator[TileTable]:
    """Open a GeoPackage for a ``with`` block; errors of reads inside it are translated as well.

    Args:
        path: absolute, links resolved.
        layer: see ``TileTable``.

    Raises:
        SourceUnavailable: it is none, is damaged, or takes too long.
    """
    damaged = "it is no tile index in a GeoPackage, is damaged, or takes too many steps to read; write it again"
    try:
        descriptor = open_regular(path)
        try:
            address = f"file:{quote(name_of(descriptor, path))}?mode=ro&immutable=1"
            with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as database:
                _restrict(database)
                yield TileTable(database, layer)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SourceUnavailable.of_file("the file of its tile index cannot be opened by this server") from error
    except (sqlite3.Error, ET.ParseError, shapely.GEOSException, TypeError, ValueError, struct.error) as error:
        raise SourceUnavailable.of_file(damaged) from error


def is_unfinished(path: str) -> bool:
    """Tell whether a journal beside a GeoPackage holds changes, without which it says something old or mixed."""
    for suffix in ("-journal", "-wal"):
        try:
            with os.fdopen(open_regular(path + suffix), "rb") as file:
                if file.read(1).strip(b"\0"):  # a journal that begins with 0 is done with
                    return True
        except FileNotFoundError:
            continue
    return False


def _restrict(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_CELL_BYTES)
    steps = count(1)
    database.set_progress_handler(lambda: next(steps) > _MAX_STEPS, _STEP)
    database.set_authorizer(_allowed)


def _allowed(action: int, subject: str | None, _more: str | None, _schema: str | None, _inside: str | None) -> int:
    """Allow reads of columns: no functions, which a view or a column that is computed could call, and no writes."""
    is_read = action in {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
    is_read |= action == sqlite3.SQLITE_PRAGMA and subject == "table_info"
    return sqlite3.SQLITE_OK if is_read else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bounds_of(blob: object) -> Extent | None:
    """Return the extent of a footprint, None for one that is empty."""
    if not isinstance(blob, bytes) or blob[:2] != b"GP" or len(blob) < 8:
        raise ValueError("no footprint of a GeoPackage")
    flags = blob[3]
    if flags & 0x10:
        return None
    kind = flags >> 1 & 7
    if kind:
        west, east, south, north = struct.unpack_from("<4d" if flags & 1 else ">4d", blob, 8)
        return west, south, east, north
    bounds = shapely.from_wkb(blob[8 + _ENVELOPE_BYTES[kind] :]).bounds
    return (bounds[0], bounds[1], bounds[2], bounds[3]) if len(bounds) == 4 and bounds[0] == bounds[0] else None
