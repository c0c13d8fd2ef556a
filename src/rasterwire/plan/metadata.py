"""The metadata of an output file, and the metadata of its sources that it leaves out.

A GeoTIFF carries the metadata of its sources as long as it stays true: a palette where values are stored ones,
control points where pixels are those of the source, and items on which several files agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from affine import Affine

from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import pixel_offset
from rasterwire.image import MAX_POINTS, Band, ControlPoint, FileMetadata, Items
from rasterwire.plan.types import BandPlan, LeftOut, RasterMetadata, RasterPlan
from rasterwire.request import Format, Resampling

_OF_STORED_VALUES = {None, Resampling.NEAREST, Resampling.MODE, Resampling.MIN, Resampling.MAX}
"""Resamplings whose results are values of the source, so that a palette has colours for them."""

_colors_without_meaning = {"gray", "undefined"}

_of_attributes = frozenset({"scale and offset", "unit", "items of metadata"})
"""What attributes of arrays hold."""

_MAX_NAMES = 5


@dataclass(slots=True)
class _Losses:
    """Metadata that is left out, by item and reason, with the bands that lose it."""

    bands: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def add(self, item: str, reason: str, bands: Iterable[str]) -> None:
        self.bands.setdefault((item, reason), {}).update(dict.fromkeys(bands))

    def as_list(self) -> list[LeftOut]:
        return [LeftOut(item, reason, tuple(bands)) for (item, reason), bands in self.bands.items()]


def with_metadata(rasters: Sequence[RasterPlan], format_: Format) -> tuple[list[RasterPlan], list[LeftOut]]:
    """Return rasters with the metadata of their files, and what is left out."""
    losses = _Losses()
    for raster in rasters:
        _lose_digits(raster, losses)
    if format_ is Format.ZARR:
        return [replace(raster, metadata=_attributes(raster, losses)) for raster in rasters], losses.as_list()
    if format_.keeps_types:
        for raster in rasters:
            _lose_all(raster, f"format {format_.value} has no place for it", losses)
        return list(rasters), losses.as_list()
    return [replace(raster, metadata=_metadata(raster, losses)) for raster in rasters], losses.as_list()


def _lose_digits(raster: RasterPlan, losses: _Losses) -> None:
    for band in raster.bands:
        if band.dtype == "float64" and band.source.dtype in {"int64", "uint64"}:
            reason = "all bands of a GeoTIFF have one type, here float64; ask for a file per band, or for NPY"
            losses.add("digits of whole numbers beyond 2^53", reason, [band.name])


def _metadata(raster: RasterPlan, losses: _Losses) -> RasterMetadata:
    names = [band.name for band in raster.bands]
    computed_names = [band.name for band in raster.bands if band.source.stored is None]
    if computed_names:
        reason = "the bands are computed, and metadata of the files that they are computed from is not carried over"
        losses.add("metadata", reason, computed_names)
        return RasterMetadata()
    files = list({band.stored.href: band.stored.metadata.file for band in raster.bands}.values())
    _lose_unread(files, names, losses)
    points, rpcs = _ties(raster, files, losses)
    crs_names = {crs_name(file.crs) for file in files}
    palette = _palette(raster, losses)
    return RasterMetadata(
        items=_common_items(files, names, losses),
        is_point=_is_point(raster, files, losses),
        points=points,
        rpcs=rpcs,
        crs=files[0].crs if raster.grid.crs is None and len(crs_names) == 1 else None,
        colors=tuple(_color(band, palette) for band in raster.bands),
        palette=palette,
        band_items=tuple(_items(band, raster, losses) for band in raster.bands),
    )


def _attributes(raster: RasterPlan, losses: _Losses) -> RasterMetadata:
    """Return the metadata of an output that has places for items, and for no more."""
    if any(band.source.stored is None for band in raster.bands):
        return _metadata(raster, losses)
    _lose_all(raster, "format ZARR has no place for it", losses, _of_attributes)
    names = [band.name for band in raster.bands]
    files = list({band.stored.href: band.stored.metadata.file for band in raster.bands}.values())
    _lose_unread(files, names, losses)
    return RasterMetadata(
        items=_common_items(files, names, losses),
        band_items=tuple(_items(band, raster, losses) for band in raster.bands),
    )


def _lose_all(raster: RasterPlan, reason: str, losses: _Losses, carried: frozenset[str] = frozenset()) -> None:
    for band in raster.bands:
        source = band.source.stored
        if source is None:
            continue
        metadata, file = source.metadata, source.metadata.file
        has_item = {
            "scale and offset": (source.value_scale, source.value_offset) != (1.0, 0.0),
            "unit": bool(source.unit),
            "palette": bool(metadata.palette),
            "colour interpretation": metadata.color not in {*_colors_without_meaning, "palette"},
            "items of metadata": bool(metadata.items or file.items),
            "AREA_OR_POINT": file.is_point,
            "control points": bool(file.points or file.points_not_read),
            "rational polynomials": bool(file.rpcs),
        }
        for item, is_lost in has_item.items():
            if is_lost and item not in carried:
                losses.add(item, reason, [band.name])


def _lose_unread(files: Sequence[FileMetadata], names: Sequence[str], losses: _Losses) -> None:
    for file in files:
        if file.not_read:
            losses.add("items of metadata", f"{file.not_read} are beyond the 1 MiB that is read of a file", names)
        if file.points_not_read:
            reason = f"the file has {file.points_not_read}, and at most {MAX_POINTS} are read"
            losses.add("control points", reason, names)
        if file.domains:
            reason = f"only the default domain is carried, and the file has {_joined(file.domains)} too"
            losses.add("domains of metadata", reason, names)


def _common_items(files: Sequence[FileMetadata], names: Sequence[str], losses: _Losses) -> Items:
    """Return the items that all files have, with the same value."""
    first, *rest = [dict(file.items) for file in files]
    common: dict[str, str] = {}
    differing: set[str] = {name for items in rest for name in items if name not in first}
    for name, value in first.items():
        if any(items.get(name) != value for items in rest):
            differing.add(name)
        elif name == "NODATA_VALUES":
            losses.add("NODATA_VALUES", "a nodata value or a mask marks invalid pixels", names)
        else:
            common[name] = value
    if differing:
        losses.add("items of metadata", f"the files differ in {_joined(sorted(differing))}", names)
    return tuple(common.items())


def _is_point(raster: RasterPlan, files: Sequence[FileMetadata], losses: _Losses) -> bool:
    if not any(file.is_point for file in files):
        return False
    names = [band.name for band in raster.bands]
    if not all(file.is_point for file in files):
        losses.add("AREA_OR_POINT", "the files differ in it", names)
        return False
    if any(band.resampling is not None and band.resampling.aggregates for band in raster.bands):
        losses.add("AREA_OR_POINT", "a value now describes the area of a pixel, and not a point", names)
        return False
    return True


def _ties(raster: RasterPlan, files: Sequence[FileMetadata], losses: _Losses) -> tuple[tuple[ControlPoint, ...], Items]:
    """Return control points and rational polynomials, in pixels of the raster."""
    direct = _direct(raster)

    def fit(item: str, values: set[tuple[object, ...]], is_possible: bool) -> bool:
        """Tell whether all files have the same value, and it fits the raster."""
        if values == {()} or (len(values) == 1 and is_possible):
            return values != {()}
        reason = "the output has a grid of its own, which they do not fit"
        if len(values) > 1:
            reason = "the files differ in them"
        losses.add(item, reason, [band.name for band in raster.bands])
        return False

    points: tuple[ControlPoint, ...] = ()
    rpcs: Items = ()
    is_unplaced = direct is not None and raster.grid.crs is None
    if fit("control points", {file.points for file in files}, is_unplaced) and direct is not None:
        points = tuple(_transformed(point, direct) for point in files[0].points)
    if fit("rational polynomials", {file.rpcs for file in files}, direct is not None) and direct is not None:
        rpcs = _transformed_rpcs(dict(files[0].rpcs), direct)
    return points, rpcs


def _direct(raster: RasterPlan) -> Affine | None:
    """Return the transform from pixels of the sources to those of the raster; None where it rotates or shears."""
    sources = list({id(band.stored.grid): band.stored.grid for band in raster.bands}.values())
    if any(grid.crs != raster.grid.crs or grid.affine != sources[0].affine for grid in sources):
        return None
    offset = pixel_offset(raster.grid, sources[0])
    if offset is not None:
        return Affine.translation(-offset[0], -offset[1])
    direct: Affine = ~raster.grid.affine @ sources[0].affine
    return direct if direct.b == direct.d == 0 and direct.a > 0 and direct.e > 0 else None


def _transformed(point: ControlPoint, direct: Affine) -> ControlPoint:
    return point._replace(col=direct.a * point.col + direct.c, row=direct.e * point.row + direct.f)


def _transformed_rpcs(rpcs: dict[str, str], direct: Affine) -> Items:
    """Return rational polynomials for other pixels; they count pixels from the centre of the first one."""
    for offset_name, scale_name, factor, shift in (
        ("SAMP_OFF", "SAMP_SCALE", direct.a, direct.c),
        ("LINE_OFF", "LINE_SCALE", direct.e, direct.f),
    ):
        offset = float(rpcs[offset_name])
        rpcs[offset_name] = repr((offset + 0.5) * factor + shift - 0.5 if factor != 1 else offset + shift)
        rpcs[scale_name] = repr(float(rpcs[scale_name]) * factor)
    return tuple(rpcs.items())


def _color(band: BandPlan, palette: bytes) -> str:
    color = band.stored.metadata.color
    return color if palette or color != "palette" else "gray"


def _palette(raster: RasterPlan, losses: _Losses) -> bytes:
    """Return the palette of a raster of one band."""
    with_palette = [band for band in raster.bands if band.stored.metadata.palette]
    if not with_palette:
        return b""
    if len(raster.bands) > 1:
        reason = "a GeoTIFF of several bands has none; ask for a file per band"
        losses.add("palette", reason, [band.name for band in with_palette])
        return b""
    band = raster.bands[0]
    if band.resampling not in _OF_STORED_VALUES:
        losses.add("palette", "resampling gives values between those that have colours", [band.name])
        return b""
    return band.stored.metadata.palette


def _items(band: BandPlan, raster: RasterPlan, losses: _Losses) -> Items:
    """Return the items of a band, and its description where that is not its name."""
    source = band.stored
    items = dict(source.metadata.items)
    statistics = [name for name in items if name.startswith("STATISTICS_")]
    if statistics and not (band.resampling is None and _is_all_of(raster, source)):
        losses.add("statistics", "they describe all pixels of the source, and the output has other pixels", [band.name])
        items = {name: value for name, value in items.items() if name not in statistics}
    description = source.metadata.description
    if description and description != band.name:
        items.setdefault("long_name", description)
    return tuple(items.items())


def _is_all_of(raster: RasterPlan, source: Band) -> bool:
    return raster.grid.shape == source.grid.shape and pixel_offset(raster.grid, source.grid) == (0, 0)


def _joined(names: Sequence[str]) -> str:
    return ", ".join(name[:60] for name in names[:_MAX_NAMES]) + (" and more" if len(names) > _MAX_NAMES else "")
