"""Makes images of STAC items.

Every JSON file of the tree is read that is an Item or a FeatureCollection of Items, whether a catalog links
to it or not. The ``child`` and ``item`` links of catalogs and collections are followed, because documents
may have other extensions. Assets that are rasters inside the folder become bands. Addresses on other
machines (https, s3) are not followed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasterwire.catalog.claims import asset_claim
from rasterwire.catalog.document import as_list, as_mapping, as_text, as_time, limit_properties, read_document
from rasterwire.catalog.entry import Disagreement, Entry, Naming, Source, left_out_notes
from rasterwire.catalog.tree import Tree, is_document, is_raster, is_remote

__all__ = ["find_items"]

_NO_FILE = "no such file in the catalog's folder"

_raster_types = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff")


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
            notes.append(Disagreement(image_id=name, band="", field="link", claim=_shown(href), value=_NO_FILE))
        else:
            yield target


def _items(tree: Tree, origin: str, features: Sequence[object]) -> Iterator[Entry]:
    """Yield the entries of the features that are STAC items. Other GeoJSON features have no id or no assets."""
    for feature in map(as_mapping, features):
        image_id = as_text(feature.get("id"))
        if image_id and "stac_version" in feature and isinstance(feature.get("assets"), dict):
            yield _entry(tree, origin, image_id, feature)


def _entry(tree: Tree, origin: str, image_id: str, item: Mapping[str, Any]) -> Entry:
    properties = as_mapping(item.get("properties"))
    sources: list[Source] = []
    notes: list[Disagreement] = []
    missing: list[tuple[str, str]] = []
    remote: list[tuple[str, str]] = []
    for key, asset in item["assets"].items():
        href = as_text(as_mapping(asset).get("href"))
        if href is None or not _is_raster_asset(as_mapping(asset), href):
            continue
        if is_remote(href):
            remote.append((key, href))
            continue
        name = tree.locate(href, origin)
        if name is None:
            notes.append(Disagreement(image_id=image_id, band=key, field="file", claim=_shown(href), value=_NO_FILE))
            missing.append((key, _NO_FILE))
        else:
            sources.append(Source(key, name, tree.path_of(name), asset_claim(asset, properties)))
    limited_properties, left_out = limit_properties(properties)
    notes += left_out_notes(image_id, left_out)
    return Entry(
        id=image_id,
        origin=origin,
        naming=Naming.ASSETS,
        sources=tuple(sources),
        start_time=as_time(properties.get("datetime")) or as_time(properties.get("start_datetime")),
        properties=limited_properties,
        collection=as_text(item.get("collection")) or "",
        notes=tuple(notes),
        missing_assets=tuple(missing),
        remote_assets=tuple(remote),
    )


def _is_raster_asset(asset: Mapping[str, Any], href: str) -> bool:
    name = href.partition("?")[0] if is_remote(href) else href  # signed addresses have a query string
    return is_raster(name) or (as_text(asset.get("type")) or "").lower().startswith(_raster_types)


def _shown(href: str) -> str:
    """Return the form of an address in notes: of an absolute path, only the name of the file."""
    is_absolute = href.startswith("/") or href[:5].lower() == "file:"
    return "an absolute path to " + href.rsplit("/", 1)[-1] if is_absolute else href
