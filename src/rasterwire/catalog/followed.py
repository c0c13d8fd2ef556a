"""The catalog of an index that is made of a source elsewhere, and made like it again from time to time."""

import logging
import threading
import time
import weakref
from pathlib import Path

from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.band_names import BandNames
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest import Summary
from rasterwire.catalog.ingest.build import IndexInUse, SourceKind, kind_of, update_index
from rasterwire.errors import CatalogUnavailable, DownloadError, SourceUnavailable
from rasterwire.image import Image
from rasterwire.query import Query
from rasterwire.units import plural_text

__all__ = ["FollowedCatalog"]

_PAUSE = 300.0
"""Seconds between two updates."""

_SAMPLE = 20
"""Images that are looked at after an update."""

_MAX_LEARNT = 4
"""Images whose rasters are opened before the next look at whether to stop, for footprints that no document gives."""

_log = logging.getLogger("rasterwire.catalog")


class FollowedCatalog:
    """Images of an index of a source. Until it is complete for the first time, every call says so.

    Of the processes that share an index, one updates it at a time.
    """

    def __init__(self, address: str, path: Path, bands: BandNames | None = None, name: str = "") -> None:
        """Set the source, and begin to read it in the background.

        Args:
            address: of a folder, a bucket, a STAC catalog, a STAC API or a stac-geoparquet file: an absolute path or a
                URL.
            path: of the index; it and its folder are made where they are not there.
            bands: how bands are named; by their assets if not given.
            name: of the catalog, for the log.
        """
        self._path = path
        self._bands = bands
        self._catalog: IndexCatalog | None = None
        self._opening = threading.Lock()
        self._updates = _Updates(address, path, name)
        self._thread = threading.Thread(target=self._updates.run, name="rasterwire-index", daemon=True)
        self._thread.start()
        weakref.finalize(self, self._updates.stop.set)

    def get(self, image_id: str) -> Image:
        """See ``Catalog.get``."""
        return self._indexed().get(image_id)

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        return self._indexed().find(query, start, size)

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``."""
        return self._indexed().count(query)

    def exists(self, collection: str) -> bool:
        """See ``Catalog.exists``."""
        return self._indexed().exists(collection)

    def close_id(self, image_id: str) -> str:
        """See ``Catalog.close_id``."""
        return self._indexed().close_id(image_id)

    def close(self) -> None:
        """Stop updating."""
        self._updates.stop.set()
        self._thread.join()

    def _indexed(self) -> IndexCatalog:
        """Return the catalog of the index.

        Raises:
            SourceUnavailable: it was never complete so far.
        """
        with self._opening:
            if self._catalog is None:
                if not self._updates.complete.exists():
                    raise CatalogUnavailable(self._updates.state)
                self._catalog = IndexCatalog(IndexStore(self._path), self._bands)
            return self._catalog


class _Updates:
    """What makes the index like the source, in a thread of its own.

    Attributes:
        complete: a file that is there when the index was complete once.
        count: documents of the update that runs.
        stop: ends it.
    """

    def __init__(self, address: str, path: Path, name: str) -> None:
        self.complete = path.with_suffix(".complete")
        self.count = 0
        self.stop = threading.Event()
        self._address = address
        self._path = path
        self._name = name
        self._last_id = ""
        self._is_unread = False
        self._problem = ""
        self._problems = ""

    @property
    def state(self) -> str:
        """What is said as long as the index was never complete."""
        if self._problem:
            return f"the index of this catalog cannot be made: {self._problem}; it is tried again every five minutes"
        return f"the index of this catalog is being made, with {plural_text(self.count, 'document')} so far; ask later"

    def run(self) -> None:
        """Update the index again and again, until told to stop."""
        while not self.stop.is_set():
            next_update = time.monotonic() + _PAUSE
            try:
                for missing in (
                    self._path.parent.parent,
                    self._path.parent,
                ):  # the mode is that of the last folder made
                    missing.mkdir(mode=0o700, parents=True, exist_ok=True)
                summary = update_index(self._address, kind_of(self._address), self._path, tell=self._tell)
                self.complete.touch()
                self._tell_unread()
            except IndexInUse:  # another process of this server is at it
                pass
            except Exception as error:  # noqa: BLE001  of a source, of which the next look may find another state
                if not self.stop.is_set():
                    self._problem = _reason(error)
                    of_catalog = f" {self._name}" if self._name else ""
                    _log.warning("the index of catalog%s could not be updated: %s", of_catalog, self._problem)
            else:
                self._problem = ""
                self._log_problems(summary)
                next_update = time.monotonic() + _PAUSE
                if kind_of(self._address) in {SourceKind.FOLDER, SourceKind.BUCKET}:
                    self._learn_footprints(next_update)
            self.stop.wait(max(0.0, next_update - time.monotonic()))

    def _log_problems(self, summary: Summary) -> None:
        """Log what is wrong with documents of the source, where it is not what was wrong with them before."""
        problems = "; ".join(filter(None, (summary.problem_text(), summary.doubles_text())))
        if problems and problems != self._problems:
            _log.warning("catalog%s: %s", f" {self._name}" if self._name else "", problems)
        self._problems = problems

    def _tell_unread(self) -> None:
        """Log once where no raster of the first images can be opened."""
        store = IndexStore(self._path)
        try:
            images, _ = store.find(Query(), "", _SAMPLE, None)
        finally:
            store.close()
        is_unread = bool(images) and all(image.without_rasters for image in images)
        if is_unread and not self._is_unread:
            _log.warning(
                "catalog %s: of %s looked at, none has a raster at an address that a table [[sources]] of"
                " the config file covers; downloads of them are refused",
                self._name,
                plural_text(len(images), "image"),
            )
        self._is_unread = is_unread

    def _learn_footprints(self, until: float) -> None:
        """Open rasters whose footprints no document gives, one after another, so that no search has to wait for all."""
        try:
            catalog = IndexCatalog(IndexStore(self._path))
        except DownloadError:  # the next update tells why
            return
        try:
            while not self.stop.is_set() and time.monotonic() < until:
                self._last_id = catalog.learn_footprints(self._last_id, _MAX_LEARNT)
                if not self._last_id:
                    return
        except DownloadError as error:
            _log.warning("footprints of a catalog could not be learnt: %s", error)
        finally:
            catalog.store.close()

    def _tell(self, count: int, _total: int | None) -> None:
        self.count = count
        if self.stop.is_set():
            raise CatalogUnavailable("the catalog was closed")


def _reason(error: Exception) -> str:
    """Return what is said of an error; texts of unknown errors may hold addresses or paths."""
    match error:
        case SourceUnavailable():
            return error.problem
        case DownloadError():
            return str(error)
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return f"unexpected {type(error).__name__}"
