"""What a file that is made says beside its pixels and grid, and what of its sources it cannot say.

A GeoTIFF carries what its sources say as long as it stays true: a palette where values are stored ones,
control points where pixels are those of the source, and what several files agree on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from affine import Affine

from rasterwire.geo.crs import crs_name
from rasterwire.geo.grid import pixel_offset
from rasterwire.image import MOST_POINTS, Band, ControlPoint, FileMetadata, Items
from rasterwire.nodes.computed import Computed
from rasterwire.plan.types import BandPlan, LeftOut, RasterMetadata, RasterPlan
from rasterwire.request import Format, Resampling

_OF_STORED_VALUES = {None, Resampling.NEAREST, Resampling.MODE, Resampling.MIN, Resampling.MAX}
"""Resamplings whose results are values of the source, so that a palette has colours for them."""

_colors_without_meaning = {"gray", "undefined"}

_MOST_NAMES = 5


@dataclass(slots=True)
class _Losses:
    """What is left out, with the bands it is left out of."""

    found: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def add(self, item: str, reason: str, bands: Iterable[str]) -> None:
        self.found.setdefault((item, reason), {}).update(dict.fromkeys(bands))

    def told(self) -> list[LeftOut]:
        return [LeftOut(item, reason, tuple(bands)) for (item, reason), bands in self.found.items()]


def with_metadata(rasters: Sequence[RasterPlan], format_: Format) -> tuple[list[RasterPlan], list[LeftOut]]:
    """Return rasters with what their files are to say, and what is left out."""
    losses = _Losses()
    for raster in rasters:
        _lose_digits(raster, losses)
    if format_ is Format.NPY or format_.is_picture:
        for raster in rasters:
            _lose_all(raster, f"format {format_.value} has no place for it", losses)
        return list(rasters), losses.told()
    return [replace(raster, metadata=_metadata(raster, losses)) for raster in rasters], losses.told()


def _lose_digits(raster: RasterPlan, losses: _Losses) -> None:
    for band in raster.bands:
        if band.dtype == "float64" and band.source.dtype in {"int64", "uint64"}:
            said = "all bands of a GeoTIFF have one type, here float64; ask for a file per band, or for NPY"
            losses.add("digits of whole numbers beyond 2^53", said, [band.name])


def _metadata(raster: RasterPlan, losses: _Losses) -> RasterMetadata:
    names = [band.name for band in raster.bands]
    computed = [band.name for band in raster.bands if isinstance(band.source, Computed)]
    if computed:
        said = "the bands are computed, and nothing is taken over from the files of what they are computed from"
        losses.add("metadata", said, computed)
        return RasterMetadata()
    files = list({band.stored.href: band.stored.metadata.file for band in raster.bands}.values())
    _lose_unread(files, names, losses)
    points, rpcs = _ties(raster, files, losses)
    unplaced = {crs_name(file.crs) for file in files}
    palette = _palette(raster, losses)
    return RasterMetadata(
        items=_agreed(files, names, losses),
        is_point=_is_point(raster, files, losses),
        points=points,
        rpcs=rpcs,
        crs=files[0].crs if raster.grid.crs is None and len(unplaced) == 1 else None,
        colors=tuple(_color(band, palette) for band in raster.bands),
        palette=palette,
        band_items=tuple(_items(band, raster, losses) for band in raster.bands),
    )


def _lose_all(raster: RasterPlan, why: str, losses: _Losses) -> None:
    for band in raster.bands:
        source, own = band.source, [band.name]
        if isinstance(source, Computed):
            continue
        of_band, of_file = source.metadata, source.metadata.file
        there = {
            "scale and offset": (source.value_scale, source.value_offset) != (1.0, 0.0),
            "unit": bool(source.unit),
            "palette": bool(of_band.palette),
            "colour interpretation": of_band.color not in {*_colors_without_meaning, "palette"},
            "items of metadata": bool(of_band.items or of_file.items),
            "AREA_OR_POINT": of_file.is_point,
            "control points": bool(of_file.points or of_file.points_not_read),
            "rational polynomials": bool(of_file.rpcs),
        }
        for item, is_there in there.items():
            if is_there:
                losses.add(item, why, own)


def _lose_unread(files: Sequence[FileMetadata], names: Sequence[str], losses: _Losses) -> None:
    for file in files:
        if file.not_read:
            losses.add("items of metadata", f"{file.not_read} are beyond the 1 MiB that is kept of a file", names)
        if file.points_not_read:
            said = f"the file has {file.points_not_read}, and at most {MOST_POINTS} are read"
            losses.add("control points", said, names)
        if file.domains:
            said = f"only the default domain is carried, and the file has {_listed(file.domains)} too"
            losses.add("domains of metadata", said, names)


def _agreed(files: Sequence[FileMetadata], names: Sequence[str], losses: _Losses) -> Items:
    """Return the items of the first file that all others have too."""
    first, *others = [dict(file.items) for file in files]
    told: dict[str, str] = {}
    differing: set[str] = {name for other in others for name in other if name not in first}
    for name, value in first.items():
        if any(other.get(name) != value for other in others):
            differing.add(name)
        elif name == "NODATA_VALUES":
            losses.add("NODATA_VALUES", "a nodata value or a mask tells which pixels are valid", names)
        else:
            told[name] = value
    if differing:
        losses.add("items of metadata", f"the files differ in {_listed(sorted(differing))}", names)
    return tuple(told.items())


def _is_point(raster: RasterPlan, files: Sequence[FileMetadata], losses: _Losses) -> bool:
    if not any(file.is_point for file in files):
        return False
    names = [band.name for band in raster.bands]
    if not all(file.is_point for file in files):
        losses.add("AREA_OR_POINT", "the files differ in it", names)
        return False
    if any(band.resampling is not None and band.resampling.aggregates for band in raster.bands):
        losses.add("AREA_OR_POINT", "a value is of all pixels under an area now, not of a point", names)
        return False
    return True


def _ties(raster: RasterPlan, files: Sequence[FileMetadata], losses: _Losses) -> tuple[tuple[ControlPoint, ...], Items]:
    """Return control points and rational polynomials, in pixels of the raster."""
    direct = _direct(raster)

    def fit(item: str, each: set[tuple[object, ...]], is_possible: bool) -> bool:
        """Tell whether all files have the same, and it fits the raster."""
        if each == {()} or (len(each) == 1 and is_possible):
            return each != {()}
        said = (
            "the output has a grid of its own, which they do not fit" if len(each) == 1 else "the files differ in them"
        )
        losses.add(item, said, [band.name for band in raster.bands])
        return False

    points: tuple[ControlPoint, ...] = ()
    rpcs: Items = ()
    is_unplaced = direct is not None and raster.grid.crs is None
    if fit("control points", {file.points for file in files}, is_unplaced) and direct is not None:
        points = tuple(_moved(point, direct) for point in files[0].points)
    if fit("rational polynomials", {file.rpcs for file in files}, direct is not None) and direct is not None:
        rpcs = _moved_rpcs(dict(files[0].rpcs), direct)
    return points, rpcs


def _direct(raster: RasterPlan) -> Affine | None:
    """Return the way from pixels of the sources to those of the raster, where it turns nothing."""
    sources = list({id(band.stored.grid): band.stored.grid for band in raster.bands}.values())
    if any(grid.crs != raster.grid.crs or grid.affine != sources[0].affine for grid in sources):
        return None
    offset = pixel_offset(raster.grid, sources[0])
    if offset is not None:
        return Affine.translation(-offset[0], -offset[1])
    direct: Affine = ~raster.grid.affine @ sources[0].affine
    return direct if direct.b == direct.d == 0 and direct.a > 0 and direct.e > 0 else None


def _moved(point: ControlPoint, direct: Affine) -> ControlPoint:
    return point._replace(col=direct.a * point.col + direct.c, row=direct.e * point.row + direct.f)


def _moved_rpcs(rpcs: dict[str, str], direct: Affine) -> Items:
    """Return rational polynomials of other pixels; those count from the centre of the first pixel."""
    for off, scale, factor, shift in (
        ("SAMP_OFF", "SAMP_SCALE", direct.a, direct.c),
        ("LINE_OFF", "LINE_SCALE", direct.e, direct.f),
    ):
        rpcs[off] = repr((float(rpcs[off]) + 0.5) * factor + shift - 0.5 if factor != 1 else float(rpcs[off]) + shift)
        rpcs[scale] = repr(float(rpcs[scale]) * factor)
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
        said = "a GeoTIFF of several bands has none; ask for a file per band"
        losses.add("palette", said, [band.name for band in with_palette])
        return b""
    band = raster.bands[0]
    if band.resampling not in _OF_STORED_VALUES:
        losses.add("palette", "resampling makes values between those that have colours", [band.name])
        return b""
    return band.stored.metadata.palette


def _items(band: BandPlan, raster: RasterPlan, losses: _Losses) -> Items:
    """Return the items of a band, with its description where that is not its name."""
    source = band.stored
    items = dict(source.metadata.items)
    statistics = [name for name in items if name.startswith("STATISTICS_")]
    if statistics and not (band.resampling is None and _is_all_of(raster, source)):
        losses.add("statistics", "they are of the whole raster, and these are other pixels", [band.name])
        items = {name: value for name, value in items.items() if name not in statistics}
    described = source.metadata.description
    if described and described != band.name:
        items.setdefault("long_name", described)
    return tuple(items.items())


def _is_all_of(raster: RasterPlan, source: Band) -> bool:
    return raster.grid.shape == source.grid.shape and pixel_offset(raster.grid, source.grid) == (0, 0)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:60] for name in names[:_MOST_NAMES]) + (" and more" if len(names) > _MOST_NAMES else "")
