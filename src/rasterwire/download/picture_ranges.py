"""The ranges of pictures: percentiles of bands, measured once for each version of a band."""

import math
import threading
from collections import OrderedDict
from dataclasses import replace

from odc.geo.geobox import GeoBox

from rasterwire.download.band_values import computed_values, stored_values
from rasterwire.geo.grid import grid_key
from rasterwire.image import Band
from rasterwire.plan import RenderPlan
from rasterwire.plan.etag import etag_of
from rasterwire.plan.pictures import with_picture
from rasterwire.plan.types import ShownBand

_MAX_RANGES = 10_000
"""Which are kept."""

_Range = tuple[float, float, str]
"""The values of two percentiles, and where they come from."""


class PictureRanges:
    """Measures what the bands of pictures are shown from and to. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ranges: OrderedDict[object, _Range] = OrderedDict()

    def measured(self, plan: RenderPlan) -> RenderPlan:
        """Return a plan with the numbers of its picture, which are percentiles where the request gives none.

        Raises:
            SourceUnavailable: a file cannot be read.
        """
        picture = plan.picture
        if picture is None or all(band.is_measured for band in picture.bands):
            return plan
        # of an image without bounds, the pixels of the output are looked at
        grids = [raster.grid for raster in plan.rasters for _ in raster.bands]
        bands = tuple(
            band if band.is_measured else self._measured(band, grid)
            for band, grid in zip(picture.bands, grids[: len(picture.bands)], strict=True)
        )
        picture = replace(picture, bands=bands)
        plan = replace(plan, picture=picture, rasters=with_picture(plan.rasters, picture))
        return replace(plan, etag=etag_of(plan))

    def _measured(self, band: ShownBand, output: GeoBox) -> ShownBand:
        grid = band.source.grid if band.source.is_bounded else output
        # the key of a node has the version of its files
        key = band.node.key, band.percents, None if isinstance(band.source, Band) else grid_key(grid)
        with self._lock:
            range_ = self._ranges.get(key)
            if range_ is not None:
                self._ranges.move_to_end(key)
        if range_ is None:
            range_ = _range(band, grid)
            with self._lock:
                self._ranges[key] = range_
                while len(self._ranges) > _MAX_RANGES:
                    self._ranges.popitem(last=False)
        low, high, text = range_
        lower, upper = band.percents
        if band.low is None and band.high is None:
            return replace(band, low=low, high=high, reason=f"percentiles {lower:g} and {upper:g} of {text}")
        name, percent = ("min", lower) if band.low is None else ("max", upper)
        reason = f"{band.reason}; {name} is percentile {percent:g} of {text}"
        if band.low is None:
            return _ascending(replace(band, low=low, reason=reason), name)
        return _ascending(replace(band, high=high, reason=reason), name)


def _ascending(band: ShownBand, name: str) -> ShownBand:
    """Return a band whose percentile, ``min`` or ``max`` by name, is on the right side of what was given."""
    low, high = band.spread
    if low < high:
        return band
    reason = f"{band.reason}, which is on the wrong side of what is given, so that it is moved"
    if name == "min":
        return replace(band, low=-_above(-high), reason=reason)
    return replace(band, high=_above(low), reason=reason)


def _range(band: ShownBand, grid: GeoBox) -> _Range:
    values = stored_values(band.source) if isinstance(band.source, Band) else computed_values(band.node, grid)
    numbers = values.percentiles([*band.percents, 0, 100])
    if not numbers:
        return 0.0, 1.0, f"{values.text}, none of which is valid, so that it is 0 to 1"
    low, high, least, greatest = numbers
    if low < high:
        return low, high, values.text
    if least < greatest:
        return least, greatest, f"{values.text}, which are equal, so that it is the least and the greatest value"
    return low, _above(low), f"{values.text}, which are all equal"


def _above(value: float) -> float:
    """Return a number above another one, by 1 where numbers are that fine."""
    return value + 1 if value + 1 > value else math.nextafter(value, math.inf)
