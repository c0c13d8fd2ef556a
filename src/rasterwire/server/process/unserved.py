"""For the operator at start: how many images the catalog's folder holds, and what of it no request reaches."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.unserved import AN_IMAGE, count_text, summary
from rasterwire.errors import DownloadError

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
        _log.warning("catalog: %s", error)
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
