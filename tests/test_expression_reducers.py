"""Reducers of lists and of columns, held against numpy and pandas."""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cases import every
from graphs import Value, call, refused, told

_random = np.random.default_rng(7)
VALUES = [*np.round(_random.normal(50, 20, 40), 1).tolist(), 3, 3, 3, -7]
TABLE = pd.DataFrame({"x": VALUES, "y": np.round(_random.normal(0, 5, 44), 2), "w": _random.integers(1, 5, 44)})


def reducer(name: str, **given: Any) -> Value:
    return call(f"Reducer.{name}", **given)


def reduced(made: Value, values: list[Any]) -> Any:
    return told(call("List.reduce", list=values, reducer=made))


def columns(made: Value, names: list[str], table: pd.DataFrame = TABLE, **more: Any) -> Any:
    """Return what a reducer makes of columns of a collection."""
    rows = [{k: v for k, v in row.items() if v is not None} for row in table.to_dict("records")]
    collection = call("Collection", features=[call("Feature", metadata=row) for row in rows])
    return told(call("Collection.reduceColumns", collection=collection, reducer=made, selectors=names, **more))


SIMPLE: dict[str, tuple[str, Callable[..., Any]]] = {
    "mean": ("mean", np.mean),
    "sum": ("sum", np.sum),
    "min": ("min", np.min),
    "max": ("max", np.max),
    "stdDev": ("stdDev", np.std),
    "variance": ("variance", np.var),
    "median": ("median", np.median),
    "mode": ("mode", statistics.mode),
    "count": ("count", len),
    "countDistinct": ("count", lambda values: len(set(values))),
    "countDistinctNonNull": ("count", lambda values: len(set(values))),
    "first": ("first", lambda values: values[0]),
    "firstNonNull": ("first", lambda values: values[0]),
    "last": ("last", lambda values: values[-1]),
    "lastNonNull": ("last", lambda values: values[-1]),
    "product": ("product", np.prod),
    "anyNonZero": ("any", np.any),
    "allNonZero": ("all", np.all),
}


@every("name", SIMPLE)
def test_a_list_and_a_column_are_reduced_to_a_number(name: str) -> None:
    output, of = SIMPLE[name]
    assert reduced(reducer(name), VALUES) == pytest.approx(float(of(VALUES)))
    assert columns(reducer(name), ["x"]) == {output: pytest.approx(float(of(VALUES)))}


@every("name", SIMPLE)
def test_nulls_do_not_count_except_as_first_and_last_and_different_ones(name: str) -> None:
    values = [None, 1.5, None, 2, 2, None]
    there = [1.5, 2, 2]
    expected = {"first": None, "last": None, "countDistinct": 3}.get(name, SIMPLE[name][1](there))
    made = reduced(reducer(name), values)
    assert made is None if expected is None else made == pytest.approx(float(expected))


@every(
    ("name", "made"),
    [("count", 0), ("sum", 0), ("countDistinct", 0), ("anyNonZero", 0), ("allNonZero", 1)]
    + [(name, None) for name in ("mean", "median", "mode", "stdDev", "first", "last", "min", "max")],
)
def test_of_nothing_there_is_null_except_for_counts_and_sums(name: str, made: Any) -> None:
    assert reduced(reducer(name), []) == made


@every(("values", "any_", "all_"), [([0, 0], 0, 0), ([0, 5], 1, 0), ([-1, 5], 1, 1)])
def test_zeros_are_found(values: list[int], any_: int, all_: int) -> None:
    assert (reduced(reducer("anyNonZero"), values), reduced(reducer("allNonZero"), values)) == (any_, all_)


def test_percentiles_are_named_by_their_number_or_as_asked() -> None:
    made = reduced(reducer("percentile", percentiles=[0, 12.5, 50, 100]), VALUES)
    assert list(made) == ["p0", "p12.5", "p50", "p100"]
    np.testing.assert_allclose(list(made.values()), np.percentile(VALUES, [0, 12.5, 50, 100]))
    named = reducer("percentile", percentiles=[25, 75], outputNames=["low", "high"])
    assert columns(named, ["x"]) == pytest.approx(
        dict(zip(["low", "high"], np.percentile(VALUES, [25, 75]), strict=True))
    )
    assert reduced(reducer("percentile", percentiles=[25]), VALUES) == pytest.approx(np.percentile(VALUES, 25))


def test_the_mean_of_an_interval_leaves_out_what_is_beyond() -> None:
    low, high = np.percentile(VALUES, [10, 90])
    expected = np.mean([value for value in VALUES if low <= value <= high])
    assert reduced(reducer("intervalMean", minPercentile=10, maxPercentile=90), VALUES) == pytest.approx(expected)


def test_the_extremes_are_told_together_and_with_what_stands_beside_them() -> None:
    assert reduced(reducer("minMax"), VALUES) == {"min": min(VALUES), "max": max(VALUES)}
    rows = [[5, 1], [2, 8], [9, 3]]
    assert reduced(reducer("min", numInputs=2), rows) == {"min": 2, "min1": 8}
    assert reduced(reducer("max", numInputs=2), rows) == {"max": 9, "max1": 3}


def test_a_line_is_fitted_by_least_squares() -> None:
    scale, offset = np.polyfit(TABLE["x"], TABLE["y"], 1)
    assert columns(reducer("linearFit"), ["x", "y"]) == pytest.approx({"scale": scale, "offset": offset})
    assert reduced(reducer("linearFit"), [[0, 1], [1, 3], [2, 5]]) == {"scale": 2, "offset": 1}


def test_weights_count_in_means_sums_and_fits() -> None:
    x, y, w = (TABLE[name].to_numpy(float) for name in "xyw")
    weighted = {"weightSelectors": ["w"]}
    assert columns(reducer("mean"), ["x"], **weighted)["mean"] == pytest.approx(np.average(x, weights=w))
    assert columns(reducer("sum"), ["x"], **weighted)["sum"] == pytest.approx((x * w).sum())
    scale, offset = np.polyfit(x, y, 1, w=np.sqrt(w))
    assert columns(reducer("linearFit"), ["x", "y"], **weighted) == pytest.approx({"scale": scale, "offset": offset})
    plain = reducer("unweighted", reducer=reducer("mean"))
    assert columns(plain, ["x"], **weighted)["mean"] == pytest.approx(x.mean())
    said = refused(
        call(
            "Collection.reduceColumns",
            collection=call("Collection", features=[]),
            reducer=reducer("mean"),
            selectors=["x"],
            weightSelectors=["w", "v"],
        )
    )
    assert "not implemented" in said


def test_values_are_counted_by_value() -> None:
    counts = reduced(reducer("frequencyHistogram"), [1, 1.0, 2.5, "a", "a", None, True])
    assert counts == {"1": 2, "2.5": 1, "a": 2, "true": 1}
    column = pd.Series(VALUES).value_counts()
    made = reduced(reducer("frequencyHistogram"), VALUES)
    assert {float(key): count for key, count in made.items()} == column.to_dict()


@every("given", [{}, {"maxBuckets": 10}, {"maxBuckets": 64, "minBucketWidth": 3}])
def test_a_histogram_counts_every_value_in_buckets_of_one_width(given: dict[str, Any]) -> None:
    made = reduced(reducer("histogram", **given), VALUES)
    counts, width = np.array(made["histogram"]), made["bucketWidth"]
    edges = made["bucketMin"] + width * np.arange(len(counts) + 1)
    assert len(counts) <= 1 << (given.get("maxBuckets", 256) - 1).bit_length()
    assert len(made["bucketMeans"]) == len(counts)
    assert np.array_equal(counts, np.histogram(VALUES, edges)[0])
    assert counts.sum() == len(VALUES)


def test_values_become_lists_and_tuples() -> None:
    assert reduced(reducer("toList"), [1, None, "a"]) == [1, "a"]
    rows = [[1, 2], [3, None], [None, 4]]
    assert reduced(reducer("toList", tupleSize=2), rows) == [[1, 2]]
    assert reduced(reducer("toList", tupleSize=2, numOptional=1), rows) == [[1, 2], [3, None]]
    assert columns(reducer("toList", tupleSize=2), ["x", "w"])["list"] == TABLE[["x", "w"]].to_numpy().tolist()
    assert "numOptional" in refused(reducer("toList", tupleSize=1, numOptional=2))


def test_a_repeated_reducer_takes_a_column_each_time() -> None:
    made = columns(reducer("repeat", reducer=reducer("toList"), count=2), ["x", "w"])
    assert made == {"list": [TABLE["x"].tolist(), TABLE["w"].tolist()]}
    means = columns(reducer("repeat", reducer=reducer("mean"), count=3), ["x", "y", "w"])
    np.testing.assert_allclose(means["mean"], TABLE[["x", "y", "w"]].mean())


def test_combined_reducers_share_inputs_or_take_their_own() -> None:
    mean, spread = reducer("mean"), reducer("stdDev")
    shared = reducer("combine", reducer1=mean, reducer2=spread, sharedInputs=True)
    assert reduced(shared, VALUES) == pytest.approx({"mean": np.mean(VALUES), "stdDev": np.std(VALUES)})
    own = reducer("combine", reducer1=mean, reducer2=mean, outputPrefix="second_")
    assert columns(own, ["x", "y"]) == pytest.approx({"mean": TABLE["x"].mean(), "second_mean": TABLE["y"].mean()})
    three = reducer("combine", reducer1=shared, reducer2=reducer("minMax"), outputPrefix="x_", sharedInputs=True)
    assert list(reduced(three, VALUES)) == ["mean", "stdDev", "x_min", "x_max"]


@every(
    ("made", "problem"),
    [
        (reducer("combine", reducer1=reducer("mean"), reducer2=reducer("mean")), "the same name"),
        (reducer("combine", reducer1=reducer("linearFit"), reducer2=reducer("mean"), sharedInputs=True), "2 and 1"),
        (reducer("percentile", percentiles=[101]), "between 0 and 100"),
        (reducer("percentile", percentiles=[]), "between 0 and 100"),
        (reducer("percentile", percentiles=[1, 2], outputNames=["a"]), "1 name for 2"),
        (reducer("repeat", reducer=reducer("mean"), count=0), "'count' is 0"),
        (reducer("min", numInputs=0), "'numInputs' is 0"),
        (reducer("histogram", maxBuckets=-1), "'maxBuckets' is -1"),
        (reducer("histogram", minBucketWidth=-1), "'minBucketWidth' is -1"),
        (reducer("intervalMean", minPercentile=90, maxPercentile=10), "in this order"),
    ],
)
def test_reducers_that_make_no_sense_are_refused(made: Value, problem: str) -> None:
    assert problem in refused(made)


def test_lists_that_do_not_fit_a_reducer_are_refused() -> None:
    two = call("List.reduce", list=[1, 2], reducer=reducer("linearFit"))
    assert refused(two).startswith("List.reduce: the reducer takes 2 inputs")
    assert refused(call("List.reduce", list=["a"], reducer=reducer("mean"))).startswith(
        "List.reduce: a reducer of numbers"
    )
    few = call(
        "Collection.reduceColumns",
        collection=call("Collection", features=[]),
        reducer=reducer("linearFit"),
        selectors=["x"],
    )
    assert refused(few).startswith("Collection.reduceColumns: the reducer needs 2 selectors")


def test_a_reducer_may_be_given_by_its_name() -> None:
    assert told(call("List.reduce", list=[1, 2, 6], reducer="mean")) == 3
    assert refused(call("List.reduce", list=[1], reducer="nothing")).startswith("List.reduce: Parameter 'reducer'")
