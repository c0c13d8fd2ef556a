"""The parser of formulas such as ``(b('B8') - RED) / 2``, which turns them into functions of images.

The grammar:

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
from rasterwire.expression.functions.image.assembly import constant_image, projection_and_extent
from rasterwire.expression.functions.image.bands import select_bands
from rasterwire.expression.functions.image.masks import blend, update_mask
from rasterwire.expression.language.signature import table
from rasterwire.expression.language.values import BandValue, FunctionValue, ImageValue
from rasterwire.units import plural_text

_token_pattern = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<text>'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<sign>\*\*|\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%<>=!~&|^?:.,()\[\]])"
    r"|(?P<end>$))"
)

_MAX_CHARACTERS = 20_000
"""Characters of the formula of ``Image.parseExpression``."""

_MAX_DEPTH = 60
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
    position: int


def _tokens(text: str) -> list[_Token]:
    if len(text) > _MAX_CHARACTERS:
        raise InvalidExpression(f"a formula of {len(text)} characters is too long, at most {_MAX_CHARACTERS}.")
    tokens, position = [], 0
    while True:
        match = _token_pattern.match(text, position)
        if match is None:
            raise InvalidExpression(
                f"'{text[position:].strip()[:20]}' at character {position + 1} of the formula is not understood."
            )
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        if kind == "end":
            return tokens
        position = match.end()


class _Reader:
    """Reads a formula by recursive descent; a chain of operators of one level is a loop, and takes no stack."""

    def __init__(self, text: str, default: str, *, free_is_band: bool) -> None:
        self._tokens = _tokens(text)
        self._position = 0
        self._depth = 0
        self._default = default
        self._free_is_band = free_is_band

    def read(self) -> Formula:
        formula = self._ternary()
        if self._token.kind != "end":
            raise self._unexpected()
        return formula

    @property
    def _token(self) -> _Token:
        return self._tokens[self._position]

    def _unexpected(self) -> InvalidExpression:
        text = f"'{self._token.text}'" if self._token.kind != "end" else "the end"
        return InvalidExpression(
            f"{text} at character {self._token.position + 1} of the formula is not expected there."
        )

    def _take(self, *signs: str) -> str | None:
        if self._token.kind == "sign" and self._token.text in signs:
            self._position += 1
            return self._tokens[self._position - 1].text
        return None

    def _need(self, sign: str) -> None:
        if self._take(sign) is None:
            raise self._unexpected()

    def _ternary(self) -> Formula:
        self._deeper()
        condition = self._binary(0)
        if self._take("?"):
            true_value = self._ternary()
            self._need(":")
            false_value = self._ternary()
            condition = _conditional(condition, true_value, false_value)
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Formula:
        if level == len(_LEVELS):
            return self._unary()
        operand = self._binary(level + 1)
        operations: list[tuple[str, Formula]] = []
        while sign := self._take(*_LEVELS[level]):
            operations.append((_LEVELS[level][sign], self._binary(level + 1)))
        formula = _chain(operand, operations) if operations else operand
        if level == 0 and self._take("="):
            raise InvalidExpression("a formula cannot assign; leave '=' out, or write '=='.")
        return formula

    def _unary(self) -> Formula:
        sign = self._take("-", "!", "~", "+")
        if sign is None:
            return self._power()
        self._deeper()
        inner = self._unary()
        self._depth -= 1
        match sign:
            case "-":
                return _binary_call("subtract", lambda _: 0, inner)
            case "!":
                return lambda variables: unary("not", _image(inner(variables)))
            case "~":
                return _binary_call("subtract", lambda _: -1, inner)
            case _:
                return inner

    def _power(self) -> Formula:
        base = self._postfix()
        if not self._take("**"):
            return base
        self._deeper()
        power = self._unary()
        self._depth -= 1
        return _binary_call("pow", base, power)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise InvalidExpression(f"the formula is nested more than {_MAX_DEPTH} deep.")

    def _postfix(self) -> Formula:
        formula = self._atom()
        for links in itertools.count(1):
            if links > _MAX_DEPTH:
                raise InvalidExpression(f"the formula has more than {_MAX_DEPTH} names and calls in a row.")
            if self._take("."):
                if self._token.kind != "name":
                    raise self._unexpected()
                name = self._token.text
                self._position += 1
                is_call = self._take("(") is not None
                formula = (
                    _function_call(name, [formula, *self._arguments()])
                    if is_call
                    else _band_of(formula, _literal(name))
                )
            elif self._take("["):
                key = self._ternary()
                self._need("]")
                formula = _band_of(formula, key)
            else:
                break
        return formula

    def _atom(self) -> Formula:
        token = self._token
        self._position += 1
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
                return _function_call(token.text, arguments)
            case "name":
                return self._variable(token.text)
            case "sign" if token.text == "(":
                formula = self._ternary()
                self._need(")")
                return formula
            case _:
                self._position -= 1
                raise self._unexpected()

    def _arguments(self) -> list[Formula]:
        arguments: list[Formula] = []
        if self._take(")"):
            return arguments
        while True:
            arguments.append(self._ternary())
            if self._take(")"):
                return arguments
            self._need(",")

    def _band(self, keys: list[Formula]) -> Formula:
        default = self._default
        return lambda variables: _select(variables[default], [key(variables) for key in keys])

    def _variable(self, name: str) -> Formula:
        default, free_is_band = self._default, self._free_is_band

        def value(variables: Variables) -> Any:
            if name in variables:
                return variables[name]
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            if free_is_band and default in variables:
                return _select(variables[default], [name])
            raise InvalidExpression(
                f"'{name}' is no variable of the formula; the variables are {', '.join(variables)}."
            )

        return value


def _image(value: Any) -> ImageValue:
    if isinstance(value, ImageValue):
        return value
    if isinstance(value, int | float):
        return constant_image(value)
    raise InvalidExpression(f"'{str(value)[:40]}' is not a value that a formula can use.")


def _binary_call(name: str, first: Formula, second: Formula) -> Formula:
    return lambda variables: binary(name, _image(first(variables)), _image(second(variables)))


def _literal(value: Any) -> Formula:
    return lambda _: value


def _conditional(condition: Formula, true_value: Formula, false_value: Formula) -> Formula:
    return lambda variables: _choose(condition(variables), true_value(variables), false_value(variables))


def _chain(first: Formula, operations: list[tuple[str, Formula]]) -> Formula:
    """Return a formula that applies functions from left to right, in a loop: a long chain needs no deep stack."""

    def value(variables: Variables) -> Any:
        result = first(variables)
        for name, operand in operations:
            result = binary(name, _image(result), _image(operand(variables)))
        return result

    return value


def _choose(condition: Any, true_value: Any, false_value: Any) -> ImageValue:
    """Return one value where a condition is not 0, else the other; masked where the condition or the value is."""
    test = binary("neq", _image(condition), constant_image(0))  # a mask needs a value over 0
    yes, no = _spread(_image(true_value), test), _spread(_image(false_value), test)
    return blend(update_mask(no, unary("not", test)), update_mask(yes, test))


def _spread(image: ImageValue, target: ImageValue) -> ImageValue:
    """Repeat the band of an image of one band for each band of another, under its names; else return the image."""
    if len(image.bands) != 1 or len(target.bands) <= 1:
        return image
    (only,) = image.bands
    bands = [BandValue(band.name, only.type, only.node, *projection_and_extent((band, only))) for band in target.bands]
    return image.with_bands(bands)


def _select(image: ImageValue, keys: list[Any]) -> ImageValue:
    return image.with_bands(select_bands(image, keys))


def _band_of(image: Formula, key: Formula) -> Formula:
    return lambda variables: _select(_image(image(variables)), [key(variables)])


def _function_call(name: str, arguments: list[Formula]) -> Formula:
    count = len(arguments)
    if name in _UNARY_FUNCTIONS and count == 1:
        return lambda variables: unary(name, _image(arguments[0](variables)))
    if name in _BINARY_FUNCTIONS and count >= 2:
        return _chain(arguments[0], [(name, argument) for argument in arguments[1:]])
    if name in _CASTS and count == 1:
        cast = table[f"Image.{name}"].call
        assert cast is not None
        return lambda variables: cast(_image(arguments[0](variables)))
    function_names = ", ".join((*_UNARY_FUNCTIONS, *_BINARY_FUNCTIONS, *_CASTS))
    raise InvalidExpression(
        f"'{name}' with {plural_text(count, 'argument')} is no function of formulas; "
        f"the functions are {function_names}."
    )


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
        except InvalidExpression as error:  # the caller does not add the name of a function
            raise InvalidExpression(error.problem, error.function or "Image.parseExpression") from None
        except (OverflowError, RecursionError):
            raise InvalidExpression(
                "the formula is too long or its numbers too large.", "Image.parseExpression"
            ) from None

    return FunctionValue(tuple(dict.fromkeys([default, *names])), call)
