"""Makes images of entries, from the headers of their files."""

import operator
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rasterwire.catalog.array_header import read_array_header
from rasterwire.catalog.bands import assemble
from rasterwire.catalog.entry import Entry, Source
from rasterwire.catalog.header import Header
from rasterwire.errors import SourceUnavailable
from rasterwire.files.arrays.opened import array_format, array_version
from rasterwire.files.beside import present_version
from rasterwire.files.byte_reader import open_ahead, open_reader
from rasterwire.files.sources import is_local
from rasterwire.geo.grid import footprint
from rasterwire.geo.region import Region
from rasterwire.image import Image

__all__ = ["HeaderReader", "ImageReader", "footprint_of"]

HeaderReader = Callable[[str, str], Header]
"""Reads the header of a file at an address. It may have read it before, if it was in a version then."""

_CACHED_IMAGES, _CACHED_HEADERS = 1024, 4096

_array_header = lru_cache(maxsize=_CACHED_HEADERS)(read_array_header)


@dataclass(frozen=True, slots=True)
class _CachedImage:
    """An image with the entry and headers that it was assembled from. It is valid while these are the same objects.

    Attributes:
        entry: of the image.
        headers: of its sources.
        image: made of them.
        paths: of its files where all are plain files of this machine, whose versions say that they are what they were.
    """

    entry: Entry
    headers: Sequence[Header | None]
    image: Image
    paths: Sequence[str] = ()

    def is_present(self, entry: Entry) -> bool:
        """Return whether it is surely still the image of an entry, by one look at each file."""
        if not self.paths or self.entry is not entry:
            return False
        try:
            return all(
                header is not None and present_version(path) == header.version
                for path, header in zip(self.paths, self.headers, strict=True)
            )
        except OSError:
            return False


class HeaderCache:
    """Headers that were read, the most recently used ones. Safe to use from several threads.

    A file may be replaced between the look at its version and the reading of its header, and a child that reads it may
    know an older version still. Such a header is not kept: under this version it would stay, and every request for
    pixels be refused.
    """

    def __init__(self, read: HeaderReader) -> None:
        """Set what reads a header."""
        self._read = read
        self._lock = threading.Lock()
        self._headers: OrderedDict[tuple[str, str], Header] = OrderedDict()

    def read(self, href: str, version: str) -> Header:
        """Return the header of a file in its present version; the same object again for the same version."""
        key = href, version
        with self._lock:
            header = self._headers.get(key)
            if header is not None:
                self._headers.move_to_end(key)
                return header
        header = self._read(href, version)
        if header.version == version:
            with self._lock:
                self._headers[key] = header
                while len(self._headers) > _CACHED_HEADERS:
                    self._headers.popitem(last=False)
        return header


class ImageReader:
    """Makes images of entries. Safe to use from several threads."""

    def __init__(self, read_header: HeaderReader) -> None:
        self._read_header = HeaderCache(read_header).read
        self._images: dict[str, _CachedImage] = {}

    def image(self, entry: Entry) -> Image:
        """Return the image of an entry, with its bands as the headers of its files describe them.

        Raises:
            SourceUnavailable: all of its files are missing or cannot be opened. Where only some are, the image has
                the bands of the others, and ``unreadable`` gives the problems.
        """
        if not entry.sources:
            raise SourceUnavailable(entry.id, band="", problem="none of its rasters is in the folder of this catalog")
        cached = self._images.get(entry.id)
        if cached is not None and cached.is_present(entry):
            return cached.image
        headers, failures = self.headers(entry)
        if not any(headers):
            raise failures[0]
        unreadable = (*entry.missing_assets, *((failure.band, failure.problem) for failure in failures))
        is_same = cached is not None and cached.entry is entry and all(map(operator.is_, cached.headers, headers))
        if cached is not None and is_same and cached.image.unreadable == unreadable:
            return cached.image
        image = Image(
            entry.id, assemble(entry, headers), entry.start_time, entry.properties, entry.collection, unreadable
        )
        if len(self._images) >= _CACHED_IMAGES:
            self._images.clear()
        paths = [source.href for source in entry.sources]
        is_plain = not failures and all(is_local(path) and not array_format(path) for path in paths)
        self._images[entry.id] = _CachedImage(entry, headers, image, paths if is_plain else ())
        return image

    def headers(self, entry: Entry) -> tuple[list[Header | None], list[SourceUnavailable]]:
        """Return the header of each source, None where it cannot be read, and the errors of those."""
        unopened = open_ahead(source.href for source in entry.sources if not array_format(source.href))
        headers: list[Header | None] = []
        failures = []
        for source in entry.sources:
            try:
                if source.href in unopened:  # it may have taken long to find out
                    raise SourceUnavailable(entry.id, source.key, unopened[source.href].problem)
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
                return _array_header(source.href, array_version(source.href), source.moment)
            return self._read_header(source.href, _version(source.href))
        except OSError as error:
            raise SourceUnavailable(entry.id, source.key, "the file is missing") from error
        except SourceUnavailable as error:
            raise SourceUnavailable(entry.id, source.key, error.problem) from error


def footprint_of(image: Image) -> Region | None:
    """Return the outline of the first band of an image that has a crs; None where none has."""
    grids = (band.placed for band in image.bands)
    return next((footprint(grid) for grid in grids if grid.crs is not None), None)


def _version(href: str) -> str:
    if not is_local(href):
        return open_reader(href).version
    return present_version(href)
