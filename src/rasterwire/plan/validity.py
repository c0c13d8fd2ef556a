"""How a file marks its invalid pixels: by a nodata value, by masks, or not at all where there are none."""

import math
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from rasterwire.geo.grid import grid_key
from rasterwire.pixels import fits, smallest_value
from rasterwire.plan.inside import lies_inside
from rasterwire.plan.types import Source
from rasterwire.request import DownloadRequest, Format, MaskOutput, Resampling

_MAX_DISTINCT = 1 << 20
"""Up to this, whole numbers that differ are not taken for the same nodata value when read as floats."""


@dataclass(frozen=True, slots=True)
class Nodata:
    """The nodata value of one band of an output.

    Attributes:
        declared: the value that the file declares, or None.
        fill: the value of invalid pixels.
    """

    declared: float | int | None
    fill: float | int


@dataclass(frozen=True, slots=True)
class Marking:
    """How a raster marks its invalid pixels.

    Attributes:
        mask: None where no pixel can be invalid, or the format marks none.
        reason: why, in a sentence.
        nodata: of each band.
    """

    mask: MaskOutput | None
    reason: str
    nodata: tuple[Nodata, ...]


def mark_invalid(
    sources: Sequence[tuple[str, Source, Resampling]],
    dtypes: Sequence[str],
    grid: GeoBox,
    request: DownloadRequest,
    format_: Format,
) -> Marking:
    """Return how a raster marks invalid pixels: as requested, else in the simplest way that loses no pixel.

    Args:
        sources: output name, band and requested resampling, in output order.
        dtypes: of the output, one a band. Where a file is a GeoTIFF they are equal, and so is nodata.
        grid: of the raster.
        request: for nodata, mask, clip and layout.
        format_: after defaults.
    """
    by_source: dict[Hashable, bool] = {}
    may = [_may_be_invalid(source, grid, resampling, request, by_source) for _, source, resampling in sources]
    is_shared = format_ is not Format.NPY and not format_.is_picture
    if request.mask is not None:
        values = _requested_values(sources, dtypes, may, request, is_shared=is_shared)
        return Marking(request.mask, "the request asks for it", values)
    if request.nodata is not None:
        values = _requested_values(sources, dtypes, may, request, is_shared=is_shared)
        return Marking(MaskOutput.NODATA, "the request gives a nodata value", values)
    if not any(may) or format_.is_picture:
        reason = "they are transparent" if format_ is Format.PNG else "they are black"
        values = tuple(_below_mask(source, dtype) for (_, source, _), dtype in zip(sources, dtypes, strict=True))
        return Marking(None, reason if any(may) else "no pixel can be invalid", values)
    nodata = [_safe_nodata(source, dtype) for (_, source, _), dtype in zip(sources, dtypes, strict=True)]
    agree = len({repr(value) for value in nodata}) == 1 if is_shared else True
    if agree and None not in [value for value, is_needed in zip(nodata, may, strict=True) if is_needed]:
        values = tuple(_declared(value, dtype) for value, dtype in zip(nodata, dtypes, strict=True))
        return Marking(MaskOutput.NODATA, "the nodata value of the source marks no valid pixel", values)
    return _by_masks(sources, dtypes, nodata, cloud_optimized=request.cloud_optimized)


def mark_invalid_picture(
    sources: Sequence[tuple[Source, Resampling]], grid: GeoBox, request: DownloadRequest, count: int
) -> Marking:
    """Return how a file of a picture marks invalid pixels: by one mask for all bands, as every byte may be a valid one.

    Args:
        sources: band whose values are shown, and requested resampling.
        grid: of the raster.
        request: for the clip; it gives no mask and no nodata value.
        count: of output bands.
    """
    by_source: dict[Hashable, bool] = {}
    values = (Nodata(None, 0),) * count
    for source, resampling in sources:
        may_be_nan = np.dtype(source.dtype).kind == "f"
        if may_be_nan or _may_be_invalid(source, grid, resampling, request, by_source):
            reason = "every byte may be a valid one, and a pixel is shown where all bands are valid"
            return Marking(MaskOutput.BAND, reason, values)
    return Marking(None, "no pixel can be invalid", values)


def _by_masks(
    sources: Sequence[tuple[str, Source, Resampling]],
    dtypes: Sequence[str],
    nodata: Sequence[float | int | None],
    *,
    cloud_optimized: bool,
) -> Marking:
    is_of_several = len(sources) > 1
    reason = "any value may be a valid one"
    if is_of_several and None not in nodata:
        reason = "the nodata values of the bands differ"
    mask = MaskOutput.BAND
    masked_files = {
        source.stored.href for _, source, _ in sources if source.stored is not None and source.stored.masked
    }
    # a cloud-optimized file has room for no other mask
    followers = [
        _is_alpha(source) and (cloud_optimized or _follows_colours(source, resampling, masked_files))
        for _, source, resampling in sources
    ]
    deciding = [source for source, follows in zip(sources, followers, strict=True) if not follows]
    if is_of_several and len({_validity_key(source, resampling) for _, source, resampling in deciding}) > 1:
        mask = MaskOutput.EACH_BAND
        reason += ", and the bands may be invalid at different pixels"
    values = tuple(_below_mask(source, dtype) for (_, source, _), dtype in zip(sources, dtypes, strict=True))
    return Marking(mask, reason, values)


def _requested_values(
    sources: Sequence[tuple[str, Source, Resampling]],
    dtypes: Sequence[str],
    may: Sequence[bool],
    request: DownloadRequest,
    *,
    is_shared: bool,
) -> tuple[Nodata, ...]:
    """Return the nodata values of a request that gives a mask or a nodata value.

    Args:
        sources: see ``mark_invalid``.
        dtypes: likewise.
        may: whether pixels of each band may be invalid.
        request: as it came.
        is_shared: whether all bands of one type share one value.
    """
    by_mask = request.mask in {MaskOutput.BAND, MaskOutput.EACH_BAND}
    values: list[float | int | None] = []
    for (_, band, _), dtype, is_needed in zip(sources, dtypes, may, strict=True):
        value: float | int | None = None
        if request.nodata is not None:
            # the caller refuses a value that does not fit, together with all other violations
            value = _of_type(request.nodata, dtype) if fits(request.nodata, dtype) else smallest_value(dtype)
        elif band.nodata is not None and fits(band.nodata, dtype):
            value = _of_type(band.nodata, dtype)
        elif is_needed and not by_mask:
            value = smallest_value(dtype)
        values.append(value)
    if is_shared and len(set(dtypes)) == 1 and len({repr(v) for v in values}) > 1:
        values = [None if by_mask else smallest_value(dtypes[0])] * len(values)
    return tuple(_declared(value, dtype) for value, dtype in zip(values, dtypes, strict=True))


def _declared(value: float | int | None, dtype: str) -> Nodata:
    return Nodata(value, smallest_value(dtype) if value is None else value)


def _below_mask(source: Source, dtype: str) -> Nodata:
    """Return the fill below a mask: the nodata value of the source, else NaN for floats, else the smallest value."""
    if source.nodata is not None and fits(source.nodata, dtype):
        return Nodata(None, _of_type(source.nodata, dtype))
    return Nodata(None, math.nan if np.dtype(dtype).kind == "f" else smallest_value(dtype))


def _of_type(value: float | int, dtype: str) -> float | int:
    return value if np.dtype(dtype).kind == "f" else int(value)


def _safe_nodata(source: Source, dtype: str) -> float | int | None:
    """Return the nodata value of a band where no valid pixel can have that value in a type; else None."""
    band = source.stored
    value = source.nodata
    if band is None or value is None or band.masked or not fits(value, dtype):
        return None
    is_rounded = np.dtype(dtype).kind == "f" and np.dtype(band.dtype).kind != "f" and abs(value) > _MAX_DISTINCT
    return None if is_rounded else _of_type(value, dtype)


def _is_alpha(source: Source) -> bool:
    return source.stored is not None and source.stored.metadata.color == "alpha"


def _follows_colours(alpha: Source, resampling: Resampling, masked_files: AbstractSet[str]) -> bool:
    """Tell whether an alpha band may take the mask of its colours: where that is invalid, its own value is 0.

    So it is of pixels that are copied or reduced, and not of interpolated ones. Of a file with a mask beside its alpha
    band, the alpha band is masked too.
    """
    band = alpha.stored
    is_mask = band is not None and not band.masked and band.nodata is None and band.href in masked_files
    return is_mask and (resampling is Resampling.NEAREST or resampling.aggregates)


def _validity_key(source: Source, resampling: Resampling) -> Hashable:
    """Return a key that bands share which are invalid at the same pixels."""
    band = source.stored
    if band is None:
        return source.name
    sampling = grid_key(band.grid), band.overviews, resampling
    if band.nodata is not None and not band.masked:
        return band.href, band.index
    if not band.masked:
        return sampling
    return sampling, band.href, band.index if band.mask_is_own else 0


def _may_be_invalid(
    source: Source, grid: GeoBox, resampling: Resampling, request: DownloadRequest, by_source: dict[Hashable, bool]
) -> bool:
    """Tell whether a pixel may be invalid; ``by_source`` holds the answers of before for grids of sources."""
    band = source.stored
    is_clipped = request.region is not None and request.clip_to_region
    if band is None or band.masked or band.nodata is not None or is_clipped:
        return True
    key = grid_key(band.grid), resampling
    if key not in by_source:
        by_source[key] = not lies_inside(band, grid, resampling)
    return by_source[key]
