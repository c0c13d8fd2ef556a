"""The tags that place a GeoTIFF on earth and describe its bands, as GDAL writes them.

GDAL writes a tiny file with the same crs, transform, nodata, descriptions and metadata, and its tags are copied.
So they have the form that every reader knows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import tifffile
from rasterio.enums import ColorInterp
from rasterio.io import DatasetWriter, MemoryFile

from rasterwire.plan.types import RasterMetadata, RasterPlan

_GDAL_NODATA = 42113
_MODEL_TIEPOINT = 33922

_TAGS = {
    269: "DocumentName",
    270: "ImageDescription",
    280: "MinSampleValue",
    281: "MaxSampleValue",
    305: "Software",
    306: "DateTime",
    315: "Artist",
    316: "HostComputer",
    33432: "Copyright",
    33550: "ModelPixelScale",
    _MODEL_TIEPOINT: "ModelTiepoint",
    34264: "ModelTransformation",
    34735: "GeoKeyDirectory",
    34736: "GeoDoubleParams",
    34737: "GeoAsciiParams",
    42112: "GDAL_METADATA",
    _GDAL_NODATA: "GDAL_NODATA",
    50844: "RPCCoefficient",
}

_UNSPECIFIED, _ALPHA = 0, 2
"""Of ExtraSamples."""

_DOUBLE = 12
"""The TIFF data type."""

_RGB = ("red", "green", "blue")

Tag = tuple[int, int, int, Any, bool]
"""Code, TIFF data type, count, value, whether only once in a file."""


@dataclass(frozen=True, slots=True)
class Colors:
    """How the samples of a TIFF are to be shown, in the form that its writer takes.

    Attributes:
        photometric: minisblack, rgb or palette.
        extrasamples: the meaning of each sample beyond those of the photometric interpretation.
        colormap: shape (3, values of the type), or None.
    """

    photometric: str
    extrasamples: list[int]
    colormap: npt.NDArray[np.uint16] | None


def colors_of(raster: RasterPlan) -> Colors:
    """Return how the bands of a raster are to be shown."""
    metadata, count = raster.metadata, len(raster.bands)
    if metadata.palette:
        palette = np.frombuffer(metadata.palette, np.uint8).reshape(-1, 3).T.astype(np.uint16) * 257
        colormap = np.zeros((3, 1 << 8 * np.dtype(raster.bands[0].dtype).itemsize), np.uint16)
        colormap[:, : palette.shape[1]] = palette
        return Colors("palette", [], colormap)
    is_rgb = metadata.colors[:3] == _RGB
    base = 3 if is_rgb else 1
    colors = metadata.colors or ("gray",) * count
    extra = [_ALPHA if color == "alpha" else _UNSPECIFIED for color in colors[base:]]
    return Colors("rgb" if is_rgb else "minisblack", extra, None)


def resolution_of(raster: RasterPlan) -> dict[str, Any]:
    """Return the resolution in pixels per unit of length, as the TIFF writer takes it; {} where it is unknown.

    Source: TIFF 6.0; GDAL's names of items.
    """
    items = dict(raster.metadata.items)
    try:
        across, down = float(items["TIFFTAG_XRESOLUTION"]), float(items["TIFFTAG_YRESOLUTION"])
        unit = int(items.get("TIFFTAG_RESOLUTIONUNIT", "2").split()[0])
    except (KeyError, ValueError, IndexError):
        return {}
    if not (0 < across < 1 << 31 and 0 < down < 1 << 31 and unit in {1, 2, 3}):
        return {}
    return {"resolution": (across, down), "resolutionunit": unit}


def geo_tags(raster: RasterPlan) -> list[Tag]:
    """Return the tags of a raster; its bands share one nodata value.

    Source: OGC 19-008r4 (GeoTIFF 1.1); GDAL's GTiff driver for 42112 and 42113.
    """
    metadata, colors = raster.metadata, colors_of(raster)
    profile = {
        "driver": "GTiff",
        "width": 1,
        "height": 1,
        "count": len(raster.bands),
        "dtype": raster.bands[0].dtype,
        "nodata": raster.bands[0].nodata,
        "photometric": colors.photometric.upper(),
        "alpha": "NO",
    }
    if not (metadata.points or metadata.crs):
        profile["transform"] = raster.grid.affine
    crs = raster.grid.crs or metadata.crs
    if crs is not None and not metadata.points:
        profile["crs"] = rasterio.crs.CRS.from_wkt(crs.to_wkt())
    with rasterio.Env(GDAL_PAM_ENABLED="NO", GTIFF_REPORT_COMPD_CS="YES"), MemoryFile() as memory:
        with memory.open(**profile) as tiny:
            tiny.descriptions = [band.name for band in raster.bands]
            stored = [band.source.stored for band in raster.bands]
            tiny.scales = [1.0 if band is None else band.value_scale for band in stored]
            tiny.offsets = [0.0 if band is None else band.value_offset for band in stored]
            for index, source in enumerate(stored, start=1):
                if source is not None and source.unit:
                    tiny.set_band_unit(index, source.unit)
            _describe(tiny, metadata)
        memory.seek(0)
        with tifffile.TiffFile(memory) as tiff:
            by_code = {tag.code: tag for tag in tiff.pages.first.tags if tag.code in _TAGS}
            tags = [_exact_nodata(_copied(tag), raster) for _, tag in sorted(by_code.items())]
    return [tag if tag[0] != _MODEL_TIEPOINT else _exact_points(tag, metadata) for tag in tags]


def _describe(tiny: DatasetWriter, metadata: RasterMetadata) -> None:
    items = dict(metadata.items) | ({"AREA_OR_POINT": "Point"} if metadata.is_point else {})
    if items:
        tiny.update_tags(**items)
    if metadata.rpcs:
        tiny.update_tags(ns="RPC", **dict(metadata.rpcs))
    if metadata.points:
        points = [rasterio.control.GroundControlPoint(p.row, p.col, p.x, p.y, p.z) for p in metadata.points]
        crs = None if metadata.crs is None else rasterio.crs.CRS.from_wkt(metadata.crs.to_wkt())
        tiny.gcps = points, crs
    if any(color not in {"gray", "undefined"} for color in metadata.colors) or metadata.palette:
        tiny.colorinterp = [ColorInterp[color] for color in metadata.colors]
    for index, items_of_band in enumerate(metadata.band_items, start=1):
        if items_of_band:
            tiny.update_tags(index, **dict(items_of_band))


def _copied(tag: tifffile.TiffTag) -> Tag:
    value = tag.value
    if isinstance(value, str):
        # GDAL writes names in UTF-8, which the TIFF standard does not provide for but every reader accepts
        return tag.code, int(tag.dtype), 0, value.encode(), True
    values = tuple(np.atleast_1d(value).tolist())
    return tag.code, int(tag.dtype), len(values), values, True


def _exact_nodata(tag: Tag, raster: RasterPlan) -> Tag:
    """Return the nodata tag with all digits of a whole number, which rasterio has turned into a double."""
    band = raster.bands[0]
    if tag[0] != _GDAL_NODATA or band.nodata is None or np.dtype(band.dtype).kind not in "iu":
        return tag
    return tag[0], tag[1], 0, str(int(band.nodata)).encode(), True


def _exact_points(tag: Tag, metadata: RasterMetadata) -> Tag:
    """Return the tag of control points with their exact values: GDAL moves those of a raster of points twice.

    A raster of points counts its pixels from their centres. Source: GeoTIFF 1.1, 7.1.2.
    """
    if not metadata.points:
        return tag
    centre = 0.5 if metadata.is_point else 0.0
    values = tuple(n for p in metadata.points for n in (p.col - centre, p.row - centre, 0.0, p.x, p.y, p.z))
    return _MODEL_TIEPOINT, _DOUBLE, len(values), values, True
