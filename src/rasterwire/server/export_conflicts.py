"""What is in the way of an export: images of the catalog that it would hide, and files that no export wrote."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from rasterwire.catalog import Catalog
from rasterwire.catalog.ingest.build import SourceKind, kind_of
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.errors import CatalogUnavailable, ImageNotFound, SourceUnavailable, StorageUnavailable, Violation
from rasterwire.export.destination import Destination
from rasterwire.export.queue import ExportQueue
from rasterwire.export.settings import DestinationSettings
from rasterwire.export.tiling import file_key, file_windows
from rasterwire.export.zarr_export import zarr_keys
from rasterwire.plan import RenderPlan
from rasterwire.request import Format
from rasterwire.v1.export_service_pb2 import ExportParams

__all__ = ["catalogs_around", "existing_files", "image_conflicts"]

_MAX_LOOKED_AT = 16
"""Files of an export that are looked at before it begins; each is a request to a bucket."""


def catalogs_around(
    destination: DestinationSettings, folders: Mapping[str, Path], catalogs: Sequence[CatalogSettings] = ()
) -> tuple[str, ...]:
    """Return what the ids of images begin with that are served from a destination; none where it is in no catalog.

    Args:
        destination: a folder or a bucket.
        folders: of images, by the prefix of their ids.
        catalogs: others, of which those count whose images are found by listing a bucket.
    """
    if destination.folder:
        path = Path(destination.folder).resolve()
        return tuple(prefix for prefix, folder in folders.items() if path.is_relative_to(folder.resolve()))
    address = destination.source.prefix
    return tuple(
        catalog.prefix
        for catalog in catalogs
        if catalog.kind is CatalogKind.INDEX
        and kind_of(catalog.source) is SourceKind.BUCKET
        and address.startswith(catalog.source.rstrip("/") + "/")
    )


def image_conflicts(queue: ExportQueue, catalog: Catalog, params: ExportParams, prefix: str) -> Sequence[Violation]:
    """Return what is in the way of an export into a catalog: its STAC item would take the place of another image.

    An export may replace what an export wrote to the same files, where it says ``overwrite``. It blocks on files.

    Args:
        queue: of the exports.
        catalog: as the server sees it: a tenant does not hide the image of another either.
        params: with a destination of the server.
        prefix: of the files, with the name of the tenant.

    Raises:
        CatalogUnavailable: nobody knows which images there are.
        StorageUnavailable: the destination cannot be reached.
    """
    store, key = queue.stores[params.destination], f"{prefix}.tif"
    own, beginnings = _address(queue.destinations[params.destination], key), queue.catalogs[params.destination]
    problems = []
    for image_id in (f"{beginning}/{prefix}" if beginning else prefix for beginning in beginnings):
        files = _files_of(catalog, image_id)
        if files is None:
            continue
        if not files <= {own} or not _is_of_export(store, prefix, key):
            sentence = f"{image_id!r} is an image of this server, which the export would hide; choose another name"
            problems.append(Violation("prefix", "IMAGE_EXISTS", sentence))
        elif not params.overwrite:
            sentence = f"{image_id!r} is an image already, by an export; choose another name, or set"
            problems.append(Violation("prefix", "IMAGE_EXISTS", f"{sentence} overwrite to replace it"))
    if not problems and params.overwrite and store.has(key) and not _is_of_export(store, prefix, key):
        sentence = f"{key!r} is a file of the catalog that no export wrote; choose another name"
        problems.append(Violation("prefix", "IMAGE_EXISTS", sentence))
    return problems


def existing_files(store: Destination, params: ExportParams, prefix: str, plan: RenderPlan) -> Sequence[str]:
    """Return which of the first files of an export are there already; none where the destination cannot be reached.

    Args:
        store: where it goes.
        params: of the export.
        prefix: of the files, with the name of the tenant.
        plan: of all files.
    """
    keys: list[str]
    if plan.format is Format.ZARR:
        keys = [*islice(zarr_keys(plan, prefix), _MAX_LOOKED_AT)]
    elif params.file_side:
        windows = file_windows(plan.rasters[0], params.file_side)[:_MAX_LOOKED_AT]
        keys = [*(file_key(prefix, window) for window in windows), f"{prefix}.vrt"]
    else:
        keys = [f"{prefix}.tif"]
    keys += [f"{prefix}.provenance.json", f"{prefix}.stac.json"]
    with suppress(StorageUnavailable):  # the log says so
        return [key for key in keys if store.has(key)]
    return []


def _files_of(catalog: Catalog, image_id: str) -> set[str] | None:
    """Return the addresses of the files of an image, as far as they can be read; None where there is no such image."""
    try:
        return {band.stored.href for band in catalog.get(image_id).bands}
    except ImageNotFound:
        return None
    except CatalogUnavailable:
        raise
    except SourceUnavailable:
        return set()


def _address(destination: DestinationSettings, key: str) -> str:
    """Return the address of a file, as catalogs have it."""
    if destination.folder:
        return f"{Path(destination.folder, key).resolve()}"
    return destination.source.prefix + key


def _is_of_export(store: Destination, prefix: str, key: str) -> bool:
    """Tell whether an export wrote a file, by what it left beside it."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        provenance = json.loads(store.get(f"{prefix}.provenance.json"))
        is_export = str(provenance["export"]).startswith("exports/")
        return is_export and any(file["key"] == key for file in provenance["files"])
    return False
