"""Keeps the index of a folder or of a bucket like its files. A file that did not change is not read again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from rasterwire.catalog.entry import Entry
from rasterwire.catalog.folder_images import DESCRIPTION_NAME, BrokenDescription, folder_images, units_of
from rasterwire.catalog.index import Document, IndexStore
from rasterwire.catalog.ingest import Summary, Tell, ignore_progress, source_emptied
from rasterwire.catalog.ingest.bucket import list_bucket
from rasterwire.catalog.ingest.file_records import FileRecords
from rasterwire.catalog.stac import FolderDocument, read_folder_document
from rasterwire.catalog.tree import Folder, Tree, is_document, is_raster, join, link_in, may_be_chosen, scan
from rasterwire.errors import SourceUnavailable
from rasterwire.files.sources import is_local

__all__ = ["FolderUpdates"]

_MAX_BATCH = 500
"""Documents of a transaction: no other writer waits long for one, and a dictionary can be made of the first ones."""

_MAX_READERS = 16
"""Documents of a bucket that are read at the same time."""

_UNIT = "\U0010ffff"
"""Begins the name of what gives images of folders, so that it sorts last: where ids are equal, items go before."""


@dataclass(frozen=True, slots=True)
class _Changes:
    """Names of files that came, that are of another version, and that went; ``relinked`` are elsewhere now."""

    added: frozenset[str]
    changed: frozenset[str]
    removed: frozenset[str]
    relinked: frozenset[str]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.added) + len(self.changed) + len(self.removed)


class FolderUpdates:
    """Writes what changed in a folder or a bucket to an index. Used by one thread at a time."""

    def __init__(self, root: Path | str, store: IndexStore, records: FileRecords) -> None:
        """Set the folder. Nothing is read before the first update.

        Args:
            root: the folder; or the address of a bucket or of a part of its keys, see ``list_bucket``.
            store: takes the entries.
            records: of the folder's files at the update before, maybe of another process.
        """
        self._root = root
        self._store = store
        self._records = records
        self._tree: Tree | None = None
        self._revision = -1

    def update(
        self,
        *,
        is_quick: bool = False,
        max_changes: int | None = None,
        tell: Tell = ignore_progress,
        may_empty: bool = True,
        begin: Callable[[], None] = lambda: None,
    ) -> Summary | None:
        """Look at the folder, and write what changed. It counts no images.

        Args:
            is_quick: see ``tree.scan``; of a bucket all objects are listed in any case.
            max_changes: of so many files at most; where there are more, nothing is written and None is returned.
            tell: is told of the progress.
            may_empty: whether the index may lose all of its images.
            begin: is called before the first change, when the files were listed.

        Raises:
            CatalogUnavailable: there is neither raster nor document any more, and the index keeps its images.
            SourceUnavailable: the folder does not exist, the bucket cannot be listed or no document of it can be read,
                or the index cannot be written.
            OSError: the records cannot be written.
        """
        last = self._tree if self._records.revision() == self._revision else None  # None: another process wrote
        if isinstance(self._root, Path):
            tree = scan(self._root, self._tree, is_quick=is_quick)
        else:
            tree = list_bucket(self._root, tell)
        if not may_empty and not _holds_images(tree) and self._store.image_count():
            raise source_emptied()
        begin()
        changes = _difference(last, tree) if last is not None else self._since_records(tree)
        if max_changes is not None and changes.count > max_changes:
            return None
        summary = Summary()
        if changes.count or self._records.stale():
            self._tree = None  # where writing fails, the records tell what is left to do
            _Update(tree, self._store, self._records, summary, tell).run(changes)
        summary.is_whole = not tree.unread
        summary.is_emptied = bool(changes.removed) and not _holds_images(tree)
        # what went meanwhile from folders that cannot be listed is in the records alone
        self._tree = None if tree.unread else tree
        if last is None or changes.count:
            self._records.set_complete(tree.root, _count(tree))
        self._revision = self._records.revision()
        return summary

    def _since_records(self, tree: Tree) -> _Changes:
        """Return what changed since the records were written; documents that the index lost are new."""
        documents = self._store.documents()
        if self._records.root() not in (None, tree.root):  # all addresses are others
            self._store.remove(documents)
            documents = {}
        if not documents:
            self._records.clear()
        known = self._records.versions()
        present = dict(item for name, folder in tree.folders.items() for item in _named(name, folder))
        changes = _compared(known, present, tree.unread)
        if known:
            return changes
        with self._records.writing():
            self._records.add_stale(name.removeprefix(_UNIT) for name in documents if name.startswith(_UNIT))
        return replace(changes, removed=_removed(documents.keys() - present.keys(), tree.unread))


def _holds_images(tree: Tree) -> bool:
    return any(
        is_document(base) or is_raster(base) or base in folder.chosen
        for folder in tree.folders.values()
        for base in folder.files
    )


def _count(tree: Tree) -> int:
    """Return how many files and folders there are."""
    return sum(len(folder.files) + 1 for folder in tree.folders.values())


def _difference(last: Tree, tree: Tree) -> _Changes:
    """Return what differs between two trees; folders that are one object are not compared."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for name in last.folders.keys() | tree.folders.keys():
        old, new = last.folders.get(name), tree.folders.get(name)
        if old is not new:
            before.update(_named(name, old))
            after.update(_named(name, new))
    return _compared(before, after, tree.unread)


def _named(name: str, folder: Folder | None) -> Iterator[tuple[str, str]]:
    if folder is not None:
        yield from ((join(name, base), folder.state_of(base)) for base in folder.files)


def _compared(before: Mapping[str, str], after: Mapping[str, str], unread: Iterable[str]) -> _Changes:
    changed = frozenset(name for name, state in after.items() if before.get(name, state) != state)
    relinked = frozenset(name for name in changed if link_in(before[name]) != link_in(after[name]))
    added, removed = frozenset(after.keys() - before.keys()), _removed(before.keys() - after.keys(), unread)
    return _Changes(added, changed, removed, relinked)


def _removed(missing: Iterable[str], unread: Iterable[str]) -> frozenset[str]:
    """Return those of missing files that are gone: of folders that cannot be listed, nobody knows."""
    folders = tuple(f"{folder}/" for folder in unread)
    return frozenset(name for name in missing if not name.startswith(folders))


class _Update:
    """One update."""

    def __init__(self, tree: Tree, store: IndexStore, records: FileRecords, summary: Summary, tell: Tell) -> None:
        self._tree = tree
        self._store = store
        self._records = records
        self._summary = summary
        self._tell = tell

    def run(self, changes: _Changes) -> None:
        """Write what changed: documents first, since a raster that one of them lists is in no folder's image."""
        records, tree = self._records, self._tree
        present = changes.added | changes.changed
        moved = changes.added | changes.removed | changes.relinked
        mentioning = {*_documents(present), *records.linked(present), *records.documents_mentioning(moved)}
        affected = {name for name in mentioning if tree.version_of(name) is not None and not is_raster(name)}
        missing = {*_documents(changes.removed), *records.linked(changes.removed)}
        with records.writing():
            records.add_stale(self._units(present | changes.removed))
            # documents have no version until they are read: a process that ends before leaves them to the next one
            versions = {name: tree.state_of(name) for name in (present | changes.removed) - missing}
            records.set_versions(versions | dict.fromkeys(affected))
        unlinked = self._remove(missing)
        unlinked |= self._read(affected)
        while unlinked := unlinked - records.linked(unlinked):
            unlinked = self._remove(unlinked)
        self._make_folder_images()

    def _units(self, names: Iterable[str]) -> set[str]:
        """Return which images of folders may be others, because of some files."""
        units: set[str] = set()
        for name in names:
            if is_raster(name) or may_be_chosen(name) or name.rpartition("/")[2] == DESCRIPTION_NAME:
                units.update(units_of(name))
            if name == DESCRIPTION_NAME and "" in self._tree.folders:
                units.update(filter(self._tree.is_raster, self._tree.folders[""].files))
        return units

    def _remove(self, documents: Iterable[str]) -> set[str]:
        """Remove documents; return those that may not be linked to any more."""
        names = sorted(documents)
        unlinked: set[str] = set()
        for start in range(0, len(names), _MAX_BATCH):
            batch = names[start : start + _MAX_BATCH]
            self._store.remove(batch)
            with self._records.writing():
                for name in batch:
                    mentions = self._records.set_mentions(name, (), ())
                    self._records.add_stale(self._units(mentions))
                    unlinked.update(filter(self._is_unread, mentions))
                self._records.set_versions({name: self._tree.state_of(name) for name in batch})
        return unlinked

    def _read(self, documents: set[str]) -> set[str]:
        """Read documents and those that they link to; return names of files that may not be linked to any more."""
        pending, met = sorted(documents, reverse=True), set(documents)
        unlinked: set[str] = set()
        count = 0
        while pending:
            batch = [pending.pop() for _ in range(min(_MAX_BATCH, len(pending)))]
            contents = self._contents(batch)
            self._write(contents)
            with self._records.writing():
                for name, content in contents:
                    if content.is_broken:
                        self._records.add_stale(self._units(self._records.add_mentions(name, content.files)))
                        continue
                    mentions = self._records.set_mentions(name, content.files, content.links)
                    self._records.add_stale(self._units(mentions))
                    unlinked.update(mentions - content.links)
                    links = [link for link in content.links if self._is_unread(link) and link not in met]
                    met.update(links)
                    pending.extend(links)
                self._records.set_versions({name: self._tree.state_of(name) for name, _ in contents})
            count += len(batch)
            self._tell(count, count + len(pending))
        return {name for name in unlinked if self._is_unread(name)}

    def _contents(self, names: Sequence[str]) -> list[tuple[str, FolderDocument]]:
        """Return what documents say, but those that cannot be read now: the next update reads them.

        Raises:
            SourceUnavailable: none of many can be read now.
        """
        if is_local(self._tree.root):
            return [(name, read_folder_document(self._tree, name)) for name in names]
        with ThreadPoolExecutor(_MAX_READERS, thread_name_prefix="rasterwire-index") as pool:
            contents = list(pool.map(self._remote_content, names))
        problems = [content for content in contents if isinstance(content, SourceUnavailable)]
        is_outage = len(problems) == _MAX_BATCH
        if is_outage:
            raise problems[0]
        for name, content in zip(names, contents, strict=True):
            if isinstance(content, SourceUnavailable):
                self._summary.add_problem(name, content.problem)
        return [
            (name, content)
            for name, content in zip(names, contents, strict=True)
            if not isinstance(content, SourceUnavailable)
        ]

    def _remote_content(self, name: str) -> FolderDocument | SourceUnavailable:
        try:
            return read_folder_document(self._tree, name)
        except SourceUnavailable as error:
            return error

    def _is_unread(self, name: str) -> bool:
        """Tell whether a file is a document only where another one links to it."""
        return self._tree.version_of(name) is not None and not is_document(name) and not is_raster(name)

    def _write(self, contents: Sequence[tuple[str, FolderDocument]]) -> None:
        """Write what documents say; those that are broken keep the images that they gave before."""
        documents: dict[bool, list[Document]] = {False: [], True: []}
        for name, content in contents:
            version = self._tree.version_of(name) or ""
            documents[content.is_broken].append(Document(name, version, content.entries, content.notes))
            if content.notes:
                self._summary.add_problem(name, content.notes[0].problem)
        self._store.write_many(documents[False])
        self._store.put_notes(documents[True])

    def _make_folder_images(self) -> None:
        units = self._records.stale()
        for start in range(0, len(units), _MAX_BATCH):
            batch = units[start : start + _MAX_BATCH]
            unchanged: list[str] = []
            images = dict(self._images(batch, unchanged))
            self._store.remove(_UNIT + unit for unit, image in images.items() if image is None)
            self._store.write_many(
                Document(_UNIT + unit, *image) for unit, image in images.items() if image is not None
            )
            with self._records.writing():
                self._records.remove_stale([*images, *unchanged])
            self._tell(start + len(batch), len(units))

    def _images(
        self, units: Iterable[str], unchanged: list[str]
    ) -> Iterator[tuple[str, tuple[str, tuple[Entry, ...]] | None]]:
        """Yield what units give, but those whose description cannot be read now: the next update makes them.

        ``unchanged`` gets those whose images are to stay as they are.
        """
        for unit in units:
            try:
                yield unit, folder_images(self._tree, unit, self._records.listed)
            except BrokenDescription:
                unchanged.append(unit)
            except SourceUnavailable as error:
                self._summary.add_problem(f"{unit}{DESCRIPTION_NAME}", error.problem)


def _documents(names: Iterable[str]) -> Iterator[str]:
    return filter(is_document, names)
