"""The plan of a download."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidRequest, SourceUnavailable, Violation, Violations, invalid
from rasterwire.image import Image
from rasterwire.naming import file_names, safe_name, unique
from rasterwire.nodes.computed import Computed, Product
from rasterwire.pixels import fits
from rasterwire.plan.bands import common_dtype, dtype_violation, plan_bands
from rasterwire.plan.etag import etag_of
from rasterwire.plan.grids import Asked, Grids, ignored_fields
from rasterwire.plan.hints import outside, with_hint
from rasterwire.plan.metadata import with_metadata
from rasterwire.plan.passthrough import handed_on
from rasterwire.plan.placement import check_place, check_warps, on
from rasterwire.plan.reading import reading
from rasterwire.plan.sizes import check_bytes, estimated_bytes, pixel_bytes, side_violation
from rasterwire.plan.types import Ignored, Limits, RasterPlan, RenderPlan, Source
from rasterwire.plan.validity import tell_invalid
from rasterwire.request import (
    BandRequest,
    Compression,
    DownloadRequest,
    Encoding,
    Format,
    GridSpec,
    MaskOutput,
    Precedence,
)

_suffixes = {Format.GEO_TIFF: ".tif", Format.NPY: ".npy", Format.PNG: ".png", Format.JPEG: ".jpg"}
_mime_types = {
    Format.GEO_TIFF: "image/tiff",
    Format.NPY: "application/octet-stream",
    Format.PNG: "image/png",
    Format.JPEG: "image/jpeg",
}

_NAMES_SHOWN = 10

_Chosen = tuple[BandRequest, Source]


def make_plan(request: DownloadRequest, image: Image | Product, limits: Limits) -> RenderPlan:
    """Decide everything about a download; reads no pixel.

    Raises:
        InvalidRequest: with every violation that was found.
    """
    problems = Violations()
    format_, ignored = _format(request)
    per_band = format_ is Format.ZIPPED_GEO_TIFF_PER_BAND
    chosen = _choose_bands(request, image, limits, problems, format_)
    problems.raise_if_any()
    ignored += _ignored_encoding(request, format_)
    ignored += _left_out(request) + _unreadable(request, image)
    groups = [[pair] for pair in chosen] if per_band else [chosen]
    # a field of that name, which may be needed
    taken = ["mask"] if format_ is Format.NPY and request.mask is not MaskOutput.NODATA else []
    names = unique([*taken, *(band.name for _, band in chosen)])[len(taken) :]
    stem = safe_name(request.name or image.id.rstrip("/").rsplit("/", 1)[-1])
    entries = file_names(stem, names, ".tif") if per_band else [stem + _suffixes.get(format_, ".tif")]
    rasters = []
    grids = Grids()
    for index, group in enumerate(groups):
        asked = _asked(request, group[0][0], index, per_band)
        ignored += [] if per_band else _ignored_band_grids(request)
        ignored += ignored_fields(asked, request.clip_to_region)
        own_names = [names[index]] if per_band else names
        with problems.catching():
            _check_bounds(asked, group[0][1])
            check_place(asked, [band for _, band in group])
            grid = grids.resolve(asked, group[0][1].placed if asked.needs_place else group[0][1].grid)
            check_warps(grid, [(band, wanted.resampling or request.resampling) for wanted, band in group])
            named = list(zip(own_names, group, strict=True))
            rasters.append(_raster(request, format_, asked, grid, entries[index], named))
            touches = any(isinstance(band, Computed) or grids.touch(grid, on(grid, band)) for _, band in group)
            field = _deciding_field(asked)
            wrong = side_violation(grid, field, limits) if touches else outside(asked, group[0][1].placed, field)
            problems.found += [wrong] if wrong else []
    _check_nodata(request, format_, rasters, problems)
    ignored = _in_order(ignored)
    if request.strict:
        problems.found += [Violation(i.field, "FIELD_WITHOUT_EFFECT", f"would be ignored: {i.reason}") for i in ignored]
    check_bytes(format_, rasters, limits, problems)
    Violations(with_hint(problems.found, request.region)).raise_if_any()
    rasters, left_out = with_metadata(rasters, format_)
    encoding = Encoding() if format_ is Format.NPY or format_.is_picture else request.encoding
    plan = RenderPlan(
        image_id=image.id,
        format=format_,
        filename=stem + _suffixes.get(format_, ".zip"),
        mime_type=_mime_types.get(format_, "application/zip"),
        rasters=tuple(rasters),
        encoding=encoding,
        ignored=tuple(ignored),
        uncompressed_bytes=sum(map(pixel_bytes, rasters)),
        estimated_bytes=estimated_bytes(format_, encoding, rasters),
        etag="",
        left_out=tuple(left_out),
    )
    scenes, source_bytes = reading(plan)
    return replace(plan, etag=etag_of(plan), scenes=scenes, source_bytes=source_bytes)


def _format(request: DownloadRequest) -> tuple[Format, list[Ignored]]:
    if request.format is not None:
        said = request.file_per_band is not None
        return request.format, [Ignored("file_per_band", f"format {request.format.value} is given")] if said else []
    if request.file_per_band is False:
        return Format.ZIPPED_GEO_TIFF, []
    return Format.ZIPPED_GEO_TIFF_PER_BAND, []


def _choose_bands(
    request: DownloadRequest, image: Image | Product, limits: Limits, problems: Violations, format_: Format
) -> list[_Chosen]:
    shown = 3 if len(image.bands) >= 3 else 1
    offered = image.bands[:shown] if format_.is_picture else image.bands
    asked = request.bands or tuple(BandRequest(band.name) for band in offered)
    if format_.is_picture and len(asked) not in {1, 3}:
        said = f"{len(asked)} bands are no picture; name one band, or three for red, green and blue"
        problems.found.append(Violation("bands", "BANDS_NOT_A_PICTURE", said))
    if len(asked) > limits.max_bands:
        problems.found.append(
            Violation("bands", "TOO_MANY_BANDS", f"{len(asked)} bands, at most {limits.max_bands}; ask in parts")
        )
    fields = [f"bands[{index}]" if request.bands else "bands" for index in range(len(asked))]
    with problems.catching():
        found = find_bands(image, [(f"{field}.id", wanted.name) for field, wanted in zip(fields, asked, strict=True)])
        wrong = (dtype_violation(band, field) for band, field in zip(found, fields, strict=True))
        problems.found += [violation for violation in wrong if violation]
        if asked:
            return list(zip(asked, found, strict=True))
    if not asked:
        problems.found.append(Violation("image", "IMAGE_WITHOUT_BANDS", f"image {image.id!r} has no bands"))
    return []


def find_bands(image: Image | Product, wanted: Sequence[tuple[str, str]]) -> list[Source]:
    """Return bands by name.

    Args:
        image: that should have them.
        wanted: field of the request, and name.

    Raises:
        InvalidRequest: with every name that the image lacks, and the names it has.
        SourceUnavailable: a file of that name is there, but cannot be read.
    """
    by_name = {band.name: band for band in image.bands}
    there = ", ".join(list(by_name)[:40]) + (" ..." if len(by_name) > 40 else "")
    named = f"image {image.id!r}" if image.id else "the image"
    unreadable = dict(image.unreadable) if isinstance(image, Image) else {}
    for _, name in wanted:
        if name not in by_name and name in unreadable:
            raise SourceUnavailable(image.id, name, unreadable[name])
    there += "".join(f"; {file!r} cannot be read: {why}" for file, why in list(unreadable.items())[:10])
    missing = [
        Violation(field, "BAND_NOT_FOUND", f"no band {name!r} in {named}; it has {there}")
        for field, name in wanted
        if name not in by_name
    ]
    if missing:
        raise InvalidRequest(tuple(missing))
    return [by_name[name] for _, name in wanted]


def _asked(request: DownloadRequest, band: BandRequest, index: int, per_band: bool) -> Asked:
    path = f"bands[{index}]." if request.bands and per_band else ""
    own = band.grid if per_band else GridSpec()
    return Asked(own.over(request.grid), request.region, request.precedence, path, own)


def _raster(
    request: DownloadRequest,
    format_: Format,
    asked: Asked,
    grid: GeoBox,
    path: str,
    group: Sequence[tuple[str, _Chosen]],
) -> RasterPlan:
    bands = [band for _, (_, band) in group]
    own = format_ is Format.NPY or format_.is_picture
    dtypes = [b.dtype for b in bands] if own else [common_dtype(bands)] * len(bands)
    clips = request.clip_to_region
    if request.precedence is Precedence.COMBINED and not asked.spec.dimensions and asked.spec.scale is None:
        clips = True  # a region alone is Image.clip there, which masks outside the polygon
    clip = asked.region if clips and asked.region_counts else None
    if clip is not None and not clip.has_area:
        field = "clip_to_region" if request.clip_to_region else "precedence"
        said = "all would be masked, since the region is of lines or points, which hold no pixel"
        raise invalid(field, "REGION_WITHOUT_AREA", f"{said}; give a polygon, or leave this field out")
    sources = [(name, band, wanted.resampling or request.resampling) for name, (wanted, band) in group]
    clipped = clip is not None
    settled = request if request.clip_to_region == clipped else replace(request, clip_to_region=clipped)
    telling = tell_invalid(sources, dtypes, grid, settled, format_)
    planned = RasterPlan(
        path=path,
        grid=grid,
        bands=plan_bands(sources, dtypes, grid, telling.nodata),
        mask=telling.mask,
        clip=clip,
        mask_reason=telling.reason,
    )
    return planned if own else replace(planned, tiling=handed_on(planned, request.encoding))


def _left_out(request: DownloadRequest) -> list[Ignored]:
    names = request.region.left_out if request.region is not None else ()
    if not names:
        return []
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
    return [Ignored("region.geojson", f"{shown}: no geometry, which adds nothing to the region")]


def _unreadable(request: DownloadRequest, image: Image | Product) -> list[Ignored]:
    """Return what a request for all bands does not get of a catalog's image."""
    if request.bands or not isinstance(image, Image):
        return []
    return [Ignored("bands", f"{name!r} of the image cannot be read: {why}") for name, why in image.unreadable]


def _check_bounds(asked: Asked, band: Source) -> None:
    """Raise InvalidRequest where neither the image nor the request says where the output ends."""
    if not isinstance(band, Computed) or band.is_bounded or asked.region_counts:
        return
    if not (asked.exact and len(asked.spec.dimensions) == 2):
        said = "the image has no bounds; give a region, or crs, crs_transform and two dimensions"
        raise invalid("region", "IMAGE_WITHOUT_BOUNDS", said)


def _deciding_field(asked: Asked) -> str:
    """Return the path of the field that most decides a grid's size."""
    spec, own = asked.spec, asked.own
    if spec.dimensions:
        return (asked.path if own.dimensions else "") + "dimensions"
    if spec.scale is not None and not asked.exact:
        return (asked.path if own.scale is not None else "") + "scale"
    if asked.exact:
        return (asked.path if own.transform is not None else "") + "crs_transform"
    return "region" if asked.region is not None else "scale"


def _check_nodata(
    request: DownloadRequest, format_: Format, rasters: Sequence[RasterPlan], problems: Violations
) -> None:
    if request.cloud_optimized and "GEO_TIFF" in format_.value and any(r.masks > 1 for r in rasters):
        said = "a cloud-optimized GeoTIFF has one mask for all bands, and these may be invalid at different pixels"
        remedy = "ask for a file for each band, a nodata value, or mask BAND, which is valid where every band is"
        problems.found.append(Violation("mask", "MASK_NOT_CLOUD_OPTIMIZED", f"{said}; {remedy}"))
    if request.nodata is None:
        return
    misfits: dict[str, list[str]] = {}
    for band in chain.from_iterable(r.bands for r in rasters):
        if not fits(request.nodata, band.dtype):
            misfits.setdefault(band.dtype, []).append(band.name)
    if misfits:
        value = f"{request.nodata:g}" if isinstance(request.nodata, float) else request.nodata
        types = ", nor of ".join(f"{dtype}, the type of {_band_names(names)}" for dtype, names in misfits.items())
        problems.found.append(Violation("nodata", "NODATA_NOT_OF_TYPE", f"{value} is not a value of {types}"))


def _band_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN]) + (f" and {len(names) - _NAMES_SHOWN} more" if names[_NAMES_SHOWN:] else "")
    return f"band {names[0]!r}" if len(names) == 1 else f"bands {shown}"


def _ignored_band_grids(request: DownloadRequest) -> list[Ignored]:
    why = "grids of single bands count only in format ZIPPED_GEO_TIFF_PER_BAND"
    found = []
    for index, band in enumerate(request.bands):
        parts = {
            "crs": band.grid.crs,
            "crs_transform": band.grid.transform,
            "dimensions": band.grid.dimensions or None,
            "scale": band.grid.scale,
        }
        found += [Ignored(f"bands[{index}].{key}", why) for key, value in parts.items() if value is not None]
    return found


def _ignored_encoding(request: DownloadRequest, format_: Format) -> list[Ignored]:
    given = {
        "compression": request.compression is not None,
        "compression_level": request.compression_level is not None,
        "cloud_optimized": request.cloud_optimized,
    }
    if format_ is Format.NPY or format_.is_picture:
        why = f"format {format_.value} is no GeoTIFF"
        return [Ignored(field, why) for field, said in given.items() if said]
    encoding = request.encoding
    if encoding.level is not None and encoding.compression in {Compression.NONE, Compression.LZW}:
        return [Ignored("compression_level", f"compression {encoding.compression.value} has no levels")]
    return []


def _in_order(ignored: Sequence[Ignored]) -> list[Ignored]:
    order = ["bands", "scale", "region", "file_per_band", "clip_to_region", "compression", "compression_level"]

    def place(item: Ignored) -> int:
        name = item.field.split("[")[0].split(".")[0]
        return order.index(name) if name in order else len(order)

    return sorted(dict.fromkeys(ignored), key=place)
