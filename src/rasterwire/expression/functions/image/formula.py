"""Formulas such as ``(b('B8') - RED) / 2``: their own small grammar, read into functions of images.

    or:      and ("||" and)*             ternary: or ("?" ternary ":" ternary)?
    and:     bits ("&&" bits)*           bits:    equal (("&" | "|" | "^") equal)*
    equal:   less (("==" | "!=") less)*  less:    shift (("<" | "<=" | ">" | ">=") shift)*
    shift:   sum (("<<" | ">>") sum)*    sum:     product (("+" | "-") product)*
    product: unary (("*" | "/" | "%") unary)*
    unary:   ("-" | "!" | "~" | "+") unary | power
    power:   postfix ("**" unary)?       postfix: atom ("." name | "[" key "]" | "." name "(" arguments ")")*
    atom:    number | name | name "(" arguments ")" | text | "(" ternary ")"

Source: the description of ee.Image.expression in Earth Engine's reference.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image.arithmetic import binary, unary
from rasterwire.expression.functions.image.assembly import constant_image, place_of
from rasterwire.expression.functions.image.bands import find_bands
from rasterwire.expression.functions.image.masks import blend, update_mask
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, FunctionValue, ImageValue

_token = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<text>'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<sign>\*\*|\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%<>=!~&|^?:.,()\[\]])"
    r"|(?P<end>$))"
)

_MOST_CHARACTERS = 20_000
"""Characters of the formula of ``Image.parseExpression``."""

_MOST_DEPTH = 60
"""Depth of a formula, and names and calls in a row."""

_LEVELS: list[dict[str, str]] = [
    {"||": "or"},
    {"&&": "and"},
    {"&": "bitwiseAnd", "|": "bitwiseOr", "^": "bitwiseXor"},
    {"==": "eq", "!=": "neq"},
    {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"},
    {"<<": "leftShift", ">>": "rightShift"},
    {"+": "add", "-": "subtract"},
    {"*": "multiply", "/": "divide", "%": "mod"},
]

_UNARY_FUNCTIONS = (
    "abs", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "round", "floor", "ceil",
    "sinh", "cosh", "tanh", "cbrt",
)  # fmt: skip
_BINARY_FUNCTIONS = ("min", "max", "pow", "atan2", "hypot", "mod")
_CONSTANTS = {"PI": 3.141592653589793, "E": 2.718281828459045}
_CASTS = ("byte", "short", "int", "long", "float", "double", "uint8", "uint16", "uint32", "int8", "int16", "int32")

Variables = Mapping[str, ImageValue]
Formula = Callable[[Variables], Any]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    if len(text) > _MOST_CHARACTERS:
        raise InvalidExpression(f"a formula of {len(text)} characters is too long, at most {_MOST_CHARACTERS}.")
    found, at = [], 0
    while True:
        match = _token.match(text, at)
        if match is None:
            raise InvalidExpression(
                f"'{text[at:].strip()[:20]}' at character {at + 1} of the formula is not understood."
            )
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        if kind == "end":
            return found
        at = match.end()


class _Reader:
    """Reads a formula by recursive descent; loops of one level do not nest."""

    def __init__(self, text: str, default: str, *, free_is_band: bool) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._default = default
        self._free_is_band = free_is_band

    def read(self) -> Formula:
        formula = self._ternary()
        if self._now.kind != "end":
            raise self._unexpected()
        return formula

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _unexpected(self) -> InvalidExpression:
        found = f"'{self._now.text}'" if self._now.kind != "end" else "the end"
        return InvalidExpression(f"{found} at character {self._now.at + 1} of the formula is not expected there.")

    def _take(self, *signs: str) -> str | None:
        if self._now.kind == "sign" and self._now.text in signs:
            self._at += 1
            return self._tokens[self._at - 1].text
        return None

    def _need(self, sign: str) -> None:
        if self._take(sign) is None:
            raise self._unexpected()

    def _ternary(self) -> Formula:
        self._deeper()
        condition = self._binary(0)
        if self._take("?"):
            first = self._ternary()
            self._need(":")
            second = self._ternary()
            condition = _either(condition, first, second)
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Formula:
        if level == len(_LEVELS):
            return self._unary()
        first = self._binary(level + 1)
        others: list[tuple[str, Formula]] = []
        while sign := self._take(*_LEVELS[level]):
            others.append((_LEVELS[level][sign], self._binary(level + 1)))
        made = _row(first, others) if others else first
        if level == 0 and self._take("="):
            raise InvalidExpression("a formula cannot assign; leave '=' out, or write '=='.")
        return made

    def _unary(self) -> Formula:
        sign = self._take("-", "!", "~", "+")
        if sign is None:
            return self._power()
        self._deeper()
        inner = self._unary()
        self._depth -= 1
        match sign:
            case "-":
                return _two("subtract", lambda _: 0, inner)
            case "!":
                return lambda known: unary("not", _image(inner(known)))
            case "~":
                return _two("subtract", lambda _: -1, inner)
            case _:
                return inner

    def _power(self) -> Formula:
        made = self._postfix()
        if not self._take("**"):
            return made
        self._deeper()
        power = self._unary()
        self._depth -= 1
        return _two("pow", made, power)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise InvalidExpression(f"the formula is nested more than {_MOST_DEPTH} deep.")

    def _postfix(self) -> Formula:
        made = self._atom()
        for links in itertools.count(1):
            if links > _MOST_DEPTH:
                raise InvalidExpression(f"the formula has more than {_MOST_DEPTH} names and calls in a row.")
            if self._take("."):
                if self._now.kind != "name":
                    raise self._unexpected()
                name = self._now.text
                self._at += 1
                called = self._take("(") is not None
                made = _call(name, [made, *self._arguments()]) if called else _picked(made, _same(name))
            elif self._take("["):
                key = self._ternary()
                self._need("]")
                made = _picked(made, key)
            else:
                break
        return made

    def _atom(self) -> Formula:
        token = self._now
        self._at += 1
        match token.kind:
            case "number":
                value = float(int(token.text, 16)) if token.text[:2].lower() == "0x" else float(token.text)
                number = (
                    int(value)
                    if value == int(value) and "." not in token.text and "e" not in token.text.lower()
                    else value
                )
                return lambda _: number
            case "text":
                text = token.text[1:-1]
                return lambda _: text
            case "name" if self._take("("):
                arguments = self._arguments()
                if token.text == "b":
                    return self._band(arguments)
                return _call(token.text, arguments)
            case "name":
                return self._named(token.text)
            case "sign" if token.text == "(":
                made = self._ternary()
                self._need(")")
                return made
            case _:
                self._at -= 1
                raise self._unexpected()

    def _arguments(self) -> list[Formula]:
        found: list[Formula] = []
        if self._take(")"):
            return found
        while True:
            found.append(self._ternary())
            if self._take(")"):
                return found
            self._need(",")

    def _band(self, keys: list[Formula]) -> Formula:
        default = self._default
        return lambda known: _selected(known[default], [key(known) for key in keys])

    def _named(self, name: str) -> Formula:
        default, free = self._default, self._free_is_band

        def value(known: Variables) -> Any:
            if name in known:
                return known[name]
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            if free and default in known:
                return _selected(known[default], [name])
            raise InvalidExpression(f"'{name}' is no variable of the formula; there are {', '.join(known)}.")

        return value


def _image(value: Any) -> ImageValue:
    if isinstance(value, ImageValue):
        return value
    if isinstance(value, int | float):
        return constant_image(value)
    raise InvalidExpression(f"'{str(value)[:40]}' is no value of a formula.")


def _two(name: str, first: Formula, second: Formula) -> Formula:
    return lambda known: binary(name, _image(first(known)), _image(second(known)))


def _same(value: Any) -> Formula:
    return lambda _: value


def _either(condition: Formula, first: Formula, second: Formula) -> Formula:
    return lambda known: _chosen(condition(known), first(known), second(known))


def _row(first: Formula, others: list[tuple[str, Formula]]) -> Formula:
    """Return what functions make of values one after the other, however long the row is."""

    def made(known: Variables) -> Any:
        value = first(known)
        for name, other in others:
            value = binary(name, _image(value), _image(other(known)))
        return value

    return made


def _chosen(condition: Any, first: Any, second: Any) -> ImageValue:
    """Return the first where a condition is not 0, else the second: masked where the condition or that side is."""
    test = binary("neq", _image(condition), constant_image(0))  # a mask is what is more than 0
    yes, no = _spread(_image(first), test), _spread(_image(second), test)
    return blend(update_mask(no, unary("not", test)), update_mask(yes, test))


def _spread(image: ImageValue, other: ImageValue) -> ImageValue:
    """Return an image of one band as often as another has bands, under their names; others as they are."""
    if len(image.bands) != 1 or len(other.bands) <= 1:
        return image
    (only,) = image.bands
    bands = [BandValue(band.name, only.type, only.node, *place_of((band, only))) for band in other.bands]
    return image.with_bands(bands)


def _selected(image: ImageValue, keys: list[Any]) -> ImageValue:
    return image.with_bands(find_bands(image, keys))


def _picked(image: Formula, key: Formula) -> Formula:
    return lambda known: _selected(_image(image(known)), [key(known)])


def _call(name: str, arguments: list[Formula]) -> Formula:
    count = len(arguments)
    if name in _UNARY_FUNCTIONS and count == 1:
        return lambda known: unary(name, _image(arguments[0](known)))
    if name in _BINARY_FUNCTIONS and count >= 2:
        return _row(arguments[0], [(name, other) for other in arguments[1:]])
    if name in _CASTS and count == 1:
        cast = table[f"Image.{name}"].call
        assert cast is not None
        return lambda known: cast(_image(arguments[0](known)))
    known_names = ", ".join((*_UNARY_FUNCTIONS, *_BINARY_FUNCTIONS, *_CASTS))
    raise InvalidExpression(f"'{name}' with {count} arguments is no function of a formula; there are {known_names}.")


@table.listed(
    "Image.parseExpression(expression: String, argName: String, vars: List<String>, "
    "mapFreeVarsToDefaultImageBands: Boolean = false) -> Algorithm"
)
def parse_expression(text: str, default: str, names: list[str], free_is_band: bool) -> FunctionValue:
    """Returns a formula as a function of images by name."""
    formula = _Reader(text, default, free_is_band=free_is_band).read()

    def call(arguments: Mapping[str, Any]) -> ImageValue:
        try:
            return _image(formula({name: _image(value) for name, value in arguments.items() if value is not None}))
        except InvalidExpression as error:  # who calls it does not know the name of a function
            raise InvalidExpression(error.problem, error.function or "Image.parseExpression") from None
        except (OverflowError, RecursionError):
            raise InvalidExpression(
                "the formula is too long or its numbers too large.", "Image.parseExpression"
            ) from None

    return FunctionValue(tuple(dict.fromkeys([default, *names])), call)
