"""Functions on numbers."""

import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.collection.elements import as_text
from rasterwire.expression.language.formatting import number
from rasterwire.expression.language.signature import table

_format = re.compile(r"((?:[^%]|%%){0,100})%([-+ 0]{0,3}\d{0,2}(?:\.\d{1,2})?)([sdfegxX])((?:[^%]|%%){0,100})")


def _exact(operation: Callable[[Any, Any], Any], a: float, b: float) -> float:
    """Apply an operation: exactly to whole numbers, and to doubles otherwise."""
    return operation(a, b) if type(a) is int and type(b) is int else operation(float(a), b)  # type: ignore[no-any-return]


def _numeric(name: str, function: Callable[..., Any], description: str, *arguments: str) -> None:
    def call(*values: float) -> Any:
        try:
            return number(function(*values))
        except (ValueError, OverflowError, ZeroDivisionError):
            raise InvalidExpression(f"has no value for {', '.join(f'{value:g}' for value in values)}.") from None

    call.__doc__ = description
    declarations = ", ".join(f"{argument}: Number" for argument in arguments)
    table.listed(f"Number.{name}({declarations}) -> Number")(call)


_BINARY: list[tuple[str, Callable[..., Any], str]] = [
    ("add", lambda a, b: _exact(operator.add, a, b), "Adds two numbers."),
    ("subtract", lambda a, b: _exact(operator.sub, a, b), "Subtracts the second number from the first."),
    ("multiply", lambda a, b: _exact(operator.mul, a, b), "Multiplies two numbers."),
    ("divide", lambda a, b: float(a) / b if b else 0.0, "Divides the first number by the second; 0 by 0."),
    ("mod", math.fmod, "The remainder of a division."),
    ("pow", math.pow, "Raises the first number to the power of the second."),
    ("min", min, "The smaller number."),
    ("max", max, "The greater number."),
    ("gt", lambda a, b: a > b, "1 where the first number is greater."),
    ("gte", lambda a, b: a >= b, "1 where the first number is not less."),
    ("lt", lambda a, b: a < b, "1 where the first number is less."),
    ("lte", lambda a, b: a <= b, "1 where the first number is not greater."),
    ("eq", lambda a, b: a == b, "1 where the numbers are equal."),
    ("neq", lambda a, b: a != b, "1 where the numbers are not equal."),
    ("and", lambda a, b: bool(a and b), "1 where both numbers are not 0."),
    ("or", lambda a, b: bool(a or b), "1 where one number is not 0."),
    ("first", lambda a, _: a, "The first number."),
    ("firstNonZero", lambda a, b: a or b, "The first number where it is not 0, else the second."),
    ("hypot", math.hypot, "The length of the 2D vector [x, y]."),
    ("atan2", lambda x, y: math.atan2(y, x), "The angle of the 2D vector [x, y], in radians."),
    ("bitwiseAnd", lambda a, b: _bits(a) & _bits(b), "The bits that both whole parts have."),
    ("bitwiseOr", lambda a, b: _bits(a) | _bits(b), "The bits that one of the whole parts has."),
    ("bitwiseXor", lambda a, b: _bits(a) ^ _bits(b), "The bits that only one of the whole parts has."),
    ("leftShift", lambda a, b: _shifted_left(_bits(a), _bits(b)), "The bits moved to the left."),
    ("rightShift", lambda a, b: _bits(a) >> min(max(_bits(b), 0), 63), "The bits moved to the right; the sign stays."),
]
_UNARY: list[tuple[str, Callable[..., Any], str]] = [
    ("round", lambda a: math.floor(a + 0.5), "The nearest whole number."),
    ("floor", math.floor, "The greatest whole number that is not greater."),
    ("ceil", math.ceil, "The smallest whole number that is not less."),
    ("abs", abs, "The absolute value."),
    ("sqrt", math.sqrt, "The square root."),
    ("exp", math.exp, "e raised to a power."),
    ("log", math.log, "The natural logarithm."),
    ("log10", math.log10, "The base-10 logarithm."),
    ("not", lambda a: not a, "1 where the number is 0."),
    ("double", float, "The number."),
    ("toDouble", float, "The number."),
    ("float", np.float32, "The nearest 32-bit float."),
    ("toFloat", np.float32, "The nearest 32-bit float."),
    ("sin", math.sin, "The sine of radians."),
    ("cos", math.cos, "The cosine of radians."),
    ("tan", math.tan, "The tangent of radians."),
    ("asin", math.asin, "The arcsine in radians."),
    ("acos", math.acos, "The arccosine in radians."),
    ("atan", math.atan, "The arctangent in radians."),
    ("sinh", math.sinh, "The hyperbolic sine."),
    ("cosh", math.cosh, "The hyperbolic cosine."),
    ("tanh", math.tanh, "The hyperbolic tangent."),
    ("cbrt", np.cbrt, "The cubic root."),
    ("gamma", math.gamma, "The gamma function."),
    ("erf", math.erf, "The error function."),
    ("erfc", math.erfc, "The complementary error function."),
    ("signum", lambda a: (a > 0) - (a < 0), "The sign: -1, 0 or 1."),
    ("bitwiseNot", lambda a: ~_bits(a), "The bits that the whole part has not."),
    ("bitCount", lambda a: (_bits(a) % (1 << 64)).bit_count(), "The number of one-bits of 64."),
]
_CASTS = {
    "uint8": ("byte", "toByte", "uint8", "toUint8"),
    "int8": ("int8", "toInt8"),
    "uint16": ("uint16", "toUint16"),
    "int16": ("short", "toShort", "int16", "toInt16"),
    "uint32": ("uint32", "toUint32"),
    "int32": ("int", "toInt", "int32", "toInt32"),
    "int64": ("long", "toLong", "int64", "toInt64"),
}
"""Casts, by the type that they cast to."""


def _whole(value: float, dtype: str) -> int:
    """Return the whole part within the range of a type, or the nearest end of it; 0 for NaN, as casts of images do."""
    limits = np.iinfo(dtype)
    if math.isnan(value):
        return 0
    return math.trunc(min(max(value, int(limits.min)), int(limits.max)))


def _bits(value: float) -> int:
    return _whole(value, "int64")


def _shifted_left(bits: int, count: int) -> int:
    """Shift bits to the left within 64 bits with a sign; 0 for a shift of more than 63."""
    shifted = (bits << count) % (1 << 64) if 0 <= count < 64 else 0
    return shifted - (1 << 64) if shifted >> 63 else shifted


for _entry in _BINARY:
    _numeric(*_entry, "left", "right")
for _entry in _UNARY:
    _numeric(*_entry, "input")
for _dtype, _casts in _CASTS.items():
    for _cast in _casts:
        _numeric(_cast, partial(_whole, dtype=_dtype), f"The whole part, within the range of {_dtype}.", "input")


@table.listed("Number.clamp(number: Number, min: Float, max: Float) -> Number")
def clamp(value: float, low: float, high: float) -> float:
    """Limits a number to a range."""
    return number(min(max(value, low), high))


@table.listed("Number.unitScale(number: Number, min: Float, max: Float) -> Number")
def unit_scale(value: float, low: float, high: float) -> float:
    """Returns the position of a number in a range: 0 at its start and 1 at its end; 0 for an empty range."""
    return number((float(value) - low) / (float(high) - low) if high != low else 0.0)


_whole_text = re.compile(r"[+-]?[0-9A-Za-z]{1,1100}")
_decimal_text = re.compile(r"[+-]?(\d{1,1000}\.?\d{0,1000}|\.\d{1,1000})([eE][+-]?\d{1,10})?")


@table.listed("Number.parse(input: String, radix: Integer = 10.0) -> Number")
def parse(text: str, radix: int) -> float:
    """Returns the number of a text; a whole number may have any radix from 2 to 36."""
    if not 2 <= radix <= 36:
        raise InvalidExpression(f"'radix' is {radix}; it has to be from 2 to 36.")
    if _whole_text.fullmatch(text) and all(int(digit, 36) < radix for digit in text.lstrip("+-")):
        return number(int(text, radix))
    if radix == 10 and _decimal_text.fullmatch(text):
        return number(text)
    raise InvalidExpression(f"'{text[:60]}' is no number" + (f" of radix {radix}." if radix != 10 else "."))


@table.listed('Number.format(number: Number, pattern: String = "%s") -> String')
def format_number(value: float, pattern: str) -> str:
    """Returns a number as text, by a pattern such as %.2f or %03d."""
    parts = _format.fullmatch(pattern)
    if parts is None:
        raise InvalidExpression(f"'{pattern[:40]}' is no pattern for one number, such as %.2f, %03d or %s.")
    prefix, flags, kind, suffix = parts.groups()
    if kind in "dxX" and not math.isfinite(value):
        raise InvalidExpression(f"'%{kind}' formats whole numbers, and not {value}.")
    plain = int(value) if kind in "dxX" else value
    text = as_text(number(value)) if kind == "s" else f"%{flags}{kind}" % plain
    return f"{prefix}{text}{suffix}".replace("%%", "%")
