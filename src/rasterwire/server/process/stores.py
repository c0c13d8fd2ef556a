"""The stores of a server: those that its settings name, else those in its state folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rasterwire.errors import StorageUnavailable
from rasterwire.server.process.bucket import opened_bucket
from rasterwire.server.readiness import Probe
from rasterwire.server.settings import BadSettings, Settings
from rasterwire.store import ArtifactStore, DownloadStore, Leases, UsageStore
from rasterwire.store.artifacts import FolderArtifactStore
from rasterwire.store.leases import SqliteLeases
from rasterwire.store.objects import ObjectArtifactStore
from rasterwire.store.settings import StoreSettings
from rasterwire.store.sqlite import SqliteDownloadStore
from rasterwire.store.usage import SqliteUsageStore

if TYPE_CHECKING:
    from rasterwire.store.postgres.database import Database

__all__ = [
    "LEASES",
    "USAGE",
    "Stores",
    "conninfo",
    "make_stores",
    "migrate_database",
    "migrated_database",
    "opened_database",
]

LEASES = "leases.sqlite"
"""The file of the leases of workers, in the state folder."""

USAGE = "usage.sqlite"
"""The file of what tenants took, in the state folder."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a process, each closed by its user; that of downloads last.

    Attributes:
        downloads: the registered ones.
        artifacts: rendered files.
        leases: of renders, where other processes share the rendered files; else None.
        usage: what tenants took; None where there are none.
        probes: of what is not on this machine, by name.
        database: that servers share, closed with ``downloads``; None where there is none.
    """

    downloads: DownloadStore
    artifacts: ArtifactStore
    leases: Leases | None
    usage: UsageStore | None
    probes: Mapping[str, Probe] = field(default_factory=dict)
    database: "Database | None" = None


def make_stores(settings: Settings) -> Stores:
    """Return the stores of a process.

    Raises:
        BadSettings: the database or the object store cannot be used; the message names the remedy.
        OSError: the state folder cannot be used.
    """
    artifacts = _make_artifact_store(settings)
    probes: dict[str, Probe] = {}
    if isinstance(artifacts, ObjectArtifactStore):
        probes["objects"] = artifacts.problem
    shared_leases: Leases | None = None
    usage: UsageStore | None = None
    database: Database | None = None
    if conninfo(settings.store):
        database = migrated_database(settings.store)
        probes["database"] = database.problem
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
    return Stores(downloads, artifacts, shared_leases, usage, probes, database)


def conninfo(settings: StoreSettings) -> str:
    """Return the address of the database, "" where there is none.

    Raises:
        BadSettings: its file cannot be read any more, or is empty.
    """
    try:
        return settings.conninfo()
    except ValueError as error:
        raise BadSettings(f"store.database_file: {error}") from None


def migrated_database(settings: StoreSettings) -> "Database":
    """Return a database whose tables this server can work with.

    Raises:
        BadSettings: it cannot be used; the message names the remedy.
    """
    database = opened_database(settings)
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
    return ObjectArtifactStore(folder, opened_bucket(settings.store))


def migrate_database(settings: StoreSettings) -> tuple[list[int], int]:
    """Bring the tables of the database to the version of this server.

    Returns:
        the versions that were made, and the one that the tables have now.

    Raises:
        BadSettings: there is no database, or it cannot be used.
    """
    if not conninfo(settings):
        raise BadSettings("store.database: it is not set; without a database there is nothing to migrate")
    database = opened_database(settings)
    from rasterwire.store.postgres.migrations import MIGRATIONS, migrate

    try:
        return migrate(database), MIGRATIONS[-1].number
    except StorageUnavailable:
        raise BadSettings(f"store.database: {_UNUSABLE}") from None
    finally:
        database.close()


_UNUSABLE = "it cannot be reached, or refused what was asked; the log says why"


def opened_database(settings: StoreSettings) -> "Database":
    """Return a database; whether it is there shows when it is asked.

    Raises:
        BadSettings: a package is missing, or its address is none.
    """
    try:
        import psycopg

        from rasterwire.store.postgres.database import Database
    except ImportError:
        problem = "it needs psycopg; install it with pip install 'rasterwire[postgres]'"
        raise BadSettings(f"store.database: {problem}") from None
    address = conninfo(settings)
    try:
        return Database(address)
    except psycopg.ProgrammingError:
        raise BadSettings("store.database: it is not the address of a PostgreSQL database") from None
