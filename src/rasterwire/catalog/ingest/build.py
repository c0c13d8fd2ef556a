"""Builds and updates an index from any source of items."""

import contextlib
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from rasterwire.catalog.entry import Entry
from rasterwire.catalog.image_reader import footprint_of
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.indexed import IndexCatalog
from rasterwire.catalog.ingest import Summary, Tell, ignore_progress
from rasterwire.catalog.ingest.file_records import FileRecords
from rasterwire.catalog.ingest.folder import FolderUpdates
from rasterwire.catalog.ingest.run import ItemSource, fill
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.files.sources import is_local
from rasterwire.files.sources.settings import OBJECT_SCHEMES

__all__ = ["IndexInUse", "SourceKind", "kind_of", "placed_entries_of", "update_index"]


class SourceKind(StrEnum):
    """What items are read from."""

    FOLDER = "folder"
    BUCKET = "bucket"
    CATALOG = "catalog"
    API = "api"
    GEOPARQUET = "geoparquet"


class IndexInUse(Exception):
    """Another process updates the index."""

    def __str__(self) -> str:
        return "another process updates this index; wait for it, or choose another file"


def kind_of(address: str) -> SourceKind:
    """Return what an address most likely is: an absolute path of this machine or a URL. No server is asked.

    >>> kind_of("https://stac.example.org/v1"), kind_of("s3://eo/catalog.json?x"), kind_of("s3://eo/2024")
    (<SourceKind.API: 'api'>, <SourceKind.CATALOG: 'catalog'>, <SourceKind.BUCKET: 'bucket'>)
    """
    name = address.partition("?")[0].lower()
    if name.endswith((".parquet", ".geoparquet")):
        return SourceKind.GEOPARQUET
    if address.partition("://")[0] in OBJECT_SCHEMES and not name.endswith((".json", ".geojson")):
        return SourceKind.BUCKET
    if is_local(address):
        return SourceKind.FOLDER if Path(address).is_dir() else SourceKind.CATALOG
    is_web = name.startswith(("http://", "https://"))
    return SourceKind.API if is_web and not name.endswith((".json", ".geojson")) else SourceKind.CATALOG


def update_index(
    address: str, kind: SourceKind, path: Path, collections: Sequence[str] = (), tell: Tell = ignore_progress
) -> Summary:
    """Make an index hold what a source has; what did not change, or was done before an interruption, is not done again.

    Args:
        address: of the source: an absolute path or a URL.
        kind: of the source.
        path: of the index; it is made if it is not there.
        collections: of a STAC API, those whose items are read; none for all.
        tell: is told of the progress.

    Raises:
        SourceUnavailable: the source or the index cannot be used.
        IndexInUse: another process updates it.
        PackageMissing: the source cannot be read here.
        OSError: files beside the index cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        store = IndexStore(path)
        try:
            if kind in {SourceKind.FOLDER, SourceKind.BUCKET}:
                root = Path(address) if kind is SourceKind.FOLDER else address
                records = FileRecords(path.with_suffix(".files"))
                try:
                    summary = FolderUpdates(root, store, records).update(tell=tell)
                finally:
                    records.close()
                assert summary is not None, "there is no limit to the changes"
                return summary
            return fill(store, _source(address, kind, collections), path.with_suffix(".progress"), tell)
        finally:
            store.close()


def _source(address: str, kind: SourceKind, collections: Sequence[str]) -> ItemSource:
    # Late: each needs packages that the others do not.
    if kind is SourceKind.API:
        try:
            from rasterwire.catalog.ingest.api import ApiItems
        except ImportError:
            problem = "a STAC API needs more packages: pip install '.[remote]' in the clone"
            raise CatalogUnavailable(problem) from None
        return ApiItems(address, collections)
    if kind is SourceKind.GEOPARQUET:
        from rasterwire.catalog.ingest.geoparquet import GeoParquetItems

        return GeoParquetItems(address)
    from rasterwire.catalog.ingest.static_catalog import StaticCatalog

    return StaticCatalog(address)


def placed_entries_of(path: Path, left_out: list[str]) -> Iterator[Entry]:
    """Yield the entries of an index with their footprints: those of documents, else of the headers of their files.

    Args:
        path: of the index.
        left_out: gets the ids of the images that have none, or whose files cannot be read.

    Raises:
        SourceUnavailable: the index cannot be read.
    """
    store = IndexStore(path, read_only=True)
    catalog = IndexCatalog(store)
    try:
        for entry in store.entries():
            footprint = entry.footprint
            if footprint is None:
                with contextlib.suppress(SourceUnavailable):
                    footprint = footprint_of(catalog.get(entry.id))
            if footprint is None:
                left_out.append(entry.id)
            else:
                yield replace(entry, footprint=footprint)
    finally:
        store.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from updating an index.

    Raises:
        IndexInUse: one does.
    """
    with path.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IndexInUse from None
        yield
