"""Calls of GDAL: under which settings they are made, and what its errors mean."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import rasterio
import tifffile
from pyproj.exceptions import ProjError
from rasterio._env import set_gdal_config
from rasterio._err import CPLE_BaseError, CPLE_OutOfMemoryError
from rasterio.errors import CRSError, RasterioError
from rasterio.io import DatasetReader

from rasterwire.errors import SourceUnavailable
from rasterwire.files.gdal_file import failure_of

__all__ = ["FOREIGN_ERRORS", "GdalOptions", "gdal_calls", "raise_failure"]

# Bytes of GDAL's block cache; by default a share of the machine's memory. The setting belongs to the process,
# so that the Env of one thread, which resets it at its end, would decide for the others.
set_gdal_config("GDAL_CACHEMAX", 64 << 20)

FOREIGN_ERRORS = (RasterioError, CRSError, ProjError, CPLE_BaseError)
"""Of rasterio, GDAL and the coordinate systems; they have no common base."""


@dataclass(frozen=True, slots=True)
class GdalOptions:
    """GDAL settings in force while a file is open, as typed fields, since GDAL accepts any misspelling.

    Attributes:
        GDAL_DISABLE_READDIR_ON_OPEN: EMPTY_DIR ignores .ovr, .msk, .aux.xml and world files, so that a
            raster depends only on its own bytes.
            GDAL_GEOREF_SOURCES=INTERNAL would do that and more, but makes GDAL 3.10 return a
            transform of uninitialised memory for a JPEG 2000 file that has none.
        GDAL_PAM_ENABLED: NO neither reads nor writes .aux.xml.
        GDAL_NUM_THREADS: of the decoder of JPEG 2000. Several threads lose the errors of damaged tiles, and give
            whatever was in memory for their pixels.
        GDAL_ERROR_ON_LIBJPEG_WARNING: TRUE makes damage of a JPEG file an error, and not gray pixels.
    """

    GDAL_DISABLE_READDIR_ON_OPEN: Literal["EMPTY_DIR"] = "EMPTY_DIR"
    GDAL_PAM_ENABLED: Literal["NO"] = "NO"
    GDAL_NUM_THREADS: Literal["1"] = "1"
    GDAL_ERROR_ON_LIBJPEG_WARNING: Literal["TRUE"] = "TRUE"

    def as_env(self) -> dict[str, str]:
        """Return the settings as ``rasterio.Env`` takes them."""
        return {
            "GDAL_DISABLE_READDIR_ON_OPEN": self.GDAL_DISABLE_READDIR_ON_OPEN,
            "GDAL_PAM_ENABLED": self.GDAL_PAM_ENABLED,
            "GDAL_NUM_THREADS": self.GDAL_NUM_THREADS,
            "GDAL_ERROR_ON_LIBJPEG_WARNING": self.GDAL_ERROR_ON_LIBJPEG_WARNING,
        }


@contextmanager
def gdal_calls(band: str = "", dataset: DatasetReader | None = None) -> Iterator[None]:
    """Apply the settings in the calling thread, and translate GDAL's errors.

    Args:
        band: named in the error.
        dataset: that is read.

    Raises:
        SourceUnavailable: in place of an error of GDAL or rasterio; or the source of the dataset failed, whatever
            GDAL made of that.
    """
    try:
        with rasterio.Env(**GdalOptions().as_env()):
            try:
                yield
            finally:
                raise_failure(band, dataset)
    except FOREIGN_ERRORS as error:
        raise SourceUnavailable("", band, _cause(error)) from error


def raise_failure(band: str, dataset: DatasetReader | None) -> None:
    """Raise the first error of the files of a dataset, if there was one, for a band."""
    failure = None if dataset is None else failure_of(dataset)
    if isinstance(failure, SourceUnavailable):
        raise SourceUnavailable("", band, failure.problem) from failure
    if failure is not None:
        raise failure


_missing_codec = re.compile(r"missing codec (?:of code )?(\w{1,20})")

_STORE_AGAIN = "which this server's GDAL was built without; store it with DEFLATE, LZW or ZSTD"


def _cause(error: BaseException) -> str:
    """Return why a raster cannot be read, by GDAL's message, which is not shown since it may hold paths."""
    message = " ".join(str(part) for part in (error, error.__cause__) if part is not None)
    if codec := _missing_codec.search(message):
        return f"it is compressed with {_codec_name(codec[1])}, {_STORE_AGAIN}"
    if "Old-JPEG" in message:
        return f"it is compressed with JPEG of TIFF 6.0, {_STORE_AGAIN}"
    if "Unsupported JPEG data precision" in message:
        return f"it is compressed with JPEG of 12 bits, {_STORE_AGAIN}"
    if isinstance(error, CPLE_OutOfMemoryError) or isinstance(error.__cause__, CPLE_OutOfMemoryError):
        return "its blocks do not fit in the memory of this server; store it in smaller tiles"
    return "the file is damaged, or cannot be read as it is"


def _codec_name(codec: str) -> str:
    """Return the name of a codec that GDAL reports by name or by the number of TIFF's tag 259."""
    if not codec.isdecimal():
        return codec
    try:
        return f"{tifffile.COMPRESSION(int(codec)).name} (TIFF compression {codec})"
    except ValueError:
        return f"TIFF compression {codec}"
