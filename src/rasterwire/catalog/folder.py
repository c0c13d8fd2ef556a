"""The catalog of a folder with rasters and STAC documents."""

import operator
import os
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.array_header import read_array_header
from rasterwire.catalog.bands import assemble
from rasterwire.catalog.check import compare, missing_bands
from rasterwire.catalog.entry import Disagreement, Entry, Source
from rasterwire.catalog.header import Header, read_header
from rasterwire.catalog.index import Index, build_index
from rasterwire.catalog.tree import Tree, scan
from rasterwire.catalog.unserved import Unserved, find_unserved
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.files.arrays.opened import array_format, array_version
from rasterwire.files.raster_file import version_of
from rasterwire.geo.grid import footprint
from rasterwire.image import Image
from rasterwire.query import Query, sort_images

__all__ = ["FolderCatalog"]

_cached_headers = 4096
_cached_images = 1024
# Seconds. A scan that takes k times as long is done k times less often.
_quick_scan = 0.1


@dataclass(frozen=True, slots=True)
class _CachedImage:
    """An image with the entry and headers that it was assembled from. It is valid while these are the same objects."""

    entry: Entry
    headers: Sequence[Header | None]
    image: Image


class FolderCatalog:
    """Images of a folder: STAC items, and plain folders of GeoTIFF and JPEG 2000 files.

    Files may be added, replaced and removed at any time. A call scans the folder again when the last scan
    is a few seconds old. The modules ``stac`` and ``folder_images`` define what becomes an image, and
    ``bands`` defines the names of its bands. Safe to use from several threads.
    """

    def __init__(self, root: Path, refresh_seconds: float = 3.0) -> None:
        """Set the folder. Nothing is read before the first call of a method.

        Args:
            root: the folder.
            refresh_seconds: how old an answer may be. Where a scan takes more than 0.1 seconds, answers
                may be older in proportion.
        """
        self._root = root
        self._refresh_seconds = refresh_seconds
        self._scanning = threading.Lock()
        self._tree: Tree | None = None
        self._last_index: Index | None = None
        self._next_scan = 0.0
        self._images: dict[str, _CachedImage] = {}
        self._header = lru_cache(maxsize=_cached_headers)(_header_of_version)

    def get(self, image_id: str) -> Image:
        """Return an image, with its bands as the headers of its files describe them.

        Raises:
            ImageNotFound: the catalog has no image of that id.
            SourceUnavailable: all of its files are missing or cannot be opened. Where only some are, the
                image has the bands of the others, and ``unreadable`` gives the problems.
        """
        entry = self._index().entries.get(image_id)
        if entry is None:
            raise ImageNotFound(image_id)
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
        return self._index().close_to(image_id)

    def image_count(self) -> int:
        """Return how many images there are.

        Raises:
            SourceUnavailable: the folder is not there.
        """
        return len(self._index().ids)

    def without_rasters(self) -> list[str]:
        """Return the ids of the images that documents describe, and none of whose rasters is in the folder.

        Raises:
            SourceUnavailable: the folder is not there.
        """
        index = self._index()
        return [image_id for image_id in index.ids if not index.entries[image_id].sources]

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        index = self._index()
        candidates = index.collection(query.collection) if query.collection else index.page(query.prefix, "", 1 << 30)
        images = [self._with_footprint(image) if query.regions else image for image in map(_without_bands, candidates)]
        matches = sort_images([image for image in images if query.matches(image)], query.sort)[: query.limit]
        if query.sort:
            first = int(start or 0)
            following = str(first + size)
        else:
            first = bisect_right([image.id for image in matches], start)
            following = matches[first + size - 1].id if len(matches) > first + size else ""
        page = matches[first : first + size]
        return Page(page, following if len(matches) > first + size else "")

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``."""
        count, start = 0, ""
        while True:
            page = self.find(query, start)
            count += len(page.images)
            if not page.next:
                return count
            start = page.next

    def exists(self, collection: str) -> bool:
        """See ``Catalog.exists``."""
        return bool(self._index().collection(collection))

    def _with_footprint(self, image: Image) -> Image:
        """Return an image with its footprint: that of its document, else of its first band that has a crs."""
        if image.footprint is not None:
            return image
        bands = self.get(image.id).bands
        grid = next((band.placed for band in bands if band.placed.crs is not None), None)
        return image if grid is None else replace(image, footprint=footprint(grid))

    def list_images(self, prefix: str, after: str, limit: int) -> Sequence[Image]:
        """Return at most ``limit`` images ordered by id, without bands. It opens no raster.

        Only ids that begin with ``prefix`` and are greater than ``after``.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        page = self._index().page(prefix, after, limit)
        return list(map(_without_bands, page))

    def collection(self, name: str) -> Sequence[Image]:
        """Return the images of a collection ordered by id, without bands. It opens no raster.

        An image belongs to a collection if its document names it, or if its id begins with its name and a slash.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        return list(map(_without_bands, self._index().collection(name)))

    def check(self) -> Iterator[Disagreement]:
        """Open every raster, and yield each difference between the documents and the files.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        index = self._index()
        yield from index.notes
        for image_id in index.ids:
            yield from self._check_entry(index.entries[image_id])

    def unserved(self) -> list[Unserved]:
        """Return the files and assets that the catalog finds but does not serve. It opens no raster.

        Raises:
            SourceUnavailable: the folder does not exist.
        """
        index = self._index()
        tree = self._tree
        return [] if tree is None else list(find_unserved(tree, map(index.entries.__getitem__, index.ids)))

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
            if array_format(source.href):
                return self._header(source.href, array_version(source.href), source.moment)
            status = os.stat(source.href)  # noqa: PTH116  runs for each file of each request, and takes half the time of Path.stat
            return self._header(source.href, version_of(status), "")
        except OSError as error:
            raise SourceUnavailable(entry.id, source.key, "the file is missing") from error
        except SourceUnavailable as error:
            raise SourceUnavailable(entry.id, source.key, error.problem) from error

    def _index(self) -> Index:
        """Return the index. When it is too old, one thread builds it again and the others use the old one meanwhile."""
        index = self._last_index
        if index is not None and (time.monotonic() < self._next_scan or self._scanning.locked()):
            return index
        with self._scanning:
            if self._last_index is None or time.monotonic() >= self._next_scan:
                self._last_index = self._current_index()
            return self._last_index

    def _current_index(self) -> Index:
        """Scan the folder, and build the index again if a file was added, removed or changed."""
        start = time.monotonic()
        tree = scan(self._root)
        index = self._last_index if self._last_index is not None and tree == self._tree else build_index(tree)
        self._tree = tree
        end = time.monotonic()
        self._next_scan = end + self._refresh_seconds * max(1.0, (end - start) / _quick_scan)
        return index


def _without_bands(entry: Entry) -> Image:
    return Image(entry.id, (), entry.start_time, entry.properties, entry.collection, footprint=entry.footprint)


def _header_of_version(path: str, version: str, moment: str) -> Header:
    """Read a header. The version is part of the key of the cache."""
    return read_array_header(path, version, moment) if array_format(path) else read_header(path)
