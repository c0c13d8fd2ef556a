"""Functions on numbers and texts."""

import math
import re
from collections.abc import Callable
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.elements import as_text
from rasterwire.expression.lists import MAX_ITEMS
from rasterwire.expression.pattern import replaced
from rasterwire.expression.plain import number
from rasterwire.expression.signature import table

_format = re.compile(r"((?:[^%]|%%){0,100})%([-+ 0]{0,3}\d{0,2}(?:\.\d{1,2})?)([sdfegxX])((?:[^%]|%%){0,100})")


def _numeric(name: str, function: Callable[..., Any], said: str, *arguments: str) -> None:
    def call(*values: float) -> Any:
        try:
            return number(function(*values))
        except (ValueError, OverflowError, ZeroDivisionError):
            raise InvalidExpression(f"has no value for {', '.join(f'{value:g}' for value in values)}.") from None

    call.__doc__ = said
    taken = ", ".join(f"{argument}: Number" for argument in arguments)
    table.listed(f"Number.{name}({taken}) -> Number")(call)


_TWO: list[tuple[str, Callable[..., Any], str]] = [
    ("add", lambda a, b: float(a) + b, "Adds two numbers."),
    ("subtract", lambda a, b: float(a) - b, "Subtracts the second number from the first."),
    ("multiply", lambda a, b: float(a) * b, "Multiplies two numbers."),
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
]
_ONE: list[tuple[str, Callable[..., Any], str]] = [
    ("round", lambda a: math.floor(a + 0.5), "The nearest whole number."),
    ("floor", math.floor, "The greatest whole number that is not greater."),
    ("ceil", math.ceil, "The smallest whole number that is not less."),
    ("abs", abs, "The absolute value."),
    ("sqrt", math.sqrt, "The square root."),
    ("exp", math.exp, "e raised to a power."),
    ("log", math.log, "The natural logarithm."),
    ("log10", math.log10, "The base-10 logarithm."),
    ("not", lambda a: not a, "1 where the number is 0."),
    ("int", math.trunc, "The whole part."),
    ("toInt", math.trunc, "The whole part."),
    ("float", float, "The number."),
    ("double", float, "The number."),
]
for _entry in _TWO:
    _numeric(*_entry, "left", "right")
for _entry in _ONE:
    _numeric(*_entry, "input")


@table.listed('Number.format(number: Number, pattern: String = "%s") -> String')
def format_number(value: float, pattern: str) -> str:
    """Returns a number as text, by a pattern such as %.2f or %03d."""
    parts = _format.fullmatch(pattern)
    if parts is None:
        raise InvalidExpression(f"'{pattern[:40]}' is no pattern for one number, such as %.2f, %03d or %s.")
    before, said, kind, after = parts.groups()
    if kind in "dxX" and not math.isfinite(value):
        raise InvalidExpression(f"'%{kind}' is for whole numbers, and not for {value}.")
    plain = int(value) if kind in "dxX" else value
    text = as_text(number(value)) if kind == "s" else f"%{said}{kind}" % plain
    return f"{before}{text}{after}".replace("%%", "%")


# -- texts -------------------------------------------------------------------------------------


@table.listed("String(input: Object) -> String")
def string(value: Any) -> str:
    """Returns a value as text."""
    if isinstance(value, str):
        return value
    made = as_text(value)
    if len(made) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return made


@table.listed("String.cat(string1: String, string2: String) -> String")
def string_cat(first: str, second: str) -> str:
    """Returns two texts as one."""
    if len(first) + len(second) > MAX_ITEMS:
        raise InvalidExpression(f"a text of over {MAX_ITEMS} characters is too long.")
    return first + second


@table.listed("String.slice(string: String, start: Integer, end: Integer = null) -> String")
def string_slice(text: str, start: int, end: int | None) -> str:
    """Returns a part of a text; negative positions count from the end."""
    return text[start:end]


@table.listed('String.replace(input: String, regex: String, replacement: String, flags: String = "") -> String')
def replace(text: str, pattern: str, replacement: str, flags: str) -> str:
    """Replaces the first match of a regular expression, or with the flag g all of them."""
    return replaced(text, pattern, replacement, flags)


@table.listed("String.length(string: String) -> Integer")
def string_length(text: str) -> int:
    """Returns the number of characters."""
    return len(text)


@table.listed("String.toLowerCase(string: String) -> String")
def lower(text: str) -> str:
    """Returns a text in lower case."""
    return text.lower()


@table.listed("String.toUpperCase(string: String) -> String")
def upper(text: str) -> str:
    """Returns a text in upper case."""
    return text.upper()
