"""Filters of collections, by properties, dates and places."""

from datetime import UTC, datetime, timedelta
from typing import Any

import shapely

from cases import every
from graphs import Value, World, call, image, refused, told

DAYS = [datetime(2019, 12, 30, 6, 30, tzinfo=UTC) + timedelta(days=37 * at, hours=at) for at in range(24)]
IMAGES = [
    image(system__index=f"i{at}", system__time_start=round(day.timestamp() * 1000), n=at, name=f"scene {at:02d}")
    for at, day in enumerate(DAYS)
]
WORLD = World(collections={"c": IMAGES})
COLLECTION = call("ImageCollection.load", id="c")


def passing(condition: Value, collection: Value = COLLECTION, key: str = "n") -> list[Any]:
    """Return a property of the elements that a filter passes."""
    kept = call("Collection.filter", collection=collection, filter=condition)
    found: list[Any] = told(call("AggregateFeatureCollection.array", collection=kept, property=key), WORLD)
    return found


def features(*properties: dict[str, Any]) -> Value:
    """Return a collection of features without geometries."""
    return call("Collection", features=[call("Feature", metadata=given) for given in properties])


@every(
    ("name", "passes"),
    [
        ("equals", lambda n: n == 5),
        ("lessThan", lambda n: n < 5),
        ("greaterThan", lambda n: n > 5),
    ],
)
def test_a_property_is_compared_with_a_value(name: str, passes: Any) -> None:
    expected = [n for n in range(24) if passes(n)]
    assert passing(call(f"Filter.{name}", leftField="n", rightValue=5.0)) == expected
    negated = call("Filter.not", filter=call(f"Filter.{name}", leftField="n", rightValue=5))
    assert passing(negated) == [n for n in range(24) if n not in expected]


def test_a_value_may_stand_on_the_left() -> None:
    assert passing(call("Filter.lessThan", leftValue=20, rightField="n")) == [21, 22, 23]


def test_two_properties_of_an_element_are_compared() -> None:
    pairs = features({"n": 1, "m": 2}, {"n": 2, "m": 2}, {"n": 3})
    assert passing(call("Filter.equals", leftField="n", rightField="m"), pairs) == [2]


def test_a_property_that_is_not_there_passes_no_comparison_but_its_negation() -> None:
    some = features({"n": 1, "a": 1}, {"n": 2})
    for name in ("equals", "lessThan", "greaterThan"):
        assert 2 not in passing(call(f"Filter.{name}", leftField="a", rightValue=1), some)
    assert passing(call("Filter.not", filter=call("Filter.equals", leftField="a", rightValue=1)), some) == [2]
    assert passing(call("Filter.notNull", properties=["n", "a"]), some) == [1]


def test_texts_are_not_compared_with_numbers() -> None:
    mixed = features({"n": 1, "v": "5"}, {"n": 2, "v": 5}, {"n": 3, "v": "a"})
    assert passing(call("Filter.equals", leftField="v", rightValue=5), mixed) == [2]
    assert passing(call("Filter.greaterThan", leftField="v", rightValue="6"), mixed) == [3]


@every(
    ("given", "problem"),
    [
        ({}, "each side"),
        ({"leftField": "n"}, "each side"),
        ({"leftField": "n", "leftValue": 1, "rightValue": 1}, "each side"),
        ({"rightField": "n", "rightValue": 1, "leftValue": 1}, "each side"),
    ],
)
def test_a_filter_needs_two_sides(given: dict[str, Any], problem: str) -> None:
    said = refused(call("Collection.filter", collection=COLLECTION, filter=call("Filter.equals", **given)), WORLD)
    assert said.startswith(f"Filter.equals: {problem}")


@every(
    ("name", "value", "passes"),
    [
        ("stringContains", "e 1", lambda text: "e 1" in text),
        ("stringStartsWith", "scene 2", lambda text: text.startswith("scene 2")),
        ("stringEndsWith", "3", lambda text: text.endswith("3")),
    ],
)
def test_texts_are_searched(name: str, value: str, passes: Any) -> None:
    expected = [n for n in range(24) if passes(f"scene {n:02d}")]
    assert passing(call(f"Filter.{name}", leftField="name", rightValue=value)) == expected
    assert passing(call(f"Filter.{name}", leftField="n", rightValue=value)) == []


def test_a_property_is_looked_up_in_a_list() -> None:
    assert passing(call("Filter.listContains", leftValue=[3, 7.0, "9", 99], rightField="n")) == [3, 7]
    bands = features({"n": 1, "bands": ["B1", "B2"]}, {"n": 2, "bands": ["B3"]}, {"n": 3, "bands": "B1"})
    assert passing(call("Filter.listContains", leftField="bands", rightValue="B1"), bands) == [1]


def test_a_property_lies_in_a_range_with_both_ends() -> None:
    assert passing(call("Filter.rangeContains", field="n", minValue=3, maxValue=5)) == [3, 4, 5]
    between = call("Filter.rangeContains", field="name", minValue="scene 05", maxValue="scene 06")
    assert passing(between) == [5, 6]


def test_numbers_are_near_each_other() -> None:
    assert passing(call("Filter.maxDifference", difference=1.5, leftField="n", rightValue=10)) == [9, 10, 11]


def test_filters_are_put_together() -> None:
    over = call("Filter.greaterThan", leftField="n", rightValue=4)
    under = call("Filter.lessThan", leftField="n", rightValue=7)
    first = call("Filter.equals", leftField="n", rightValue=0)
    assert passing(call("Filter.and", filters=[over, under])) == [5, 6]
    assert passing(call("Filter.or", filters=[first, call("Filter.and", filters=[over, under])])) == [0, 5, 6]
    assert passing(call("Filter.and", filters=[])) == list(range(24))
    assert passing(call("Filter.or", filters=[])) == []


def test_dates_lie_in_a_range_without_its_end() -> None:
    start, end = DAYS[3], DAYS[7]
    span = call("DateRange", start=round(start.timestamp() * 1000), end=round(end.timestamp() * 1000))
    inside = call("Filter.dateRangeContains", leftValue=span, rightField="system:time_start")
    assert passing(inside) == [3, 4, 5, 6]
    year = call("DateRange", start="2021", end="2022")
    of_2021 = call("Filter.dateRangeContains", leftValue=year, rightField="system:time_start")
    assert passing(of_2021) == [at for at, day in enumerate(DAYS) if day.year == 2021]


@every(
    ("field", "of"),
    [
        ("year", lambda day: day.year),
        ("month", lambda day: day.month),
        ("day_of_year", lambda day: day.timetuple().tm_yday),
        ("day_of_month", lambda day: day.day),
        ("day_of_week", lambda day: day.isoweekday()),
        ("hour", lambda day: day.hour),
        ("minute", lambda day: day.minute),
        ("week", lambda day: day.isocalendar().week),
    ],
)
@every(("low", "high"), [(1, 3), (3, 1), (6, None), (30, 2020)])
def test_parts_of_dates_lie_in_a_range_of_the_calendar(field: str, of: Any, low: int, high: int | None) -> None:
    last = low if high is None else high
    values = [of(day) for day in DAYS]
    expected = [at for at, v in enumerate(values) if (low <= v <= last if low <= last else v >= low or v <= last)]
    assert passing(call("Filter.calendarRange", start=low, end=high, field=field)) == expected


def test_days_of_the_year_lie_in_a_range_without_its_end() -> None:
    values = [day.timetuple().tm_yday for day in DAYS]
    some = call("Filter.dayOfYear", start=values[1], end=values[2])
    low, high = values[1], values[2]
    expected = [at for at, v in enumerate(values) if (low <= v < high if low <= high else v >= low or v < high)]
    assert passing(some) == expected


def test_an_unknown_field_of_the_calendar_is_refused() -> None:
    moon = call("Filter.calendarRange", start=1, field="moon")
    said = refused(call("Collection.filter", collection=COLLECTION, filter=moon), WORLD)
    assert said.startswith("Filter.calendarRange: 'field' is 'moon'")


SHAPES = [
    shapely.box(0, 0, 2, 2),
    shapely.box(1.5, 1.5, 1.8, 1.8),
    shapely.box(5, 5, 6, 6),
    shapely.Point(1, 1),
    shapely.LineString([(-1, 1), (3, 1.2)]),
    shapely.box(2, 2, 3, 3),
    shapely.Polygon([(0, 0), (9, 0), (9, 9)], [[(4, 1), (5, 1), (5, 2)]]),
]


def shape(geometry: shapely.Geometry) -> Value:
    """Return a planar geometry as clients send it."""
    kind = geometry.geom_type
    coordinates = shapely.geometry.mapping(geometry)["coordinates"]
    planar = {} if kind == "Point" else {"geodesic": False}
    return call(f"GeometryConstructors.{kind}", coordinates=coordinates, **planar)


@every("at", range(len(SHAPES)))
@every(("name", "relates"), [("intersects", shapely.intersects), ("contains", shapely.contains)])
def test_features_are_filtered_by_place(at: int, name: str, relates: Any) -> None:
    collection = call(
        "Collection", features=[call("Feature", geometry=shape(s), metadata={"n": n}) for n, s in enumerate(SHAPES)]
    )
    place = call("Feature", geometry=shape(SHAPES[at]))
    inside = call(f"Filter.{name}", leftField=".all", rightValue=place)
    assert passing(inside, collection) == [n for n, s in enumerate(SHAPES) if relates(s, SHAPES[at])]
    around = call(f"Filter.{name}", leftValue=place, rightField=".geo")
    assert passing(around, collection) == [n for n, s in enumerate(SHAPES) if relates(SHAPES[at], s)]


def test_images_are_filtered_by_their_footprints() -> None:
    here = call("GeometryConstructors.Point", coordinates=[500500, 4199500], crs="EPSG:32610")
    there = call("GeometryConstructors.Point", coordinates=[501500, 4199500], crs="EPSG:32610")
    for place, count in ((here, 24), (there, 0)):
        inside = call("Filter.intersects", leftField=".all", rightValue=call("Feature", geometry=place))
        assert len(passing(inside)) == count


def test_a_feature_without_a_geometry_is_nowhere() -> None:
    place = call("Feature", geometry=shape(SHAPES[0]))
    assert passing(call("Filter.intersects", leftField=".all", rightValue=place), features({"n": 1})) == []
