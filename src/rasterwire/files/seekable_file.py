"""Files of libraries over bytes that are not in a file of this machine."""

import io
import os

__all__ = ["SeekableFile"]


class SeekableFile(io.RawIOBase):
    """A file with a size and a position; subclasses read from ``_position`` on, and move it.

    Attributes:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position, from the beginning, the position or the end of the file."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position
