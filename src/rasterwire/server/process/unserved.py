"""One line for the operator at start: what the catalog's folder holds and no request reaches."""

import logging
import threading
from pathlib import Path

from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.unserved import summary
from rasterwire.errors import DownloadError

_log = logging.getLogger("rasterwire.server")


def tell_unserved(folder: Path) -> None:
    """Log how many files and assets of a catalog's folder are not served, by kind; nothing where all are."""
    try:
        unserved = summary(FolderCatalog(folder).unserved())
    except DownloadError as error:
        _log.warning("catalog: %s", error)
        return
    if unserved:
        _log.warning("not served of %s: %s; rasterwire images FOLDER --check names each", folder, unserved)


def tell_unserved_meanwhile(folder: Path) -> None:
    """See ``tell_unserved``; a server does not wait for it, since a large folder takes seconds."""
    threading.Thread(target=tell_unserved, args=(folder,), name="rasterwire-unserved", daemon=True).start()
