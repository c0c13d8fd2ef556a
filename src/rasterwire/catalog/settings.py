"""What an operator sets of a catalog: under which prefix its images are, and where they come from.

In the config file each catalog is a table ``[[catalogs]]``, whose names are those of ``CatalogSettings``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from odc.geo.crs import CRS
from pyproj.exceptions import CRSError

from rasterwire.catalog.band_names import BandNames, NamedBy
from rasterwire.errors import Violations
from rasterwire.files.beside import FormatOptions
from rasterwire.files.sources.settings import OBJECT_SCHEMES
from rasterwire.tables import read_values, wrong_setting

__all__ = [
    "CATALOG_OF_INDEX",
    "CatalogKind",
    "CatalogSettings",
    "FormatChoice",
    "format_options",
    "is_index_source",
    "is_sqlite",
    "read_catalogs",
]


class CatalogKind(StrEnum):
    """What a catalog is read from."""

    FOLDER = "folder"
    INDEX = "index"
    STAC_API = "stac-api"


class FormatChoice(StrEnum):
    """Files that are read only where the operator says so."""

    SIBLINGS = "siblings"
    WORLDFILES = "worldfiles"
    VRT = "vrt"
    GTI = "gti"


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """Of one catalog of several.

    Attributes:
        kind: ``folder``, ``index`` or ``stac-api``.
        source: the folder; the file of an index, ending with ``.sqlite``; what an index is made of: an absolute path or
            a URL of a STAC catalog or a stac-geoparquet file, or the address of a bucket or of a part of its keys;
            or the address of the landing page of an API.
        prefix: of the ids of its images, such as ``COPERNICUS/S2_SR``; their own ids follow behind a slash. By default
            they have none.
        collection: the one whose images are served, under the prefix alone; or a list of those whose images are, under
            the prefix and the name of the collection. By default the images of all; a STAC API needs it.
        bands: how bands of STAC items are named: ``asset``, by the key of their asset; ``eo:name`` or ``common-name``,
            by the name or the common name that the document gives the only band of an asset; or a table of names by
            the keys of assets.
        formats: what is read of a folder besides rasters that need no other file: ``siblings``, the ``.ovr``, ``.msk``
            and ``.aux.xml`` files beside a raster; ``worldfiles``, PNG and JPEG files with a world file; ``vrt``, VRT
            files that name rasters of the folder; ``gti``, GDAL's raster tile indexes that do.
        crs: of PNG and JPEG files for which no file beside them names one, such as ``EPSG:25832``.
    """

    kind: CatalogKind
    source: str
    prefix: str = ""
    collection: str | tuple[str, ...] = ""
    bands: BandNames = field(default_factory=BandNames)
    formats: tuple[FormatChoice, ...] = ()
    crs: str = ""

    @property
    def is_index_file(self) -> bool:
        """Whether the source is the file of an index, and not what one is made of."""
        return self.kind is CatalogKind.INDEX and self.source.endswith(".sqlite")

    @property
    def roots(self) -> tuple[tuple[str, str], ...]:
        """The prefix and the name of each collection whose images are served; the name is "" for all."""
        if isinstance(self.collection, str):
            return ((self.prefix, self.collection),)
        return tuple((f"{self.prefix}/{name}".strip("/"), name) for name in self.collection)


def format_options(catalogs: Sequence[CatalogSettings]) -> dict[str, FormatOptions]:
    """Return what is read of each folder for which an operator chose anything; see ``files.beside.configure``."""
    return {
        str(Path(settings.source).expanduser()): FormatOptions(
            siblings=FormatChoice.SIBLINGS in settings.formats,
            worldfiles=FormatChoice.WORLDFILES in settings.formats,
            vrt=FormatChoice.VRT in settings.formats,
            gti=FormatChoice.GTI in settings.formats,
            crs=settings.crs,
        )
        for settings in catalogs
        if settings.formats
    }


_prefix = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*)?", re.ASCII)
_code = re.compile(r"[A-Z]{2,10}:[0-9A-Za-z]{1,10}", re.ASCII)
_address = re.compile(r"https?://[^\s/?#@\\]+(?:/[^\s?#@\\]*)?")

_MAX_TEXT = 500
"""Characters of a value in a message or of a name."""


def read_catalogs(tables: object, violations: Violations) -> tuple[CatalogSettings, ...]:
    """Return the settings of all catalogs that are correct.

    Args:
        tables: the value of ``catalogs`` in the config file.
        violations: gets everything that is wrong, each with the path of its setting.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        violations.add(wrong_setting("catalogs", "it is not a list; write each catalog as a table [[catalogs]]"))
        return ()
    catalogs: list[CatalogSettings] = []
    path_by_root: dict[str, str] = {}
    formats_by_folder: dict[str, tuple[object, str]] = {}
    for number, table in enumerate(tables):
        path = f"catalogs[{number}]"
        if not isinstance(table, Mapping):
            violations.add(wrong_setting(path, "it is not a table; write each catalog as a table [[catalogs]]"))
            continue
        problems = Violations()
        settings = _read_catalog(table, path, problems)
        for root, _ in settings.roots if settings else ():
            if root in path_by_root:
                problems.add(
                    wrong_setting(
                        f"{path}.prefix", f"{path_by_root[root]} has the ids under {root!r}; set another prefix"
                    )
                )
            path_by_root.setdefault(root, path)
        if settings is not None and settings.kind is CatalogKind.FOLDER:
            formats = {*settings.formats}, settings.crs
            if formats_by_folder.setdefault(settings.source, formats) != formats:
                problems.add(
                    wrong_setting(f"{path}.formats", "a catalog above has other formats of this folder; repeat them")
                )
        violations.items.extend(problems.items)
        if settings is not None and not problems.items:
            catalogs.append(settings)
    return tuple(catalogs)


def _read_catalog(table: Mapping[object, object], path: str, violations: Violations) -> CatalogSettings | None:
    values = read_values(table, _readers, path, violations)
    for name, remedy in (("kind", f"set one of {_kinds}"), ("source", "set the folder or address of its images")):
        if name not in table:
            violations.add(wrong_setting(f"{path}.{name}", f"it is not set; {remedy}"))
    if not {"kind", "source"} <= set(values):
        return None
    settings = CatalogSettings(**values)
    for name, description in _misfits(settings, table):
        violations.add(wrong_setting(f"{path}.{name}", description))
    # where its prefix is wrong, it is held against no other
    return settings if "prefix" in values or "prefix" not in table else None


def _misfits(settings: CatalogSettings, table: Mapping[object, object]) -> Iterator[tuple[str, str]]:
    """Yield each setting that a catalog of its kind cannot have, and why."""
    source = repr(settings.source[:_MAX_TEXT])
    if settings.kind is CatalogKind.FOLDER and not Path(settings.source).expanduser().is_dir():
        remedy = (
            'set kind = "index"' if is_index_source(Path(settings.source)) else "name the one that holds the images"
        )
        yield "source", f"{source} is not a folder; {remedy}"
    if settings.formats and settings.kind is not CatalogKind.FOLDER:
        yield "formats", "only a catalog of the kind folder has it; delete it"
    if settings.crs and FormatChoice.WORLDFILES not in settings.formats:
        yield "crs", 'it is of PNG and JPEG files; add formats = ["worldfiles"], or delete it'
    if settings.kind is CatalogKind.INDEX:
        yield from _misfits_of_index(settings.source)
    if settings.kind is CatalogKind.STAC_API:
        if not _address.fullmatch(settings.source):
            # not shown: it may have a password
            yield "source", "it is no address; write it like https://stac.example.org/v1, without a user or a query"
        if not settings.collection and "collection" not in table:
            yield "collection", "it is not set; name a collection of the API, or a list of them"


def _misfits_of_index(source: str) -> Iterator[tuple[str, str]]:
    is_remote = "://" in source
    path = Path(source).expanduser()
    if source.endswith(".sqlite") and (is_remote or not path.is_file()):
        yield "source", "there is no such index on this machine; make it with rasterwire index"
    elif source.endswith(".sqlite"):
        if path.stat().st_size and not is_sqlite(path):
            yield "source", f"{source[:_MAX_TEXT]!r} is no index; make it with rasterwire index"
    elif is_remote:
        scheme, _, rest = source.partition("://")
        if scheme in OBJECT_SCHEMES and not rest.endswith("/") and "." not in rest.rpartition("/")[2]:
            yield "source", "it is no document; a bucket or a part of its keys ends with a slash"
    elif not (path.is_absolute() and path.exists()):
        yield "source", f"{source[:_MAX_TEXT]!r} is neither a URL nor an absolute path of what there is; write one"
    elif is_sqlite(path):
        yield "source", f"{source[:_MAX_TEXT]!r} is an index whose name does not end with .sqlite; rename the file"


CATALOG_OF_INDEX = 'write it as a table [[catalogs]] with kind = "index" and its source'
"""What to do with the source of an index where a folder was to be named."""


def is_index_source(path: Path) -> bool:
    """Tell whether a path that is no folder is an index, stac-geoparquet, or a URL: what catalogs of indexes have.

    >>> [is_index_source(Path(name)) for name in ("a.sqlite", "s3://eo/2024/", "a.tif", "/eo/2024")]
    [True, True, False, False]
    """
    is_url = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(path)) is not None  # a path has no second slash
    return is_url or path.suffix.lower() in {".sqlite", ".parquet", ".geoparquet"} or is_sqlite(path)


def is_sqlite(path: Path) -> bool:
    """Tell whether a file of this machine is a database of SQLite, as indexes are."""
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _read_prefix(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not _prefix.fullmatch(value):
        raise ValueError(
            f"{_shown(value)} is no prefix of ids; write letters, digits and . _ - with slashes between them, such as"
            " COPERNICUS/S2_SR"
        )
    return value


def _read_kind(value: object) -> CatalogKind:
    try:
        return CatalogKind(str(value))
    except ValueError:
        raise ValueError(f"{_shown(value)} is no kind of catalog; set one of {_kinds}") from None


def _read_source(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it is no text; set the folder or address of the images")
    return value


def _read_collection(value: object) -> str | tuple[str, ...]:
    names: list[Any] = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and 0 < len(name) <= _MAX_TEXT for name in names):
        raise ValueError(f"{_shown(value)} is no name of a collection; write one, or a list of them")
    if len(set(names)) < len(names):
        raise ValueError(f"{_shown(value)} names a collection twice; delete one of the two")
    return value if isinstance(value, str) else tuple(names)


def _read_bands(value: object) -> BandNames:
    if isinstance(value, str) and value in set(NamedBy):
        return BandNames(NamedBy(value))
    if not isinstance(value, dict) or not value or not all(isinstance(name, str) and name for name in value.values()):
        kinds = ", ".join(NamedBy)
        raise ValueError(f"{_shown(value)} is no rule; set one of {kinds}, or a table of names by the keys of assets")
    doubled = sorted({name for name in value.values() if list(value.values()).count(name) > 1})
    if doubled:
        raise ValueError(f"it gives several assets the name {_shown(doubled[0])}; the names have to differ")
    return BandNames(table=dict(value))


def _read_formats(value: object) -> tuple[FormatChoice, ...]:
    known = ", ".join(FormatChoice)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{_shown(value)} is no list of formats; write those to read of {known}, or delete it")
    unknown = next((name for name in value if name not in set(FormatChoice)), None)
    if unknown is not None:
        raise ValueError(f"{_shown(unknown)} is no format that can be chosen; set some of {known}")
    return tuple(FormatChoice(name) for name in value)


def _read_crs(value: object) -> str:
    if not isinstance(value, str) or not _code.fullmatch(value):
        raise ValueError(f"{_shown(value)} is no code of a crs; write one such as EPSG:25832")
    try:
        CRS(value)
    except CRSError:
        raise ValueError(f"{value} is not a crs that this server knows; write another code") from None
    return value


def _shown(value: object) -> str:
    return repr(value)[:_MAX_TEXT]


_kinds = ", ".join(CatalogKind)

_readers: dict[str, Callable[[object], object]] = {
    "prefix": _read_prefix,
    "kind": _read_kind,
    "source": _read_source,
    "collection": _read_collection,
    "bands": _read_bands,
    "formats": _read_formats,
    "crs": _read_crs,
}
