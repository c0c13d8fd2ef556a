"""Files for GDAL: it never opens one by its path, and never reads over a network by itself.

A file of another machine is read through its source, and one of this machine by its descriptor. Where blocks have
checksums at which GDAL does not look, they are checked as it reads them.
"""

import io
import uuid
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from rasterio._filepath import FilePathBase
from rasterio.io import DatasetReader

from rasterwire.errors import DownloadError, SourceUnavailable
from rasterwire.files.byte_reader import ByteReader, LocalReader, ReaderFile
from rasterwire.files.checked_blocks import CheckedBlocks

__all__ = ["GdalFile", "OpenedFile", "failure_of", "keep_with"]

T = TypeVar("T")

_NO_RASTER = b"no raster "
"""What GDAL gets of a file that cannot be opened. An empty file would end the process where it tries all drivers."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that was opened for GDAL.

    Attributes:
        reader: of the file.
        blocks: that are checked when they are read; None for none.
    """

    reader: ByteReader
    blocks: CheckedBlocks | None = None


class GdalFile:
    """A file that GDAL can open by a name, in any thread, for as long as this object exists.

    Args:
        open_file: opens the file; called each time that GDAL does. Its errors are those of ``failure``.
        name: of the file, if it has one.

    Attributes:
        name: a path of GDAL's.
    """

    # Not the argument opener of rasterio.open: its registry belongs to the context of one thread, and GDAL
    # opens JPEG 2000 files once more in threads of its own.

    def __init__(self, open_file: Callable[[], OpenedFile], name: str = "") -> None:
        self._handles = _Handles(open_file)
        if name:
            self.name = name
            return
        registered = _Registered(self._handles, dirname=uuid.uuid4().hex, filename="raster")
        weakref.finalize(self, registered.close)
        self.name = str(registered.name)

    @classmethod
    def of(cls, opened: OpenedFile) -> Self:
        """Return a file that is open already."""
        reader = opened.reader
        # by the name of the open file it is as fast as by its path
        return cls(lambda: opened, reader.name if isinstance(reader, LocalReader) and opened.blocks is None else "")

    @property
    def failure(self) -> DownloadError | None:
        """The first error of the source. What GDAL made of the file after it cannot be trusted."""
        return self._handles.failure


class _Registered(FilePathBase):  # type: ignore[misc]  # compiled, without types
    """An entry of rasterio's table of files."""


class _Handles:
    """Opens a handle of its own for each time that GDAL opens the file."""

    # rasterio clones it as fs.open(path, mode) for each handle
    path, mode = "", "rb"

    def __init__(self, open_file: Callable[[], OpenedFile]) -> None:
        self._open_file = open_file
        self.failure: DownloadError | None = None

    @property
    def fs(self) -> "_Handles":
        return self

    def open(self, path: str, mode: str) -> "io.BytesIO | _Handle":  # noqa: ARG002  rasterio gives them
        opened = self.tried(self._open_file)
        return io.BytesIO(_NO_RASTER) if opened is None else _Handle(opened, self)

    def tried(self, function: Callable[[], T]) -> T | None:
        """Return what a function returns; None from the first error of the source on: callbacks cannot raise."""
        if self.failure is not None:
            return None
        try:
            return function()
        except OSError:
            self.failure = SourceUnavailable.of_file("the file cannot be read by this server")
        except DownloadError as error:
            self.failure = error
        return None

    def read(self, count: int) -> bytes:
        raise NotImplementedError(f"{count} bytes without a handle")


class _Handle(ReaderFile):
    """A handle of GDAL's."""

    def __init__(self, opened: OpenedFile, handles: _Handles) -> None:
        super().__init__(opened.reader)
        self._opened, self._handles = opened, handles

    def read(self, count: int = -1, /) -> bytes:
        """Return bytes; none after the first error of the source."""
        return self._handles.tried(lambda: self._checked(count)) or b""

    def _checked(self, count: int) -> bytes:
        if self._opened.blocks is not None:
            self._opened.blocks.check(self._opened.reader, self._position)
        return super().read(count)


_files: "weakref.WeakKeyDictionary[DatasetReader, Sequence[GdalFile]]" = weakref.WeakKeyDictionary()


def keep_with(dataset: DatasetReader, files: Sequence[GdalFile]) -> None:
    """Keep files for as long as a dataset exists that reads them."""
    _files[dataset] = files


def failure_of(dataset: DatasetReader) -> DownloadError | None:
    """Return the first error of the files of a dataset, None where there was none."""
    failures = (file.failure for file in _files.get(dataset, ()))
    return next((failure for failure in failures if failure is not None), None)
