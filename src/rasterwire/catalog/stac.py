"""Reads the STAC documents of a folder.

A document is a JSON file that is an Item or a FeatureCollection of Items, whether a catalog links to it or not. The
``child`` and ``item`` links of catalogs and collections are followed, because documents may have other extensions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasterwire.catalog.document import BrokenDocument, addresses_in, as_list, as_mapping, as_text, read_document
from rasterwire.catalog.entry import Disagreement, Entry
from rasterwire.catalog.items import NO_FILE, entry_of_item, is_item, shown
from rasterwire.catalog.tree import Location, Tree, is_raster, is_remote

__all__ = ["FolderDocument", "document_note", "linked_addresses", "read_folder_document"]

_KEPT = "what the catalog knew of it stays, and no raster that it names becomes an image of its own"


@dataclass(frozen=True, slots=True)
class FolderDocument:
    """What a document of a folder says.

    Attributes:
        entries: of its items, in its order.
        notes: what is wrong with it.
        files: names of the files that its items list, whether they are there or not.
        links: names of the documents that it links to, whether they are there or not.
        is_broken: whether it cannot be read. What it said before is to stay; ``files`` has what of it can be seen.
    """

    entries: tuple[Entry, ...] = ()
    notes: tuple[Disagreement, ...] = ()
    files: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    is_broken: bool = False


def read_folder_document(tree: Tree, name: str) -> FolderDocument:
    """Return what a document of a tree says. What is no STAC says nothing."""
    files: set[str] = set()

    def locate(href: str) -> Location | None:
        for candidate in tree.candidates(href, name):
            files.add(candidate)
            if tree.version_of(candidate) is not None:
                return Location(candidate, tree.path_of(candidate))
        return tree.location(href, name) if is_remote(href) else None

    try:
        document = read_document(tree.path_of(name))
    except ValueError as error:
        for href in addresses_in(error.body) if isinstance(error, BrokenDocument) else ():
            locate(href)
        note = document_note(name, f"{error}; {_KEPT}")
        return FolderDocument(notes=(note,), files=frozenset(files), is_broken=True)
    if document is None:
        return FolderDocument()
    if document.get("type") in ("Catalog", "Collection"):
        return _of_links(tree, name, document)
    features = [document] if document.get("type") == "Feature" else as_list(document.get("features"))
    is_stac = document.get("type") in ("Feature", "FeatureCollection")
    items = [feature for feature in map(as_mapping, features) if is_stac and is_item(feature)]
    entries = tuple(entry_of_item(item, name, locate) for item in items)
    return FolderDocument(entries, files=frozenset(files))


def document_note(name: str, problem: str) -> Disagreement:
    """Return a note of a document that cannot be read."""
    return Disagreement(image_id=name, band="", field="document", claim="a JSON document", value=problem)


def linked_addresses(document: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return the addresses of the children and items of a catalog or collection, and whether each is an item."""
    links = map(as_mapping, as_list(document.get("links")))
    addresses = ((as_text(link.get("href")), link.get("rel")) for link in links if link.get("rel") in ("child", "item"))
    return [(address, relation == "item") for address, relation in addresses if address is not None]


def _of_links(tree: Tree, name: str, document: Mapping[str, Any]) -> FolderDocument:
    notes: list[Disagreement] = []
    targets: set[str] = set()
    for href, _ in linked_addresses(document):
        if is_remote(href):
            continue
        targets.update(tree.candidates(href, name))
        target = tree.locate(href, name)
        if target is None or is_raster(target):
            notes.append(Disagreement(image_id=name, band="", field="link", claim=shown(href), value=NO_FILE))
    return FolderDocument(notes=tuple(notes), links=frozenset(targets))
