"""Formulas in words, against numpy that follows the tree they were written from."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cases import every
from effort import effort
from graphs import Value, call, load
from pixel_world import Array, PixelWorld, assert_pixels, random_mask
from rasterwire.errors import InvalidExpression
from rasterwire.pixels import Pixels

SHAPE = (24, 31)
DICE = np.random.default_rng(200)
BANDS: dict[str, Array] = {name: DICE.integers(0, 9, SHAPE).astype("uint8") for name in ("B4", "B5", "B8")}
NIR: Array = DICE.normal(0, 4, SHAPE)
VALID = random_mask(200)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("formula"))
    world.add("scene", BANDS, VALID)
    world.add("nir", {"n": NIR})
    return world


def formula(text: str, **more: Any) -> Value:
    function = call("Image.parseExpression", expression=text, argName="DEFAULT", vars=["DEFAULT", "NIR"], **more)
    return call(function, DEFAULT=load("scene"), NIR=load("nir"))


def found(made: PixelWorld, text: str, valid: Any = VALID, **more: Any) -> Array:
    pixels = made.only(formula(text, **more))
    np.testing.assert_array_equal(pixels.valid, np.broadcast_to(valid, SHAPE), err_msg=text)
    return pixels.data.astype(float)


# -- trees at random ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Tree:
    """A value with the text that stands for it, and how tightly the text holds together."""

    text: str
    value: Array
    tightness: int


def whole(a: Array) -> Array:
    return np.trunc(a).astype(np.int64)


def quotient(a: Array, b: Array) -> Array:
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))


def remainder(a: Array, b: Array) -> Array:
    return np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b)))


OPERATORS: dict[str, tuple[int, Callable[[Array, Array], Array]]] = {  # looser first, as in C
    "||": (1, lambda a, b: (a != 0) | (b != 0)), "&&": (2, lambda a, b: (a != 0) & (b != 0)),
    "&": (3, lambda a, b: whole(a) & whole(b)), "|": (3, lambda a, b: whole(a) | whole(b)),
    "^": (3, lambda a, b: whole(a) ^ whole(b)), "==": (4, np.equal), "!=": (4, np.not_equal), "<": (5, np.less),
    "<=": (5, np.less_equal), ">": (5, np.greater), ">=": (5, np.greater_equal), "+": (7, np.add),
    "-": (7, np.subtract), "*": (8, np.multiply), "/": (8, quotient), "%": (8, remainder),
}  # fmt: skip
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs, "floor": np.floor, "ceil": np.ceil, "sin": np.sin, "cos": np.cos, "atan": np.arctan,
    "tanh": np.tanh, "cbrt": np.cbrt, "round": lambda a: np.floor(a + 0.5), "int": np.trunc, "double": lambda a: a,
    "byte": lambda a: np.clip(np.trunc(a), 0, 255), "int16": lambda a: np.clip(np.trunc(a), -32768, 32767),
}  # fmt: skip
PAIRED: dict[str, Callable[[Array, Array], Array]] = {"min": np.minimum, "max": np.maximum, "hypot": np.hypot}
LEAVES: list[tuple[str, Array]] = [
    ("b(0)", BANDS["B4"]), ("b('B5')", BANDS["B5"]), ('b("B8")', BANDS["B8"]), ("DEFAULT.B8", BANDS["B8"]),
    ("DEFAULT['B4']", BANDS["B4"]), ("DEFAULT[1]", BANDS["B5"]), ("NIR", NIR), ("NIR.n", NIR),
    ("3", np.array(3)), ("2.5", np.array(2.5)), (".75", np.array(0.75)), ("1e1", np.array(10)), ("0x1F", np.array(31)),
]  # fmt: skip


def held(tree: Tree, at_least: int) -> str:
    return tree.text if tree.tightness >= at_least else f"({tree.text})"


def grown(dice: random.Random, depth: int) -> Tree:
    if depth == 0 or dice.random() < 0.1:
        text, value = dice.choice(LEAVES)
        return Tree(text, np.broadcast_to(value.astype(float), SHAPE), 12)
    kind = dice.random()
    first = grown(dice, depth - 1)
    if kind < 0.55:
        sign, (tightness, one) = dice.choice(list(OPERATORS.items()))
        second = grown(dice, depth - 1)
        if sign in "&|^":  # of numbers that are sure to be whole
            first, second = (Tree(f"byte({t.text})", FUNCTIONS["byte"](t.value), 12) for t in (first, second))
        gap = dice.choice(["", " ", "  "])
        text = f"{held(first, tightness)}{gap}{sign}{gap}{held(second, tightness + 1)}"
        return Tree(text, one(first.value, second.value).astype(float), tightness)
    if kind < 0.75:
        name = dice.choice(list(FUNCTIONS))
        return Tree(f"{name}({first.text})", FUNCTIONS[name](first.value), 12)
    if kind < 0.85:
        name, second = dice.choice(list(PAIRED)), grown(dice, depth - 1)
        text = (
            f"{name}({first.text}, {second.text})" if dice.random() < 0.5 else f"({first.text}).{name}({second.text})"
        )
        return Tree(text, PAIRED[name](first.value, second.value), 12)
    if kind < 0.92:
        sign = dice.choice("-!+")
        value = {"-": -first.value, "!": (first.value == 0).astype(float), "+": first.value}[sign]
        return Tree(f"{sign}{held(first, 12)}", value, 9)
    second, third = grown(dice, depth - 1), grown(dice, depth - 1)
    value = np.where(first.value != 0, second.value, third.value)
    return Tree(f"{held(first, 1)} ? {held(second, 1)} : {third.text}", value, 0)


@every("seed", range(120))
def test_a_formula_at_random_is_what_numpy_makes_of_its_tree(made: PixelWorld, seed: int) -> None:
    tree = grown(random.Random(seed), 4)
    pixels = made.only(formula(tree.text))
    assert pixels.valid[VALID].all()
    np.testing.assert_allclose(
        pixels.data[VALID].astype(float), tree.value[VALID], rtol=2e-5, atol=1e-4, err_msg=tree.text
    )


# -- one by one --------------------------------------------------------------------------------

FOUR, FIVE, EIGHT = (BANDS[name].astype(float) for name in ("B4", "B5", "B8"))


@every(
    ("text", "wanted"),
    [
        ("b('B4') + b('B5') * b('B8')", FOUR + FIVE * EIGHT),
        ("b(0) - b(1) - b(2)", FOUR - FIVE - EIGHT),
        ("-b(0) ** 2", -(FOUR**2)),
        ("b(0) * 0 + 2 ** 3 ** 2", np.full(SHAPE, 512.0)),
        ("b(0) * 0 + 2 ** -1", np.full(SHAPE, 0.5)),
        ("b(0) & 1 == 1", whole(FOUR) & 1),
        ("b(0) < b(1) == 1", FOUR < FIVE),
        ("1 << b(0) + 1", 1 << whole(FOUR) + 1),
        ("256 >> b(0)", 256 >> whole(FOUR)),
        ("b(0) > 4 ? b(1) > 4 ? 1 : 2 : 3", np.where(FOUR > 4, np.where(FIVE > 4, 1, 2), 3)),
        ("~b(0)", ~whole(FOUR)),
        ("!!b(0)", FOUR != 0),
        ("max(b(0), b(1), b(2), 3)", np.maximum.reduce([FOUR, FIVE, EIGHT, np.full(SHAPE, 3.0)])),
        ("sqrt(pow(b(0), 2))", FOUR),
        ("b(0) * PI + E", FOUR * np.pi + np.e),
        ("b('B.*')[2]", EIGHT),
    ],
)
def test_precedence_is_that_of_c(made: PixelWorld, text: str, wanted: Array) -> None:
    np.testing.assert_allclose(found(made, text)[VALID], np.asarray(wanted, float)[VALID], rtol=1e-6)


def test_a_conditional_is_masked_where_its_condition_or_the_chosen_side_is(made: PixelWorld) -> None:
    first = call("Image.select", input=load("scene"), bandSelectors=["B4"])
    hidden = call("Image.updateMask", image=first, mask=call("Image.gt", image1=first, image2=5))

    def chosen(text: str) -> Pixels:
        function = call("Image.parseExpression", expression=text, argName="A", vars=["A", "H"])
        return made.only(call(function, A=first, H=hidden))

    shown = chosen("A > 3 ? H : 7")
    there = VALID & ((FOUR > 5) | (FOUR <= 3))
    np.testing.assert_array_equal(shown.valid, there)
    np.testing.assert_array_equal(shown.data[there], np.where(FOUR > 3, FOUR, 7)[there])
    np.testing.assert_array_equal(chosen("A > 5 ? 7 : H").valid, VALID & (FOUR > 5))
    np.testing.assert_array_equal(chosen("A > 3 ? 7 : H").valid, VALID & (FOUR > 3))


def test_free_names_are_bands_where_asked(made: PixelWorld) -> None:
    np.testing.assert_array_equal(
        found(made, "B4 + B5", mapFreeVarsToDefaultImageBands=True)[VALID], (FOUR + FIVE)[VALID]
    )


@every(
    "text",
    [
        "", "(", ")", "b(0", "b(0))", "1 +", "* 2", "1 2", "b(0) = 3", "x = b(0)", "unknown + 1", "eval('1')", "1 ? 2",
        "b(0) # 1", "b('no')", "b(7)", "'text'", "abs()", "abs(1, 2)", "import os", "NIR.", "NIR.missing", "b(0)[",
        "1..2", "__import__('os')", "1e999", "0x", "a" * 30_000, "lambda: 1", "b(0); b(1)", "\x00", "½",
        "(" * 9_000 + "1" + ")" * 9_000, "[" * 10_000, "-" * 10_000 + "1", "!" * 9_999 + "1", "2**" * 5_000 + "2",
        "1?" * 5_000 + "1", "1?1:" * 3_000 + "1", "abs(" * 4_000 + "1" + ")" * 4_000, "NIR" + ".abs()" * 3_000,
        "NIR" + ".n" * 8_000, "(" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_formula_is_told_so_at_once_in_a_sentence(made: PixelWorld, text: str) -> None:
    made.world.image("scene")  # looked up before

    with effort() as counted, pytest.raises(InvalidExpression) as caught:
        made.value(formula(text))
    assert caught.value.function.startswith("Image.")
    assert len(str(caught.value)) < 400
    assert counted.calls < 300_000


@every("count", [1, 2, 61, 2_000])
def test_rows_of_one_sign_may_be_long(made: PixelWorld, count: int) -> None:
    assert found(made, "+".join(["1"] * count), True)[0, 0] == count
    assert found(made, f"max({','.join(map(str, range(2, count + 2)))}, 0)", True)[0, 0] == count + 1


def test_a_formula_is_a_function_that_can_be_called_again(made: PixelWorld) -> None:
    function = call("Image.parseExpression", expression="v * 2", argName="v", vars=["v"])
    once = call(function, v=load("nir"))
    twice = call(function, v=once)
    assert_pixels(made.only(twice), NIR * 4)
