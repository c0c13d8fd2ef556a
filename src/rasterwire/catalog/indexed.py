"""The catalog of an index."""

from collections.abc import Iterator

from rasterwire.catalog import MAX_PAGE, Page
from rasterwire.catalog.band_names import BandNames
from rasterwire.catalog.bands import assemble
from rasterwire.catalog.check import compare, missing_bands, unplaced
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.header import Header, read_header
from rasterwire.catalog.image_reader import ImageReader, footprint_of
from rasterwire.catalog.index import IndexStore
from rasterwire.errors import ImageNotFound, SourceUnavailable
from rasterwire.files.arrays.opened import ask_again
from rasterwire.geo.region import Region
from rasterwire.image import Image
from rasterwire.query import Query

__all__ = ["IndexCatalog"]

_MAX_RENAMED = 1024
"""Entries that are kept with other names of bands."""


class IndexCatalog:
    """Images of an index; see ``Catalog``. A file is opened once in each version, and its header kept in the index."""

    def __init__(self, store: IndexStore, bands: BandNames | None = None) -> None:
        """Set the index. It stays open, and may be changed at any time.

        Args:
            store: the index.
            bands: how bands are named; by their assets if not given.
        """
        self._store = store
        self._bands = bands or BandNames()
        self._renamed: dict[str, tuple[Entry, Entry]] = {}
        self._reader = ImageReader(self._header)

    @property
    def store(self) -> IndexStore:
        """The index."""
        return self._store

    def get(self, image_id: str) -> Image:
        """See ``Catalog.get``."""
        entry = self._store.get(image_id)
        if entry is None:
            raise ImageNotFound(image_id)
        return self._reader.image(self._named(entry))

    def find(self, query: Query, start: str = "", size: int = MAX_PAGE) -> Page:
        """See ``Catalog.find``."""
        return Page(*self._store.find(query, start, min(size, MAX_PAGE), self._footprint))

    def count(self, query: Query) -> int | None:
        """See ``Catalog.count``."""
        return self._store.count(query, self._footprint)

    def exists(self, collection: str) -> bool:
        """See ``Catalog.exists``."""
        return self._store.exists(collection)

    def close_id(self, image_id: str) -> str:
        """See ``Catalog.close_id``."""
        return self._store.close_id(image_id)

    def check(self) -> Iterator[Disagreement]:
        """Open every raster, and yield each difference between the documents and the files."""
        yield from self._store.notes()
        for entry in self._store.entries():
            yield from self._check_entry(entry)

    def _named(self, entry: Entry) -> Entry:
        """Return an entry with the names of its bands; the same object again for the same entry."""
        before, renamed = self._renamed.get(entry.id, (None, entry))
        if before is not entry:
            renamed = self._bands.applied(entry)
            if renamed is not entry:
                if len(self._renamed) >= _MAX_RENAMED:
                    self._renamed.clear()
                self._renamed[entry.id] = (entry, renamed)
        return renamed

    def _check_entry(self, entry: Entry) -> Iterator[Disagreement]:
        entry = self._named(entry)
        yield from entry.notes
        headers, failures = self._reader.headers(entry)
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
        bands = assemble(entry, headers)
        yield from unplaced(entry, bands)
        if not failures:
            yield from missing_bands(entry, [band.name for band in bands])

    def learn_footprints(self, after: str, limit: int) -> str:
        """Open the rasters of some images whose footprint is not known, and enter it.

        Args:
            after: the id behind which they are.
            limit: how many.

        Returns:
            The last id, "" where there are no more.
        """
        entries = self._store.without_footprint(after, limit)
        for entry in entries:
            self._footprint(entry)
        return entries[-1].id if entries else ""

    def _footprint(self, entry: Entry) -> Region | None:
        """Return the footprint that the files of an entry have, and enter it. One that cannot be read has none now."""
        if not self._store.read_only:
            # what is entered stays: it must not be of a version before the one that the entry was made of
            ask_again(source.href for source in entry.sources)
        try:
            image = self._reader.image(entry)
        except SourceUnavailable:
            return None
        region = footprint_of(image)
        if region is not None or not image.unreadable:
            self._store.place(entry.id, region)
        return region

    def _header(self, href: str, version: str) -> Header:
        """Return the header of a file from the index, else from the file."""
        header = self._store.header(href, version)
        if header is None:
            header = read_header(href, version)
            self._store.put_header(href, header.version, header)  # the file may be a newer one by now
        return header
