"""Functions that compute each pixel of an image from the pixels at the same place in other images."""

from collections.abc import Callable

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.assembly import TypeRule, changed, combined, of_bands
from rasterwire.expression.language.signature import parse_signature, table
from rasterwire.expression.language.values import BandValue, ImageValue
from rasterwire.nodes import operations
from rasterwire.nodes.nodes import Applied, Operation
from rasterwire.nodes.pixel_type import BOOLEAN, DOUBLE, FLOAT, PixelType, constant_type, floating, union, whole, wide


def _range(pixel_type: PixelType) -> tuple[float, float] | None:
    """Return the least and the greatest value of a type of whole numbers; None for floats."""
    if pixel_type.precision != "int" or pixel_type.low is None or pixel_type.high is None:
        return None
    return pixel_type.low, pixel_type.high


def _added(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    return floating(a, b) if x is None or y is None else whole(x[0] + y[0], x[1] + y[1])


def _subtracted(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    return floating(a, b) if x is None or y is None else whole(x[0] - y[1], x[1] - y[0])


def _multiplied(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    if x is None or y is None:
        return floating(a, b)
    corners = [i * j for i in x for j in y]
    return whole(min(corners), max(corners))


def _remainder(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    if x is None or y is None:
        return floating(a, b)
    most = max(abs(y[0]), abs(y[1]))
    return whole(max(x[0], -most) if x[0] < 0 else 0, min(x[1], most) if x[1] > 0 else 0)


def _truth(a: PixelType, b: PixelType) -> PixelType:
    return BOOLEAN


def _masked_bits(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    if x is not None and y is not None and x[0] >= 0 and y[0] >= 0:
        return whole(0, min(x[1], y[1]))
    return _bits(a, b)


def _bits(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    if x is None or y is None:
        return whole(-(1 << 63), (1 << 63) - 1)
    if x[0] >= 0 and y[0] >= 0:
        return whole(0, (1 << int(max(x[1], y[1])).bit_length()) - 1)
    bits = min(63, max(int(abs(value)).bit_length() for value in (*x, *y)))
    return whole(-(1 << bits), (1 << bits) - 1)


def _left_shifted(a: PixelType, b: PixelType) -> PixelType:
    x, y = _range(a), _range(b)
    if x is None or y is None or y[1] > 63 or y[0] < 0:
        return whole(-(1 << 63), (1 << 63) - 1)
    ends = [int(v) << int(s) for v in x for s in y]
    low, high = min(ends), max(ends)
    return whole(low, high) if low >= -(1 << 63) and high < 1 << 63 else whole(-(1 << 63), (1 << 63) - 1)


def _right_shifted(a: PixelType, b: PixelType) -> PixelType:
    x = _range(a)
    return whole(-(1 << 63), (1 << 63) - 1) if x is None else whole(min(x[0], 0), max(x[1], 0))


_BINARY: dict[str, tuple[str, Operation, TypeRule, tuple[str, ...]]] = {
    "add": ("Adds the first value to the second, for each pair of bands.", operations.add, _added, ()),
    "subtract": ("Subtracts the second value from the first.", operations.subtract, _subtracted, ()),
    "multiply": ("Multiplies the first value by the second.", operations.multiply, _multiplied, ()),
    "divide": ("Divides the first value by the second; 0 for a division by 0.", operations.divide, floating, ()),
    "mod": ("Returns the remainder of the first value divided by the second.", operations.mod, _remainder, ()),
    "pow": ("Raises the first value to the power of the second.", operations.power, wide, ()),
    "min": ("Selects the smaller of two values.", operations.minimum, union, ()),
    "max": ("Selects the greater of two values.", operations.maximum, union, ()),
    "hypot": ("Returns the length of the 2D vector [x, y].", operations.hypot, wide, ()),
    "atan2": ("Returns the angle of the 2D vector [x, y], in radians.", operations.atan2, wide, ()),
    "gt": ("1 where the first value is greater than the second.", operations.compare, _truth, ("greater",)),
    "gte": ("1 where the first value is not less than the second.", operations.compare, _truth, ("greater_equal",)),
    "lt": ("1 where the first value is less than the second.", operations.compare, _truth, ("less",)),
    "lte": ("1 where the first value is not greater than the second.", operations.compare, _truth, ("less_equal",)),
    "eq": ("1 where the values are equal.", operations.compare, _truth, ("equal",)),
    "neq": ("1 where the values are not equal.", operations.compare, _truth, ("not_equal",)),
    "and": ("1 where both values are not 0.", operations.both, _truth, ()),
    "or": ("1 where one of the values is not 0.", operations.either, _truth, ()),
    "bitwiseAnd": ("The bits that both values have.", operations.bits, _masked_bits, ("bitwise_and",)),
    "bitwiseOr": ("The bits that one of the values has.", operations.bits, _bits, ("bitwise_or",)),
    "bitwiseXor": ("The bits that only one of the values has.", operations.bits, _bits, ("bitwise_xor",)),
    "leftShift": (
        "The first value shifted left by so many bits.",
        operations.shifted_bits,
        _left_shifted,
        ("left_shift",),
    ),
    "rightShift": (
        "The first value shifted right by so many bits.",
        operations.shifted_bits,
        _right_shifted,
        ("right_shift",),
    ),
}

_BINARY_ALIASES = {
    "bitwiseAnd": ("Image.bitwise_and",),
    "bitwiseOr": ("Image.bitwise_or",),
    "bitwiseXor": ("Image.bitwise_xor",),
    "leftShift": ("Image.left_shift",),
    "rightShift": ("Image.right_shift",),
}


def _absolute(pixel_type: PixelType) -> PixelType:
    ends = _range(pixel_type)
    if ends is None:
        return pixel_type if pixel_type.low is None else PixelType(pixel_type.precision)
    low, high = abs(ends[0]), abs(ends[1])
    return whole(0 if ends[0] <= 0 <= ends[1] else min(low, high), max(low, high))


def _same(pixel_type: PixelType) -> PixelType:
    return pixel_type if pixel_type.precision == "int" else PixelType(pixel_type.precision)


def _flipped(pixel_type: PixelType) -> PixelType:
    ends = _range(pixel_type)
    return whole(-(1 << 63), (1 << 63) - 1) if ends is None else whole(-1 - ends[1], -1 - ends[0])


_UNARY_ALIASES = {"bitwiseNot": ("Image.bitwise_not",)}


def _boolean(pixel_type: PixelType) -> PixelType:
    return BOOLEAN


def _signed(pixel_type: PixelType) -> PixelType:
    return PixelType("int", -1, 1)


def _wide(pixel_type: PixelType) -> PixelType:
    return wide(pixel_type)


_UNARY: dict[str, tuple[str, Operation, Callable[[PixelType], PixelType], tuple[str, ...]]] = {
    "abs": ("The absolute value.", operations.abs_, _absolute, ()),
    "round": ("The nearest whole number.", operations.rounded, _same, ("round",)),
    "floor": ("The greatest whole number that is not greater.", operations.rounded, _same, ("floor",)),
    "ceil": ("The smallest whole number that is not less.", operations.rounded, _same, ("ceil",)),
    "not": ("1 where the value is 0.", operations.negated, _boolean, ()),
    "bitwiseNot": ("The bits that a value has not.", operations.flipped, _flipped, ()),
    "signum": ("-1, 0 or 1 by the sign of the value.", operations.sign, _signed, ()),
    "sqrt": ("The square root.", operations.unary, _wide, ("sqrt",)),
    "cbrt": ("The cubic root.", operations.unary, _wide, ("cbrt",)),
    "exp": ("Euler's number e raised to the power of the value.", operations.unary, _wide, ("exp",)),
    "log": ("The natural logarithm.", operations.unary, _wide, ("log",)),
    "log10": ("The base-10 logarithm.", operations.unary, _wide, ("log10",)),
    "sin": ("The sine of the value in radians.", operations.unary, _wide, ("sin",)),
    "cos": ("The cosine of the value in radians.", operations.unary, _wide, ("cos",)),
    "tan": ("The tangent of the value in radians.", operations.unary, _wide, ("tan",)),
    "asin": ("The arcsine in radians.", operations.unary, _wide, ("arcsin",)),
    "acos": ("The arccosine in radians.", operations.unary, _wide, ("arccos",)),
    "atan": ("The arctangent in radians.", operations.unary, _wide, ("arctan",)),
    "sinh": ("The hyperbolic sine.", operations.unary, _wide, ("sinh",)),
    "cosh": ("The hyperbolic cosine.", operations.unary, _wide, ("cosh",)),
    "tanh": ("The hyperbolic tangent.", operations.unary, _wide, ("tanh",)),
}

_CASTS = {
    PixelType("int", 0, 255): ("toUint8", "uint8", "toByte", "byte"),
    PixelType("int", -128, 127): ("toInt8", "int8"),
    PixelType("int", 0, 65535): ("toUint16", "uint16"),
    PixelType("int", -32768, 32767): ("toInt16", "int16", "toShort", "short"),
    PixelType("int", 0, (1 << 32) - 1): ("toUint32", "uint32"),
    PixelType("int", -(1 << 31), (1 << 31) - 1): ("toInt32", "int32", "toInt", "int"),
    PixelType("int", -(1 << 63), (1 << 63) - 1): ("toInt64", "int64", "toLong", "long"),
    FLOAT: ("toFloat", "float"),
    DOUBLE: ("toDouble", "double"),
}


def binary(name: str, first: ImageValue, second: ImageValue) -> ImageValue:
    """Apply a function of two values, such as ``add``, to two images."""
    _, operation, rule, parameters = _BINARY[name]
    return combined(first, second, operation, rule, *parameters)


def unary(name: str, image: ImageValue) -> ImageValue:
    """Apply a function of one value, such as ``sqrt``, to an image."""
    _, operation, rule, parameters = _UNARY[name]
    return of_bands(changed(image, operation, rule, *parameters))


def cast_band(band: BandValue, pixel_type: PixelType) -> BandValue:
    """Cast a band to another type."""
    is_same_type = band.node.dtype == pixel_type.dtype
    node = band.node if is_same_type else Applied(operations.cast, (band.node,), pixel_type.dtype)
    return BandValue(band.name, pixel_type, node, band.projection, band.extent)


def _enter() -> None:
    """List the functions of the tables above."""
    for name, (description, *_) in _BINARY.items():
        table.enter(
            parse_signature(f"Image.{name}(image1: Image, image2: Image) -> Image"),
            description,
            lambda first, second, name=name: binary(name, first, second),
            _BINARY_ALIASES.get(name, ()),
        )
    for name, (description, *_) in _UNARY.items():
        call = lambda image, name=name: unary(name, image)  # noqa: E731
        table.enter(
            parse_signature(f"Image.{name}(value: Image) -> Image"), description, call, _UNARY_ALIASES.get(name, ())
        )
    for pixel_type, (first, *aliases) in _CASTS.items():
        table.enter(
            parse_signature(f"Image.{first}(value: Image) -> Image"),
            f"Casts the values to {pixel_type.dtype}.",
            lambda image, pixel_type=pixel_type: image.with_bands(
                [cast_band(band, pixel_type) for band in image.bands]
            ),
            tuple(f"Image.{name}" for name in aliases),
        )


_enter()


@table.listed("Image.clamp(input: Image, low: Float, high: Float) -> Image")
def clamp(image: ImageValue, low: float, high: float) -> ImageValue:
    """Clamps the values of all bands to a range."""
    if low > high:
        raise InvalidExpression(f"'low' is {low:g} and greater than 'high', {high:g}.")

    def rule(pixel_type: PixelType) -> PixelType:
        ends, bounds = _range(pixel_type), union(constant_type(low), constant_type(high))
        limits = _range(bounds)
        if ends is None or limits is None:
            return pixel_type if pixel_type.precision != "int" else DOUBLE
        return whole(min(max(ends[0], limits[0]), limits[1]), max(min(ends[1], limits[1]), limits[0]))

    return image.with_bands(changed(image, operations.clamp, rule, low, high))


@table.listed("Image.unitScale(input: Image, low: Float, high: Float) -> Image")
def unit_scale(image: ImageValue, low: float, high: float) -> ImageValue:
    """Scales the values so that the range from low to high becomes 0 to 1; values beyond it are not clamped."""
    if low == high:
        raise InvalidExpression(f"'low' and 'high' are both {low:g}.")
    return image.with_bands(changed(image, operations.unit_scale, wide, low, high))
