"""How values of bands become the bytes of a picture: red, green and blue, grey, or colours of a palette."""

from collections.abc import Sequence

from rasterwire.nodes import operations
from rasterwire.nodes.nodes import Applied, Node

CHANNELS = ("vis-red", "vis-green", "vis-blue")
"""The names of the bands of a picture, as Earth Engine has them."""

GREY = "vis-gray"

PICTURE_OPERATIONS = frozenset({operations.stretched, operations.painted, operations.looked_up})
"""What becomes of the values of a band where it is shown."""

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

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


def parse_colour(text: str) -> Colour | None:
    """Return the colour of a text such as ff0000, #f00 or red; None where it is none.

    >>> parse_colour("#f00"), parse_colour("Teal"), parse_colour("reddish")
    ((255, 0, 0), (0, 128, 128), None)
    """
    plain = text.strip().lower()
    digits = _colours.get(plain, plain.removeprefix("#"))
    if len(digits) == 3:
        digits = "".join(c + c for c in digits)
    if len(digits) not in {6, 8} or not set(digits.lower()) <= _HEXADECIMAL:
        return None
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


_HEXADECIMAL = set("0123456789abcdef")


def stretched(node: Node, spread: tuple[float, float], gamma: float) -> Node:
    """Return bytes from 0 to 255 for the values of a node.

    Args:
        node: of the values.
        spread: the values that become 0 and 255.
        gamma: of the curve between; 1 is a straight line.
    """
    return Applied(operations.stretched, (node,), "uint8", (*spread, gamma))


def painted(node: Node, spread: tuple[float, float], shades: Sequence[Colour]) -> list[Node]:
    """Return red, green and blue for the values of a node, of colours in even steps.

    Args:
        node: of the values.
        spread: the values of the first and the last colour.
        shades: the colours, at least one.
    """
    shades = shades if len(shades) > 1 else [*shades, *shades]
    channels = [tuple(shade[channel] for shade in shades) for channel in range(3)]
    return [Applied(operations.painted, (node,), "uint8", (*spread, channel)) for channel in channels]


def looked_up(node: Node, table: bytes) -> list[Node]:
    """Return red, green and blue for the values of a node, by a table of colours.

    Args:
        node: of whole numbers.
        table: red, green and blue of the values from 0 on, a byte each. Other values are black.
    """
    return [Applied(operations.looked_up, (node,), "uint8", (table[channel::3],)) for channel in range(3)]
