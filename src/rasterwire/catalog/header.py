"""Reads the headers of raster files. Only this module and ``truncation`` open rasters for the catalog."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS as RasterioCRS  # noqa: N811
from rasterio.enums import Compression, Interleaving, MaskFlags
from rasterio.io import DatasetReader

from rasterwire.catalog.kept import Kept
from rasterwire.catalog.metadata import read_metadata
from rasterwire.catalog.placement import Placement, read_placement
from rasterwire.catalog.truncation import check_complete
from rasterwire.errors import SourceUnavailable
from rasterwire.files.beside import Beside, beside, is_virtual, options_of, version_beside
from rasterwire.files.byte_reader import open_reader
from rasterwire.files.gdal_calls import gdal_calls
from rasterwire.files.ground import ground_of
from rasterwire.files.nodata_text import nodata_pixel, read_nodata
from rasterwire.files.raster_file import PICTURES, driver_of, open_raster, overview_count, virtual_of
from rasterwire.files.sandbox import call
from rasterwire.files.tiff_directories import directories_of
from rasterwire.files.tiff_file import nodata_text, plain_bands, tiling_of
from rasterwire.image import BandMetadata, Tiling

__all__ = ["BandHeader", "Header", "read_header"]


_MAX_EXACT = 2.0**53
"""Doubles represent all whole numbers up to this one."""

_LEAST_PIXEL = 1e-40
"""Square units of the crs that a pixel of a file covers at least: less is a transform that was never filled in."""

_MAX_BANDS = 16_384
"""Of a file; GDAL takes 5 KB of memory for each."""

_MAX_BLOCK_BYTES = 256 << 20
"""Of a tile or strip with all the bands in it."""

_MAX_PICTURE_PIXELS = 100_000_000
"""Of a PNG or JPEG file."""

_MAX_OVERVIEWS = 32
"""After so many halvings any raster is one pixel."""


_MAX_DESCRIBED = 256
"""Descriptions of files whose headers are remembered: scenes of a series have the same."""

_MAX_DESCRIBED_BANDS = 16


@dataclass(frozen=True, slots=True)
class BandHeader:
    """One band as its file describes it.

    Attributes:
        description: the description in the file, or "".
        dtype: numpy name of the stored type.
        nodata: the stored value of pixels without a value, or None; int for integer types.
        masked: whether a mask or alpha band marks invalid pixels.
        mask_is_own: whether that mask belongs to this band alone.
        scale, offset: physical = stored x scale + offset; 1 and 0 where the file gives none.
        unit: of the physical value, or "".
        grid: where it is not that of the file's first band; else None.
        index: of the band in its file, from 1; 0 where it is its place in the header.
        overviews: where they are not those of the file; see ``Header``.
    """

    description: str
    dtype: str
    nodata: float | int | None
    masked: bool
    mask_is_own: bool
    scale: float
    offset: float
    unit: str
    grid: GeoBox | None = None
    index: int = 0
    overviews: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A raster file without its pixels.

    Attributes:
        driver: GDAL's name of the format.
        grid: rows, columns, transform and crs. The crs is None where the file names none, and where
            it has no transform: then its crs is that of its control points, not of this grid.
        is_placed: whether the file holds a transform.
        bands: in the order of the file, at least one.
        overviews: (width, height) of each level, from the finest.
        exact_overviews: False for the wavelet levels of JPEG 2000.
        plain: whether tiles can be decoded without GDAL.
        tiling: see ``Band``.
        version: a text that changes when the file changes.
        metadata: the other metadata of each band.
        ground: see ``Band``.
        format: see ``Band``.
    """

    driver: str
    grid: GeoBox
    is_placed: bool
    bands: tuple[BandHeader, ...]
    overviews: tuple[tuple[int, int], ...]
    exact_overviews: bool
    plain: bool
    tiling: Tiling | None
    version: str
    metadata: tuple[BandMetadata, ...]
    ground: GeoBox | None
    format: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, in pixels."""
        rows, columns = self.grid.shape
        return rows, columns


_described = Kept[Header](_MAX_DESCRIBED, math.inf)
"""Headers of plain files by what their directories say. To ask GDAL takes longer than all else, and most of that in
threads that it has not met before."""


def read_header(href: str, version: str = "") -> Header:
    """Read the header of a GeoTIFF or JPEG 2000 file in its present version.

    Args:
        href: absolute path of a regular file, or the address of a remote one.
        version: that it had when it was looked at; the header may be of a later one.

    Raises:
        SourceUnavailable: the file is missing, has another format, is damaged or is truncated. The error
            names neither image nor band.
    """
    return call((href, version), _read, href)


def _read(href: str) -> Header:
    try:
        reader = open_reader(href)
        version = reader.version + version_beside(href)
        files = beside(href)
        for path in files.rasters() if is_virtual(href) else (href, *files.rasters()):
            check_complete(open_reader(path))  # first: it limits the parts of a file, and GDAL does not
        for path in files.sources:
            with open_raster(path, alone=True):
                pass  # refused where it names overviews elsewhere
        is_alone = not any(files.paths()) and driver_of(reader) == "GTiff"
        description = directories_of(reader).description(reader) if is_alone else b""
        header = _of_described(description, href, version) or _by_gdal(href, version, files)
        is_kept = bool(description) and header.plain and len(header.bands) <= _MAX_DESCRIBED_BANDS
        if is_kept and _is_still(href, reader.version):  # else GDAL may have read what replaced the file
            _described.put(description, header)
    except OSError as error:
        raise SourceUnavailable(
            image_id="", band="", problem="the file is missing or cannot be opened by this server"
        ) from error
    except UnicodeDecodeError as error:
        raise SourceUnavailable(
            image_id="", band="", problem="a name or unit of its bands is not in UTF-8; store it again"
        ) from error
    return header


def _is_still(href: str, version: str) -> bool:
    try:
        return open_reader(href).version == version
    except (OSError, SourceUnavailable):
        return False


def _of_described(description: bytes, href: str, version: str) -> Header | None:
    """Return the header of a plain file by that of another one whose directories say the same; None without one."""
    known = _described.get(description) if description else None
    if known is None or not plain_bands(href, version, [band.dtype for band in known.bands]):
        return None
    return replace(known, version=version, tiling=tiling_of(href, version))


def _by_gdal(href: str, version: str, files: Beside) -> Header:
    placement = _placement(files, href)
    with open_raster(href, None, version, alone=True) as raster:
        _check_size(raster)
        grid, is_placed = _grid_of(raster, placement)
        is_plain = not any(files.rasters()) and _is_plain(raster, href, version)
        _check_tiles(raster, is_plain)
        nodata = _nodata(raster, href, version, placement)
        metadata = read_metadata(raster, None if is_placed else _crs_of(raster.gcps[1] or raster.crs))
        return Header(
            driver=str(raster.driver),
            grid=grid,
            is_placed=is_placed,
            bands=_band_headers(href, raster, nodata, files),
            overviews=_overview_sizes(href, version, _level_count(raster, href, files)),
            exact_overviews=raster.driver != "JP2OpenJPEG",
            plain=is_plain,
            tiling=tiling_of(href, version) if is_plain else None,
            version=version,
            metadata=metadata,
            ground=None if is_placed else ground_of(metadata[0].file, (raster.height, raster.width)),
        )


def _placement(files: Beside, href: str) -> Placement:
    if not any(files.paths()):
        return Placement()  # to prepare calls of GDAL takes a fifth of a header's time
    with gdal_calls():
        return read_placement(files, options_of(href).crs)


def _check_size(raster: DatasetReader) -> None:
    """Refuse a raster that would take too much memory, by what its header claims.

    Raises:
        SourceUnavailable: it has too many bands, or a block that is too large.
    """
    if raster.count > _MAX_BANDS:
        raise SourceUnavailable.of_file(f"it has more than {_MAX_BANDS} bands; store them in files of their own")
    rows, columns = raster.block_shapes[0]
    # only of TIFF: for some damaged files of JPEG 2000, GDAL never returns from this question
    has_all_bands = raster.driver == "GTiff" and raster.interleaving is Interleaving.pixel
    if raster.driver in PICTURES and raster.width * raster.height > _MAX_PICTURE_PIXELS:
        raise SourceUnavailable.of_file(
            f"it is {raster.driver} with more than {_MAX_PICTURE_PIXELS // 1_000_000} million pixels, which are decoded"
            " as a whole; store it as a tiled GeoTIFF"
        )
    size = rows * columns * np.dtype(raster.dtypes[0]).itemsize * (raster.count if has_all_bands else 1)
    if size > _MAX_BLOCK_BYTES:
        raise SourceUnavailable.of_file(
            f"its blocks take more than {_MAX_BLOCK_BYTES >> 20} MB of memory each; store it in smaller tiles"
        )


def _check_tiles(raster: DatasetReader, is_plain: bool) -> None:
    """Refuse deflated tiles of a size that TIFF does not have, where GDAL would read them.

    Their content may be longer than a tile. GDAL then gives whatever was in memory for the last row; the server's own
    decoder refuses such tiles. Source of the sizes: TIFF 6.0, section 15.

    Raises:
        SourceUnavailable: it has such tiles.
    """
    if is_plain or raster.driver != "GTiff" or raster.compression is not Compression.deflate:
        return
    rows, columns = raster.block_shapes[0]
    if columns != raster.width and (rows % 16 or columns % 16):
        raise SourceUnavailable.of_file(
            f"its tiles of {columns} x {rows} pixels have sides that are no multiples of 16; store it again"
        )


def _is_plain(raster: DatasetReader, href: str, version: str) -> bool:
    """Return whether tiles can be decoded without GDAL, and the nodata value alone decides what is valid."""
    if raster.driver != "GTiff":
        return False
    return plain_bands(href, version, [str(dtype) for dtype in raster.dtypes])


def _grid_of(raster: DatasetReader, placement: Placement) -> tuple[GeoBox, bool]:
    """Return the pixel grid, and whether it has a transform. An identity transform does not count as one.

    Args:
        raster: an open file, which has control points, a transform, or neither.
        placement: for a file with neither; its crs also for a file with a transform alone.
    """
    shape = (int(raster.height), int(raster.width))
    transform = Affine(*raster.transform[:6])
    points, _ = raster.gcps
    if placement.transform is not None and not points and transform == Affine.identity():
        transform = placement.transform
    if not all(map(math.isfinite, transform[:6])) or abs(transform.determinant) < _LEAST_PIXEL:
        raise SourceUnavailable(
            image_id="", band="", problem="its transform gives pixels no area; georeference the file again"
        )
    is_placed = not points and transform != Affine.identity()
    return GeoBox(shape, transform, _crs_of(raster.crs or placement.crs) if is_placed else None), is_placed


def _crs_of(crs: RasterioCRS | None) -> CRS | None:
    """Return a crs by its EPSG code where both are exactly equal, else by the WKT of the file.

    The code is preferred because equal systems with different WKT have different hashes.
    """
    return _named_crs(crs) if crs else None


@lru_cache(maxsize=256)
def _named_crs(crs: RasterioCRS) -> CRS:
    code = crs.to_epsg()
    if code is not None and RasterioCRS.from_epsg(code) == crs:
        return CRS(f"EPSG:{code}")
    return CRS(crs.to_wkt())


def _nodata(raster: DatasetReader, href: str, version: str, placement: Placement) -> list[float | int | None]:
    """Return the nodata value of each band; where the file has none, that of GDAL's notes beside it."""
    values = enumerate(zip(_own_nodata(raster, href, version), map(str, raster.dtypes), strict=True), 1)
    return [
        nodata_pixel(read_nodata(placement.nodata[index], dtype), dtype)
        if value is None and index in placement.nodata
        else value
        for index, (value, dtype) in values
    ]


def _own_nodata(raster: DatasetReader, href: str, version: str) -> list[float | int | None]:
    """Return the nodata value of each band, of 64-bit integers from the text: rasterio returns doubles.

    Raises:
        SourceUnavailable: the text is needed and cannot be read.
    """
    dtypes = [str(dtype) for dtype in raster.dtypes]
    if raster.driver == "VRT":
        texts = virtual_of(href).nodata
        values = (read_nodata(texts[index], dtype) if index in texts else None for index, dtype in enumerate(dtypes, 1))
        return [nodata_pixel(value, dtype) for value, dtype in zip(values, dtypes, strict=True)]
    if raster.driver == "GTiff" and {"int64", "uint64"} & set(dtypes):
        try:
            text = nodata_text(href, version)
        except SourceUnavailable:
            raise
        except Exception as error:  # GDAL may read files that the TIFF parser cannot
            if any(value is None or abs(value) >= _MAX_EXACT for value in raster.nodatavals):
                raise SourceUnavailable(
                    image_id="", band="", problem="its nodata value cannot be read exactly; store it again"
                ) from error
        else:
            return [read_nodata(text, dtype) if text else None for dtype in dtypes]
    return [nodata_pixel(value, dtype) for value, dtype in zip(raster.nodatavals, dtypes, strict=True)]


def _band_headers(
    href: str, raster: DatasetReader, nodata: Sequence[float | int | None], files: Beside
) -> tuple[BandHeader, ...]:
    """Return the headers of all bands. Each property is read once: rasterio returns it for all bands."""
    flags_of_bands = raster.mask_flag_enums
    if files.mask:
        with open_raster(href) as whole:
            flags_of_bands = whole.mask_flag_enums
    rows = zip(
        raster.descriptions,
        raster.dtypes,
        nodata,
        flags_of_bands,
        raster.scales,
        raster.offsets,
        raster.units,
        strict=True,
    )
    return tuple(
        BandHeader(
            description=(description or "").strip(),
            dtype=str(dtype),
            nodata=value,
            # A mask of one band alone has no flag. Flags with nodata and others are a mask too.
            masked=MaskFlags.all_valid not in flags and set(flags) != {MaskFlags.nodata},
            mask_is_own=not flags,
            scale=float(scale),
            offset=float(offset),
            unit=str(unit or ""),
        )
        for description, dtype, value, flags, scale, offset, unit in rows
    )


def _level_count(raster: DatasetReader, href: str, files: Beside) -> int:
    """Return how many overview levels there are. Those of pictures are made by their decoder, and not stored."""
    if raster.driver in PICTURES:
        return 0
    return overview_count(href) if any(files.rasters()) else len(raster.overviews(1))


def _overview_sizes(href: str, version: str, levels: int) -> tuple[tuple[int, int], ...]:
    """Return (width, height) of the overview levels. Their factors are rounded, so each level is opened.

    GDAL opens the file again for each level, so their number is limited.
    """
    sizes = []
    for level in range(min(levels, _MAX_OVERVIEWS)):
        with open_raster(href, level, version) as overview:
            sizes.append((int(overview.width), int(overview.height)))
    return tuple(sizes)
