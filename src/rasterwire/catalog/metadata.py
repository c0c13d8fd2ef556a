"""Reads the metadata of a raster file that is copied into its downloads: all but grid, types and nodata."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from odc.geo.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from rasterwire.image import MAX_POINTS, BandMetadata, ControlPoint, FileMetadata, Items

__all__ = ["read_metadata"]

_MAX_CHARACTERS = 1 << 20
"""Of the names and values of all items of a file; each item counts 64 more."""


_IS_POINT = "AREA_OR_POINT"

_own_domains = {"", "IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "SUBDATASETS", "RPC"}
"""The domains that are read, and those that GDAL generates."""

_rpc_numbers = (
    *("LINE_OFF", "SAMP_OFF", "LAT_OFF", "LONG_OFF", "HEIGHT_OFF"),
    *("LINE_SCALE", "SAMP_SCALE", "LAT_SCALE", "LONG_SCALE", "HEIGHT_SCALE"),
)
_rpc_coefficients = ("LINE_NUM_COEFF", "LINE_DEN_COEFF", "SAMP_NUM_COEFF", "SAMP_DEN_COEFF")
_rpc_errors = ("ERR_BIAS", "ERR_RAND")


def read_metadata(raster: DatasetReader, crs: CRS | None) -> tuple[BandMetadata, ...]:
    """Return the metadata of each band. The work is linear in the number of bands.

    Args:
        raster: an open file, inside ``gdal_calls``.
        crs: of the control points, or of a file without a transform; else None.
    """
    budget = _ItemBudget()
    tags = raster.tags()
    points = _points(raster)
    of_file = FileMetadata(
        items=budget.take((name, value) for name, value in tags.items() if name != _IS_POINT),
        is_point=str(tags.get(_IS_POINT, "")).lower() == "point",
        points=points,
        points_not_read=0 if points else len(raster.gcps[0]),
        rpcs=_rpcs(raster.tags(ns="RPC")),
        crs=crs,
        domains=tuple(sorted(str(name) for name in raster.tag_namespaces() if name not in _own_domains)),
    )
    rows = zip(raster.indexes, raster.dtypes, raster.descriptions, raster.colorinterp, strict=True)
    bands = [
        BandMetadata(
            description=(description or "").strip(),
            color=str(color.name),
            palette=_palette(raster, index, color) if dtype in {"uint8", "uint16"} else b"",
            items=budget.take(raster.tags(index).items()),
        )
        for index, dtype, description, color in rows
    ]
    of_file = replace(of_file, not_read=budget.left_out)
    return tuple(replace(band, file=of_file) for band in bands)


_ARGUMENTS = {"self", "bidx", "ns"}
"""Item names that rasterio's writer confuses with its own arguments."""


class _ItemBudget:
    """The characters that the items of a file may take. Items that do not fit are left out.

    Attributes:
        left_out: number of items that were left out.
    """

    def __init__(self) -> None:
        self._characters = 0
        self.left_out = 0

    def take(self, items: Iterable[tuple[str, str]]) -> Items:
        """Return the items that fit."""
        selection = []
        for name, value in items:
            size = len(name) + len(value) + 64
            if name in _ARGUMENTS or self._characters + size > _MAX_CHARACTERS:
                self.left_out += 1
                continue
            self._characters += size
            selection.append((str(name), str(value)))
        return tuple(selection)


def _points(raster: DatasetReader) -> tuple[ControlPoint, ...]:
    points = raster.gcps[0]
    if len(points) > MAX_POINTS:
        return ()
    return tuple(ControlPoint(point.col, point.row, point.x, point.y, point.z or 0.0) for point in points)


def _rpcs(tags: Mapping[str, str]) -> Items:
    """Return the rational polynomial coefficients if they are complete, else ()."""
    try:
        numbers = [float(tags[name]) for name in _rpc_numbers]
        for name in _rpc_coefficients:
            coefficients = [float(text) for text in tags[name].split()]
            if len(coefficients) != 20:
                return ()
            numbers += coefficients
    except (KeyError, ValueError):
        return ()
    if not all(map(math.isfinite, numbers)):
        return ()
    names = (*_rpc_numbers, *_rpc_coefficients, *_rpc_errors)
    return tuple((name, str(tags[name])) for name in names if name in tags)


def _palette(raster: DatasetReader, index: int, color: ColorInterp) -> bytes:
    """Return red, green and blue of each value from 0 on, a byte each; b"" where there is no palette."""
    if color not in {ColorInterp.palette, ColorInterp.undefined}:
        return b""
    try:
        colors = raster.colormap(index)
    except ValueError:  # the band has no palette
        return b""
    return bytes(component for value in range(len(colors)) for component in colors.get(value, (0, 0, 0, 0))[:3])
