"""The sampling of a band on an output grid: values that every step of a block needs, computed once."""

from dataclasses import dataclass

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from rasterwire.geo.grid import pixels_around
from rasterwire.geo.lattice import Anchor, anchor
from rasterwire.pixels import Pixels
from rasterwire.plan.types import BandPlan, Source
from rasterwire.render.source import level_transform, read
from rasterwire.request import Resampling

Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom, in whole pixels of a source; right and bottom are not included."""

_interpolating = {
    Resampling.BILINEAR,
    Resampling.CUBIC,
    Resampling.CUBIC_SPLINE,
    Resampling.LANCZOS,
    Resampling.AVERAGE,
    Resampling.RMS,
    Resampling.SUM,
}
"""Resamplings that compute values; the others pick values of the source."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """A band that is resampled onto a grid, and the values that follow from the two.

    Attributes:
        source: of the pixels.
        overview: level of the source that is read; None reads the full resolution.
        grid: of the output.
        resampling: of the plan.
        affine: of the level that is read.
        width, height: of that level, in pixels.
        shares_crs: whether the grid and the source have the same crs.
        interpolates_floats: whether values are computed in floats, so that their last digits depend on the last
            digits of positions. Whole numbers are rounded.
        anchor: where the grid lies on its lattice; all parts of the grid share it. See ``geo.lattice``.
        turn: columns of the level that go once around the earth; 0 where its columns do not run along it.
    """

    source: Source
    overview: int | None
    grid: GeoBox
    resampling: Resampling | None
    affine: Affine
    width: int
    height: int
    shares_crs: bool
    interpolates_floats: bool
    anchor: Anchor
    turn: float

    def read(self, rectangle: Rectangle) -> Pixels:
        """Return pixels of the level.

        Raises:
            SourceUnavailable: the file cannot be read.
        """
        left, top, right, bottom = rectangle
        return read(self.source, self.overview, left, top, (bottom - top, right - left))

    def invalid(self, shape: tuple[int, int]) -> Pixels:
        """Return pixels of which none is valid, in the type of the source."""
        return Pixels(np.zeros(shape, self.source.dtype), np.zeros(shape, bool))


def sampling_of(band: BandPlan, grid: GeoBox) -> Sampling:
    """Return the sampling of a band on a grid."""
    source = band.source
    affine, width, height = level_transform(source, band.overview)
    shares_crs = grid.crs == source.grid.crs
    origin = (source.grid.affine.c, source.grid.affine.f) if shares_crs else None
    interpolates_floats = band.resampling in _interpolating and np.dtype(source.dtype).kind == "f"
    return Sampling(
        source=source,
        overview=band.overview,
        grid=grid,
        resampling=band.resampling,
        affine=affine,
        width=width,
        height=height,
        shares_crs=shares_crs,
        interpolates_floats=interpolates_floats,
        anchor=anchor(grid.affine, origin, rounds=interpolates_floats),
        turn=pixels_around(affine, source.grid.crs),
    )
