"""Reads where the files beside a raster place it: world files, ``.prj`` files, and GDAL's ``.aux.xml`` files."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from affine import Affine
from rasterio.crs import CRS

from rasterwire.errors import SourceUnavailable
from rasterwire.files.beside import Beside
from rasterwire.files.regular_file import open_regular

__all__ = ["Placement", "read_placement"]

_MAX_BYTES = 4 << 20
"""Of such a file; histograms make the notes of GDAL long."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What files beside a raster say of it.

    Attributes:
        transform: from column and row, of corners of pixels, to units of the crs; None where none is given.
        crs: None where none is given.
        nodata: text of the nodata value of bands, by their number from 1.
    """

    transform: Affine | None = None
    crs: CRS | None = None
    nodata: Mapping[int, str] = field(default_factory=dict)


def read_placement(files: Beside, crs: str) -> Placement:
    """Return what files beside a raster say. Called inside ``gdal_calls``.

    A world file goes before the transform of the notes, and the crs of the notes before that of a ``.prj`` file.

    Args:
        files: of the raster.
        crs: of pictures for which no file names one; "" for none.

    Raises:
        SourceUnavailable: a file is too long or damaged, or names another file.
    """
    notes = _notes(_text(files.notes)) if files.notes else Placement()
    found = notes.crs
    if found is None and files.projection:
        found = CRS.from_wkt(_text(files.projection), morph_from_esri_dialect=True)
    if found is None and files.world and crs:
        found = CRS.from_string(crs)
    transform = _world(_text(files.world)) if files.world else notes.transform
    return Placement(transform, found, notes.nodata)


def _text(path: str) -> str:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            if os.fstat(file.fileno()).st_size <= _MAX_BYTES:
                return file.read(_MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise SourceUnavailable.of_file("a file beside it cannot be read by this server") from error
    except UnicodeDecodeError as error:
        raise SourceUnavailable.of_file("a file beside it is not in UTF-8; write it again") from error
    raise SourceUnavailable.of_file(f"a file beside it has more than {_MAX_BYTES >> 20} MB; shorten it")


def _world(text: str) -> Affine:
    """Return the transform of a world file: six numbers, the last two of the centre of the first pixel."""
    try:
        a, d, b, e, c, f = _finite(text.split())
    except ValueError:
        raise SourceUnavailable.of_file("its world file does not hold six numbers; write it again") from None
    return Affine(a, b, c, d, e, f) @ Affine.translation(-0.5, -0.5)


def _finite(texts: list[str]) -> list[float]:
    numbers = [float(text) for text in texts]
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)):
        raise ValueError
    return numbers


def _notes(text: str) -> Placement:
    if "<!" in text.replace("<!--", ""):  # entities could be larger than memory
        raise SourceUnavailable.of_file("its .aux.xml file has declarations of XML, which are not read; remove them")
    if "OVERVIEW_FILE" in text:
        raise SourceUnavailable.of_file(
            "its .aux.xml file names overviews in another file, which are not read; remove that item"
        )
    try:
        root = ET.fromstring(text)
        transform = root.findtext("GeoTransform")
        wkt = (root.findtext("SRS") or "").strip()
        bands = root.findall("PAMRasterBand")
        return Placement(
            Affine.from_gdal(*_finite(transform.split(","))) if transform else None,
            CRS.from_wkt(wkt) if wkt else None,
            {int(band.get("band", "")): value for band in bands if (value := band.findtext("NoDataValue"))},
        )
    except (ET.ParseError, ValueError):
        raise SourceUnavailable.of_file("its .aux.xml file is damaged; write it again") from None
