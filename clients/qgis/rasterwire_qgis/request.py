"""From what the canvas shows and what was chosen to a request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rasterwire_qgis.failures import Refused

_MOST_PIXELS = 1 << 20
"""Along a side: beyond it, the size of a pixel was mistaken."""


class Grid(Enum):
    """Which pixels are asked for; the value is what people read."""

    VIEW_OWN = "Visible part, pixels of the image"
    VIEW_CANVAS = "Visible part, crs and pixels of the canvas"
    WHOLE_OWN = "Whole image, pixels of the image"


class Kind(Enum):
    """What kind of file is asked for; the value is what people read."""

    GEO_TIFF = "GeoTIFF"
    CLOUD_OPTIMIZED = "GeoTIFF, cloud-optimized"
    ZIP = "Zip, a GeoTIFF for each band"

    @property
    def suffix(self) -> str:
        """Of the file's name."""
        return ".zip" if self is Kind.ZIP else ".tif"


RESAMPLINGS = {
    "Nearest": "RESAMPLING_NEAREST",
    "Bilinear": "RESAMPLING_BILINEAR",
    "Cubic": "RESAMPLING_CUBIC",
    "Average": "RESAMPLING_AVERAGE",
    "Most frequent": "RESAMPLING_MODE",
}
"""Names of the schema by what people read."""


@dataclass(frozen=True)
class View:
    """What a canvas shows.

    Attributes:
        crs: an authority code, or WKT.
        is_geographic: whether its coordinates are degrees.
        west, south, east, north: the extent, in units of the crs.
        pixel: the side of a pixel, in units of the crs.
    """

    crs: str
    is_geographic: bool
    west: float
    south: float
    east: float
    north: float
    pixel: float


@dataclass(frozen=True)
class Choice:
    """What is chosen.

    Attributes:
        image: its id.
        bands: names, in order; none mean all.
        grid: which pixels.
        kind: of file.
        resampling: a name of the schema.
    """

    image: str
    bands: tuple[str, ...] = ()
    grid: Grid = Grid.VIEW_OWN
    kind: Kind = Kind.GEO_TIFF
    resampling: str = "RESAMPLING_NEAREST"


def read_params(choice: Choice, view: View) -> dict[str, Any]:
    """Return the request, as JSON of the schema.

    Raises:
        Refused: no image is chosen, or the canvas shows nothing.
    """
    if not choice.image:
        raise Refused("No image is chosen; choose one of the list.")
    is_zip = choice.kind is Kind.ZIP
    params: dict[str, Any] = {
        "image": choice.image,
        "format": "FORMAT_ZIPPED_GEO_TIFF_PER_BAND" if is_zip else "FORMAT_GEO_TIFF",
        "resampling": choice.resampling,
    }
    if choice.bands:
        params["bands"] = [{"id": band} for band in choice.bands]
    if choice.kind is Kind.CLOUD_OPTIMIZED:
        params["cloudOptimized"] = True
    if choice.grid is not Grid.WHOLE_OWN:
        params.update(_area(_on_earth(view), choice.grid))
    return params


def _area(view: View, grid: Grid) -> dict[str, Any]:
    if grid is Grid.VIEW_OWN:
        box = {"west": view.west, "south": view.south, "east": view.east, "north": view.north}
        return {"region": {"boundingBox": box, "crs": view.crs}}
    columns, rows = _count(view.east - view.west, view.pixel), _count(view.north - view.south, view.pixel)
    if max(columns, rows) > _MOST_PIXELS:
        raise Refused(f"The canvas would be {columns} x {rows} pixels; zoom in.")
    return {
        "crs": view.crs,
        "crsTransform": [view.pixel, 0.0, view.west, 0.0, -view.pixel, view.north],
        "dimensions": [columns, rows],
    }


def _count(length: float, pixel: float) -> int:
    """Return how many pixels cover a length; a rounding error makes no pixel more."""
    return max(1, math.ceil(length / pixel - 1e-6))


def _on_earth(view: View) -> View:
    """Return a view without what lies beyond the poles, and beyond once around the earth."""
    west, south, east, north = view.west, view.south, view.east, view.north
    if view.is_geographic:
        south, north = max(south, -90.0), min(north, 90.0)
        if east - west >= 360.0:
            west, east = -180.0, 180.0
    numbers = (west, south, east, north, view.pixel)
    if not all(map(math.isfinite, numbers)) or west >= east or south >= north or view.pixel <= 0:
        raise Refused("The canvas shows no place; add a layer or zoom to one first.")
    if not view.crs:
        raise Refused("The project has no crs; choose one in the lower right corner of QGIS.")
    return View(view.crs, view.is_geographic, west, south, east, north, view.pixel)
