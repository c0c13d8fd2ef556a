"""Which grid a band gets: the precedence rules, and the fields they leave without effect."""

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
    footprint,
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
"""Beyond these no raster is, and products of sizes cease to be exact numbers."""


_EARTH_METRES = 1e8
"""More than twice around: what reaches farther lies where a projection puts places at any distance, as of a pole."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A grid as asked for one raster.

    Attributes:
        spec: after band-level parts were laid over those of the request.
        region: the area, or None.
        precedence: which fields win.
        path: of the band in the request, such as ``bands[0].``; "" for the whole request.
        own: what the band asks for itself.
    """

    spec: GridSpec
    region: Region | None
    precedence: Precedence
    path: str = ""
    own: GridSpec = GridSpec()

    @property
    def exact(self) -> bool:
        """Whether crs and transform name the lattice."""
        return self.spec.crs is not None and self.spec.transform is not None

    @property
    def needs_place(self) -> bool:
        """Whether it means anything only where the pixels lie somewhere on earth."""
        return self.spec.crs is not None or self.spec.scale is not None or self.region is not None

    @property
    def region_counts(self) -> bool:
        """Whether the region has any effect."""
        return self.region is not None and not (self.exact and self.precedence is Precedence.DOCUMENTED)


def ignored_fields(asked: Asked, clips: bool) -> list[Ignored]:
    """Return the grid fields that have no effect, and a clip to a region that has none, with reasons."""
    found = []
    scale = (asked.path if asked.own.scale is not None else "") + "scale"
    if asked.spec.scale is not None:
        if asked.spec.dimensions:
            found.append(Ignored(scale, "dimensions is given, and decides the size of a pixel"))
        elif asked.exact and asked.precedence is Precedence.DOCUMENTED:
            found.append(Ignored(scale, "crs and crs_transform are given, and name the grid exactly"))
    if asked.region is not None and not asked.region_counts:
        own = bool(asked.path and asked.own.transform)
        why = f"{asked.path}crs_transform names its grid" if own else "crs and crs_transform are given"
        found.append(Ignored("region", f"{why}; precedence COMBINED crops {'it' if own else 'their grid'}"))
        if clips:
            found.append(Ignored("clip_to_region", f"region is ignored, since {why}"))
    return found


def resolve_grid(asked: Asked, source: GeoBox) -> GeoBox:
    """Return the grid for a band.

    Args:
        asked: what the request says.
        source: the grid of the band.

    Raises:
        InvalidRequest: the image has no place on earth and the grid needs one, or the region
            reaches beyond where the crs is defined.
    """
    if source.crs is None and asked.needs_place:
        raise unplaced(asked, "the image names no coordinate reference system")
    if asked.spec.transform is not None and asked.spec.crs is None:
        said = "six numbers place pixels in a crs only; name the crs too"
        raise invalid(asked.path + "crs_transform", "TRANSFORM_WITHOUT_CRS", said)
    if asked.spec.scale is not None and not _SMALLEST_METRES <= asked.spec.scale <= _LARGEST_METRES:
        said = f"{asked.spec.scale:g} metres are not between {_SMALLEST_METRES:g} and {_LARGEST_METRES:g}"
        raise invalid((asked.path if asked.own.scale is not None else "") + "scale", "SCALE_OUT_OF_RANGE", said)
    lattice, crs = _lattice(asked, source)
    dimensions = asked.spec.dimensions
    if asked.exact and len(dimensions) == 2 and not asked.region_counts:
        return GeoBox((dimensions[1], dimensions[0]), lattice, crs)
    box = _box(asked, source, lattice, crs)
    if dimensions:
        return stretched(lattice, crs, box, dimensions)
    return covering(lattice, crs, box)


def _lattice(asked: Asked, source: GeoBox) -> tuple[Affine, CRS | None]:
    spec = asked.spec
    scale = None if spec.dimensions else spec.scale
    if spec.crs is not None and spec.transform is not None:
        if scale is not None and asked.precedence is Precedence.COMBINED:
            return rescaled(spec.transform, spec.crs, scale), spec.crs
        return spec.transform, spec.crs
    if spec.crs is not None:
        return anchored(spec.crs, scale or pixel_metres(source.affine, source.crs)), spec.crs
    if scale is not None:
        return rescaled(source.affine, source.crs, scale), source.crs
    return source.affine, source.crs


def _box(asked: Asked, source: GeoBox, lattice: Affine, crs: CRS | None) -> tuple[float, float, float, float]:
    if asked.region is not None and asked.region_counts:
        return lattice_extent(asked.region, lattice, crs)
    if crs is None:
        return 0.0, 0.0, float(source.shape[1]), float(source.shape[0])
    inverse = ~lattice
    try:
        box = lattice_extent(footprint(source), lattice, crs)
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


def unplaced(asked: Asked, why: str) -> InvalidRequest:
    """Return the error of a grid on earth for an image that has no place there."""
    field = "crs" if asked.spec.crs else "scale" if asked.spec.scale is not None else "region"
    said = f"{why}, so only its own pixels can be had; leave the field out"
    return invalid(asked.path + field, "IMAGE_WITHOUT_CRS", said)


class Grids:
    """The grids of one request, each found once for all bands that share it."""

    def __init__(self) -> None:
        self._resolved: dict[Hashable, GeoBox] = {}
        self._touching: dict[Hashable, bool] = {}

    def resolve(self, asked: Asked, source: GeoBox) -> GeoBox:
        """See ``resolve_grid``; region and precedence have to be the same in every call."""
        key = replace(asked.spec, crs=None), crs_name(asked.spec.crs), grid_key(source)
        if key not in self._resolved:
            self._resolved[key] = resolve_grid(asked, source)
        return self._resolved[key]

    def touch(self, grid: GeoBox, source: GeoBox) -> bool:
        """See ``overlaps``."""
        key = grid_key(grid), grid_key(source)
        if key not in self._touching:
            self._touching[key] = overlaps(grid, source)
        return self._touching[key]
