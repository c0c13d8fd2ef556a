"""The catalog of a folder with rasters and STAC documents."""

import weakref
from collections.abc import Iterator
from pathlib import Path

from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.band_names import BandNames
from rasterwire.catalog.entry import Disagreement
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest.watch import FolderIndex
from rasterwire.catalog.tree import scan
from rasterwire.catalog.unserved import Unserved, find_unserved
from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["FolderCatalog"]


class FolderCatalog:
    """Images of a folder: STAC items, and plain folders of GeoTIFF and JPEG 2000 files.

    Files may be added, replaced and removed at any time. What is in the folder is kept in an index: of a small folder
    by the call that finds it too old, of a large one in the background. The modules ``stac`` and ``folder_images``
    define what becomes an image, and ``bands`` defines the names of its bands. Safe to use from several threads.
    """

    def __init__(
        self, root: Path, refresh_seconds: float = 3.0, index: Path | None = None, bands: BandNames | None = None
    ) -> None:
        """Set the folder. Nothing is read before the first call of a method.

        Args:
            root: the folder.
            refresh_seconds: how old an answer may be. Those of a large folder are a few seconds old at most.
            index: file of the index, which several processes may share, with others beside it; None makes a temporary
                one. Of a large folder with an index, the first answer may be as old as the index.
            bands: how the bands of STAC items are named; by their assets if not given.
        """
        self._root = root
        self._bands = bands
        self._index = FolderIndex(root, refresh_seconds, index)
        self._catalog: IndexCatalog | None = None
        weakref.finalize(self, self._index.close)

    def close(self) -> None:
        """Stop looking at the folder, and close the index."""
        self._index.close()

    def get(self, image_id: str) -> Image:
        """Return an image, with its bands as the headers of its files describe them.

        Raises:
            ImageNotFound: the catalog has no image of that id.
            SourceUnavailable: all of its files are missing or cannot be opened. Where only some are, the
                image has the bands of the others, and ``unreadable`` gives the problems.
        """
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
        """Return an id that may be meant by one that there is not, "" for none."""
        return self._indexed().close_id(image_id)

    def image_count(self) -> int:
        """Return how many images there are.

        Raises:
            SourceUnavailable: the folder is not there.
        """
        return self.count(Query()) or 0

    def without_rasters(self) -> list[str]:
        """Return the ids of the images that documents describe, and none of whose rasters is in the folder.

        Raises:
            SourceUnavailable: the folder is not there.
        """
        return self._index.store().without_files()

    def check(self) -> Iterator[Disagreement]:
        """Open every raster, and yield each difference between the documents and the files.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        yield from self._indexed().check()  # not its iterator: that would not keep the index open

    def unserved(self) -> list[Unserved]:
        """Return the files and assets that the catalog finds but does not serve. It opens no raster.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        return list(find_unserved(scan(self._root), self._index.store().entries()))

    def _indexed(self) -> IndexCatalog:
        """Return the catalog of the index, as fresh as it is to be."""
        store = self._index.store()
        catalog = self._catalog
        if catalog is None or catalog.store is not store:
            catalog = self._catalog = IndexCatalog(store, self._bands)
        return catalog
