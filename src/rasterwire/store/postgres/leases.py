"""Leases that servers share, in a database."""

from rasterwire.store import Lease
from rasterwire.store.postgres.database import Database

__all__ = ["PostgresLeases"]

_ACQUIRE = """
INSERT INTO rasterwire.leases AS held (key, owner, fence, until)
VALUES (%s, %s, nextval('rasterwire.fences'), clock_timestamp() + make_interval(secs => %s))
ON CONFLICT (key)
DO UPDATE SET owner = excluded.owner, fence = excluded.fence, until = excluded.until, progress = excluded.progress
WHERE held.until <= clock_timestamp() RETURNING fence, xmax <> 0
"""
"""A row that is new has an xmax of 0; one that was there has not."""

_RENEW = """
UPDATE rasterwire.leases SET until = clock_timestamp() + make_interval(secs => %s), progress = %s
WHERE key = %s AND fence = %s
"""


class PostgresLeases:
    """See ``Leases``."""

    def __init__(self, database: Database) -> None:
        """Use the tables of a database, which its owner closes; they were made by ``migrate``."""
        self._database = database

    def acquire(self, key: str, owner: str, seconds: float) -> Lease | None:
        """See ``Leases.acquire``."""
        with self._database.connected() as connection:
            row = connection.execute(_ACQUIRE, (key, owner, seconds)).fetchone()
        return None if row is None else Lease(*row)

    def renew(self, key: str, fence: int, seconds: float, progress: float = 0.0) -> bool:
        """See ``Leases.renew``."""
        with self._database.connected() as connection:
            return connection.execute(_RENEW, (seconds, progress, key, fence)).rowcount == 1

    def progress(self, key: str) -> float:
        """See ``Leases.progress``."""
        query = "SELECT progress FROM rasterwire.leases WHERE key = %s AND until > clock_timestamp()"
        with self._database.connected() as connection:
            row = connection.execute(query, (key,)).fetchone()
        return 0.0 if row is None else float(row[0])

    def release(self, key: str, fence: int) -> None:
        """See ``Leases.release``."""
        with self._database.connected() as connection:
            connection.execute("DELETE FROM rasterwire.leases WHERE key = %s AND fence = %s", (key, fence))

    def close(self) -> None:
        """Do nothing: the connections are those of the database."""
