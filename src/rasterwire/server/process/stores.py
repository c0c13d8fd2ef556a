"""The stores of a server: those that its settings name, else those in its state folder."""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rasterwire.errors import StorageUnavailable
from rasterwire.files.sources.credentials import read_keys
from rasterwire.files.sources.objects import make_object_store
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.store import ArtifactStore, DownloadStore, Leases, UsageStore
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.store.leases import SqliteLeases
from rasterwire.store.objects import ObjectArtifactStore
from rasterwire.store.settings import StoreSettings
from rasterwire.store.sqlite import SqliteDownloadStore
from rasterwire.store.usage import SqliteUsageStore

if TYPE_CHECKING:
    from rasterwire.files.sources.objects import ObjectStore
    from rasterwire.store.postgres.database import Database

__all__ = ["LEASES", "USAGE", "Stores", "make_stores", "migrate_database"]

LEASES = "leases.sqlite"
"""The file of the leases of workers, in the state folder."""

USAGE = "usage.sqlite"
"""The file of what tenants took, in the state folder."""

_RETRIES = 2
"""How many times a request to the object store is sent again."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a process, each closed by its user; that of downloads last.

    Attributes:
        downloads: the registered ones.
        artifacts: rendered files.
        leases: of renders, where other processes share the rendered files; else None.
        usage: what tenants took; None where there are none.
    """

    downloads: DownloadStore
    artifacts: ArtifactStore
    leases: Leases | None
    usage: UsageStore | None


def make_stores(settings: Settings) -> Stores:
    """Return the stores of a process.

    Raises:
        BadSettings: the database or the object store cannot be used; the message names the remedy.
        OSError: the state folder cannot be used.
    """
    artifacts = _make_artifact_store(settings)
    shared_leases: Leases | None = None
    usage: UsageStore | None = None
    if settings.store.conninfo():
        database = _migrated_database(settings.store)
        # Late: what a server without a database does not need.
        from rasterwire.store.postgres.downloads import PostgresDownloadStore
        from rasterwire.store.postgres.leases import PostgresLeases
        from rasterwire.store.postgres.usage import PostgresUsageStore

        downloads: DownloadStore = PostgresDownloadStore(database)
        shared_leases = PostgresLeases(database) if settings.store.objects else None
        usage = PostgresUsageStore(database)
    else:
        downloads = SqliteDownloadStore(settings.state_dir / "downloads.sqlite")
        usage = SqliteUsageStore(settings.state_dir / USAGE) if settings.tenants else None
    if shared_leases is None and settings.workers > 1:
        shared_leases = SqliteLeases(settings.state_dir / LEASES)
    return Stores(downloads, artifacts, shared_leases, usage)


def _migrated_database(settings: StoreSettings) -> "Database":
    database = _database(settings)
    from rasterwire.store.postgres.migrations import version_problem

    try:
        problem = version_problem(database)
    except StorageUnavailable:
        problem = _UNUSABLE
    if problem:
        database.close()
        raise BadSettings(f"store.database: {problem}")
    return database


def _make_artifact_store(settings: Settings) -> ArtifactStore:
    folder = FolderArtifactStore(settings.state_dir / "cache", settings.cache_bytes)
    if not settings.store.objects:
        return folder
    if find_spec("obstore") is None:
        raise BadSettings("store.objects: it needs obstore; install it with pip install 'rasterwire[remote]'")
    source = settings.store.source
    try:
        keys = read_keys(source)
    except ValueError as error:
        raise BadSettings(f"store.credentials: {error}") from None
    bucket, _, prefix = source.prefix.partition("://")[2].partition("/")
    store = make_object_store(source, keys, bucket, _RETRIES)
    signing: ObjectStore | None = store
    if settings.store.client_endpoint == "none":
        signing = None
    elif settings.store.client_endpoint:
        signing = make_object_store(replace(source, endpoint=settings.store.client_endpoint), keys, bucket)
    return ObjectArtifactStore(folder, store, prefix, signing)


def migrate_database(settings: StoreSettings) -> tuple[list[int], int]:
    """Bring the tables of the database to the version of this server.

    Returns:
        the versions that were made, and the one that the tables have now.

    Raises:
        BadSettings: there is no database, or it cannot be used.
    """
    if not settings.conninfo():
        raise BadSettings("store.database: it is not set; without a database there is nothing to migrate")
    database = _database(settings)
    from rasterwire.store.postgres.migrations import MIGRATIONS, migrate

    try:
        return migrate(database), MIGRATIONS[-1].number
    except StorageUnavailable:
        raise BadSettings(f"store.database: {_UNUSABLE}") from None
    finally:
        database.close()


_UNUSABLE = "it cannot be reached, or refused what was asked; the log says why"


def _database(settings: StoreSettings) -> "Database":
    try:
        import psycopg

        from rasterwire.store.postgres.database import Database
    except ImportError:
        problem = "it needs psycopg; install it with pip install 'rasterwire[postgres]'"
        raise BadSettings(f"store.database: {problem}") from None
    try:
        return Database(settings.conninfo())
    except psycopg.ProgrammingError:
        raise BadSettings("store.database: it is not the address of a PostgreSQL database") from None
