"""A connection to the database that waits for no answer for long."""

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen

__all__ = ["Connection"]

_ANSWER_SECONDS = 2.0
"""For an answer. The database itself ends statements before that, as long as it works; see ``Database``."""

_CHECK_SECONDS = 0.7
"""For an answer to nothing."""

_INTERVAL = 0.1
"""Seconds between two looks at signals of this process."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose calls fail, and close it, where the database is silent.

    A machine that is gone, or a server that stands still, tells nobody so.

    Attributes:
        answer_seconds: for each answer; None for no limit.
    """

    answer_seconds: float | None = _ANSWER_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = _INTERVAL, timeout: float | None = None) -> RV:
        """Wait for an answer; see psycopg.

        Raises:
            psycopg.OperationalError: the connection broke, or there was none in time.
        """
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.close()  # nobody reads the answer any more
            raise

    def check(self) -> None:
        """See whether the database answers.

        Raises:
            psycopg.Error: it does not.
        """
        before, self.answer_seconds = self.answer_seconds, _CHECK_SECONDS
        try:
            self.execute("")
        finally:
            self.answer_seconds = before
