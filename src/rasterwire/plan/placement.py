"""Where bands lie that have no transform, and what can be asked of them."""

from collections.abc import Sequence

from odc.geo.geobox import GeoBox

from rasterwire.errors import invalid
from rasterwire.image import MOST_POINTS, Band
from rasterwire.nodes.computed import Computed
from rasterwire.plan.grids import Asked, unplaced
from rasterwire.plan.types import Source
from rasterwire.request import Resampling

_not_along_curves = {Resampling.CUBIC_SPLINE, Resampling.LANCZOS, Resampling.SUM}
"""GDAL's warper makes them, which is given transforms."""


def on(grid: GeoBox, band: Source) -> GeoBox:
    """Return the grid of a band that shares a plane with an output, where one does."""
    return band.grid if grid.crs is None else band.placed


def check_place(asked: Asked, bands: Sequence[Source]) -> None:
    """Raise InvalidRequest where a grid on earth is asked for bands that are not tied to it."""
    for band in bands:
        if asked.needs_place and not isinstance(band, Computed) and band.placed.crs is None:
            raise unplaced(asked, _why_unplaced(band))


def check_warps(grid: GeoBox, sources: Sequence[tuple[Source, Resampling]]) -> None:
    """Raise InvalidRequest for bands that cannot be brought onto a grid.

    Args:
        grid: of the output.
        sources: bands with how they are to be resampled.
    """
    for band, resampling in sources:
        if isinstance(band, Computed):
            continue
        if grid.crs is None and band.grid.crs is not None:
            said = (
                f"band {band.name!r} lies on earth and the first band does not; name a crs, or ask for a file per band"
            )
            raise invalid("bands", "BANDS_WITHOUT_COMMON_PLACE", said)
        if grid.crs is not None and band.placed.crs is None:
            said = f"band {band.name!r} cannot be put beside bands that lie on earth: {_why_unplaced(band)}"
            raise invalid("bands", "BANDS_WITHOUT_COMMON_PLACE", f"{said}; ask for a file per band")
        if grid.crs is not None and band.ground is not None and resampling in _not_along_curves:
            said = f"{resampling.value} is not made of pixels that control points or polynomials place"
            raise invalid("resampling", "RESAMPLING_NOT_SUPPORTED", f"{said}; ask for CUBIC or AVERAGE")


def _why_unplaced(band: Band) -> str:
    file = band.metadata.file
    if file.points:
        return f"GDAL finds no polynomial through the {len(file.points)} control points of the image"
    if file.points_not_read:
        return f"the image has {file.points_not_read} control points, at most {MOST_POINTS} are read"
    if file.rpcs:
        return "the rational polynomials of the image place none of its pixels"
    if file.crs is not None:
        return "the image names a coordinate reference system, but no transform that places its pixels in it"
    return "the image names no coordinate reference system"
