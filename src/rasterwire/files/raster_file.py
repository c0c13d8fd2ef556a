"""Opens the raster files of a catalog: the one place that lets GDAL touch a path.

GDAL picks a driver by content and not by name, and a VRT called ``.tif`` could read any file of the machine.
So the first bytes of the file decide here, only two drivers are ever tried, and a path has to be a plain
absolute path of a regular file, never one of GDAL's own notations. Remote files are read by ``GdalFile``.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial

import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader

from rasterwire.errors import SourceUnavailable
from rasterwire.files.beside import (
    Beside,
    beside,
    is_picture,
    is_tile_index,
    is_virtual,
    present_version,
    tile_index,
    virtual_file,
)
from rasterwire.files.byte_reader import CHANGED, ByteReader, reader_of, version_of
from rasterwire.files.checked_blocks import checked_blocks
from rasterwire.files.checked_png import check_png
from rasterwire.files.gdal_calls import FOREIGN_ERRORS, gdal_calls, raise_failure
from rasterwire.files.gdal_file import GdalFile, OpenedFile, keep_with
from rasterwire.files.sources import is_local
from rasterwire.files.tile_mosaic import TileHeader, mosaic_of
from rasterwire.files.virtual import Level, Parts, source_text, virtual_text
from rasterwire.files.virtual_file import VirtualFile

__all__ = [
    "DRIVERS",
    "driver_of",
    "open_band",
    "open_dataset",
    "open_piece",
    "open_raster",
    "overview_count",
    "virtual_of",
]

DRIVERS = ("GTiff", "JP2OpenJPEG")

PICTURES = ("PNG", "JPEG")
"""Drivers of files that are read only with a world file; see ``beside``."""

_MAX_LEVELS = 32
"""After so many halvings any raster is one pixel."""

_UNMASKED = ({MaskFlags.all_valid}, {MaskFlags.nodata})
"""What GDAL says of a band without a mask."""

_signatures = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),  # BigTIFF
    (b"MM\x00+", "GTiff"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),  # a codestream without the boxes of a JP2 file
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
)


def open_dataset(
    href: str, overview_level: int | None = None, version: str = "", *, is_checked: bool = True
) -> DatasetReader:
    """Open a file with the mask and overviews beside it, if any is to be read; the caller closes it.

    Call it, and every read, inside ``gdal_calls``, and use the dataset in one thread.

    Args:
        href: absolute path of a regular file, or address of a remote one.
        overview_level: opens an overview in place of the full resolution; 0 is the finest.
        version: of a remote file; "" for any.
        is_checked: whether checksums are looked at as blocks are read; without, no pixels may be read.

    Raises:
        SourceUnavailable: the file is missing, of another kind, or damaged. The error names neither image
            nor band.
    """
    files = beside(href)
    if not (files.mask or files.overviews):
        return _open_alone(href, overview_level, version, is_checked=is_checked)
    parts = _parts(href, files, overview_level)
    if parts is None:
        raise SourceUnavailable.of_file(CHANGED)
    if parts.mask is None and parts.pixels.file == href:  # it may have a mask of its own
        return _open_alone(href, parts.pixels.overview, version, is_checked=is_checked)
    named, opened = _named(parts, version)
    return _open(opened, "VRT", text=named.whole())


def _named(parts: Parts, version: str) -> tuple[Parts, list[GdalFile]]:
    """Return parts with GDAL's names of their files, and the files."""
    files = [
        GdalFile.of(_checked(reader_of(part.file, version))) for part in (parts.pixels, parts.mask) if part is not None
    ]
    named = replace(parts, pixels=replace(parts.pixels, file=files[0].name))
    if parts.mask is not None:
        named = replace(named, mask=replace(parts.mask, file=files[1].name))
    return named, files


def _checked(reader: ByteReader) -> OpenedFile:
    """Return a file whose blocks are checked when they are read; a PNG file is checked as a whole now."""
    driver = driver_of(reader)
    if driver == "PNG":
        check_png(reader)
    blocks = checked_blocks(reader) if driver == "GTiff" else None
    return OpenedFile(reader, None if blocks is None or blocks.is_empty else blocks)


def _checked_at(path: str) -> OpenedFile:
    return _checked(reader_of(path, ""))


def virtual_of(href: str) -> VirtualFile:
    """Return what a VRT holds, or a VRT that is made of a tile index. Call it inside ``gdal_calls``.

    Raises:
        SourceUnavailable: it cannot be read, or does not fit its tiles.
    """
    return _mosaic(href, present_version(href)) if is_tile_index(href) else virtual_file(href)


@lru_cache(maxsize=64)
def _mosaic(href: str, _version: str) -> VirtualFile:
    """Return the VRT of a tile index, for which the headers of all tiles are read."""
    headers = []
    for path in beside(href).sources:
        with _open_alone(path) as raster:
            headers.append(TileHeader.of(raster))
    return mosaic_of(tile_index(href), headers)


def _virtual(href: str) -> tuple[str, list[GdalFile]]:
    """Return the text of a VRT and its files. There may be many: each is opened, and checked, when GDAL opens it."""
    paths, virtual = beside(href).sources, virtual_of(href)
    if len(paths) != len(virtual.sources):
        raise SourceUnavailable.of_file(CHANGED)
    files = [GdalFile(partial(_checked_at, path)) for path in paths]
    return virtual.named([file.name for file in files]), files


def _open_alone(
    href: str, overview_level: int | None = None, version: str = "", *, is_checked: bool = False
) -> DatasetReader:
    """Open a file without those beside it; see ``open_dataset``."""
    if is_virtual(href):
        if overview_level is not None:
            raise SourceUnavailable.of_file(CHANGED)  # it has none
        text, files = _virtual(href)
        return _open(files, "VRT", text=text)
    reader = reader_of(href, version)
    driver = driver_of(reader)
    file = GdalFile.of(_checked(reader) if is_checked else OpenedFile(reader))
    dataset = _open([file], driver, overview_level)
    if dataset.tags(ns="OVERVIEWS"):  # GDAL would open any path or address in OVERVIEW_FILE
        dataset.close()
        raise SourceUnavailable.of_file(
            "the file names overviews in another file, which are not read; remove that item"
        )
    return dataset


def overview_count(href: str) -> int:
    """Return how many overview levels a file of this machine has with the mask and overviews beside it.

    GDAL keeps the masks of overviews in a file of their own; overviews whose masks are missing are not used.
    Call it inside ``gdal_calls``.

    Raises:
        SourceUnavailable: see ``open_dataset``; or a file beside it does not fit.
    """
    files = beside(href)
    if is_virtual(href):
        return 0
    return next(level for level in range(_MAX_LEVELS + 1) if _parts(href, files, level) is None)


def _parts(href: str, files: Beside, overview_level: int | None) -> Parts | None:
    """Return where the pixels and the mask of a resolution are; None where there is no such level.

    Raises:
        SourceUnavailable: see ``overview_count``.
    """
    number = 0 if overview_level is None else overview_level + 1
    pixels = _part(href, files.overviews, number, is_masked_elsewhere=bool(files.mask))
    if pixels is None or not files.mask:
        return pixels
    mask = _part(files.mask, files.mask_overviews, number, is_masked_elsewhere=False)
    if number and (mask is None or mask.size != pixels.size):
        return None
    if mask is None or mask.size != pixels.size or len(mask.dtypes) not in {1, len(pixels.dtypes)}:
        raise SourceUnavailable.of_file("the mask beside it is of another size; make it again")
    return replace(pixels, mask=mask.pixels, mask_bands=len(mask.dtypes))


def _part(file: str, overviews: str, number: int, *, is_masked_elsewhere: bool) -> Parts | None:
    """Return a resolution of a file without its mask: 0 is the full one; None where there is no such level.

    Overviews beside a file with a mask of its own have no mask, and are not used.
    """
    level = Level(file, version=_version(file))
    with _open_alone(file) as whole:
        part = Parts((whole.width, whole.height), tuple(map(str, whole.dtypes)), level)
        own = len(whole.overviews(1))
        is_masked = not all({*flags} in _UNMASKED for flags in whole.mask_flag_enums)
    if number == 0:
        return part
    if own:
        level, count = replace(level, overview=number - 1), own
    elif overviews and (is_masked_elsewhere or not is_masked):
        level = Level(overviews, None if number == 1 else number - 2, _version(overviews))
        with _open_alone(overviews) as first:
            count = 1 + len(first.overviews(1))
    else:
        return None
    if number > count:
        return None
    with _open_alone(level.file, level.overview) as raster:
        if tuple(map(str, raster.dtypes)) != part.dtypes or raster.width > part.size[0] or raster.height > part.size[1]:
            raise SourceUnavailable.of_file("the overviews beside it are of another file; make them again")
        return Parts((raster.width, raster.height), part.dtypes, level)


def _version(path: str) -> str:
    try:
        return version_of(os.stat(path))
    except OSError as error:
        raise SourceUnavailable.of_file(CHANGED) from error


def _open(files: Sequence[GdalFile], driver: str, overview_level: int | None = None, text: str = "") -> DatasetReader:
    """Open a file, or a VRT of some files that is given as a text."""
    level = {} if overview_level is None else {"overview_level": overview_level}
    with warnings.catch_warnings():
        # No georeference is a value here (crs None). Not thread-safe before Python 3.14; at worst a
        # thread lets one warning through.
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            # A shared handle must not be used by two threads.
            dataset = rasterio.open(text or files[0].name, driver=driver, sharing=False, **level)
        except FOREIGN_ERRORS as error:
            for file in files:
                if file.failure is not None:
                    raise file.failure from error
            raise
    keep_with(dataset, files)
    raise_failure("", dataset)
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
    files = beside(href)
    if files.mask or files.overviews:
        found = _parts(href, files, overview_level)
        if found is None:
            raise SourceUnavailable.of_file(CHANGED)
    else:
        with _open_alone(href, overview_level, version) as whole:
            level = Level(href, overview_level, _version(href) if is_local(href) else "")
            found = Parts((whole.width, whole.height), whole.dtypes, level)
    if is_virtual(href):
        text, opened = _virtual(href)
        parts = replace(found, pixels=Level(text))
    else:
        parts, opened = _named(found, version)
    dtype, band = parts.dtypes[index - 1], parts.band_source(index)
    if mask is True:
        text = virtual_text(parts.size, dtype, band, parts.mask_source(index))
    else:
        nodata = "" if mask is False else f"<NoDataValue>{mask}</NoDataValue>"
        text = virtual_text(parts.size, dtype, nodata + band)
        if nodata:
            text = virtual_text(parts.size, dtype, source_text(text, "1"), source_text(text, "mask,1"))
    return _open(opened, "VRT", text=text)


def open_piece(piece: DatasetReader, corner: tuple[int, int], size: tuple[int, int], masked: bool) -> DatasetReader:
    """Open a raster of one band whose pixels outside of a piece are not known, as a dataset of its whole size.

    GDAL's warper rounds positions by the size of the raster, so a piece alone would give other last digits.

    Args:
        piece: in memory; open as long as the result.
        corner: column and row of the piece in the raster.
        size: columns and rows of the raster.
        masked: whether the piece has a mask.
    """
    place = f'<SrcRect xOff="0" yOff="0" xSize="{piece.width}" ySize="{piece.height}"/>'
    place += f'<DstRect xOff="{corner[0]}" yOff="{corner[1]}" xSize="{piece.width}" ySize="{piece.height}"/>'
    mask = source_text(piece.name, "mask,1", place=place) if masked else ""
    text = virtual_text(size, piece.dtypes[0], source_text(piece.name, "1", place=place), mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(text, driver="VRT", sharing=False)


@contextmanager
def open_raster(
    href: str, overview_level: int | None = None, version: str = "", *, alone: bool = False
) -> Iterator[DatasetReader]:
    """Open a file for a ``with`` block, to read its header; errors of reads inside it are translated as well.

    Args:
        href: see ``open_dataset``.
        overview_level: see ``open_dataset``.
        version: see ``open_dataset``.
        alone: whether the mask and overviews beside it are left out.

    Raises:
        SourceUnavailable: see ``open_dataset``.
    """
    open_it = _open_alone if alone else open_dataset
    with gdal_calls(), open_it(href, overview_level, version, is_checked=False) as raster:
        try:
            yield raster
        finally:
            raise_failure("", raster)


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
        if start.startswith(signature) and (driver in DRIVERS or is_picture(reader.href)):
            return driver
    raise SourceUnavailable.of_file("it is neither a GeoTIFF nor a JPEG 2000 file")
