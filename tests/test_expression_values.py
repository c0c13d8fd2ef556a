"""How graphs are evaluated: closures, references, what is shared and what is not computed at all."""

import json
from typing import Any

from cases import every
from graphs import World, argument, call, evaluated, function, graph, image, refused, told
from rasterwire.expression.evaluation import evaluate_graph
from rasterwire.expression.language.graph import read_graph


def failing() -> Any:
    """Return a value that cannot be computed."""
    return call("List.get", list=[], index=0)


@every(
    ("condition", "holds"),
    [
        (1, True),
        (-0.5, True),
        (0, False),
        (0.0, False),
        (float("nan"), False),
        (True, True),
        (False, False),
        (None, False),
        ("", False),
        ("no", True),
        ([], False),
        ([0], True),
        ({}, False),
        ({"a": None}, True),
    ],
)
def test_if_follows_the_truth_of_its_condition(condition: Any, holds: bool) -> None:
    assert told(call("If", condition=condition, trueCase="yes", falseCase="no")) == ("yes" if holds else "no")


def test_if_computes_only_the_side_that_is_chosen() -> None:
    assert told(call("If", condition=1, trueCase="yes", falseCase=failing())) == "yes"
    assert told(call("If", condition=0, trueCase=failing(), falseCase="no")) == "no"
    assert "List.get: " in refused(call("If", condition=failing(), trueCase=1, falseCase=2))


def test_if_without_a_side_is_null() -> None:
    assert told(call("If", condition=True)) is None
    assert told(call("If", condition=False, trueCase=5)) is None


def test_an_object_is_true_as_a_condition() -> None:
    world = World({"a": image()})
    assert told(call("If", condition=call("Image.load", id="a"), trueCase=1, falseCase=2), world) == 1


def test_the_inner_function_of_two_maps_sees_the_variable_of_the_outer_one() -> None:
    inner = function(
        "_MAPPING_VAR_0_0",
        body=call("Number.add", left=argument("_MAPPING_VAR_0_0"), right=argument("_MAPPING_VAR_1_0")),
    )
    outer = function("_MAPPING_VAR_1_0", body=call("List.map", list=[10, 20], baseAlgorithm=inner))
    assert told(call("List.map", list=[1, 2, 3], baseAlgorithm=outer)) == [[11, 21], [12, 22], [13, 23]]


def test_a_function_within_a_function_of_the_same_argument_name_has_its_own() -> None:
    inner = function("x", body=call("Number.multiply", left=argument("x"), right=10))
    body = call("List.add", list=call("List.map", list=[7, 8], baseAlgorithm=inner), element=argument("x"))
    assert told(call("List.map", list=[1, 2], baseAlgorithm=function("x", body=body))) == [[70, 80, 1], [70, 80, 2]]


def test_iterate_within_map_starts_anew_for_each_element() -> None:
    step = function("item", "sum", body=call("Number.add", left=argument("item"), right=argument("sum")))
    body = call("List.iterate", list=[1, 2, 3], function=step, first=argument("start"))
    assert told(call("List.map", list=[0, 100], baseAlgorithm=function("start", body=body))) == [6, 106]


def test_map_within_iterate_sees_the_result_before() -> None:
    scale = function("x", body=call("Number.multiply", left=argument("x"), right=argument("factor")))
    step = function("factor", "before", body=call("List.map", list=argument("before"), baseAlgorithm=scale))
    assert told(call("List.iterate", list=[2, 3], function=step, first=[1, 5])) == [6, 30]


def test_a_function_can_be_called_by_reference() -> None:
    difference = function("a", "b", body=call("Number.subtract", left=argument("a"), right=argument("b")))
    assert told(call(difference, b=2, a=call(difference, a=10, b=1))) == 7


def test_a_function_that_is_returned_by_a_function_keeps_the_arguments_around_it() -> None:
    adder = function("y", body=call("Number.add", left=argument("x"), right=argument("y")))
    # the definition is the value of a call, as a closure over x
    maker = function("x", body=call("If", condition=1, trueCase=adder))
    assert told(call(call(maker, x=5), y=2)) == 7


def test_a_function_of_more_arguments_than_it_is_called_with_says_which_is_missing() -> None:
    two = function("a", "b", body=argument("a"))
    assert refused(call("List.map", list=[1], baseAlgorithm=two)).endswith("without its argument 'b'")


def test_a_call_of_what_is_no_function_is_refused() -> None:
    assert "is no function" in refused(call(call("Number.add", left=1, right=2), a=1))


def test_an_explicit_null_is_an_argument_that_is_not_given() -> None:
    plain = call("List.slice", list=[1, 2, 3], start=1)
    spelled = call("List.slice", list=[1, 2, 3], start=1, end=None, step=None)
    assert told(plain) == told(spelled) == [2, 3]
    assert told(call("Number.format", number=1.5, pattern=None)) == "1.5"
    computed = call("If", condition=0, trueCase=1)
    assert told(call("List.slice", list=[1, 2, 3], start=1, end=computed)) == [2, 3]


def test_arguments_with_defaults_may_be_left_out() -> None:
    assert told(call("List.sequence", start=1, end=3)) == [1, 2, 3]


def test_a_value_that_is_referred_to_often_is_computed_once() -> None:
    world = World({"a": image(size=1)})
    loaded = call("Image.load", id="a")
    size = call("Element.get", object=loaded, property="size")
    total: Any = size
    for _ in range(30):  # 2 ** 30 paths lead to the image
        total = call("Number.add", left=total, right=total)
    names = call("Image.bandNames", image=loaded)
    assert told([total, names, loaded], world)[:2] == [2**30, ["B1"]]
    assert world.requests == ["a"]


def test_in_a_map_only_what_depends_on_the_element_is_computed_for_each() -> None:
    world = World({"same": image(n=10), "a": image(n=1), "b": image(n=2)})
    same = call("Element.get", object=call("Image.load", id="same"), property="n")
    own = call("Image.load", id=argument("x"))
    twice = [
        call("Number.add", left=call("Element.get", object=own, property="n"), right=same),
        call("Image.bandNames", image=own),
    ]
    mapped = call("List.map", list=["a", "b"], baseAlgorithm=function("x", body=call("List.flatten", list=twice)))
    assert told(mapped, world) == [[11, "B1"], [12, "B1"]]
    assert sorted(world.requests) == ["a", "b", "same"]


def test_a_value_of_the_outer_variable_is_computed_once_for_each_outer_element() -> None:
    world = World({"a": image(n=1), "b": image(n=2)})
    of_outer = call("Element.get", object=call("Image.load", id=argument("x")), property="n")
    inner = function("y", body=call("Number.multiply", left=of_outer, right=argument("y")))
    outer = function("x", body=call("List.map", list=[1, 10, 100], baseAlgorithm=inner))
    assert told(call("List.map", list=["a", "b"], baseAlgorithm=outer), world) == [[1, 10, 100], [2, 20, 200]]
    assert world.requests == ["a", "b"]


def test_a_chain_of_thousands_of_calls_is_evaluated() -> None:
    values: dict[str, Any] = {"0": {"constantValue": 0}}
    for at in range(1, 5001):
        arguments = {"left": {"valueReference": str(at - 1)}, "right": {"constantValue": 1}}
        values[str(at)] = {"functionInvocationValue": {"functionName": "Number.add", "arguments": arguments}}
    assert evaluate_graph(read_graph({"result": "5000", "values": values}), World()) == 5000


def test_lists_and_dictionaries_of_a_graph_may_hold_computed_values() -> None:
    two = call("Number.add", left=1, right=1)
    assert told([two, {"a": two, "b": [two, None, "c"]}]) == [2, {"a": 2, "b": [2, None, "c"]}]


def test_integers_and_bytes_of_a_graph_are_read() -> None:
    whole = {"integerValue": "9007199254740993"}
    document = {"result": "0", "values": {"0": {"arrayValue": {"values": [whole, {"constantValue": 1.5}]}}}}
    assert evaluate_graph(read_graph(document), World()) == [9007199254740993, 1.5]


def test_a_graph_of_these_tests_is_what_clients_write() -> None:
    written = graph(call("Number.add", left=1, right=call("List.size", list=[1])))
    result = written["values"][written["result"]]["functionInvocationValue"]
    assert result["functionName"] == "Number.add"
    assert result["arguments"]["left"] == {"constantValue": 1}
    assert set(result["arguments"]["right"]) == {"valueReference"}


def test_twenty_and_twenty_point_zero_are_the_same_number() -> None:
    assert told(call("List.get", list=[5, 6, 7], index=2.0)) == 7
    assert told(call("List.contains", list=[1, 20.0], element=20)) is True
    assert json.dumps(told(call("Number.multiply", left=2.0, right=10))) == "20"


def test_values_keep_their_kind_through_lists_and_dictionaries() -> None:
    world = World({"a": image("B1", "B2")})
    listed = call("List.add", list=[], element=call("Image.load", id="a"))
    assert evaluated(call("List.get", list=listed, index=0), world).bands[1].name == "B2"
