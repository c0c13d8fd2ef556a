"""Graphs that doors make themselves: of calls, and around the graph of a request."""

import itertools
from collections.abc import Mapping
from typing import Any

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.graph import (
    MAX_VALUES,
    Array,
    Call,
    Definition,
    Graph,
    GraphNode,
    Literal,
    Record,
    message_constant,
)


def call(name: str, arguments: Mapping[str, GraphNode | None]) -> Call:
    """Return a call of one of the server's functions; arguments of None are left out."""
    return Call(name, None, {key: node for key, node in arguments.items() if node is not None})


def constant(value: Any) -> Literal | None:
    """Return a constant as the message of an expression would hold it; None for None: an argument that is not given.

    Raises:
        InvalidExpression: it is nested too deeply within itself.
    """
    return None if value is None else Literal(message_constant(value))


def closed_graph(result: str, values: Mapping[str, GraphNode]) -> Graph:
    """Return the graph of values that refer to each other alone, and to no argument of a function.

    Args:
        result: key of the result.
        values: all values, by key.
    """
    return Graph(result, values, dict.fromkeys(values, frozenset()))


def graph_around(graph: Graph, node: Call) -> Graph:
    """Return a graph whose result is a call that refers to the result of another graph.

    Raises:
        InvalidExpression: together they have more values than an expression may have.
    """
    key = next(name for number in itertools.count() if (name := f"around-{number}") not in graph.values)
    values = {**graph.values, key: node}
    if sum(map(_size, values.values())) > MAX_VALUES:
        raise InvalidExpression(f"an expression of more than {MAX_VALUES} values is too large")
    return Graph(key, values, {**graph.free, key: graph.free[graph.result]})


def _size(node: GraphNode) -> int:
    """Return how many values a reader of graphs counts in a value, itself included."""
    match node:
        case Call(arguments=items) | Record(items):
            return 1 + sum(map(_size, items.values()))
        case Array(items):
            return 1 + sum(map(_size, items))
        case Definition(names):
            return 1 + len(names)
        case _:
            return 1
