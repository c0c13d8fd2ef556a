"""Expressions of the wire, as messages and as JSON, and their graphs."""

import math
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import orjson
from google.protobuf.message import Error
from google.protobuf.struct_pb2 import NULL_VALUE, Value

from rasterwire.errors import InvalidExpression
from rasterwire.expression.language.graph import (
    MAX_MEMBERS,
    ArgumentReference,
    Array,
    Call,
    Definition,
    Graph,
    GraphNode,
    GraphReader,
    Literal,
    Record,
    Reference,
    check_depth,
)
from rasterwire.v1 import download_pb2, expression_pb2


def parse_expression(value: Any) -> Any:
    """Return the document of an expression that may be text, as Earth Engine's library serializes it.

    Raises:
        InvalidExpression: the text is not JSON.
    """
    if not isinstance(value, str):
        return value
    if sum(map(value.count, ",{[")) > MAX_MEMBERS:  # escapes of the text around it hid them from the door's count
        raise InvalidExpression(f"a text of more than {MAX_MEMBERS} values is too large")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidExpression(f"the text is not JSON at line {error.lineno}, column {error.colno}") from None


def graph_of(expression: expression_pb2.Expression) -> Graph:
    """Return the graph of a message.

    Raises:
        InvalidExpression: it is none.
    """
    return _MessageReader(expression.values).graph(expression.result)


class _MessageReader(GraphReader[expression_pb2.ValueNode]):
    """Reads messages, whose types protobuf has checked."""

    _members = MAX_MEMBERS

    def node(self, written: expression_pb2.ValueNode, depth: int) -> GraphNode:
        """See ``GraphReader.node``."""
        check_depth(depth)
        match written.WhichOneof("kind"):
            case "constant_value":
                return Literal(self._json(written.constant_value))
            case "value_reference":
                return self.reference(written.value_reference)
            case "function_invocation_value":
                return self._call(written.function_invocation_value, depth)
            case "array_value":
                return self.array(written.array_value.values, depth)
            case "argument_reference":
                return self.argument(written.argument_reference)
            case "dictionary_value":
                return Record(dict(sorted(self.nodes(written.dictionary_value.values, depth).items())))
            case "function_definition_value":
                function = written.function_definition_value
                return self.definition(function.argument_names, function.body)
            case "integer_value" | "bytes_value" as kind:
                return Literal(getattr(written, kind))
            case _:
                raise InvalidExpression("a value has exactly one kind, and not none")

    def _call(self, written: expression_pb2.FunctionInvocation, depth: int) -> Call:
        match written.WhichOneof("function"):
            case "function_name":
                return self.call(written.function_name, None, self.nodes(written.arguments, depth))
            case "function_reference":
                return self.call(None, written.function_reference, self.nodes(written.arguments, depth))
            case _:
                raise InvalidExpression("a call names its function, or refers to it")

    def _json(self, value: Value) -> Any:
        match value.WhichOneof("kind"):
            case "number_value":
                if not math.isfinite(value.number_value):
                    raise InvalidExpression(f"the number {value.number_value} is not finite")
                return value.number_value
            case "string_value":
                return value.string_value
            case "bool_value":
                return value.bool_value
            case "list_value":
                return self._list(value.list_value.values)
            case "struct_value":
                fields = value.struct_value.fields
                self._count(len(fields))
                return {name: self._json(fields[name]) for name in sorted(fields)}
            case _:
                return None

    def _list(self, items: Sequence[Value]) -> list[Any]:
        self._count(len(items))
        numbers = [item.number_value for item in items]
        # what is no number has 0 for one
        are_all = all(numbers) or {item.WhichOneof("kind") for item in items} == {"number_value"}
        if are_all and math.isfinite(sum(numbers)):
            return numbers
        return [self._json(item) for item in items]

    def _count(self, members: int) -> None:
        self._members -= members
        if self._members < 0:
            raise InvalidExpression(f"an expression whose constants have more than {MAX_MEMBERS} members is too large")


def write_graph(graph: Graph, expression: expression_pb2.Expression) -> None:
    """Fill a message with a graph, which ``graph_of`` reads from it again.

    Args:
        graph: with constants as messages hold them; see ``read_graph``.
        expression: the message.

    Raises:
        InvalidExpression: values are nested more deeply within each other than messages can hold.
    """
    expression.result = graph.result
    for key, node in graph.values.items():
        _write(node, expression.values[key])
    try:  # protobuf reads fewer messages within each other than it writes
        written = download_pb2.DownloadParams(expression=expression).SerializeToString()
        download_pb2.DownloadParams.FromString(written)
    except (Error, ValueError, RecursionError):
        message = "values of the expression are nested too deeply within each other; use references"
        raise InvalidExpression(message) from None


def _write(node: GraphNode, message: expression_pb2.ValueNode) -> None:
    match node:
        case Literal(value):
            _write_literal(value, message)
        case Reference(key):
            message.value_reference = key
        case ArgumentReference(name):
            message.argument_reference = name
        case Array(items):
            message.array_value.SetInParent()
            for item in items:
                _write(item, message.array_value.values.add())
        case Record(items):
            message.dictionary_value.SetInParent()
            _write_all(items, message.dictionary_value.values)
        case Definition(names, body):
            message.function_definition_value.argument_names.extend(names)
            message.function_definition_value.body = body
        case Call():
            _write_call(node, message.function_invocation_value)


def _write_literal(value: Any, message: expression_pb2.ValueNode) -> None:
    match value:
        case bytes():
            message.bytes_value = value
        case int() if not isinstance(value, bool):  # a whole number that is no double
            message.integer_value = value
        case _:
            message.constant_value.SetInParent()
            _write_json(value, message.constant_value)


def _write_call(node: Call, message: expression_pb2.FunctionInvocation) -> None:
    if node.name is not None:
        message.function_name = node.name
    if node.reference is not None:
        message.function_reference = node.reference
    _write_all(node.arguments, message.arguments)


def _write_all(nodes: Mapping[str, GraphNode], messages: MutableMapping[str, expression_pb2.ValueNode]) -> None:
    for name, node in nodes.items():
        _write(node, messages[name])


def _write_json(value: Any, message: Value) -> None:
    match value:
        case None:
            message.null_value = NULL_VALUE
        case bool():
            message.bool_value = value
        case float():
            message.number_value = value
        case str():
            message.string_value = value
        case list():
            message.list_value.SetInParent()
            for item in value:
                _write_json(item, message.list_value.values.add())
        case _:
            message.struct_value.SetInParent()
            for name, item in value.items():
                _write_json(item, message.struct_value.fields[name])
