"""Histograms of bands, from few of their pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rasterwire.download.band_values import BandValues, stored_values
from rasterwire.errors import Violations, invalid
from rasterwire.geo.region import Region
from rasterwire.image import Band, Image
from rasterwire.pixels import type_names
from rasterwire.plan import pick_bands
from rasterwire.plan.pictures import default_bands

_SHRINK = 2.0**-16
"""What makes differences of any values so small that they may be multiplied by the number of buckets."""


@dataclass(frozen=True, slots=True)
class BandHistogram:
    """How often values occur in a band.

    Attributes:
        name: of the band.
        pixels: that were looked at, without their values, which would take megabytes.
        valid_count: of them.
        limits: the least and the greatest value; None where none is valid.
        percentiles: in the order of the request; () where no value is valid.
        counts: of values in ranges of equal width from the least to the greatest; () where no value is valid.
    """

    name: str
    pixels: BandValues
    valid_count: int
    limits: tuple[float, float] | None
    percentiles: tuple[float, ...]
    counts: tuple[int, ...]


def histograms(
    image: Image, names: Sequence[str], region: Region | None, buckets: int, percents: Sequence[float]
) -> list[BandHistogram]:
    """Return the histograms of bands, by default of those that a picture shows.

    Args:
        image: of the bands.
        names: of the bands; none for the default.
        region: where to look, None for everywhere.
        buckets: number of ranges.
        percents: percentiles to tell.

    Raises:
        InvalidRequest: the image lacks bands, or the region touches none of their pixels.
        SourceUnavailable: a file cannot be read.
    """
    if not image.bands:
        raise invalid("image", "IMAGE_WITHOUT_BANDS", f"image {image.id!r} has no bands")
    fields = [(f"bands[{index}]", name) for index, name in enumerate(names)]
    bands = pick_bands(image, fields or [("bands", name) for name in default_bands(image).names])
    problems = Violations()
    answers = []
    for band in bands:
        with problems.catching():
            if isinstance(band, Band):
                answers.append(_histogram(band, region, buckets, percents))
    problems.raise_if_any()
    return answers


def _histogram(band: Band, region: Region | None, buckets: int, percents: Sequence[float]) -> BandHistogram:
    if band.dtype not in type_names:
        raise invalid("bands", "TYPE_NOT_SUPPORTED", f"band {band.name!r} is {band.dtype}, which has no histogram")
    pixels = stored_values(band, region)
    values, bare = pixels.values, replace(pixels, values=np.empty(0))
    if not values.size:
        return BandHistogram(band.name, bare, 0, None, (), ())
    limits = float(values.min()), float(values.max())
    counts = tuple(_counts(values, *limits, buckets))
    return BandHistogram(band.name, bare, values.size, limits, tuple(pixels.percentiles(percents)), counts)


def _counts(values: npt.NDArray[np.float64], low: float, high: float, buckets: int) -> list[int]:
    """Return how many values are in each range from the least to the greatest; equal values are in the first.

    The histogram of NumPy refuses limits that are few floating-point numbers apart, or more than the largest one.
    """
    if not math.isfinite((high - low) * buckets):
        values, low, high = values * _SHRINK, low * _SHRINK, high * _SHRINK
    if low == high:
        return [values.size] + [0] * (buckets - 1)
    places = np.floor((values - low) * buckets / (high - low)).astype(np.intp)
    counts: list[int] = np.bincount(np.minimum(places, buckets - 1), minlength=buckets).tolist()
    return counts
