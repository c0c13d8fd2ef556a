"""Pictures: which bands are shown, and how their values become bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from odc.geo.geobox import GeoBox

from rasterwire.errors import Violation, Violations
from rasterwire.image import Band, Image
from rasterwire.nodes.computed import Computed, Product
from rasterwire.nodes.nodes import Node, Stored
from rasterwire.nodes.pictures import CHANNELS, GREY, Colour, looked_up, painted, parse_colour, stretched
from rasterwire.plan.types import Ignored, Picture, RasterPlan, ShownBand, Source
from rasterwire.request import DownloadRequest, Visualization
from rasterwire.units import plural_text

_BYTES = (0.0, 255.0)
"""What bytes are shown from and to where they stay as they are."""

_RGB = ("red", "green", "blue")


@dataclass(frozen=True, slots=True)
class DefaultBands:
    """The bands that a picture shows where none are named.

    Attributes:
        names: one, or three for red, green and blue.
        reason: why these, in a sentence.
    """

    names: tuple[str, ...]
    reason: str


def default_bands(image: Image | Product, *, is_one: bool = False) -> DefaultBands:
    """Return the bands of an image that a picture shows where none are named: by what the catalog knows of them.

    Args:
        image: with at least one band.
        is_one: whether a picture of one band is wish for, by a palette.
    """
    names = tuple(band.name for band in image.bands)
    if is_one:
        return DefaultBands(names[:1], "the first band, for the palette")
    if isinstance(image, Product):
        if len(names) >= 3:
            return DefaultBands(names[:3], "the first three bands")
        return DefaultBands(names[:1], "the first band")
    true_colour = _true_colour(image.bands)
    if true_colour is not None:
        return true_colour
    first = image.bands[:3]
    is_alike = len(first) == 3 and len({band.dtype for band in first}) == 1
    if is_alike and not any(band.metadata.palette for band in first):
        return DefaultBands(names[:3], "the first three bands, since none are known to be red, green and blue")
    return DefaultBands(names[:1], "the first band, since no three are known to be red, green and blue")


def _true_colour(bands: Sequence[Band]) -> DefaultBands | None:
    """Return red, green and blue of one type, as the catalog or the files tell them."""
    by_common_name = [(band, band.common_name.lower()) for band in bands]
    by_color = [(band, band.metadata.color) for band in bands]
    for pairs, reason in (
        (by_common_name, "red, green and blue by the common names of the catalog"),
        (by_color, "red, green and blue by the colours of the file"),
        ([(band, band.name.lower()) for band in bands], "red, green and blue by the names of the bands"),
    ):
        of_type: dict[str, dict[str, str]] = {}
        for band, colour in pairs:
            if colour in _RGB:
                of_type.setdefault(band.dtype, {}).setdefault(colour, band.name)
        for by_colour in of_type.values():
            if len(by_colour) == len(_RGB):
                return DefaultBands(tuple(by_colour[colour] for colour in _RGB), reason)
    return None


# -- the picture -------------------------------------------------------------------------------


def plan_picture(
    request: DownloadRequest, image_id: str, sources: Sequence[Source], reason: str, problems: Violations
) -> Picture | None:
    """Return how values become bytes; None where bands are delivered as they are.

    Args:
        request: that may ask for a picture.
        image_id: of the sources.
        sources: one, or three for red, green and blue.
        reason: why these, in a sentence.
        problems: receive what is wrong.
    """
    if not request.shows_values or len(sources) not in {1, 3}:
        return None
    wish = request.visualization or Visualization()
    if not wish.changes_values and _is_display_data(sources):
        return None
    table = _table_of(sources, wish)
    palette = _palette(wish, problems)
    if palette and len(sources) != 1:
        problem = f"given for {len(sources)} bands; name one band"
        problems.add(Violation("visualization.palette", "VISUALIZATION_PALETTE_OF_ONE_BAND", problem))
        palette = ()
    count = len(sources)
    lows = _numbers(wish.low, count, "min", problems)
    highs = _numbers(wish.high, count, "max", problems)
    gammas = _numbers(wish.gamma, count, "gamma", problems)
    bands = []
    for source, low, high, gamma in zip(sources, lows, highs, gammas, strict=True):
        node = Stored(source, image_id) if isinstance(source, Band) else source.node
        limits = [name for name, value in (("min", low), ("max", high)) if value is not None]
        text = f"{' and '.join(limits)} given by the request" if limits else ""
        if table:
            low, high, text = 0.0, float(len(table) // 3 - 1), "the table of colours of the band"
        bands.append(ShownBand(source, node, low, high, 1.0 if gamma is None else gamma, wish.percents, text))
    return Picture(tuple(bands), palette, table, reason)


def _is_display_data(sources: Sequence[Source]) -> bool:
    """Tell whether bands are a picture already: bytes in colours, or computed bytes."""
    return all(
        source.dtype == "uint8" and (source.stored is None or source.stored.metadata.color in _RGB)
        for source in sources
    )


def _table_of(sources: Sequence[Source], wish: Visualization) -> bytes:
    """Return the table of colours of one band, which counts where the request says nothing of its own."""
    stored = sources[0].stored
    if len(sources) != 1 or stored is None or stored.dtype not in {"uint8", "uint16"}:
        return b""
    return b"" if wish.changes_values else stored.metadata.palette


def _palette(wish: Visualization, problems: Violations) -> tuple[Colour, ...]:
    colours = []
    for index, text in enumerate(wish.palette):
        colour = parse_colour(text)
        if colour is None:
            problem = f"{text[:40]!r} is no colour; give hexadecimal digits such as FF0000, or a name such as red"
            problems.add(Violation(f"visualization.palette[{index}]", "COLOUR_UNKNOWN", problem))
        else:
            colours.append(colour)
    return tuple(colours)


def _numbers(numbers: tuple[float, ...], count: int, name: str, problems: Violations) -> list[float | None]:
    """Return a number for each band, None for those without."""
    if len(numbers) not in {0, 1, count}:
        problem = f"{plural_text(len(numbers), 'number')} for {plural_text(count, 'band')}; give one, or one for each"
        problems.add(Violation(f"visualization.{name}", "NOT_ONE_FOR_EACH_BAND", problem))
        return [None] * count
    return [*(numbers or (None,))] * (count if len(numbers) < count else 1)


def ignored_stretch(request: DownloadRequest, picture: Picture | None) -> list[Ignored]:
    """Return the stretch of a request that gives every minimum and maximum itself."""
    wish = request.visualization
    if wish is None or picture is None or not wish.has_percents or not (wish.low and wish.high):
        return []
    return [Ignored("visualization.stretch", "min and max are given")]


# -- its nodes ---------------------------------------------------------------------------------


def shown_sources(picture: Picture) -> list[Source]:
    """Return the bands of a picture as they are rendered: one, or red, green and blue.

    A band whose minimum or maximum is not measured yet is shown from 0 to 255.
    """
    first = picture.bands[0]
    if picture.table:
        return _computed(first.source, looked_up(first.node, picture.table))
    if picture.palette:
        return _computed(first.source, painted(first.node, first.spread, picture.palette))
    names = CHANNELS if len(picture.bands) == 3 else (GREY,)
    return [_shown(band, name) for band, name in zip(picture.bands, names, strict=True)]


def _shown(band: ShownBand, name: str) -> Source:
    spread = band.spread
    if band.source.dtype == "uint8" and spread == _BYTES and band.gamma == 1.0:
        return band.source  # it stays as it is
    return _computed(band.source, [stretched(band.node, spread, band.gamma)], (name,))[0]


def _computed(source: Source, nodes: Sequence[Node], names: Sequence[str] = CHANNELS) -> list[Source]:
    grid: GeoBox = source.grid
    return [
        Computed(name, grid, "uint8", node, is_bounded=source.is_bounded)
        for name, node in zip(names, nodes, strict=True)
    ]


def with_picture(rasters: Sequence[RasterPlan], picture: Picture) -> tuple[RasterPlan, ...]:
    """Return the rasters of a picture with the numbers that it has now."""
    sources = iter(shown_sources(picture))
    return tuple(
        replace(raster, bands=tuple(replace(band, source=next(sources)) for band in raster.bands)) for raster in rasters
    )


def with_colours(rasters: Sequence[RasterPlan]) -> list[RasterPlan]:
    """Return the rasters of a picture, which say of three bands that they are red, green and blue."""
    return [
        replace(raster, metadata=replace(raster.metadata, colors=_RGB)) if len(raster.bands) == 3 else raster
        for raster in rasters
    ]
