"""Lists and dictionaries of values."""

import itertools
from typing import Any

import numpy as np

from cases import every
from graphs import World, argument, call, function, image, refused, told

DOUBLED = function("x", body=call("Number.multiply", left=argument("x"), right=2))
LETTERS = ["a", "b", "c", "d", "e"]


@every("index", [0, 2, 4, -1, -5])
def test_an_element_is_got_by_its_position_from_either_end(index: int) -> None:
    assert told(call("List.get", list=LETTERS, index=index)) == LETTERS[index]


@every("index", [5, -6])
def test_a_position_beyond_the_list_is_refused(index: int) -> None:
    assert refused(call("List.get", list=LETTERS, index=index)).startswith(
        "List.get: List index must be between 0 and 4"
    )


@every("start", [0, 1, -2, -9, 7])
@every("end", [None, 0, 3, -1, 9])
@every("step", [None, 1, 2])
def test_slices_are_those_of_python(start: int, end: int | None, step: int | None) -> None:
    assert told(call("List.slice", list=LETTERS, start=start, end=end, step=step)) == LETTERS[start:end:step]


def test_a_slice_backwards_is_refused() -> None:
    assert refused(call("List.slice", list=LETTERS, start=0, step=-1)).startswith("List.slice: 'step' is -1")


@every(
    ("given", "made"),
    [
        ({"start": 1, "end": 4}, np.arange(1, 5)),
        ({"start": 0, "end": 1, "step": 0.1}, np.arange(11) / 10),
        ({"start": 5, "end": 1, "step": -2}, [5, 3, 1]),
        ({"start": 0, "end": 5, "step": 2}, [0, 2, 4]),
        ({"start": 3, "end": 1}, []),
        ({"start": 0, "end": 10, "count": 5}, np.linspace(0, 10, 5)),
        ({"start": 2, "end": 9, "count": 1}, [2]),
        ({"start": 2, "step": 3, "count": 4}, [2, 5, 8, 11]),
    ],
)
def test_sequences_run_by_a_step_or_by_a_count(given: dict[str, Any], made: Any) -> None:
    np.testing.assert_allclose(told(call("List.sequence", **given)), list(made), rtol=1e-12)


@every(
    "given",
    [
        {"start": 0},
        {"start": 0, "end": 1, "step": 0},
        {"start": 0, "end": 1e12},
        {"start": float("nan"), "end": 1},
        {"start": 0, "end": float("inf")},
        {"start": 0, "count": 10**9},
    ],
)
def test_a_sequence_without_an_end_is_refused(given: dict[str, Any]) -> None:
    assert refused(call("List.sequence", **given)).startswith("List.sequence: ")


@every("name", ["List.size", "List.length"])
def test_the_size_of_a_list_is_told(name: str) -> None:
    assert [told(call(name, list=given)) for given in ([], LETTERS, [[1, 2], 3])] == [0, 5, 2]


def test_map_applies_a_function_and_may_drop_nulls() -> None:
    assert told(call("List.map", list=[1, 2, 3], baseAlgorithm=DOUBLED)) == [2, 4, 6]
    even = call("If", condition=call("Number.mod", left=argument("x"), right=2), falseCase=argument("x"))
    only_even = function("x", body=even)
    assert told(call("List.map", list=[1, 2, 3, 4], baseAlgorithm=only_even)) == [None, 2, None, 4]
    assert told(call("List.map", list=[1, 2, 3, 4], baseAlgorithm=only_even, dropNulls=True)) == [2, 4]


def test_iterate_hands_on_the_result_and_returns_the_start_for_no_elements() -> None:
    step = function("x", "list", body=call("List.add", list=argument("list"), element=argument("x")))
    assert told(call("List.iterate", list=[1, 2], function=step, first=["s"])) == ["s", 1, 2]
    assert told(call("List.iterate", list=[], function=step, first="start")) == "start"


@every(
    ("values", "made"),
    [
        ([3, 1.5, -2, 10], [-2, 1.5, 3, 10]),
        (["b", "a", "B"], ["B", "a", "b"]),
        ([[2, 1], [1, 5], [1, 2]], [[1, 2], [1, 5], [2, 1]]),
        ([], []),
    ],
)
def test_lists_are_sorted_by_value(values: list[Any], made: list[Any]) -> None:
    assert told(call("List.sort", list=values)) == made


def test_a_list_is_sorted_by_the_keys_of_another_and_keeps_the_order_of_equal_ones() -> None:
    assert told(call("List.sort", list=["x", "y", "z", "w"], keys=[2, 1, 2, 0])) == ["w", "y", "x", "z"]
    assert "'keys' has 1 element," in refused(call("List.sort", list=["x", "y"], keys=[2]))


def test_lists_are_zipped_to_the_shorter_one() -> None:
    assert told(call("List.zip", list=[1, 2, 3], other=["a", "b"])) == [[1, "a"], [2, "b"]]


def test_lists_are_flattened_at_all_depths() -> None:
    assert told(call("List.flatten", list=[1, [2, [3, [], [4, [5]]]], []])) == [1, 2, 3, 4, 5]


def test_distinct_elements_are_kept_in_order() -> None:
    assert told(call("List.distinct", list=[3, 1, 3.0, "3", [1], [1], None, None])) == [3, 1, "3", [1], None]


def test_elements_are_added_removed_and_joined() -> None:
    assert told(call("List.add", list=[1], element=[2])) == [1, [2]]
    assert told(call("List.cat", list=[1], other=[2, 3])) == [1, 2, 3]
    assert told(call("List.remove", list=[1, 2, 1], element=1)) == [2, 1]
    assert told(call("List.remove", list=[1, 2], element="1")) == [1, 2]
    assert told(call("List.removeAll", list=[1, 2, 1, 3], other=[1, 3, 5])) == [2]


@every(("element", "there"), [(1, True), ("1", False), ([2], True), (2, False), (None, False)])
def test_contains_compares_values_and_not_texts(element: Any, there: bool) -> None:
    found = call("List.contains", list=[1, [2]], element=element)
    if element is None:
        assert refused(found) == "List.contains: Parameter 'element' is required."
    else:
        assert told(found) is there


@every("index", range(-5, 6))
def test_elements_are_inserted_and_set_at_a_position_from_either_end(index: int) -> None:
    inserted, changed = list(LETTERS), list(LETTERS)
    inserted.insert(index, "x")
    assert told(call("List.insert", list=LETTERS, index=index, element="x")) == inserted
    if index < 5:
        changed[index] = "x"
        assert told(call("List.set", list=LETTERS, index=index, element="x")) == changed


@every(
    ("name", "given"),
    [
        ("List.insert", {"index": 6, "element": 1}),
        ("List.insert", {"index": -6, "element": 1}),
        ("List.set", {"index": 5, "element": 1}),
        ("List.swap", {"pos1": 0, "pos2": 5}),
        ("List.swap", {"pos1": -6, "pos2": 0}),
        ("List.splice", {"start": 6, "count": 0}),
        ("List.splice", {"start": 0, "count": -1}),
        ("List.shuffle", {"seed": "a"}),
        ("List.shuffle", {"seed": float("nan")}),
        ("List.unzip", {}),
        ("List.getNumber", {"index": 0}),
        ("List.getGeometry", {"index": 0}),
        ("List.getString", {"index": 9}),
    ],
)
def test_edits_out_of_the_list_are_refused(name: str, given: dict[str, Any]) -> None:
    assert refused(call(name, list=LETTERS, **given)).startswith(f"{name}: ")


def test_elements_are_swapped() -> None:
    assert told(call("List.swap", list=LETTERS, pos1=0, pos2=-1)) == ["e", "b", "c", "d", "a"]
    assert told(call("List.swap", list=[1], pos1=0, pos2=0)) == [1]


@every("start", [0, 2, 5, -1, -5])
@every("count", [0, 1, 9])
@every("other", [None, [], [1, 2]])
def test_a_splice_puts_a_list_in_place_of_elements(start: int, count: int, other: list[Any] | None) -> None:
    at = start % 5 if start < 0 else start
    expected = list(LETTERS)
    expected[at : at + count] = other or []
    assert told(call("List.splice", list=LETTERS, start=start, count=count, other=other)) == expected


def test_values_are_replaced() -> None:
    assert told(call("List.replace", list=[1, 2, 1.0], oldval=1, newval="x")) == ["x", 2, 1]
    assert told(call("List.replaceAll", list=[1, [2], 1.0], oldval=1, newval="x")) == ["x", [2], "x"]
    assert told(call("List.replace", list=[[2]], oldval=[2], newval=3)) == [3]
    assert told(call("List.replace", list=[1], oldval=5, newval=3)) == [1]


@every("distance", [0, 1, -1, 4, 7, -12])
def test_a_list_rotates_to_its_end(distance: int) -> None:
    assert told(call("List.rotate", list=LETTERS, distance=distance)) == np.roll(LETTERS, distance).tolist()
    assert told(call("List.rotate", list=[], distance=distance)) == []


@every("seed", [None, 0, 7, -3, False])
def test_a_shuffle_is_the_same_for_the_same_seed(seed: Any) -> None:
    numbers = list(range(50))
    made = told(call("List.shuffle", list=numbers, seed=seed))
    assert made != numbers
    assert sorted(made) == numbers
    assert (told(call("List.shuffle", list=numbers, seed=seed)) == made) is (seed is not False)


def test_a_value_is_repeated_a_limited_number_of_times() -> None:
    assert told(call("List.repeat", value=[1], count=3)) == [[1]] * 3
    assert told(call("List.repeat", value=[1], count=0)) == []
    for count in (-1, 1e9):
        assert refused(call("List.repeat", value=1, count=count)).startswith("List.repeat: ")


def test_lists_are_unzipped_to_the_shortest_one() -> None:
    assert told(call("List.unzip", list=[[1, "a", 0], [2, "b"], [3, "c", 9]])) == [[1, 2, 3], ["a", "b", "c"]]
    assert told(call("List.unzip", list=[])) == []
    wide = call("List.repeat", value=call("List.sequence", start=1, count=2000), count=2000)
    assert "4000000 elements is too long" in refused(call("List.unzip", list=wide))


def test_elements_are_joined_as_texts() -> None:
    assert told(call("List.join", list=["a", 1, 2.5, True], separator=", ")) == "a, 1, 2.5, true"
    assert told(call("List.join", list=["a", "b"])) == "ab"
    assert told(call("List.join", list=[], separator="-")) == ""
    long = call("List.repeat", value="x" * 1001, count=1000)
    for values in (long, [long], call("List.repeat", value="", count=1001)):
        assert "too long" in refused(call("List.join", list=values, separator="-" * 1001))


def test_elements_are_counted_and_found() -> None:
    values = [1, [2], 1.0, "1", None]
    for element, at, count in ((1, 0, 2), ([2], 1, 1), ("1", 3, 1), (5, -1, 0), ({"a": 1}, -1, 0)):
        assert told(call("List.indexOf", list=values, element=element)) == at
        assert told(call("List.frequency", list=values, element=element)) == count
    assert told(call("List.containsAll", list=values, other=["1", 1, 1]))
    assert not told(call("List.containsAll", list=values, other=[1, 2]))
    assert told(call("List.equals", list=values, other=[1.0, [2], 1, "1", None]))
    assert not told(call("List.equals", list=values, other=values[:4]))


@every("target", ["a", "aab", "aba", "abaab", "b", "ba", "bb", "c", "abacab", ""])
@every("text", ["abaababaab", "aaab", "b", ""])
def test_lists_within_lists_are_found_like_texts_within_texts(text: str, target: str) -> None:
    given = {"list": list(text), "target": list(target)}
    assert told(call("List.indexOfSublist", **given)) == text.find(target)
    assert told(call("List.lastIndexOfSubList", **given)) == text.rfind(target)


def test_a_list_is_filtered_by_its_items_or_by_properties_of_its_elements() -> None:
    above = call("Filter.greaterThan", leftField="item", rightValue=2)
    assert told(call("List.filter", list=[1, 2, 3, "4", 5], filter=above)) == [3, 5]
    features = [call("Feature", metadata={"n": n}) for n in (1, 3)]
    above = call("Filter.greaterThan", leftField="n", rightValue=2)
    (passed,) = told(call("List.filter", list=features, filter=above))
    assert passed["properties"] == {"n": 3}


def test_a_value_of_one_type_is_got() -> None:
    point = {"type": "Point", "coordinates": [1, 2]}
    owner = {"n": 1.0, "s": "a", "g": point}
    for key, kind, value in (("n", "Number", 1), ("s", "String", "a"), ("g", "Geometry", point)):
        assert told(call(f"Dictionary.get{kind}", dictionary=owner, key=key)) == value
        assert told(call(f"List.get{kind}", list=[0, owner[key]], index=-1)) == value
        other = "s" if key == "n" else "n"
        said = refused(call(f"Dictionary.get{kind}", dictionary=owner, key=other))
        assert said.endswith(f", and no {kind}.")
        assert "does not contain key" in refused(call(f"Dictionary.get{kind}", dictionary=owner, key="z"))
    feature = call("Feature", metadata={"n": 1, "s": "a"})
    assert told(call("Element.getNumber", object=feature, property="n")) == 1
    assert told(call("Element.getString", object=feature, property="s")) == "a"
    assert told(call("Element.getString", object=feature, property="z")) is None
    assert refused(call("Element.getNumber", object=feature, property="s")).endswith("'a', and no Number.")


def test_values_are_equal_by_what_they_hold() -> None:
    feature = [call("Feature", metadata={"n": n}) for n in (1, 1, 2)]
    for left, right, equal in [
        (1, 1.0, True),
        (1, "1", False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1.0}, True),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": 1}, {"a": 2}, False),
        (None, None, True),
        (None, 0, False),
        (feature[0], feature[1], True),
        (feature[0], feature[2], False),
        (call("Image.constant", value=1), call("Image.constant", value=1), False),
    ]:
        assert told(call("IsEqual", left=left, right=right)) is equal


@every(
    ("value", "name"),
    [
        (1, "Integer"),
        (1.5, "Float"),
        (2**40, "Long"),
        ("a", "String"),
        ([1], "List"),
        ({"a": 1}, "Dictionary"),
        (True, "Boolean"),
        (None, "Null"),
        (call("Date", value=0), "Date"),
        (call("Feature"), "Feature"),
        (call("Image.constant", value=1), "Image"),
        (call("GeometryConstructors.Point", coordinates=[1, 2]), "Point"),
    ],
)
def test_the_type_of_a_value_has_a_name(value: Any, name: str) -> None:
    assert told(call("ObjectType", value=value)) == name


def test_a_collection_where_a_list_is_wanted_is_the_list_of_its_elements() -> None:
    world = World(collections={"c": [image(n=1), image(n=2)]})
    loaded = call("ImageCollection.load", id="c")
    assert told(call("List.size", list=loaded), world) == 2
    again = call("ImageCollection.fromImages", images=loaded)
    assert told(call("AggregateFeatureCollection.array", collection=again, property="n"), world) == [1, 2]


# -- dictionaries ------------------------------------------------------------------------------

GIVEN = {"b": 2, "a": 1, "c10": [3]}


def test_a_value_is_got_by_its_key_or_its_default() -> None:
    assert told(call("Dictionary.get", dictionary=GIVEN, key="c10")) == [3]
    assert told(call("Dictionary.get", dictionary=GIVEN, key="z", defaultValue=5)) == 5
    assert refused(call("Dictionary.get", dictionary=GIVEN, key="z")).startswith("Dictionary.get: Dictionary does not")


def test_keys_and_values_come_in_the_order_of_the_keys() -> None:
    assert told(call("Dictionary.keys", dictionary=GIVEN)) == ["a", "b", "c10"]
    assert told(call("Dictionary.values", dictionary=GIVEN)) == [1, 2, [3]]
    assert told(call("Dictionary.values", dictionary=GIVEN, keys=["c10", "a"])) == [[3], 1]
    assert "'z'" in refused(call("Dictionary.values", dictionary=GIVEN, keys=["a", "z"]))
    assert told(call("Dictionary.size", dictionary=GIVEN)) == 3
    assert [told(call("Dictionary.contains", dictionary=GIVEN, key=key)) for key in "az"] == [True, False]


def test_dictionaries_are_made_changed_and_combined() -> None:
    assert told(call("Dictionary.fromLists", keys=["x", "y"], values=[1, [2]])) == {"x": 1, "y": [2]}
    assert "2 keys and 1 value." in refused(call("Dictionary.fromLists", keys=["x", "y"], values=[1]))
    assert told(call("Dictionary.set", dictionary={"a": 1}, key="a", value=2)) == {"a": 2}
    first, second = {"a": 1, "b": 2, "n": None}, {"b": 3, "c": 4, "m": None}
    assert told(call("Dictionary.combine", first=first, second=second)) == {"a": 1, "b": 3, "c": 4}
    kept = call("Dictionary.combine", first=first, second=second, overwrite=False)
    assert told(kept) == {"a": 1, "b": 2, "c": 4}


def test_keys_are_removed_by_name_or_regular_expression() -> None:
    assert told(call("Dictionary.remove", dictionary=GIVEN, selectors=["a"])) == {"b": 2, "c10": [3]}
    assert told(call("Dictionary.remove", dictionary=GIVEN, selectors=["[ab]", "c.*"])) == {}
    assert "'z'" in refused(call("Dictionary.remove", dictionary=GIVEN, selectors=["a", "z"]))
    ignored = call("Dictionary.remove", dictionary=GIVEN, selectors=["a", "z"], ignoreMissing=True)
    assert told(ignored) == {"b": 2, "c10": [3]}


def test_keys_are_selected_by_name_or_regular_expression() -> None:
    assert told(call("Dictionary.select", dictionary=GIVEN, selectors=["a", "c.*"])) == {"a": 1, "c10": [3]}
    assert "'z'" in refused(call("Dictionary.select", dictionary=GIVEN, selectors=["a", "z"]))
    assert told(call("Dictionary.select", dictionary=GIVEN, selectors=["z", "a"], ignoreMissing=True)) == {"a": 1}


def test_keys_are_renamed() -> None:
    def renamed(old: list[str], new: list[str], **more: Any) -> Any:
        return call("Dictionary.rename", dictionary=GIVEN, **{"from": old}, to=new, **more)

    assert told(renamed(["a"], ["x"])) == {"b": 2, "x": 1, "c10": [3]}
    assert told(renamed(["a", "b"], ["b", "a"])) == {"a": 2, "b": 1, "c10": [3]}
    assert told(renamed(["a"], ["b"], overwrite=True)) == {"b": 1, "c10": [3]}
    for old, new in ((["a"], ["b"]), (["z"], ["y"]), (["a"], []), (["a", "b"], ["x", "x"]), (["a", "a"], ["x", "y"])):
        assert refused(renamed(old, new)).startswith("Dictionary.rename: ")


def test_dictionaries_are_made_of_lists_of_keys_and_values() -> None:
    assert told(call("Dictionary", input=["a", 1, "b", [2]])) == {"a": 1, "b": [2]}
    assert told(call("Dictionary", input=GIVEN)) == GIVEN
    assert told(call("Dictionary")) == {}
    for wrong in (["a"], [1, 2], "a", 5, ["a", 1, None, 2]):
        assert refused(call("Dictionary", input=wrong)).startswith("Dictionary: ")


def test_map_over_a_dictionary_has_key_and_value_and_drops_nulls() -> None:
    joined = call("String.cat", string1=argument("k"), string2=call("String", input=argument("v")))
    assert told(call("Dictionary.map", dictionary={"a": 1, "b": 2}, baseAlgorithm=function("k", "v", body=joined))) == {
        "a": "a1",
        "b": "b2",
    }
    even = call("If", condition=call("Number.mod", left=argument("v"), right=2), falseCase=argument("v"))
    mapped = call("Dictionary.map", dictionary={"a": 1, "b": 2}, baseAlgorithm=function("k", "v", body=even))
    assert told(mapped) == {"b": 2}


def test_all_pairs_of_positions_are_sliced_alike() -> None:
    for start, end in itertools.product(range(-6, 7), repeat=2):
        assert told(call("List.slice", list=LETTERS, start=start, end=end)) == LETTERS[start:end]
