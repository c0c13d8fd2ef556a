"""Reducers that take regions block by block: the same in whatever parts, by numpy and pandas, and flat in memory."""

import itertools
import statistics
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from cases import every
from graphs import World, call, evaluated
from pixel_world import UTM, Array
from rasterwire.errors import InvalidExpression
from rasterwire.expression.functions.image import region_reduction
from rasterwire.expression.functions.image.region_reduction import reduce_region, reduce_regions
from rasterwire.expression.language.values import BandValue, CollectionValue, FeatureValue, ImageValue, Projection
from rasterwire.expression.reducers import multi_pass, value_table
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.histogram import Histogram
from rasterwire.expression.reducers.streaming import Tallies
from rasterwire.geo.region import box_region
from rasterwire.image import Band
from rasterwire.nodes.nodes import Node, Stored
from rasterwire.nodes.pixel_type import type_of
from rasterwire.pixels import Pixels, Window

DICE = np.random.default_rng(11)
VALUES: dict[str, Array] = {
    "uint8": DICE.integers(0, 256, 5000).astype("uint8"),
    "int16": DICE.integers(-3000, 3000, 5000).astype("int16"),
    "int32": DICE.integers(-(10**6), 10**6, 5000).astype("int32"),
    "float32": DICE.normal(3, 40, 5000).astype("float32"),
    "float64": np.where(DICE.random(5000) < 0.2, np.nan, DICE.normal(1e9, 1, 5000)),
}
WEIGHTS: Array = DICE.random(5000)


def reducer(name: str, **given: Any) -> Reducer:
    made = evaluated(call(f"Reducer.{name}", **given))
    assert isinstance(made, Reducer)
    return made


def tallied(made: Reducer, columns: Sequence[Array], weights: Array | None = None, parts: int = 1) -> dict[str, Any]:
    """Return what becomes of columns that come in parts of odd sizes, some of them empty."""
    size = len(columns[0])
    cuts = sorted([0, size, *np.random.default_rng(parts).integers(0, size, parts - 1), *([size // 2] * (parts > 1))])
    tallies = Tallies(made)
    for first, last in itertools.pairwise(cuts):
        taken = None if weights is None else weights[first:last]
        tallies.add([column[first:last] for column in columns], taken)
    return tallies.results()


ORACLES: dict[str, Callable[[pd.Series], Any]] = {
    "count": lambda v: v.count(),
    "sum": lambda v: v.sum(),
    "mean": lambda v: v.mean(),
    "min": lambda v: v.min(),
    "max": lambda v: v.max(),
    "variance": lambda v: v.var(ddof=0),
    "stdDev": lambda v: v.std(ddof=0),
    "first": lambda v: v.iloc[0],
    "lastNonNull": lambda v: v.iloc[-1],
    "anyNonZero": lambda v: int(v.any()),
    "allNonZero": lambda v: int(v.all()),
    "median": lambda v: v.median(),
    "mode": lambda v: v.mode().min(),
    "countDistinct": lambda v: v.nunique(),
}


@every("dtype", VALUES)
@every("name", ORACLES)
def test_a_reducer_of_parts_is_what_pandas_makes_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, name: str, dtype: str
) -> None:
    monkeypatch.setattr(value_table, "_MAX_PENDING", 700)
    values = VALUES[dtype]
    wanted = ORACLES[name](pd.Series(values).dropna().astype("float64"))
    for parts in (1, 2, 9, 60):
        (found,) = tallied(reducer(name), [values], parts=parts).values()
        assert found == pytest.approx(float(wanted), rel=1e-12, abs=1e-12), parts


@every("dtype", VALUES)
def test_percentiles_of_parts_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch, dtype: str) -> None:
    monkeypatch.setattr(value_table, "_MAX_PENDING", 700)
    values = VALUES[dtype]
    there = values[~np.isnan(values)].astype("float64")
    asked = [0, 0.1, 33, 50, 66.6, 99.99, 100]
    found = tallied(reducer("percentile", percentiles=asked), [values], parts=20)
    np.testing.assert_allclose(list(found.values()), np.percentile(there, asked), rtol=1e-14)
    low, high = np.percentile(there, [10, 90])
    (mean,) = tallied(reducer("intervalMean", minPercentile=10, maxPercentile=90), [values], parts=20).values()
    assert mean == pytest.approx(there[(there >= low) & (there <= high)].mean(), rel=1e-13)


@every("parts", [1, 7, 40])
def test_weights_count_as_numpy_has_it(parts: int) -> None:
    x, y = VALUES["int16"].astype(float), VALUES["float32"].astype(float)
    mean = np.average(x, weights=WEIGHTS)
    expected = {
        "mean": mean,
        "sum": (x * WEIGHTS).sum(),
        "variance": np.average((x - mean) ** 2, weights=WEIGHTS),
        "stdDev": np.average((x - mean) ** 2, weights=WEIGHTS) ** 0.5,
    }
    for name, wanted in expected.items():
        assert tallied(reducer(name), [VALUES["int16"]], WEIGHTS, parts)[name] == pytest.approx(wanted, rel=1e-12)
    counts = pd.Series(WEIGHTS).groupby(VALUES["uint8"]).sum()
    found = tallied(reducer("frequencyHistogram"), [VALUES["uint8"]], WEIGHTS, parts)["histogram"]
    assert found == pytest.approx({str(value): count for value, count in counts.items()}, rel=1e-12)
    scale, offset = np.polyfit(x, y, 1, w=np.sqrt(WEIGHTS))
    found = tallied(reducer("linearFit"), [VALUES["int16"], y], WEIGHTS, parts)
    assert found == pytest.approx({"scale": scale, "offset": offset}, rel=1e-9)


def test_the_variance_of_large_and_close_values_keeps_its_digits() -> None:
    values = 1e9 + DICE.normal(0, 1e-3, 20_000)
    wanted = statistics.pvariance(values.tolist())
    assert tallied(reducer("variance"), [values], parts=200)["variance"] == pytest.approx(wanted, rel=1e-6)


def test_products_lists_and_rows_of_parts_are_those_of_the_whole() -> None:
    few = np.linspace(0.5, 2, 40)
    assert tallied(reducer("product"), [few], parts=7)["product"] == pytest.approx(np.prod(few))
    assert tallied(reducer("toList"), [few], parts=7)["list"] == few.tolist()
    x, y = np.array([3.0, np.nan, 1.0, 1.0]), np.array([1.0, 2.0, np.nan, 4.0])
    assert tallied(reducer("toList", tupleSize=2), [x, y], parts=3)["list"] == [[3, 1], [1, 4]]
    optional = reducer("toList", tupleSize=2, numOptional=1)
    assert tallied(optional, [x, y], parts=3)["list"] == [[3, 1], [1, None], [1, 4]]
    assert tallied(reducer("min", numInputs=2), [x, y], parts=3) == {"min": 1, "min1": 4}
    assert tallied(reducer("max", numInputs=2), [x, y], parts=3) == {"max": 3, "max1": 1}
    both = reducer("combine", reducer1=call("Reducer.mean"), reducer2=call("Reducer.median"), sharedInputs=False)
    assert tallied(both, [x, y], parts=2) == {"mean": pytest.approx(5 / 3), "median": 2}
    twice = reducer("repeat", reducer=call("Reducer.minMax"), count=2)
    assert tallied(twice, [x, y], parts=2) == {"min": [1, 1], "max": [3, 4]}


@every(
    ("name", "wanted"),
    [(n, 0) for n in ("count", "sum", "countDistinct", "anyNonZero")]
    + [("allNonZero", 1), ("toList", []), ("frequencyHistogram", {})]
    + [(n, None) for n in ("mean", "median", "mode", "stdDev", "first", "last", "min", "product", "histogram")],
)
def test_of_nothing_there_is_null_except_for_counts_and_sums(name: str, wanted: Any) -> None:
    for columns in ([np.empty(0)], [np.full(3, np.nan)], [np.empty(0, "uint8")]):
        assert list(tallied(reducer(name), columns).values()) == [wanted]


NARROWED: dict[str, Array] = {
    **VALUES,
    "uint32": DICE.integers(0, 1 << 32, 5000).astype("uint32"),
    "few": DICE.integers(-2, 3, 5000).astype("float32") * np.float32(0.5),
    "signs": np.concatenate([-(10.0 ** DICE.uniform(-300, 300, 2500)), 10.0 ** DICE.uniform(-300, 300, 2501)]),
    "zeros": np.array([0.0, -0.0, 1e-320, -1e-320, np.inf, -np.inf, 0.0, -0.0, 3.0]),
    "int64": DICE.integers(-(1 << 62), 1 << 62, 3001),
}


@every("name", NARROWED)
@every("most", [1 << 22, 1 << 9])
def test_percentiles_are_found_in_passes_where_values_are_too_many_to_hold(
    monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(multi_pass, "_MAX_COUNTS", most)
    values = NARROWED[name]
    asked = [0, 5, 12.5, 50, 75, 99, 100]
    both = reducer(
        "combine", reducer1=call("Reducer.percentile", percentiles=asked), reducer2=call("Reducer.frequencyHistogram")
    )
    beside = np.arange(len(values)) % 3
    tallies, whole = Tallies(both), Tallies(both)
    whole.add([values, beside], None)
    passes = 0
    while passes == 0 or tallies.another_pass():
        for part in np.array_split(np.arange(len(values)), 7):
            tallies.add([values[part], beside[part]], None)
            tallies.use_passes()
        passes += 1
    assert passes <= 64
    np.testing.assert_equal(tallies.results(), whole.results())  # NaN between infinities
    there = values[~np.isnan(values)]
    if np.isfinite(there).all():
        np.testing.assert_allclose(list(tallies.results().values())[:7], np.percentile(there, asked), rtol=1e-14)


HISTOGRAMS: dict[str, tuple[Array, int, float]] = {
    "whole": (DICE.integers(-500, 90_000, 3000).astype(float), 256, 0.0),
    "few-whole": (DICE.integers(0, 12, 3000).astype(float), 64, 0.0),
    "real": (DICE.normal(0, 1e-4, 3000), 32, 0.0),
    "of-one-width": (DICE.normal(0, 30, 3000), 64, 0.3),
    "of-one-value": (np.full(9, 7.25), 64, 0.0),
    "one-value-and-another-later": (np.array([7.25] * 40 + [7.5] * 3), 64, 0.0),
    "far-and-close": (1e12 + DICE.random(3000), 1024, 0.0),
}


@every("case", HISTOGRAMS)
@every("in_order", [True, False])
def test_a_histogram_that_grows_is_that_of_the_whole(case: str, in_order: bool) -> None:
    values, most, width = HISTOGRAMS[case]
    values = np.sort(values) if in_order else values

    def made(parts: int) -> dict[str, Any]:
        histogram = Histogram(most, width)
        for part in np.array_split(values, parts):
            histogram.add(part, None)
        found = histogram.result()
        assert found is not None
        return found

    whole = made(1)
    edges = whole["bucketMin"] + whole["bucketWidth"] * np.arange(len(whole["histogram"]) + 1)
    np.testing.assert_array_equal(whole["histogram"], np.histogram(values, edges)[0])
    assert len(edges) <= most + 1
    assert np.histogram(values, edges)[0][[0, -1]].all()  # no more buckets than are needed
    for parts in (2, 7, len(values)):
        assert made(parts) == whole


class MadeUp(World):
    """Bands of made-up pixels, whatever is asked for: a slope of rows, and noise of a given type."""

    def pixels(self, nodes: Sequence[Node], grid: GeoBox, windows: Sequence[Window]) -> Iterator[list[Pixels]]:
        for window in windows:
            shape = window.height, window.width
            dice = np.random.default_rng([window.row, window.col])
            yield [Pixels((dice.random(shape) * 10_000).astype(node.dtype), dice.random(shape) < 0.9) for node in nodes]


def wide_image(side: int, *dtypes: str) -> ImageValue:
    affine = Affine(10, 0, 500_000, 0, -10, 5_002_000)
    grid = GeoBox((side, side), affine, UTM)
    bands = [
        BandValue(
            f"b{at}",
            type_of(dtype),
            Stored(Band(f"b{at}", "/nowhere.tif", at + 1, grid, dtype)),
            Projection(UTM, affine),
            (0, 0, side, side),
        )
        for at, dtype in enumerate(dtypes)
    ]
    return ImageValue(bands, {})


def over(image: ImageValue, made: Reducer, most: int = 10**9) -> dict[str, Any]:
    return reduce_region(MadeUp(), image, made, None, None, None, None, False, most, 1.0)


@every("name", ["mean", "stdDev", "median", "histogram", "minMax", "count", "linearFit"])
def test_memory_does_not_grow_with_the_region(name: str) -> None:
    dtypes = ["uint16"] * reducer(name).inputs
    peaks = []
    for side in (1024, 4096):
        image = wide_image(side, *dtypes)
        tracemalloc.start()
        over(image, reducer(name))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 40 << 20  # its values take 32 MiB a band, and four times as much as floats
    assert peaks[1] < peaks[0] + (2 << 20)


def test_regions_are_what_numpy_makes_of_all_blocks() -> None:
    image = wide_image(1300, "float32", "uint8")
    windows = [Window(r, c, min(512, 1300 - r), min(512, 1300 - c)) for r in (0, 512, 1024) for c in (0, 512, 1024)]
    nodes = [band.node for band in image.bands]
    blocks = list(MadeUp().pixels(nodes, nodes[0].band.grid, windows))  # type: ignore[attr-defined]
    for at, name in enumerate(("b0", "b1")):
        values = np.concatenate([block[at].data[block[at].valid] for block in blocks]).astype(float)
        assert over(image, reducer("mean"))[name] == pytest.approx(values.mean(), rel=1e-12)
        assert over(image, reducer("median"))[name] == np.median(values)
        assert over(image, reducer("countDistinct"))[name] == len(np.unique(values))


def test_a_reducer_that_has_to_hold_too_much_says_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(region_reduction, "_MAX_HELD", 400_000)
    floats, whole = wide_image(1024, "float32"), wide_image(1024, "int16")
    for name in ("mode", "toList", "countDistinct"):
        with pytest.raises(InvalidExpression, match=r"hold more than 400000 .*'scale'"):
            over(floats, reducer(name))
    assert over(whole, reducer("mode"))["b0"] < 10_000
    assert over(floats, reducer("stdDev"))["b0"] == pytest.approx(10_000 / 12**0.5, rel=1e-2)


def test_a_median_of_more_than_can_be_held_takes_more_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    image = wide_image(1300, "float32", "uint8", "float32")
    asked = reducer("combine", reducer1=call("Reducer.median"), reducer2=call("Reducer.count"), sharedInputs=True)
    expected = over(image, asked)
    monkeypatch.setattr(region_reduction, "_MANY_HELD", 400_000)
    monkeypatch.setattr(region_reduction, "_MAX_HELD", 1_000_000)
    assert over(image, asked) == expected


def test_each_region_of_a_collection_is_reduced_alone() -> None:
    boxes = [
        box_region(500_000, 4_990_000, 501_000, 5_002_000, UTM),
        box_region(500_000, 5_001_000, 500_100, 5_002_000, UTM),
    ]
    features = CollectionValue(tuple(FeatureValue(box, {}) for box in boxes), of_images=False)
    image = wide_image(2048, "uint16")
    found = reduce_regions(MadeUp(), image, features, reducer("count"), None, None, None, 1.0, None)
    counts = [feature.properties["count"] for feature in found]
    assert counts == [pytest.approx(0.9 * 100 * 1200, rel=0.01), pytest.approx(0.9 * 10 * 100, rel=0.05)]
