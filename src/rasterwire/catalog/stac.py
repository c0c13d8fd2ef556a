"""Makes images of STAC items.

Every JSON file of the tree is read that is an Item or a FeatureCollection of Items, whether a catalog links
to it or not. The ``child`` and ``item`` links of catalogs and collections are followed, because documents
may have other extensions.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasterwire.catalog.document import as_list, as_mapping, as_text, read_document
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.items import NO_FILE, entry_of_item, is_item, shown
from rasterwire.catalog.tree import Tree, is_document, is_remote

__all__ = ["find_items"]


def find_items(tree: Tree) -> tuple[list[Entry], list[Disagreement]]:
    """Return the items of all documents, ordered by document name, and notes about problems of documents."""
    notes: list[Disagreement] = []
    entries: list[Entry] = []
    pending = [name for name in tree.files if is_document(name)]
    visited = set(pending)  # documents may link to each other in a circle
    while pending:
        name = pending.pop()
        try:
            document = read_document(tree.path_of(name))
        except ValueError as error:
            notes.append(
                Disagreement(image_id=name, band="", field="document", claim="a JSON document", value=str(error))
            )
            continue
        match (document or {}).get("type"):
            case "Feature":
                entries.extend(_items(tree, name, [document]))
            case "FeatureCollection":
                entries.extend(_items(tree, name, as_list(as_mapping(document).get("features"))))
            case "Catalog" | "Collection":
                links = list(_links(tree, name, as_mapping(document), notes))
                pending.extend(target for target in links if target not in visited)
                visited.update(links)
            case _:
                pass  # not STAC
    # Sorting is stable: the items of one document keep their order.
    return sorted(entries, key=lambda entry: entry.origin), sorted(notes, key=lambda note: note.image_id)


def _links(tree: Tree, name: str, document: Mapping[str, Any], notes: list[Disagreement]) -> Iterator[str]:
    """Yield the documents of the tree to which a catalog links as its children and items."""
    for link in map(as_mapping, as_list(document.get("links"))):
        href = as_text(link.get("href"))
        if link.get("rel") not in ("child", "item") or href is None or is_remote(href):
            continue
        target = tree.locate(href, name)
        if target is None:
            notes.append(Disagreement(image_id=name, band="", field="link", claim=shown(href), value=NO_FILE))
        else:
            yield target


def _items(tree: Tree, origin: str, features: Sequence[object]) -> Iterator[Entry]:
    """Yield the entries of the features that are STAC items. Other GeoJSON features have no id or no assets."""
    for feature in map(as_mapping, features):
        if is_item(feature):
            yield entry_of_item(feature, origin, lambda href: tree.location(href, origin))
