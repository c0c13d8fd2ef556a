"""What the header of a raster file says beside grid, types and nodata: to be carried into what is made of it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from odc.geo.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from rasterwire.image import MOST_POINTS, BandMetadata, ControlPoint, FileMetadata, Items

__all__ = ["read_metadata"]

_MOST_CHARACTERS = 1 << 20
"""Of the names and values of a file's items, each item counted with 64 more."""


_IS_POINT = "AREA_OR_POINT"

_own_domains = {"", "IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "SUBDATASETS", "RPC"}
"""Those that are read, and those that GDAL makes up."""

_rpc_numbers = (
    *("LINE_OFF", "SAMP_OFF", "LAT_OFF", "LONG_OFF", "HEIGHT_OFF"),
    *("LINE_SCALE", "SAMP_SCALE", "LAT_SCALE", "LONG_SCALE", "HEIGHT_SCALE"),
)
_rpc_coefficients = ("LINE_NUM_COEFF", "LINE_DEN_COEFF", "SAMP_NUM_COEFF", "SAMP_DEN_COEFF")
_rpc_errors = ("ERR_BIAS", "ERR_RAND")


def read_metadata(raster: DatasetReader, crs: CRS | None) -> tuple[BandMetadata, ...]:
    """Return what a file says of each of its bands; work grows with their number and no faster.

    Args:
        raster: opened, inside ``gdal_calls``.
        crs: of a file that has no transform, or of its control points; else None.
    """
    room = _Room()
    tags = raster.tags()
    points = _points(raster)
    of_file = FileMetadata(
        items=room.kept((name, value) for name, value in tags.items() if name != _IS_POINT),
        is_point=str(tags.get(_IS_POINT, "")).lower() == "point",
        points=points,
        points_not_read=0 if points else len(raster.gcps[0]),
        rpcs=_rpcs(raster.tags(ns="RPC")),
        crs=crs,
        domains=tuple(sorted(str(name) for name in raster.tag_namespaces() if name not in _own_domains)),
    )
    each = zip(raster.indexes, raster.dtypes, raster.descriptions, raster.colorinterp, strict=True)
    bands = [
        BandMetadata(
            description=(description or "").strip(),
            color=str(color.name),
            palette=_palette(raster, index, color) if dtype in {"uint8", "uint16"} else b"",
            items=room.kept(raster.tags(index).items()),
        )
        for index, dtype, description, color in each
    ]
    of_file = replace(of_file, not_read=room.left_over)
    return tuple(replace(band, file=of_file) for band in bands)


_ARGUMENTS = {"self", "bidx", "ns"}
"""Names of items that rasterio takes for arguments where items are written."""


class _Room:
    """Room for the items of a file, first come, first served.

    Attributes:
        left_over: how many had none.
    """

    def __init__(self) -> None:
        self._characters = 0
        self.left_over = 0

    def kept(self, items: Iterable[tuple[str, str]]) -> Items:
        kept = []
        for name, value in items:
            size = len(name) + len(value) + 64
            if name in _ARGUMENTS or self._characters + size > _MOST_CHARACTERS:
                self.left_over += 1
                continue
            self._characters += size
            kept.append((str(name), str(value)))
        return tuple(kept)


def _points(raster: DatasetReader) -> tuple[ControlPoint, ...]:
    points = raster.gcps[0]
    if len(points) > MOST_POINTS:
        return ()
    return tuple(ControlPoint(p.col, p.row, p.x, p.y, p.z or 0.0) for p in points)


def _rpcs(told: Mapping[str, str]) -> Items:
    """Return rational polynomials that are whole, else none."""
    try:
        numbers = [float(told[name]) for name in _rpc_numbers]
        for name in _rpc_coefficients:
            coefficients = [float(text) for text in told[name].split()]
            if len(coefficients) != 20:
                return ()
            numbers += coefficients
    except (KeyError, ValueError):
        return ()
    if not all(map(math.isfinite, numbers)):
        return ()
    names = (*_rpc_numbers, *_rpc_coefficients, *_rpc_errors)
    return tuple((name, str(told[name])) for name in names if name in told)


def _palette(raster: DatasetReader, index: int, color: ColorInterp) -> bytes:
    """Return red, green and blue of the values from 0 on."""
    if color not in {ColorInterp.palette, ColorInterp.undefined}:
        return b""
    try:
        colors = raster.colormap(index)
    except ValueError:  # there is none
        return b""
    return bytes(part for value in range(len(colors)) for part in colors.get(value, (0, 0, 0, 0))[:3])
