"""The ranges of pictures: percentiles of bands, measured once for each version of a band."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from odc.geo.geobox import GeoBox

from rasterwire import budget
from rasterwire.download.band_values import computed_values, stored_values
from rasterwire.geo.grid import grid_key
from rasterwire.image import Band
from rasterwire.plan import RenderPlan
from rasterwire.plan.etag import etag_of
from rasterwire.plan.pictures import with_picture
from rasterwire.plan.types import ShownBand

_MAX_RANGES = 10_000
"""Which are kept."""

_LOOK_SECONDS = 0.1
"""Between looks whether somebody still waits for what another thread measures."""

_Range = tuple[float, float, str]
"""The values of two percentiles, and where they come from."""


class PictureRanges:
    """Measures what the bands of pictures are shown from and to. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ranges: OrderedDict[object, _Range] = OrderedDict()
        self._running: dict[object, threading.Event] = {}

    def known(self, plan: RenderPlan) -> RenderPlan:
        """Return a plan with those numbers of its picture that were measured before. It reads no pixels."""
        return self._filled(plan, self._find)

    def measured(self, plan: RenderPlan) -> RenderPlan:
        """Return a plan with the numbers of its picture, which are percentiles where the request gives none.

        Raises:
            SourceUnavailable: a file cannot be read.
            RenderCancelled: nobody waits for it any more.
        """
        return self._filled(plan, self._measure)

    def _filled(self, plan: RenderPlan, range_of: Callable[[ShownBand, GeoBox], _Range | None]) -> RenderPlan:
        picture = plan.picture
        if picture is None or picture.is_measured:
            return plan
        # of an image without bounds, the pixels of the output are looked at
        grids = [raster.grid for raster in plan.rasters for _ in raster.bands]
        bands = []
        for band, grid in zip(picture.bands, grids[: len(picture.bands)], strict=True):
            range_ = None if band.is_measured else range_of(band, grid)
            bands.append(band if range_ is None else _with_range(band, range_))
        picture = replace(picture, bands=tuple(bands))
        plan = replace(plan, picture=picture, rasters=with_picture(plan.rasters, picture))
        return replace(plan, etag=etag_of(plan))

    def _find(self, band: ShownBand, output: GeoBox) -> _Range | None:
        key = _key(band, output)
        with self._lock:
            range_ = self._ranges.get(key)
            if range_ is not None:
                self._ranges.move_to_end(key)
        return range_

    def _measure(self, band: ShownBand, output: GeoBox) -> _Range:
        """Return the range of a band, which is measured once for all who ask for it meanwhile."""
        key = _key(band, output)
        while True:
            range_ = self._find(band, output)
            if range_ is not None:
                return range_
            with self._lock:
                running = self._running.get(key)
                if running is None and key not in self._ranges:
                    self._running[key] = ended = threading.Event()
                    break
            # who measures may leave before the end, and who waits then goes on in its place
            while running is not None and not running.wait(_LOOK_SECONDS):
                budget.check()
        try:
            range_ = _range(band, _grid(band, output))
            with self._lock:
                self._ranges[key] = range_
                while len(self._ranges) > _MAX_RANGES:
                    self._ranges.popitem(last=False)
            return range_
        finally:
            with self._lock:
                del self._running[key]
            ended.set()


def _grid(band: ShownBand, output: GeoBox) -> GeoBox:
    return band.source.grid if band.source.is_bounded else output


def _key(band: ShownBand, output: GeoBox) -> object:
    # the key of a node has the version of its files
    is_stored = isinstance(band.source, Band)
    return band.node.key, band.percents, None if is_stored else grid_key(_grid(band, output))


def _with_range(band: ShownBand, range_: _Range) -> ShownBand:
    """Return a band with percentiles where the request gives no number."""
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
