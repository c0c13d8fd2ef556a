"""Functions of the pixels around a pixel, against scipy and plain loops."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from cases import every
from graphs import Value, call, load
from pixel_world import Array, PixelWorld, assert_pixels, random_mask
from rasterwire.errors import InvalidExpression

SHAPE = (24, 31)
DICE = np.random.default_rng(90)
DATA: Array = DICE.integers(0, 30, SHAPE).astype("uint8")
FLOATS: Array = DICE.normal(0, 9, SHAPE).astype("float32")
VALID = random_mask(91, 0.85)
POINTS: Array = (DICE.random(SHAPE) < 0.02).astype("uint8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("neighbourhood"))
    world.add("whole", {"v": DATA})
    world.add("holes", {"v": DATA}, VALID)
    world.add("floats", {"v": FLOATS}, VALID)
    world.add("points", {"v": POINTS})
    return world


whole, holes, floats, points = (load(name) for name in ("whole", "holes", "floats", "points"))


# -- distances ---------------------------------------------------------------------------------


def brute_distances(source: Array, reach: int, metric: str) -> Array:
    """Return the distance to the nearest source within a square; of its corners where there is none."""
    lengths: dict[str, Callable[[Array, Array], Array]] = {
        "squared_euclidean": lambda x, y: x * x + y * y,
        "manhattan": lambda x, y: abs(x) + abs(y),
        "chebyshev": lambda x, y: np.maximum(abs(x), abs(y)),
    }
    rows, cols = np.nonzero(source)
    result = np.full(source.shape, lengths[metric](np.asarray(reach), np.asarray(reach)), float)
    for r, c in np.ndindex(source.shape):
        x, y = cols - c, rows - r
        held = (abs(x) <= reach) & (abs(y) <= reach)
        if held.any():
            result[r, c] = lengths[metric](x[held], y[held]).min()
    return result


def test_squared_distances_are_scipys(made: PixelWorld) -> None:
    found = made.only(call("Image.fastDistanceTransform", image=points, neighborhood=64))
    assert list(made.pixels(call("Image.fastDistanceTransform", image=points))) == ["distance"]
    assert_pixels(found, np.rint(ndimage.distance_transform_edt(POINTS == 0) ** 2))


@every(("metric", "scipys"), [("manhattan", "taxicab"), ("chebyshev", "chessboard")])
def test_other_distances_are_scipys(made: PixelWorld, metric: str, scipys: str) -> None:
    found = made.only(call("Image.fastDistanceTransform", image=points, neighborhood=64, metric=metric))
    assert_pixels(found, ndimage.distance_transform_cdt(POINTS == 0, metric=scipys))


@every("metric", ["squared_euclidean", "manhattan", "chebyshev"])
@every("reach", [1, 2, 3, 5, 8])
def test_distances_end_at_the_corners_of_the_neighbourhood(made: PixelWorld, metric: str, reach: int) -> None:
    found = made.only(call("Image.fastDistanceTransform", image=points, neighborhood=reach, metric=metric))
    assert_pixels(found, brute_distances(POINTS, reach, metric))


def test_masked_pixels_are_no_sources_and_get_a_distance(made: PixelWorld) -> None:
    found = made.only(call("Image.fastDistanceTransform", image=holes, neighborhood=9))
    assert_pixels(found, brute_distances(VALID & (DATA != 0), 9, "squared_euclidean"))


@every("arguments", [{"units": "meters"}, {"metric": "euclid"}, {"neighborhood": 0}, {"neighborhood": 10_000}])
def test_distances_that_cannot_be_are_refused(made: PixelWorld, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidExpression, match=r"^Image\.fastDistanceTransform: "):
        made.value(call("Image.fastDistanceTransform", image=points, **arguments))


# -- kernels -----------------------------------------------------------------------------------


def offsets(radius: float) -> tuple[Array, Array]:
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return x, y


SHAPES: dict[str, Callable[[Array, Array, float], Array]] = {
    "square": lambda x, y, r: np.ones(x.shape, bool),
    "circle": lambda x, y, r: x**2 + y**2 <= r * r,
    "cross": lambda x, y, r: abs(x) == abs(y),
    "plus": lambda x, y, r: (x == 0) | (y == 0),
    "diamond": lambda x, y, r: abs(x) + abs(y) <= r,
}


def weights(shape: str, radius: float) -> Array:
    return SHAPES[shape](*offsets(radius), radius).astype(float)


@every("radius", [0, 1, 1.5, 3, 4.2])
@every("shape", SHAPES)
def test_kernels_have_their_shape_and_add_up_to_1(made: PixelWorld, shape: str, radius: float) -> None:
    wanted = weights(shape, radius)
    found = np.array(made.value(call(f"Kernel.{shape}", radius=radius)).weights)
    np.testing.assert_allclose(found, wanted / wanted.sum())
    plain = np.array(made.value(call(f"Kernel.{shape}", radius=radius, normalize=False, magnitude=3)).weights)
    np.testing.assert_allclose(plain, wanted * 3)


def test_a_gaussian_kernel_is_a_bell(made: PixelWorld) -> None:
    x, y = offsets(3)
    wanted = np.exp(-(x**2 + y**2) / (2 * 1.7**2))
    found = made.value(call("Kernel.gaussian", radius=3, sigma=1.7)).weights
    np.testing.assert_allclose(np.array(found), wanted / wanted.sum())


FIXED = [[1, 2, 0, -1, 3], [0, 5, 1, 0, 0], [2, -4, 0, 1, 7]]
KERNELS = {
    "fixed": (call("Kernel.fixed", weights=FIXED), np.array(FIXED, float)),
    "square": (call("Kernel.square", radius=2), np.full((5, 5), 1 / 25)),
    "circle": (call("Kernel.circle", radius=3, normalize=False), weights("circle", 3)),
}


@every("name", KERNELS)
@every("source", ["whole", "floats"])
def test_a_convolution_is_the_weighted_sum_under_the_kernel(made: PixelWorld, name: str, source: str) -> None:
    kernel, plain = KERNELS[name]
    data, valid = (DATA, np.ones(SHAPE, bool)) if source == "whole" else (FLOATS, VALID)
    found = made.only(call("Image.convolve", image=load(source), kernel=kernel))
    assert found.data.dtype == ("float64" if source == "whole" else "float32")
    # as Earth Engine's guide has it, the combination of weights and the pixels they lie on: not turned around
    wanted = ndimage.correlate(data.astype(float), plain, mode="constant")
    turned = ndimage.convolve(data.astype(float), plain[::-1, ::-1], mode="constant")
    np.testing.assert_allclose(turned, wanted, atol=1e-9)
    there = ndimage.minimum_filter(valid, footprint=plain != 0, mode="constant", cval=False)
    assert_pixels(found, wanted, there, rtol=1e-5, atol=1e-4)


def gathered(data: Array, valid: Array, footprint: Array, one: Callable[[Array], float]) -> tuple[Array, Array]:
    """Apply a function to the valid values under a footprint around each pixel."""
    reach_y, reach_x = footprint.shape[0] // 2, footprint.shape[1] // 2
    values = np.pad(data.astype(float), ((reach_y,) * 2, (reach_x,) * 2))
    there = np.pad(valid, ((reach_y,) * 2, (reach_x,) * 2))
    result, state = np.zeros(data.shape), np.zeros(data.shape, bool)
    for r, c in np.ndindex(data.shape):
        at = slice(r, r + footprint.shape[0]), slice(c, c + footprint.shape[1])
        taken = values[at][there[at] & footprint]
        if taken.size:
            result[r, c], state[r, c] = one(taken), True
    return result, state


def commonest(values: Array) -> float:
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])


FOCAL: dict[str, Callable[[Array], float]] = {
    "Mean": np.mean, "Median": np.median, "Max": np.max, "Min": np.min, "Mode": commonest,
}  # fmt: skip


@every("source", ["holes", "floats"])
@every(("shape", "radius"), [("circle", 1.5), ("square", 2), ("plus", 3), ("diamond", 2)])
@every("name", FOCAL)
def test_a_focal_function_is_one_of_the_valid_pixels_under_the_kernel(
    made: PixelWorld, name: str, shape: str, radius: float, source: str
) -> None:
    arguments = {"image": load(source), "radius": radius, "kernelType": shape}
    wanted, there = gathered(DATA if source == "holes" else FLOATS, VALID, weights(shape, radius) > 0, FOCAL[name])
    for spelling in (f"focal{name}", f"focal_{name.lower()}"):
        found = made.pixels(call(f"Image.{spelling}", **arguments))
        assert_pixels(found["v"], wanted, there, rtol=2e-6, atol=1e-5)


def test_a_focal_maximum_of_a_whole_image_is_scipys_and_may_be_repeated(made: PixelWorld) -> None:
    square = np.ones((3, 3), bool)
    once = ndimage.maximum_filter(DATA, footprint=square, mode="constant")
    arguments = {"image": whole, "radius": 1, "kernelType": "square"}
    assert_pixels(made.only(call("Image.focalMax", **arguments)), once)
    twice = made.only(call("Image.focalMax", iterations=2, **arguments))
    wanted = ndimage.maximum_filter(once, footprint=square, mode="constant")
    np.testing.assert_array_equal(twice.data[1:-1, 1:-1], wanted[1:-1, 1:-1])


REDUCED: dict[str, tuple[str, Callable[[Array], float]]] = {
    "median": ("v_median", np.median), "min": ("v_min", np.min), "max": ("v_max", np.max), "count": ("v_count", len),
    "stdDev": ("v_stdDev", np.std), "variance": ("v_variance", np.var), "mode": ("v_mode", commonest),
}  # fmt: skip


@every("skips", [True, False])
@every("name", REDUCED)
def test_a_neighbourhood_is_reduced_without_its_masked_pixels(made: PixelWorld, name: str, skips: bool) -> None:
    output, one = REDUCED[name]
    arguments = {"kernel": call("Kernel.circle", radius=2), "reducer": call(f"Reducer.{name}"), "skipMasked": skips}
    found = made.pixels(call("Image.reduceNeighborhood", image=holes, **arguments))
    wanted, there = gathered(DATA, VALID, weights("circle", 2) > 0, one)
    if name == "count":
        there = np.ones(SHAPE, bool)
    assert list(found) == [output]
    assert_pixels(found[output], wanted, there & VALID if skips else there, rtol=1e-12, atol=1e-12)


def test_means_and_sums_of_a_neighbourhood_are_weighted_unless_asked_otherwise(made: PixelWorld) -> None:
    bell = call("Kernel.gaussian", radius=2, sigma=1)
    heavy = np.array(made.value(bell).weights)
    arguments = {"kernel": bell, "reducer": call("Reducer.mean")}
    found = made.only(call("Image.reduceNeighborhood", image=holes, **arguments))
    total = ndimage.correlate(np.where(VALID, DATA, 0).astype(float), heavy, mode="constant")
    mass = ndimage.correlate(VALID.astype(float), heavy, mode="constant")
    assert_pixels(found, total / mass, VALID, rtol=1e-12)
    arguments["reducer"] = call("Reducer.sum")
    assert_pixels(made.only(call("Image.reduceNeighborhood", image=holes, **arguments)), total, VALID, rtol=1e-12)
    plain = made.only(call("Image.reduceNeighborhood", image=holes, inputWeight="mask", **arguments))
    ones = np.ones((5, 5))
    assert_pixels(plain, ndimage.correlate(np.where(VALID, DATA, 0).astype(float), ones, mode="constant"), VALID)


@every(
    ("expression", "said"),
    [
        (call("Kernel.square", radius=1000), "1000 pixels"),
        (call("Kernel.circle", radius=1, units="feet"), "'feet'"),
        (call("Kernel.gaussian", radius=1, sigma=0), "'sigma'"),
        (call("Kernel.fixed", weights=[[1, 2], [3]]), "'weights'"),
        (call("Kernel.fixed", weights=[[1, 2]]), "even number"),
        (call("Image.focalMax", image=1, kernelType="star"), "'star'"),
        (call("Image.focalMax", image=1, iterations=0), "'iterations'"),
    ],
)
def test_kernels_that_cannot_be_are_refused(made: PixelWorld, expression: Value, said: str) -> None:
    with pytest.raises(InvalidExpression, match=said) as caught:
        made.value(expression)
    assert str(caught.value).startswith(expression.content[0])
