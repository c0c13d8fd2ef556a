"""The table of reducers: each engine that a row names runs the reducer, and where a row names none it is refused."""

from typing import Any

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from cases import every
from rasterwire.errors import InvalidExpression
from rasterwire.expression.algorithms import TABLE
from rasterwire.expression.reducers.definitions import Reducer
from rasterwire.expression.reducers.of_lists import reduce_columns
from rasterwire.expression.reducers.per_pixel import ACCUMULATORS, reduced_node
from rasterwire.expression.reducers.streaming import TALLIES, Tallies
from rasterwire.expression.reducers.table import REDUCERS, PixelEngine, RegionEngine
from rasterwire.nodes.nodes import Constant
from rasterwire.nodes.pixel_type import type_of
from rasterwire.nodes.rank import RANKS
from rasterwire.pixels import Window
from rasterwire.render.computed import compute

VALUES = [3.0, 1.0, 2.0, 2.0]
LINE = [7.0, 3.0, 5.0, 5.0]
"""Twice the values, and one more."""

PARAMETERS: dict[str, dict[str, Any]] = {
    "percentile": {"percentiles": [25]},
    "intervalMean": {"minPercentile": 0, "maxPercentile": 50},
    "repeat": {"reducer": Reducer("mean", outputs=("mean",)), "count": 2},
    "combine": {
        "reducer1": Reducer("min", outputs=("min",)),
        "reducer2": Reducer("count", outputs=("count",)),
        "sharedInputs": True,
    },
    "unweighted": {"reducer": Reducer("mean", outputs=("mean",))},
}

EXPECTED: dict[str, list[Any]] = {
    "mean": [2],
    "sum": [8],
    "product": [12],
    "stdDev": [0.5**0.5],
    "variance": [0.5],
    "min": [1],
    "max": [3],
    "count": [4],
    "first": [3],
    "firstNonNull": [3],
    "last": [2],
    "lastNonNull": [2],
    "allNonZero": [1],
    "anyNonZero": [1],
    "median": [2],
    "percentile": [1.75],
    "intervalMean": [5 / 3],
    "mode": [2],
    "countDistinct": [3],
    "countDistinctNonNull": [3],
    "frequencyHistogram": [{"1": 1, "2": 2, "3": 1}],
    "histogram": [{"bucketMeans": [1, 2, 3], "bucketMin": 1, "bucketWidth": 1, "histogram": [1, 2, 1]}],
    "toList": [VALUES],
    "linearFit": [2, 1],
    "combine": [1, 4],
    "repeat": [[2, 5]],
    "mosaic": [2],
}
"""Results for the values, and the line where there is a second input, by hand."""


def of_kind(kind: str) -> Reducer:
    if kind == "mosaic":  # no function returns it
        return Reducer("mosaic", outputs=("mosaic",))
    return of_function(kind)


def of_function(name: str) -> Reducer:
    function = TABLE[f"Reducer.{name}"]
    assert function.call is not None
    given = PARAMETERS.get(name, {})
    reducer = function.call(*(given.get(a.name, _default(a.default)) for a in function.signature.arguments))
    assert isinstance(reducer, Reducer)
    return reducer


def _default(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value


def columns(reducer: Reducer) -> list[Any]:
    return [VALUES, LINE][: reducer.inputs]


def at_pixels(reducer: Reducer) -> list[Any]:
    inputs = [Constant(value, "float64") for value in VALUES]
    nodes = [reduced_node(part, inputs, [type_of("float64")] * 4)[1] for part in reducer.simple_parts()]
    grid = GeoBox((2, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    pixels = compute(nodes, grid, Window(0, 0, 2, 2))
    assert all(part.valid.all() and (part.data == part.data[0, 0]).all() for part in pixels)
    return [part.data[0, 0] for part in pixels]


def in_regions(reducer: Reducer) -> list[Any]:
    tallies = Tallies(reducer)
    while True:
        for part in (slice(0, 2), slice(2, 4)):
            tallies.add([np.array(column[part]) for column in columns(reducer)], None)
        if not tallies.another_pass():
            return list(tallies.results().values())


def over_lists(reducer: Reducer) -> list[Any]:
    return list(reduce_columns(reducer, columns(reducer), weights=None).values())


def assert_close(found: list[Any], expected: list[Any]) -> None:
    for value, wanted in zip(found, expected, strict=True):
        assert value == (wanted if isinstance(wanted, list | dict) else pytest.approx(wanted, rel=1e-12))


@every("kind", EXPECTED)
def test_each_engine_of_a_row_runs_the_reducer_and_a_row_without_one_refuses_it(kind: str) -> None:
    row, reducer = REDUCERS[kind], of_kind(kind)
    engines = [(row.at_pixels, at_pixels), (row.in_regions, in_regions), (row.over_lists, over_lists)]
    for engine, run in engines:
        if run is at_pixels and kind == "combine":
            assert_close(run(reducer), EXPECTED[kind])  # a band for each part
        elif engine is None:
            with pytest.raises(InvalidExpression, match=f"reducer {kind}: not implemented by this server"):
                run(reducer)
        else:
            assert_close(run(reducer), EXPECTED[kind])


def test_every_row_is_tested() -> None:
    assert set(EXPECTED) == set(REDUCERS)


def test_every_reducer_that_a_function_returns_has_a_row_with_its_outputs() -> None:
    names = {name.removeprefix("Reducer.") for name in TABLE if name.startswith("Reducer.")}
    built = {name for name in names if TABLE[f"Reducer.{name}"].call is not None}
    assert set(REDUCERS) - {"mosaic"} <= built
    for name in built:
        for part in of_function(name).simple_parts():
            row = REDUCERS[part.kind]
            assert part.outputs == row.outputs or not row.outputs, name
            assert row.over_lists is not None, name
            assert row.in_regions is not None, name


def test_the_engines_are_those_of_the_table() -> None:
    assert set(ACCUMULATORS) == {k for k, row in REDUCERS.items() if row.at_pixels is PixelEngine.ACCUMULATOR}
    assert set(RANKS) == {kind for kind, row in REDUCERS.items() if row.at_pixels is PixelEngine.RANK}
    assert set(TALLIES) == {kind for kind, row in REDUCERS.items() if row.in_regions is RegionEngine.TALLY}


@every("kind", [kind for kind, row in REDUCERS.items() if row.in_regions not in {None, RegionEngine.PARTS}])
def test_weights_count_for_the_rows_that_are_weighted(kind: str) -> None:
    reducer = of_kind(kind)
    curve = [7.0, 3.0, 5.0, 9.0]
    results = []
    for weights in (None, np.array([1.0, 0.25, 1.0, 1.0])):
        tallies = Tallies(reducer)
        tallies.add([np.array(column) for column in (VALUES, curve)][: reducer.inputs], weights)
        tallies.another_pass()
        results.append(tallies.results())
    assert (results[0] != results[1]) == REDUCERS[kind].is_weighted
    assert reducer.weighs == REDUCERS[kind].is_weighted


@every("kind", [kind for kind, row in REDUCERS.items() if row.in_regions is RegionEngine.VALUE_TABLE])
def test_a_table_stores_nothing_more_where_its_row_takes_passes(kind: str) -> None:
    tallies = Tallies(of_kind(kind))
    tallies.add([np.array(VALUES)], None)
    tallies.use_passes()
    assert (tallies.stored_count == 0) == REDUCERS[kind].takes_passes
    while tallies.another_pass():
        tallies.add([np.array(VALUES)], None)
    assert_close(list(tallies.results().values()), EXPECTED[kind])
