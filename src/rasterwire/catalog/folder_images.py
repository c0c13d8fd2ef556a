"""Makes images of folders with rasters that no STAC item lists.

Each raster directly in the catalog's folder is an image. Its id is the file name without extension. In a
subfolder all rasters together are one image. Its id is the path of the subfolder relative to the catalog's
folder, with slashes. Only VRTs, tile indexes and files of arrays are images of their own there too. A folder with an
``asset.json`` like the result of Earth Engine's ``ee.Image.getInfo()`` is always one image, with id, band order
and properties of that document.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from rasterwire.catalog.array_images import array_images
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
from rasterwire.catalog.tree import Tree, gives_own_images, join, natural_key
from rasterwire.files.arrays.opened import array_format
from rasterwire.files.sources import is_local
from rasterwire.files.tile_index import is_tile_index_name, stem_of_tile_index

__all__ = ["DESCRIPTION_NAME", "BrokenDescription", "folder_images", "units_of"]

DESCRIPTION_NAME = "asset.json"
"""Of the document that describes the image of its folder."""


class BrokenDescription(Exception):
    """The document that describes the image of a folder is no JSON, so nobody knows which image that is now."""


def units_of(name: str) -> tuple[str, ...]:
    """Return what a raster or a description may give images to, itself or its folder; that of a folder ends with "/".

    >>> units_of("a/b/B1.tif"), units_of("dem.tif"), units_of("a/cube.zarr")
    (('a/b/',), ('dem.tif', '/'), ('a/cube.zarr',))
    """
    folder, _, base = name.rpartition("/")
    if gives_own_images(name):
        return (name,)
    return (f"{folder}/",) if folder or base == DESCRIPTION_NAME else (name, "/")


def folder_images(
    tree: Tree, unit: str, listed: Callable[[Sequence[str]], set[str]]
) -> tuple[str, tuple[Entry, ...]] | None:
    """Return version and entries of the images of a folder or of a file, None where it gives none.

    Only a file of arrays gives more than one.

    Args:
        tree: the files of the catalog.
        unit: see ``units_of``.
        listed: returns those of some rasters that STAC items list; they are part of no other image.

    Raises:
        BrokenDescription: the images are to stay as they were.
        SourceUnavailable: the description cannot be read now.
    """
    if array_format(unit):
        version = tree.version_of(unit)
        return None if version is None or listed([unit]) else (version, array_images(tree, unit))
    image = _folder_image(tree, unit, listed)
    return None if image is None else (image[0], (image[1],))


def _folder_image(tree: Tree, unit: str, listed: Callable[[Sequence[str]], set[str]]) -> tuple[str, Entry] | None:
    if not unit.endswith("/"):
        version = tree.version_of(unit)
        is_image = version is not None and tree.is_raster(unit) and not listed([unit])
        is_image = is_image and (gives_own_images(unit) or not _description(tree, ""))
        return (str(version), _whole_file(tree, unit)) if is_image else None
    folder = unit[:-1]
    content = tree.folders.get(folder)
    present = [join(folder, base) for base in content.files] if content else []
    rasters = [name for name in present if tree.is_raster(name) and not gives_own_images(name)]
    names = sorted(sorted({*rasters} - listed(rasters)), key=natural_key)
    description = _description(tree, folder) if names else {}
    if not names or not (folder or description):
        return None
    versions = [tree.state_of(name) or "" for name in (*names, join(folder, DESCRIPTION_NAME))]
    version = blake2b("\0".join((*names, *versions)).encode(), digest_size=12).hexdigest()
    if description:
        return version, _entry_of_description(tree, folder, names, description)
    return version, Entry(folder, folder, Naming.FOLDER, tuple(_source(tree, name) for name in names))


def _whole_file(tree: Tree, name: str) -> Entry:
    source = _source(tree, name)
    return Entry(_stem_of(name), name, Naming.WHOLE_FILE, (source,))


def _source(tree: Tree, name: str, claims: Mapping[str, Claim] | None = None) -> Source:
    stem = _stem_of(posixpath.basename(name))
    return Source(stem, name, tree.path_of(name), (claims or {}).get(stem, Claim()))


def _stem_of(name: str) -> str:
    return stem_of_tile_index(name) if is_tile_index_name(name) else posixpath.splitext(name)[0]


def _description(tree: Tree, folder: str) -> Mapping[str, Any]:
    """Return the image description of a folder, or {}.

    Raises:
        BrokenDescription: it cannot be read; a note of ``read_folder_document`` tells why.
    """
    name = join(folder, DESCRIPTION_NAME)
    version = tree.version_of(name)
    if version is None:
        return {}
    path = tree.path_of(name)
    try:
        document = as_mapping(read_document(path) if is_local(path) else _remote_document(path, version))
    except ValueError:
        raise BrokenDescription from None
    is_image = str(document.get("type")).lower() == "image"
    return document if is_image and as_text(document.get("id")) else {}


@lru_cache(maxsize=16)
def _remote_document(href: str, _version: str) -> Mapping[str, Any] | None:
    """Return a document on another machine; that of the top is needed again for each raster there."""
    return read_document(href)


def _entry_of_description(tree: Tree, folder: str, names: Sequence[str], description: Mapping[str, Any]) -> Entry:
    bands = [as_mapping(band) for band in as_list(description.get("bands"))]
    claims = {str(band["id"]): earth_engine_claim(band) for band in bands if as_text(band.get("id"))}
    properties = as_mapping(description.get("properties"))
    image_id = str(description["id"])
    limited_properties, left_out = limit_properties(properties)
    return Entry(
        id=image_id,
        origin=posixpath.join(folder, DESCRIPTION_NAME),
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
