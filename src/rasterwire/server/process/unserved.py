"""For the operator at start: how many images the catalog's folder holds, and what of it no request reaches."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.make import make_catalog
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.catalog.unserved import AN_IMAGE, count_text, summary
from rasterwire.errors import DownloadError
from rasterwire.query import Query
from rasterwire.units import plural_text

_SAMPLE = 20
"""Images of a catalog that are looked at."""

_log = logging.getLogger("rasterwire.server")


def tell_unserved(folder: Path, index: Path | None = None) -> None:
    """Log how many images a catalog's folder has, and how many files and assets are not served, by kind, if any.

    Args:
        folder: of the catalog.
        index: of the folder; see ``FolderCatalog``.
    """
    catalog = FolderCatalog(folder, index=index)
    try:
        images, without = catalog.image_count(), len(catalog.without_rasters())
        unserved = summary(catalog.unserved())
    except DownloadError as error:
        _tell_failure("catalog", error)
        return
    finally:
        catalog.close()
    counts = count_text(images, without)
    if not images:
        _log.warning("no images in %s: %s", folder, AN_IMAGE)
    elif without:
        _log.warning("%s in %s; rasterwire images FOLDER --check names what is missing", counts, folder)
    else:
        _log.info("%s in %s", counts, folder)
    if unserved:
        _log.warning("not served of %s: %s; rasterwire images FOLDER --check names each", folder, unserved)


def tell_unserved_meanwhile(folders: Mapping[Path, Path]) -> None:
    """See ``tell_unserved``, for folders with their indexes; a server does not wait: large ones take seconds."""

    def tell() -> None:
        for folder, index in folders.items():
            tell_unserved(folder, index)

    threading.Thread(target=tell, name="rasterwire-unserved", daemon=True).start()


def tell_unread(settings: CatalogSettings, indexes: Path) -> None:
    """Log where no raster of the first images of a catalog can be opened, or the catalog cannot be reached."""
    name = settings.prefix or "without a prefix"
    try:
        images = make_catalog(None, [settings], indexes).find(Query(), size=_SAMPLE).images
    except DownloadError as error:
        _tell_failure(f"catalog {name}", error)
        return
    if images and all(image.without_rasters for image in images):
        _log.warning(
            "catalog %s: of %s looked at, none has a raster at an address that a table [[sources]] of the "
            "config file covers; downloads of them are refused",
            name,
            plural_text(len(images), "image"),
        )


def tell_unread_meanwhile(catalogs: Sequence[CatalogSettings], indexes: Path) -> None:
    """See ``tell_unread``, for STAC APIs and indexes that are there; a server does not wait for them."""
    looked_at = [each for each in catalogs if each.kind is CatalogKind.STAC_API or each.is_index_file]

    def tell() -> None:
        for settings in looked_at:
            tell_unread(settings, indexes)

    threading.Thread(target=tell, name="rasterwire-unread", daemon=True).start()


def _tell_failure(subject: str, error: DownloadError) -> None:
    if threading.main_thread().is_alive():  # else the process ends, for which catalogs are closed
        _log.warning("%s: %s", subject, error)
