"""Where exports of Earth Engine's clients go: buckets, Drive and assets as destinations of this server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasterwire.download.image_source import plain_id
from rasterwire.errors import InvalidRequest, invalid
from rasterwire.export.settings import DestinationSettings
from rasterwire.server.export_conflicts import catalogs_around

__all__ = ["DRIVE", "ExportPlace", "catalog_destinations", "place_of_asset", "place_of_drive"]

DRIVE = "drive"
"""The name of the destination that takes what scripts export to Google Drive."""


@dataclass(frozen=True, slots=True)
class ExportPlace:
    """Where the files of an export go.

    Attributes:
        destination: the name of one of the server.
        prefix: of the names of all files, without that of the tenant.
        may_replace: whether files of these names are replaced, as Earth Engine does in buckets.
    """

    destination: str
    prefix: str
    may_replace: bool = True


def catalog_destinations(
    destinations: Sequence[DestinationSettings], folders: Mapping[str, Path]
) -> dict[str, tuple[DestinationSettings, ...]]:
    """Return the destinations that lie in folders of images, by what the ids of images there begin with.

    Of several with the same beginning, the first one that a tenant may export to takes its assets: ids do not tell
    where in the folder a file lies.

    Args:
        destinations: of the server.
        folders: of images, by the prefix of their ids.
    """
    places: dict[str, tuple[DestinationSettings, ...]] = {}
    for destination in destinations:
        for prefix in catalogs_around(destination, folders):
            beginning = f"{prefix}/" if prefix else ""
            places[beginning] = (*places.get(beginning, ()), destination)
    return places


def place_of_drive(folder: str, prefix: str, names: Sequence[str]) -> ExportPlace:
    """Return the place of a file of Google Drive.

    Args:
        folder: of Drive, "" for none.
        prefix: of the file's name.
        names: of the destinations that the caller may export to.

    Raises:
        InvalidRequest: this server has no place for such files.
    """
    if DRIVE not in names:
        buckets = f" with the bucket {' or '.join(names)}" if names else ""
        sentence = f"this server does not export to Google Drive; use Export.image.toCloudStorage{buckets}"
        raise invalid("fileExportOptions.driveDestination", "DRIVE_NOT_SET", sentence)
    return ExportPlace(DRIVE, f"{folder}/{prefix}" if folder else prefix)


def place_of_asset(name: str, places: Mapping[str, Sequence[DestinationSettings]], tenant: str) -> ExportPlace:
    """Return the place of an asset: a file in a folder whose images the server serves.

    Args:
        name: of the asset.
        places: see ``catalog_destinations``.
        tenant: of the caller, "" where the server knows none.

    Raises:
        InvalidRequest: there is no such folder, or no such id in it.
    """
    allowed = {
        prefix: first
        for prefix, several in places.items()
        if (first := next((place for place in several if place.is_for(tenant)), None)) is not None
    }
    if not allowed:
        sentence = "this server takes no assets; use Export.image.toCloudStorage"
        raise _refusal("ASSETS_NOT_SET", sentence)
    asset = plain_id(name)
    roots = {f"{prefix}{tenant}/" if tenant else prefix: place.name for prefix, place in allowed.items()}
    for root in sorted(roots, key=len, reverse=True):
        if asset.startswith(root) and asset != root:
            return ExportPlace(roots[root], asset.removeprefix(root))
    beginnings = " or ".join(repr(root) for root in sorted(roots))
    raise _refusal("ASSET_ELSEWHERE", f"{asset[:100]!r} is no id for a new image; begin it with {beginnings}")


def _refusal(reason: str, sentence: str) -> InvalidRequest:
    return invalid("assetExportOptions.earthEngineDestination.name", reason, sentence)
