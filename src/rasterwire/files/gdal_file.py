"""Remote files for GDAL: it reads them through their source, and never over a network by itself."""

import uuid
import weakref

from rasterio._filepath import FilePathBase
from rasterio.io import DatasetReader

from rasterwire.errors import DownloadError
from rasterwire.files.byte_reader import ByteReader, ReaderFile

__all__ = ["GdalFile", "failure_of", "keep_with"]


class GdalFile:
    """A remote file that GDAL can open by a name, in any thread, for as long as this object exists.

    Attributes:
        name: a path of GDAL's.
    """

    # Not the argument opener of rasterio.open: its registry belongs to the context of one thread, and GDAL
    # opens JPEG 2000 files once more in threads of its own.

    def __init__(self, reader: ByteReader) -> None:
        self._handles = _Handles(reader)
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

    def __init__(self, reader: ByteReader) -> None:
        self._reader = reader
        self.failure: DownloadError | None = None

    @property
    def fs(self) -> "_Handles":
        return self

    def open(self, path: str, mode: str) -> "_Handle":  # noqa: ARG002  rasterio gives them
        return _Handle(self._reader, self)

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
            return super().read(count)
        except DownloadError as error:
            self._handles.failure = error
            return b""


_files: "weakref.WeakKeyDictionary[DatasetReader, GdalFile]" = weakref.WeakKeyDictionary()


def keep_with(dataset: DatasetReader, file: GdalFile) -> None:
    """Keep a file for as long as a dataset exists that reads it."""
    _files[dataset] = file


def failure_of(dataset: DatasetReader) -> DownloadError | None:
    """Return the error of the source of a dataset, None of a local file or where there was none."""
    file = _files.get(dataset) if _files else None
    return None if file is None else file.failure
