"""A download as a file to read from."""

from io import RawIOBase
from typing import TYPE_CHECKING

from rasterwire.client.checker import Checker
from rasterwire.client.futures import silent
from rasterwire.client.transfer import Transfer

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["READ_AHEAD", "DownloadReader"]

READ_AHEAD = 1 << 20
"""Bytes of a buffer: those of a chunk."""


class DownloadReader(RawIOBase):
    """Reads the file of one download, from its begin to its end."""

    def __init__(self, transfer: Transfer) -> None:
        """Read what a transfer brings, which begins with the first read."""
        super().__init__()
        self._chunks = transfer.chunks(Checker(transfer.plan), silent)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill a buffer with the next bytes, and return how many there were.

        Raises:
            DownloadFailed: see ``Client.download``.
        """
        if not self._left:
            self._left = next(self._chunks, self._left)
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        """End the transfer."""
        self._chunks.close()
        super().close()
