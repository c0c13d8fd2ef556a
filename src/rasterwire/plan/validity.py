"""How a file tells its invalid pixels from valid ones: by a value, by masks, or not at all where there are none."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.geo.grid import grid_key
from rasterwire.nodes.computed import Computed
from rasterwire.pixels import fits, smallest_value
from rasterwire.plan.inside import lies_inside
from rasterwire.plan.types import Source
from rasterwire.request import DownloadRequest, Format, MaskOutput, Resampling

_MOST_APART = 1 << 20
"""Whole numbers up to this are apart as floats by more than what readers take for one nodata value."""


@dataclass(frozen=True, slots=True)
class Nodata:
    """A value of one band of an output.

    Attributes:
        declared: what the file declares, or None.
        fill: what invalid pixels get.
    """

    declared: float | int | None
    fill: float | int


@dataclass(frozen=True, slots=True)
class Telling:
    """How a raster tells its invalid pixels from valid ones.

    Attributes:
        mask: None where no pixel can be invalid.
        reason: why, in a sentence.
        nodata: of each band.
    """

    mask: MaskOutput | None
    reason: str
    nodata: tuple[Nodata, ...]


def tell_invalid(
    sources: Sequence[tuple[str, Source, Resampling]],
    dtypes: Sequence[str],
    grid: GeoBox,
    request: DownloadRequest,
    format_: Format,
) -> Telling:
    """Return how a raster tells invalid pixels: as it is asked to, else in the plainest way that loses no pixel.

    Args:
        sources: output name, band and asked resampling, in output order.
        dtypes: of the output, one a band. Where a file is a GeoTIFF they are equal, and so is nodata.
        grid: of the raster.
        request: for nodata, mask, clip and layout.
        format_: after defaults.
    """
    of_sources: dict[Hashable, bool] = {}
    may = [_may_be_invalid(band, grid, resampling, request, of_sources) for _, band, resampling in sources]
    one_value = format_ is not Format.NPY and not format_.is_picture
    asked = request.mask
    if asked is None and request.nodata is not None:
        asked, why = MaskOutput.NODATA, "the request gives a nodata value"
    elif asked is not None:
        why = "the request asks for it"
    elif not any(may):
        return Telling(
            None, "no pixel can be invalid", tuple(_filled(s[1], d) for s, d in zip(sources, dtypes, strict=True))
        )
    elif format_.is_picture:
        said = "they are transparent" if format_ is Format.PNG else "they are black"
        return Telling(None, said, tuple(_filled(s[1], d) for s, d in zip(sources, dtypes, strict=True)))
    else:
        own = [_own_nodata(band, dtype) for (_, band, _), dtype in zip(sources, dtypes, strict=True)]
        needed = [value for value, is_needed in zip(own, may, strict=True) if is_needed]
        agree = len({repr(value) for value in own}) == 1 if one_value else True
        if agree and None not in needed:
            why = "the nodata value of the source marks no valid pixel"
            return Telling(MaskOutput.NODATA, why, tuple(_declared(v, d) for v, d in zip(own, dtypes, strict=True)))
        return _by_masks(sources, dtypes, own, cloud_optimized=request.cloud_optimized)
    return Telling(asked, why, _by_request(sources, dtypes, may, request, one_value))


def _by_masks(
    sources: Sequence[tuple[str, Source, Resampling]],
    dtypes: Sequence[str],
    own: Sequence[float | int | None],
    *,
    cloud_optimized: bool,
) -> Telling:
    several = len(sources) > 1
    why = "the nodata values of the bands differ" if several and None not in own else "any value may be a valid one"
    kind = MaskOutput.BAND
    # where there is room for one mask alone, an alpha band may have that of its colours, which says what it says
    deciding = [s for s in sources if not (cloud_optimized and _is_alpha(s[1]))]
    if several and len({_what_decides(band, resampling) for _, band, resampling in deciding}) > 1:
        kind = MaskOutput.EACH_BAND
        why += ", and the bands may be invalid at different pixels"
    return Telling(kind, why, tuple(_filled(s[1], d) for s, d in zip(sources, dtypes, strict=True)))


def _by_request(
    sources: Sequence[tuple[str, Source, Resampling]],
    dtypes: Sequence[str],
    may: Sequence[bool],
    request: DownloadRequest,
    one_value: bool,
) -> tuple[Nodata, ...]:
    by_mask = request.mask in {MaskOutput.BAND, MaskOutput.EACH_BAND}
    values: list[float | int | None] = []
    for (_, band, _), dtype, is_needed in zip(sources, dtypes, may, strict=True):
        value: float | int | None = None
        if request.nodata is not None:
            # one that does not fit is refused by the caller, with all that is wrong
            value = _of_type(request.nodata, dtype) if fits(request.nodata, dtype) else smallest_value(dtype)
        elif band.nodata is not None and fits(band.nodata, dtype):
            value = _of_type(band.nodata, dtype)
        elif is_needed and not by_mask:
            value = smallest_value(dtype)
        values.append(value)
    if one_value and len(set(dtypes)) == 1 and len({repr(v) for v in values}) > 1:
        values = [None if by_mask else smallest_value(dtypes[0])] * len(values)
    return tuple(_declared(value, dtype) for value, dtype in zip(values, dtypes, strict=True))


def _declared(value: float | int | None, dtype: str) -> Nodata:
    return Nodata(value, smallest_value(dtype) if value is None else value)


def _filled(band: Source, dtype: str) -> Nodata:
    """Return what lies below a mask: what the source has there, NaN of floats, else the smallest value."""
    if band.nodata is not None and fits(band.nodata, dtype):
        return Nodata(None, _of_type(band.nodata, dtype))
    return Nodata(None, math.nan if np.dtype(dtype).kind == "f" else smallest_value(dtype))


def _of_type(value: float | int, dtype: str) -> float | int:
    return value if np.dtype(dtype).kind == "f" else int(value)


def _own_nodata(band: Source, dtype: str) -> float | int | None:
    """Return the value of a band that no valid pixel of it can have in a type, None for none."""
    value = band.nodata
    if value is None or band.masked or not fits(value, dtype):
        return None
    is_rounded = np.dtype(dtype).kind == "f" and np.dtype(band.dtype).kind != "f" and abs(value) > _MOST_APART
    return None if is_rounded else _of_type(value, dtype)


def _is_alpha(band: Source) -> bool:
    return not isinstance(band, Computed) and band.metadata.color == "alpha"


def _what_decides(band: Source, resampling: Resampling) -> Hashable:
    """Return what decides which pixels of a band are invalid; bands that share it are invalid at the same ones."""
    if isinstance(band, Computed):
        return band.name
    place = grid_key(band.grid), band.overviews, resampling
    if band.nodata is not None and not band.masked:
        return band.href, band.index
    if not band.masked:
        return place
    return place, band.href, band.index if band.mask_is_own else 0


def _may_be_invalid(
    band: Source, grid: GeoBox, resampling: Resampling, request: DownloadRequest, known: dict[Hashable, bool]
) -> bool:
    is_clipped = request.region is not None and request.clip_to_region
    if isinstance(band, Computed) or band.masked or band.nodata is not None or is_clipped:
        return True
    key = grid_key(band.grid), resampling
    if key not in known:
        known[key] = not lies_inside(band, grid, resampling)
    return known[key]
