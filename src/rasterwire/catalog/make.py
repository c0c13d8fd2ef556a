"""The catalog of a process, made of its settings."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rasterwire.catalog import Catalog
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.prefixed import Member, PrefixedCatalog
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.errors import Violation, Violations

__all__ = ["folder_index", "make_catalog"]


def folder_index(indexes: Path, prefix: str) -> Path:
    """Return the file of the index of a folder.

    Args:
        indexes: the folder of all indexes of a server.
        prefix: of the ids of its images.
    """
    return indexes / f"folder-{prefix.replace('/', '~')}.sqlite"


def make_catalog(folder: Path | None, catalogs: Sequence[CatalogSettings], indexes: Path) -> Catalog:
    """Return the catalog of a server; nothing is read, and no server is asked.

    Args:
        folder: whose images have no prefix; None for none.
        catalogs: others.
        indexes: where the indexes of folders are kept.

    Raises:
        InvalidRequest: a package is missing; names all of these at once.
    """
    own = [] if folder is None else [Member("", FolderCatalog(folder, index=folder_index(indexes, "")))]
    if own and not catalogs:
        return own[0].catalog
    violations = Violations()
    members = list(own)
    for number, settings in enumerate(catalogs):
        missing = _missing_package(settings)
        if missing:
            violations.add(Violation(f"catalogs[{number}].kind", "PACKAGE_MISSING", missing))
        else:
            members.extend(_members(settings, indexes))
    violations.raise_if_any()
    return PrefixedCatalog(members)


def _missing_package(settings: CatalogSettings) -> str:
    if settings.kind is CatalogKind.STAC_API and find_spec("pystac_client") is None:
        return "'stac-api' needs pystac-client; install it with pip install 'rasterwire[remote]'"
    return ""


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
        case CatalogKind.FOLDER | CatalogKind.INDEX:
            path = folder_index(indexes, settings.prefix)
            catalog = FolderCatalog(Path(settings.source).expanduser(), index=path)
            return [Member(root, catalog, collection) for root, collection in settings.roots]
