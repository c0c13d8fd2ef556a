"""Pixels do not depend on the block they are computed with: graphs at random, in one piece and in odd ones."""

import random
from typing import Any

import pytest
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from cases import every
from graph_steps import NAMES, STEPS, collection
from graphs import call, load
from pixel_world import GRID, UTM, PixelWorld, assert_pixels, assert_same_in_pieces, random_data, random_mask
from rasterwire.expression.functions.image import neighbourhood
from rasterwire.pixels import Pixels
from rasterwire.render import computed
from rasterwire.render.band import render_band

GRIDS = {
    "own": GRID,
    "wider": GeoBox((35, 45), GRID.affine @ Affine.translation(-6, -7), UTM),
    "fine": GeoBox((50, 63), Affine(4.1, 0, 500_023, 0, -3.9, 5_001_960), UTM),
    "degrees": GeoBox((41, 47), Affine(9.1e-5, 0, 14.9998, 0, -7.3e-5, 45.1718), CRS("EPSG:4326")),
    "turned": GeoBox((43, 37), Affine(6.1, 2.2, 500_010, 2.1, -6.3, 5_001_950), UTM),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("blocks"))
    world.add("byte", {"v": random_data("uint8", 100)}, random_mask(100))
    world.add("short", {"v": random_data("int16", 101)}, random_mask(101, 0.6))
    moved = GeoBox((24, 31), GRID.affine @ Affine.translation(9, 7), UTM)
    world.add("float", {"v": random_data("float32", 102)}, random_mask(102), moved)
    world.add("other", {"v": random_data("uint8", 103)}, random_mask(103))
    coarse = GeoBox((7, 9), Affine(40, 0, 499_980, 0, -40, 5_002_010), UTM)
    world.add("coarse", {"v": random_data("uint16", 104, (7, 9))}, grid=coarse)
    return world


@pytest.mark.slow
@every("seed", range(48))
def test_a_graph_at_random_has_the_same_pixels_in_pieces(made: PixelWorld, seed: int) -> None:
    dice = random.Random(seed)
    names = [list(STEPS)[seed % len(STEPS)], *dice.choices(list(STEPS), k=dice.randint(1, 3))]
    expression = load(dice.choice(NAMES))
    for name in names:
        expression = STEPS[name](dice, expression)
    grid = GRIDS[dice.choice(list(GRIDS))]
    cuts = sorted(dice.sample(range(1, 45), 3))
    assert_same_in_pieces(made, made.image(expression), grid, cuts)


@every("name", STEPS)
@every("grid", GRIDS)
def test_each_kind_of_step_has_the_same_pixels_in_pieces(made: PixelWorld, name: str, grid: str) -> None:
    dice = random.Random(f"{name}-{grid}")
    image = made.image(STEPS[name](dice, load("byte")))
    whole = assert_same_in_pieces(made, image, GRIDS[grid], [1, 7, 16, 17, 30])
    assert whole.valid.any()


def test_a_coarse_projection_of_a_small_scene_is_seen_beyond_the_scene(made: PixelWorld) -> None:
    large = call(
        "Image.reproject",
        image=call("Image.unmask", input=load("byte")),
        crs="EPSG:32633",
        crsTransform=[600, 0, 499_860, 0, -600, 5_002_180],
    )
    grid = GeoBox((70, 70), Affine(10, 0, 499_800, 0, -10, 5_002_250), UTM)
    composite = call("ImageCollection.mosaic", collection=call("ImageCollection.fromImages", images=[large]))
    whole = assert_same_in_pieces(made, made.image(composite), grid, [3, 6, 40, 66])
    assert whole.valid.sum() == 3600  # the only pixel, whose centre is in the scene


def test_the_best_image_is_the_best_in_every_block(made: PixelWorld) -> None:
    rated = [
        call("Image.addBands", dstImg=call("Image.rename", input=load(name), names=["v"]), srcImg=quality)
        for name, quality in (("byte", call("Image.constant", value=1)), ("float", call("Image.constant", value=2)))
    ]
    images = call("ImageCollection.fromImages", images=rated)
    best = call("ImageCollection.qualityMosaic", collection=images, qualityBand="constant")
    only = call("Image.select", input=best, bandSelectors=["v"])
    assert_same_in_pieces(made, made.image(only), GRIDS["wider"], [2, 5, 9, 33])


@every("at_once", [7, 1000])
def test_sorted_values_do_not_depend_on_how_many_there_are_at_once(
    made: PixelWorld, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    scenes = collection(random.Random(5), load("short"))
    expressions = [
        call("reduce.median", collection=scenes),
        call("reduce.mode", collection=scenes),
        call("Image.focalMedian", image=load("float"), radius=2),
    ]
    whole = [made.only(expression, GRIDS["wider"]) for expression in expressions]
    monkeypatch.setattr(computed, "_SORTED_BYTES", at_once)
    monkeypatch.setattr(computed, "_LEAST_PART", 1)
    monkeypatch.setattr(neighbourhood, "MAX_SORTED", at_once)
    for expression, expected in zip(expressions, whole, strict=True):
        found = made.only(expression, GRIDS["wider"])
        assert expected.valid.any()
        assert_pixels(found, expected.data, expected.valid)


def test_what_a_median_shares_with_others_is_read_once(made: PixelWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = collection(random.Random(5), load("short"))
    both = call(
        "Image.addBands", dstImg=call("reduce.mean", collection=scenes), srcImg=call("reduce.median", collection=scenes)
    )
    monkeypatch.setattr(computed, "_SORTED_BYTES", 4000)
    monkeypatch.setattr(computed, "_LEAST_PART", 1)
    read = 0

    def counted(*arguments: Any) -> Pixels:
        nonlocal read
        pixels = render_band(*arguments)
        read += pixels.data.size
        return pixels

    monkeypatch.setattr(computed, "render_band", counted)
    made.pixels(both)
    assert read == 4 * GRID.shape[0] * GRID.shape[1]
