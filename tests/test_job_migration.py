"""Stores of exports that servers of two versions share: what a summary says of a file gets columns of its own."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rasterwire.store.job_rows import JobRows
from rasterwire.store.jobs import ExportRecord, FileStanding, PartRecord
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
        assert not version_problem(database, MIGRATIONS[:4])


EARLIER_PUT = """
INSERT INTO {schema}export_parts (export_id, number, file_key, upload, etag, size, crc32c, summary, attempt)
VALUES (:id, :number, :key, :upload, :etag, :size, :crc32c, :summary, :attempt)
ON CONFLICT (export_id, number) DO UPDATE SET file_key = excluded.file_key, upload = excluded.upload,
    etag = excluded.etag, size = excluded.size, crc32c = excluded.crc32c, summary = excluded.summary,
    attempt = excluded.attempt
"""
"""The statement of servers that know no columns of files, to the letter."""

EARLIER_PARTS = "SELECT number, summary FROM {schema}export_parts WHERE export_id = :id ORDER BY number"


def assert_shared_with_an_earlier_server(jobs: JobRows) -> None:
    """Each server takes over rows of the other one, whatever it had written to these before."""
    jobs.put(ExportRecord(ID, "", "", b"p", "d", "p", "", "", 1, 1, 4, 0))
    record = jobs.claim(ID)
    assert record is not None

    def put_earlier(number: int, summary: bytes) -> None:
        values = {"id": ID, "number": number, "key": "p.tif", "upload": "", "etag": "", "size": 0, "crc32c": 0}
        with jobs.transaction() as run:
            run(EARLIER_PUT, values | {"summary": summary, "attempt": 1})

    current = [replace(part, attempt=1) for part in PARTS]
    for turn in range(len(PARTS)):  # every standing comes after every other one
        for part in current:
            assert jobs.put_part(ID, part)
        with jobs.transaction(changes=False) as run:
            rows = [(number, bytes(summary)) for number, summary in run(EARLIER_PARTS, {"id": ID}).fetchall()]
        assert rows == list(enumerate(SUMMARIES))
        turned = [(part.number + turn) % len(PARTS) for part in PARTS]
        for number, index in enumerate(turned):
            put_earlier(number, SUMMARIES[index])
        assert jobs.parts(ID) == [replace(current[index], number=number) for number, index in enumerate(turned)]


def test_two_versions_share_a_file(tmp_path: Path) -> None:
    with closing(SqliteJobStore(tmp_path / "exports.sqlite")) as jobs:
        assert_shared_with_an_earlier_server(jobs)


def test_two_versions_share_tables(new_database: Callable[[], str]) -> None:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed: pip install '.[postgres]'")
    from rasterwire.store.postgres.database import Database
    from rasterwire.store.postgres.jobs import PostgresJobStore
    from rasterwire.store.postgres.migrations import migrate

    with closing(Database(new_database())) as database:
        migrate(database)
        assert_shared_with_an_earlier_server(PostgresJobStore(database))
