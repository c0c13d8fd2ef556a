"""Opens the raster files of a catalog: the one place that lets GDAL touch a path.

GDAL picks a driver by content and not by name, and a VRT called ``.tif`` could read any file of the machine.
So the first bytes of the file decide here, only two drivers are ever tried, and a path has to be a plain
absolute path of a regular file, never one of GDAL's own notations. Remote files are read by ``GdalFile``.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

import rasterio
import tifffile
from pyproj.exceptions import ProjError
from rasterio._env import set_gdal_config
from rasterio._err import CPLE_BaseError, CPLE_OutOfMemoryError
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from rasterwire.errors import SourceUnavailable
from rasterwire.files.byte_reader import ByteReader, reader_of, version_of
from rasterwire.files.gdal_file import GdalFile, failure_of, keep_with
from rasterwire.files.sources import is_local

__all__ = [
    "DRIVERS",
    "GdalOptions",
    "driver_of",
    "gdal_calls",
    "open_band",
    "open_dataset",
    "open_piece",
    "open_raster",
    "version_of",
]

# Bytes of GDAL's block cache; by default a share of the machine's memory. The setting belongs to the process,
# so that the Env of one thread, which resets it at its end, would decide for the others.
set_gdal_config("GDAL_CACHEMAX", 64 << 20)

DRIVERS = ("GTiff", "JP2OpenJPEG")

_signatures = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),  # BigTIFF
    (b"MM\x00+", "GTiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),  # a codestream without the boxes of a JP2 file
)

_types = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}

# rasterio's errors, GDAL's, and those of the coordinate systems have no common base.
_foreign_errors = (RasterioError, CRSError, ProjError, CPLE_BaseError)


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
    """

    GDAL_DISABLE_READDIR_ON_OPEN: Literal["EMPTY_DIR"] = "EMPTY_DIR"
    GDAL_PAM_ENABLED: Literal["NO"] = "NO"
    GDAL_NUM_THREADS: Literal["1"] = "1"

    def as_env(self) -> dict[str, str]:
        """Return the settings as ``rasterio.Env`` takes them."""
        return {
            "GDAL_DISABLE_READDIR_ON_OPEN": self.GDAL_DISABLE_READDIR_ON_OPEN,
            "GDAL_PAM_ENABLED": self.GDAL_PAM_ENABLED,
            "GDAL_NUM_THREADS": self.GDAL_NUM_THREADS,
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
                _raise_failure(band, dataset)
    except _foreign_errors as error:
        raise SourceUnavailable("", band, _cause(error)) from error


def _raise_failure(band: str, dataset: DatasetReader | None) -> None:
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


def open_dataset(href: str, overview_level: int | None = None, version: str = "") -> DatasetReader:
    """Open a GeoTIFF or JPEG 2000 file, which the caller uses in one thread and closes.

    Call it, and every read, inside ``gdal_calls``.

    Args:
        href: absolute path of a regular file, or address of a remote one.
        overview_level: opens an overview in place of the full resolution; 0 is the finest.
        version: of a remote file; "" for any.

    Raises:
        SourceUnavailable: the file is missing, of another kind, or damaged. The error names neither image
            nor band.
    """
    reader = reader_of(href, version)
    driver = driver_of(reader)
    dataset = _open(href if is_local(href) else GdalFile(reader), driver, overview_level)
    if dataset.tags(ns="OVERVIEWS"):  # GDAL would open any path or address in OVERVIEW_FILE
        dataset.close()
        raise SourceUnavailable.of_file(
            "the file names overviews in another file, which are not read; remove that item"
        )
    return dataset


def _open(file: str | GdalFile, driver: str, overview_level: int | None = None, text: str = "") -> DatasetReader:
    """Open a file, or a VRT of it that is given as a text."""
    level = {} if overview_level is None else {"overview_level": overview_level}
    name = file if isinstance(file, str) else file.name
    with warnings.catch_warnings():
        # No georeference is a value here (crs None). Not thread-safe before Python 3.14; at worst a
        # thread lets one warning through.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            # A shared handle must not be used by two threads.
            dataset = rasterio.open(text or name, driver=driver, sharing=False, **level)
        except _foreign_errors as error:
            if isinstance(file, GdalFile) and file.failure is not None:
                raise file.failure from error
            raise
    if isinstance(file, GdalFile):
        keep_with(dataset, file)
        _raise_failure("", dataset)
    return dataset


def open_band(
    href: str, index: int, overview_level: int | None = None, mask: bool | int = False, version: str = ""
) -> DatasetReader:
    """Open one band of a file as a dataset of its own, without its place on earth; see ``open_dataset``.

    GDAL's warper works on all bands of a dataset.

    Args:
        href: see ``open_dataset``.
        index: of the band, from 1.
        overview_level: see ``open_dataset``.
        mask: True takes the mask that GDAL has for the band. A whole number is a nodata value, from which a mask
            is made, since the warper compares 64-bit integers as doubles.
        version: see ``open_dataset``.
    """
    with open_dataset(href, overview_level, version) as whole:
        size, dtype = (whole.width, whole.height), _types[whole.dtypes[index - 1]]
    file = href if is_local(href) else GdalFile(reader_of(href, version))
    name = file if isinstance(file, str) else file.name
    options = "" if overview_level is None else f'<OOI key="OVERVIEW_LEVEL">{overview_level}</OOI>'
    if mask is True:
        text = _virtual(size, dtype, _source(name, str(index), options), _source(name, f"mask,{index}", options))
    else:
        nodata = "" if mask is False else f"<NoDataValue>{mask}</NoDataValue>"
        text = _virtual(size, dtype, nodata + _source(name, str(index), options))
        if nodata:
            text = _virtual(size, dtype, _source(text, "1"), _source(text, "mask,1"))
    return _open(file, "VRT", text=text)


def open_piece(piece: DatasetReader, corner: tuple[int, int], size: tuple[int, int], masked: bool) -> DatasetReader:
    """Open a raster of one band whose pixels outside of a piece are not known, as a dataset of its whole size.

    GDAL's warper rounds positions by the size of the raster, so a piece alone would give other last digits.

    Args:
        piece: in memory; open as long as the result.
        corner: column and row of the piece in the raster.
        size: columns and rows of the raster.
        masked: whether the piece has a mask.
    """
    dtype = _types[piece.dtypes[0]]
    place = f'<SrcRect xOff="0" yOff="0" xSize="{piece.width}" ySize="{piece.height}"/>'
    place += f'<DstRect xOff="{corner[0]}" yOff="{corner[1]}" xSize="{piece.width}" ySize="{piece.height}"/>'
    mask = _source(piece.name, "mask,1", place=place) if masked else ""
    text = _virtual(size, dtype, _source(piece.name, "1", place=place), mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(text, driver="VRT", sharing=False)


def _virtual(size: tuple[int, int], dtype: str, band: str, mask: str = "") -> str:
    """Return a VRT of one band."""
    if mask:
        mask = f'<MaskBand><VRTRasterBand dataType="Byte">{mask}</VRTRasterBand></MaskBand>'
    band = f'<VRTRasterBand dataType="{dtype}" band="1">{band}</VRTRasterBand>'
    return f'<VRTDataset rasterXSize="{size[0]}" rasterYSize="{size[1]}">{mask}{band}</VRTDataset>'


def _source(file: str, band: str, options: str = "", place: str = "") -> str:
    name = f'<SourceFilename relativeToVRT="0" shared="0">{escape(file)}</SourceFilename>'
    options = f"<OpenOptions>{options}</OpenOptions>" if options else ""
    return f"<SimpleSource>{name}{options}<SourceBand>{band}</SourceBand>{place}</SimpleSource>"


@contextmanager
def open_raster(href: str, overview_level: int | None = None, version: str = "") -> Iterator[DatasetReader]:
    """Open a file for a ``with`` block; errors of reads inside it are translated as well.

    Args and errors: see ``open_dataset``.
    """
    with gdal_calls(), open_dataset(href, overview_level, version) as raster:
        try:
            yield raster
        finally:
            _raise_failure("", raster)


def driver_of(reader: ByteReader) -> str:
    """Return the driver for the first bytes of a file.

    Raises:
        SourceUnavailable: the file is of another kind, or cannot be read.
    """
    try:
        start = reader.pread(12, 0)
    except OSError as error:
        raise SourceUnavailable.of_file("the file cannot be opened by this server") from error
    for signature, driver in _signatures:
        if start.startswith(signature):
            return driver
    raise SourceUnavailable.of_file("it is neither a GeoTIFF nor a JPEG 2000 file")
