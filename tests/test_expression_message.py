"""Expressions of messages: the same graphs as their JSON, and the same refusals."""

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf import json_format

from cases import every
from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.graph import MAX_MEMBERS, read_graph
from rasterwire.server.messages.expression import graph_of, write_graph
from rasterwire.v1 import expression_pb2

CONSTANTS: list[Any] = [
    None,
    True,
    0.0,
    -1.5,
    "text",
    "",
    [],
    [1.0, 2.0, 3.0],
    [0.0, 1.0],
    [0.0, False],
    [0.0, None],
    [1e308, 1e308],
    [1.0, "a", None, False],
    [[1.0, 2.0], [0.0, 0.0]],
    {},
    {"a": [1.0], "b": {"c": "d"}},
]
"""Numbers are floats, since those of messages are."""


def message(document: dict[str, Any]) -> expression_pb2.Expression:
    return json_format.ParseDict(document, expression_pb2.Expression())


def typed(value: Any) -> Any:
    """Return values with their types, since 1.0 == True."""
    if dataclasses.is_dataclass(value):
        return type(value), [typed(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return {key: typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list | tuple) else (type(value), value)


class Random:
    """Makes nodes that refer to values of a graph by larger numbers."""

    def __init__(self, seed: int) -> None:
        self.of = random.Random(seed)

    def node(self, later: list[str], depth: int = 0) -> dict[str, Any]:
        kind = self.of.choice(
            ["constant", "integer", "bytes", "argument"] + ["list", "record", "call", "refer", "define"] * (depth < 4)
        )
        few = [self.node(later, depth + 1) for _ in range(self.of.randrange(4))] if kind in {"list", "record"} else []
        match kind:
            case "integer":
                return {"integerValue": str(self.of.randrange(-(1 << 63), 1 << 63))}
            case "bytes":
                return {"bytesValue": "AAEC/w=="}
            case "argument":
                return {"argumentReference": self.of.choice("xyz")}
            case "list":
                return {"arrayValue": {"values": few}}
            case "record":
                return {"dictionaryValue": {"values": {f"k{at}": item for at, item in enumerate(few)}}}
            case "call":
                function: dict[str, Any] = {"functionName": "Image.add"}
                if later and self.of.random() < 0.5:
                    function = {"functionReference": self.of.choice(later)}
                return {"functionInvocationValue": {**function, "arguments": {"a": self.node(later, depth + 1)}}}
            case "refer" if later:
                return {"valueReference": self.of.choice(later)}
            case "define" if later:
                names = self.of.sample("xyz", self.of.randrange(3))
                return {"functionDefinitionValue": {"argumentNames": names, "body": self.of.choice(later)}}
            case _:
                return {"constantValue": self.of.choice(CONSTANTS)}


@every("seed", range(50))
def test_a_message_is_the_graph_of_its_json(seed: int) -> None:
    made, keys = Random(seed), [str(at) for at in range(12)]
    values = {key: made.node(keys[at + 1 :]) for at, key in enumerate(keys)}
    document = {"result": "0", "values": {**values, "0": {"arrayValue": {"values": [*values.values()]}}}}
    read, told = graph_of(message(document)), read_graph(document)
    assert read.result == told.result
    assert typed(read.values) == typed(told.values)
    assert read.free == told.free


@every("seed", range(50))
def test_a_graph_is_written_as_the_message_of_its_json(seed: int) -> None:
    random_nodes, keys = Random(seed), [str(at) for at in range(12)]
    values = {key: random_nodes.node(keys[at + 1 :]) for at, key in enumerate(keys)}
    values["0"] = {"arrayValue": {"values": [*values.values()]}}
    written = expression_pb2.Expression()
    write_graph(read_graph({"result": "0", "values": values}, as_message=True), written)
    needed = message({"result": "0", "values": {key: values[key] for key in written.values}})
    assert written.SerializeToString(deterministic=True) == needed.SerializeToString(deterministic=True)


@every("constant", CONSTANTS)
def test_constants_are_those_of_json(constant: Any) -> None:
    document = {"result": "0", "values": {"0": {"constantValue": constant}}}
    assert typed(graph_of(message(document)).values) == typed(read_graph(document).values)


def test_numbers_that_are_none_are_refused() -> None:
    for number in (float("nan"), float("inf")):
        made = expression_pb2.Expression(result="0")
        made.values["0"].constant_value.list_value.values.add(number_value=number)
        with pytest.raises(InvalidExpression, match=f"value '0': the number {number} is not finite"):
            graph_of(made)


@every(
    ("values", "said"),
    [
        ({}, "value '0' is referred to, but is not in 'values'"),
        ({"0": {}}, "value '0': a value has exactly one kind, and not none"),
        ({"0": {"functionInvocationValue": {}}}, "value '0': a call names its function, or refers to it"),
        ({"0": {"valueReference": "0"}}, "value '0' refers to itself, by way of '0'"),
        ({"0": {"arrayValue": {"values": [{"integerValue": 1}] * 30_000}}}, "more than 30000 values is too large"),
        ({str(at): {"integerValue": 1} for at in range(30_001)}, "more than 30000 values is too large"),
        ({"0": {"constantValue": [1] * (MAX_MEMBERS + 1)}}, "more than 320000 members is too large"),
    ],
)
def test_a_message_that_is_no_graph_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        graph_of(message({"result": "0", "values": values}))
    assert said in str(caught.value)
