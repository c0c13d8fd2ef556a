"""Images to look at."""

from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression import operations
from rasterwire.expression.bands import of_bands, place_of
from rasterwire.expression.images import find_bands
from rasterwire.expression.nodes import Applied
from rasterwire.expression.signature import table
from rasterwire.expression.types import UINT8
from rasterwire.expression.values import BandValue, ImageValue

_NAMES = ("vis-red", "vis-green", "vis-blue")

_colours = {
    "black": "000000",
    "silver": "C0C0C0",
    "gray": "808080",
    "grey": "808080",
    "white": "FFFFFF",
    "maroon": "800000",
    "red": "FF0000",
    "purple": "800080",
    "fuchsia": "FF00FF",
    "magenta": "FF00FF",
    "green": "008000",
    "lime": "00FF00",
    "olive": "808000",
    "yellow": "FFFF00",
    "navy": "000080",
    "blue": "0000FF",
    "teal": "008080",
    "aqua": "00FFFF",
    "cyan": "00FFFF",
    "orange": "FFA500",
    "brown": "A52A2A",
    "pink": "FFC0CB",
    "darkgreen": "006400",
    "darkblue": "00008B",
    "darkred": "8B0000",
    "lightblue": "ADD8E6",
    "lightgreen": "90EE90",
    "gold": "FFD700",
    "tan": "D2B48C",
    "beige": "F5F5DC",
    "violet": "EE82EE",
    "indigo": "4B0082",
    "turquoise": "40E0D0",
    "salmon": "FA8072",
    "khaki": "F0E68C",
}
"""The names of CSS that are met most; all others by their hexadecimal digits."""


def colour(text: Any) -> tuple[int, int, int]:
    """Return red, green and blue of a colour such as ff0000, #f00 or red.

    Raises:
        InvalidExpression: it is none.

    >>> colour("#f00")
    (255, 0, 0)
    """
    plain = str(text).strip().lower()
    digits = _colours.get(plain, plain.removeprefix("#"))
    if len(digits) == 3:
        digits = "".join(c + c for c in digits)
    try:
        if len(digits) not in {6, 8}:
            raise ValueError
        red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    except ValueError:
        raise InvalidExpression(f"'{plain[:40]}' is no colour; give hexadecimal digits such as FF0000.") from None
    return red, green, blue


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
    force: bool,
) -> ImageValue:
    """Returns an image of bytes to look at: red, green and blue, or grey."""
    chosen = list(image.bands[:3]) if names is None else find_bands(image, _listed(names))
    if names is None and len(image.bands) not in {1, 3}:
        chosen = list(image.bands[:1]) if len(image.bands) == 2 else chosen
    if len(chosen) not in {1, 3}:
        raise InvalidExpression(f"1 or 3 bands can be shown, and not {len(chosen)}.")
    if palette is not None and len(chosen) != 1:
        raise InvalidExpression("a palette needs one band.")
    if gain is not None and (low is not None or high is not None):
        raise InvalidExpression("'gain' and 'bias' cannot be given together with 'min' and 'max'.")
    count = len(chosen)
    gains, offsets = _numbers(gain, count, 0.0, "gain"), _numbers(bias, count, 0.0, "bias")
    lows, highs = _numbers(low, count, 0.0, "min"), _numbers(high, count, None, "max")
    gammas = _numbers(gamma, count, 1.0, "gamma")
    if any(g is not None and g <= 0 for g in gammas):
        raise InvalidExpression("'gamma' has to be greater than 0.")
    ranges = []
    for at, band in enumerate(chosen):
        if gain is not None or bias is not None:
            factor = gains[at] if gain is not None and gains[at] else 1.0
            start = -(offsets[at] or 0.0) / (factor or 1.0)
            ranges.append((start, start + 255.0 / (factor or 1.0)))
            continue
        most = highs[at]
        if most is None:
            most = float(band.type.high) if band.type.precision == "int" and band.type.high is not None else 1.0
        ranges.append((lows[at] or 0.0, most))
    place = place_of(chosen)
    bands = []
    if palette is not None:
        colours = [colour(c) for c in (palette.split(",") if isinstance(palette, str) else _listed(palette))]
        if not colours:
            raise InvalidExpression("'palette' is empty.")
        start, most = ranges[0]
        if low is None and high is None and gain is None:
            start, most = 0.0, float(len(colours) - 1)
        for channel, name in enumerate(_NAMES):
            shades = tuple(c[channel] for c in colours) if len(colours) > 1 else (colours[0][channel],) * 2
            node = Applied(operations.painted, (chosen[0].node,), "uint8", (start, most, shades))
            bands.append(BandValue(name, UINT8, node, *place))
    else:
        shown = chosen * 3 if count == 1 and force else chosen
        output = _NAMES if len(shown) == 3 else ("vis-gray",)
        for at, (band, name) in enumerate(zip(shown, output, strict=True)):
            start, most = ranges[at % count]
            node = Applied(operations.stretched, (band.node,), "uint8", (start, most, gammas[at % count] or 1.0))
            bands.append(BandValue(name, UINT8, node, *place))
    made = ImageValue(of_bands(bands).bands, image.properties, image.id, image.region)
    if opacity is not None and opacity <= 0:
        raise InvalidExpression("an 'opacity' of 0 shows nothing.")
    return made


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return value if isinstance(value, list) else [value]


def _numbers(value: Any, count: int, default: float | None, name: str) -> list[float | None]:
    if value is None:
        return [default] * count
    values = _listed(value)
    try:
        found: list[float | None] = [float(v) for v in values]
    except (TypeError, ValueError):
        raise InvalidExpression(f"'{name}' has to be a number, or one for each band.") from None
    if len(found) == 1:
        return found * count
    if len(found) != count:
        raise InvalidExpression(f"'{name}' has {len(found)} numbers for {count} bands.")
    return found


def shown_by(image: ImageValue, options: Mapping[str, Any]) -> ImageValue:
    """Return an image as the visualizationOptions of a request have it.

    Source: the VisualizationOptions message of Earth Engine's API.

    Raises:
        InvalidExpression: they cannot be met.
    """
    ranges = options.get("ranges") or []
    colours = options.get("paletteColors")
    gamma = (options.get("gamma") or {}).get("value")
    lows, highs = [r.get("min", 0) for r in ranges], [r.get("max", 0) for r in ranges]
    opacity = options.get("opacity")
    return visualize(image, None, None, None, lows or None, highs or None, gamma, opacity, colours, False)
