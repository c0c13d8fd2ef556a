"""Tile indexes of an operator: GDAL's GTI files, which are read where the catalog of their folder says so.

GDAL never sees such a file: its fields can name any file or address, and it can hold SQL. It is read here, and becomes
a VRT that the server writes; see ``tile_mosaic``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree as ET

from rasterwire.errors import SourceUnavailable
from rasterwire.files.bounded_xml import read_xml
from rasterwire.files.byte_reader import version_of
from rasterwire.files.tile_table import UNFINISHED, Extent, is_unfinished, opened_table
from rasterwire.files.virtual_file import NAMES_OTHERS

__all__ = ["TileIndex", "is_tile_index_name", "read_tile_index", "stem_of_tile_index"]

_SUFFIXES = (".gti", ".gti.gpkg")

_DATABASE = b"SQLite format 3\0"

_aliases = {
    "BANDCOUNT": "BAND_COUNT",
    "DATATYPE": "DATA_TYPE",
    "NODATAVALUE": "NODATA",
    "COLORINTERP": "COLOR_INTERPRETATION",
    "LOCATIONFIELD": "LOCATION_FIELD",
    "SORTFIELD": "SORT_FIELD",
    "SORTFIELDASC": "SORT_FIELD_ASC",
    "MASKBAND": "MASK_BAND",
}
"""Names of elements in capitals, with the names of the same settings in metadata."""

_settings = {
    *("BAND_COUNT", "DATA_TYPE", "NODATA", "COLOR_INTERPRETATION", "LOCATION_FIELD", "SORT_FIELD", "SORT_FIELD_ASC"),
    *("MASK_BAND", "RESX", "RESY", "MINX", "MINY", "MAXX", "MAXY", "XSIZE", "YSIZE", "GEOTRANSFORM", "SRS"),
    *("RESAMPLING", "BLOCKXSIZE", "BLOCKYSIZE", "INTERLEAVE", "INDEXDATASET", "INDEXLAYER"),
}

_left_out = {"METADATA", "OVERVIEW"}
"""Elements without which the pixels of the full resolution are the same."""

_refused = ("SQL", "SPATIAL_SQL", "FILTER")

_settings_of_bands = {"DESCRIPTION", "OFFSET", "SCALE", "UNITTYPE", "NODATAVALUE", "COLORINTERP"}

_left_out_of_bands = {"METADATA", "CATEGORYNAMES", "COLORTABLE", "GDALRASTERATTRIBUTETABLE", "HISTOGRAMS"}


@dataclass(frozen=True, slots=True)
class TileIndex:
    """What is taken of a tile index.

    Attributes:
        settings: texts, by the names of GDAL's items of metadata.
        bands: texts of what is said of each band, by the names of elements in capitals; empty where nothing is.
        sources: absolute paths of the tiles. They may be anywhere, or missing.
        order: numbers of sources, in the order of painting.
        first: number of the source of the first row, of which is taken what is not set; None for none.
        extent: of the layer.
        crs: of the tiles, as a code or WKT; "" for none.
        table: path of the file that lists the tiles, where it is not the index itself; else "".
    """

    settings: Mapping[str, str]
    bands: tuple[Mapping[str, str], ...]
    sources: tuple[str, ...]
    order: tuple[int, ...]
    first: int | None
    extent: Extent
    crs: str
    table: str = ""


def is_tile_index_name(name: str) -> bool:
    """Return whether a file name is that of a tile index."""
    return name.lower().endswith(_SUFFIXES)


def stem_of_tile_index(name: str) -> str:
    """Return the name of a tile index without its extension.

    >>> stem_of_tile_index("a/dem.gti.gpkg"), stem_of_tile_index("dem.GTI")
    ('a/dem', 'dem')
    """
    suffix = next(suffix for suffix in reversed(_SUFFIXES) if name.lower().endswith(suffix))
    return name[: -len(suffix)]


def read_tile_index(path: str, folder: str) -> TileIndex:
    """Return what a tile index holds in its present version.

    Args:
        path: of the file, absolute, links resolved.
        folder: in which the file that lists the tiles has to be, with a slash at its end.

    Raises:
        SourceUnavailable: it cannot be read, is too large, or holds what is not taken.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            is_database = file.read(len(_DATABASE)) == _DATABASE
        version = version_of(os.stat(path))  # noqa: PTH116  Path.stat takes twice the time
        if is_database:
            contents = UNFINISHED if is_unfinished(path) else _listed("", path, version, "")
        else:
            contents = _of_document(path, folder, version)
    except (OSError, ValueError) as error:
        raise SourceUnavailable.of_file("the file cannot be opened by this server") from error
    if isinstance(contents, str):
        raise SourceUnavailable.of_file(contents)
    return contents


def _of_document(path: str, folder: str, version: str) -> TileIndex | str:
    document = _document(path, version)
    if isinstance(document, str):
        return document
    table = os.path.realpath(os.path.join(path.rpartition("/")[0], document[0]["INDEXDATASET"]))  # noqa: PTH118
    try:
        if not table.startswith(folder):
            return NAMES_OTHERS
        table_version = version_of(os.stat(table))  # noqa: PTH116
        if is_unfinished(table):  # not remembered: the table may be the same when it is finished
            return UNFINISHED
    except OSError:
        return NAMES_OTHERS
    return _listed(path, table, table_version, version)


@lru_cache(maxsize=256)
def _document(path: str, _version: str) -> tuple[dict[str, str], tuple[dict[str, str], ...]] | str:
    """Return the settings of a tile index in XML and those of its bands, or the problem."""
    try:
        root = read_xml(path, "tile index")
        if root.tag != "GDALTileIndexDataset":
            return "it is no tile index; make it again with gdaltindex"
        settings = _texts(root, _aliases, _settings, _left_out | {"BAND"})
        bands = []
        for number, band in enumerate((child for child in root if child.tag.upper() == "BAND"), 1):
            attributes = {name.upper(): text for name, text in band.attrib.items()}
            if attributes.pop("BAND", "") != str(number) or set(attributes) - {"DATATYPE"}:
                return (
                    "it is a tile index whose bands are not numbered from 1, or have other attributes; write it again"
                )
            bands.append(attributes | _texts(band, {}, _settings_of_bands, _left_out_of_bands, has_attributes=True))
    except SourceUnavailable as error:
        return error.problem
    except (ET.ParseError, ValueError, LookupError):
        return "it is a damaged tile index; make it again with gdaltindex"
    if not settings.get("INDEXDATASET") or "\0" in settings["INDEXDATASET"]:
        return "it is a tile index that names no IndexDataset; write it again"
    return settings, tuple(bands)


def _texts(
    element: ET.Element,
    aliases: Mapping[str, str],
    allowed: set[str],
    left_out: set[str],
    *,
    has_attributes: bool = False,
) -> dict[str, str]:
    """Return the texts of the elements within one, by their names.

    Raises:
        SourceUnavailable: one is not known.
    """
    texts = {}
    for child in element:
        name = aliases.get(child.tag.upper(), child.tag.upper())
        if name in left_out:
            continue
        if name not in allowed or len(child) or child.attrib or name in texts:
            raise SourceUnavailable.of_file(_unknown(f"{child.tag}"))
        texts[name] = child.text or ""
    if element.attrib and not has_attributes:
        raise SourceUnavailable.of_file(_unknown(f"the attribute {next(iter(element.attrib))}"))
    return texts


@lru_cache(maxsize=256)
def _listed(document_path: str, table_path: str, _version: str, document_version: str) -> TileIndex | str:
    """Return the index of a document, "" for none, and of a table; or the problem."""
    document = _document(document_path, document_version) if document_path else ({}, ())
    if isinstance(document, str):
        return document
    xml_settings, bands = document
    try:
        with opened_table(table_path, xml_settings.get("INDEXLAYER", "")) as table:
            # GDAL looks for these under the names of elements, also in metadata, where a document is open
            hidden = {*_aliases.values()} if document_path else set[str]()
            settings = {name: text for name, text in table.settings.items() if name not in hidden} | xml_settings
            for name in _refused:
                if name in settings:
                    return _unknown(name)
            location = settings.get("LOCATION_FIELD", "location")
            tiles = table.tiles(location, settings.get("SORT_FIELD", ""))
            first = _path_of(table.first(location), document_path or table_path)
            extent, crs = table.extent(), table.crs
    except SourceUnavailable as error:
        return error.problem
    is_ascending = settings.get("SORT_FIELD_ASC", "YES").strip().upper() not in {"NO", "FALSE", "OFF", "0"}
    places = [_comparable(place) for _, place in tiles]
    rows = sorted(range(len(tiles)), key=lambda row: (places[row], row), reverse=not is_ascending)
    paths = [_path_of(name, document_path or table_path) for name, _ in tiles]
    if not all(path.startswith("/") and not path.startswith("/vsi") for path in paths):
        return NAMES_OTHERS
    numbers = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    return TileIndex(
        settings=settings,
        bands=bands,
        sources=tuple(numbers),
        order=tuple(numbers[paths[row]] for row in rows),
        first=numbers.get(first),
        extent=extent,
        crs=settings.get("SRS", crs),
        table=table_path if document_path else "",
    )


def _path_of(name: str, index: str) -> str:
    """Return the path of a tile; "" for a name that is none."""
    if not name or "\0" in name or "://" in name or name.startswith("<"):
        return ""
    return name if name.startswith("/") else f"{index.rpartition('/')[0]}/{name}"


def _comparable(place: object) -> tuple[float | bytes, ...]:
    """Return a sort key: texts are compared by their bytes, as in C."""
    if isinstance(place, str):
        return (place.encode(errors="surrogatepass"),)
    return (place,) if isinstance(place, (int, float)) else ()


def _unknown(what: str) -> str:
    return f"it is a tile index with {what[:80]}, which is not read; make a VRT of its files with gdalbuildvrt"
