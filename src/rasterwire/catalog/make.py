"""The catalog of a process, made of its settings."""

import os
from collections.abc import Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

from rasterwire.catalog import Catalog
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.followed import FollowedCatalog
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest.build import SourceKind, kind_of
from rasterwire.catalog.prefixed import Member, PrefixedCatalog
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.errors import Violation, Violations
from rasterwire.files.sources import is_covered
from rasterwire.tables import wrong_setting

__all__ = ["check_packages", "check_sources", "folder_index", "make_catalog", "source_index"]


def folder_index(indexes: Path, prefix: str, formats: Sequence[str] = ()) -> Path:
    """Return the file of the index of a folder.

    Args:
        indexes: the folder of all indexes of a server.
        prefix: of the ids of its images.
        formats: that the operator chose; with others, other files are images.
    """
    return indexes / f"{'+'.join(('folder', *sorted(formats)))}-{prefix.replace('/', '~')}.sqlite"


def make_catalog(folder: Path | None, catalogs: Sequence[CatalogSettings], indexes: Path) -> Catalog:
    """Return the catalog of a server. Nothing is read now; indexes of sources elsewhere are read in the background.

    Args:
        folder: whose images have no prefix; None for none.
        catalogs: others.
        indexes: where the indexes of folders are kept.

    Raises:
        InvalidRequest: a package is missing; names all of these at once.
        SourceUnavailable: an index cannot be opened.
    """
    unprefixed = [] if folder is None else [Member("", FolderCatalog(folder, index=folder_index(indexes, "")))]
    if unprefixed and not catalogs:
        return unprefixed[0].catalog
    check_packages(catalogs)
    return PrefixedCatalog([*unprefixed, *(member for settings in catalogs for member in _members(settings, indexes))])


def check_packages(catalogs: Sequence[CatalogSettings]) -> None:
    """Check that the packages are there that catalogs need.

    Raises:
        InvalidRequest: some are not; names all of these at once.
    """
    violations = Violations()
    for number, settings in enumerate(catalogs):
        if missing := _missing_package(settings):
            violations.add(Violation(f"catalogs[{number}].source", "PACKAGE_MISSING", missing))
    violations.raise_if_any()


def check_sources(catalogs: Sequence[CatalogSettings]) -> None:
    """Check that this process may read what indexes are made of, but for STAC APIs, which are asked without a source.

    Raises:
        InvalidRequest: no source covers some of them; names all of these at once.
    """
    violations = Violations()
    for number, settings in enumerate(catalogs):
        if settings.kind is not CatalogKind.INDEX or settings.is_index_file or "://" not in settings.source:
            continue
        kind = kind_of(settings.source)
        address = settings.source.rstrip("/") + "/" if kind is SourceKind.BUCKET else settings.source
        if kind is not SourceKind.API and not is_covered(address):
            scheme, _, rest = address.partition("://")
            prefix = f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/"
            problem = f"no table [[sources]] covers it, so that it cannot be read; add one with prefix = {prefix!r}"
            violations.add(wrong_setting(f"catalogs[{number}].source", problem))
    violations.raise_if_any()


def _missing_package(settings: CatalogSettings) -> str:
    if settings.kind is CatalogKind.FOLDER or settings.is_index_file:
        return ""
    needed = {SourceKind.API: ("pystac_client", "remote"), SourceKind.GEOPARQUET: ("stac_geoparquet", "geoparquet")}
    kind = SourceKind.API if settings.kind is CatalogKind.STAC_API else kind_of(settings.source)
    package, extra = needed.get(kind, ("", ""))
    if not package or find_spec(package) is not None:
        return ""
    return f"the source needs {package.replace('_', '-')}; install it with pip install '.[{extra}]' in the clone"


def _members(settings: CatalogSettings, indexes: Path) -> list[Member]:
    match settings.kind:
        case CatalogKind.STAC_API:
            # Late: what a server without such catalogs does not need.
            from rasterwire.catalog.stac_api.catalog import StacApiCatalog
            from rasterwire.catalog.stac_api.connection import ApiConnection

            connection = ApiConnection(settings.source)
            return [
                Member(root, StacApiCatalog(connection, collection, settings.bands))
                for root, collection in settings.roots
            ]
        case CatalogKind.FOLDER:
            path = folder_index(indexes, settings.prefix, settings.formats)
            folder = FolderCatalog(Path(settings.source).expanduser(), index=path, bands=settings.bands)
            return [Member(root, folder, collection) for root, collection in settings.roots]
        case CatalogKind.INDEX:
            index = _index(settings, indexes)
            return [Member(root, index, collection) for root, collection in settings.roots]


def source_index(settings: CatalogSettings, indexes: Path) -> Path:
    """Return the file of an index: one that ``rasterwire index`` made, else one that the server makes and keeps."""
    if settings.is_index_file:
        return Path(settings.source).expanduser()
    # its name tells of its source too, so that another source under this prefix has an index of its own
    name = f"{settings.prefix.replace('/', '~')}-{blake2b(settings.source.encode(), digest_size=6).hexdigest()}"
    return indexes / f"source-{name}.sqlite"


def _index(settings: CatalogSettings, indexes: Path) -> Catalog:
    path = source_index(settings, indexes)
    if settings.is_index_file:
        return IndexCatalog(IndexStore(path, read_only=not os.access(path, os.W_OK)), settings.bands)
    return FollowedCatalog(settings.source, path, settings.bands, settings.prefix)
