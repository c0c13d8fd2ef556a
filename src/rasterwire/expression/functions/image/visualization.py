"""Functions that return images for display: red, green and blue, grey, or colours of a palette."""

from typing import Any

from rasterwire.errors import NO_BANDS, InvalidExpression
from rasterwire.expression.functions.image.assembly import of_bands, projection_and_extent
from rasterwire.expression.functions.image.bands import select_bands
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, ImageValue
from rasterwire.nodes import operations
from rasterwire.nodes.nodes import Applied
from rasterwire.nodes.pixel_type import UINT8
from rasterwire.units import plural_text

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
"""The most common names of CSS; all other colours have to be given as hexadecimal digits."""


def colour(text: Any) -> tuple[int, int, int]:
    """Return red, green and blue of a colour such as ff0000, #f00 or red.

    Raises:
        InvalidExpression: it is not a colour.

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
        red, green, blue = (int(digits[index : index + 2], 16) for index in (0, 2, 4))
    except ValueError:
        raise InvalidExpression(f"'{plain[:40]}' is not a colour; give hexadecimal digits such as FF0000.") from None
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


def _painted(band: BandValue, shades: list[tuple[int, int, int]], spread: tuple[float, float]) -> list[BandValue]:
    if not shades:
        raise InvalidExpression("'palette' is empty.")
    shades = shades if len(shades) > 1 else shades * 2
    bands = []
    for channel, name in enumerate(_NAMES):
        parameters = *spread, tuple(shade[channel] for shade in shades)
        node = Applied(operations.painted, (band.node,), "uint8", parameters)
        bands.append(BandValue(name, UINT8, node, band.projection, band.extent))
    return bands


def _stretched(parts: list[tuple[BandValue, tuple[float, float], float]]) -> list[BandValue]:
    placement = projection_and_extent([band for band, _, _ in parts])
    names = _NAMES if len(parts) == 3 else ("vis-gray",)
    bands = []
    for (band, spread, gamma), name in zip(parts, names, strict=True):
        node = Applied(operations.stretched, (band.node,), "uint8", (*spread, gamma))
        bands.append(BandValue(name, UINT8, node, *placement))
    return bands


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
