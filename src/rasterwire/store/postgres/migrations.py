"""The tables of the database, and how they change from version to version.

A change is made in two releases: the first adds what is new, and its servers write both; a later one removes what is
old. So servers of one version and the next run beside each other while they are replaced one by one.
"""

from dataclasses import dataclass

from rasterwire.store.postgres.database import Connection, Database

__all__ = ["MIGRATIONS", "Migration", "migrate", "version_problem"]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version of the tables to the next.

    Attributes:
        number: the version that it makes, from 1.
        oldest_server: the least version that servers may be made for to work with these tables.
        statements: of SQL, run in one transaction.
    """

    number: int
    oldest_server: int
    statements: str


MIGRATIONS = (
    Migration(
        1,
        1,
        """
        CREATE TABLE rasterwire.downloads (
            id uuid PRIMARY KEY,
            token text NOT NULL,
            request_id text UNIQUE,
            payload bytea NOT NULL,
            etag text NOT NULL,
            expires timestamptz NOT NULL,
            parts bytea[] NOT NULL,
            tenant text NOT NULL
        );
        CREATE INDEX downloads_expires ON rasterwire.downloads (expires);
        CREATE INDEX downloads_tenant ON rasterwire.downloads (tenant, id);
        CREATE TABLE rasterwire.parts (
            hash bytea PRIMARY KEY,
            expires timestamptz NOT NULL,
            data bytea NOT NULL
        );
        CREATE INDEX parts_expires ON rasterwire.parts (expires);
        CREATE SEQUENCE rasterwire.fences;
        CREATE TABLE rasterwire.leases (
            key text PRIMARY KEY,
            owner text NOT NULL,
            fence bigint NOT NULL,
            until timestamptz NOT NULL,
            progress real NOT NULL DEFAULT 0
        );
        """,
    ),
    Migration(
        2,
        1,
        """
        CREATE TABLE rasterwire.usage (
            tenant text NOT NULL,
            quota text NOT NULL,
            day date NOT NULL,
            used bigint NOT NULL,
            PRIMARY KEY (day, tenant, quota)
        );
        """,
    ),
    Migration(
        3,
        1,
        """
        ALTER TABLE rasterwire.downloads ADD COLUMN file_bytes bigint NOT NULL DEFAULT 0;
        CREATE INDEX downloads_kept ON rasterwire.downloads (tenant, etag, file_bytes, expires) WHERE file_bytes > 0;
        """,
    ),
    Migration(
        4,
        1,
        """
        CREATE TABLE rasterwire.exports (
            id text PRIMARY KEY,
            tenant text NOT NULL,
            request_id text NOT NULL,
            payload bytea NOT NULL,
            digest bytea NOT NULL,
            destination text NOT NULL,
            prefix text NOT NULL,
            description text NOT NULL,
            etag text NOT NULL,
            pixels bigint NOT NULL,
            source_bytes bigint NOT NULL,
            parts_total integer NOT NULL,
            priority integer NOT NULL,
            state text NOT NULL,
            attempt integer NOT NULL DEFAULT 0,
            parts_done integer NOT NULL DEFAULT 0,
            bytes_done bigint NOT NULL DEFAULT 0,
            failure text NOT NULL DEFAULT '',
            create_time float8 NOT NULL,
            update_time float8 NOT NULL,
            start_time float8,
            end_time float8,
            attempt_time float8,
            attempt_parts integer NOT NULL DEFAULT 0
        );
        CREATE UNIQUE INDEX exports_request ON rasterwire.exports (tenant, request_id) WHERE request_id <> '';
        CREATE INDEX exports_tenant ON rasterwire.exports (tenant, id);
        CREATE INDEX exports_unfinished ON rasterwire.exports (tenant, id) WHERE end_time IS NULL;
        CREATE INDEX exports_ended ON rasterwire.exports (end_time) WHERE end_time IS NOT NULL;
        CREATE INDEX exports_succeeded ON rasterwire.exports (end_time) WHERE state = 'SUCCEEDED' AND attempt = 1;
        CREATE TABLE rasterwire.export_parts (
            export_id text NOT NULL,
            number integer NOT NULL,
            file_key text NOT NULL,
            upload text NOT NULL,
            etag text NOT NULL,
            size bigint NOT NULL,
            crc32c bigint NOT NULL,
            summary bytea NOT NULL,
            attempt integer NOT NULL,
            PRIMARY KEY (export_id, number)
        );
        """,
    ),
    Migration(
        5,
        4,  # others read and write the same in the summary; see job_rows
        """
        ALTER TABLE rasterwire.export_parts
            ADD COLUMN file_standing text NOT NULL DEFAULT '',
            ADD COLUMN file_size bigint NOT NULL DEFAULT 0,
            ADD COLUMN file_crc32c bigint NOT NULL DEFAULT 0;
        """,
    ),
)
"""All steps in their order. One that was released is never changed."""

_LOCK = 0x7261737465720001
"""Of the database's advisory locks; it keeps two from migrating at once."""

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS rasterwire;
CREATE TABLE IF NOT EXISTS rasterwire.migrations (
    number integer PRIMARY KEY,
    oldest_server integer NOT NULL,
    time timestamptz NOT NULL DEFAULT now()
);
"""


def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[int]:
    """Bring the tables to the version of this server, and return the numbers of the steps that were done.

    Where a step fails, nothing is changed.

    Raises:
        StorageUnavailable: the database cannot be reached, or does not let this user do it.
    """
    with database.transaction() as connection:
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL lock_timeout = '10s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_SCHEMA)
        version, _ = _versions(connection)
        steps = [step for step in migrations if step.number > version]
        for step in steps:
            connection.execute(step.statements)
            query = "INSERT INTO rasterwire.migrations (number, oldest_server) VALUES (%s, %s)"
            connection.execute(query, (step.number, step.oldest_server))
    return [step.number for step in steps]


def version_problem(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> str:
    """Return why this server cannot work with the tables and what to do about it, or "".

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    needed = migrations[-1].number
    with database.connected() as connection:
        row = connection.execute("SELECT to_regclass('rasterwire.migrations') IS NULL").fetchone()
        version, oldest_server = (0, 0) if row == (True,) else _versions(connection)
    if version < needed:
        return f"its tables have version {version}, this server needs {needed}; run rasterwire admin migrate"
    if oldest_server > needed:
        return f"its tables have version {version}, which no server before {oldest_server} can use; upgrade this server"
    return ""


def _versions(connection: Connection) -> tuple[int, int]:
    query = "SELECT coalesce(max(number), 0), coalesce(max(oldest_server), 0) FROM rasterwire.migrations"
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0], row[1]
