"""Exports in a database, so that any of several servers goes on with those of one that died."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from rasterwire.store.job_rows import JobRows, Rows, Statement
from rasterwire.store.postgres.database import Database

__all__ = ["PostgresJobStore"]

_NOW = "extract(epoch FROM clock_timestamp())::float8"

_ADDING = 0x7261737465720002
"""Of the database's advisory locks; see ``JobRows.transaction``."""

_value = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")


class PostgresJobStore(JobRows):
    """See ``JobStore``. What was stored is on the disk of the database."""

    def __init__(self, database: Database) -> None:
        """Use the tables of a database, which its owner closes; they were made by ``migrate``."""
        self._database = database

    @contextmanager
    def transaction(self, *, changes: bool = True, adds: bool = False) -> Iterator[Statement]:
        """See ``JobRows.transaction``."""
        block = self._database.transaction() if changes else self._database.connected()
        with block as connection:

            def run(text: str, values: Mapping[str, object], /) -> Rows:
                return connection.execute(_statement(text), values)

            if adds:
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADDING,))
            yield run

    def close(self) -> None:
        """Do nothing: the connections are those of the database."""


@cache
def _statement(text: str) -> str:
    """Return a statement of ``job_rows`` as psycopg takes it."""
    return _value.sub(r"%(\1)s", text).replace("{schema}", "rasterwire.").replace("{now}", _NOW)
