"""Files for GDAL: it never opens one by its path, and never reads over a network by itself.

A file of another machine is read through its source, and one of this machine by its descriptor. Where blocks have
checksums at which GDAL does not look, they are checked as it reads them.
"""

import uuid
import weakref
from collections.abc import Sequence

from rasterio._filepath import FilePathBase
from rasterio.io import DatasetReader

from rasterwire.errors import DownloadError, SourceUnavailable
from rasterwire.files.byte_reader import ByteReader, LocalReader, ReaderFile
from rasterwire.files.checked_blocks import CheckedBlocks

__all__ = ["GdalFile", "failure_of", "keep_with"]


class GdalFile:
    """A file that GDAL can open by a name, in any thread, for as long as this object exists.

    Args:
        reader: of the file.
        blocks: that are checked when they are read; None for none.

    Attributes:
        name: a path of GDAL's.
    """

    # Not the argument opener of rasterio.open: its registry belongs to the context of one thread, and GDAL
    # opens JPEG 2000 files once more in threads of its own.

    def __init__(self, reader: ByteReader, blocks: CheckedBlocks | None = None) -> None:
        self._handles = _Handles(reader, blocks)
        if isinstance(reader, LocalReader) and blocks is None:
            self.name = reader.name  # as fast as by its path
            return
        registered = _Registered(self._handles, dirname=uuid.uuid4().hex, filename="raster")
        weakref.finalize(self, registered.close)
        self.name = str(registered.name)

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

    def __init__(self, reader: ByteReader, blocks: CheckedBlocks | None) -> None:
        self._reader, self._blocks = reader, blocks
        self.failure: DownloadError | None = None

    @property
    def fs(self) -> "_Handles":
        return self

    def open(self, path: str, mode: str) -> "_Handle":  # noqa: ARG002  rasterio gives them
        return _Handle(self._reader, self)

    def check(self, position: int) -> None:
        """Check the block in which a read begins; see ``CheckedBlocks.check``."""
        if self._blocks is not None:
            self._blocks.check(self._reader, position)

    def read(self, count: int) -> bytes:
        raise NotImplementedError(f"{count} bytes without a handle")


class _Handle(ReaderFile):
    """A handle of GDAL's, whose callbacks cannot raise."""

    def __init__(self, reader: ByteReader, handles: _Handles) -> None:
        super().__init__(reader)
        self._handles = handles

    def read(self, count: int = -1, /) -> bytes:
        """Return bytes; none after the first error of the source."""
        if self._handles.failure is not None:
            return b""
        try:
            self._handles.check(self._position)
            return super().read(count)
        except OSError:
            self._handles.failure = SourceUnavailable.of_file("the file cannot be read by this server")
            return b""
        except DownloadError as error:
            self._handles.failure = error
            return b""


_files: "weakref.WeakKeyDictionary[DatasetReader, Sequence[GdalFile]]" = weakref.WeakKeyDictionary()


def keep_with(dataset: DatasetReader, files: Sequence[GdalFile]) -> None:
    """Keep files for as long as a dataset exists that reads them."""
    _files[dataset] = files


def failure_of(dataset: DatasetReader) -> DownloadError | None:
    """Return the first error of the files of a dataset, None where there was none."""
    failures = (file.failure for file in _files.get(dataset, ()))
    return next((failure for failure in failures if failure is not None), None)
