"""Functions that return images for display: red, green and blue, grey, or colours of a palette."""

from typing import Any

from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.assembly import of_bands, projection_and_extent
from rasterwire.expression.functions.image.bands import select_bands
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, ImageValue
from rasterwire.nodes.pictures import CHANNELS, GREY, Colour, painted, parse_colour, stretched
from rasterwire.nodes.pixel_type import UINT8
from rasterwire.units import plural_text


def colour(text: Any) -> Colour:
    """Return red, green and blue of a colour such as ff0000, #f00 or red.

    Raises:
        InvalidExpression: it is not a colour.
    """
    shade = parse_colour(str(text))
    if shade is None:
        plain = str(text).strip().lower()
        raise InvalidExpression(f"'{plain[:40]}' is not a colour; give hexadecimal digits such as FF0000.")
    return shade


@table.listed(
    "Image.visualize(image: Image, bands: Object = null, gain: Object = null, bias: Object = null, min: Object = null, "
    "max: Object = null, gamma: Object = null, opacity: Number = null, palette: Object = null, "
    "forceRgbOutput: Boolean = false) -> Image"
)
def visualize(
    image: ImageValue,
    names: Any,
    gain: Any,
    bias: Any,
    low: Any,
    high: Any,
    gamma: Any,
    opacity: float | None,
    palette: Any,
    force_rgb: bool,
) -> ImageValue:
    """Returns an image of bytes for display: red, green and blue, or grey."""
    bands = _bands_to_show(image, names)
    if palette is not None and len(bands) != 1:
        raise InvalidExpression("a palette needs one band.")
    if gain is not None and (low is not None or high is not None):
        raise InvalidExpression("'gain' and 'bias' cannot be given together with 'min' and 'max'.")
    if opacity is not None and opacity <= 0:
        raise InvalidExpression("an 'opacity' of 0 shows nothing.")
    if gain is not None or bias is not None:
        ranges = _by_gain(_numbers(gain, len(bands), 1.0, "gain"), _numbers(bias, len(bands), 0.0, "bias"))
    else:
        ranges = _by_limits(bands, low, high)
    if palette is not None:
        shades = [colour(c) for c in _listed(palette)]
        spread = (0.0, float(max(1, len(shades) - 1))) if low is None and high is None and gain is None else ranges[0]
        shown_bands = _painted(bands[0], shades, spread)
    else:
        gammas = _numbers(gamma, len(bands), 1.0, "gamma")
        if min(gammas) <= 0:
            raise InvalidExpression("'gamma' has to be greater than 0.")
        parts = list(zip(bands, ranges, gammas, strict=True))
        shown_bands = _stretched(parts * 3 if len(parts) == 1 and force_rgb else parts)
    return ImageValue(of_bands(shown_bands).bands, image.properties, image.id, image.region)


def _bands_to_show(image: ImageValue, names: Any) -> list[BandValue]:
    """Return the named bands, else the first three bands, or the first where there are fewer."""
    if names is not None:
        bands = select_bands(image, _listed(names))
    else:
        bands = list(image.bands[: 3 if len(image.bands) >= 3 else 1])
    if not image.bands:
        raise InvalidExpression(NO_BANDS)
    if len(bands) not in {1, 3}:
        raise InvalidExpression(f"1 or 3 bands can be shown, and not {len(bands)}.")
    return bands


def _by_gain(gains: list[float], offsets: list[float]) -> list[tuple[float, float]]:
    if not all(gains):
        raise InvalidExpression("a 'gain' of 0 shows nothing.")
    return [(-bias / gain, (255.0 - bias) / gain) for gain, bias in zip(gains, offsets, strict=True)]


def _by_limits(bands: list[BandValue], low: Any, high: Any) -> list[tuple[float, float]]:
    """Return the values that become 0 and 255: by default 0 and the greatest of the type, or 1 for floats."""
    lows = _numbers(low, len(bands), 0.0, "min")
    defaults = [float(b.type.high) if b.type.precision == "int" and b.type.high is not None else 1.0 for b in bands]
    highs = defaults if high is None else _numbers(high, len(bands), 0.0, "max")
    return list(zip(lows, highs, strict=True))


def _painted(band: BandValue, shades: list[Colour], spread: tuple[float, float]) -> list[BandValue]:
    if not shades:
        raise InvalidExpression("'palette' is empty.")
    nodes = painted(band.node, spread, shades)
    return [
        BandValue(name, UINT8, node, band.projection, band.extent) for name, node in zip(CHANNELS, nodes, strict=True)
    ]


def _stretched(parts: list[tuple[BandValue, tuple[float, float], float]]) -> list[BandValue]:
    placement = projection_and_extent([band for band, _, _ in parts])
    names = CHANNELS if len(parts) == 3 else (GREY,)
    return [
        BandValue(name, UINT8, stretched(band.node, spread, gamma), *placement)
        for (band, spread, gamma), name in zip(parts, names, strict=True)
    ]


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else [value]


def _numbers(value: Any, count: int, default: float, name: str) -> list[float]:
    if value is None:
        return [default] * count
    try:
        numbers = [float(v) for v in _listed(value)]
    except (TypeError, ValueError):
        raise InvalidExpression(f"'{name}' has to be a number, or one for each band.") from None
    if len(numbers) not in {1, count}:
        raise InvalidExpression(f"'{name}' has {plural_text(len(numbers), 'number')} for {plural_text(count, 'band')}.")
    return numbers * count if len(numbers) == 1 else numbers
