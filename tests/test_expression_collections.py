"""Collections of images and features: their order, their parts, joins of two, and the properties of elements."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cases import every
from graphs import Value, World, argument, call, evaluated, function, image, refused, told

TABLE = pd.DataFrame(
    {
        "n": [3.0, 1.0, 2.0, 2.0, np.nan],
        "name": ["c", "a", "b", "b", "e"],
        "k": [10, 20, 30, 40, 50],
    }
)


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as properties; what is not there is left out."""
    return [{key: value for key, value in row.items() if value == value} for row in table.to_dict("records")]


def features(properties: list[dict[str, Any]]) -> Value:
    return call("Collection", features=[call("Feature", metadata=given) for given in properties])


COLLECTION = features(rows(TABLE))
WORLD = World(collections={"c": [image(system__index=f"i{at}", n=at) for at in range(10)]})
IMAGES = call("ImageCollection.load", id="c")


def column(collection: Value, key: str) -> Any:
    return told(call("AggregateFeatureCollection.array", collection=collection, property=key), WORLD)


def test_the_size_and_the_first_of_a_collection_are_told() -> None:
    assert told(call("Collection.size", collection=COLLECTION)) == 5
    first = call("Collection.first", collection=COLLECTION)
    assert told(call("Element.get", object=first, property="k")) == 10
    assert told(call("Collection.first", collection=features([]))) is None
    assert told(call("Collection.size", collection=IMAGES), WORLD) == 10


@every("ascending", [True, False])
def test_a_collection_is_sorted_by_a_property_nulls_last(ascending: bool) -> None:
    ordered = call("Collection.limit", collection=COLLECTION, key="n", ascending=ascending)
    # the order of equal elements is kept upwards; downwards it is not told
    expected = TABLE.sort_values("n", ascending=ascending, kind="stable", na_position="last")
    assert column(ordered, "n") == expected["n"].dropna().tolist()
    assert column(ordered, "k")[-1] == 50


def test_a_collection_is_sorted_by_texts_and_cut() -> None:
    cut = call("Collection.limit", collection=COLLECTION, limit=3, key="name")
    assert column(cut, "k") == [20, 30, 40]
    assert column(call("Collection.limit", collection=COLLECTION, limit=2), "k") == [10, 20]
    assert column(call("Collection.limit", collection=COLLECTION, limit=0), "k") == []
    assert refused(call("Collection.limit", collection=COLLECTION, limit=-1)).startswith(
        "Collection.limit: 'limit' is -1"
    )


@every(("count", "offset"), [(2, 0), (3, 8), (5, 20), (0, 0), (100, 2)])
def test_elements_become_a_list(count: int, offset: int) -> None:
    listed = call("Collection.toList", collection=IMAGES, count=count, offset=offset)
    of = function("i", body=call("Element.get", object=argument("i"), property="n"))
    assert told(call("List.map", list=listed, baseAlgorithm=of), WORLD) == list(range(10))[offset : offset + count]


def test_map_keeps_the_index_of_each_element_and_may_drop_nulls() -> None:
    n = call("Element.get", object=argument("f"), property="n")
    made = call("Feature", metadata={"double": call("Number.multiply", left=n, right=2)})
    mapped = call("Collection.map", collection=IMAGES, baseAlgorithm=function("f", body=made))
    assert column(mapped, "double") == [2 * at for at in range(10)]
    assert column(mapped, "system:index") == [f"i{at}" for at in range(10)]
    odd = call("If", condition=call("Number.mod", left=n, right=2), trueCase=argument("f"))
    only = call("Collection.map", collection=IMAGES, baseAlgorithm=function("f", body=odd), dropNulls=True)
    assert column(only, "n") == [1, 3, 5, 7, 9]


@every("result", [None, 5, "text", [1]])
def test_map_refuses_what_is_no_element(result: Any) -> None:
    mapped = call(
        "Collection.map",
        collection=COLLECTION,
        baseAlgorithm=function("f", body=call("If", trueCase=1, falseCase=result)),
    )
    assert refused(mapped) == "Collection.map: A mapped algorithm must return a Feature or Image."


def test_iterate_collects_over_elements() -> None:
    n = call("Element.get", object=argument("f"), property="n")
    step = function("f", "sum", body=call("Number.add", left=n, right=argument("sum")))
    assert told(call("Collection.iterate", collection=IMAGES, function=step, first=100), WORLD) == 145


def test_duplicates_are_taken_away_by_some_properties() -> None:
    assert column(call("Collection.distinct", collection=COLLECTION, properties="name"), "k") == [10, 20, 30, 50]
    assert column(call("Collection.distinct", collection=COLLECTION, properties=["name", "k"]), "k") == [
        10,
        20,
        30,
        40,
        50,
    ]
    points = [call("Feature", geometry=call("GeometryConstructors.Point", coordinates=[x, 0])) for x in (1, 2, 1)]
    distinct = call("Collection.distinct", collection=call("Collection", features=points), properties=[".geo"])
    assert column(distinct, "system:index") == ["0", "1"]


def test_merged_collections_say_which_one_an_element_is_of() -> None:
    merged = call("Collection.merge", collection1=COLLECTION, collection2=features([{"k": 60}]))
    assert column(merged, "k") == [10, 20, 30, 40, 50, 60]
    assert column(merged, "system:index") == ["1_0", "1_1", "1_2", "1_3", "1_4", "2_0"]
    images = call("ImageCollection.merge", collection1=IMAGES, collection2=IMAGES)
    assert told(call("Collection.size", collection=images), WORLD) == 20


def test_images_become_a_collection_with_indices() -> None:
    made = call("ImageCollection.fromImages", images=[call("Image.constant", value=at) for at in (5, 6)])
    assert column(made, "system:index") == ["0", "1"]
    assert evaluated(made).of_images


@every(
    ("name", "of"),
    [
        ("mean", lambda s: s.mean()),
        ("min", lambda s: s.min()),
        ("max", lambda s: s.max()),
        ("sum", lambda s: s.sum()),
        ("count", lambda s: s.count()),
        ("product", lambda s: s.prod()),
        ("total_sd", lambda s: s.std(ddof=0)),
        ("total_var", lambda s: s.var(ddof=0)),
        ("sample_sd", lambda s: s.std()),
        ("sample_var", lambda s: s.var()),
        ("first", lambda s: s.iloc[0]),
        ("count_distinct", lambda s: s.nunique()),
    ],
)
def test_a_property_is_aggregated_without_nulls(name: str, of: Any) -> None:
    made = told(call(f"AggregateFeatureCollection.{name}", collection=COLLECTION, property="n"))
    assert made == pytest.approx(of(TABLE["n"]))


def test_all_statistics_of_a_property_are_told_at_once() -> None:
    made = told(call("AggregateFeatureCollection.stats", collection=COLLECTION, property="n"))
    for name in ("sum", "min", "max", "mean", "total_sd", "total_var", "sample_sd", "sample_var"):
        one = told(call(f"AggregateFeatureCollection.{name}", collection=COLLECTION, property="n"))
        assert made.pop(name) == pytest.approx(one), name
    assert made == {}


def test_a_single_value_has_no_sample_variance() -> None:
    single = features([{"n": 5}])
    assert told(call("AggregateFeatureCollection.sample_var", collection=single, property="n")) is None
    assert told(call("AggregateFeatureCollection.sample_sd", collection=single, property="n")) is None


def test_a_property_is_remapped_and_elements_without_a_new_value_are_dropped() -> None:
    given = features([{"n": 1}, {"n": "a"}, {"n": 2}, {"n": 1.0}, {}])
    made = call("Collection.remap", collection=given, lookupIn=["a", 1], lookupOut=[7, 8], columnName="n")
    assert column(made, "n") == [8, 7, 8]
    for old, new in (([1], [1, 2]), ([[1]], [1]), ([1], ["a"])):
        said = call("Collection.remap", collection=given, lookupIn=old, lookupOut=new, columnName="n")
        assert "'lookup" in refused(said)


def test_values_of_a_property_are_listed_and_counted() -> None:
    assert column(COLLECTION, "n") == [3, 1, 2, 2]
    counts = told(call("AggregateFeatureCollection.histogram", collection=COLLECTION, property="name"))
    assert counts == TABLE["name"].value_counts().to_dict()
    numbers = told(call("AggregateFeatureCollection.histogram", collection=COLLECTION, property="n"))
    assert numbers == {"1": 1, "2": 2, "3": 1}


# -- joins -------------------------------------------------------------------------------------

LEFT = features([{"k": 1, "t": 10}, {"k": 2, "t": 20}, {"k": 3, "t": 30}])
RIGHT = features([{"k": 2, "t": 26, "v": "x"}, {"k": 2, "t": 21, "v": "y"}, {"k": 3, "t": 90, "v": "z"}])
SAME = call("Filter.equals", leftField="k", rightField="k")
NEAR = call("Filter.maxDifference", difference=10, leftField="t", rightField="t")


def joined(join: Value, condition: Value) -> Any:
    made = told(call("Join.apply", join=join, primary=LEFT, secondary=RIGHT, condition=condition))
    return [feature["properties"] for feature in made["features"]]


def test_an_inner_join_pairs_what_fits() -> None:
    left, right = pd.DataFrame({"k": [1, 2, 3]}), pd.DataFrame({"k": [2, 2, 3], "v": ["x", "y", "z"]})
    pairs = joined(call("Join.inner"), SAME)
    found = [(pair["primary"]["properties"]["k"], pair["secondary"]["properties"]["v"]) for pair in pairs]
    assert found == list(left.merge(right, on="k").itertuples(index=False, name=None))
    named = joined(call("Join.inner", primaryKey="a", secondaryKey="b"), SAME)
    assert set(named[0]) == {"a", "b"}


def test_a_join_saves_the_first_match_in_an_order() -> None:
    def matches(**given: Any) -> list[tuple[int, Any]]:
        saved = joined(call("Join.saveFirst", matchKey="m", **given), SAME)
        return [(one["k"], one["m"]["properties"]["v"] if "m" in one else None) for one in saved]

    assert matches() == [(2, "x"), (3, "z")]
    assert matches(ordering="t") == [(2, "y"), (3, "z")]
    assert matches(ordering="t", ascending=False) == [(2, "x"), (3, "z")]
    assert matches(outer=True) == [(1, None), (2, "x"), (3, "z")]


def test_conditions_of_a_join_are_put_together_and_negated() -> None:
    both = joined(call("Join.inner"), call("Filter.and", filters=[SAME, NEAR]))
    assert [pair["secondary"]["properties"]["v"] for pair in both] == ["x", "y"]
    either = joined(call("Join.inner"), call("Filter.or", filters=[SAME, NEAR]))
    assert [(p["primary"]["properties"]["k"], p["secondary"]["properties"]["v"]) for p in either] == [
        (2, "x"),
        (2, "y"),
        (3, "x"),
        (3, "y"),
        (3, "z"),
    ]
    apart = joined(call("Join.inner"), call("Filter.not", filter=SAME))
    assert len(apart) == 9 - 3


def test_the_measure_of_a_match_is_saved_where_the_filter_has_one() -> None:
    pairs = joined(call("Join.inner", measureKey="dt"), NEAR)
    assert [pair["dt"] for pair in pairs] == [6, 1, 4, 9]
    saved = joined(call("Join.saveFirst", matchKey="m", measureKey="dt"), NEAR)
    assert [one["m"]["properties"]["dt"] for one in saved] == [6, 4]
    assert "dt" not in joined(call("Join.inner", measureKey="dt"), SAME)[0]


def test_a_join_needs_a_condition_on_both_collections() -> None:
    alone = call("Filter.notNull", properties=["k"])
    said = refused(call("Join.apply", join=call("Join.inner"), primary=LEFT, secondary=RIGHT, condition=alone))
    assert said.startswith("Join.apply: a join needs a filter of a leftField and a rightField")


# -- elements ----------------------------------------------------------------------------------

LANDSAT = World({"L": image("B1", "B2", id="L", system__index="L1", system__time_start=5, cloud=0.5, path=44)})
LOADED = call("Image.load", id="L")


def test_properties_are_got_set_and_taken_away() -> None:
    assert told(call("Element.get", object=LOADED, property="cloud"), LANDSAT) == 0.5
    assert told(call("Element.get", object=LOADED, property="nothing"), LANDSAT) is None
    renewed = call("Element.set", object=LOADED, key="when", value=call("Date", value=77))
    assert told(call("Element.get", object=renewed, property="when"), LANDSAT) == 77
    gone = call("Element.set", object=LOADED, key="cloud", value=None)
    assert told(call("Element.get", object=gone, property="cloud"), LANDSAT) is None
    several = call("Element.setMulti", object=LOADED, properties={"cloud": 1, "row": 34})
    assert told(call("Element.toDictionary", element=several), LANDSAT) == {"cloud": 1, "path": 44, "row": 34}
    assert told(several, LANDSAT)["id"] == "L"


def test_a_dictionary_of_properties_has_those_of_the_system_only_by_name() -> None:
    assert told(call("Element.toDictionary", element=LOADED), LANDSAT) == {"cloud": 0.5, "path": 44}
    named = call("Element.toDictionary", element=LOADED, properties=["path", "system:time_start"])
    assert told(named, LANDSAT) == {"path": 44, "system:time_start": 5}
    names = told(call("Element.propertyNames", element=LOADED), LANDSAT)
    assert {"cloud", "path", "system:time_start", "system:index", "system:bands", "system:id"} <= set(names)


def test_properties_are_copied_without_those_of_the_system() -> None:
    plain = call("Image.constant", value=1)

    def copied(**given: Any) -> Any:
        made = call("Element.copyProperties", destination=plain, source=LOADED, **given)
        return told(made, LANDSAT).get("properties", {})

    assert copied() == {"cloud": 0.5, "path": 44}
    assert copied(exclude=["cloud"]) == {"path": 44}
    assert copied(properties=["system:time_start", "nothing"]) == {"system:time_start": 5}
    both = call("Element.copyProperties", destination=plain, source=LOADED, properties=["path"], exclude=["cloud"])
    assert "cannot be given together" in refused(both, LANDSAT)


def test_an_image_has_a_date_and_an_index() -> None:
    assert told(call("Image.date", image=LOADED), LANDSAT) == {"type": "Date", "value": 5}
    assert told(call("Image.id", element=LOADED), LANDSAT) == "L1"
    said = refused(call("Image.date", image=call("Image.constant", value=1)))
    assert said == "Image.date: the image has no property 'system:time_start'."


def test_properties_of_a_feature_are_selected_and_renamed() -> None:
    place = call("GeometryConstructors.Point", coordinates=[1, 2])
    feature = call("Feature", geometry=place, metadata={"a1": 1, "a2": 2, "b": 3})
    some = told(call("Feature.select", input=feature, propertySelectors=["b", "a.*"]))
    assert some["properties"] == {"b": 3, "a1": 1, "a2": 2}
    assert some["geometry"]["coordinates"] == [1, 2]
    bare = call("Feature.select", input=feature, propertySelectors=["b"], newProperties=["c"], retainGeometry=False)
    assert told(bare) == {"type": "Feature", "geometry": None, "properties": {"c": 3}}
    said = refused(call("Feature.select", input=feature, propertySelectors=["a.*"], newProperties=["c"]))
    assert said.startswith("Feature.select: 'propertySelectors' selects 2 names, and 'newProperties' 1 name.")
