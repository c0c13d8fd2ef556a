"""Opens the raster files of a catalog: the one place that lets GDAL touch a path.

A file's name says nothing: GDAL picks a driver by content, and a VRT called ``.tif`` would read any
file of the machine. So the first bytes of the file decide here, only two drivers are ever tried,
and a path is a plain absolute path of a regular file, never one of GDAL's own notations.
"""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import rasterio
from pyproj.exceptions import CRSError as ProjError
from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from rasterwire.errors import SourceUnavailable

__all__ = ["DRIVERS", "GdalOptions", "open_raster"]

DRIVERS = ("GTiff", "JP2OpenJPEG")

_signatures = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),  # BigTIFF
    (b"MM\x00+", "GTiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),  # a codestream without the boxes of a JP2 file
)

# rasterio's errors, GDAL's, and those of the coordinate systems: they share no root.
_foreign_errors = (RasterioError, CRSError, ProjError, CPLE_BaseError)


@dataclass(frozen=True, slots=True)
class GdalOptions:
    """GDAL settings in force while a file is open, as typed fields: GDAL takes any misspelling.

    Attributes:
        GDAL_DISABLE_READDIR_ON_OPEN: EMPTY_DIR keeps .ovr, .msk, .aux.xml and world files out, so
            that a raster is what its own bytes say.
        GDAL_PAM_ENABLED: NO neither reads nor writes .aux.xml.
        GDAL_GEOREF_SOURCES: where a georeference may come from.
    """

    GDAL_DISABLE_READDIR_ON_OPEN: Literal["EMPTY_DIR", "FALSE", "TRUE"] = "EMPTY_DIR"
    GDAL_PAM_ENABLED: Literal["NO", "YES"] = "NO"
    GDAL_GEOREF_SOURCES: Literal["INTERNAL"] = "INTERNAL"

    def as_env(self) -> dict[str, str]:
        """Return the settings as ``rasterio.Env`` takes them."""
        return {
            "GDAL_DISABLE_READDIR_ON_OPEN": self.GDAL_DISABLE_READDIR_ON_OPEN,
            "GDAL_PAM_ENABLED": self.GDAL_PAM_ENABLED,
            "GDAL_GEOREF_SOURCES": self.GDAL_GEOREF_SOURCES,
        }


@contextmanager
def open_raster(href: str, overview_level: int | None = None) -> Iterator[DatasetReader]:
    """Open a GeoTIFF or JPEG 2000 file for the thread that calls, with its settings in force.

    GDAL's errors inside the ``with`` block, such as those of a read, are translated as well.

    Args:
        href: absolute path of a regular file.
        overview_level: opens an overview in place of the full resolution; 0 is the finest.

    Raises:
        SourceUnavailable: the file is missing, of another kind, damaged, or a read fails. It names
            neither image nor band: the caller knows them.
    """
    driver = _driver_of(href)
    level = {} if overview_level is None else {"overview_level": overview_level}
    try:
        with rasterio.Env(**GdalOptions().as_env()), _open(href, driver, level) as raster:
            yield raster
    except _foreign_errors as error:
        raise SourceUnavailable("", "", "the file is damaged, or cannot be read as it is") from error


def _open(href: str, driver: str, level: dict[str, int]) -> DatasetReader:
    """Open without rasterio's warning on a missing georeference: here it is a value, crs None."""
    with warnings.catch_warnings():
        # Not thread-safe before Python 3.14; at worst a thread lets one warning through.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        # A shared handle must not be used by two threads.
        return rasterio.open(href, driver=driver, sharing=False, **level)


def _driver_of(href: str) -> str:
    """Return the driver that the first bytes of the file call for.

    Raises:
        SourceUnavailable: not a plain path, no regular file, or of another kind.
    """
    if not os.path.isabs(href) or href.startswith("/vsi"):
        raise SourceUnavailable("", "", "its address is not a plain file path")
    try:
        # Asked before opening: opening a named pipe would wait for ever.
        if not stat.S_ISREG(os.stat(href).st_mode):
            raise SourceUnavailable("", "", "it is not a regular file")
        with open(href, "rb") as file:
            start = file.read(12)
    except FileNotFoundError as error:
        raise SourceUnavailable("", "", "the file is missing") from error
    except (OSError, ValueError) as error:
        raise SourceUnavailable("", "", "the file cannot be opened by this server") from error
    for signature, driver in _signatures:
        if start.startswith(signature):
            return driver
    raise SourceUnavailable("", "", "it is neither a GeoTIFF nor a JPEG 2000 file")
