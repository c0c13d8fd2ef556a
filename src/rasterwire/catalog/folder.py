"""The catalog of a folder with rasters and STAC documents."""

import operator
import os
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.bands import assemble
from rasterwire.catalog.check import compare, missing_bands
from rasterwire.catalog.entry import Disagreement, Entry, Source
from rasterwire.catalog.header import Header, read_header
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.ingest.watch import FolderIndex
from rasterwire.catalog.tree import scan
from rasterwire.catalog.unserved import Unserved, find_unserved
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.files.raster_file import version_of
from rasterwire.geo.grid import footprint
from rasterwire.geo.region import Region
from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["FolderCatalog"]

_cached_headers = 4096
_cached_images = 1024


@dataclass(frozen=True, slots=True)
class _CachedImage:
    """An image with the entry and headers that it was assembled from. It is valid while these are the same objects."""

    entry: Entry
    headers: Sequence[Header | None]
    image: Image


class FolderCatalog:
    """Images of a folder: STAC items, and plain folders of GeoTIFF and JPEG 2000 files.

    Files may be added, replaced and removed at any time. What is in the folder is kept in an index: of a small folder
    by the call that finds it too old, of a large one in the background. The modules ``stac`` and ``folder_images``
    define what becomes an image, and ``bands`` defines the names of its bands. Safe to use from several threads.
    """

    def __init__(self, root: Path, refresh_seconds: float = 3.0, index: Path | None = None) -> None:
        """Set the folder. Nothing is read before the first call of a method.

        Args:
            root: the folder.
            refresh_seconds: how old an answer may be. Those of a large folder are a few seconds old at most.
            index: file of the index, which several processes may share, with others beside it; None makes a temporary
                one. Of a large folder with an index, the first answer may be as old as the index.
        """
        self._root = root
        self._index = FolderIndex(root, refresh_seconds, index)
        self._images: dict[str, _CachedImage] = {}
        self._header = lru_cache(maxsize=_cached_headers)(_header_of_version)
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
        entry = self._store().get(image_id)
        if entry is None:
            raise ImageNotFound(image_id)
        return self._assembled(entry)

    def _assembled(self, entry: Entry) -> Image:
        image_id = entry.id
        if not entry.sources:
            raise SourceUnavailable(image_id, band="", problem="none of its rasters is in the folder of this catalog")
        headers, failures = self._headers(entry)
        if not any(headers):
            raise failures[0]
        unreadable = (*entry.missing_assets, *((failure.band, failure.problem) for failure in failures))
        cached = self._images.get(image_id)
        is_same = cached is not None and cached.entry is entry and all(map(operator.is_, cached.headers, headers))
        if cached is not None and is_same and cached.image.unreadable == unreadable:
            return cached.image
        image = Image(
            entry.id, assemble(entry, headers), entry.start_time, entry.properties, entry.collection, unreadable
        )
        if len(self._images) >= _cached_images:
            self._images.clear()
        self._images[image_id] = _CachedImage(entry, headers, image)
        return image

    def close_id(self, image_id: str) -> str:
        """Return an id that may be meant by one that there is not, "" for none."""
        return self._store().close_id(image_id)

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
        return self._store().without_files()

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        return Page(*self._store().find(query, start, size, self._footprint))

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``."""
        return self._store().count(query, self._footprint)

    def exists(self, collection: str) -> bool:
        """See ``Catalog.exists``."""
        return self._store().exists(collection)

    def list_images(self, prefix: str, after: str, limit: int) -> Sequence[Image]:
        """Return at most ``limit`` images ordered by id, without bands. It opens no raster.

        Only ids that begin with ``prefix`` and are greater than ``after``.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        images: list[Image] = []
        while len(images) < limit:
            page = self.find(Query(prefix=prefix), after, min(limit - len(images), MAX_PAGE))
            images += page.images
            after = page.next
            if not after:
                break
        return images

    def collection(self, name: str) -> Sequence[Image]:
        """Return the images of a collection ordered by id, without bands. It opens no raster.

        An image belongs to a collection if its document names it, or if its id begins with its name and a slash.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        images: list[Image] = []
        after = ""
        while True:
            page = self.find(Query(collection=name), after)
            images += page.images
            after = page.next
            if not after:
                return images

    def check(self) -> Iterator[Disagreement]:
        """Open every raster, and yield each difference between the documents and the files.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        yield from self._store().notes()
        for entry in self._entries():
            yield from self._check_entry(entry)

    def unserved(self) -> list[Unserved]:
        """Return the files and assets that the catalog finds but does not serve. It opens no raster.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        return list(find_unserved(scan(self._root), self._entries()))

    def _entries(self) -> Iterator[Entry]:
        """Yield all entries, ordered by id."""
        start = ""
        while True:
            store = self._store()
            images, start = store.find(Query(), start)
            for image in images:
                entry = store.get(image.id)
                if entry is not None:  # not removed meanwhile
                    yield entry
            if not start:
                return

    def _store(self) -> IndexStore:
        return self._index.store()

    def _footprint(self, entry: Entry) -> Region | None:
        """Return the footprint of an image by its first band that has a crs; None where none has or can be read."""
        try:
            bands = self._assembled(entry).bands
        except SourceUnavailable:
            return None
        grid = next((band.placed for band in bands if band.placed.crs is not None), None)
        return None if grid is None else footprint(grid)

    def _check_entry(self, entry: Entry) -> Iterator[Disagreement]:
        yield from entry.notes
        headers, failures = self._headers(entry)
        for error in failures:
            yield Disagreement(
                image_id=entry.id,
                band=error.band,
                field="file",
                claim="a raster that can be read",
                value=error.problem,
            )
        for source, header in zip(entry.sources, headers, strict=True):
            if header is not None:
                yield from compare(entry, source, header)
        if not failures:
            yield from missing_bands(entry, [band.name for band in assemble(entry, headers)])

    def _headers(self, entry: Entry) -> tuple[list[Header | None], list[SourceUnavailable]]:
        """Return the header of each source, None where it cannot be read, and the errors of those."""
        headers: list[Header | None] = []
        failures = []
        for source in entry.sources:
            try:
                headers.append(self._header_of(entry, source))
            except SourceUnavailable as error:
                headers.append(None)
                failures.append(error)
        return headers, failures

    def _header_of(self, entry: Entry, source: Source) -> Header:
        """Return the header of a file in its present version.

        Raises:
            SourceUnavailable: the file cannot be read. The error names the image and the file's band or asset.
        """
        try:
            status = os.stat(source.href)  # noqa: PTH116  runs for each file of each request, and takes half the time of Path.stat
            return self._header(source.href, version_of(status))
        except OSError as error:
            raise SourceUnavailable(entry.id, source.key, "the file is missing") from error
        except SourceUnavailable as error:
            raise SourceUnavailable(entry.id, source.key, error.problem) from error


def _header_of_version(path: str, _version: str) -> Header:
    """Read a header. The version is part of the key of the cache."""
    return read_header(path)
