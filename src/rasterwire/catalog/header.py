"""What the header of a raster file says: the only part of the catalog that opens rasters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS as RasterioCRS  # noqa: N811
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

from rasterwire.catalog.intact import check_whole
from rasterwire.catalog.metadata import read_metadata
from rasterwire.errors import SourceUnavailable
from rasterwire.files.ground import ground_of
from rasterwire.files.nodata_text import nodata_pixel, read_nodata
from rasterwire.files.raster_file import open_raster, version_of
from rasterwire.files.tiff_file import nodata_text, plain_bands, tiling_of
from rasterwire.image import BandMetadata, Tiling

__all__ = ["BandHeader", "Header", "read_header"]


_MOST_EXACT = 2.0**53
"""Beyond it a double no longer has every whole number."""

_LEAST_PIXEL = 1e-40
"""Square units of the crs that a pixel of a file covers at least: less is a transform that was never filled in."""

_MOST_OVERVIEWS = 32
"""Halved so often, any raster is one pixel."""


@dataclass(frozen=True, slots=True)
class BandHeader:
    """One band as its file describes it.

    Attributes:
        description: what the file calls the band, or "".
        dtype: numpy name of the stored type.
        nodata: the stored value that means "no value", or None; int for integer types.
        masked: whether a mask or alpha band marks invalid pixels.
        mask_is_own: whether that mask is of this band alone.
        scale, offset: physical = stored x scale + offset; 1 and 0 where the file names none.
        unit: of the physical value, or "".
    """

    description: str
    dtype: str
    nodata: float | int | None
    masked: bool
    mask_is_own: bool
    scale: float
    offset: float
    unit: str


@dataclass(frozen=True, slots=True)
class Header:
    """A raster file without its pixels.

    Attributes:
        driver: GDAL's name of the format.
        grid: rows, columns, transform and crs; the crs is None where the file names none, and where
            it has no transform, so that its crs or its control points say nothing of this grid.
        is_placed: whether the file holds a transform.
        bands: in the order of the file, at least one.
        overviews: (width, height) of each level, from the finest.
        exact_overviews: False for the wavelet levels of JPEG 2000.
        plain: whether tiles can be decoded without GDAL.
        tiling: see ``Band``.
        version: changes when the file does.
        metadata: what else it says of each band.
        ground: see ``Band``.
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

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, in pixels."""
        rows, columns = self.grid.shape
        return rows, columns


def read_header(path: str) -> Header:
    """Read the header of a GeoTIFF or JPEG 2000 file.

    Args:
        path: absolute path of a regular file.

    Raises:
        SourceUnavailable: the file is missing, of another kind, damaged or cut short. It names
            neither image nor band.
    """
    try:
        version = version_of(Path(path).stat())
        check_whole(path)  # first, since the ways of GDAL through a file have no bounds
        with open_raster(path) as raster:
            grid, is_placed = _grid_of(raster)
            is_plain = _is_plain(raster, path, version)
            nodata = _nodata(raster, path, version)
            metadata = read_metadata(raster, None if is_placed else _crs_of(raster.gcps[1] or raster.crs))
            return Header(
                driver=str(raster.driver),
                grid=grid,
                is_placed=is_placed,
                bands=_band_headers(raster, nodata),
                overviews=_overview_sizes(path, len(raster.overviews(1))),
                exact_overviews=raster.driver != "JP2OpenJPEG",
                plain=is_plain,
                tiling=tiling_of(path, version) if is_plain else None,
                version=version,
                metadata=metadata,
                ground=None if is_placed else ground_of(metadata[0].file, (raster.height, raster.width)),
            )
    except OSError as error:
        raise SourceUnavailable("", "", "the file is missing or cannot be opened by this server") from error
    except UnicodeDecodeError as error:
        raise SourceUnavailable("", "", "a name or unit of its bands is not in UTF-8; store it again") from error


def _is_plain(raster: DatasetReader, path: str, version: str) -> bool:
    """Tell whether tiles can be decoded without GDAL, and validity be told from the nodata value alone."""
    if raster.driver != "GTiff":
        return False
    return plain_bands(path, version, [str(dtype) for dtype in raster.dtypes])


def _grid_of(raster: DatasetReader) -> tuple[GeoBox, bool]:
    """Return the pixel grid, and whether the file holds a transform: one that is no identity, which places nothing."""
    shape = (int(raster.height), int(raster.width))
    transform = Affine(*raster.transform[:6])
    if not all(map(math.isfinite, transform[:6])) or abs(transform.determinant) < _LEAST_PIXEL:
        raise SourceUnavailable("", "", "its transform gives pixels no area; georeference the file again")
    points, _ = raster.gcps
    is_placed = not points and transform != Affine.identity()
    return GeoBox(shape, transform, _crs_of(raster.crs) if is_placed else None), is_placed


def _crs_of(found: RasterioCRS | None) -> CRS | None:
    """Return the crs under its EPSG code where it is exactly that one, else as the file spells it.

    The code is preferred because equal systems of different spelling have different hashes.
    """
    if not found:
        return None
    code = found.to_epsg()
    if code is not None and RasterioCRS.from_epsg(code) == found:
        return CRS(f"EPSG:{code}")
    return CRS(found.to_wkt())


def _nodata(raster: DatasetReader, path: str, version: str) -> list[float | int | None]:
    """Return what stands for no value in each band; of 64-bit integers from the text, since rasterio has doubles.

    Raises:
        SourceUnavailable: the text is needed and cannot be read.
    """
    dtypes = [str(dtype) for dtype in raster.dtypes]
    if raster.driver == "GTiff" and {"int64", "uint64"} & set(dtypes):
        try:
            text = nodata_text(path, version)
        except Exception as error:  # what the parser of TIFFs cannot read, GDAL may
            if any(value is None or abs(value) >= _MOST_EXACT for value in raster.nodatavals):
                raise SourceUnavailable("", "", "its nodata value cannot be read exactly; store it again") from error
        else:
            return [read_nodata(text, dtype) if text else None for dtype in dtypes]
    return [nodata_pixel(value, dtype) for value, dtype in zip(raster.nodatavals, dtypes, strict=True)]


def _band_headers(raster: DatasetReader, nodata: Sequence[float | int | None]) -> tuple[BandHeader, ...]:
    """Return what is told of each band; a property is of all bands, and asking for it reads them all."""
    told = zip(
        raster.descriptions,
        raster.dtypes,
        nodata,
        raster.mask_flag_enums,
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
            # a mask of the band alone has no flag at all, and nodata of all bands together is a mask too
            masked=MaskFlags.all_valid not in flags and set(flags) != {MaskFlags.nodata},
            mask_is_own=not flags,
            scale=float(scale),
            offset=float(offset),
            unit=str(unit or ""),
        )
        for description, dtype, value, flags, scale, offset, unit in told
    )


def _overview_sizes(path: str, levels: int) -> tuple[tuple[int, int], ...]:
    """Return (width, height) of the overview levels: factors are rounded, so each is asked.

    To ask, GDAL opens the file anew, so that levels nobody needs are left out.
    """
    sizes = []
    for level in range(min(levels, _MOST_OVERVIEWS)):
        with open_raster(path, level) as overview:
            sizes.append((int(overview.width), int(overview.height)))
    return tuple(sizes)
