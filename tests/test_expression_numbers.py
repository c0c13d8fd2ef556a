"""Numbers and texts of expressions, held against Python's own."""

import json
import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cases import every
from graphs import call, refused, told

BINARY: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "mod": math.fmod,
    "min": min,
    "max": max,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
    "and": lambda a, b: a != 0 and b != 0,
    "or": lambda a, b: a != 0 or b != 0,
    "first": lambda a, b: a,
    "firstNonZero": lambda a, b: a or b,
    "hypot": math.hypot,
    "atan2": lambda x, y: np.angle(complex(x, y)),
    "bitwiseAnd": lambda a, b: int(a) & int(b),
    "bitwiseOr": lambda a, b: int(a) | int(b),
    "bitwiseXor": lambda a, b: int(a) ^ int(b),
}

UNARY: dict[str, Callable[..., Any]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "abs": abs,
    "exp": math.exp,
    "float": np.float32,
    "toFloat": np.float32,
    "double": float,
    "toDouble": float,
    "not": operator.not_,
    "signum": np.sign,
    "bitwiseNot": lambda a: ~int(a),
    "bitCount": lambda a: np.binary_repr(int(a), 64).count("1"),
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "erf", "erfc")},
    "cbrt": np.cbrt,
}

CASTS = {
    "uint8": ("byte", "toByte", "uint8", "toUint8"),
    "int8": ("int8", "toInt8"),
    "uint16": ("uint16", "toUint16"),
    "int16": ("short", "toShort", "int16", "toInt16"),
    "uint32": ("uint32", "toUint32"),
    "int32": ("int", "toInt", "int32", "toInt32"),
    "int64": ("long", "toLong", "int64", "toInt64"),
}


@every("name", BINARY)
@every(("left", "right"), [(7, 3), (-7, 3), (7, -3), (2.5, 0.5), (0, 4), (3, 3), (-0.25, -8)])
def test_functions_of_two_numbers_are_those_of_python(name: str, left: float, right: float) -> None:
    assert told(call(f"Number.{name}", left=left, right=right)) == pytest.approx(float(BINARY[name](left, right)))


@every("name", UNARY)
@every("value", [0, 2, -2, 2.5, -2.5, 1e10 / 3e9])
def test_functions_of_a_number_are_those_of_python(name: str, value: float) -> None:
    assert told(call(f"Number.{name}", input=value)) == pytest.approx(float(UNARY[name](value)))


@every(("dtype", "name"), [(dtype, name) for dtype, names in CASTS.items() for name in names])
def test_casts_are_whole_parts_within_their_type(dtype: str, name: str) -> None:
    limits = np.iinfo(dtype)
    for value in (0, 2.9, -2.9, 127.5, 200, -200, 70_000, -70_000, 3e9, -3e9, 1e30, -1e30):
        expected = min(max(math.trunc(value), int(limits.min)), int(limits.max))
        assert told(call(f"Number.{name}", input=value)) == expected, value
    assert told(call(f"Number.{name}", input=float("nan"))) == 0


@every("name", ["asin", "acos"])
def test_arcs_are_those_of_numbers_within_one(name: str) -> None:
    assert told(call(f"Number.{name}", input=-0.3)) == pytest.approx(getattr(math, name)(-0.3))
    assert refused(call(f"Number.{name}", input=2)) == f"Number.{name}: has no value for 2."


def test_the_gamma_function_has_no_value_at_its_poles() -> None:
    assert told(call("Number.gamma", input=5)) == 24
    assert told(call("Number.gamma", input=-0.5)) == pytest.approx(math.gamma(-0.5))
    for value in (0, -2, 1e6):
        assert refused(call("Number.gamma", input=value)).startswith("Number.gamma: has no value for")


@every("value", [1, -1, 5.9, 2**40 + 1, -(2**40)])
@every("places", [0, 1, 30, 63, 64, -1])
def test_bits_move_within_64(value: float, places: int) -> None:
    bits = np.int64(int(value))
    left = np.left_shift(bits, places) if 0 <= places < 64 else 0
    assert told(call("Number.leftShift", left=value, right=places)) == pytest.approx(float(left))
    right = np.right_shift(bits, min(max(places, 0), 63))
    assert told(call("Number.rightShift", left=value, right=places)) == int(right)


@every(("value", "clamped", "scaled"), [(-1, 0, -0.25), (1, 1, 0.25), (9, 4, 2.25), (4, 4, 1)])
def test_a_number_is_clamped_to_a_range_and_scaled_by_it(value: float, clamped: float, scaled: float) -> None:
    assert told(call("Number.clamp", number=value, min=0, max=4)) == clamped
    assert told(call("Number.unitScale", number=value, min=0, max=4)) == scaled
    assert told(call("Number.unitScale", number=value, min=2, max=2)) == 0


@every(("text", "radix"), [("12", 10), ("-12", 10), ("ff", 16), ("-FF", 16), ("101", 2), ("+zz", 36)])
def test_whole_numbers_are_read_in_any_number_system(text: str, radix: int) -> None:
    assert told(call("Number.parse", input=text, radix=radix)) == int(text, radix)


@every("text", ["1.5", "-.5", "2.", "1e3", "-1.25E-2", "+0"])
def test_decimal_numbers_are_read(text: str) -> None:
    assert told(call("Number.parse", input=text)) == float(text)


@every(
    ("text", "radix"),
    [
        *[(text, 10) for text in ("", "a", "1_0", " 1", "nan", "ff", "9" * 5000)],
        *[("2", 2), ("0b1", 2), ("1.5", 16), ("0x1f", 16), ("1", 1), ("1", 37), ("z" * 1000, 36)],
    ],
)
def test_texts_that_are_no_numbers_are_refused(text: str, radix: int) -> None:
    assert refused(call("Number.parse", input=text, radix=radix)).startswith("Number.parse: ")


@every(("name", "of"), [("sqrt", math.sqrt), ("log", math.log), ("log10", math.log10)])
def test_roots_and_logarithms_refuse_what_has_none(name: str, of: Any) -> None:
    assert told(call(f"Number.{name}", input=2.5)) == pytest.approx(of(2.5))
    assert refused(call(f"Number.{name}", input=-1)) == f"Number.{name}: has no value for -1."


@every(("value", "rounded"), [(2.4, 2), (2.5, 3), (-2.5, -2), (-2.6, -3), (1e300, 1e300)])
def test_halves_are_rounded_up(value: float, rounded: float) -> None:
    assert told(call("Number.round", input=value)) == rounded


def test_a_power_may_be_fractional_but_not_endless() -> None:
    assert told(call("Number.pow", left=2, right=0.5)) == pytest.approx(math.sqrt(2))
    assert refused(call("Number.pow", left=10, right=1e6)).startswith("Number.pow: ")
    assert refused(call("Number.pow", left=-8, right=0.5)).startswith("Number.pow: has no value for -8, 0.5")


def test_a_division_by_zero_is_zero() -> None:
    assert told(call("Number.divide", left=5, right=0)) == 0


def test_a_truth_counts_as_a_number_and_a_text_does_not() -> None:
    assert told(call("Number.add", left=True, right=1)) == 2
    said = refused(call("Number.add", left="1", right=1))
    assert said == "Number.add: Parameter 'left' has to be of type Number, and is a String '1'."


@every("pattern", ["%.2f", "%05d", "%d", "%s", "%+.1f", "%8.3e", "%x", "%g", "B%d", "100%% of %d"])
@every("value", [42, 0, 7])
def test_numbers_are_formatted_as_by_printf(pattern: str, value: int) -> None:
    assert told(call("Number.format", number=value, pattern=pattern)) == pattern % value


@every("pattern", ["", "%", "%d %d", "%q", "%s%", "%999999999d", "%(a)s", "%*d", "%n"])
def test_patterns_that_format_no_number_are_refused(pattern: str) -> None:
    assert refused(call("Number.format", number=1, pattern=pattern)).startswith("Number.format: ")


@every("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_is_told_as_null_and_formatted_without_a_failure(value: float) -> None:
    assert told(call("Number.add", left=value, right=1)) is None
    assert "whole numbers" in refused(call("Number.format", number=value, pattern="%d"))
    assert told(call("String", input=value)) in {"nan", "inf"}


# -- texts -------------------------------------------------------------------------------------


@every(("value", "text"), [("a", "a"), (1, "1"), (1.0, "1"), (2.5, "2.5"), (True, "true"), (-3, "-3"), (1e20, "1e+20")])
def test_values_become_texts(value: Any, text: str) -> None:
    assert told(call("String", input=value)) == text


@every("start", [0, 2, -2, -20, 9])
@every("end", [None, 0, 3, -1, 20])
def test_slices_of_texts_are_those_of_python(start: int, end: int | None) -> None:
    assert told(call("String.slice", string="Sentinel", start=start, end=end)) == "Sentinel"[start:end]


def test_texts_are_joined_measured_and_change_case() -> None:
    assert told(call("String.cat", string1="B", string2="Ä8")) == "BÄ8"
    assert told(call("String.length", string="Ä8")) == 2
    assert told(call("String.toLowerCase", string="Ä8B")) == "ä8b"
    assert told(call("String.toUpperCase", string="ä8b")) == "Ä8B"


@every(
    ("text", "regex", "replacement", "flags", "made"),
    [
        ("a-b-c", "-", "_", None, "a_b-c"),
        ("a-b-c", "-", "_", "g", "a_b_c"),
        ("aXbx", "x", "", "gi", "ab"),
        ("B12_old", "_.*$", "", "", "B12"),
        ("none", "z", "y", "g", "none"),
        ("a.b", r"\.", "$0", "", "a$0b"),
    ],
)
def test_matches_of_a_regular_expression_are_replaced(
    text: str, regex: str, replacement: str, flags: str | None, made: str
) -> None:
    given = {"input": text, "regex": regex, "replacement": replacement, "flags": flags}
    assert told(call("String.replace", **given)) == made


def test_an_expression_that_is_none_is_refused() -> None:
    said = refused(call("String.replace", input="a", regex="(", replacement=""))
    assert said == "String.replace: '(' is no regular expression."


def test_a_text_cannot_grow_without_end() -> None:
    text: Any = "x" * 1000
    for _ in range(12):
        text = call("String.cat", string1=text, string2=text)
    assert "too long" in refused(text)


@every(("first", "second", "sign"), [("a", "b", -1), ("b", "a", 1), ("a", "a", 0), ("a", "ab", -1)])
def test_texts_are_compared(first: str, second: str, sign: int) -> None:
    assert told(call("String.compareTo", string1=first, string2=second)) == sign
    assert told(call("String.equals", reference=first, target=second)) is (sign == 0)
    assert told(call("String.equals", reference="1", target=1)) is False


@every("sought", ["a", "na", "z", "", "banana"])
def test_a_text_is_found_within_another(sought: str) -> None:
    assert told(call("String.index", target="banana", pattern=sought)) == "banana".find(sought)
    assert told(call("String.rindex", target="banana", pattern=sought)) == "banana".rfind(sought)


def test_white_space_is_trimmed_at_both_ends() -> None:
    assert told(call("String.trim", string=" \t a b\n ")) == "a b"


@every(
    ("regex", "flags", "made"),
    [
        ("", None, [""]),
        ("ab", "g", ["ab"]),
        ("ab", "i", ["AB"]),
        ("AB", "ig", ["AB", "ab"]),
        ("[a-z]+[0-9]+", "", ["abc123"]),
        ("abc[^0-9]", "i", ["ABCa"]),
        ("([A-Z]+)(x)?([a-z]+)", "", ["ABCabc", "ABC", None, "abc"]),
        ("z", "g", []),
        ("z", "", []),
    ],
)
def test_matches_of_a_regular_expression_are_listed(regex: str, flags: str | None, made: list[str | None]) -> None:
    # the first ones are the examples of Earth Engine's reference
    assert told(call("String.match", input="ABCabc123", regex=regex, flags=flags)) == made


@every("regex", [",", ",+", "[,b]", "z", "^a", "c$"])
def test_a_text_is_split_at_matches(regex: str) -> None:
    assert told(call("String.split", string="a,b,,cBä,", regex=regex)) == re.split(regex, "a,b,,cBä,")


def test_a_text_is_split_into_characters_and_without_regard_to_case() -> None:
    assert told(call("String.split", string="abä", regex="")) == ["a", "b", "ä"]
    assert told(call("String.split", string="aXbxc", regex="x", flags="i")) == ["a", "b", "c"]
    assert told(call("String.split", string="", regex=",")) == [""]
    assert refused(call("String.split", string="a", regex="(")).endswith("is no regular expression.")
    assert refused(call("String.match", input="a", regex="a", flags="m")).startswith("String.match: 'm' is no flag")


def test_groups_of_a_long_text_are_limited() -> None:
    said = refused(call("String.match", input="x" * 100_000, regex="(" * 50 + ".*" + ")" * 50))
    assert said == "String.match: matches of over 1000000 characters are too long."


@every("value", ['ä"\n', 1, 2.5, True, None, [], {}, [1, ["a", None]], {"b": [1.5, {}], "a": False}])
def test_values_are_encoded_as_json_and_decoded_again(value: Any) -> None:
    text = json.dumps(value)
    assert told(call("String.decodeJSON", string=text)) == value
    if value is not None:
        made = told(call("String.encodeJSON", object=value))
        assert made == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@every("text", ["", "{", "NaN", "[Infinity]", "'a'", "[1,]", "1 2", "9" * 5000])
def test_texts_that_are_no_json_are_refused(text: str) -> None:
    assert refused(call("String.decodeJSON", string=text)) == f"String.decodeJSON: '{text[:60]}' is no JSON."


def test_json_does_not_grow_without_end() -> None:
    long = call("String.cat", string1="x" * 1000, string2="")
    assert "too long" in refused(call("String.encodeJSON", object=[long] * 1001))
    assert refused(call("String.decodeJSON", string="[" * 100_000)).startswith("String.decodeJSON: ")
    assert "has no JSON" in refused(call("String.encodeJSON", object=[call("Date", value=0)]))
    assert "has no JSON" in refused(call("String.encodeJSON", object=float("nan")))


def test_whole_numbers_of_64_bits_are_not_rounded() -> None:
    wide = 2**53 + 1
    assert told(wide) == wide
    assert told(call("Number.add", left=wide, right=2)) == wide + 2
    assert told(call("Number.subtract", left=2**63 - 1, right=1)) == 2**63 - 2
    assert told(call("Number.multiply", left=wide, right=3)) == 3 * wide
    assert told(call("Number.eq", left=wide, right=2**53)) == 0
    assert told(call("Number.max", left=wide, right=2**53)) == wide
    assert told(call("Number.bitwiseXor", left=wide, right=1)) == 2**53
    assert told(call("Number.multiply", left=2**62, right=4)) == 2.0**64  # beyond what 64 bits hold
    assert told(call("Number.add", left=wide, right=0.5)) == float(wide) + 0.5
