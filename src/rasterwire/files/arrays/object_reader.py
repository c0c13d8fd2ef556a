"""Objects of a store by their keys: the files below a folder of this machine, or objects below an address."""

import asyncio
import os
import stat
from dataclasses import dataclass
from typing import Protocol

from rasterwire.errors import SourceUnavailable

__all__ = ["MAX_OBJECT_BYTES", "FolderReader", "ObjectReader", "Range"]

MAX_OBJECT_BYTES = 1 << 30
"""Of an object, such as a chunk, that is read as a whole."""

Range = tuple[int | None, int | None]
"""First byte, and the byte after the last one; (None, n): the last n bytes; (n, None): from n to the end."""


class ObjectReader(Protocol):
    """Reads objects below one address. Safe to use from several threads."""

    async def read(self, key: str, part: Range | None) -> bytes | None:
        """Return an object, or a part of it; None where there is none.

        Raises:
            SourceUnavailable: it cannot be read.
        """
        ...

    async def names(self, prefix: str) -> list[str]:
        """Return the names directly below a prefix, which is "" or ends with a slash; of folders without a slash."""
        ...


@dataclass(frozen=True, slots=True)
class FolderReader:
    """The files below a folder. Links that lead out of it are not followed.

    Attributes:
        root: absolute, links resolved.
    """

    root: str

    async def read(self, key: str, part: Range | None) -> bytes | None:
        """See ``ObjectReader.read``."""
        return await asyncio.to_thread(self._read, key, part)

    async def names(self, prefix: str) -> list[str]:
        """See ``ObjectReader.names``."""
        try:
            return sorted(os.listdir(self._path(prefix.rstrip("/"))))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise SourceUnavailable.of_file("a folder of it cannot be read by this server") from error

    def _path(self, key: str) -> str:
        path = os.path.join(self.root, key)
        real = os.path.realpath(path)
        if real != self.root and not real.startswith(self.root + os.sep):
            raise SourceUnavailable.of_file("a part of it is a link to another folder; store the part itself")
        return real

    def _read(self, key: str, part: Range | None) -> bytes | None:
        try:
            path = self._path(key)
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                return None
            with open(path, "rb") as file:
                start, count = _span(part, status.st_size)
                if count > MAX_OBJECT_BYTES:
                    raise SourceUnavailable.of_file(
                        f"a part of it has {count} bytes, at most {MAX_OBJECT_BYTES} are read"
                    )
                file.seek(start)
                return file.read(count)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceUnavailable.of_file("a part of it cannot be read by this server") from error


def _span(part: Range | None, size: int) -> tuple[int, int]:
    """Return first byte and number of bytes of a part of an object."""
    if part is None:
        return 0, size
    first, end = part
    if first is None:
        start = max(0, size - (end or 0))
        return start, size - start
    return first, max(0, (size if end is None else min(end, size)) - first)
