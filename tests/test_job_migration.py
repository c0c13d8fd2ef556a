"""Stores of exports of an earlier version: what a summary said of a file has columns of its own now."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rasterwire.store.job_rows import JobRows
from rasterwire.store.jobs import FileStanding, PartRecord
from rasterwire.store.sqlite_jobs import SqliteJobStore

ID = "1" * 32
PACKED = b"\x01\x00\x00\x00\x00\x00\x00\x00"

EARLIER = """
CREATE TABLE export_parts (
    export_id TEXT NOT NULL, number INTEGER NOT NULL, file_key TEXT NOT NULL, upload TEXT NOT NULL, etag TEXT NOT NULL,
    size BIGINT NOT NULL, crc32c BIGINT NOT NULL, summary BLOB NOT NULL, attempt INTEGER NOT NULL,
    PRIMARY KEY (export_id, number)
);
PRAGMA user_version = 1;
"""

SUMMARIES = [b"not stored", b"not stored 5000000000 4294967295", b"", PACKED]

PARTS = [
    PartRecord(0, "p.tif", file=FileStanding.MISSING),
    PartRecord(1, "p.tif", file=FileStanding.EXPECTED, file_size=5_000_000_000, file_crc32c=4_294_967_295),
    PartRecord(2, "p.tif"),
    PartRecord(3, "p.tif", summary=PACKED),
]


def assert_goes_on(jobs: JobRows) -> None:
    assert jobs.parts(ID) == PARTS


def test_a_file_of_the_version_before_is_used(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "exports.sqlite")) as connection:
        connection.executescript(EARLIER)
        for number, summary in enumerate(SUMMARIES):
            row = (ID, number, "p.tif", "", "", 0, 0, summary, 0)
            connection.execute("INSERT INTO export_parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.commit()
    for _ in range(2):
        with closing(SqliteJobStore(tmp_path / "exports.sqlite")) as jobs:
            assert_goes_on(jobs)


def test_tables_of_the_version_before_are_migrated(new_database: Callable[[], str]) -> None:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    from rasterwire.store.postgres.database import Database
    from rasterwire.store.postgres.jobs import PostgresJobStore
    from rasterwire.store.postgres.migrations import MIGRATIONS, migrate, version_problem

    with closing(Database(new_database())) as database:
        migrate(database, MIGRATIONS[:4])
        with database.transaction() as connection:
            for number, summary in enumerate(SUMMARIES):
                query = "INSERT INTO rasterwire.export_parts VALUES (%s, %s, 'p.tif', '', '', 0, 0, %s, 0)"
                connection.execute(query, (ID, number, summary))
        assert migrate(database) == [5]
        assert_goes_on(PostgresJobStore(database))
        assert "upgrade this server" in version_problem(database, MIGRATIONS[:4])
