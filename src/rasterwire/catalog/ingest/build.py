"""Builds and updates an index from any source of items."""

import contextlib
import fcntl
import tempfile
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
from rasterwire.catalog.ingest.bucket import check_listed
from rasterwire.catalog.ingest.file_records import FileRecords
from rasterwire.catalog.ingest.folder import FolderUpdates
from rasterwire.catalog.ingest.run import ItemSource, Run, fill
from rasterwire.errors import CatalogUnavailable, SourceUnavailable
from rasterwire.files.sources import is_local
from rasterwire.files.sources.settings import OBJECT_SCHEMES

__all__ = [
    "IndexInUse",
    "OtherSource",
    "SourceKind",
    "check_reached",
    "kind_of",
    "placed_entries_of",
    "remove_empty_index",
    "update_index",
]


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


class OtherSource(Exception):
    """An index is made of another source than the one to update it from."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"this index is of another source ({self.name}), whose images would be removed; choose another file, or "
            "add --replace"
        )


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
    address: str,
    kind: SourceKind,
    path: Path,
    collections: Sequence[str] = (),
    tell: Tell = ignore_progress,
    *,
    replaces: bool = False,
) -> Summary:
    """Make an index hold what a source has; what did not change, or was done before an interruption, is not done again.

    A new index that gets nothing, since the source cannot be read, is removed.

    Args:
        address: of the source: an absolute path or a URL.
        kind: of the source.
        path: of the index; it is made if it is not there, in a folder that is.
        collections: of a STAC API, those whose items are read; none for all.
        tell: is told of the progress.
        replaces: whether the index may be of another source, whose images are removed first, and whether it may lose
            all of its images.

    Raises:
        CatalogUnavailable: the source has no images any more, and the index keeps its own.
        SourceUnavailable: the source or the index cannot be used.
        OtherSource: the index is of another one.
        IndexInUse: another process updates it.
        PackageMissing: the source cannot be read here.
        OSError: files beside the index cannot be written.
    """
    with _locked(path):
        is_new = not path.exists()
        is_used = True
        store = IndexStore(path)
        try:
            taking = _Taking(store, _name_of_source(address, kind, collections), replaces=replaces)
            store.begin_tally()
            summary = _filled(taking, address, kind, path, collections, tell)
            counts = store.end_tally()
            summary.added, summary.changed, summary.removed = counts.added, counts.changed, counts.removed
            summary.set_doubles(*store.doubled_ids())
            return summary
        except BaseException:
            is_used = not is_new or bool(store.documents())
            raise
        finally:
            store.close()
            if not is_used:
                _remove_files(path)


def remove_empty_index(path: Path) -> None:
    """Remove an index that has no image, and the files beside it.

    Raises:
        SourceUnavailable: the index cannot be read.
        IndexInUse: another process updates it.
    """
    with _locked(path):
        store = IndexStore(path, read_only=True)
        try:
            is_empty = not store.image_count()
        finally:
            store.close()
        if is_empty:
            _remove_files(path)


class _Taking:
    """Takes a source for an index.

    Attributes:
        store: the index.
        replaces: see ``update_index``.
        known: versions of the documents that the index has of the source.
    """

    def __init__(self, store: IndexStore, name: str, *, replaces: bool) -> None:
        """Compare the source with that of the index. Nothing is changed.

        Raises:
            OtherSource: it is another one, and is not to be replaced.
        """
        self.store = store
        self.replaces = replaces
        self._name = name
        before = store.source()
        self._is_other = before not in {"", name}
        if self._is_other and not replaces:
            raise OtherSource(before)
        self.known = {} if self._is_other else store.documents()

    def begin(self) -> None:
        """Enter the source, now that it can be read, and remove what the index has of another one."""
        if self._is_other:
            self.store.remove(self.store.documents())
        self.store.put_source(self._name)


def _filled(
    taking: _Taking, address: str, kind: SourceKind, path: Path, collections: Sequence[str], tell: Tell
) -> Summary:
    if kind not in {SourceKind.FOLDER, SourceKind.BUCKET}:
        source = _source(address, kind, collections)
        run = Run(path.with_suffix(".progress"), source.address, taking.known)
        return fill(taking.store, source, run, tell, may_empty=taking.replaces, begin=taking.begin)
    root = Path(address) if kind is SourceKind.FOLDER else address
    records = FileRecords(path.with_suffix(".files"))
    try:
        updates = FolderUpdates(root, taking.store, records)
        summary = updates.update(tell=tell, may_empty=taking.replaces, begin=taking.begin)
    finally:
        records.close()
    assert summary is not None, "there is no limit to the changes"
    return summary


def check_reached(address: str) -> None:
    """Read the beginning of a source of an index, and change nothing.

    Raises:
        SourceUnavailable: it cannot be read.
        PackageMissing: likewise, since a package is missing.
    """
    kind = kind_of(address)
    if kind is SourceKind.BUCKET:
        check_listed(address)
    elif kind is not SourceKind.FOLDER:
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder) / "progress", address, {})
            try:
                next(_source(address, kind, ()).steps(run), None)
            finally:
                run.end(is_complete=True)


def _name_of_source(address: str, kind: SourceKind, collections: Sequence[str]) -> str:
    """Return a name by which a source is known again, without what may be secret.

    >>> _name_of_source("https://user:key@stac.example.org/v1?sig=abc", SourceKind.API, ["b", "a"])
    'api https://stac.example.org/v1, collections a, b'
    """
    scheme, separator, rest = address.partition("://")
    if separator:
        host, slash, path = rest.partition("?")[0].partition("/")
        address = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
    chosen = f", collections {', '.join(sorted(set(collections)))}" if collections else ""
    return f"{kind} {address.rstrip('/') or '/'}{chosen}"


def _remove_files(path: Path) -> None:
    """Remove an index and the files beside it, each with what SQLite has beside it."""
    for suffix in (path.suffix, ".files", ".progress", ".lock"):
        file = path.with_suffix(suffix)
        for end in ("", "-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)


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
