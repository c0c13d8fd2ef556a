"""The index of a catalog: the images of a tree by their ids. Building it opens no raster."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.folder_images import find_folder_images
from rasterwire.catalog.stac import find_items
from rasterwire.catalog.tree import Tree

__all__ = ["Index", "build_index"]


@dataclass(frozen=True, slots=True)
class Index:
    """Images by id.

    Attributes:
        entries: by id. Where several have the same id, the first one by document name.
        ids: sorted.
        notes: problems of documents and ids.
        collections: sorted ids of the images of each collection that a document names.
    """

    entries: dict[str, Entry]
    ids: Sequence[str]
    notes: tuple[Disagreement, ...]
    collections: dict[str, list[str]]

    def collection(self, name: str) -> list[Entry]:
        """Return the entries whose document names the collection, or whose id begins with its name and a slash."""
        prefix = f"{name}/"
        below = self.ids[bisect_left(self.ids, prefix) : bisect_left(self.ids, f"{name}0")]  # "0" follows "/"
        ids = sorted({*below, *self.collections.get(name, ())})
        return [self.entries[image_id] for image_id in ids]

    def page(self, prefix: str, after: str, limit: int) -> list[Entry]:
        """Return at most ``limit`` entries whose id begins with ``prefix`` and is greater than ``after``."""
        start = max(bisect_left(self.ids, prefix), bisect_right(self.ids, after))
        following = (self.ids[index] for index in range(start, len(self.ids)))
        matches = takewhile(lambda image_id: image_id.startswith(prefix), following)
        return [self.entries[image_id] for image_id in islice(matches, max(0, limit))]


def build_index(tree: Tree) -> Index:
    """Return the index of a tree.

    Items are added before folders: a raster that an item lists is not listed again with its folder.
    """
    items, notes = find_items(tree)
    entries: dict[str, Entry] = {}
    notes += _add(entries, items)
    used = {source.name for entry in entries.values() for source in entry.sources}
    notes += _add(entries, find_folder_images(tree, used))
    collections: dict[str, list[str]] = {}
    for image_id in sorted(entries):
        if entries[image_id].collection:
            collections.setdefault(entries[image_id].collection, []).append(image_id)
    return Index(entries, sorted(entries), tuple(notes), collections)


def _add(entries: dict[str, Entry], additions: Iterable[Entry]) -> list[Disagreement]:
    """Add the entries with new ids to ``entries``, and return a note for each of the others."""
    notes = []
    for entry in additions:
        first = entries.setdefault(entry.id, entry)
        if first is not entry:
            notes.append(
                Disagreement(
                    image_id=entry.id,
                    band="",
                    field="id",
                    claim=f"the id in {entry.origin}",
                    value=f"it is taken by {first.origin}",
                )
            )
    return notes
