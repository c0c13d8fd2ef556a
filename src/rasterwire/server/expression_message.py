"""Expressions of the wire's messages as graphs."""

import math
from typing import Any

from google.protobuf.struct_pb2 import Value

from rasterwire.errors import InvalidExpression
from rasterwire.expression.graph import (
    MAX_DEPTH,
    ArgumentReference,
    Array,
    Call,
    Constant,
    Definition,
    Graph,
    GraphNode,
    GraphReader,
    Record,
    Reference,
)
from rasterwire.server.body import MAX_MEMBERS
from rasterwire.v1 import expression_pb2


def graph_of(expression: expression_pb2.Expression) -> Graph:
    """Return the graph of a message.

    Raises:
        InvalidExpression: it is none.
    """
    return _MessageReader(expression.values).graph(expression.result)


class _MessageReader(GraphReader[expression_pb2.ValueNode]):
    """Reads messages; protobuf has checked their types, and that they are not nested too deeply."""

    _members = MAX_MEMBERS

    def node(self, written: expression_pb2.ValueNode, depth: int) -> GraphNode:
        """Return a value; see ``GraphReader``."""
        if depth > MAX_DEPTH:
            raise InvalidExpression(f"values are written more than {MAX_DEPTH} deep within each other; use references")
        match written.WhichOneof("kind"):
            case "constant_value":
                return Constant(self._json(written.constant_value))
            case "value_reference":
                self.links.append((written.value_reference, ()))
                return Reference(written.value_reference)
            case "function_invocation_value":
                return self._call(written.function_invocation_value, depth)
            case "array_value":
                items = written.array_value.values
                self.take(len(items))
                return Array(tuple([self.node(item, depth + 1) for item in items]))
            case "argument_reference":
                self.names.append(written.argument_reference)
                return ArgumentReference(written.argument_reference)
            case "dictionary_value":
                return Record(self._nodes(written.dictionary_value.values, depth))
            case "function_definition_value":
                return self._definition(written.function_definition_value)
            case "integer_value" | "bytes_value" as kind:
                return Constant(getattr(written, kind))
            case _:
                raise InvalidExpression("a value has exactly one kind, and not none")

    def _definition(self, written: expression_pb2.FunctionDefinition) -> Definition:
        names = tuple(written.argument_names)
        self.take(len(names))
        self.links.append((written.body, names))
        return Definition(names, written.body)

    def _call(self, written: expression_pb2.FunctionInvocation, depth: int) -> Call:
        arguments = self._nodes(written.arguments, depth)
        match written.WhichOneof("function"):
            case "function_name":
                return Call(written.function_name, None, arguments)
            case "function_reference":
                self.links.append((written.function_reference, ()))
                return Call(None, written.function_reference, arguments)
            case _:
                raise InvalidExpression("a call names its function, or refers to it")

    def _nodes(self, written: Any, depth: int) -> dict[str, GraphNode]:
        self.take(len(written))
        return {name: self.node(item, depth + 1) for name, item in written.items()}

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
                items = value.list_value.values
                self._count(len(items))
                numbers = [item.number_value for item in items]
                if all(numbers) and math.isfinite(sum(numbers)):  # then all are numbers: 0 is what others would have
                    return numbers
                return [self._json(item) for item in items]
            case "struct_value":
                fields = value.struct_value.fields
                self._count(len(fields))
                return {name: self._json(item) for name, item in fields.items()}
            case _:
                return None

    def _count(self, members: int) -> None:
        self._members -= members
        if self._members < 0:
            raise InvalidExpression(f"an expression whose constants have more than {MAX_MEMBERS} members is too large")
