"""The index of a catalog: the images of a tree by their ids. Building it opens no raster."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice, takewhile

from rasterwire.catalog.array_images import find_array_images
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.folder_images import find_folder_images
from rasterwire.catalog.stac import find_items
from rasterwire.catalog.tree import Tree

__all__ = ["Index", "build_index"]

_BETWEEN = "\0"

_COMPARED = 10
"""Ids before, and after, that are compared with one that there is not."""

_LONGEST, _LIKENESS = 200, 0.8
"""Characters that are compared, and the share of them that two ids have to have in common."""


@dataclass(frozen=True, slots=True)
class Index:
    """Images by id.

    Attributes:
        entries: by id. Where several have the same id, the first one by document name.
        ids: sorted.
        notes: problems of documents and ids.
        collections: sorted ids of the images of each collection that a document names.
        folded: all ids without regard to case, since one text is searched faster than a list.
    """

    entries: dict[str, Entry]
    ids: Sequence[str]
    notes: tuple[Disagreement, ...]
    collections: dict[str, list[str]]
    folded: str

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

    def close_to(self, name: str) -> str:
        """Return an id that may be meant by one that there is not, "" for none.

        In this order: the same but for its case, one that ends with it, one spelt nearly so. For the last only the
        ids around its place are compared, since comparing takes long.
        """
        if not name:
            return ""
        folded = name.casefold()
        for before in (_BETWEEN, "/"):
            offset = self.folded.find(f"{before}{folded}{_BETWEEN}")
            candidate = self.ids[self.folded.count(_BETWEEN, 0, offset + 1) - 1] if offset >= 0 else ""
            if candidate.casefold().endswith(folded):  # not where an id holds what stands between ids
                return candidate
        place = bisect_left(self.ids, name)
        around = self.ids[max(0, place - _COMPARED) : place + _COMPARED]
        return next(iter(get_close_matches(name[:_LONGEST], around, 1, _LIKENESS)), "")


def build_index(tree: Tree) -> Index:
    """Return the index of a tree.

    Items are added before folders: a raster that an item lists is not listed again with its folder.
    """
    items, notes = find_items(tree)
    entries: dict[str, Entry] = {}
    notes += _add(entries, items)
    used = {source.name for entry in entries.values() for source in entry.sources}
    notes += _add(entries, find_folder_images(tree, used))
    notes += _add(entries, find_array_images(tree, used))
    collections: dict[str, list[str]] = {}
    for image_id in sorted(entries):
        if entries[image_id].collection:
            collections.setdefault(entries[image_id].collection, []).append(image_id)
    ids = sorted(entries)
    parts = (image_id.replace(_BETWEEN, " ") for image_id in ids)  # an id may hold what stands between ids
    folded = f"{_BETWEEN}{_BETWEEN.join(parts)}{_BETWEEN}".casefold()
    return Index(entries, ids, tuple(notes), collections, folded)


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
