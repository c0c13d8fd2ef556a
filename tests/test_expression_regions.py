"""Statistics and samples of regions, against areas of shapely and averages of numpy."""

import math
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from cases import every
from graphs import Value, call, load
from pixel_world import GRID, Array, PixelWorld, random_mask
from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.values import CollectionValue, FeatureValue

SHAPE = (24, 31)
DICE = np.random.default_rng(5)
DATA: Array = DICE.integers(0, 200, SHAPE).astype("int16")
CLASSES: Array = DICE.integers(1, 5, SHAPE).astype("uint8")
VALID = random_mask(80, 0.9)

POLYGONS: dict[str, list[tuple[float, float]]] = {  # in pixels of the grid: column and row
    "blob": [(3.31, 2.17), (25.73, 4.92), (28.2, 20.3), (11.4, 12.2), (5.9, 21.8)],
    "sliver": [(2.1, 1.2), (29.8, 20.4), (29.4, 21.1)],
    "within-one-pixel": [(7.2, 7.3), (7.8, 7.4), (7.6, 7.9)],
    "square": [(4, 5), (12, 5), (12, 17), (4, 17)],
    "beyond": [(-10.0, -4.5), (15.5, -4.5), (8.2, 10.1)],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PixelWorld:
    world = PixelWorld(tmp_path_factory.mktemp("regions"))
    world.add("scene", {"v": DATA}, VALID)
    world.add("classes", {"c": CLASSES})
    world.add("two", {"p": DATA, "q": (DATA * 2 + 1).astype("int16")}, VALID)
    return world


scene, classes, two = load("scene"), load("classes"), load("two")


def region(name: str) -> Value:
    corners = [[500_000 + 10 * col, 5_002_000 - 10 * row] for col, row in POLYGONS[name]]
    return call("GeometryConstructors.Polygon", coordinates=[corners], crs="EPSG:32633")


def shares(name: str, factor: float = 1.0, shape: tuple[int, int] = SHAPE) -> Array:
    """Return the area of each pixel within a polygon, 0 to 1; with a factor, of coarser pixels."""
    outline = shapely.Polygon([(x / factor, y / factor) for x, y in POLYGONS[name]])
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(float)
    return np.asarray(shapely.area(shapely.intersection(outline, shapely.box(cols, rows, cols + 1, rows + 1))))


def middles(name: str) -> Array:
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    return np.asarray(shapely.contains_xy(shapely.Polygon(POLYGONS[name]), cols, rows))


def reduced(made: PixelWorld, image: Value, reducer: Value, **arguments: Any) -> dict[str, Any]:
    found = made.value(call("Image.reduceRegion", image=image, reducer=reducer, **arguments))
    assert isinstance(found, dict)
    return found


@every("name", POLYGONS)
def test_pixels_count_by_how_much_of_them_is_in_the_region(made: PixelWorld, name: str) -> None:
    share = shares(name)
    held = VALID & (share >= 0.005)  # less of a pixel does not count
    values, weights = DATA[held].astype(float), share[held]
    mean = np.average(values, weights=weights)
    expected = {
        "mean": mean,
        "sum": float((values * weights).sum()),
        "variance": np.average((values - mean) ** 2, weights=weights),
        "stdDev": math.sqrt(np.average((values - mean) ** 2, weights=weights)),
    }
    for kind, wanted in expected.items():
        found = reduced(made, scene, call(f"Reducer.{kind}"), geometry=region(name))
        assert list(found) == ["v"]
        assert found["v"] == pytest.approx(wanted, rel=1e-9, abs=1e-9), kind


@every("name", [name for name in POLYGONS if name != "within-one-pixel"])
def test_unweighted_reducers_count_pixels_whose_centre_is_in_the_region(made: PixelWorld, name: str) -> None:
    values = DATA[middles(name) & VALID].astype(float)
    assert values.size
    expected: dict[str, tuple[Value, dict[str, float]]] = {
        "mean": (call("Reducer.unweighted", reducer=call("Reducer.mean")), {"v": values.mean()}),
        "stdDev": (call("Reducer.unweighted", reducer=call("Reducer.stdDev")), {"v": values.std()}),
        "sum": (call("Reducer.unweighted", reducer=call("Reducer.sum")), {"v": values.sum()}),
        "minMax": (call("Reducer.minMax"), {"v_min": values.min(), "v_max": values.max()}),
        "count": (call("Reducer.count"), {"v": values.size}),
        "median": (call("Reducer.median"), {"v": float(np.median(values))}),
        "percentile": (
            call("Reducer.percentile", percentiles=[5, 50, 90]),
            {f"v_p{p}": float(np.percentile(values, p)) for p in (5, 50, 90)},
        ),
    }
    for reducer, wanted in expected.values():
        assert reduced(made, scene, reducer, geometry=region(name)) == pytest.approx(wanted, rel=1e-12)


@every("name", ["blob", "sliver", "square"])
def test_a_frequency_histogram_adds_up_areas_or_counts_pixels(made: PixelWorld, name: str) -> None:
    share = shares(name)
    found = reduced(made, classes, call("Reducer.frequencyHistogram"), geometry=region(name))["c"]
    wanted = {str(c): share[(c == CLASSES) & (share >= 0.005)].sum() for c in range(1, 5)}
    assert found == pytest.approx(wanted, rel=1e-9)
    plain = call("Reducer.unweighted", reducer=call("Reducer.frequencyHistogram"))
    held = middles(name)
    wanted = {str(c): int((held & (c == CLASSES)).sum()) for c in range(1, 5) if (held & (c == CLASSES)).any()}
    assert reduced(made, classes, plain, geometry=region(name))["c"] == wanted


def test_bands_and_outputs_name_the_results(made: PixelWorld) -> None:
    both = call("Reducer.combine", reducer1=call("Reducer.mean"), reducer2=call("Reducer.stdDev"), sharedInputs=True)
    found = reduced(made, two, both, geometry=region("square"))
    assert list(found) == ["p_mean", "p_stdDev", "q_mean", "q_stdDev"]
    assert found["q_mean"] == pytest.approx(2 * found["p_mean"] + 1)
    fit = reduced(made, two, call("Reducer.linearFit"), geometry=region("square"))
    assert fit == pytest.approx({"scale": 2, "offset": 1})


def test_a_region_without_a_valid_pixel_has_no_mean_and_a_count_of_0(made: PixelWorld) -> None:
    nothing = call("Image.updateMask", image=scene, mask=0)
    assert reduced(made, nothing, call("Reducer.mean"), geometry=region("blob")) == {"v": None}
    assert reduced(made, nothing, call("Reducer.count"), geometry=region("blob")) == {"v": 0}


def test_without_a_region_the_whole_image_counts(made: PixelWorld) -> None:
    assert reduced(made, scene, call("Reducer.mean"))["v"] == pytest.approx(DATA[VALID].mean())
    with pytest.raises(InvalidExpression, match=r"^Image\.reduceRegion: .*bounded"):
        reduced(made, call("Image.constant", value=1), call("Reducer.mean"))


def test_a_scale_reads_coarser_pixels_of_the_same_lattice(made: PixelWorld) -> None:
    for arguments in ({"scale": 20}, {"crs": "EPSG:32633", "crsTransform": [20, 0, 500_000, 0, -20, 5_002_000]}):
        coarse = GeoBox((12, 16), GRID.affine @ Affine.scale(2), GRID.crs)
        pixels = made.only(scene, coarse)
        share = shares("blob", 2, (12, 16))
        held = pixels.valid & (share >= 0.005)
        wanted = np.average(pixels.data[held].astype(float), weights=share[held])
        found = reduced(made, scene, call("Reducer.mean"), geometry=region("blob"), **arguments)
        assert found["v"] == pytest.approx(wanted, rel=1e-9)


def test_a_crs_with_a_scale_reads_the_grid_through_its_origin(made: PixelWorld) -> None:
    found = reduced(made, scene, call("Reducer.count"), geometry=region("square"), crs="EPSG:3857", scale=10)
    # 80 x 120 m, in pixels of 10 units of a crs that stretches by 1 / cos(45.17 degrees)
    assert found["v"] == pytest.approx(96 * VALID[5:17, 4:12].mean() / math.cos(math.radians(45.17)) ** 2, rel=0.1)


def test_too_many_pixels_are_an_error_or_make_the_pixels_coarser(made: PixelWorld) -> None:
    few = {"geometry": region("blob"), "maxPixels": 100}
    with pytest.raises(InvalidExpression, match=r"Too many pixels in the region\. Found (\d+), .* only 100") as caught:
        reduced(made, scene, call("Reducer.mean"), **few)
    assert "Found 520," in str(caught.value)  # 26 columns and 20 rows
    found = reduced(made, scene, call("Reducer.mean"), bestEffort=True, **few)
    assert found["v"] == pytest.approx(DATA[VALID].mean(), rel=0.25)
    count = reduced(made, classes, call("Reducer.count"), bestEffort=True, **few)["c"]
    assert 20 < count <= 100


def features_of(made: PixelWorld, expression: Value) -> list[FeatureValue]:
    found = made.value(expression)
    assert isinstance(found, CollectionValue)
    return [element for element in found if isinstance(element, FeatureValue)]


def test_regions_get_results_beside_their_properties(made: PixelWorld) -> None:
    names = ["blob", "square"]
    features = [call("Feature", geometry=region(name), metadata={"name": name}) for name in names]
    collection = call("Collection", features=features)
    arguments = {"collection": collection, "reducer": call("Reducer.mean")}
    found = features_of(made, call("Image.reduceRegions", image=scene, **arguments))
    assert [feature.properties["name"] for feature in found] == names
    for feature, name in zip(found, names, strict=True):
        assert feature.properties["mean"] == reduced(made, scene, call("Reducer.mean"), geometry=region(name))["v"]
    found = features_of(made, call("Image.reduceRegions", image=two, **arguments))
    assert {"p", "q"} <= set(found[0].properties)


def test_samples_are_the_valid_pixels_of_a_region(made: PixelWorld) -> None:
    found = features_of(made, call("Image.sample", image=two, region=region("blob"), geometries=True))
    held = middles("blob") & VALID
    assert [(f.properties["p"], f.properties["q"]) for f in found] == [(v, 2 * v + 1) for v in DATA[held].tolist()]
    geometry = found[0].geometry
    assert geometry is not None
    assert geometry.crs.epsg == 4326
    some = features_of(made, call("Image.sample", image=two, region=region("blob"), numPixels=17, seed=3))
    again = features_of(made, call("Image.sample", image=two, region=region("blob"), numPixels=17, seed=3))
    assert len(some) == 17
    assert [f.properties for f in some] == [f.properties for f in again]
    all_ = features_of(made, call("Image.sample", image=scene, region=region("blob"), dropNulls=False))
    assert len(all_) == middles("blob").sum()
    part = features_of(made, call("Image.sample", image=scene, region=region("blob"), factor=0.5))
    assert 0.3 * held.sum() < len(part) < 0.7 * held.sum()


def test_samples_of_regions_keep_the_properties_that_are_named(made: PixelWorld) -> None:
    features = [call("Feature", geometry=region(n), metadata={"name": n, "more": 1}) for n in ("square", "sliver")]
    collection = call("Collection", features=features)
    found = features_of(made, call("Image.sampleRegions", image=scene, collection=collection, properties=["name"]))
    wanted = [(n, v) for n in ("square", "sliver") for v in DATA[middles(n) & VALID].tolist()]
    assert [(f.properties["name"], f.properties["v"]) for f in found] == wanted
    assert all("more" not in f.properties for f in found)


def test_a_rectangle_is_sampled_as_rows(made: PixelWorld) -> None:
    found = made.value(call("Image.sampleRectangle", image=classes, region=region("square")))
    assert found.properties["c"] == CLASSES[5:17, 4:12].tolist()
    filled = made.value(call("Image.sampleRectangle", image=scene, region=region("square"), defaultValue=-7))
    assert filled.properties["v"] == np.where(VALID, DATA, -7)[5:17, 4:12].tolist()
    with pytest.raises(InvalidExpression, match=r"^Image\.sampleRectangle: .*'v'.*defaultValue"):
        made.value(call("Image.sampleRectangle", image=scene, region=region("square")))
