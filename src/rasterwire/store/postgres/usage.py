"""What the tenants of all servers take, in a database."""

from collections.abc import Sequence
from datetime import date, timedelta

from rasterwire.store import Usage
from rasterwire.store.postgres.database import Database
from rasterwire.store.usage import DAYS_KEPT

__all__ = ["PostgresUsageStore"]

_TAKE = """
INSERT INTO rasterwire.usage AS old (tenant, quota, day, used)
SELECT %(tenant)s, %(quota)s, %(day)s, greatest(0, %(more)s::bigint) WHERE %(more)s::bigint <= %(limit)s::bigint
ON CONFLICT (day, tenant, quota) DO UPDATE SET used = greatest(0, old.used + %(more)s::bigint)
WHERE %(more)s::bigint <= 0 OR old.used + %(more)s::bigint <= %(limit)s::bigint RETURNING used
"""

_USED = "SELECT used FROM rasterwire.usage WHERE tenant = %(tenant)s AND quota = %(quota)s AND day = %(day)s"

_USAGES = """
SELECT tenant, quota, used FROM rasterwire.usage
WHERE day = %(day)s AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s::text) ORDER BY tenant COLLATE "C", quota
"""


class PostgresUsageStore:
    """See ``UsageStore``. What the last second counted may be lost when the database's machine fails."""

    def __init__(self, database: Database) -> None:
        """Use the tables of a database, which its owner closes; they were made by ``migrate``."""
        self._database = database

    def take(self, usage: Usage, limit: int) -> tuple[bool, int]:
        """See ``UsageStore.take``."""
        key = {"tenant": usage.tenant, "quota": usage.quota, "day": usage.day}
        with self._database.connected() as connection:
            row = connection.execute(_TAKE, key | {"more": usage.used, "limit": limit}).fetchone()
            if row is not None:
                if row[0] == usage.used:  # the first of its day
                    last = usage.day - timedelta(days=DAYS_KEPT)
                    connection.execute("DELETE FROM rasterwire.usage WHERE day < %s", (last,))
                return True, int(row[0])
            row = connection.execute(_USED, key).fetchone()
        return False, int(row[0]) if row else 0

    def usages(self, day: date, tenant: str | None = None) -> Sequence[Usage]:
        """See ``UsageStore.usages``."""
        with self._database.connected() as connection:
            rows = connection.execute(_USAGES, {"day": day, "tenant": tenant}).fetchall()
        return [Usage(name, quota, day, int(used)) for name, quota, used in rows]

    def close(self) -> None:
        """Do nothing: the connections are those of the database."""
