"""Numbers and texts of expressions, held against Python's own."""

import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

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
}

UNARY: dict[str, Callable[..., Any]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "abs": abs,
    "exp": math.exp,
    "int": math.trunc,
    "toInt": math.trunc,
    "float": float,
    "double": float,
    "not": operator.not_,
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("left", "right"), [(7, 3), (-7, 3), (7, -3), (2.5, 0.5), (0, 4), (3, 3), (-0.25, -8)])
def test_functions_of_two_numbers_are_those_of_python(name: str, left: float, right: float) -> None:
    assert told(call(f"Number.{name}", left=left, right=right)) == pytest.approx(float(BINARY[name](left, right)))


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("value", [0, 2, -2, 2.5, -2.5, 1e10 / 3e9])
def test_functions_of_a_number_are_those_of_python(name: str, value: float) -> None:
    assert told(call(f"Number.{name}", input=value)) == pytest.approx(float(UNARY[name](value)))


@pytest.mark.parametrize(("name", "of"), [("sqrt", math.sqrt), ("log", math.log), ("log10", math.log10)])
def test_roots_and_logarithms_refuse_what_has_none(name: str, of: Any) -> None:
    assert told(call(f"Number.{name}", input=2.5)) == pytest.approx(of(2.5))
    assert refused(call(f"Number.{name}", input=-1)) == f"Number.{name}: has no value for -1."


@pytest.mark.parametrize(("value", "rounded"), [(2.4, 2), (2.5, 3), (-2.5, -2), (-2.6, -3), (1e300, 1e300)])
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


@pytest.mark.parametrize("pattern", ["%.2f", "%05d", "%d", "%s", "%+.1f", "%8.3e", "%x", "%g", "B%d", "100%% of %d"])
@pytest.mark.parametrize("value", [42, 0, 7])
def test_numbers_are_formatted_as_by_printf(pattern: str, value: int) -> None:
    assert told(call("Number.format", number=value, pattern=pattern)) == pattern % value


@pytest.mark.parametrize("pattern", ["", "%", "%d %d", "%q", "%s%", "%999999999d", "%(a)s", "%*d", "%n"])
def test_patterns_that_format_no_number_are_refused(pattern: str) -> None:
    assert refused(call("Number.format", number=1, pattern=pattern)).startswith("Number.format: ")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_is_told_as_null_and_formatted_without_a_failure(value: float) -> None:
    assert told(call("Number.add", left=value, right=1)) is None
    assert "whole numbers" in refused(call("Number.format", number=value, pattern="%d"))
    assert told(call("String", input=value)) in {"nan", "inf"}


# -- texts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (1, "1"), (1.0, "1"), (2.5, "2.5"), (True, "true"), (-3, "-3"), (1e20, "1e+20")]
)
def test_values_become_texts(value: Any, text: str) -> None:
    assert told(call("String", input=value)) == text


@pytest.mark.parametrize("start", [0, 2, -2, -20, 9])
@pytest.mark.parametrize("end", [None, 0, 3, -1, 20])
def test_slices_of_texts_are_those_of_python(start: int, end: int | None) -> None:
    assert told(call("String.slice", string="Sentinel", start=start, end=end)) == "Sentinel"[start:end]


def test_texts_are_joined_measured_and_change_case() -> None:
    assert told(call("String.cat", string1="B", string2="Ä8")) == "BÄ8"
    assert told(call("String.length", string="Ä8")) == 2
    assert told(call("String.toLowerCase", string="Ä8B")) == "ä8b"
    assert told(call("String.toUpperCase", string="ä8b")) == "Ä8B"


@pytest.mark.parametrize(
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
