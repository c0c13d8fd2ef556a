"""Casts and ranges of pixels, against Python's own numbers and numpy."""

from fractions import Fraction

import numpy as np
import pytest

from cases import every
from graphs import call, load
from pixel_world import DTYPES, Array, PixelWorld, assert_pixels, random_data, random_mask
from rasterwire.errors import InvalidExpression

NEAR = {"float32": 3e-6, "float64": 1e-12}
VALID = random_mask(0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("casts"))
    for dtype in DTYPES:
        world.add(f"a_{dtype}", {"v": random_data(dtype, 0)}, VALID)
    return world


CASTS = {
    "uint8": ("toUint8", "uint8", "toByte", "byte"),
    "int8": ("toInt8", "int8"),
    "uint16": ("toUint16", "uint16"),
    "int16": ("toInt16", "int16", "toShort", "short"),
    "uint32": ("toUint32", "uint32"),
    "int32": ("toInt32", "int32", "toInt", "int"),
    "int64": ("toInt64", "int64", "toLong", "long"),
    "float32": ("toFloat", "float"),
    "float64": ("toDouble", "double"),
}


@every("target", CASTS)
@every("dtype", DTYPES)
def test_a_cast_takes_whole_parts_and_the_nearest_value_that_the_type_has(
    made: PixelWorld, dtype: str, target: str
) -> None:
    values = random_data(dtype, 0)
    if np.dtype(target).kind == "f":
        wanted: Array = values.astype(target)
    else:
        limits = np.iinfo(target)
        plain = [min(max(int(Fraction(v)), int(limits.min)), int(limits.max)) for v in values.ravel().tolist()]
        wanted = np.array(plain, target).reshape(values.shape)
    for name in CASTS[target]:
        found = made.only(call(f"Image.{name}", value=load(f"a_{dtype}")))
        assert found.data.dtype == target
        np.testing.assert_array_equal(found.data[VALID], wanted[VALID])


@every("target", CASTS)
def test_casts_of_what_is_no_number_and_of_what_has_no_end(made: PixelWorld, target: str) -> None:
    if np.dtype(target).kind == "f":
        return
    limits = np.iinfo(target)
    for value, wanted in (
        (call("Image.log", value=-1), 0),
        (call("Image.divide", image1=call("Image.log", value=0), image2=1), limits.min),
        (call("Image.multiply", image1=call("Image.log", value=0), image2=-1), limits.max),
        (1e30, limits.max),
        (-1e30, limits.min),
        (-0.9, 0),
    ):
        found = made.only(call(f"Image.{CASTS[target][0]}", value=value))
        assert found.data[0, 0] == wanted, value


@every("ends", [(10, 100), (-5, 5), (0.5, 90.25), (300, 400), (-1000, -900), (0, 1e9), (-1e9, 7)])
@every("dtype", DTYPES)
def test_clamp_takes_the_nearest_value_of_a_range(made: PixelWorld, dtype: str, ends: tuple[float, float]) -> None:
    low, high = ends
    wanted = np.clip(random_data(dtype, 0).astype(np.float64), low, high)
    found = made.only(call("Image.clamp", input=load(f"a_{dtype}"), low=low, high=high))
    assert_pixels(found, wanted, VALID, rtol=NEAR.get(str(found.data.dtype), 0.0))


@every("dtype", DTYPES)
def test_unit_scale_maps_a_range_to_0_and_1(made: PixelWorld, dtype: str) -> None:
    found = made.only(call("Image.unitScale", input=load(f"a_{dtype}"), low=-3, high=17))
    assert found.data.dtype.kind == "f"
    near = NEAR.get(str(found.data.dtype), 0.0)
    assert_pixels(found, (random_data(dtype, 0).astype(np.float64) + 3) / 20, VALID, rtol=near, atol=near)


def test_ranges_that_are_none_are_refused(made: PixelWorld) -> None:
    with pytest.raises(InvalidExpression, match=r"^Image\.clamp: "):
        made.value(call("Image.clamp", input=1, low=5, high=4))
    with pytest.raises(InvalidExpression, match=r"^Image\.unitScale: "):
        made.value(call("Image.unitScale", input=1, low=4, high=4))
