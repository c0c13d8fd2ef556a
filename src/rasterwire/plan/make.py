"""The plan of a download."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from odc.geo.geobox import GeoBox

from rasterwire.errors import InvalidRequest, SourceUnavailable, Violation, Violations, invalid
from rasterwire.image import Image
from rasterwire.naming import file_names, safe_name, unique
from rasterwire.nodes.computed import Product
from rasterwire.pixels import fits, type_names
from rasterwire.plan.bands import common_dtype, dtype_violation, plan_bands
from rasterwire.plan.etag import etag_of
from rasterwire.plan.formats import (
    MEDIA_TYPES,
    SUFFIXES,
    choose_encoding,
    choose_format,
    ignored_band_grids,
    ignored_encoding,
)
from rasterwire.plan.grids import GridRequest, Grids, ignored_fields
from rasterwire.plan.hints import outside, with_hint
from rasterwire.plan.metadata import with_metadata
from rasterwire.plan.passthrough import passthrough_tiling
from rasterwire.plan.pictures import default_bands, ignored_stretch, plan_picture, shown_sources, with_colours
from rasterwire.plan.placement import check_place, check_warps, comparable_grid
from rasterwire.plan.reading import reading
from rasterwire.plan.sizes import check_bytes, estimated_bytes, pixel_bytes, side_violation
from rasterwire.plan.types import NAMED_SCENES, Ignored, Limits, Picture, RasterPlan, RenderPlan, Source
from rasterwire.plan.validity import mark_invalid, mark_invalid_picture
from rasterwire.request import (
    BandRequest,
    DownloadRequest,
    Format,
    GridSpec,
    MaskOutput,
    Precedence,
)

_MAX_NAMES = 10
"""Bands that a message names."""

_BandPair = tuple[BandRequest, Source]


class _Output(NamedTuple):
    """A band of the output: what was asked for and where, the band that places it, and the one that is rendered."""

    position: int
    band: BandRequest
    read: Source
    source: Source


def make_plan(request: DownloadRequest, image: Image | Product, limits: Limits) -> RenderPlan:
    """Return every decision about a download, without reading a pixel.

    Raises:
        InvalidRequest: with all violations.
    """
    problems = Violations()
    format_, ignored = choose_format(request, limits, problems)
    per_band = format_ is Format.ZIPPED_GEO_TIFF_PER_BAND
    pairs, missing, why = _choose_bands(request, image, limits, problems)
    if not pairs:
        problems.raise_if_any()
    picture = plan_picture(request, image.id, [source for _, source in pairs], why, problems)
    outputs = _outputs(pairs, picture)
    ignored += ignored_encoding(request, format_)
    ignored += _left_out(request) + _unreadable(request, image) + ignored_stretch(request, picture)
    groups = [[output] for output in outputs] if per_band else [outputs]
    names = _output_names(request, format_, outputs)
    stem = safe_name(request.name or image.id.rstrip("/").rsplit("/", 1)[-1])
    entries = file_names(stem, names, ".tif") if per_band else [stem + SUFFIXES.get(format_, ".tif")]
    rasters = []
    grids = Grids()
    for index, group in enumerate(groups):
        grid_request = _grid_request(request, group[0].band, group[0].position, per_band)
        ignored += [] if per_band or format_ is Format.ZARR else ignored_band_grids(request)
        ignored += ignored_fields(grid_request, request.clip_to_region)
        sources = [output.read for output in group]
        with problems.catching():
            _check_bounds(grid_request, sources[0])
            check_place(grid_request, sources)
            grid = grids.resolve(grid_request, sources[0].placed if grid_request.needs_place else sources[0].grid)
            check_warps(grid, [(output.read, output.band.resampling or request.resampling) for output in group])
            group_by_name = list(zip([names[index]] if per_band else names, group, strict=True))
            rasters.append(_raster(request, format_, grid_request, grid, entries[index], group_by_name))
            problems.add(_grid_violation(grid_request, grid, sources, grids, limits))
    _check_nodata(request, format_, rasters, missing, problems)
    ignored = _in_order(ignored)
    for item in ignored if request.strict else ():
        problems.add(Violation(item.field, "FIELD_WITHOUT_EFFECT", f"would be ignored: {item.reason}"))
    if not missing:
        check_bytes(format_, rasters, limits, problems)
    Violations(with_hint(problems.items, request.region)).raise_if_any()
    rasters, left_out = with_metadata(rasters, format_)
    encoding = choose_encoding(request, format_)
    plan = RenderPlan(
        image_id=image.id,
        format=format_,
        filename=stem + SUFFIXES.get(format_, ".zip"),
        mime_type=MEDIA_TYPES.get(format_, "application/zip"),
        rasters=tuple(with_colours(rasters) if request.shows_values else rasters),
        encoding=encoding,
        ignored=tuple(ignored),
        uncompressed_bytes=sum(map(pixel_bytes, rasters)),
        estimated_bytes=estimated_bytes(format_, encoding, rasters),
        etag="",
        left_out=tuple(left_out),
        picture=picture,
    )
    ids, size = reading(plan)
    return replace(plan, etag=etag_of(plan), scenes=len(ids), scene_ids=tuple(ids[:NAMED_SCENES]), source_bytes=size)


def _choose_bands(
    request: DownloadRequest, image: Image | Product, limits: Limits, problems: Violations
) -> tuple[list[_BandPair], set[str], str]:
    """Return the bands of a request, the names that the image lacks, and why a picture shows these bands.

    Another band of the image stands in for a missing one, so that what else is wrong with the request is found as well.
    There are no bands where there is nothing to go on with.
    """
    if not image.bands:
        problems.add(Violation("image", "IMAGE_WITHOUT_BANDS", f"image {image.id!r} has no bands"))
        return [], set(), ""
    bands, fields, why = _named_bands(request, image)
    if request.shows_values and len(bands) not in {1, 3}:
        problem = f"{len(bands)} bands are no picture; name one band, or three for red, green and blue"
        problems.add(Violation("bands", "BANDS_NOT_A_PICTURE", problem))
    if len(bands) > limits.max_bands:
        problem = f"{len(bands)} bands, at most {limits.max_bands}; ask in parts"
        problems.add(Violation("bands", "TOO_MANY_BANDS", problem))
        return [], set(), ""
    by_name = {band.name: band for band in image.bands}
    for field, band in zip(fields, bands, strict=True):
        if band.name in by_name:
            problems.add(dtype_violation(by_name[band.name], field.removesuffix(".id")))
    is_sound = not problems.items
    with problems.catching():
        pick_bands(image, [(field, band.name) for field, band in zip(fields, bands, strict=True)])
    missing = {band.name for band in bands if band.name not in by_name}
    candidates = [by_name[band.name] for band in bands if band.name in by_name] or image.bands
    stand_in = next((source for source in candidates if source.dtype in type_names), None)
    if not is_sound or stand_in is None:
        return [], missing, why
    return [(band, by_name.get(band.name) or replace(stand_in, name=band.name)) for band in bands], missing, why


def _named_bands(request: DownloadRequest, image: Image | Product) -> tuple[tuple[BandRequest, ...], list[str], str]:
    """Return the bands that a request means, the field that names each, and why a picture shows these."""
    wish = request.visualization
    if wish is not None and wish.bands:
        fields = [f"visualization.bands[{index}]" for index in range(len(wish.bands))]
        return tuple(map(BandRequest, wish.bands)), fields, "named by the request"
    if request.bands:
        return request.bands, [f"bands[{index}].id" for index in range(len(request.bands))], "named by the request"
    names, why = tuple(band.name for band in image.bands), ""
    if request.shows_values:
        default = default_bands(image, is_one=wish is not None and bool(wish.palette))
        names, why = default.names, default.reason
    return tuple(map(BandRequest, names)), ["bands.id"] * len(names), why


def _outputs(pairs: Sequence[_BandPair], picture: Picture | None) -> list[_Output]:
    """Return the bands of the output: those of the request, or what a picture makes of them."""
    sources = [source for _, source in pairs] if picture is None else shown_sources(picture)
    placed = [(position, *pair) for position, pair in enumerate(pairs)]
    placed *= 1 if len(pairs) == len(sources) else len(sources)  # one band may become three colours
    return [_Output(*place, source) for place, source in zip(placed, sources, strict=True)]


def _output_names(request: DownloadRequest, format_: Format, outputs: Sequence[_Output]) -> list[str]:
    # the record may need a field of that name
    reserved_names = ["mask"] if format_ is Format.NPY and request.mask is not MaskOutput.NODATA else []
    return unique([*reserved_names, *(output.source.name for output in outputs)])[len(reserved_names) :]


def pick_bands(image: Image | Product, names: Sequence[tuple[str, str]]) -> list[Source]:
    """Return bands by name.

    Args:
        image: to pick from.
        names: field of the request, and name of the band.

    Raises:
        InvalidRequest: with every name that the image lacks, and the names it has.
        SourceUnavailable: the image has a file of that name that cannot be read.
    """
    by_name = {band.name: band for band in image.bands}
    if all(name in by_name for _, name in names):
        return [by_name[name] for _, name in names]
    listing = ", ".join(list(by_name)[:40]) + (" ..." if len(by_name) > 40 else "")
    subject = f"image {image.id!r}" if image.id else "the image"
    unreadable = dict(image.unreadable) if isinstance(image, Image) else {}
    for _, name in names:
        if name not in by_name and name in unreadable:
            raise SourceUnavailable(image.id, name, unreadable[name])
    listing += "".join(f"; {file!r} cannot be read: {problem}" for file, problem in list(unreadable.items())[:10])
    missing = [
        Violation(field, "BAND_NOT_FOUND", f"no band {name!r} in {subject}; it has {listing}")
        for field, name in names
        if name not in by_name
    ]
    raise InvalidRequest(tuple(missing))


def _grid_request(request: DownloadRequest, band: BandRequest, index: int, per_band: bool) -> GridRequest:
    path = f"bands[{index}]." if request.bands and per_band else ""
    spec = band.grid if per_band else GridSpec()
    return GridRequest(
        spec=spec.over(request.grid),
        region=request.region,
        precedence=request.precedence,
        path=path,
        band_spec=spec,
    )


def _raster(
    request: DownloadRequest,
    format_: Format,
    grid_request: GridRequest,
    grid: GeoBox,
    path: str,
    group: Sequence[tuple[str, _Output]],
) -> RasterPlan:
    bands = [output.source for _, output in group]
    has_types = format_.keeps_types  # each band keeps its own type
    dtypes = [source.dtype for source in bands] if has_types else [common_dtype(bands)] * len(bands)
    clips = request.clip_to_region
    spec = grid_request.spec
    if request.precedence is Precedence.COMBINED and not spec.dimensions and spec.scale is None:
        clips = True  # a region alone means Image.clip there, which masks outside the polygon
    clip = grid_request.region if clips and grid_request.region_counts else None
    if clip is not None and not clip.has_area:
        field = "clip_to_region" if request.clip_to_region else "precedence"
        problem = "all pixels would be masked, since the region consists of lines or points, which hold no pixel"
        raise invalid(field, "REGION_WITHOUT_AREA", f"{problem}; give a polygon, or leave this field out")
    sources = [(name, output.source, output.band.resampling or request.resampling) for name, output in group]
    request = replace(request, clip_to_region=clip is not None)
    shows_values = any(output.read is not output.source for _, output in group)
    if shows_values and not format_.is_picture and request.mask is None and request.nodata is None:
        values = [(output.read, output.band.resampling or request.resampling) for _, output in group]
        marking = mark_invalid_picture(values, grid, request, len(group))
    else:
        marking = mark_invalid(sources, dtypes, grid, request, format_)
    raster = RasterPlan(
        path=path,
        grid=grid,
        bands=plan_bands(sources, dtypes, grid, marking.nodata),
        mask=marking.mask,
        clip=clip,
        mask_reason=marking.reason,
    )
    return raster if has_types else replace(raster, tiling=passthrough_tiling(raster, request.encoding))


def _left_out(request: DownloadRequest) -> list[Ignored]:
    names = request.region.left_out if request.region is not None else ()
    if not names:
        return []
    listing = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
    return [Ignored("region.geojson", f"{listing}: no geometry, which adds nothing to the region")]


def _unreadable(request: DownloadRequest, image: Image | Product) -> list[Ignored]:
    """Return the bands of a catalog's image that a request for all bands does not get."""
    if request.bands or not isinstance(image, Image):
        return []
    return [Ignored("bands", f"{name!r} of the image cannot be read: {problem}") for name, problem in image.unreadable]


def _check_bounds(request: GridRequest, source: Source) -> None:
    """Raise InvalidRequest where neither the image nor the request bounds the output."""
    if source.is_bounded or request.region_counts:
        return
    if not (request.exact and len(request.spec.dimensions) == 2):
        problem = "the image has no bounds; give a region, or crs, crs_transform and two dimensions"
        raise invalid("region", "IMAGE_WITHOUT_BOUNDS", problem)


def _grid_violation(
    request: GridRequest, grid: GeoBox, sources: Sequence[Source], grids: Grids, limits: Limits
) -> Violation | None:
    """Return the violation of a grid that touches none of its sources, or is too large; else None."""
    field = _deciding_field(request)
    if any(source.stored is None or grids.touch(grid, comparable_grid(grid, source)) for source in sources):
        return side_violation(grid, field, limits)
    return outside(request, sources[0].placed, field)


def _deciding_field(request: GridRequest) -> str:
    """Return the path of the field that most decides a grid's size."""
    spec, band_spec = request.spec, request.band_spec
    if spec.dimensions:
        return (request.path if band_spec.dimensions else "") + "dimensions"
    if spec.scale is not None and not request.exact:
        return (request.path if band_spec.scale is not None else "") + "scale"
    if request.exact:
        return (request.path if band_spec.transform is not None else "") + "crs_transform"
    return "region" if request.region is not None else "scale"


def _check_nodata(
    request: DownloadRequest,
    format_: Format,
    rasters: Sequence[RasterPlan],
    missing: set[str],
    problems: Violations,
) -> None:
    """Add what is wrong with nodata and masks; of missing bands, for which others stand in, nothing is known."""
    if request.cloud_optimized and "GEO_TIFF" in format_.value and any(r.masks > 1 for r in rasters):
        problem = "a cloud-optimized GeoTIFF has one mask for all bands, and these may be invalid at different pixels"
        remedy = "ask for a file for each band, a nodata value, or mask BAND, which is valid where every band is"
        problems.add(Violation("mask", "MASK_NOT_CLOUD_OPTIMIZED", f"{problem}; {remedy}"))
    if request.nodata is None:
        return
    names_by_type: dict[str, list[str]] = {}
    for band in chain.from_iterable(r.bands for r in rasters):
        if band.name not in missing and not fits(request.nodata, band.dtype):
            names_by_type.setdefault(band.dtype, []).append(band.name)
    if names_by_type:
        value = f"{request.nodata:g}" if isinstance(request.nodata, float) else request.nodata
        types = ", nor of ".join(f"{dtype}, the type of {_band_names(names)}" for dtype, names in names_by_type.items())
        problems.add(Violation("nodata", "NODATA_NOT_OF_TYPE", f"{value} is not a value of {types}"))


def _band_names(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"band {names[0]!r}"
    rest = len(names) - _MAX_NAMES
    return f"bands {', '.join(names[:_MAX_NAMES])}" + (f" and {rest} more" if rest > 0 else "")


def _in_order(ignored: Sequence[Ignored]) -> list[Ignored]:
    order = ["bands", "scale", "region", "file_per_band", "clip_to_region", "compression", "compression_level"]

    def rank(item: Ignored) -> int:
        name = item.field.split("[")[0].split(".")[0]
        return order.index(name) if name in order else len(order)

    return sorted(dict.fromkeys(ignored), key=rank)
