"""Makes images of folders with rasters that no STAC item lists.

Each raster directly in the catalog's folder is an image. Its id is the file name without extension. In a
subfolder all rasters together are one image. Its id is the path of the subfolder relative to the catalog's
folder, with slashes. A folder with an ``asset.json`` like the result of Earth Engine's
``ee.Image.getInfo()`` is always one image, with id, band order and properties of that document.
"""

import posixpath
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rasterwire.catalog.claims import earth_engine_claim
from rasterwire.catalog.document import (
    as_list,
    as_mapping,
    as_number,
    as_text,
    as_time,
    limit_properties,
    read_document,
)
from rasterwire.catalog.entry import Claim, Entry, Naming, Source, left_out_notes
from rasterwire.catalog.tree import Tree, is_raster, natural_key

__all__ = ["find_folder_images"]

_description_name = "asset.json"


def find_folder_images(tree: Tree, used: set[str]) -> list[Entry]:
    """Return the images of all folders, ordered by folder.

    Args:
        tree: the files of the catalog.
        used: names of the rasters that belong to STAC items.
    """
    folders: dict[str, list[str]] = {}
    for name in tree.files:
        if is_raster(name) and name not in used:
            folders.setdefault(posixpath.dirname(name), []).append(name)
    entries: list[Entry] = []
    for folder, names in folders.items():
        names.sort(key=natural_key)
        description = _description(tree, folder)
        if description:
            entries.append(_entry_of_description(tree, folder, names, description))
        elif folder:
            sources = tuple(_source(tree, name) for name in names)
            entries.append(Entry(folder, folder, Naming.FOLDER, sources))
        else:
            entries.extend(_whole_file(tree, name) for name in names)
    return entries


def _whole_file(tree: Tree, name: str) -> Entry:
    source = _source(tree, name)
    return Entry(source.key, name, Naming.WHOLE_FILE, (source,))


def _source(tree: Tree, name: str, claims: Mapping[str, Claim] | None = None) -> Source:
    stem = posixpath.splitext(posixpath.basename(name))[0]
    return Source(stem, name, tree.path_of(name), (claims or {}).get(stem, Claim()))


def _description(tree: Tree, folder: str) -> Mapping[str, Any]:
    """Return the image description of a folder, or {}. The notes of ``find_items`` list invalid JSON."""
    name = posixpath.join(folder, _description_name)
    if name not in tree.files:
        return {}
    try:
        document = as_mapping(read_document(tree.path_of(name)))
    except ValueError:
        return {}
    is_image = str(document.get("type")).lower() == "image"
    return document if is_image and as_text(document.get("id")) else {}


def _entry_of_description(tree: Tree, folder: str, names: Sequence[str], description: Mapping[str, Any]) -> Entry:
    bands = [as_mapping(band) for band in as_list(description.get("bands"))]
    claims = {str(band["id"]): earth_engine_claim(band) for band in bands if as_text(band.get("id"))}
    properties = as_mapping(description.get("properties"))
    image_id = str(description["id"])
    limited_properties, left_out = limit_properties(properties)
    return Entry(
        id=image_id,
        origin=posixpath.join(folder, _description_name),
        naming=Naming.FOLDER,
        sources=tuple(_source(tree, name, claims) for name in names),
        start_time=as_time(description.get("startTime")) or _from_milliseconds(properties.get("system:time_start")),
        properties=limited_properties,
        band_order=tuple(claims),
        notes=tuple(left_out_notes(image_id, left_out)),
    )


def _from_milliseconds(value: object) -> datetime | None:
    """Return a time from milliseconds since 1970, the form of Earth Engine."""
    number = as_number(value)
    try:
        return None if number is None else datetime.fromtimestamp(number / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
