"""What is likely meant by a region that lies elsewhere than the image, or around most of the earth."""

from collections.abc import Sequence
from dataclasses import replace

import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidRequest, Violation
from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import grid_extent, overlaps
from rasterwire.geo.region import OUTSIDE_CRS, Region
from rasterwire.plan.grids import GridRequest, resolve_grid

OUTSIDE_IMAGE = "OUTSIDE_IMAGE"
"""The reason of what is said of an output without a pixel of the image."""

_OF_WIDE_REGIONS = {OUTSIDE_CRS, OUTSIDE_IMAGE, "GRID_TOO_LARGE", "OUTPUT_TOO_LARGE"}
"""Reasons of what is said of a region that goes around most of the earth, where it is not meant to."""

_WIDE_DEGREES = 180.0

_lonlat = CRS("EPSG:4326")


def outside(request: GridRequest, source: GeoBox, field: str) -> Violation:
    """Return what is said of an output that does not touch the image.

    Args:
        request: that leads to the output.
        source: the grid of the image.
        field: of the request that decides the size of the output; a region decides where it lies.
    """
    text = f"does not touch the image, which covers {_place(source)}"
    if _touches_swapped(request, source):
        text += "; with x and y swapped it would: x, the longitude, comes first"
    return Violation("region" if request.region_counts else field, OUTSIDE_IMAGE, text)


def with_hint(violations: Sequence[Violation], region: Region | None) -> list[Violation]:
    """Return violations, each once; the first that swapped sides of a box may lead to asks whether they are."""
    hinted = list(dict.fromkeys(violations))
    hint = _swapped_sides(region)
    for index, violation in enumerate(hinted):
        if hint and violation.field and violation.reason in _OF_WIDE_REGIONS:
            hinted[index] = replace(violation, description=f"{violation.description}; {hint}")
            break
    return hinted


def _swapped_sides(region: Region | None) -> str:
    if region is None or not region.crs.geographic:
        return ""
    west, _, east, _ = region.geometry.bounds
    if not (east > 180.0 and east - west > _WIDE_DEGREES):
        return ""
    sides = f"the west of the region, {west:.10g}, is greater than its east, {east - 360.0:.10g}"
    return f"{sides}, so that it spans {east - west:.10g} degrees over the antimeridian: are the two swapped?"


def _touches_swapped(request: GridRequest, source: GeoBox) -> bool:
    """Tell whether a region would touch the image if its coordinates were in the other order."""
    if request.region is None or not request.region_counts:
        return False
    geometry = shapely.transform(request.region.geometry, lambda points: points[:, ::-1])
    if request.region.crs.geographic and max(map(abs, geometry.bounds[1::2])) > 90.0:
        return False
    swapped = replace(request, region=replace(request.region, geometry=geometry))
    try:
        return overlaps(resolve_grid(swapped, source), source)
    except InvalidRequest:
        return False


def _place(source: GeoBox) -> str:
    """Return the extent of a grid in its crs, and in degrees."""
    if source.crs is None:
        return f"{source.shape[1]} x {source.shape[0]} pixels without a crs"
    text = f"{_box(*source.extent.boundingbox.bbox, 6)} in {crs_name(source.crs)[:60]}"
    if source.crs == _lonlat:
        return text
    try:
        box = grid_extent(source, Affine.identity(), _lonlat)
    except InvalidRequest:  # a part of it has no place on earth
        return text
    return f"{text}, which is {_box(*box, 4)} in degrees"


def _box(west: float, south: float, east: float, north: float, digits: int) -> str:
    return "[" + ", ".join(f"{round(side, digits):.10g}" for side in (west, south, east, north)) + "]"
