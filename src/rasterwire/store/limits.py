"""What holds for all stores of downloads."""

from rasterwire.errors import QuotaExceeded
from rasterwire.store import DownloadRecord

__all__ = ["FULL_RETRY_SECONDS", "SMALL_RECORD", "check_kept"]

SMALL_RECORD = 64 << 10
"""Bytes. The last quarter of a store is reserved for smaller records."""

FULL_RETRY_SECONDS = 60.0
"""Seconds that a client waits when a store is full."""


def check_kept(record: DownloadRecord, used: int, max_kept: int, seconds: float) -> None:
    """Refuse a record whose file is more than its tenant may keep.

    Args:
        record: that is new.
        used: bytes of the tenant's other files.
        max_kept: of all of them.
        seconds: until the first of their records expires.

    Raises:
        QuotaExceeded: it is.
    """
    if used + record.file_bytes > max_kept:
        raise QuotaExceeded("stored_bytes", max_kept, used, record.file_bytes, seconds)
