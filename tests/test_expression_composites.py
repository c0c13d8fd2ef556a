"""One image of many, against numpy and GDAL's warper."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.vrt import WarpedVRT

from cases import every
from graphs import Value, call, load
from pixel_world import GRID, UTM, Array, PixelWorld, assert_pixels, random_mask
from rasterwire.errors import InvalidExpression
from rasterwire.nodes.nodes import Stored
from rasterwire.pixels import Pixels, Window
from rasterwire.render import computed

SHAPE = (24, 31)
COUNT = 6
DTYPE = "int16"
STACK: Array = np.random.default_rng(3).integers(-4, 5, (COUNT, *SHAPE)).astype(DTYPE)
SECOND: Array = np.random.default_rng(4).normal(0, 50, (COUNT, *SHAPE)).astype("float32")
VALID = np.stack([random_mask(60 + at, 0.5) for at in range(COUNT)])
ANY = np.asarray(VALID.any(axis=0))
MASKED = np.ma.masked_array(STACK.astype(float), ~VALID)
NANS = np.where(VALID, STACK.astype(float), np.nan)
NANS[0, ~ANY] = 0.0  # of no pixel that is looked at


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("composites"))
    for at in range(COUNT):
        world.add(f"s{at}", {"v": STACK[at]}, VALID[at])
        world.add(f"f{at}", {"w": SECOND[at]}, VALID[at])
    for name, (_, grid, data) in SCENES.items():
        world.add(name, {"v": data}, grid=grid, nodata=0)
    return world


def collection(*names: str) -> Value:
    return call("ImageCollection.fromImages", images=[load(name) for name in names])


ALL = collection(*(f"s{at}" for at in range(COUNT)))
FLOATS = collection(*(f"f{at}" for at in range(COUNT)))


def of_each(values: Array, valid: Array, one: Callable[[Array], float]) -> Array:
    """Apply a function to the valid values of each pixel, in order."""
    result = np.zeros(values.shape[1:])
    for place in np.argwhere(valid.any(axis=0)):
        at = (slice(None), *place)
        result[tuple(place)] = one(values[at][valid[at]])
    return result


def least_commonest(values: Array) -> float:
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])


def mean_between(values: Array, low: float, high: float) -> float:
    """Return the mean of the values of a range, its low end where none is in it."""
    held = values[(values >= low) & (values <= high)]
    return float(held.mean()) if held.size else low


Making = Callable[[Array], float]
REDUCERS: dict[str, tuple[Value, str, Making]] = {
    "mean": (call("Reducer.mean"), "mean", np.mean),
    "median": (call("Reducer.median"), "median", np.median),
    "mode": (call("Reducer.mode"), "mode", least_commonest),
    "percentile": (call("Reducer.percentile", percentiles=[30]), "p30", lambda v: float(np.percentile(v, 30))),
    "stdDev": (call("Reducer.stdDev"), "stdDev", np.std),
    "variance": (call("Reducer.variance"), "variance", np.var),
    "first": (call("Reducer.first"), "first", lambda v: float(v[0])),
    "firstNonNull": (call("Reducer.firstNonNull"), "first", lambda v: float(v[0])),
    "last": (call("Reducer.last"), "last", lambda v: float(v[-1])),
    "lastNonNull": (call("Reducer.lastNonNull"), "last", lambda v: float(v[-1])),
    "min": (call("Reducer.min"), "min", np.min),
    "max": (call("Reducer.max"), "max", np.max),
    "sum": (call("Reducer.sum"), "sum", np.sum),
    "product": (call("Reducer.product"), "product", np.prod),
    "allNonZero": (call("Reducer.allNonZero"), "all", lambda v: float(np.all(v))),
    "anyNonZero": (call("Reducer.anyNonZero"), "any", lambda v: float(np.any(v))),
    "countDistinct": (call("Reducer.countDistinct"), "count", lambda v: float(len(np.unique(v)))),
    "intervalMean": (
        call("Reducer.intervalMean", minPercentile=20, maxPercentile=80),
        "mean",
        lambda v: mean_between(v, float(np.percentile(v, 20)), float(np.percentile(v, 80))),
    ),
}


@every("name", REDUCERS)
def test_a_reducer_of_whole_numbers_makes_what_numpy_makes_of_the_valid_ones(made: PixelWorld, name: str) -> None:
    reducer, output, one = REDUCERS[name]
    found = made.pixels(call("ImageCollection.reduce", collection=ALL, reducer=reducer))
    assert list(found) == [f"v_{output}"]
    assert_pixels(found[f"v_{output}"], of_each(STACK.astype(float), VALID, one), ANY, rtol=1e-12, atol=1e-12)


@every("name", [name for name in REDUCERS if name != "product"])
def test_a_reducer_of_floats_makes_what_numpy_makes_of_the_valid_ones(made: PixelWorld, name: str) -> None:
    reducer, output, one = REDUCERS[name]
    found = made.pixels(call("ImageCollection.reduce", collection=FLOATS, reducer=reducer))[f"w_{output}"]
    assert_pixels(found, of_each(SECOND.astype(float), VALID, one), ANY, rtol=1e-5, atol=1e-4)


def test_a_count_is_0_where_nothing_is_valid(made: PixelWorld) -> None:
    for expression in (
        call("reduce.count", collection=ALL),
        call("ImageCollection.reduce", collection=ALL, reducer=call("Reducer.count")),
    ):
        assert_pixels(made.only(expression), VALID.sum(axis=0))


@every("count", [1, 2, 3, 4, 5])
def test_a_median_of_an_even_number_is_halfway(made: PixelWorld, count: int) -> None:
    found = made.only(call("reduce.median", collection=collection(*(f"s{at}" for at in range(count)))))
    expected = np.ma.median(MASKED[:count], axis=0).filled(0)  # type: ignore[no-untyped-call]
    assert_pixels(found, expected, VALID[:count].any(axis=0))


@every(
    ("name", "one"),
    {
        "median": np.nanmedian, "mean": np.nanmean, "min": np.nanmin, "max": np.nanmax, "sum": np.nansum,
        "product": np.nanprod,
    }.items(),
)  # fmt: skip
def test_short_names_keep_the_names_of_bands(made: PixelWorld, name: str, one: Callable[..., Array]) -> None:
    image = made.image(call(f"reduce.{name}", collection=ALL))
    assert [band.name for band in image.bands] == ["v"]
    assert image.bands[0].grid is None
    assert image.bands[0].projection.as_json()["crs"] == "EPSG:4326"
    assert_pixels(made.only(image), one(NANS, axis=0), ANY, rtol=1e-12)
    assert (image.bands[0].type.dtype == DTYPE) is (name in {"min", "max"})


def test_and_and_or_are_0_or_1(made: PixelWorld) -> None:
    nonzero = STACK != 0
    assert_pixels(made.only(call("reduce.and", collection=ALL)), (nonzero | ~VALID).all(axis=0), ANY)
    assert_pixels(made.only(call("reduce.or", collection=ALL)), (nonzero & VALID).any(axis=0), ANY)


def test_reducers_of_several_outputs_make_a_band_each(made: PixelWorld) -> None:
    both = call(
        "Reducer.combine",
        reducer1=call("Reducer.mean"),
        reducer2=call("Reducer.minMax"),
        outputPrefix="x_",
        sharedInputs=True,
    )
    found = made.pixels(call("ImageCollection.reduce", collection=ALL, reducer=both))
    assert list(found) == ["v_mean", "v_x_min", "v_x_max"]
    for name, one in (("v_mean", np.nanmean), ("v_x_min", np.nanmin), ("v_x_max", np.nanmax)):
        assert_pixels(found[name], one(NANS, axis=0), ANY, rtol=1e-12)
    ranks = call("Reducer.percentile", percentiles=[0, 25, 100])
    found = made.pixels(call("ImageCollection.reduce", collection=ALL, reducer=ranks))
    assert list(found) == ["v_p0", "v_p25", "v_p100"]
    assert_pixels(found["v_p25"], np.nanpercentile(NANS, 25, axis=0), ANY, rtol=1e-12)


def test_the_last_valid_image_of_a_mosaic_is_seen(made: PixelWorld) -> None:
    assert_pixels(made.only(call("ImageCollection.mosaic", collection=ALL)), topmost(STACK, VALID), ANY)


def topmost(stack: Array, valid: Array) -> Array:
    seen = np.zeros(stack.shape[1:], stack.dtype)
    for layer, there in zip(stack, valid, strict=True):
        seen[there] = layer[there]
    return seen


def test_a_quality_mosaic_takes_each_pixel_from_where_the_quality_is_greatest(made: PixelWorld) -> None:
    images = [call("Image.addBands", dstImg=load(f"s{at}"), srcImg=load(f"f{at}")) for at in range(COUNT)]
    several = call("ImageCollection.fromImages", images=images)
    found = made.pixels(call("ImageCollection.qualityMosaic", collection=several, qualityBand="w"))
    best = np.where(VALID, SECOND, -np.inf).argmax(axis=0)[None]
    assert list(found) == ["v", "w"]
    assert_pixels(found["v"], np.take_along_axis(STACK, best, 0)[0], ANY)
    assert_pixels(found["w"], np.take_along_axis(SECOND, best, 0)[0], ANY)


def test_the_bands_of_one_image_are_reduced_too(made: PixelWorld) -> None:
    image = call("ImageCollection.toBands", collection=ALL)
    found = made.pixels(call("Image.reduce", image=image, reducer=call("Reducer.stdDev")))
    assert list(found) == ["stdDev"]
    assert_pixels(found["stdDev"], np.nanstd(NANS, axis=0), ANY, atol=1e-12)
    found = made.pixels(call("Image.reduce", image=image, reducer=call("Reducer.minMax")))
    assert list(found) == ["min", "max"]
    assert_pixels(found["max"], np.nanmax(NANS, axis=0), ANY)


def test_what_cannot_be_reduced_is_refused(made: PixelWorld) -> None:
    nothing = call("ImageCollection.fromImages", images=[])
    for expression, said in (
        (call("ImageCollection.qualityMosaic", collection=nothing, qualityBand="w"), "empty"),
        (call("ImageCollection.qualityMosaic", collection=ALL, qualityBand="no"), "'no' did not match"),
        (call("ImageCollection.reduce", collection=ALL, reducer=call("Reducer.linearFit")), "not implemented"),
    ):
        with pytest.raises(InvalidExpression, match=said) as caught:
            made.value(expression)
        assert str(caught.value).startswith(expression.content[0] + ": ")
    assert not made.image(call("ImageCollection.mosaic", collection=nothing)).bands


# -- scenes of different places ----------------------------------------------------------------

WEST, EAST = CRS("EPSG:32632"), UTM
THIRD = GeoBox((90, 110), Affine(2.6e-4, 0, 11.9905, 0, -1.9e-4, 45.0105), CRS("EPSG:4326"))


def scene(seed: int, grid: GeoBox) -> tuple[int, GeoBox, Array]:
    dice = np.random.default_rng(seed)
    data = dice.integers(1, 200, tuple(grid.shape)).astype("uint8")
    data[dice.random(data.shape) < 0.3] = 0
    return seed, grid, data


SCENES = {
    "west0": scene(70, GeoBox((120, 130), Affine(10, 0, 736_000, 0, -10, 4_988_500), WEST)),
    "west1": scene(71, GeoBox((100, 90), Affine(10, 0, 737_000, 0, -10, 4_988_900), WEST)),
    "east0": scene(72, GeoBox((60, 70), Affine(20, 0, 263_100, 0, -20, 4_988_800), EAST)),
    "east1": scene(73, GeoBox((150, 60), Affine(10, 0, 264_400, 0, -10, 4_988_700), EAST)),
    "far": scene(74, GeoBox((50, 50), Affine(10, 0, 400_000, 0, -10, 4_900_000), EAST)),
}
PLACES = collection(*SCENES)


def on_third(made: PixelWorld, name: str) -> Array:
    height, width = (int(n) for n in THIRD.shape)
    assert THIRD.crs is not None
    place = {"crs": THIRD.crs.to_wkt(), "transform": THIRD.affine, "width": width, "height": height}
    with rasterio.open(made.folder / f"{name}.tif") as file, WarpedVRT(file, tolerance=1e-9, **place) as warped:
        return np.asarray(warped.read(1))


@every("name", ["mosaic", "max", "count", "mean"])
def test_scenes_of_two_zones_meet_on_a_third_grid_as_gdal_places_them(made: PixelWorld, name: str) -> None:
    stack = np.stack([on_third(made, scene) for scene in SCENES])
    valid = stack > 0
    for at, scene_name in enumerate(SCENES):  # each alone, so that a failure says which
        assert_pixels(made.only(load(scene_name), THIRD), stack[at], valid[at], case=scene_name)
    assert (valid.sum(axis=0) > 2).any()
    expected: dict[str, Any] = {
        "mosaic": topmost(stack, valid),
        "max": stack.max(axis=0),
        "count": valid.sum(axis=0),
        "mean": stack.sum(axis=0, dtype=float) / np.maximum(valid.sum(axis=0), 1),
    }
    wanted = call("ImageCollection.mosaic" if name == "mosaic" else f"reduce.{name}", collection=PLACES)
    where = np.logical_or.reduce(valid) | (name == "count")
    assert_pixels(made.only(wanted, THIRD), expected[name], where, rtol=1e-12)


def test_a_scene_that_does_not_touch_a_block_is_not_read(made: PixelWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    plain = computed._read

    def counted(*arguments: Any) -> Pixels | None:
        seen.extend(node.band.href for node in arguments if isinstance(node, Stored))
        return plain(*arguments)

    monkeypatch.setattr(computed, "_read", counted)
    corner = Window(0, 100, 10, 10)
    touched = {name for name in SCENES if on_third(made, name)[0:10, 100:110].any()}
    assert 0 < len(touched) < 4
    for expression in (call("ImageCollection.mosaic", collection=PLACES), call("reduce.median", collection=PLACES)):
        seen.clear()
        made.only(expression, THIRD, corner)
        assert {name for name in SCENES if any(f"/{name}.tif" in href for href in seen)} == touched
    seen.clear()
    assert not made.only(call("reduce.mean", collection=PLACES), GRID).valid.any()
    assert seen == []
