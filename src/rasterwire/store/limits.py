"""What holds for all stores of downloads."""

SMALL_RECORD = 64 << 10
"""Bytes. The last quarter of a store is reserved for smaller records."""

FULL_RETRY_SECONDS = 60.0
"""Seconds that a client waits when a store is full."""
