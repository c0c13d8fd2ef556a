"""Graphs keep whole numbers of 64 bits whole, where they do not widen them."""

from pathlib import Path

import numpy as np

from graphs import call, load
from pixel_world import PixelWorld, assert_pixels, random_mask

SHAPE = (24, 31)


def test_stored_values_constants_and_what_replaces_masked_pixels_keep_all_bits(tmp_path: Path) -> None:
    world, valid = PixelWorld(tmp_path), random_mask(3, 0.7)
    values = np.full(SHAPE, 2**53 + 1, "int64")
    values[::2] = 2**63 - 1
    world.add("wide", {"v": values}, valid)
    wide, everywhere = load("wide"), np.ones(SHAPE, bool)
    assert_pixels(world.only(wide), values, valid)
    filled = np.where(valid, values, 2**53 + 3)
    assert_pixels(world.only(call("Image.unmask", input=wide, value=2**53 + 3)), filled, everywhere)
    constant = call("Image.constant", value=2**53 + 3)
    assert_pixels(world.only(constant), np.full_like(values, 2**53 + 3), everywhere)
    most = world.only(call("Image.max", image1=wide, image2=constant))
    assert_pixels(most, np.maximum(values, 2**53 + 3), valid)
    assert_pixels(world.only(call("Image.eq", image1=wide, image2=2**53 + 1)), values == 2**53 + 1, valid)
