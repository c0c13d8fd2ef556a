"""The stores of a server for an operator, found by the settings that the server has."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from rasterwire.server.process.bucket import opened_bucket
from rasterwire.server.process.stores import LEASES, USAGE, conninfo, migrated_database
from rasterwire.server.settings import Settings
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.store.inventory import Inventory, inventory_of_database, inventory_of_folder
from rasterwire.store.objects import Bucket, file_of_key
from rasterwire.store.sqlite import SCHEMA

__all__ = ["CachedFile", "delete_files", "list_files", "opened_inventory"]

_PAGE = 1000
"""Objects that a bucket deletes by one request."""


@contextmanager
def opened_inventory(settings: Settings) -> Iterator[Inventory]:
    """Give the inventory of the stores.

    Raises:
        BadSettings: the database cannot be used.
        OSError: the state folder cannot.
    """
    if not conninfo(settings.store):
        _check_state_folder(settings)
        downloads, leases, usage = (settings.state_dir / name for name in ("downloads.sqlite", LEASES, USAGE))
        with inventory_of_folder(downloads, leases, usage, SCHEMA) as inventory:
            yield inventory
        return
    with closing(migrated_database(settings.store)) as database:
        yield inventory_of_database(database)


def _check_state_folder(settings: Settings) -> None:
    if not settings.state_dir.is_dir():
        problem = f"state_dir: there is no folder {settings.state_dir}"
        raise FileNotFoundError(f"{problem}; name that of the server by --state-dir, or its --config")


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A rendered file.

    Attributes:
        etag: of the file.
        place: ``disk``, the state folder, or ``bucket``, the object store.
        size: in bytes.
        use_time: of the last use on the disk, or when it came into the bucket; with a time zone.
        key: its name there.
    """

    etag: str
    place: str
    size: int
    use_time: datetime
    key: str


def list_files(settings: Settings, place: str) -> list[CachedFile]:
    """Return the rendered files, those first whose use is the longest ago.

    Args:
        settings: of the server.
        place: ``disk`` or ``bucket``.

    Raises:
        BadSettings: there is no bucket.
        StorageUnavailable: it cannot be reached.
        OSError: the state folder cannot be used.
    """
    files = _in_bucket(opened_bucket(settings.store)) if place == "bucket" else _on_disk(settings)
    return sorted(files, key=lambda file: (file.use_time, file.key))


def _on_disk(settings: Settings) -> Iterator[CachedFile]:
    _check_state_folder(settings)
    folder = settings.state_dir / "cache"
    if folder.is_dir():
        for file in FolderArtifactStore(folder, settings.cache_bytes).files():
            use_time = datetime.fromtimestamp(file.use_time / 1e9, UTC)
            yield CachedFile(file.etag, "disk", file.size, use_time, str(file.path.relative_to(folder)))


def _in_bucket(bucket: Bucket) -> Iterator[CachedFile]:
    import obstore

    with bucket.asked():
        for page in obstore.list(bucket.patient, f"{bucket.prefix}files/"):
            for item in page:
                if etag := file_of_key(item["path"]):
                    yield CachedFile(etag, "bucket", item["size"], item["last_modified"], item["path"])


def delete_files(settings: Settings, files: Sequence[CachedFile]) -> None:
    """Delete rendered files. A server renders them again, to the same bytes.

    Who reads one of the disk reads it to its end; who reads one of a bucket has to begin again.

    Raises:
        BadSettings, StorageUnavailable: see ``list_files``.
    """
    on_disk = [file for file in files if file.place == "disk"]
    if on_disk:
        folder = settings.state_dir / "cache"
        store = FolderArtifactStore(folder, settings.cache_bytes)
        for file in on_disk:
            store.drop(folder / file.key)
    keys = [file.key for file in files if file.place == "bucket"]
    if keys:
        import obstore

        bucket = opened_bucket(settings.store)
        with bucket.asked():
            for start in range(0, len(keys), _PAGE):
                obstore.delete(bucket.patient, keys[start : start + _PAGE])
