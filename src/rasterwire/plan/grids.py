"""The grid of a band: the precedence rules, and the fields that have no effect by them."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidRequest, invalid
from rasterwire.geo.crs import crs_name, metres_per_unit
from rasterwire.geo.grid import (
    anchored,
    apply,
    covering,
    grid_extent,
    grid_key,
    lattice_extent,
    overlaps,
    pixel_metres,
    rescaled,
    stretched,
)
from rasterwire.geo.region import OUTSIDE_CRS, Region
from rasterwire.plan.types import Ignored
from rasterwire.plan.visible import visible_extent
from rasterwire.request import GridSpec, Precedence

_SMALLEST_METRES, _LARGEST_METRES = 1e-9, 1e9
"""No raster has smaller or larger pixels, and products of such sizes are no longer exact numbers."""


_EARTH_METRES = 1e8
"""More than twice around the earth. A larger extent comes from places that a projection puts at any distance, such
as a pole."""


@dataclass(frozen=True, slots=True)
class GridRequest:
    """A request for the grid of one raster.

    Attributes:
        spec: the fields of the band, completed by those of the whole request.
        region: the area, or None.
        precedence: which fields win.
        path: of the band in the request, such as ``bands[0].``; "" for the whole request.
        band_spec: the fields of the band alone.
    """

    spec: GridSpec
    region: Region | None
    precedence: Precedence
    path: str = ""
    band_spec: GridSpec = GridSpec()

    @property
    def exact(self) -> bool:
        """Whether crs and transform define the lattice."""
        return self.spec.crs is not None and self.spec.transform is not None

    @property
    def needs_place(self) -> bool:
        """Whether the request makes sense only for pixels that are placed on earth."""
        return self.spec.crs is not None or self.spec.scale is not None or self.region is not None

    @property
    def region_counts(self) -> bool:
        """Whether the region has any effect."""
        return self.region is not None and not (self.exact and self.precedence is Precedence.DOCUMENTED)


def ignored_fields(request: GridRequest, clips: bool) -> list[Ignored]:
    """Return the grid fields, and the clip to the region, that have no effect, with reasons."""
    ignored = []
    scale = (request.path if request.band_spec.scale is not None else "") + "scale"
    if request.spec.scale is not None:
        if request.spec.dimensions:
            ignored.append(Ignored(scale, "dimensions is given, and decides the size of a pixel"))
        elif request.exact and request.precedence is Precedence.DOCUMENTED:
            ignored.append(Ignored(scale, "crs and crs_transform are given, and define the grid exactly"))
    if request.region is not None and not request.region_counts:
        is_of_band = bool(request.path and request.band_spec.transform)
        reason = f"{request.path}crs_transform names its grid" if is_of_band else "crs and crs_transform are given"
        crop_target = "it" if is_of_band else "their grid"
        ignored.append(Ignored("region", f"{reason}; precedence COMBINED crops {crop_target}"))
        if clips:
            ignored.append(Ignored("clip_to_region", f"region is ignored, since {reason}"))
    return ignored


def resolve_grid(request: GridRequest, source: GeoBox) -> GeoBox:
    """Return the grid for a band.

    Args:
        request: for the grid.
        source: the grid of the band.

    Raises:
        InvalidRequest: the image is not placed on earth and the grid has to be, or the region
            extends beyond where the crs is defined.
    """
    if source.crs is None and request.needs_place:
        raise unplaced(request, "the image names no coordinate reference system")
    if request.spec.transform is not None and request.spec.crs is None:
        problem = "six numbers place pixels in a crs only; name the crs too"
        raise invalid(request.path + "crs_transform", "TRANSFORM_WITHOUT_CRS", problem)
    if request.spec.scale is not None and not _SMALLEST_METRES <= request.spec.scale <= _LARGEST_METRES:
        problem = f"{request.spec.scale:g} metres are not between {_SMALLEST_METRES:g} and {_LARGEST_METRES:g}"
        raise invalid(
            (request.path if request.band_spec.scale is not None else "") + "scale", "SCALE_OUT_OF_RANGE", problem
        )
    lattice, crs = _lattice(request, source)
    dimensions = request.spec.dimensions
    if request.exact and len(dimensions) == 2 and not request.region_counts:
        return GeoBox((dimensions[1], dimensions[0]), lattice, crs)
    box = _box(request, source, lattice, crs)
    if dimensions:
        return stretched(lattice, crs, box, dimensions)
    return covering(lattice, crs, box)


def _lattice(request: GridRequest, source: GeoBox) -> tuple[Affine, CRS | None]:
    spec = request.spec
    scale = None if spec.dimensions else spec.scale
    if spec.crs is not None and spec.transform is not None:
        if scale is not None and request.precedence is Precedence.COMBINED:
            return rescaled(spec.transform, spec.crs, scale), spec.crs
        return spec.transform, spec.crs
    if spec.crs is not None:
        return anchored(spec.crs, scale or pixel_metres(source.affine, source.crs)), spec.crs
    if scale is not None:
        return rescaled(source.affine, source.crs, scale), source.crs
    return source.affine, source.crs


def _box(request: GridRequest, source: GeoBox, lattice: Affine, crs: CRS | None) -> tuple[float, float, float, float]:
    if request.region is not None and request.region_counts:
        return lattice_extent(request.region, lattice, crs)
    if crs is None:
        return 0.0, 0.0, float(source.shape[1]), float(source.shape[0])
    inverse = ~lattice
    try:
        box = grid_extent(source, lattice, crs)
        if crs.geographic or _metres_across(box, lattice, crs) <= _EARTH_METRES:
            return box
    except InvalidRequest as error:
        if any(violation.reason != OUTSIDE_CRS for violation in error.violations):
            raise
    return visible_extent(source, crs, lambda points: apply(inverse, points))


def _metres_across(box: tuple[float, float, float, float], lattice: Affine, crs: CRS) -> float:
    left, top, right, bottom = box
    across, down = (right - left) * math.hypot(lattice.a, lattice.d), (bottom - top) * math.hypot(lattice.b, lattice.e)
    return max(across, down) * metres_per_unit(crs)


def unplaced(request: GridRequest, reason: str) -> InvalidRequest:
    """Return the error of a grid on earth for an image that is not placed on earth."""
    field = "crs" if request.spec.crs else "scale" if request.spec.scale is not None else "region"
    problem = f"{reason}, so it can only be downloaded on its own pixels; leave the field out"
    return invalid(request.path + field, "IMAGE_WITHOUT_CRS", problem)


class Grids:
    """The grids of one download, each resolved once for all bands that share it."""

    def __init__(self) -> None:
        self._resolved: dict[Hashable, GeoBox] = {}
        self._touching: dict[Hashable, bool] = {}

    def resolve(self, request: GridRequest, source: GeoBox) -> GeoBox:
        """See ``resolve_grid``; region and precedence have to be the same in every call."""
        key = replace(request.spec, crs=None), crs_name(request.spec.crs), grid_key(source)
        if key not in self._resolved:
            self._resolved[key] = resolve_grid(request, source)
        return self._resolved[key]

    def touch(self, grid: GeoBox, source: GeoBox) -> bool:
        """See ``overlaps``."""
        key = grid_key(grid), grid_key(source)
        if key not in self._touching:
            self._touching[key] = overlaps(grid, source)
        return self._touching[key]
