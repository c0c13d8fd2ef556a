"""Lists and dictionaries of values."""

import itertools
from typing import Any

import numpy as np
import pytest

from graphs import World, argument, call, function, image, refused, told

DOUBLED = function("x", body=call("Number.multiply", left=argument("x"), right=2))
LETTERS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("index", [0, 2, 4, -1, -5])
def test_an_element_is_got_by_its_position_from_either_end(index: int) -> None:
    assert told(call("List.get", list=LETTERS, index=index)) == LETTERS[index]


@pytest.mark.parametrize("index", [5, -6])
def test_a_position_beyond_the_list_is_refused(index: int) -> None:
    assert refused(call("List.get", list=LETTERS, index=index)).startswith(
        "List.get: List index must be between 0 and 4"
    )


@pytest.mark.parametrize("start", [0, 1, -2, -9, 7])
@pytest.mark.parametrize("end", [None, 0, 3, -1, 9])
@pytest.mark.parametrize("step", [None, 1, 2])
def test_slices_are_those_of_python(start: int, end: int | None, step: int | None) -> None:
    assert told(call("List.slice", list=LETTERS, start=start, end=end, step=step)) == LETTERS[start:end:step]


def test_a_slice_backwards_is_refused() -> None:
    assert refused(call("List.slice", list=LETTERS, start=0, step=-1)).startswith("List.slice: 'step' is -1")


@pytest.mark.parametrize(
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


@pytest.mark.parametrize(
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


@pytest.mark.parametrize("name", ["List.size", "List.length"])
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


@pytest.mark.parametrize(
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
    assert "'keys' has 1 elements" in refused(call("List.sort", list=["x", "y"], keys=[2]))


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


@pytest.mark.parametrize(("element", "there"), [(1, True), ("1", False), ([2], True), (2, False), (None, False)])
def test_contains_compares_values_and_not_texts(element: Any, there: bool) -> None:
    found = call("List.contains", list=[1, [2]], element=element)
    if element is None:
        assert refused(found) == "List.contains: Parameter 'element' is required."
    else:
        assert told(found) is there


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
    assert "2 keys and 1 values" in refused(call("Dictionary.fromLists", keys=["x", "y"], values=[1]))
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
