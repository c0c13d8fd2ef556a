"""Which pixels are valid and what stands where they are not, against numpy and shapely."""

import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from cases import every
from graphs import Value, call, load
from pixel_world import GRID, UTM, Array, PixelWorld, assert_pixels, random_mask
from rasterwire.errors import InvalidExpression

SHAPE = (24, 31)
DICE = np.random.default_rng(11)
VALUES: Array = DICE.integers(0, 6, SHAPE).astype("uint8")
OTHER: Array = DICE.normal(0, 3, SHAPE).astype("float32")
TEST: Array = DICE.integers(-1, 2, SHAPE).astype("int16")
VALID, OTHER_VALID, TEST_VALID = (random_mask(seed, 0.7) for seed in (21, 22, 23))
WIDE = GeoBox((34, 41), GRID.affine @ Affine.translation(-5, -5), UTM)
"""Five pixels more than the images have, on all sides."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("masks"))
    world.add("values", {"v": VALUES}, VALID)
    world.add("other", {"o": OTHER}, OTHER_VALID)
    world.add("test", {"t": TEST}, TEST_VALID)
    world.add("three", {f"b{at}": np.full(SHAPE, at, "uint8") for at in range(3)})
    return world


values, other, test = load("values"), load("other"), load("test")


def polygon(*corners: tuple[float, float]) -> Value:
    return call("GeometryConstructors.Polygon", coordinates=[[list(c) for c in corners]], crs="EPSG:32633")


def widened(array: Array, fill: float = 0) -> Array:
    return np.pad(array, 5, constant_values=fill)


def test_the_mask_of_an_image_is_1_where_it_is_valid(made: PixelWorld) -> None:
    found = made.only(call("Image.mask", image=values))
    assert found.data.dtype == np.float32
    assert_pixels(found, VALID.astype(float))


def test_a_mask_that_is_given_takes_the_place_of_the_old_one(made: PixelWorld) -> None:
    found = made.only(call("Image.mask", image=values, mask=test))
    assert_pixels(found, np.where(VALID, VALUES, 0), TEST_VALID & (TEST > 0))


def test_update_mask_masks_more_and_never_less(made: PixelWorld) -> None:
    assert_pixels(made.only(call("Image.updateMask", image=values, mask=test)), VALUES, VALID & TEST_VALID & (TEST > 0))
    assert_pixels(made.only(call("Image.updateMask", image=values, mask=1)), VALUES, VALID)
    assert not made.only(call("Image.updateMask", image=values, mask=0)).valid.any()


def test_self_mask_masks_zeros(made: PixelWorld) -> None:
    assert_pixels(made.only(call("Image.selfMask", image=values)), VALUES, VALID & (VALUES != 0))


def test_a_mask_has_one_band_or_as_many_as_the_image(made: PixelWorld) -> None:
    three = load("three")
    by_band = made.pixels(call("Image.updateMask", image=three, mask=three))
    assert [bool(p.valid.all()) for p in by_band.values()] == [False, True, True]
    with pytest.raises(InvalidExpression, match=r"^Image\.updateMask: the mask"):
        made.value(call("Image.updateMask", image=call("Image.select", input=three, bandSelectors=[0, 1]), mask=three))


@every("value", [None, 9, -1.5, 300])
def test_unmask_fills_within_the_footprint_or_everywhere(made: PixelWorld, value: float | None) -> None:
    filled = np.where(VALID, VALUES.astype(float), value or 0)
    within = np.ones(SHAPE, bool)
    found = made.only(call("Image.unmask", input=values, value=value), WIDE)
    assert_pixels(found, widened(filled), widened(within))
    found = made.only(call("Image.unmask", input=values, value=value, sameFootprint=False), WIDE)
    assert_pixels(found, widened(filled, value or 0))


def test_unmask_of_a_clipped_image_fills_its_clip(made: PixelWorld) -> None:
    corners = [(500_033, 5_001_988), (500_250, 5_001_900), (500_101, 5_001_790)]
    clipped = call("Image.clip", input=values, geometry=polygon(*corners))
    found = made.only(call("Image.unmask", input=clipped, value=7))
    held = shapely.contains_xy(shapely.Polygon(corners), *centres(GRID))
    assert_pixels(found, np.where(VALID, VALUES, 7), held)


def test_unmask_takes_pixels_of_another_image(made: PixelWorld) -> None:
    found = made.only(call("Image.unmask", input=values, value=other))
    assert_pixels(found, np.where(VALID, VALUES, OTHER), VALID | OTHER_VALID)


def test_where_changes_pixels_that_are_tested_true_and_have_another_value(made: PixelWorld) -> None:
    found = made.only(call("Image.where", input=values, test=test, value=other))
    assert_pixels(found, np.where(TEST_VALID & (TEST != 0) & OTHER_VALID, OTHER, VALUES), VALID)
    found = made.only(call("Image.where", input=values, test=test, value=1000))
    assert found.data.dtype == np.uint16
    assert_pixels(found, np.where(TEST_VALID & (TEST != 0), 1000.0, VALUES), VALID)


def test_where_of_one_band_and_tests_of_many_takes_the_value_and_not_the_test(made: PixelWorld) -> None:
    three = load("three")
    found = made.pixels(call("Image.where", input=50, test=three, value=60))
    assert {name: int(p.data[0, 0]) for name, p in found.items()} == {"b0": 50, "b1": 60, "b2": 60}
    found = made.pixels(call("Image.where", input=50, test=1, value=three))
    assert {name: int(p.data[0, 0]) for name, p in found.items()} == {"b0": 0, "b1": 1, "b2": 2}
    found = made.pixels(call("Image.where", input=three, test=call("Image.eq", image1=three, image2=1), value=9))
    assert {name: int(p.data[0, 0]) for name, p in found.items()} == {"b0": 0, "b1": 9, "b2": 2}


def test_blend_shows_the_top_where_it_is_valid(made: PixelWorld) -> None:
    found = made.only(call("Image.blend", bottom=values, top=other), WIDE)
    expected = np.where(OTHER_VALID, OTHER, VALUES)
    assert_pixels(found, widened(expected), widened(VALID | OTHER_VALID))


def test_remap_masks_what_is_not_listed_or_gives_it_a_default(made: PixelWorld) -> None:
    lists = {"from": [5, 0, 3], "to": [-1, 70_000, 12]}
    table = {5: -1, 0: 70_000, 3: 12}
    listed = np.isin(VALUES, list(table))
    expected = np.vectorize(lambda v: table.get(int(v), 4))(VALUES)
    image = made.image(call("Image.remap", image=values, **lists))
    assert [band.name for band in image.bands] == ["remapped"]
    assert_pixels(made.only(image), expected, VALID & listed)
    assert_pixels(made.only(call("Image.remap", image=values, **lists, defaultValue=4)), expected, VALID)
    halves = call("Image.remap", image=load("three"), **{"from": [2], "to": [0.5]}, bandName="b2")
    assert_pixels(made.only(halves), np.asarray(0.5))
    with pytest.raises(InvalidExpression, match=r"^Image\.remap: .* 2 and 1"):
        made.value(call("Image.remap", image=values, **{"from": [1, 2], "to": [3]}))


def centres(grid: GeoBox) -> tuple[Array, Array]:
    rows, cols = np.mgrid[: int(grid.shape[0]), : int(grid.shape[1])] + 0.5
    a = grid.affine
    return a.a * cols + a.b * rows + a.c, a.d * cols + a.e * rows + a.f


def test_a_clip_keeps_pixels_whose_centre_is_in_the_polygon(made: PixelWorld) -> None:
    corners = [
        (500_012, 5_001_990),
        (500_290, 5_001_955),
        (500_131, 5_001_884),
        (500_222, 5_001_781),
        (500_020, 5_001_800),
    ]
    clipped = call("Image.clip", input=values, geometry=polygon(*corners))
    held = shapely.contains_xy(shapely.Polygon(corners), *centres(GRID))
    assert 100 < held.sum() < 500
    assert_pixels(made.only(clipped), VALUES, VALID & held)


def test_a_clip_in_degrees_is_of_the_same_ground_on_any_grid(made: PixelWorld) -> None:
    corners = [(15.0003, 45.1714), (15.0035, 45.1711), (15.0020, 45.1695)]
    shape = call("GeometryConstructors.Polygon", coordinates=[[list(c) for c in corners]], geodesic=False)
    place = GeoBox((37, 41), Affine(7.3, 0.4, 499_990.3, 0.3, -7.7, 5_002_013.7), UTM)
    x, y = Transformer.from_crs(32633, 4326, always_xy=True).transform(*centres(place))
    held = shapely.contains_xy(shapely.Polygon(corners), x, y)
    assert 50 < held.sum() < held.size - 50
    found = made.only(call("Image.clip", input=call("Image.constant", value=4), geometry=shape), place)
    assert_pixels(found, np.asarray(4), held)


def test_a_clip_to_a_feature_and_to_a_collection_are_those_of_their_geometries(made: PixelWorld) -> None:
    one = polygon((500_010, 5_001_990), (500_090, 5_001_990), (500_090, 5_001_900), (500_010, 5_001_900))
    two = polygon((500_200, 5_001_850), (500_280, 5_001_850), (500_280, 5_001_790), (500_200, 5_001_790))
    features = [call("Feature", geometry=shape) for shape in (one, two)]
    held = np.zeros((2, *SHAPE), bool)
    held[0, 1:10, 1:9] = True
    held[1, 15:21, 20:28] = True
    assert_pixels(made.only(call("Image.clip", input=values, geometry=features[0])), VALUES, VALID & held[0])
    both = call("Image.clipToCollection", input=values, collection=call("Collection", features=features))
    assert_pixels(made.only(both), VALUES, VALID & held.any(axis=0))


def test_clip_to_bounds_and_scale_crops_outward_to_pixels_of_the_scale(made: PixelWorld) -> None:
    shape = polygon((500_033, 5_001_988), (500_251, 5_001_905), (500_101, 5_001_793))
    image = made.image(call("Image.clipToBoundsAndScale", input=values, geometry=shape, scale=20))
    band = image.bands[0]
    assert band.grid is not None
    assert tuple(band.grid.affine)[:6] == (20, 0, 500_020, 0, -20, 5_002_000)
    assert tuple(band.grid.shape) == (11, 12)
    rows, cols = np.mgrid[:24, :31]
    assert_pixels(made.only(image), VALUES, VALID & (rows < 22) & (cols >= 2) & (cols < 26))


def test_clip_to_bounds_and_dimensions_stretches_the_pixels(made: PixelWorld) -> None:
    shape = polygon((500_030, 5_001_990), (500_250, 5_001_990), (500_250, 5_001_790), (500_030, 5_001_790))
    grid = made.image(call("Image.clipToBoundsAndScale", input=values, geometry=shape, width=7, height=5)).bands[0].grid
    assert grid is not None
    assert tuple(grid.shape) == (5, 7)
    np.testing.assert_allclose(tuple(grid.affine)[:6], (220 / 7, 0, 500_030, 0, -40, 5_001_990))
    with pytest.raises(InvalidExpression, match="must be bounded"):
        made.value(call("Image.clipToBoundsAndScale", input=3, scale=10))
