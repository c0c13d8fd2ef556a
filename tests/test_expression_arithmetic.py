"""Functions of pixels at the same place, against numpy."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cases import every
from graphs import call, load
from pixel_world import DTYPES, Array, PixelWorld, assert_pixels, random_data, random_mask
from rasterwire.errors import InvalidExpression
from rasterwire.nodes.pixel_type import PixelType

PAIRS = list(itertools.product(DTYPES, DTYPES))
IDS = ["-".join(pair) for pair in PAIRS]
BINARY = (
    "add", "subtract", "multiply", "divide", "mod", "pow", "min", "max", "hypot", "atan2", "gt", "gte", "lt", "lte",
    "eq", "neq", "and", "or", "bitwiseAnd", "bitwiseOr", "bitwiseXor", "leftShift", "rightShift",
)  # fmt: skip
UNARY: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs, "round": lambda a: np.floor(a + 0.5), "floor": np.floor, "ceil": np.ceil, "not": lambda a: a == 0,
    "signum": np.sign, "sqrt": np.sqrt, "cbrt": np.cbrt, "exp": np.exp, "log": np.log, "log10": np.log10,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
}  # fmt: skip
KEEPING = {"abs", "round", "floor", "ceil"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("arithmetic"))
    for seed, side in enumerate("ab"):
        for dtype in DTYPES:
            world.add(f"{side}_{dtype}", {"v": random_data(dtype, seed)}, random_mask(seed))
    for name, count in (("two", 2), ("three", 3)):
        world.add(name, {f"{name}{at}": np.full((24, 31), 10 * at + count, "uint8") for at in range(count)})
    world.add("turned", {"two1": np.full((24, 31), 5, "uint8"), "two0": np.full((24, 31), 7, "uint8")})
    return world


def data(side: str, dtype: str) -> Array:
    return random_data(dtype, "ab".index(side))


BOTH_VALID = random_mask(0) & random_mask(1)


def exact(values: Array) -> Array:
    """Whole numbers as Python's, which have no end; floats as they are."""
    return values.astype(object) if values.dtype.kind in "iu" else values.astype(np.float64)


def wrapped(values: Array) -> Array:
    """As whole numbers of 64 bits."""
    return ((values.astype(object) + (1 << 63)) % (1 << 64) - (1 << 63)).astype(np.int64)


def truncated(values: Array) -> Array:
    return np.trunc(values).astype(np.int64)


def expected(name: str, a: Array, b: Array) -> Array:
    f, g = a.astype(np.float64), b.astype(np.float64)
    made: Array = _EXPECTED[name](a, b) if name in _WHOLE else _EXPECTED[name](f, g)
    return made


def _shifted_left(i: Array, j: Array) -> Array:
    return wrapped(np.array([v << s if 0 <= s < 64 else 0 for v, s in pairs(i, j)], object).reshape(i.shape))


def _shifted_right(i: Array, j: Array) -> Array:
    return np.array([v >> min(max(s, 0), 63) for v, s in pairs(i, j)]).reshape(i.shape)


_WHOLE: dict[str, Callable[[Array, Array], Array]] = {  # of values as they are stored
    "add": lambda a, b: np.asarray(exact(a) + exact(b), np.float64),
    "subtract": lambda a, b: np.asarray(exact(a) - exact(b), np.float64),
    "multiply": lambda a, b: np.asarray(exact(a) * exact(b), np.float64),
    "bitwiseAnd": lambda a, b: truncated(a) & truncated(b),
    "bitwiseOr": lambda a, b: truncated(a) | truncated(b),
    "bitwiseXor": lambda a, b: truncated(a) ^ truncated(b),
    "leftShift": lambda a, b: _shifted_left(truncated(a), truncated(b)),
    "rightShift": lambda a, b: _shifted_right(truncated(a), truncated(b)),
}
_EXPECTED: dict[str, Callable[[Array, Array], Array]] = _WHOLE | {  # of doubles
    "divide": lambda f, g: np.where(g == 0, 0, f / np.where(g == 0, 1, g)),
    "mod": lambda f, g: np.where(g == 0, 0, np.fmod(f, np.where(g == 0, 1, g))),
    "pow": lambda f, g: f**g,
    "min": lambda f, g: np.where(f < g, f, g),
    "max": lambda f, g: np.where(f > g, f, g),
    "hypot": lambda f, g: np.sqrt(f * f + g * g),
    "atan2": lambda f, g: np.arctan2(g, f),
    "gt": lambda f, g: (f > g).astype(float),
    "gte": lambda f, g: (f >= g).astype(float),
    "lt": lambda f, g: (f < g).astype(float),
    "lte": lambda f, g: (f <= g).astype(float),
    "eq": lambda f, g: (f == g).astype(float),
    "neq": lambda f, g: (f != g).astype(float),
    "and": lambda f, g: ((f != 0) & (g != 0)).astype(float),
    "or": lambda f, g: ((f != 0) | (g != 0)).astype(float),
}


def pairs(i: Array, j: Array) -> list[tuple[int, int]]:
    return list(zip(i.ravel().tolist(), j.ravel().tolist(), strict=True))


def tolerance(dtype: np.dtype[Any]) -> float:
    return {"f4": 3e-6, "f8": 1e-12}.get(dtype.str[1:], 0.0)


@every("name", BINARY)
@every(("one", "other"), PAIRS)
def test_a_function_of_two_images_is_what_numpy_makes_of_wide_numbers(
    made: PixelWorld, name: str, one: str, other: str
) -> None:
    a, b = data("a", one), data("b", other)
    found = made.only(call(f"Image.{name}", image1=load(f"a_{one}"), image2=load(f"b_{other}")))
    with np.errstate(all="ignore"):
        wanted = expected(name, a, b)
        narrow = found.data.dtype == np.float32
        if narrow:  # what is too great for the type
            wanted = wanted.astype(np.float32)
    some = np.abs(a.astype(float)) + np.abs(b.astype(float))
    # a float32 next to a large whole number: the number is rounded before
    rounding = (
        1.2e-7 * float(np.max(some, where=BOTH_VALID, initial=0)) if narrow and name in {"add", "subtract"} else 0
    )
    if narrow and name == "mod":
        rounded = np.fmod(a.astype(np.float32), np.where(b == 0, 1, b).astype(np.float32))
        wanted = np.where(b == 0, 0, rounded)
    assert_pixels(found, wanted, BOTH_VALID, rtol=tolerance(found.data.dtype), atol=rounding, case=(name, one, other))


@every("name", ["add", "subtract", "multiply"])
@every(("one", "other"), PAIRS)
def test_the_range_of_a_result_is_that_of_the_results_of_the_ends(
    made: PixelWorld, name: str, one: str, other: str
) -> None:
    kind = made.image(call(f"Image.{name}", image1=load(f"a_{one}"), image2=load(f"b_{other}")))
    found = kind.bands[0].type
    if "float" in one + other:
        assert found.precision == ("double" if "float64" in {one, other} else "float")
        return
    ends = [
        {"add": p + q, "subtract": p - q, "multiply": p * q}[name]
        for p in (np.iinfo(one).min, np.iinfo(one).max)
        for q in (np.iinfo(other).min, np.iinfo(other).max)
    ]
    assert found == PixelType("int", min(map(int, ends)), max(map(int, ends)))


@every(("one", "other"), PAIRS)
def test_quotients_are_floats_and_comparisons_0_or_1(made: PixelWorld, one: str, other: str) -> None:
    sides = {"image1": load(f"a_{one}"), "image2": load(f"b_{other}")}
    precision = "double" if "float64" in {one, other} else "float"
    assert made.image(call("Image.divide", **sides)).bands[0].type.precision == precision
    for name in ("gt", "gte", "lt", "lte", "eq", "neq", "and", "or"):
        assert made.image(call(f"Image.{name}", **sides)).bands[0].type == PixelType("int", 0, 1)


@every("name", UNARY)
@every("dtype", DTYPES)
def test_a_function_of_one_image_is_numpys(made: PixelWorld, name: str, dtype: str) -> None:
    values = data("a", dtype)
    found = made.only(call(f"Image.{name}", value=load(f"a_{dtype}")))
    with np.errstate(all="ignore"):
        wide = values.astype(np.float64)
        wanted = np.asarray(UNARY[name](wide), float)
        if found.data.dtype == np.float32:
            wanted = wanted.astype(np.float32)
            if name in {"sin", "cos", "tan"}:  # of large numbers
                wanted = np.asarray(UNARY[name](values.astype(np.float32)), float)
    near = {np.dtype("f4"): 2e-5, np.dtype("f8"): 1e-12}.get(found.data.dtype, 0.0)
    assert_pixels(found, wanted, random_mask(0), rtol=near, atol=near / 100, case=(name, dtype))
    if name in KEEPING and np.dtype(dtype).kind in "iu":
        assert found.data.dtype.kind in "iu"


def test_roots_and_logarithms_of_negatives_are_not_numbers_and_those_of_nothing_infinite(made: PixelWorld) -> None:
    for name in ("sqrt", "log", "log10"):
        assert np.isnan(made.only(call(f"Image.{name}", value=-4)).data).all()
    assert (made.only(call("Image.log", value=0)).data == -np.inf).all()


def test_a_half_is_rounded_up(made: PixelWorld) -> None:
    for value, wanted in ((2.5, 3), (-2.5, -2), (0.49999999999999994, 0), (-0.5, 0), (3.4999, 3)):
        assert_pixels(made.only(call("Image.round", value=value)), np.asarray(wanted), case=value)


@every("constant", [0, 7, -3, 300, 2.5, 70_000, -1e-3, 1 << 40])
@every("dtype", DTYPES)
@every("name", ["add", "subtract", "multiply", "divide", "mod", "min", "max", "lt", "eq"])
def test_a_number_is_a_constant_image(made: PixelWorld, name: str, dtype: str, constant: float) -> None:
    values = data("a", dtype)
    other = np.full(values.shape, constant)
    for turned in (False, True):
        first, second = (constant, load(f"a_{dtype}"))[:: 1 if turned else -1]
        found = made.only(call(f"Image.{name}", image1=first, image2=second))
        narrow = found.data.dtype == np.float32
        a, b = (other, values) if turned else (values, other)
        with np.errstate(all="ignore"):
            wanted = expected(name, a, b)
            if narrow and name == "mod":
                b32 = b.astype(np.float32)
                wanted = np.where(b32 == 0, 0, np.fmod(a.astype(np.float32), np.where(b32 == 0, 1, b32)))
            if narrow and name in {"add", "subtract"}:
                wanted = expected(name, a.astype(np.float32), b.astype(np.float32))
        largest = float(np.max(np.abs(wanted), where=random_mask(0), initial=0))
        near = tolerance(found.data.dtype)
        assert_pixels(found, wanted, random_mask(0), rtol=near, atol=near * largest if narrow else 0.0, case=turned)


def test_bands_meet_by_name_by_order_and_one_meets_all(made: PixelWorld) -> None:
    two, three, turned = (load(name) for name in ("two", "three", "turned"))
    by_name = made.pixels(call("Image.subtract", image1=two, image2=turned))
    assert {name: int(p.data[0, 0]) for name, p in by_name.items()} == {"two0": 2 - 7, "two1": 12 - 5}
    other_names = call("Image.rename", input=turned, names=["p", "q"])
    by_order = made.pixels(call("Image.subtract", image1=two, image2=other_names))
    assert {name: int(p.data[0, 0]) for name, p in by_order.items()} == {"two0": 2 - 5, "two1": 12 - 7}
    many_one = made.pixels(call("Image.subtract", image1=three, image2=1))
    assert {name: int(p.data[0, 0]) for name, p in many_one.items()} == {"three0": 2, "three1": 12, "three2": 22}
    one_many = made.pixels(call("Image.subtract", image1=1, image2=three))
    assert {name: int(p.data[0, 0]) for name, p in one_many.items()} == {"three0": -2, "three1": -12, "three2": -22}
    with pytest.raises(InvalidExpression, match=r"^Image\.add: .*2 and 3"):
        made.value(call("Image.add", image1=two, image2=three))


def test_bits_of_numbers_of_64_bits_are_all_kept(made: PixelWorld) -> None:
    number = (1 << 62) + 12345
    wide = call("Image.toInt64", value=call("Image.constant", value=number))
    for name, wanted in (
        ("bitwiseAnd", number & 0xFFFF),
        ("bitwiseOr", number | 0xFFFF),
        ("bitwiseXor", number ^ 0xFFFF),
    ):
        assert int(made.only(call(f"Image.{name}", image1=wide, image2=0xFFFF)).data[0, 0]) == wanted
    assert int(made.only(call("Image.bitwise_and", image1=wide, image2=255)).data[0, 0]) == number & 255
