"""Where bands without a transform lie, and the requests that they allow."""

from collections.abc import Sequence

from odc.geo.geobox import GeoBox

from rasterwire.errors import invalid
from rasterwire.image import MAX_POINTS, Band
from rasterwire.plan.grids import GridRequest, unplaced
from rasterwire.plan.types import Source
from rasterwire.request import Resampling


def comparable_grid(grid: GeoBox, band: Source) -> GeoBox:
    """Return the grid of a band to compare with the grid of an output: on earth, unless the output has no crs."""
    return band.grid if grid.crs is None else band.placed


def check_place(request: GridRequest, sources: Sequence[Source]) -> None:
    """Raise InvalidRequest where a grid on earth is requested of bands that are not placed on earth."""
    for source in sources:
        band = source.stored
        if request.needs_place and band is not None and band.placed.crs is None:
            raise unplaced(request, _why_unplaced(band))


def check_warps(grid: GeoBox, sources: Sequence[tuple[Source, Resampling]]) -> None:
    """Raise InvalidRequest for bands that cannot be brought onto a grid.

    Args:
        grid: of the output.
        sources: bands with their resampling.
    """
    for source, resampling in sources:
        band = source.stored
        if band is None:
            continue
        if grid.crs is None and band.grid.crs is not None:
            problem = f"band {band.name!r} lies on earth and the first band does not"
            raise invalid("bands", _NO_COMMON_PLACE, f"{problem}; name a crs, or ask for a file per band")
        if grid.crs is not None and band.placed.crs is None:
            problem = f"band {band.name!r} cannot be put beside bands that lie on earth: {_why_unplaced(band)}"
            raise invalid("bands", _NO_COMMON_PLACE, f"{problem}; ask for a file per band")
        if grid.crs is not None and band.ground is not None and resampling is Resampling.SUM:
            # GDAL's warper makes sums, and places pixels by transforms only
            problem = f"{resampling.value} is not supported for pixels that control points or polynomials place"
            raise invalid("resampling", "RESAMPLING_NOT_SUPPORTED", f"{problem}; ask for CUBIC or AVERAGE")


_NO_COMMON_PLACE = "BANDS_WITHOUT_COMMON_PLACE"


def _why_unplaced(band: Band) -> str:
    file = band.metadata.file
    if file.points:
        return f"GDAL finds no polynomial through the {len(file.points)} control points of the image"
    if file.points_not_read:
        return f"the image has {file.points_not_read} control points, at most {MAX_POINTS} are read"
    if file.rpcs:
        return "the rational polynomials of the image place none of its pixels"
    if file.crs is not None:
        return "the image names a coordinate reference system, but no transform that places its pixels in it"
    return "the image names no coordinate reference system"
